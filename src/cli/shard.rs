//! Which part of the cases this machine has, of several that share them: told, or found in what its scheduler says.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::str::FromStr;

use clap::ValueHint;

use crate::plan::{NoShard, Part, Plan, Shard, shard};
use crate::record::{self, RecordError};

/// Arguments about shards.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Many machines")]
pub(super) struct ShardArguments {
    /// Only part I of N of the cases, each for another machine (`ssecheck merge` joins the records); `auto` takes I and N
    /// from the scheduler: JOB_COMPLETION_INDEX/JOB_COMPLETIONS (Kubernetes), CI_NODE_INDEX/CI_NODE_TOTAL (GitLab), CIRCLE_NODE_INDEX,
    /// BUILDKITE_PARALLEL_JOB, SYSTEM_JOBPOSITIONINPHASE (Azure) [default: $SSECHECK_SHARD, or all cases]
    #[arg(long, value_name = "I/N|auto")]
    shard: Option<Asked>,
    /// Name of the run that the shards are parts of, the same for all of them [default: $SSECHECK_RUN_ID, or the id that GitHub Actions,
    /// GitLab, CircleCI, Buildkite or Azure Pipelines gives]
    #[arg(long, value_name = "NAME")]
    run_id: Option<String>,
    /// Record of a former run (`run --report json=PATH`), by whose durations the parts take about as long; the same for all machines
    #[arg(long, value_name = "RUN.json", value_hint = ValueHint::FilePath)]
    durations: Option<PathBuf>,
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    Auto,
    Is(Shard),
}

impl FromStr for Asked {
    type Err = NoShard;

    fn from_str(text: &str) -> Result<Self, NoShard> {
        if text == "auto" { Ok(Self::Auto) } else { text.parse().map(Self::Is) }
    }
}

/// It cannot be told which part is asked for.
#[derive(Debug, thiserror::Error)]
pub(super) enum ShardError {
    #[error("SSECHECK_SHARD is `{0}`: {NoShard}")]
    Variable(String),
    #[error(
        "a shard needs the name of the run that it is a part of, the same for all shards, or `ssecheck merge` cannot know that they \
         belong together: give --run-id NAME, or set SSECHECK_RUN_ID"
    )]
    NoRunId,
    #[error(
        "the name of the run, `{}`, is none: it has 1 to {MAX_RUN_ID} letters, digits, `.`, `_`, `:`, `/` and `-`; give another with --run-id",
        .0.escape_debug()
    )]
    RunId(String),
    #[error("--run-id names the run that a shard is a part of: give --shard I/N, too")]
    RunIdOnly,
    #[error("--shard auto: no scheduler says which part this is; give --shard I/N. Looked for: {}", names())]
    NoScheduler,
    #[error(
        "--shard auto: {index} is `{its_index}` and {count} is `{its_count}`, which is no part of a whole; give --shard I/N"
    )]
    NoPart { index: &'static str, its_index: String, count: &'static str, its_count: String },
    #[error("--shard auto: {index} is set, and {count} is not; set it to the number of parts, or give --shard I/N")]
    NoCount { index: &'static str, count: &'static str },
    #[error("--shard auto: {} say different things; give --shard I/N", names.join(" and "))]
    Contradiction { names: Vec<&'static str> },
    #[error("--durations says how to cut the cases in parts: give --shard I/N, too")]
    DurationsOnly,
    #[error(transparent)]
    Durations(#[from] RecordError),
    #[error("shard {shard} holds no case: only {cases} are selected; use at most as many shards")]
    Empty { shard: Shard, cases: usize },
}

/// How a scheduler tells.
struct Scheduler {
    index: &'static str,
    count: &'static str,
    /// What the first of them has as its index.
    first: u32,
}

/// Kubernetes, "Indexed Job for Parallel Processing with Static Work Assignment"; GitLab, "CI/CD YAML: parallel"; CircleCI, "Test
/// splitting"; Buildkite, "Environment variables"; Azure Pipelines, "Predefined variables".
const SCHEDULERS: [Scheduler; 5] = [
    Scheduler { index: "JOB_COMPLETION_INDEX", count: "JOB_COMPLETIONS", first: 0 },
    Scheduler { index: "CI_NODE_INDEX", count: "CI_NODE_TOTAL", first: 1 },
    Scheduler { index: "CIRCLE_NODE_INDEX", count: "CIRCLE_NODE_TOTAL", first: 0 },
    Scheduler { index: "BUILDKITE_PARALLEL_JOB", count: "BUILDKITE_PARALLEL_JOB_COUNT", first: 0 },
    Scheduler { index: "SYSTEM_JOBPOSITIONINPHASE", count: "SYSTEM_TOTALJOBSINPHASE", first: 1 },
];

/// The most characters of the name of a sharded run.
const MAX_RUN_ID: usize = 100;

/// Variables by which a CI names a run of a pipeline, and those that tell its attempts apart: those of GitHub ("Store information in
/// variables: Default environment variables") first, then those of the schedulers above.
const RUNS: [(&str, Option<&str>); 5] = [
    ("GITHUB_RUN_ID", Some("GITHUB_RUN_ATTEMPT")),
    ("CI_PIPELINE_ID", None),
    ("CIRCLE_WORKFLOW_ID", None),
    ("BUILDKITE_BUILD_ID", None),
    ("BUILD_BUILDID", None),
];

fn names() -> String {
    SCHEDULERS
        .iter()
        .map(|scheduler| format!("{} with {}", scheduler.index, scheduler.count))
        .collect::<Vec<_>>()
        .join(", ")
}

impl ShardArguments {
    /// The part of the plan that is asked for, its place in the whole, and the name of the run that it is a part of; the whole plan
    /// where none is asked for.
    pub fn part_of(&self, plan: Plan) -> Result<(Plan, Option<(Part, String)>), ShardError> {
        let Some(asked) = self.asked(&variable)? else {
            return match (&self.durations, &self.run_id) {
                (Some(_), _) => Err(ShardError::DurationsOnly),
                (None, Some(_)) => Err(ShardError::RunIdOnly),
                (None, None) => Ok((plan, None)),
            };
        };
        let run = self.run(&variable)?;
        let durations = match &self.durations {
            Some(file) => record::read(file)?.cases.into_iter().map(|case| (case.id, case.seconds)).collect(),
            None => BTreeMap::new(),
        };
        let cases = plan.cases.len();
        let (plan, part) = shard(plan, asked, &durations);
        if plan.cases.is_empty() && cases > 0 {
            return Err(ShardError::Empty { shard: asked, cases });
        }
        Ok((plan, Some((part, run))))
    }

    /// The name of the run that a shard is a part of.
    fn run(&self, variable: &dyn Fn(&str) -> Option<String>) -> Result<String, ShardError> {
        let of_ci = || {
            RUNS.iter().find_map(|(run, attempt)| {
                let attempt = attempt.and_then(variable).map(|attempt| format!("-{attempt}")).unwrap_or_default();
                Some(format!("{}{attempt}", variable(run).filter(|id| !id.is_empty())?))
            })
        };
        let run = self.run_id.clone().or_else(|| variable("SSECHECK_RUN_ID")).or_else(of_ci);
        let run = run.ok_or(ShardError::NoRunId)?;
        let is_named = |c: char| c.is_ascii_alphanumeric() || "._:/-".contains(c);
        let is_one = (1..=MAX_RUN_ID).contains(&run.len()) && run.chars().all(is_named);
        if is_one { Ok(run) } else { Err(ShardError::RunId(run)) }
    }

    fn asked(&self, variable: &dyn Fn(&str) -> Option<String>) -> Result<Option<Shard>, ShardError> {
        let asked = match self.shard {
            Some(asked) => Some(asked),
            None => match variable("SSECHECK_SHARD") {
                Some(text) => Some(text.parse().map_err(|NoShard| ShardError::Variable(text))?),
                None => None,
            },
        };
        match asked {
            None => Ok(None),
            Some(Asked::Is(shard)) => Ok(Some(shard)),
            Some(Asked::Auto) => scheduled(variable).map(Some),
        }
    }
}

/// A variable of the environment. One of a scheduler's that is set to nothing counts as not set; one of `ssecheck` does not.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty() || name.starts_with("SSECHECK_"))
}

/// What the scheduler says, where all that say something agree.
fn scheduled(variable: &dyn Fn(&str) -> Option<String>) -> Result<Shard, ShardError> {
    let mut told: Vec<(&'static str, Shard)> = Vec::new();
    for Scheduler { index, count, first } in SCHEDULERS {
        let Some(its_index) = variable(index) else { continue };
        let its_count = variable(count).ok_or(ShardError::NoCount { index, count })?;
        let number = |text: &str| text.parse::<u32>().ok();
        let counted_from_1 = number(&its_index).and_then(|index| index.checked_add(1)?.checked_sub(first));
        let shard = counted_from_1.zip(number(&its_count)).and_then(|(index, count)| Shard::new(index, count).ok());
        told.push((index, shard.ok_or(ShardError::NoPart { index, its_index, count, its_count })?));
    }
    let Some((_, shard)) = told.first().copied() else { return Err(ShardError::NoScheduler) };
    if told.iter().any(|(_, other)| *other != shard) {
        return Err(ShardError::Contradiction { names: told.into_iter().map(|(name, _)| name).collect() });
    }
    Ok(shard)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn asked(shard: Option<&str>, variables: &[(&str, &str)]) -> Result<Option<String>, String> {
        let arguments = ShardArguments { shard: shard.map(|text| text.parse().unwrap()), ..Default::default() };
        let variable =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        let asked = arguments.asked(&variable);
        asked.map(|shard| shard.map(|shard| shard.to_string())).map_err(|error| error.to_string())
    }

    #[rstest]
    #[case::nothing(None, &[], None)]
    #[case::told(Some("2/3"), &[("SSECHECK_SHARD", "1/3")], Some("2/3"))]
    #[case::variable(None, &[("SSECHECK_SHARD", "1/3")], Some("1/3"))]
    #[case::variable_says_auto(None, &[("SSECHECK_SHARD", "auto"), ("CI_NODE_INDEX", "3"), ("CI_NODE_TOTAL", "3")], Some("3/3"))]
    #[case::nobody_asked(None, &[("CI_NODE_INDEX", "3"), ("CI_NODE_TOTAL", "3")], None)]
    #[case::kubernetes(Some("auto"), &[("JOB_COMPLETION_INDEX", "0"), ("JOB_COMPLETIONS", "5")], Some("1/5"))]
    #[case::circle(Some("auto"), &[("CIRCLE_NODE_INDEX", "4"), ("CIRCLE_NODE_TOTAL", "5")], Some("5/5"))]
    #[case::buildkite(Some("auto"), &[("BUILDKITE_PARALLEL_JOB", "1"), ("BUILDKITE_PARALLEL_JOB_COUNT", "2")], Some("2/2"))]
    #[case::azure(Some("auto"), &[("SYSTEM_JOBPOSITIONINPHASE", "1"), ("SYSTEM_TOTALJOBSINPHASE", "2")], Some("1/2"))]
    #[case::both_agree(Some("auto"), &[("JOB_COMPLETION_INDEX", "0"), ("JOB_COMPLETIONS", "2"), ("CI_NODE_INDEX", "1"), ("CI_NODE_TOTAL", "2")], Some("1/2"))]
    fn a_part_is_told_or_found(
        #[case] shard: Option<&str>,
        #[case] variables: &[(&str, &str)],
        #[case] expected: Option<&str>,
    ) {
        assert_eq!(asked(shard, variables), Ok(expected.map(str::to_owned)));
    }

    #[rstest]
    #[case::variable(None, &[("SSECHECK_SHARD", "4/3")], "SSECHECK_SHARD is `4/3`")]
    #[case::empty_variable(None, &[("SSECHECK_SHARD", "")], "SSECHECK_SHARD is ``")]
    #[case::no_scheduler(Some("auto"), &[], "no scheduler says")]
    #[case::no_count(Some("auto"), &[("JOB_COMPLETION_INDEX", "0")], "JOB_COMPLETIONS is not")]
    #[case::beyond(Some("auto"), &[("JOB_COMPLETION_INDEX", "5"), ("JOB_COMPLETIONS", "5")], "no part of a whole")]
    #[case::zeroth(Some("auto"), &[("CI_NODE_INDEX", "0"), ("CI_NODE_TOTAL", "5")], "no part of a whole")]
    #[case::no_number(Some("auto"), &[("CI_NODE_INDEX", "x"), ("CI_NODE_TOTAL", "5")], "`x`")]
    #[case::huge(Some("auto"), &[("CI_NODE_INDEX", "4294967295"), ("CI_NODE_TOTAL", "5")], "no part of a whole")]
    #[case::they_differ(Some("auto"), &[("JOB_COMPLETION_INDEX", "0"), ("JOB_COMPLETIONS", "2"), ("CI_NODE_INDEX", "2"), ("CI_NODE_TOTAL", "2")], "say different things")]
    fn what_is_no_part_is_refused(#[case] shard: Option<&str>, #[case] variables: &[(&str, &str)], #[case] told: &str) {
        let error = asked(shard, variables).unwrap_err();
        assert!(error.contains(told), "{error}");
    }

    #[rstest]
    #[case::told(Some("nightly"), &[("SSECHECK_RUN_ID", "x"), ("CI_PIPELINE_ID", "7")], Some("nightly"))]
    #[case::variable(None, &[("SSECHECK_RUN_ID", "x"), ("CI_PIPELINE_ID", "7")], Some("x"))]
    #[case::github(None, &[("GITHUB_RUN_ID", "9"), ("GITHUB_RUN_ATTEMPT", "2")], Some("9-2"))]
    #[case::gitlab(None, &[("CI_PIPELINE_ID", "7")], Some("7"))]
    #[case::nobody(None, &[], None)]
    #[case::empty(None, &[("SSECHECK_RUN_ID", ""), ("CI_PIPELINE_ID", "7")], None)]
    #[case::two_lines(Some("a\n::error::b"), &[], None)]
    fn a_sharded_run_has_a_name(
        #[case] told: Option<&str>,
        #[case] variables: &[(&str, &str)],
        #[case] expected: Option<&str>,
    ) {
        let arguments = ShardArguments { run_id: told.map(str::to_owned), ..Default::default() };
        let variable =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        assert_eq!(arguments.run(&variable).ok().as_deref(), expected);
    }
}
