//! The examples of `ssecheck serve --help`, run word by word where no network is to be reached.

use std::process::{Command, Stdio};

use crate::common::{Outcome, Workplace, program};

/// Stands in for the AWS CLI: tells where its requests would go.
const AWS: &str =
    "#!/bin/sh\necho \"aws would ask $AWS_ENDPOINT_URL_S3 and $AWS_ENDPOINT_URL, trusting $AWS_CA_BUNDLE\"\n";

/// The examples but for the last two, whose commands go on until they are stopped.
fn examples(workplace: &Workplace) -> String {
    let help = workplace.run("serve --help").out;
    let after = help.split_once("Examples:\n").expect("it has examples").1;
    let lines: Vec<&str> = after.lines().take_while(|line| !line.is_empty()).map(str::trim).collect();
    assert!(lines.len() == 7 && lines[5..].iter().all(|line| line.contains("--fault")), "{lines:?}");
    lines[..5].join("\n")
}

/// A shell without any network but its own loopback; `None` where the machine forbids that.
fn without_a_route(script: &str) -> Option<Command> {
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--net", "sh", "-ec"]);
    let mut tried = Command::new("unshare");
    tried.args(["--map-root-user", "--net", "sh", "-ec", "ip link set lo up"]).stderr(Stdio::null());
    if !tried.status().is_ok_and(|status| status.success()) {
        return None;
    }
    command.arg(format!("ip link set lo up\n{script}"));
    Some(command)
}

#[test]
#[ignore = "a whole run"]
fn the_examples_reach_nothing_but_the_served_endpoint() {
    use std::os::unix::fs::PermissionsExt as _;
    let workplace = Workplace::new();
    let aws = workplace.file("bin/aws", AWS);
    std::fs::set_permissions(&aws, std::fs::Permissions::from_mode(0o755)).expect("it is ours");
    std::os::unix::fs::symlink(std::path::absolute(program()).expect("it is a path"), workplace.path("bin/ssecheck"))
        .expect("a link can be made");
    let script = format!("{}\nkill $!", examples(&workplace));
    let Some(mut command) = without_a_route(&script) else {
        // Loud, as nothing was tested.
        eprintln!("SKIPPED: this machine forbids network namespaces; nothing shows that the examples do not reach AWS");
        return;
    };
    let path = format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", workplace.path("bin").display());
    command.current_dir(workplace.path("")).env_clear().env("HOME", workplace.path("")).env("PATH", path);
    let outcome = Outcome::of(command.output().expect("a shell starts"));
    assert_eq!(outcome.code, Some(0), "{outcome:#?}");
    // The reference endpoint is no product, and nobody asked for a level of it by name.
    assert!(outcome.out.contains("core limited"), "{}", outcome.out);
    let asked = outcome.out.lines().find(|line| line.starts_with("aws would ask")).expect("aws was called");
    assert_eq!(asked.matches("https://localhost:9443/").count(), 2, "{asked}");
    let bundle = asked.rsplit(' ').next().expect("it has words");
    assert!(std::path::Path::new(bundle).is_absolute() && bundle.ends_with("/ca.pem"), "{asked}");
}
