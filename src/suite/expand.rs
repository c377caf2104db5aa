//! Parameter tables: one scenario becomes one case for each combination of rows.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value};

use super::found::Found;
use super::limits::{
    Budget, MAX_ALIASES, MAX_ALL_STEPS, MAX_CASES, MAX_EXPANDED, MAX_NAME, MAX_REPEAT, MAX_STEPS, VALUE, take,
};
use super::locate::escape;

/// Where an expanded scenario is from.
#[derive(Debug, Clone)]
pub struct Origin {
    /// Its index in the file.
    pub scenario: usize,
    /// Ids of the rows it was made from, in the order of their aliases.
    pub rows: Vec<String>,
    /// For each of its steps the index in the file.
    pub steps: Vec<usize>,
}

static PLACEHOLDER: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\$\{([^}.]*)\.?([^}]*)\}").unwrap_or_else(|e| unreachable!("{e}")));

impl Origin {
    /// The pointer in the file of what stands at `pointer` in the expanded scenario.
    pub fn in_file(&self, pointer: &str) -> String {
        let mut segments: Vec<&str> = pointer.split('/').collect();
        let step = segments.get(2).filter(|_| segments.get(1) == Some(&"steps"));
        let step = step.and_then(|number| self.steps.get(number.parse::<usize>().ok()?)).map(usize::to_string);
        if let Some(step) = &step {
            segments[2] = step;
        }
        format!("/scenarios/{}{}", self.scenario, segments.join("/"))
    }
}

/// Expands these scenarios of a file, and hands over one after the other: all of them at once would take much memory. Scenarios whose
/// shape is off are expanded as far as they go: the schema, by which who takes them judges, names what is wrong. Nothing
/// where they would come to more than the budget has, or are not taken any more: that is said.
pub fn expand(
    scenarios: &[Value],
    tables: &Map<String, Value>,
    found: &mut Found<'_>,
    budget: &mut Budget,
    mut take: impl FnMut(Value, Origin, &mut Found<'_>) -> Option<()>,
) -> Option<()> {
    for (index, scenario) in scenarios.iter().enumerate() {
        let pointer = format!("/scenarios/{index}");
        let axes = axes(scenario, &pointer, tables, found)?;
        let count = axes.iter().fold(1u64, |n, (_, rows)| n.saturating_mul(rows.len() as u64));
        if let Err(message) = afford(scenario, count, budget) {
            found.at(&pointer, message, Some("split the file, and run its parts one after the other".to_owned()));
            return None;
        }
        for number in 0..count {
            let bound = rows_of(number, &axes);
            let (mut value, steps) = repeated(scenario);
            let mut filler = Filler { bound: &bound, found, budget, pointer: pointer.clone() };
            let rows: Vec<String> =
                bound.iter().filter_map(|(_, row)| row.get("id")?.as_str().map(str::to_owned)).collect();
            let affords = filler.affords(rows.iter().map(|row| row.len() as u64 + VALUE).sum());
            affords.and_then(|()| filler.fill(&mut value))?;
            take(value, Origin { scenario: index, rows, steps }, found)?;
        }
    }
    Some(())
}

/// An alias, and the rows that it stands for.
type Axis<'v> = (&'v str, &'v [Value]);

/// What a scenario's aliases stand for; nothing where there are too many.
fn axes<'v>(
    scenario: &'v Value,
    pointer: &str,
    tables: &'v Map<String, Value>,
    found: &mut Found<'_>,
) -> Option<Vec<Axis<'v>>> {
    let mut axes: Vec<Axis<'v>> = Vec::new();
    let aliases = scenario.get("for_each").and_then(Value::as_object);
    if aliases.is_some_and(|aliases| aliases.len() > MAX_ALIASES) {
        let message = format!("a scenario has at most {MAX_ALIASES} aliases for tables");
        found.at(&format!("{pointer}/for_each"), message, None);
        return None;
    }
    for (alias, table) in aliases.into_iter().flatten() {
        let Some(name) = table.as_str() else { continue };
        match tables.get(name).and_then(Value::as_array) {
            Some(rows) if !rows.is_empty() => axes.push((alias, rows)),
            Some(_) => found.at(&format!("/tables/{}", escape(name)), "a table needs at least one row", None),
            None => {
                let help = found.suggest(name, tables.keys().map(String::as_str));
                let pointer = format!("{pointer}/for_each/{}", escape(alias));
                found.at(&pointer, format!("there is no table `{name}`"), help);
            }
        }
    }
    Some(axes)
}

/// The rows of the case of this number; those of the last alias change first.
fn rows_of<'v>(number: u64, axes: &[Axis<'v>]) -> Vec<(&'v str, &'v Value)> {
    let mut rest = usize::try_from(number).unwrap_or(usize::MAX);
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
    bound
}

/// Takes what a scenario that becomes `count` cases comes to, before any placeholder is filled in.
fn afford(scenario: &Value, count: u64, budget: &mut Budget) -> Result<(), String> {
    let steps = scenario.get("steps").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let of_a_case = steps.iter().map(times).fold(0, u64::saturating_add);
    let repeated = steps.iter().map(|step| (times(step) - 1).saturating_mul(weight(step)));
    let expanded = repeated.fold(weight(scenario), u64::saturating_add);
    if of_a_case > MAX_STEPS {
        return Err(format!("a case has at most {MAX_STEPS} steps"));
    }
    if !take(&mut budget.cases, count) {
        return Err(format!("the suites expand to more than {MAX_CASES} cases"));
    }
    if !take(&mut budget.steps, of_a_case.saturating_mul(count)) {
        return Err(format!("the suites expand to more than {MAX_ALL_STEPS} steps"));
    }
    if !take(&mut budget.expanded, expanded.saturating_mul(count)) {
        return Err(too_much());
    }
    Ok(())
}

fn too_much() -> String {
    format!("the suites expand to more than {MAX_EXPANDED} bytes")
}

/// What a value counts: its text, and something for each value in it.
fn weight(value: &Value) -> u64 {
    let inner = match value {
        Value::String(text) => text.len() as u64,
        Value::Array(elements) => elements.iter().map(weight).sum(),
        Value::Object(members) => members.iter().map(|(name, member)| name.len() as u64 + weight(member)).sum(),
        _ => 0,
    };
    VALUE + inner
}

/// How many steps a step stands for. What is no such number is left to the linter, which says so.
fn times(step: &Value) -> u64 {
    let times = step.get("repeat").and_then(Value::as_u64);
    times.filter(|times| (1..=MAX_REPEAT).contains(times)).unwrap_or(1)
}

/// The scenario with as many steps as those that repeat stand for; and the index of each in the file.
fn repeated(scenario: &Value) -> (Value, Vec<usize>) {
    let mut scenario = scenario.clone();
    let Some(Value::Array(steps)) = scenario.get_mut("steps") else { return (scenario, Vec::new()) };
    let (mut all, mut origins) = (Vec::new(), Vec::new());
    for (index, mut step) in std::mem::take(steps).into_iter().enumerate() {
        let is_repeated = step.get("repeat").and_then(Value::as_u64).is_some_and(|n| (1..=MAX_REPEAT).contains(&n));
        if !is_repeated {
            all.push(step);
            origins.push(index);
            continue;
        }
        let times = times(&step);
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

struct Filler<'a, 'f, 'l> {
    bound: &'a [(&'a str, &'a Value)],
    found: &'a mut Found<'l>,
    budget: &'f mut Budget,
    /// Where it is.
    pointer: String,
}

impl<'a> Filler<'a, '_, '_> {
    /// Takes as much from the budget; nothing where it has no more, and that is said.
    fn affords(&mut self, amount: u64) -> Option<()> {
        if take(&mut self.budget.expanded, amount) {
            return Some(());
        }
        self.found.at(&self.pointer, too_much(), Some("shorten the rows of the tables".to_owned()));
        None
    }

    fn below(&mut self, segment: &str, value: &mut Value) -> Option<()> {
        let length = self.pointer.len();
        self.pointer.push('/');
        self.pointer.push_str(segment);
        let filled = self.fill(value);
        self.pointer.truncate(length);
        filled
    }

    /// Fills in all placeholders of a value; nothing once the budget is spent.
    fn fill(&mut self, value: &mut Value) -> Option<()> {
        match value {
            Value::String(text) if text.contains("${") => {
                if let Some(filled) = self.fill_text(text)? {
                    *value = filled;
                }
            }
            Value::Array(elements) => {
                for (index, element) in elements.iter_mut().enumerate() {
                    self.below(&index.to_string(), element)?;
                }
            }
            Value::Object(members) => {
                for (name, member) in members.iter_mut() {
                    self.below(&escape(name), member)?;
                }
                if members.keys().any(|name| name.contains("${")) {
                    let mut named = Map::new();
                    for (name, member) in std::mem::take(members) {
                        let filled = self.fill_text(&name)?.and_then(|filled| filled.as_str().map(str::to_owned));
                        let name = filled.unwrap_or(name);
                        if name.len() > MAX_NAME {
                            let message = format!("the name of a member is at most {MAX_NAME} bytes long");
                            self.found.at(&self.pointer, message, None);
                            return None;
                        }
                        named.insert(name, member);
                    }
                    *members = named;
                }
            }
            _ => {}
        }
        Some(())
    }

    /// A text that is one placeholder becomes the row's value, of whatever type; others stay text, also where a name is
    /// unknown. Nothing once the budget is spent.
    fn fill_text(&mut self, text: &str) -> Option<Option<Value>> {
        if let Some(whole) = PLACEHOLDER.captures(text)
            && whole[0].len() == text.len()
        {
            let Some(value) = self.look_up(&whole[1], &whole[2]) else { return Some(None) };
            self.affords(weight(value))?;
            return Some(Some(value.clone()));
        }
        let mut filled = String::new();
        let mut end = 0;
        for captures in PLACEHOLDER.captures_iter(text) {
            let Some(whole) = captures.get(0) else { continue };
            filled.push_str(&text[end..whole.start()]);
            let Some(value) = self.look_up(&captures[1], &captures[2]) else { return Some(None) };
            match value {
                Value::String(text) => {
                    self.affords(text.len() as u64)?;
                    filled.push_str(text);
                }
                other => {
                    let text = other.to_string();
                    self.affords(text.len() as u64)?;
                    filled.push_str(&text);
                }
            }
            end = whole.end();
        }
        filled.push_str(&text[end..]);
        Some(Some(Value::String(filled)))
    }

    fn look_up(&mut self, alias: &str, member: &str) -> Option<&'a Value> {
        let bound = self.bound;
        let Some((_, row)) = bound.iter().find(|(name, _)| *name == alias) else {
            let known = bound.iter().map(|(name, _)| *name);
            let help = self
                .found
                .suggest(alias, known)
                .unwrap_or_else(|| "name the alias in `for_each` and write `${alias.member}`".to_owned());
            self.found.at(&self.pointer, format!("there is no alias `{alias}` in `for_each`"), Some(help));
            return None;
        };
        let found = row.get(member);
        if found.is_none() {
            let known = row.as_object().into_iter().flat_map(Map::keys).map(String::as_str);
            let help = self.found.suggest(member, known);
            let id = row.get("id").and_then(Value::as_str).unwrap_or("?");
            self.found.at(&self.pointer, format!("row `{id}` has no member `{member}`"), help);
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::locate::{Diagnostic, Located};
    use serde_json::json;

    struct Scenario {
        value: Value,
        rows: Vec<String>,
        steps: Vec<usize>,
    }

    fn expand_all(file: &Value) -> (Vec<Scenario>, Vec<Diagnostic>) {
        let text = file.to_string();
        let located = Located::new(&text);
        let mut found = Found::new(&located);
        let empty = Map::new();
        let tables = file.get("tables").and_then(Value::as_object).unwrap_or(&empty);
        let scenarios = file["scenarios"].as_array().map(Vec::as_slice).unwrap_or_default();
        let mut expanded = Vec::new();
        let _ = expand(scenarios, tables, &mut found, &mut Budget::default(), |value, origin, _| {
            expanded.push(Scenario { value, rows: origin.rows, steps: origin.steps });
            Some(())
        });
        (expanded, found.report("x", &text).diagnostics)
    }

    #[test]
    fn places_are_those_of_the_file() {
        let origin = Origin { scenario: 3, rows: Vec::new(), steps: vec![0, 1, 1, 2] };
        assert_eq!(origin.in_file(""), "/scenarios/3");
        assert_eq!(origin.in_file("/title"), "/scenarios/3/title");
        assert_eq!(origin.in_file("/steps/2/request/body"), "/scenarios/3/steps/1/request/body");
        assert_eq!(origin.in_file("/steps/9/x"), "/scenarios/3/steps/9/x");
        assert_eq!(origin.in_file("/for_each/2"), "/scenarios/3/for_each/2");
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
