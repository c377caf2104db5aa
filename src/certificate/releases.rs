//! The versions of ssecheck that there are: a certificate that names another was not made by any.

use time::Date;
use time::macros::date;

/// Each version, and the day before which nothing was made by it, by Coordinated Universal Time.
pub(super) const RELEASES: [(&str, Date); 1] = [("0.1.0", date!(2026 - 11 - 24))];

/// The day from which the former format is not written any more, by Coordinated Universal Time.
pub(super) const FORMER_UNTIL: Date = date!(2026 - 12 - 02);

/// The day from which there is a version; `None` if there is none.
pub(super) fn released(version: &str) -> Option<Date> {
    RELEASES.into_iter().find(|(known, _)| *known == version).map(|(_, day)| day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_version_is_known() {
        assert!(released(env!("CARGO_PKG_VERSION")).is_some(), "enter the version and the day of its release");
        assert_eq!(released("9.9.9"), None);
    }
}
