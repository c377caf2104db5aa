//! What only the repository has, and no package: records of servers, the GitHub Action, and what goes into a package.

mod common;
mod properties;

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use common::{Outcome, Workplace, repository};
use regex::Regex;
use rstest::rstest;

#[test]
fn the_table_of_servers_in_the_readme_is_that_of_the_reports() {
    let reports = ["garage", "localstack", "ceph-rgw", "moto"]
        .map(|name| repository().join("reports/servers").join(name).join("portable.json").display().to_string());
    let table = Workplace::new().run(&format!("compare {}", reports.join(" ")));
    assert_eq!(table.code, Some(0), "{table:#?}");
    let readme = std::fs::read_to_string(repository().join("README.md")).expect("it is there");
    assert!(readme.contains(table.out.trim()), "write this to README.md:\n{}", table.out);
}

#[test]
fn the_limits_of_suites_in_the_readme_are_those_that_hold() {
    let readme = std::fs::read_to_string(repository().join("README.md")).expect("it is there");
    let table = ssecheck::suite::limits::table();
    assert!(readme.contains(&table), "write this to README.md:\n{table}");
}

/// Words with one blank between them.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[rstest]
#[case("README.md")]
#[case("docs/certificates.md")]
fn what_no_certificate_shows_is_told_word_for_word(#[case] file: &str) {
    let text = std::fs::read_to_string(repository().join(file)).expect("it is there");
    for sentence in ssecheck::certificate::CANNOT_SHOW {
        assert!(one_line(&text).contains(&format!("- {}", one_line(sentence))), "write this to {file}: {sentence}");
    }
}

/// Each defence of the threat model names the tests that hold it, as `FILE: TEST`.
#[test]
fn the_threat_model_names_tests_that_there_are() {
    let text = std::fs::read_to_string(repository().join("docs/certificates.md")).expect("it is there");
    let (_, model) = text.split_once("\n## Threat model\n").expect("it has one");
    let (model, _) = model.split_once("\n### ").expect("what is not stopped follows");
    let rows: Vec<&str> = model.lines().filter(|line| line.starts_with("| ")).skip(2).collect();
    assert!(rows.len() > 20, "{}", rows.len());
    let mut known = 0;
    for row in rows {
        let tests = row.trim_end_matches(" |").rsplit("| ").next().expect("a row has columns");
        let named: Vec<_> = tests.split('`').filter_map(|name| name.split_once(".rs: ")).collect();
        assert!(!named.is_empty() || (tests == "the same two" && known > 0), "{row}");
        for (file, test) in named {
            let source = std::fs::read_to_string(repository().join(format!("{file}.rs"))).expect(file);
            assert!(source.contains(&format!("fn {test}(")), "{file}.rs has no test {test}");
            known += 1;
        }
    }
}

/// Each target of the fuzzer has a seed corpus, and its property holds of all of it, also of what the fuzzer once found.
#[test]
fn the_properties_hold_of_the_corpus_of_the_fuzzer() {
    let corpus = repository().join("fixtures/fuzz/corpus");
    let targets = std::fs::read_dir(&corpus).expect("it is there").count();
    assert_eq!(targets, properties::ALL.len());
    for (target, holds) in properties::ALL {
        let seeds: Vec<_> = std::fs::read_dir(corpus.join(target)).expect(target).collect();
        assert!(seeds.len() >= 3, "{target}");
        for seed in seeds {
            let path = seed.expect("it can be listed").path();
            println!("{}", path.display());
            holds(&std::fs::read(path).expect("it can be read"));
        }
    }
}

#[test]
fn a_package_has_what_is_compiled_in_and_no_laboratory() {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["package", "--list", "--allow-dirty", "--offline"]).current_dir(repository());
    let listed = Outcome::of(cargo.output().expect("cargo starts"));
    assert_eq!(listed.code, Some(0), "{}", listed.err);
    let has = |file: &str| listed.out.lines().any(|line| line == file);
    for file in [
        "Cargo.lock",
        "README.md",
        "docs/certificates.md",
        "src/main.rs",
        "suites/rules.json",
        "suites/kill-matrix.json",
        "suites/suite.schema.json",
        "reports/run.schema.json",
        "suites/profiles/portable.json",
        "fixtures/keys/plus-and-slash.hex",
        "fixtures/bodies/.gitkeep",
        "tests/common/mod.rs",
        "tests/integration/main_job.rs",
    ] {
        assert!(has(file), "{file} is not in the package:\n{}", listed.out);
    }
    let known = [
        "Cargo",
        "README.md",
        ".cargo_vcs_info.json",
        "docs/",
        "src/",
        "suites/",
        "reports/run.schema.json",
        "tests/",
        "fixtures/keys/",
        "fixtures/bodies/",
    ];
    for file in listed.out.lines() {
        assert!(known.iter().any(|start| file.starts_with(start)), "{file} is in the package");
    }
    assert!(!has("tests/repository.rs"));
}

/// Stands in for ssecheck: tells its arguments, one on each line, and writes to what the reports are to be.
const STAND_IN: &str = r#"#!/bin/sh
if [ "$1" = --version ]; then echo 'ssecheck 0'; exit; fi
printf '<%s>\n' "$@" >arguments
echo '::error::by the server'
for argument; do
    case $argument in
    markdown=*) echo '# summary' >"${argument#*=}" ;;
    github=*) echo '::error title=rule::seen' >"${argument#*=}" ;;
    esac
done
exit 3
"#;

const INPUTS: [&str; 11] = [
    "INPUT_ENDPOINT",
    "INPUT_PLAIN_ENDPOINT",
    "INPUT_PROFILE",
    "INPUT_LABEL",
    "INPUT_REGION",
    "INPUT_CA_FILE",
    "INPUT_BASELINE",
    "INPUT_STRICT_BASELINE",
    "INPUT_CERTIFY",
    "INPUT_REPORTS",
    "INPUT_ARGS",
];

/// The inputs that action.yml gives a default.
const DEFAULTS: [(&str, &str); 4] = [
    ("INPUT_PROFILE", "portable"),
    ("INPUT_STRICT_BASELINE", "false"),
    ("INPUT_CERTIFY", "none"),
    ("INPUT_REPORTS", "ssecheck-reports"),
];

/// A step of the action in a workplace, with these inputs, and of the others what action.yml says.
fn step(workplace: &Workplace, name: &str, inputs: &[(&str, &str)]) -> Outcome {
    let mut bash = Command::new("bash");
    bash.arg(repository().join("fixtures/ci/action")).arg(name).current_dir(workplace.path("")).env_clear();
    bash.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("GITHUB_ACTION_PATH", repository());
    bash.env("GITHUB_OUTPUT", workplace.path("output")).env("GITHUB_STEP_SUMMARY", workplace.path("summary"));
    bash.env("RUNNER_TEMP", workplace.path("temp")).env("RUNNER_OS", "Linux").env("RUNNER_ARCH", "X64");
    bash.envs(INPUTS.map(|input| (input, ""))).envs(DEFAULTS).envs(inputs.iter().copied());
    Outcome::of(bash.output().expect("bash starts"))
}

fn with_stand_in() -> Workplace {
    let workplace = Workplace::new();
    let program = workplace.file("temp/ssecheck/bin/ssecheck", STAND_IN);
    std::fs::set_permissions(program, std::fs::Permissions::from_mode(0o755)).expect("it can be made executable");
    workplace
}

#[test]
fn the_action_passes_inputs_on_as_they_are_and_tells_what_came() {
    let workplace = with_stand_in();
    workplace.file("ssecheck-reports/annotations.txt", "::error::of an earlier run");
    let label = "a $(touch ran) `touch ran`; touch ran";
    let inputs = [
        ("INPUT_ENDPOINT", "https://s3:9000"),
        ("INPUT_PLAIN_ENDPOINT", "none"),
        ("INPUT_LABEL", label),
        ("INPUT_STRICT_BASELINE", "true"),
        ("INPUT_BASELINE", "--insecure"),
        ("INPUT_ARGS", "--only\nput[a b]\n"),
    ];
    let outcome = step(&workplace, "run", &inputs);
    assert_eq!((outcome.code, outcome.err.as_str()), (Some(3), ""), "{outcome:#?}");
    let told = workplace.read("arguments");
    let arguments: Vec<&str> = told.lines().collect();
    let label = format!("<--label={label}>");
    let expected = [
        "<run>",
        "<--endpoint=https://s3:9000>",
        "<--profile=portable>",
        "<--plain-endpoint=none>",
        &label,
        "<--baseline=--insecure>",
        "<--strict-baseline>",
        "<--only>",
        "<put[a b]>",
    ];
    assert_eq!(arguments[..expected.len()], expected);
    assert!(!workplace.path("ran").exists());

    let lines: Vec<&str> = outcome.out.lines().collect();
    let [stop, server, resume, annotation] = lines[..] else { panic!("{lines:?}") };
    let token = stop.strip_prefix("::stop-commands::").expect("commands are stopped while the server is heard");
    assert!(token.len() == 32 && resume == format!("::{token}::"), "{lines:?}");
    assert_eq!((server, annotation), ("::error::by the server", "::error title=rule::seen"));
    assert_eq!(workplace.read("summary"), "# summary\n");
    let outputs = workplace.read("output");
    for output in ["exit-code=3", "junit=ssecheck-reports/junit.xml", "html=ssecheck-reports/report.html"] {
        assert!(outputs.lines().any(|line| line == output), "{output}: {outputs}");
    }
}

/// What the tests give as defaults of inputs is what action.yml has.
#[test]
fn defaults_of_inputs_are_those_of_the_action() {
    let action = std::fs::read_to_string(repository().join("action.yml")).expect("it is there");
    let (inputs, _) = action.split_once("\noutputs:").expect("it has outputs");
    let (mut name, mut found) = (String::new(), Vec::new());
    for line in inputs.lines() {
        if let Some(input) =
            line.strip_prefix("  ").and_then(|line| line.strip_suffix(':')).filter(|it| !it.starts_with(' '))
        {
            name = format!("INPUT_{}", input.to_uppercase().replace('-', "_"));
        } else if let Some(default) = line.strip_prefix("    default: ") {
            found.push((name.clone(), default.trim_matches('"').to_owned()));
        }
    }
    assert_eq!(found, DEFAULTS.map(|(name, default)| (name.to_owned(), default.to_owned())));
}

#[rstest]
#[case::no_endpoint(&[], "the input endpoint is empty")]
#[case::no_profile(&[("INPUT_ENDPOINT", "https://s3"), ("INPUT_PROFILE", "")], "the input profile is empty")]
#[case::no_level(&[("INPUT_ENDPOINT", "https://s3"), ("INPUT_CERTIFY", "")], "the input certify is empty")]
#[case::not_strict(&[("INPUT_ENDPOINT", "https://s3"), ("INPUT_STRICT_BASELINE", "")], "neither true nor false")]
#[case::neither(&[("INPUT_ENDPOINT", "https://s3"), ("INPUT_STRICT_BASELINE", "yes")], "neither true nor false")]
#[case::outputs_in_a_path(&[("INPUT_ENDPOINT", "https://s3"), ("INPUT_REPORTS", "a\nexit-code=0")], "more than one line")]
fn the_action_refuses(#[case] inputs: &[(&str, &str)], #[case] told: &str) {
    let workplace = with_stand_in();
    let outcome = step(&workplace, "run", inputs);
    assert_eq!(outcome.code, Some(2), "{outcome:#?}");
    assert!(outcome.out.starts_with("::error") && outcome.out.contains(told), "{}", outcome.out);
    assert!(!workplace.path("arguments").exists());
}

#[test]
fn the_action_installs_nothing_where_the_cache_had_it() {
    let workplace = with_stand_in();
    let outcome = step(&workplace, "install", &[]);
    assert_eq!((outcome.code, outcome.out.as_str()), (Some(0), "ssecheck 0\n"), "{outcome:#?}");
}

#[test]
fn the_cache_of_the_action_is_named_by_source_and_system() {
    let workplace = Workplace::new();
    let outcome = step(&workplace, "key", &[]);
    assert_eq!(outcome.code, Some(0), "{outcome:#?}");
    let output = workplace.read("output");
    let digest = output.strip_prefix("key=ssecheck-Linux-other-X64-").expect(&output).trim_end();
    assert!(digest.len() == 32 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()), "{output}");
}

/// The modules of a folder, each with the modules of it that it imports outside of tests.
fn imports(folder: &str) -> BTreeMap<String, BTreeSet<String>> {
    let import = Regex::new(r"(?:super|self)::(\w+)").expect("it is a pattern");
    let files =
        std::fs::read_dir(repository().join(folder)).expect("it is there").map(|file| file.expect("it is").path());
    let sources = files.filter(|file| file.extension().is_some_and(|end| end == "rs")).map(|file| {
        let name = file.file_stem().expect("it has a name").to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&file).expect("it is text");
        (name, text.split("#[cfg(test)]").next().unwrap_or_default().to_owned())
    });
    let sources: BTreeMap<String, String> = sources.collect();
    let of = |name: &str, text: &str| {
        let named = import.captures_iter(text).map(|found| found[1].to_owned());
        named.filter(|found| sources.contains_key(found) && found != name).collect()
    };
    sources.iter().map(|(name, text)| (name.clone(), of(name, text))).collect()
}

#[rstest]
#[case("src/reference")]
fn no_import_goes_in_a_circle(#[case] folder: &str) {
    let mut left = imports(folder);
    assert!(left.len() > 20, "{left:?}");
    loop {
        let free: Vec<String> =
            left.iter().filter(|(_, needs)| needs.is_empty()).map(|(name, _)| name.clone()).collect();
        if free.is_empty() {
            break;
        }
        left.retain(|name, _| !free.contains(name));
        left.values_mut().for_each(|needs| needs.retain(|name| !free.contains(name)));
    }
    assert!(left.is_empty(), "these import each other: {left:?}");
}

#[test]
fn the_honest_reference_knows_of_no_faults() {
    let word = Regex::new(r"(?i)\bfault").expect("it is a pattern");
    for name in imports("src/reference").keys() {
        let text =
            std::fs::read_to_string(repository().join("src/reference").join(format!("{name}.rs"))).expect("it is text");
        assert!(!word.is_match(&text), "src/reference/{name}.rs speaks of faults");
    }
}
