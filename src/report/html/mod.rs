//! The HTML report: one file that needs nothing besides, readable without its script, of which a policy lets nothing run
//! but that very script.

mod case;
mod cut;
mod head;
mod marks;
mod matrix;
#[cfg(test)]
mod tests;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, ValueKind};
use minijinja::{AutoEscape, Environment, Output, State, UndefinedBehavior, Value, context, escape_formatter};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use self::case::{CaseView, RuleView};
use self::cut::{Cut, short_id};
use self::head::Head;
use self::matrix::{FamilyRules, Matrix};
use super::printable;
use crate::record::{CaseRecord, RunRecord};
use crate::suite::model::{Certification, Level};

const STYLE: &str = include_str!("report.css");
const SCRIPT: &str = include_str!("report.js");

const TEMPLATES: [(&str, &str); 4] = [
    ("page.html", include_str!("page.html")),
    ("case.html", include_str!("case.html")),
    ("exchange.html", include_str!("exchange.html")),
    ("rule.html", include_str!("rule.html")),
];

/// How many suites can be chosen from.
const MOST_SUITES: usize = 300;

/// The report cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the HTML report: {0:#}")]
pub struct HtmlError(#[from] minijinja::Error);

/// What the list of cases can be narrowed down to.
#[derive(Debug, Serialize)]
struct Choices {
    verdicts: Vec<(String, &'static str)>,
    levels: [&'static str; 4],
    certifications: [&'static str; 3],
    suites: Vec<String>,
}

/// The run as an HTML document.
///
/// # Errors
/// [`HtmlError`] where a template cannot be rendered.
pub fn html(run: &RunRecord) -> Result<Vec<u8>, HtmlError> {
    let environment = environment()?;
    let mut cut = Cut::default();
    let families = matrix::families(run, &mut cut);
    let matrix = Matrix::of(run, &families, &mut cut);
    let head = Head::of(run, &mut cut);
    let suites = cut.items(&run.suites, MOST_SUITES).iter().map(|suite| short_id(&suite.id)).collect();
    let choices = Choices {
        verdicts: run.counted().map(|(verdict, _)| (verdict.id(), verdict.as_str())).collect(),
        levels: [Level::Must, Level::Should, Level::May, Level::Observe].map(Level::as_str),
        certifications: Certification::ALL.map(Certification::as_str),
        suites,
    };
    let rules = rules(&families, &mut cut);
    let (cases, shown) = cases(run, &environment, &mut cut)?;
    let mut page = environment.get_template("page.html")?.render(context! {
        head => value(&head),
        matrix => value(&matrix),
        choices => value(&choices),
        rules => value(&rules),
        shown,
        cases => Value::from_safe_string(cases),
        cut => cut.told(),
        policy => Value::from_safe_string(policy()),
        style => Value::from_safe_string(STYLE.to_owned()),
        script => Value::from_safe_string(SCRIPT.to_owned()),
    })?;
    page.push('\n');
    Ok(page.into_bytes())
}

/// The cases, those first that somebody has to look at, and how many there are.
fn cases(run: &RunRecord, environment: &Environment<'_>, cut: &mut Cut) -> Result<(String, usize), HtmlError> {
    let template = environment.get_template("case.html")?;
    let mut ordered: Vec<&CaseRecord> = run.cases.iter().collect();
    ordered.sort_by_key(|case| (case::rank(run, case), run.harm(case)));
    let mut written = String::new();
    let mut shown = 0;
    for case in ordered {
        let render = |with_evidence, cut: &mut Cut| {
            template.render(context! { case => value(&CaseView::of(case, run, with_evidence, cut)) })
        };
        let mut text = render(true, cut)?;
        let has_evidence = case.findings.iter().any(|found| found.exchange.is_some());
        if has_evidence && !cut.has_room_for_evidence(text.len()) {
            text = render(false, &mut Cut::default())?;
        }
        if cut.take_room(text.len()) {
            written.push_str(&text);
            shown += 1;
        }
    }
    Ok((written, shown))
}

/// What a template sees of it.
fn value(it: &impl Serialize) -> Value {
    Value::from(Serde(it))
}

/// All rules that the record has, by family.
fn rules(families: &[FamilyRules<'_>], cut: &mut Cut) -> Vec<RuleView> {
    let rules = families.iter().flat_map(|family| family.rules.iter().filter_map(|(_, rule)| *rule));
    rules.map(|rule| RuleView::of(rule, cut)).collect()
}

/// What a browser may do with the page: run this script, use this style, and nothing else.
fn policy() -> String {
    let hash = |text: &str| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)));
    let (script, style) = (hash(SCRIPT), hash(STYLE));
    format!("default-src 'none'; script-src {script}; style-src {style}; base-uri 'none'; form-action 'none'")
}

fn environment() -> Result<Environment<'static>, HtmlError> {
    let mut environment = Environment::new();
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.set_formatter(format_printable);
    for (name, text) in TEMPLATES {
        environment.add_template(name, text)?;
    }
    Ok(environment)
}

/// Escapes whatever is written, and shows what is no text as `\u{…}`. A colon that could begin a command to a CI, where the template
/// begins a line with the text, is written as a character reference.
fn format_printable(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), minijinja::Error> {
    match value.as_str() {
        Some(text) if value.kind() == ValueKind::String && !value.is_safe() => {
            let text = printable(text);
            match text.trim_start().strip_prefix(':').filter(|rest| rest.starts_with(':')) {
                Some(rest) => {
                    out.write_str(&text[..text.len() - rest.len() - 1])?;
                    out.write_str("&#58;")?;
                    escape_formatter(out, state, &Value::from(rest))
                }
                None => escape_formatter(out, state, &Value::from(text)),
            }
        }
        _ => escape_formatter(out, state, value),
    }
}
