//! Rules for names: buckets, key prefixes, regions.

use std::net::Ipv4Addr;

const LONGEST_PREFIX: usize = 256;

/// What is wrong with a bucket name, if anything.
///
/// These are the rules of general-purpose buckets that services share; each service may have more.
pub(crate) fn bucket_fault(name: &str) -> Option<&'static str> {
    let is_edge = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = name.as_bytes();
    if !(3..=63).contains(&bytes.len()) {
        Some("it must be 3 to 63 characters long")
    } else if !bytes.iter().all(|&byte| is_edge(byte) || byte == b'-' || byte == b'.') {
        Some("only lower-case letters, digits, `-` and `.` may be in it")
    } else if !is_edge(bytes[0]) || !is_edge(bytes[bytes.len() - 1]) {
        Some("it must begin and end with a letter or a digit")
    } else if name.contains("..") {
        Some("two dots may not follow each other")
    } else if name.parse::<Ipv4Addr>().is_ok() {
        Some("it may not look like an IP address")
    } else {
        None
    }
}

/// What is wrong with a key prefix, if anything.
pub(crate) fn prefix_fault(prefix: &str) -> Option<&'static str> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._/-".contains(&byte);
    if prefix.len() > LONGEST_PREFIX {
        Some("it may be 256 bytes long at most")
    } else if prefix.starts_with('/') {
        Some("it may not begin with `/`")
    } else if !prefix.bytes().all(is_allowed) {
        Some("only the characters A-Z, a-z, 0-9, `.`, `_`, `/` and `-` may be in it")
    } else if prefix.split('/').any(|segment| segment == "." || segment == "..") {
        Some("a segment `.` or `..` would not survive in a URL")
    } else {
        None
    }
}

/// What is wrong with a region, if anything. It becomes a part of the signature's scope, which `/` separates.
pub(super) fn region_fault(region: &str) -> Option<&'static str> {
    if region.is_empty() {
        Some("it is empty")
    } else if !region.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)) {
        Some("only letters, digits, `-`, `_` and `.` may be in it")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("abc", true)]
    #[case("a-b.c-9", true)]
    #[case(&"a".repeat(63), true)]
    #[case(&"a".repeat(64), false)]
    #[case("ab", false)]
    #[case("Abc", false)]
    #[case("a_bc", false)]
    #[case("a/bc", false)]
    #[case("-abc", false)]
    #[case("abc.", false)]
    #[case("a..b", false)]
    #[case("192.168.5.4", false)]
    fn judges_buckets(#[case] name: &str, #[case] good: bool) {
        assert_eq!(bucket_fault(name).is_none(), good);
    }

    #[rstest]
    #[case("", true)]
    #[case("ssecheck/", true)]
    #[case("A.b_c-9/d", true)]
    #[case("...", true)]
    #[case(&"p".repeat(256), true)]
    #[case(&"p".repeat(257), false)]
    #[case("/p", false)]
    #[case("p q", false)]
    #[case("p%20", false)]
    #[case("é", false)]
    #[case("a/../b", false)]
    #[case("./a", false)]
    fn judges_prefixes(#[case] prefix: &str, #[case] good: bool) {
        assert_eq!(prefix_fault(prefix).is_none(), good);
    }

    #[rstest]
    #[case("us-east-1", true)]
    #[case("garage", true)]
    #[case("", false)]
    #[case("a/b", false)]
    #[case("a b", false)]
    fn judges_regions(#[case] region: &str, #[case] good: bool) {
        assert_eq!(region_fault(region).is_none(), good);
    }
}
