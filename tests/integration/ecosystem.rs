//! Shell completions and manual pages, by the built binary.

use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::common::{Outcome, Workplace};
use rstest::rstest;

/// The commands, by what the help lists.
fn commands(workplace: &Workplace) -> Vec<String> {
    let help = workplace.run("--help").out;
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    // What is further in goes on from the line before.
    let named = listed.filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    named.filter(|name| !["", "help"].contains(name)).map(str::to_owned).collect()
}

#[rstest]
#[case("bash", "complete -F _ssecheck")]
#[case("zsh", "#compdef ssecheck")]
#[case("fish", "complete -c ssecheck")]
#[case("elvish", "edit:completion:arg-completer[ssecheck]")]
#[case("powershell", "Register-ArgumentCompleter")]
fn every_shell_has_a_script_with_all_commands(#[case] shell: &str, #[case] mark: &str) {
    let workplace = Workplace::new();
    let outcome = workplace.run(&format!("completions {shell}"));
    assert_eq!((outcome.code, outcome.err.as_str()), (Some(0), ""));
    assert!(outcome.out.contains(mark), "{}", outcome.out);
    let commands = commands(&workplace);
    assert!(commands.len() > 10, "{commands:?}");
    for command in commands {
        assert!(outcome.out.contains(&command), "{shell}: {command}");
    }
}

/// What bash offers for the last of these words, in a folder with the file `known.json`.
fn offered(words: &[&str]) -> String {
    let workplace = Workplace::new();
    workplace.file("known.json", "{}");
    let script = workplace.run("completions bash").out;
    let ask = format!(
        "{script}\nCOMP_WORDS=({})\nCOMP_CWORD={}\n_ssecheck ssecheck {} {}\nprintf '%s\\n' \"${{COMPREPLY[@]}}\"\n",
        words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" "),
        words.len() - 1,
        format_args!("'{}'", words[words.len() - 1]),
        format_args!("'{}'", words[words.len() - 2]),
    );
    let mut bash = Command::new("bash");
    bash.arg("--norc").arg("-s").current_dir(workplace.path(""));
    let mut bash = bash.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("bash runs");
    bash.stdin.take().expect("it is piped").write_all(ask.as_bytes()).expect("bash reads");
    let outcome = Outcome::of(bash.wait_with_output().expect("bash ends"));
    assert_eq!((outcome.code, outcome.err.as_str()), (Some(0), ""), "{words:?}");
    outcome.out
}

#[rstest]
#[case::command(&["ssecheck", "bas"], "baseline")]
#[case::option(&["ssecheck", "run", "--strict"], "--strict-baseline")]
#[case::value(&["ssecheck", "run", "--certify", "f"], "full")]
#[case::path_of_an_option(&["ssecheck", "run", "--baseline", "know"], "known.json")]
fn bash_completes(#[case] words: &[&str], #[case] expected: &str) {
    let offered = offered(words);
    assert!(offered.lines().any(|line| line == expected), "{words:?}: {offered}");
}

#[test]
fn zsh_completes_paths() {
    let script = Workplace::new().run("completions zsh").out;
    for path in ["--baseline=", "--ca-file=", "--config=", "--keep=", "*::runs ", "*::suites ", ":before ", "*::files "]
    {
        let line = script.lines().find(|line| line.contains(path)).unwrap_or_else(|| panic!("no {path} in {script}"));
        assert!(line.contains(":_files"), "{line}");
    }
    assert!(script.lines().any(|line| line.contains("::folder ") && line.contains(":_files -/")), "{script}");
}

#[test]
fn the_main_page_lists_the_commands() {
    let workplace = Workplace::new();
    let page = workplace.run("man");
    assert_eq!((page.code, page.err.as_str()), (Some(0), ""));
    let version = format!(r#""ssecheck {}""#, env!("CARGO_PKG_VERSION"));
    assert!(page.out.lines().any(|line| line.starts_with(".TH ssecheck 1") && line.contains(&version)), "{}", page.out);
    for command in commands(&workplace) {
        assert!(page.out.contains(&format!(r"ssecheck\-{command}(1)")), "{command}: {}", page.out);
    }
    assert!(page.out.contains("Exit codes"), "{}", page.out);
}

#[test]
fn a_folder_gets_a_page_for_each_command() {
    let workplace = Workplace::new();
    let outcome = workplace.run("man made/man1");
    assert_eq!((outcome.code, outcome.out.as_str(), outcome.err.as_str()), (Some(0), "", ""));
    let mut expected: Vec<String> = commands(&workplace).iter().map(|name| format!("ssecheck-{name}.1")).collect();
    expected.push("ssecheck.1".to_owned());
    expected.sort();
    let files = std::fs::read_dir(workplace.path("made/man1")).expect("it was made");
    let mut names: Vec<String> =
        files.map(|file| file.expect("it can be listed").file_name().display().to_string()).collect();
    names.sort();
    assert_eq!(names, expected);
    for name in names {
        let title = format!(".TH {} 1 ", name.trim_end_matches(".1"));
        let page = workplace.read(&format!("made/man1/{name}"));
        assert!(page.lines().any(|line| line.starts_with(&title) && line.contains(r#""ssecheck "#)), "{name}: {page}");
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let workplace = Workplace::new();
    workplace.file("taken", "");
    let outcome = workplace.run("man taken");
    assert_eq!(outcome.code, Some(2), "{outcome:#?}");
    assert!(outcome.err.contains("taken") && outcome.err.contains("choose another folder"), "{}", outcome.err);
}

#[rstest]
#[case("completions tcsh", "possible values: bash, elvish, fish, powershell, zsh")]
#[case("completions", "<SHELL>")]
fn a_shell_must_be_named(#[case] words: &str, #[case] told: &str) {
    let outcome = Workplace::new().run(words);
    assert_eq!(outcome.code, Some(2), "{outcome:#?}");
    assert!(outcome.err.contains(told), "{}", outcome.err);
}
