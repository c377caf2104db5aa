//! The names of objects in a suite: each is one object below the run's prefix, however servers and proxies read paths.

use percent_encoding::percent_decode_str;

use super::limits::MAX_OBJECT_NAME;

/// Whether a suite may give an object this name.
///
/// # Errors
/// Why not, as a clause for people.
pub fn check(name: &str) -> Result<(), &'static str> {
    if name.is_empty() {
        return Err("it is empty");
    }
    if name.len() > MAX_OBJECT_NAME {
        return Err("it is longer than S3 allows");
    }
    if name.chars().any(char::is_control) {
        return Err("it holds a control character");
    }
    if name.contains("${") {
        return Err("S3 fills in `${filename}` in forms: the object would be another");
    }
    if climbs(name) {
        return Err("`.` and `..` between slashes may lead to other objects");
    }
    Ok(())
}

/// Whether a path has a segment that servers, proxies or HTTP clients may resolve: `.` or `..`, also percent-encoded (once
/// or more often), between backslashes, or with parameters (`..;x`).
#[must_use]
pub fn climbs(path: &str) -> bool {
    let has_dots = path.split(['/', '\\']).any(|segment| matches!(segment.split(';').next(), Some("." | "..")));
    let decoded = percent_decode_str(path).decode_utf8_lossy();
    has_dots || (decoded != path && climbs(&decoded))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case::parent("..")]
    #[case::in_the_middle("a/../../b")]
    #[case::itself("a/./b")]
    #[case::encoded("a/%2e%2E/b")]
    #[case::encoded_slash("..%2fb")]
    #[case::encoded_twice("%252e%252e/b")]
    #[case::backslash("a\\..\\b")]
    #[case::with_a_parameter("..;a=b/c")]
    #[case::empty("")]
    #[case::line_break("a\nb")]
    #[case::filled_in_by_the_server("a-${filename}")]
    #[case::long(&"a".repeat(MAX_OBJECT_NAME + 1))]
    fn what_may_lead_elsewhere_is_refused(#[case] name: &str) {
        assert!(check(name).is_err());
    }

    #[rstest::rstest]
    #[case("...")]
    #[case("a..b/.hidden/c.")]
    #[case("a//b")]
    #[case("100%")]
    #[case("ä € 🗝 +&=?#%2B")]
    #[case("back\\slash")]
    #[case(&"a".repeat(MAX_OBJECT_NAME))]
    fn what_is_one_object_is_taken(#[case] name: &str) {
        assert_eq!(check(name), Ok(()));
    }
}
