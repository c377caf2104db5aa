//! Parameter tables: one scenario becomes one case for each combination of rows.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::found::Found;
use super::limits::{
    Budget, MAX_ALIASES, MAX_ALL_STEPS, MAX_CASES, MAX_EXPANDED, MAX_NAME, MAX_REPEAT, MAX_STEPS, VALUE, take,
};
use super::locate::{escape, near_miss};

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

/// `${alias.member}` in a text.
struct Placeholder<'t> {
    before: &'t str,
    alias: &'t str,
    member: &'t str,
    after: &'t str,
}

impl<'t> Placeholder<'t> {
    fn first_in(text: &'t str) -> Option<Self> {
        let (before, rest) = text.split_once("${")?;
        let (inner, after) = rest.split_once('}')?;
        let (alias, member) = inner.split_once('.').unwrap_or((inner, ""));
        Some(Self { before, alias, member, after })
    }
}

/// What expansion hands over.
#[derive(Debug)]
pub enum Expanded {
    /// The next case of a scenario, but for its steps: those follow.
    Scenario(Value, Origin),
    /// The case's next step.
    Step(Value),
    /// The case's next step, which is that of the scenario's former case: nothing in it is to be filled in.
    SameStep,
}

/// The tables of a file.
#[derive(Clone, Copy)]
pub struct Tables<'v> {
    /// Name → rows.
    pub rows: &'v Map<String, Value>,
    /// Whether there may be others: the file's tables are malformed.
    pub may_have_others: bool,
}

/// Expands these scenarios of a file, and hands over one piece after the other, with its place in the file and the pointers of what
/// could not be filled in: all at once would take much memory. Scenarios that do not conform are expanded as far as they go: the
/// schema, by which who takes them judges, names what is wrong. Nothing where they would come to more than the budget has: that is
/// reported, and the last case may lack steps.
pub fn expand(
    scenarios: &[Value],
    tables: Tables<'_>,
    found: &mut Found<'_>,
    budget: &mut Budget,
    mut take: impl FnMut(Expanded, Place<'_>, &[String], &mut Found<'_>),
) -> Option<()> {
    for (index, scenario) in scenarios.iter().enumerate() {
        let pointer = format!("/scenarios/{index}");
        let axes = axes(scenario, &pointer, tables, found);
        let aliases = Aliases {
            unknown: axes.iter().filter(|(_, rows)| rows.is_none()).map(|(alias, _)| *alias).collect(),
            is_malformed: has_malformed_aliases(scenario),
        };
        let axes: Vec<Axis<'_>> = axes.into_iter().filter_map(|(alias, rows)| Some((alias, rows?))).collect();
        let count = axes.iter().fold(1u64, |n, (_, rows)| n.saturating_mul(rows.len() as u64));
        if let Err(message) = afford(scenario, count, budget) {
            found.at(&pointer, message, Some("split the file, and run its parts one after the other".to_owned()));
            return None;
        }
        let (scenario, steps) = apart(scenario);
        let steps: Vec<_> = steps.iter().map(|step| (step, times(step), has_placeholders(step))).collect();
        let origins = steps.iter().enumerate().flat_map(|(step, (_, times, _))| (0..*times).map(move |_| step));
        let origins: Vec<usize> = origins.collect();
        for number in 0..count {
            let bound = rows_of(number, &axes);
            let mut filler =
                Filler { bound: &bound, aliases: &aliases, found, budget, repeats: Repeats::No, unfilled: Vec::new() };
            let at = Place::Named(&pointer);
            let rows: Vec<String> =
                bound.iter().filter_map(|(_, row)| row.get("id")?.as_str().map(str::to_owned)).collect();
            filler.affords(rows.iter().map(|row| row.len() as u64 + VALUE).sum(), at)?;
            let mut case = scenario.clone();
            filler.fill(&mut case, at)?;
            let origin = Origin { scenario: index, rows, steps: origins.clone() };
            take(Expanded::Scenario(case, origin), at, &filler.take_unfilled(at), filler.found);
            for (index, (step, times, has_placeholders)) in steps.iter().enumerate() {
                let (steps, times) = (Place::Member(&at, "steps"), *times);
                let at = Place::Element(&steps, index);
                if number > 0 && times == 1 && !has_placeholders {
                    take(Expanded::SameStep, at, &[], filler.found);
                    continue;
                }
                for repetition in 1..=times {
                    let (mut step, numbers) = repeated(step, repetition, times);
                    if *has_placeholders {
                        filler.repeats = numbers.map_or_else(|| malformed_repeat(&step), Repeats::Times);
                        filler.fill(&mut step, at)?;
                    }
                    take(Expanded::Step(step), at, &filler.take_unfilled(at), filler.found);
                }
            }
        }
    }
    Some(())
}

/// A scenario without its steps, and these.
fn apart(scenario: &Value) -> (Value, &[Value]) {
    let steps = scenario.get("steps").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let Value::Object(members) = scenario else { return (scenario.clone(), steps) };
    let without = |(name, member): (&String, &Value)| {
        let is_steps = name == "steps" && member.is_array();
        (name.clone(), if is_steps { Value::Array(Vec::new()) } else { member.clone() })
    };
    (Value::Object(members.iter().map(without).collect()), steps)
}

/// Whether there is anything to be filled in.
fn has_placeholders(value: &Value) -> bool {
    let is_one = |text: &str| text.contains("${");
    match value {
        Value::String(text) => is_one(text),
        Value::Array(elements) => elements.iter().any(has_placeholders),
        Value::Object(members) => members.iter().any(|(name, member)| is_one(name) || has_placeholders(member)),
        _ => false,
    }
}

/// An alias, and the rows that it stands for.
type Axis<'v> = (&'v str, &'v [Value]);

/// What a scenario's aliases stand for; no rows where there are none, or not known which: that is reported. None at all where there
/// are too many aliases.
fn axes<'v>(
    scenario: &'v Value,
    pointer: &str,
    tables: Tables<'v>,
    found: &mut Found<'_>,
) -> Vec<(&'v str, Option<&'v [Value]>)> {
    let mut axes = Vec::new();
    let aliases = scenario.get("for_each").and_then(Value::as_object);
    if aliases.is_some_and(|aliases| aliases.len() > MAX_ALIASES) {
        let message = format!("a scenario has at most {MAX_ALIASES} aliases for tables");
        found.at(&format!("{pointer}/for_each"), message, None);
        return axes;
    }
    for (alias, table) in aliases.into_iter().flatten() {
        let rows = table.as_str().and_then(|name| {
            match tables.rows.get(name) {
                Some(Value::Array(rows)) if !rows.is_empty() => return Some(rows.as_slice()),
                Some(Value::Array(_)) => {
                    found.at(&format!("/tables/{}", escape(name)), "a table needs at least one row", None);
                }
                None if !tables.may_have_others => {
                    let help = found.suggest(name, tables.rows.keys().map(String::as_str));
                    let pointer = format!("{pointer}/for_each/{}", escape(alias));
                    found.at(&pointer, format!("there is no table `{name}`"), help);
                }
                Some(_) | None => {}
            }
            None
        });
        axes.push((alias.as_str(), rows));
    }
    axes
}

/// Aliases of which no row is known.
struct Aliases<'v> {
    unknown: Vec<&'v str>,
    /// Whether any may be meant: there are too many, or the member that names them is malformed.
    is_malformed: bool,
}

/// Whether the member that names a scenario's aliases is misspelt, no object, or has too many.
fn has_malformed_aliases(scenario: &Value) -> bool {
    match scenario.get("for_each") {
        Some(Value::Object(aliases)) => aliases.len() > MAX_ALIASES,
        Some(_) => true,
        None => has_member_like(scenario, "for_each"),
    }
}

/// Whether a member of this name was probably meant.
fn has_member_like(value: &Value, name: &str) -> bool {
    value.as_object().is_some_and(|members| members.keys().any(|member| near_miss(member, [name]).is_some()))
}

/// Of a step without numbers: whether it was meant to have them.
fn malformed_repeat(step: &Value) -> Repeats {
    if has_member_like(step, "repeat") { Repeats::Malformed } else { Repeats::No }
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

/// How often a step is to be repeated, if it says so. What is no such number is left to the linter, which says so.
fn repeats(step: &Value) -> Option<u64> {
    step.get("repeat").and_then(Value::as_u64).filter(|times| (1..=MAX_REPEAT).contains(times))
}

/// How many steps a step stands for.
fn times(step: &Value) -> u64 {
    repeats(step).unwrap_or(1)
}

/// The step of this number among those that a step stands for, and what its numbers are if it repeats.
fn repeated(step: &Value, number: u64, times: u64) -> (Value, Option<Numbers>) {
    let mut one = step.clone();
    if repeats(step).is_none() {
        return (one, None);
    }
    if let Some(members) = one.as_object_mut() {
        members.shift_remove("repeat");
    }
    if let Some(Value::String(id)) = one.get_mut("id") {
        id.push_str(&format!("-{number}"));
    }
    let next = if number == times { 1 } else { number + 1 };
    (one, Some(Numbers { own: number.to_string(), next: next.to_string() }))
}

/// What `${n}` and `${next}` stand for in texts of one of the steps that a step stands for.
struct Numbers {
    own: String,
    next: String,
}

/// Where a value stands in the file. It becomes a pointer only where something is said about it.
#[derive(Clone, Copy)]
pub(super) enum Place<'p> {
    /// What this pointer names.
    Named(&'p str),
    /// The member of this name.
    Member(&'p Place<'p>, &'p str),
    /// The element of this index.
    Element(&'p Place<'p>, usize),
}

impl Place<'_> {
    /// The JSON pointer.
    pub fn pointer(&self) -> String {
        match self {
            Self::Named(pointer) => (*pointer).to_owned(),
            Self::Member(of, name) => format!("{}/{}", of.pointer(), escape(name)),
            Self::Element(of, index) => format!("{}/{index}", of.pointer()),
        }
    }
}

/// The most places of a piece that are kept as not filled in.
const MAX_UNFILLED: usize = 20;

/// How the step repeats that is being filled in.
enum Repeats {
    No,
    Times(Numbers),
    /// It is not known how often.
    Malformed,
}

struct Filler<'a, 'f, 'l> {
    bound: &'a [(&'a str, &'a Value)],
    aliases: &'a Aliases<'a>,
    found: &'a mut Found<'l>,
    budget: &'f mut Budget,
    repeats: Repeats,
    /// Pointers of what could not be filled in.
    unfilled: Vec<String>,
}

impl<'a> Filler<'a, '_, '_> {
    /// Takes as much from the budget; nothing where it has no more, and that is said.
    fn affords(&mut self, amount: u64, at: Place<'_>) -> Option<()> {
        if take(&mut self.budget.expanded, amount) {
            return Some(());
        }
        self.found.at(&at.pointer(), too_much(), Some("shorten the rows of the tables".to_owned()));
        None
    }

    /// Remembers that something could not be filled in here.
    fn leave_out(&mut self, at: Place<'_>) {
        if self.unfilled.len() <= MAX_UNFILLED {
            self.unfilled.push(at.pointer());
        }
    }

    /// Pointers of what could not be filled in of a piece; that of the piece where there are many.
    fn take_unfilled(&mut self, piece: Place<'_>) -> Vec<String> {
        let unfilled = std::mem::take(&mut self.unfilled);
        if unfilled.len() > MAX_UNFILLED { vec![piece.pointer()] } else { unfilled }
    }

    /// Fills in all placeholders of a value; nothing once the budget is spent.
    fn fill(&mut self, value: &mut Value, at: Place<'_>) -> Option<()> {
        match value {
            Value::String(text) if text.contains("${") => {
                if let Repeats::Times(Numbers { own, next }) = &self.repeats {
                    *text = text.replace("${n}", own).replace("${next}", next);
                }
                if text.contains("${") {
                    match self.fill_text(text, at)? {
                        Some(filled) => *value = filled,
                        None => self.leave_out(at),
                    }
                }
            }
            Value::Array(elements) => {
                for (index, element) in elements.iter_mut().enumerate() {
                    self.fill(element, Place::Element(&at, index))?;
                }
            }
            Value::Object(members) => {
                for (name, member) in members.iter_mut() {
                    self.fill(member, Place::Member(&at, name))?;
                }
                if members.keys().any(|name| name.contains("${")) {
                    let mut named = Map::new();
                    for (name, member) in std::mem::take(members) {
                        let filled = self.fill_text(&name, at)?;
                        if filled.is_none() {
                            self.leave_out(Place::Member(&at, &name));
                        }
                        let name = filled.and_then(|filled| filled.as_str().map(str::to_owned)).unwrap_or(name);
                        if name.len() > MAX_NAME {
                            let message = format!("the name of a member is at most {MAX_NAME} bytes long");
                            self.found.at(&at.pointer(), message, None);
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
    fn fill_text(&mut self, text: &str, at: Place<'_>) -> Option<Option<Value>> {
        if let Some(Placeholder { before: "", alias, member, after: "" }) = Placeholder::first_in(text) {
            let Some(value) = self.look_up(alias, member, at) else { return Some(None) };
            self.affords(weight(value), at)?;
            return Some(Some(value.clone()));
        }
        let (mut filled, mut rest) = (String::new(), text);
        while let Some(Placeholder { before, alias, member, after }) = Placeholder::first_in(rest) {
            let Some(value) = self.look_up(alias, member, at) else { return Some(None) };
            let shown = value.as_str().map_or_else(|| Cow::Owned(value.to_string()), Cow::Borrowed);
            self.affords(shown.len() as u64, at)?;
            filled.push_str(before);
            filled.push_str(&shown);
            rest = after;
        }
        filled.push_str(rest);
        Some(Some(Value::String(filled)))
    }

    fn look_up(&mut self, alias: &str, member: &str, at: Place<'_>) -> Option<&'a Value> {
        let bound = self.bound;
        let Some((_, row)) = bound.iter().find(|(name, _)| *name == alias) else {
            let is_number = member.is_empty() && matches!(alias, "n" | "next");
            let is_of_malformed_repeat = is_number && matches!(self.repeats, Repeats::Malformed);
            if self.aliases.is_malformed || self.aliases.unknown.contains(&alias) || is_of_malformed_repeat {
                return None;
            }
            let known = bound.iter().map(|(name, _)| *name);
            let help = self
                .found
                .suggest(alias, known)
                .unwrap_or_else(|| "name the alias in `for_each` and write `${alias.member}`".to_owned());
            self.found.at(&at.pointer(), format!("there is no alias `{alias}` in `for_each`"), Some(help));
            return None;
        };
        // What is no object is reported as such.
        let found = row.as_object()?.get(member);
        if found.is_none() {
            let known = row.as_object().into_iter().flat_map(Map::keys).map(String::as_str);
            let help = self.found.suggest(member, known);
            let id = row.get("id").and_then(Value::as_str).unwrap_or("?");
            self.found.at(&at.pointer(), format!("row `{id}` has no member `{member}`"), help);
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
        /// Where it and its steps stand in the file.
        places: Vec<String>,
    }

    fn expand_all(file: &Value) -> (Vec<Scenario>, Vec<Diagnostic>) {
        let text = file.to_string();
        let located = Located::new(&text);
        let mut found = Found::new(&located);
        let empty = Map::new();
        let rows = file.get("tables").and_then(Value::as_object).unwrap_or(&empty);
        let tables = Tables { rows, may_have_others: false };
        let scenarios = file["scenarios"].as_array().map(Vec::as_slice).unwrap_or_default();
        let mut expanded = Vec::new();
        let _ = expand(scenarios, tables, &mut found, &mut Budget::default(), |piece, at, _, _| {
            let step = match piece {
                Expanded::Scenario(value, Origin { rows, steps, .. }) => {
                    expanded.push(Scenario { value, rows, steps, places: vec![at.pointer()] });
                    return;
                }
                Expanded::Step(step) => step,
                Expanded::SameStep => json!("same"),
            };
            let last = expanded.last_mut().unwrap();
            last.value["steps"].as_array_mut().unwrap().push(step);
            last.places.push(at.pointer());
        });
        (expanded, found.report("x", &text).diagnostics)
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
        let of_steps = [0, 1, 1, 2].map(|step| format!("/scenarios/0/steps/{step}"));
        assert_eq!(expanded[0].places[0], "/scenarios/0");
        assert_eq!(expanded[0].places[1..], of_steps);
    }

    #[test]
    fn a_step_in_which_nothing_is_filled_in_is_that_of_the_former_case() {
        let file = json!({
            "tables": {"t": [{"id": "a"}, {"id": "b"}]},
            "scenarios": [{"for_each": {"t": "t"}, "steps": [{"id": "x"}, {"id": "y", "object": "${t.id}"}, {"id": "z", "headers": {"${t.id}": 1}}]}]
        });
        let (expanded, diagnostics) = expand_all(&file);
        assert!(diagnostics.is_empty());
        let steps: Vec<&Value> = expanded.iter().map(|case| &case.value["steps"]).collect();
        assert_eq!(steps[0], &json!([{"id": "x"}, {"id": "y", "object": "a"}, {"id": "z", "headers": {"a": 1}}]));
        assert_eq!(steps[1], &json!(["same", {"id": "y", "object": "b"}, {"id": "z", "headers": {"b": 1}}]));
    }

    #[test]
    fn a_mistake_is_where_it_stands_in_the_file() {
        let file = json!({"scenarios": [{"steps": [{"id": "a", "repeat": 3}, {"a/b": ["${x.y}"]}]}]});
        let (_, diagnostics) = expand_all(&file);
        let places: Vec<&str> = diagnostics.iter().map(|mistake| mistake.pointer.as_str()).collect();
        assert_eq!(places, ["/scenarios/0/steps/1/a~1b/0"]);
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
