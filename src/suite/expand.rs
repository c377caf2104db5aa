//! Parameter tables: one scenario becomes one case for each combination of rows.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value};

use super::locate::{Diagnostic, Located, near_miss};

/// A scenario with its placeholders filled in, not yet typed.
pub struct ExpandedScenario {
    /// Index of the scenario in the file.
    pub index: usize,
    /// Ids of the rows it was made from, in the order of their aliases.
    pub rows: Vec<String>,
    /// The scenario's JSON.
    pub value: Value,
    /// For each step its index in the file.
    pub steps: Vec<usize>,
}

static PLACEHOLDER: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\$\{([^}.]*)\.?([^}]*)\}").unwrap_or_else(|e| unreachable!("{e}")));

/// The most cases that one file may expand to.
pub const MAX_CASES: usize = 100_000;

/// Expands every scenario of the file. Files whose shape is off are expanded as far as they go: the schema check
/// that follows names what is wrong.
pub fn expand(file: &Value, located: &Located<'_>, diagnostics: &mut Vec<Diagnostic>) -> Vec<ExpandedScenario> {
    let empty = Map::new();
    let tables = file.get("tables").and_then(Value::as_object).unwrap_or(&empty);
    let mut expanded = Vec::new();
    for (index, scenario) in file.get("scenarios").and_then(Value::as_array).into_iter().flatten().enumerate() {
        let mut axes: Vec<(&str, &[Value])> = Vec::new();
        for (alias, table) in scenario.get("for_each").and_then(Value::as_object).into_iter().flatten() {
            let Some(name) = table.as_str() else { continue };
            match tables.get(name).and_then(Value::as_array) {
                Some(rows) if !rows.is_empty() => axes.push((alias, rows)),
                Some(_) => {
                    diagnostics.push(located.at(&format!("/tables/{name}"), "a table needs at least one row", None))
                }
                None => {
                    let help =
                        near_miss(name, tables.keys().map(String::as_str)).map(|n| format!("did you mean `{n}`?"));
                    let pointer = format!("/scenarios/{index}/for_each/{alias}");
                    diagnostics.push(located.at(&pointer, format!("there is no table `{name}`"), help));
                }
            }
        }
        let count = axes.iter().fold(1usize, |n, (_, rows)| n.saturating_mul(rows.len()));
        if expanded.len().saturating_add(count) > MAX_CASES {
            let message = format!("the file expands to more than {MAX_CASES} cases");
            diagnostics.push(located.at(&format!("/scenarios/{index}"), message, None));
            return expanded;
        }
        for number in 0..count {
            let mut rest = number;
            let mut bound: Vec<(&str, &Value)> = axes
                .iter()
                .rev()
                .map(|(alias, rows)| {
                    let row = &rows[rest % rows.len()];
                    rest /= rows.len();
                    (*alias, row)
                })
                .collect();
            bound.reverse();
            let (mut value, steps) = repeated(scenario);
            let pointer = format!("/scenarios/{index}");
            Filler { bound: &bound, located, diagnostics }.fill(&mut value, &pointer);
            let rows = bound.iter().filter_map(|(_, row)| row.get("id")?.as_str().map(str::to_owned)).collect();
            expanded.push(ExpandedScenario { index, rows, value, steps });
        }
    }
    expanded
}

/// The most steps that one may stand for.
pub const MAX_REPEAT: u64 = 10_000;

/// The scenario with as many steps as those that repeat stand for; and the index of each in the file.
fn repeated(scenario: &Value) -> (Value, Vec<usize>) {
    let mut scenario = scenario.clone();
    let Some(Value::Array(steps)) = scenario.get_mut("steps") else { return (scenario, Vec::new()) };
    let (mut all, mut origins) = (Vec::new(), Vec::new());
    for (index, mut step) in std::mem::take(steps).into_iter().enumerate() {
        let times = step.get("repeat").and_then(Value::as_u64).filter(|times| (1..=MAX_REPEAT).contains(times));
        // Anything else is left to the linter, which says what is wrong with it.
        let Some(times) = times else {
            all.push(step);
            origins.push(index);
            continue;
        };
        if let Some(members) = step.as_object_mut() {
            members.shift_remove("repeat");
        }
        for number in 1..=times {
            let mut one = step.clone();
            if let Some(Value::String(id)) = one.get_mut("id") {
                id.push_str(&format!("-{number}"));
            }
            let next = if number == times { 1 } else { number + 1 };
            number_texts(&mut one, &number.to_string(), &next.to_string());
            all.push(one);
            origins.push(index);
        }
    }
    *steps = all;
    (scenario, origins)
}

fn number_texts(value: &mut Value, number: &str, next: &str) {
    match value {
        Value::String(text) if text.contains("${") => {
            *text = text.replace("${n}", number).replace("${next}", next);
        }
        Value::Array(elements) => elements.iter_mut().for_each(|element| number_texts(element, number, next)),
        Value::Object(members) => members.values_mut().for_each(|member| number_texts(member, number, next)),
        _ => {}
    }
}

struct Filler<'a, 'l> {
    bound: &'a [(&'a str, &'a Value)],
    located: &'a Located<'l>,
    diagnostics: &'a mut Vec<Diagnostic>,
}

impl Filler<'_, '_> {
    fn fill(&mut self, value: &mut Value, pointer: &str) {
        match value {
            Value::String(text) if text.contains("${") => {
                if let Some(filled) = self.fill_text(text, pointer) {
                    *value = filled;
                }
            }
            Value::Array(elements) => {
                for (i, element) in elements.iter_mut().enumerate() {
                    self.fill(element, &format!("{pointer}/{i}"));
                }
            }
            Value::Object(members) => {
                for (name, member) in members.iter_mut() {
                    self.fill(member, &format!("{pointer}/{}", super::locate::escape(name)));
                }
                if members.keys().any(|name| name.contains("${")) {
                    let named = std::mem::take(members).into_iter().map(|(name, member)| {
                        let filled = self.fill_text(&name, pointer);
                        let filled = filled.and_then(|filled| filled.as_str().map(str::to_owned));
                        (filled.unwrap_or(name), member)
                    });
                    *members = named.collect();
                }
            }
            _ => {}
        }
    }

    /// A text that is one placeholder becomes the row's value, of whatever type; others stay text.
    fn fill_text(&mut self, text: &str, pointer: &str) -> Option<Value> {
        if let Some(whole) = PLACEHOLDER.captures(text)
            && whole[0].len() == text.len()
        {
            return self.look_up(&whole[1], &whole[2], pointer).cloned();
        }
        let mut filled = String::new();
        let mut end = 0;
        for captures in PLACEHOLDER.captures_iter(text) {
            let Some(whole) = captures.get(0) else { continue };
            filled.push_str(&text[end..whole.start()]);
            match self.look_up(&captures[1], &captures[2], pointer)? {
                Value::String(text) => filled.push_str(text),
                other => filled.push_str(&other.to_string()),
            }
            end = whole.end();
        }
        filled.push_str(&text[end..]);
        Some(Value::String(filled))
    }

    fn look_up(&mut self, alias: &str, member: &str, pointer: &str) -> Option<&Value> {
        let Some((_, row)) = self.bound.iter().find(|(name, _)| *name == alias) else {
            let known = self.bound.iter().map(|(name, _)| *name);
            let help = near_miss(alias, known).map_or_else(
                || "name the alias in `for_each` and write `${alias.member}`".to_owned(),
                |near| format!("did you mean `{near}`?"),
            );
            self.diagnostics.push(self.located.at(
                pointer,
                format!("there is no alias `{alias}` in `for_each`"),
                Some(help),
            ));
            return None;
        };
        let found = row.get(member);
        if found.is_none() {
            let known = row.as_object().into_iter().flat_map(Map::keys).map(String::as_str);
            let help = near_miss(member, known).map(|near| format!("did you mean `{near}`?"));
            let id = row.get("id").and_then(Value::as_str).unwrap_or("?");
            self.diagnostics.push(self.located.at(pointer, format!("row `{id}` has no member `{member}`"), help));
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn expand_all(file: &Value) -> (Vec<ExpandedScenario>, Vec<Diagnostic>) {
        let text = file.to_string();
        let mut diagnostics = Vec::new();
        let expanded = expand(file, &Located::new(&text), &mut diagnostics);
        (expanded, diagnostics)
    }

    #[test]
    fn tables_multiply() {
        let file = json!({
            "tables": {"t": [{"id": "a", "n": 1}, {"id": "b", "n": 2}], "u": [{"id": "x"}, {"id": "y"}, {"id": "z"}]},
            "scenarios": [{"for_each": {"t": "t", "u": "u"}, "n": "${t.n}", "s": "<${t.n}${u.id}>"}]
        });
        let (expanded, diagnostics) = expand_all(&file);
        assert!(diagnostics.is_empty());
        let rows: Vec<String> = expanded.iter().map(|e| e.rows.join(",")).collect();
        assert_eq!(rows, ["a,x", "a,y", "a,z", "b,x", "b,y", "b,z"]);
        assert_eq!(expanded[5].value["n"], json!(2));
        assert_eq!(expanded[5].value["s"], json!("<2z>"));
    }

    #[test]
    fn names_of_members_are_filled_too() {
        let file = json!({
            "tables": {"t": [{"id": "a", "name": "x-a"}]},
            "scenarios": [{"for_each": {"t": "t"}, "headers": {"${t.name}": {"value": "${t.id}"}}}]
        });
        let (expanded, diagnostics) = expand_all(&file);
        assert!(diagnostics.is_empty());
        assert_eq!(expanded[0].value["headers"], json!({"x-a": {"value": "a"}}));
    }

    #[test]
    fn a_step_that_repeats_stands_for_as_many() {
        let file = json!({"scenarios": [{"steps": [
            {"id": "a"}, {"id": "b", "repeat": 2, "object": "o-${n}", "other": "${next}"}, {"id": "c"}
        ]}]});
        let (expanded, diagnostics) = expand_all(&file);
        assert!(diagnostics.is_empty());
        let steps = json!([
            {"id": "a"}, {"id": "b-1", "object": "o-1", "other": "2"}, {"id": "b-2", "object": "o-2", "other": "1"}, {"id": "c"}
        ]);
        assert_eq!(expanded[0].value["steps"], steps);
        assert_eq!(expanded[0].steps, [0, 1, 1, 2]);
    }

    #[test]
    fn unknown_names_are_reported_with_a_suggestion() {
        let file = json!({
            "tables": {"sizes": [{"id": "a", "bytes": 1}]},
            "scenarios": [{"for_each": {"size": "sizes"}, "x": "${size.byts}", "y": "${siz.bytes}"}, {"for_each": {"size": "sizs"}}]
        });
        let (_, diagnostics) = expand_all(&file);
        let help: Vec<_> = diagnostics.iter().map(|d| d.help.as_deref().unwrap_or("")).collect();
        assert_eq!(help, ["did you mean `bytes`?", "did you mean `size`?", "did you mean `sizes`?"]);
    }
}
