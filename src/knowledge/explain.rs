//! What an id means: of a scenario, a rule, a fault, a capability, a certification level or a profile.

use std::fmt::Write as _;

use super::{Knowledge, Scenario, counted, levels};
use crate::faults::Fault;
use crate::plan::Needed;
use crate::profile::Profile;
use crate::rules::Rule;
use crate::suite::model::{Certification, Outcome, Step};
use crate::suite::near_miss;

/// There is nothing of this id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no scenario, rule, fault, capability, certification level or profile `{id}`; {help}")]
pub struct UnknownId {
    id: String,
    help: String,
}

/// Everything that is known of an id. One id may be that of several things.
///
/// # Errors
/// [`UnknownId`], with the nearest id.
pub fn explain(id: &str, knowledge: &Knowledge<'_>) -> Result<String, UnknownId> {
    let mut texts = Vec::new();
    let scenarios = knowledge
        .scenarios
        .iter()
        .filter(|scenario| scenario.id == id || scenario.cases.iter().any(|planned| planned.case.id == id));
    texts.extend(scenarios.map(|scenario| of_scenario(scenario, id, knowledge)));
    texts.extend(knowledge.rules.get(id).map(|rule| of_rule(rule, knowledge)));
    texts.extend(Fault::all().filter(|fault| fault.id == id).map(|fault| of_fault(fault, knowledge)));
    texts.extend(knowledge.capabilities.iter().filter(|it| it.id() == id).map(|it| of_capability(it, knowledge)));
    let levels = Certification::ALL.into_iter().filter(|level| level.as_str() == id);
    texts.extend(levels.map(|level| of_level(level, knowledge)));
    texts.extend(knowledge.profiles.iter().filter(|profile| profile.id == id).map(of_profile));
    if texts.is_empty() {
        return Err(unknown(id, knowledge));
    }
    Ok(texts.join("\n"))
}

fn unknown(id: &str, knowledge: &Knowledge<'_>) -> UnknownId {
    let scenarios = knowledge.scenarios.iter().map(|scenario| scenario.id.as_str());
    let rules = knowledge.rules.iter().map(|rule| rule.id.as_str());
    let capabilities = knowledge.capabilities.iter().map(|needed| needed.id());
    let profiles = knowledge.profiles.iter().map(|profile| profile.id.as_str());
    let levels = Certification::ALL.into_iter().map(|level| level.as_str());
    let known = scenarios.chain(rules).chain(capabilities).chain(levels).chain(profiles);
    let known = known.chain(Fault::all().map(|fault| fault.id));
    let help = near_miss(id, known).map_or_else(
        || "`ssecheck explain` without an id lists them".to_owned(),
        |near| format!("did you mean `{near}`?"),
    );
    UnknownId { id: id.to_owned(), help }
}

/// Lines, indented.
struct Text(String);

impl Text {
    fn head(line: &str) -> Self {
        Self(format!("{line}\n"))
    }

    fn line(&mut self, name: &str, text: &str) {
        let _ = writeln!(self.0, "  {name}: {text}");
    }

    fn item(&mut self, text: &str) {
        let _ = writeln!(self.0, "    {text}");
    }
}

fn of_scenario(scenario: &Scenario, id: &str, knowledge: &Knowledge<'_>) -> String {
    let chosen = scenario.cases.iter().find(|planned| planned.case.id == id).or(scenario.cases.first());
    let Some(planned) = chosen else { return String::new() };
    let case = &planned.case;
    let mut text = Text::head(&format!("scenario {} [{}]", scenario.id, scenario.level().as_str()));
    text.line("title", &case.title);
    text.line("why it matters", &case.why);
    text.line("certification", scenario.certification().as_str());
    let needs: Vec<&str> = planned.needs.iter().map(|needed| needed.id()).collect();
    if !needs.is_empty() {
        text.line("needs", &needs.join(", "));
    }
    if scenario.cases.len() > 1 {
        let ids: Vec<&str> = scenario.cases.iter().map(|planned| planned.case.id.as_str()).collect();
        text.line(&counted(ids.len(), "case"), &ids.join(", "));
    }
    text.line("steps", &format!("of {}", case.id));
    for step in &case.steps {
        text.item(&step_in_words(step));
    }
    for rule in case.rules.iter().filter_map(|rule| knowledge.rules.get(rule)) {
        text.line("rule", &format!("{}: {}", rule.id, rule.text));
        text.item(&source(rule));
        text.item(&format!("how to mend a server: {}", rule.fix));
    }
    let faults: Vec<&str> = knowledge.faults_against(scenario).map(|fault| fault.id).collect();
    text.line("fails under the faults", &faults.join(", "));
    text.0
}

fn step_in_words(step: &Step) -> String {
    let operation = step.request.operation.map_or("", |operation| operation.as_str());
    let what = if step.setup { " (needed)" } else { "" };
    let expected = step.expect.as_deref().map_or_else(|| "2xx".to_owned(), outcome_in_words);
    let aws = step.expect_under.get("aws").map(|outcome| format!("; AWS: {}", outcome_in_words(outcome)));
    let control = if step.control.is_some() || step.controlled_by.is_some() { "; with a positive control" } else { "" };
    format!("{}: {operation}{what} → {expected}{}{control}", step.id, aws.unwrap_or_default())
}

/// An outcome in a few words: its status and code, or what it is about.
pub(super) fn outcome_in_words(outcome: &Outcome) -> String {
    let mut words = Vec::new();
    if outcome.refused {
        words.push("refused".to_owned());
    }
    words.extend((!outcome.status.is_empty()).then(|| outcome.status.join(" or ")));
    words.extend((!outcome.code.is_empty()).then(|| outcome.code.join(" or ")));
    words.extend(outcome.error_fields.get("Message").and_then(|m| m.equals.as_ref()).map(|m| format!("\"{m}\"")));
    words.extend(outcome.echo.as_ref().map(|_| "algorithm and key MD5 echoed".to_owned()));
    words.extend(outcome.body.as_ref().map(|_| "the body right".to_owned()));
    words.extend(outcome.etag.as_ref().map(|_| "the ETag right".to_owned()));
    words.extend(outcome.entry.as_ref().map(|_| "the entry right".to_owned()));
    words.extend(outcome.headers.keys().map(|name| format!("header {name} right")));
    words.extend(outcome.elements.keys().map(|path| format!("element {path} right")));
    words.extend(outcome.stored.map(|stored| if stored { "stored" } else { "nothing stored" }.to_owned()));
    words.extend(outcome.any_of.iter().map(outcome_in_words).reduce(|a, b| format!("{a}, or {b}")));
    if words.is_empty() { "anything".to_owned() } else { words.join(", ") }
}

fn source(rule: &Rule) -> String {
    let url = rule.url.as_ref().map(|url| format!(" <{url}>")).unwrap_or_default();
    format!("source ({}): {}{url}", rule.grade.as_str(), rule.source)
}

fn of_rule(rule: &Rule, knowledge: &Knowledge<'_>) -> String {
    let mut text = Text::head(&format!("rule {}", rule.id));
    text.line("title", &rule.title);
    text.line("what", &rule.text);
    text.line("grade and source", &source(rule));
    text.line("harm", rule.harm.as_str());
    text.line("how to mend a server", &rule.fix);
    let levels: Vec<String> = knowledge.cases_of(rule).iter().map(|(l, n)| format!("{n} {}", l.as_str())).collect();
    text.line("cases", &if levels.is_empty() { "only under profiles".to_owned() } else { levels.join(", ") });
    for scenario in knowledge.scenarios_of(&rule.id) {
        text.item(&format!("{}: {}", scenario.id, scenario.title()));
    }
    for (operation, reason) in &rule.untested {
        text.line("not tested by", &format!("{operation}: {reason}"));
    }
    text.line("faults that break it", "");
    for fault in knowledge.faults_of(&rule.id) {
        text.item(&format!("{}: {}", fault.id, fault.summary));
    }
    for profile in knowledge.profiles {
        for requirement in profile.requires.iter().filter(|requirement| requirement.rule == rule.id) {
            text.line(&format!("required under profile {}", profile.id), &requirement.because);
        }
        for departure in profile.departures.iter().filter(|departure| departure.rules.contains(&rule.id)) {
            text.line(&format!("departure `{}` of profile {}", departure.id, profile.id), &departure.reason);
        }
    }
    text.0
}

fn of_fault(fault: &Fault, knowledge: &Knowledge<'_>) -> String {
    let mut text = Text::head(&format!("fault {}", fault.id));
    text.line("what", fault.summary);
    text.line("seen", if fault.seen == "kind" { "a kind that several servers have had" } else { fault.seen });
    for rule in fault.breaks.iter().filter_map(|rule| knowledge.rules.get(rule)) {
        text.line("breaks", &format!("{}: {}", rule.id, rule.text));
        text.item(&format!("how to mend a server: {}", rule.fix));
    }
    if fault.breaks.is_empty() {
        text.line("breaks", "no rule: it keeps the endpoint from being tested, and no case may pass by it");
    }
    text.line("caught by", "");
    for scenario in knowledge.scenarios_against(fault) {
        text.item(&format!("{}: {}", scenario.id, scenario.title()));
    }
    text.line("to see it", &format!("ssecheck serve --fault {}", fault.id));
    text.0
}

fn of_capability(needed: &Needed, knowledge: &Knowledge<'_>) -> String {
    let probe = &needed.capability.probe;
    let mut text = Text::head(&format!("capability {}", probe.id));
    text.line("title", &probe.title);
    text.line("why it matters", &probe.why);
    let scenarios: Vec<&str> = knowledge.scenarios_needing(needed.id()).map(|scenario| scenario.id.as_str()).collect();
    let level = needed.level().as_str();
    let certification = match scenarios.len() {
        0 => "no level requires it: requests leave out what depends on it if the endpoint lacks it".to_owned(),
        _ => format!("required from level {level}: neither it nor a higher one is reached without"),
    };
    text.line("certification", &certification);
    let how = "sent once in a run, without SSE-C; the endpoint lacks the capability if a response says so";
    text.line("probe", how);
    for step in &probe.steps {
        text.item(&step_in_words(step));
    }
    text.line(&format!("needed by {}", counted(scenarios.len(), "scenario")), &scenarios.join(", "));
    text.0
}

fn of_level(level: Certification, knowledge: &Knowledge<'_>) -> String {
    let mut text = Text::head(&format!("certification level {}", level.as_str()));
    text.line("covers", levels::covers(level));
    let below: Vec<&str> = Certification::ALL.iter().filter(|it| **it < level).map(|it| it.as_str()).collect();
    if !below.is_empty() {
        text.line("includes", &below.join(", "));
    }
    text.line("required cases", &format!("{} of its own", knowledge.required_by(level)));
    text.line("not reached without", "");
    for needed in knowledge.needed_by(level) {
        text.item(&format!("{}: {}", needed.id(), needed.capability.probe.title));
    }
    text.0
}

fn of_profile(profile: &Profile) -> String {
    let mut text = Text::head(&format!("profile {}", profile.id));
    text.line("title", &profile.title);
    text.line("what", &profile.about);
    let url = profile.url.as_ref().map(|url| format!(" <{url}>")).unwrap_or_default();
    text.line("source", &format!("{}{url}", profile.source));
    for requirement in &profile.requires {
        text.line("requires", &format!("{} ({})", requirement.rule, requirement.because));
    }
    for departure in &profile.departures {
        text.line("departure", &format!("{} from {}: {}", departure.id, departure.rules.join(", "), departure.reason));
        text.item(&format!("source: {}; to be looked at again from {}", departure.source, departure.review));
        for (word, cases) in [("fails", &departure.cases), ("blocks", &departure.blocks)] {
            if !cases.is_empty() {
                text.item(&format!("{word}: {}", cases.join(", ")));
            }
        }
    }
    text.0
}
