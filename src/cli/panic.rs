//! What a panic shows: where it was, and nothing of what it was about, which could hold anything.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::{Location, PanicHookInfo};

/// Has every panic of the process, on whatever thread, show its place and never its message.
pub(super) fn show_only_the_place() {
    std::panic::set_hook(Box::new(|panic: &PanicHookInfo<'_>| {
        super::say(&told(panic.location(), &Backtrace::capture()));
    }));
}

/// What is said of a panic. A backtrace is there where `RUST_BACKTRACE` asks for one; it names functions and lines, and no
/// values.
fn told(place: Option<&Location<'_>>, backtrace: &Backtrace) -> String {
    let place = place.map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
    let mut text = format!(
        "ssecheck: a mistake of ssecheck's own, at {place} (version {}).\n  What it was about is not shown, because it \
         could hold a secret. Please report this line with the command that you gave;\n  with RUST_BACKTRACE=1 it says \
         more of the place.",
        env!("CARGO_PKG_VERSION")
    );
    if backtrace.status() == BacktraceStatus::Captured {
        text.push_str(&format!("\n{backtrace}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use rstest::rstest;

    use super::*;

    const CANARY: &str = "c4nary customer key";
    const ASKED: &str = "SSECHECK_TEST_PANICS";

    /// Panics where it is started again for that.
    #[rstest]
    #[case::without_a_backtrace("0")]
    #[case::with_a_backtrace("1")]
    fn only_the_place_is_shown(#[case] backtrace: &str) {
        if std::env::var_os(ASKED).is_some() {
            show_only_the_place();
            let bytes = CANARY.as_bytes();
            panic!("{CANARY} {bytes:?}");
        }
        let name = std::thread::current().name().map(str::to_owned).expect("tests have names");
        let mut again = Command::new(std::env::current_exe().expect("it runs"));
        again.args([&name, "--exact", "--nocapture"]).env(ASKED, "1").env("RUST_BACKTRACE", backtrace);
        let output = again.output().expect("it starts again");
        let shown = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(!output.status.success(), "{shown}");
        let place = format!("at {}:", file!());
        assert!(shown.contains(&place) && shown.contains(env!("CARGO_PKG_VERSION")), "{shown}");
        assert!(!shown.contains(CANARY) && !shown.contains(&format!("{:?}", CANARY.as_bytes())), "{shown}");
        assert_eq!(shown.contains("std::panicking"), backtrace == "1", "{shown}");
    }
}
