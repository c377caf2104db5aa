//! What strangers and endpoints send, by chance: the same properties that are fuzzed (`fixtures/fuzz`).

use crate::properties;
use proptest::prelude::*;
use proptest::sample::Index;

const RECORD: &[u8] = include_bytes!("../properties/record.json");

/// Pieces of suites that change what stands around them.
const PIECES: [&str; 12] = [
    "\"repeat\": 10000,",
    "\"${n}\"",
    "${header.id}",
    "\"any_of\": [{}],",
    "\"../../x\"",
    "[[[[",
    "]}",
    "\u{1b}[2J",
    "\"matches\": \"(a{99}){99}\"",
    "1e30",
    "null",
    "\"query\": {\"acl\": \"\"},",
];

/// Bytes with a few pieces cut out, doubled, or put in.
fn damaged(whole: &'static [u8]) -> impl Strategy<Value = Vec<u8>> {
    let change = (any::<Index>(), 0usize..40, prop_oneof![Just(None), (0..PIECES.len()).prop_map(Some)]);
    prop::collection::vec(change, 1..4).prop_map(move |changes| {
        let mut bytes = whole.to_vec();
        for (place, length, piece) in changes {
            let from = place.index(bytes.len() + 1);
            let to = bytes.len().min(from + length);
            let instead = piece.map_or(&[][..], |piece| PIECES[piece].as_bytes()).to_vec();
            bytes.splice(from..to, instead);
        }
        bytes
    })
}

fn suites() -> impl Strategy<Value = Vec<u8>> {
    let sources = ssecheck::suite::embedded();
    (0..sources.len())
        .prop_flat_map(move |which| damaged(Box::leak(sources[which].text.clone().into_bytes().into_boxed_slice())))
}

fn documents() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("<Error>".to_owned()),
        Just("</Error>".to_owned()),
        Just("<s3:Code a=\"b\">".to_owned()),
        Just("</s3:Code>".to_owned()),
        Just("<E/>".to_owned()),
        Just("<![CDATA[&amp;]]>".to_owned()),
        Just("<!DOCTYPE a [<!ENTITY e \"eeee\">]>".to_owned()),
        Just("<?xml version=\"1.0\"?>".to_owned()),
        Just("<!-- -->".to_owned()),
        "&(amp|lt|e|#[0-9]{1,7}|#x[0-9a-f]{1,6});?",
        "\\PC{0,5}",
        "[\r\n\t <>&;]{0,3}",
    ];
    let inner = prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat());
    prop_oneof![inner.clone(), inner.prop_map(|inner| format!("<Error><Code>{inner}</Code></Error>"))]
}

fn answers() -> impl Strategy<Value = Vec<u8>> {
    let header = prop_oneof![
        Just("etag: \"0123456789abcdef0123456789abcdef\"".to_owned()),
        Just("ETag: \"0123456789abcdef0123456789abcdef-2\"".to_owned()),
        Just("x-amz-server-side-encryption-customer-algorithm: AES256".to_owned()),
        "x-amz-server-side-encryption-customer-key-md5: [A-Za-z0-9+/]{22}==",
        "x-amz-(version-id|request-id|id-2|delete-marker): \\PC{0,8}",
        "(content-length|last-modified|location): \\PC{0,8}",
        "\\PC{0,12}:\\PC{0,12}",
    ];
    let status = prop_oneof![Just("100".to_owned()), Just("300".to_owned()), Just("304".to_owned()), "[0-9]{0,4}"];
    let body = prop_oneof![documents().prop_map(String::into_bytes), prop::collection::vec(any::<u8>(), 0..40)];
    (any::<[u8; 2]>(), status, prop::collection::vec(header, 0..6), body).prop_map(|(which, status, headers, body)| {
        [&which[..], status.as_bytes(), b"\n", headers.join("\n").as_bytes(), b"\n\n", &body].concat()
    })
}

#[test]
fn the_record_that_is_damaged_is_one() {
    assert!(ssecheck::record::parse(RECORD, std::path::Path::new("run.json")).is_ok());
    properties::run_record(RECORD);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_suite_is_loaded_or_its_mistakes_are_told(bytes in suites()) {
        properties::suite(&bytes);
    }

    #[test]
    fn a_record_is_rendered_or_refused(bytes in damaged(RECORD)) {
        properties::run_record(&bytes);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn xml_is_read_within_limits(text in documents()) {
        properties::error_xml(text.as_bytes());
    }

    #[test]
    fn no_answer_passes_by_chance(bytes in answers()) {
        properties::answer(&bytes);
    }
}
