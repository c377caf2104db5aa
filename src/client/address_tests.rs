//! Whatever a suite says, a request goes to the tester's endpoint, and to the objects of its own case.

use proptest::prelude::*;
use url::Url;

use super::*;
use crate::client::samples;

const PREFIX: &str = "ssecheck/run/case/";

fn target(addressing: Addressing) -> Target {
    Target {
        plain: Some(Url::parse("http://s3.example:9001").unwrap()),
        addressing,
        ..samples::target("https://s3.example:9000")
    }
}

fn url_of(request: &Request, addressing: Addressing) -> Result<Url, BuildError> {
    let (keys, bodies, answers) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    let earlier = Earlier { keys: &keys, bodies: &bodies, answers: &answers, steps: &[] };
    let place = Place { bucket: "bucket".to_owned(), prefix: PREFIX.to_owned() };
    build(request, &place, &target(addressing), &earlier).map(|prepared| prepared.url)
}

fn reading(object: &str) -> Request {
    Request { operation: Some(Operation::GetObject), object: Some(object.to_owned()), ..Request::default() }
}

#[rstest::rstest]
#[case::other_bucket("../../../../other-bucket/secret")]
#[case::itself("a/./b")]
#[case::at_the_end("a/..")]
fn a_key_that_would_address_something_else_is_refused(
    #[case] object: &str,
    #[values(Addressing::Path, Addressing::Virtual)] addressing: Addressing,
) {
    let refused = BuildError::OtherPath(format!("{PREFIX}{object}"));
    assert_eq!(url_of(&reading(object), addressing).unwrap_err(), refused);
    let source = CopySource { object: Some(object.to_owned()), ..CopySource::default() };
    let copy =
        Request { operation: Some(Operation::CopyObject), copy_source: Some(Box::new(source)), ..Request::default() };
    assert_eq!(url_of(&copy, addressing).unwrap_err(), refused);
}

#[rstest::rstest]
#[case::encoded("%2e%2e/x", "%252e%252e/x")]
#[case::backslashes("a\\..\\b", "a%5C..%5Cb")]
#[case::marks("a?b#c", "a%3Fb%23c")]
#[case::line_break("a\r\nHost: evil", "a%0D%0AHost%3A%20evil")]
#[case::only_slashes("//evil.example/x", "//evil.example/x")]
fn what_has_a_meaning_in_urls_is_written_as_text(#[case] object: &str, #[case] written: &str) {
    let url = url_of(&reading(object), Addressing::Path).unwrap();
    assert_eq!(url.as_str(), format!("https://s3.example:9000/bucket/{PREFIX}{written}"));
}

proptest! {
    #[test]
    fn no_object_name_and_no_query_leads_elsewhere(
        object in "(\\.\\.|/|\\.|%2e|[\\\\%2eEfF5cC@:?#;]|\\PC|\r|\n|evil\\.example){0,12}",
        name in "\\PC{0,8}",
        value in "\\PC{0,8}",
        addressing in prop_oneof![Just(Addressing::Path), Just(Addressing::Virtual)],
    ) {
        let request = Request { query: Some(BTreeMap::from([(name, value)])), ..reading(&object) };
        if let Ok(url) = url_of(&request, addressing) {
            let (host, path) = match addressing {
                Addressing::Path => ("s3.example", format!("/bucket/{PREFIX}")),
                Addressing::Virtual => ("bucket.s3.example", format!("/{PREFIX}")),
            };
            prop_assert_eq!((url.scheme(), url.host_str(), url.port()), ("https", Some(host), Some(9000)));
            prop_assert!(url.path().starts_with(&path) && url.username().is_empty(), "{}", url);
            let key = percent_encoding::percent_decode_str(&url.path()[path.len()..]).decode_utf8().unwrap().into_owned();
            prop_assert_eq!(key, object);
        }
    }
}
