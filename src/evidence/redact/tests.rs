use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use proptest::prelude::*;
use rstest::rstest;

use super::*;

/// A text of its own from every byte of a key.
fn of_each(key: &[u8], separator: &str, written: impl Fn(u8) -> String) -> String {
    key.iter().map(|byte| written(*byte)).collect::<Vec<_>>().join(separator)
}

/// Bytes as the text of the Latin-1 characters of those numbers.
fn latin1(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

/// JSON with nothing but ASCII in it, as Python's `json` writes it.
fn json_ascii(text: &str) -> String {
    let json = serde_json::to_string(text).expect("texts are JSON");
    json.chars().map(|c| if c.is_ascii() { c.to_string() } else { format!("\\u{:04x}", u32::from(c)) }).collect()
}

/// Percent-encoding in which unreserved characters stand for themselves (RFC 3986, section 2.3).
fn percent(bytes: &[u8]) -> String {
    const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    percent_encode(bytes, RESERVED).to_string()
}

/// Everything but letters and digits as character references.
fn references(text: &str, written: impl Fn(u32) -> String) -> String {
    text.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_string() } else { written(u32::from(c)) }).collect()
}

/// As PHP's `htmlentities` writes some characters, and HTML 5 some more.
fn named(text: &str) -> String {
    let names = [
        ('&', "amp"),
        ('<', "lt"),
        ('>', "gt"),
        ('"', "quot"),
        ('\'', "apos"),
        ('+', "plus"),
        ('/', "sol"),
        ('=', "equals"),
        ('\u{e9}', "eacute"),
        ('\u{a0}', "nbsp"),
        ('\u{ff}', "yuml"),
        ('\u{b5}', "micro"),
    ];
    let name = |c| names.iter().find(|(named, _)| *named == c).map(|(_, name)| format!("&{name};"));
    text.chars().map(|c| name(c).unwrap_or_else(|| c.to_string())).collect()
}

/// What a server's error document, header or debugging line may hold of a key, each with its name.
fn encodings(key: &[u8]) -> Vec<(&'static str, String)> {
    let base64 = STANDARD.encode(key);
    let json = |text: &str| format!("{{\"user\": \"me\", \"key\": {}}}", serde_json::to_string(text).expect("JSON"));
    let within = |before: &str, text: &[u8]| STANDARD.encode([before.as_bytes(), text, b" and more"].concat());
    let wrapped = |width: usize, end: &str| {
        let long = STANDARD.encode([b"what comes before it in a long text", key, b"and after"].concat());
        let lines: Vec<&str> = long.as_bytes().chunks(width).map(|l| std::str::from_utf8(l).expect("ASCII")).collect();
        lines.join(end)
    };
    vec![
        ("base64", base64.clone()),
        ("base64 unpadded", STANDARD_NO_PAD.encode(key)),
        ("base64url", URL_SAFE.encode(key)),
        ("base64url unpadded", URL_SAFE_NO_PAD.encode(key)),
        ("base64 without its last group", base64[..base64.len() - 4].to_owned()),
        ("the beginning in base64", base64[..base64.len().min(20)].to_owned()),
        ("the beginning in hexadecimal", hex::encode(&key[..12])),
        ("base64 twice", STANDARD.encode(&base64)),
        ("base64 thrice", STANDARD.encode(STANDARD.encode(&base64))),
        ("base64 after nothing", within("", key)),
        ("base64 after one byte", within("k", key)),
        ("base64 after two bytes", within("k:", key)),
        ("base64 of credentials", URL_SAFE.encode([b"user:", key].concat())),
        ("base64 of JSON", STANDARD.encode(json(&base64))),
        ("base64 of a header", within("key:", base64.as_bytes())),
        ("base64 of hexadecimal", within("key: ", hex::encode(key).as_bytes())),
        ("base64 in a path", format!("/a/{base64}/b")),
        ("base64 in lines of 60", wrapped(60, "\n")),
        ("base64 in lines of 76 in JSON", wrapped(76, "\\r\\n")),
        ("base64 with blanks for its plus signs", base64.replace('+', " ")),
        ("base64 with blanks", of_each(base64.as_bytes(), " ", |b| char::from(b).to_string())),
        ("base64 in lines that are indented", wrapped(60, "\n    ")),
        ("base64 in UTF-16", of_each(base64.as_bytes(), "\0", |b| char::from(b).to_string())),
        ("octal escapes", of_each(key, "", |b| format!("\\{b:03o}"))),
        ("base64 in percent-encoding", percent(base64.as_bytes())),
        (
            "base64 in percent-encoding of lower case",
            percent(base64.as_bytes()).replace("%2B", "%2b").replace("%2F", "%2f"),
        ),
        ("base64 in percent-encoding twice", percent(percent(base64.as_bytes()).as_bytes())),
        ("base64 in JSON", base64.replace('/', "\\/")),
        ("base64 in JSON for HTML", base64.replace('+', "\\u002B").replace('/', "\\u002f").replace('=', "\\u003d")),
        ("base64 in JSON in JSON", base64.replace('/', "\\\\\\/").replace('+', "\\\\u002b")),
        ("base64 in XML", references(&base64, |c| format!("&#{c};"))),
        ("base64 in XML in hexadecimal", references(&base64, |c| format!("&#x{c:X};"))),
        ("base64 in XML by name", named(&base64)),
        ("base64 in XML in XML", named(&named(&base64))),
        ("hexadecimal", hex::encode(key)),
        ("hexadecimal in upper case", hex::encode_upper(key)),
        ("hexadecimal after a digit", format!("0{}", hex::encode(key))),
        ("hexadecimal with colons", of_each(key, ":", |b| format!("{b:02X}"))),
        ("hexadecimal with blanks", of_each(key, " ", |b| format!("{b:02x}"))),
        ("hexadecimal as an array", of_each(key, ", ", |b| format!("0x{b:02x}"))),
        ("hexadecimal escapes", of_each(key, "", |b| format!("\\x{b:02x}"))),
        ("hexadecimal of base64", hex::encode(&base64)),
        ("hexadecimal of base64 with blanks", of_each(base64.as_bytes(), " ", |b| format!("{b:02x}"))),
        ("decimal", format!("{key:?}")),
        ("decimal in short", of_each(key, ",", |b| b.to_string())),
        ("decimal with blanks", of_each(key, " ", |b| b.to_string())),
        ("decimal with signs", of_each(key, ", ", |b| (b as i8).to_string())),
        ("decimal in lines", format!("{:#?}", key)),
        ("percent-encoding", percent(key)),
        ("percent-encoding of lower case", of_each(key, "", |b| format!("%{b:02x}"))),
        ("percent-encoding of a form", url::form_urlencoded::byte_serialize(key).collect()),
        ("percent-encoding twice", percent(percent(key).as_bytes())),
        ("percent-encoding of UTF-8", percent(latin1(key).as_bytes())),
        ("UTF-8", latin1(key)),
        ("JSON", serde_json::to_string(&latin1(key)).expect("JSON")),
        ("JSON in ASCII", json_ascii(&latin1(key))),
        ("JSON in percent-encoding", percent(json_ascii(&latin1(key)).as_bytes())),
        ("a debugged text", format!("{:?}", latin1(key))),
        ("debugged bytes", format!("{}", key.escape_ascii())),
        ("XML", references(&latin1(key), |c| format!("&#{c};"))),
        ("XML in hexadecimal", references(&latin1(key), |c| format!("&#x{c:x};"))),
        ("XML by name", named(&latin1(key))),
    ]
}

fn key() -> impl Strategy<Value = Vec<u8>> {
    // The lengths that suites ask for, and bytes of which many must be escaped.
    let length = prop_oneof![Just(32usize), Just(12), Just(16), Just(24), Just(31), Just(33), Just(64)];
    let byte = prop_oneof![8 => any::<u8>(), 1 => Just(b' '), 1 => Just(b'+'), 1 => Just(b'&'), 1 => Just(0xe9)];
    length.prop_flat_map(move |length| proptest::collection::vec(byte.clone(), length))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_encoding_of_a_key_survives(key in key(), before in "[ -~]{0,8}") {
        let other: Vec<u8> = key.iter().map(|byte| byte ^ 0x5a).collect();
        let redactor = Redactor::new([("OTHER", other.as_slice()), ("K", key.as_slice())]);
        for (name, encoding) in encodings(&key) {
            let text = format!("{before}={encoding}; then");
            let (blotted, names) = redactor.searched(text.as_bytes());
            prop_assert_eq!(names, vec!["K".to_owned()], "{}: {}", name, text);
            prop_assert!(!blotted.contains(&encoding) && blotted.contains(REDACTED), "{}: {}", name, blotted);
            prop_assert!(blotted.ends_with("; then"), "{}: {}", name, blotted);
            // Nothing is left of it that could be found.
            prop_assert!(redactor.found(blotted.as_bytes()).is_empty(), "{}: {}", name, blotted);
        }
        prop_assert_eq!(redactor.found(&key), vec!["K".to_owned()]);
        prop_assert_eq!(redactor.found(&[b"\xff".as_slice(), &key].concat()), vec!["K".to_owned()]);
    }

    #[test]
    fn what_is_blotted_out_is_the_secret_and_no_more(key in proptest::collection::vec(any::<u8>(), 32)) {
        let redactor = Redactor::new([("K", key.as_slice())]);
        let base64 = STANDARD.encode(&key);
        let cases = [
            (format!("<Key>{base64}</Key>"), format!("<Key>{REDACTED}</Key>")),
            (format!("a%2Bb {} c%2Bd", percent(base64.as_bytes())), format!("a%2Bb {REDACTED}%3D c%2Bd")),
            (format!("{} &amp; {}", hex::encode(&key), hex::encode(&key)), format!("{REDACTED} &amp; {REDACTED}")),
            (format!("[{}]", of_each(&key, ", ", |b| b.to_string())), format!("[{REDACTED}]")),
        ];
        for (text, expected) in cases {
            prop_assert_eq!(redactor.text(text.as_bytes()), expected.replace("%3D", ""));
        }
    }

    #[test]
    fn any_bytes_are_searched_and_left_alone(bytes in proptest::collection::vec(any::<u8>(), 0..300), text in "\\PC{0,200}") {
        let redactor = Redactor::new([("K", [0xa5; 32].as_slice())]);
        prop_assert_eq!(redactor.text(&bytes), String::from_utf8_lossy(&bytes));
        prop_assert_eq!(redactor.text(text.as_bytes()), text);
    }

    #[test]
    fn hostile_texts_end(parts in proptest::collection::vec("(%25|%2541|&amp;|&#0;|&#x;|&|\\\\u|\\\\u\\{|\\\\x|\\\\|%|0x|0|,|-|=|AAAA|\n)", 0..200)) {
        let redactor = Redactor::new([("K", [0xa5; 32].as_slice())]);
        prop_assert_eq!(redactor.text(parts.concat().as_bytes()), parts.concat());
    }
}

#[rstest]
#[case::too_short_to_be_secret(b"k".repeat(SHORTEST_SECRET - 1))]
#[case::empty(Vec::new())]
#[case::elsewhere(vec![7; 32])]
fn other_text_is_left_alone(#[case] key: Vec<u8>) {
    let redactor = Redactor::new([("K", key.as_slice())]);
    let text = "nothing secret, kkkkkkkkkkkkkkkkkkkkkkkkkkk";
    assert_eq!(redactor.searched(text.as_bytes()), (text.to_owned(), Vec::new()));
}

#[test]
fn the_digest_of_a_key_is_no_secret() {
    use md5::Digest as _;
    let key: Vec<u8> = (0..32).map(|byte| byte * 7).collect();
    let redactor = Redactor::new([("K", key.as_slice())]);
    let md5 = STANDARD.encode(md5::Md5::digest(&key));
    assert_eq!(redactor.text(md5.as_bytes()), md5);
}

/// Bytes that are no text, as many as told.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 1u32;
    let next = |state: &mut u32| {
        *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (*state >> 24) as u8 | 0x80
    };
    (0..length).map(|_| next(&mut state)).collect()
}

#[rstest]
#[case::at_the_start(0)]
#[case::across_the_border_of_two_chunks(CHUNK - 20)]
#[case::in_the_second_chunk(CHUNK + 5)]
#[case::at_the_end(CHUNK + 100_000)]
fn a_key_is_found_anywhere_in_what_is_no_text(#[case] at: usize) {
    let key: Vec<u8> = (0..32).map(|byte: u8| byte.wrapping_mul(37).wrapping_add(11)).collect();
    let redactor = Redactor::new([("K", key.as_slice())]);
    let forms = [key.clone(), STANDARD.encode(&key).into_bytes(), hex::encode_upper(&key).into_bytes()];
    for form in forms.iter().chain([&STANDARD.encode(&forms[1]).into_bytes()]) {
        let mut body = noise(CHUNK + 100_000);
        body.splice(at..at, form.iter().copied());
        assert_eq!(redactor.found(&body), ["K"], "{at}");
    }
    assert!(redactor.found(&noise(CHUNK + 100_000)).is_empty());
}

#[test]
fn a_key_is_found_across_the_border_of_two_chunks_of_a_text() {
    let key: Vec<u8> = (0..32).map(|byte: u8| byte.wrapping_mul(37).wrapping_add(11)).collect();
    let redactor = Redactor::new([("K", key.as_slice())]);
    for (name, encoding) in encodings(&key).into_iter().step_by(9) {
        let text = format!("{}{encoding} after", " ".repeat(CHUNK - encoding.len() / 2));
        assert!(!redactor.text(text.as_bytes()).contains(&encoding), "{name}");
    }
}

#[test]
fn each_of_a_thousand_keys_is_found() {
    let keys: Vec<(String, Vec<u8>)> =
        (0..1000u32).map(|n| (n.to_string(), noise(40 + n as usize)[n as usize..].to_vec())).collect();
    let redactor = Redactor::new(keys.iter().map(|(name, key)| (name.as_str(), key.as_slice())));
    for (name, key) in &keys {
        assert!(redactor.found(STANDARD.encode(key).as_bytes()).contains(name), "{name}");
    }
}

fn credentials(token: Option<&str>) -> Credentials {
    Credentials {
        access_key_id: "AKIDEXAMPLE".to_owned(),
        secret_access_key: Zeroizing::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned()),
        session_token: token.map(|token| Zeroizing::new(token.to_owned())),
    }
}

#[rstest]
#[case::raw("t=[]", "T")]
#[case::percent_encoded("X-Amz-Security-Token=[%]&X", "T")]
#[case::percent_encoded_twice("[%%]", "T")]
#[case::json(r#"{"token": "[j]"}"#, "T")]
#[case::xml("<CanonicalRequest>x-amz-security-token:[x]</CanonicalRequest>", "T")]
#[case::canonical_request_bytes("<CanonicalRequestBytes>78 [h]</CanonicalRequestBytes>", "T")]
#[case::raw_secret("t=[]", "S")]
#[case::percent_encoded_secret("t=[%]", "S")]
#[case::hexadecimal_secret("[h]", "S")]
#[case::json_secret("[j]", "S")]
fn credentials_are_blotted_out(#[case] text: &str, #[case] which: &str) {
    let token = "IQoJb3JpZ2luX2VjEJr//////////wEaCXVzLWVhc3QtMSJHMEUCIQ+/AbCdEf==";
    let (secret, shown) = if which == "T" {
        (token, "[redacted session token]")
    } else {
        ("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "[redacted secret access key]")
    };
    let encoded = [
        ("[]", secret.to_owned()),
        ("[%]", percent(secret.as_bytes())),
        ("[%%]", percent(percent(secret.as_bytes()).as_bytes())),
        ("[j]", secret.replace('/', "\\/")),
        ("[x]", references(secret, |c| format!("&#x{c:X};"))),
        ("[h]", of_each(secret.as_bytes(), " ", |b| format!("{b:02x}"))),
    ];
    let with = |which: &dyn Fn(&str) -> String| {
        encoded.iter().fold(text.to_owned(), |text, (hole, value)| text.replace(hole, &which(value)))
    };
    let redactor = Redactor::of_credentials(&credentials(Some(token)));
    assert_eq!(redactor.text(with(&|value| value.to_owned()).as_bytes()), with(&|_| shown.to_owned()));
    let base64 = STANDARD.encode(with(&|value| value.to_owned()));
    assert!(redactor.text(base64.as_bytes()).contains(shown), "{base64}");
}

#[test]
fn debug_shows_no_secret() {
    let shown = format!(
        "{:?} {:?}",
        Redactor::of_credentials(&credentials(None)),
        Redactor::new([("K", b"the secret bytes".as_slice())])
    );
    assert_eq!(shown, "Redactor(1 secrets) Redactor(1 secrets)");
}

/// What is shown is searched as a text, also where bytes in it are none.
#[test]
fn what_is_shown_is_a_text() {
    let key = [90u8, 207, 13, 54, 99, 1, 0, 255].repeat(4);
    let redactor = Redactor::new([("K", key.as_slice())]);
    let filler = vec![b'.'; 5000];
    for encoding in [percent(&key), of_each(&key, " ", |b| format!("{b:02x}")), percent(percent(&key).as_bytes())] {
        let text = [b"\xff", filler.as_slice(), b"%FF ", encoding.as_bytes()].concat();
        let (shown, names) = redactor.searched(&text);
        assert_eq!((names, shown.contains(&encoding)), (vec!["K".to_owned()], false), "{encoding}");
    }
}

/// However deep encodings are nested, to search takes a bounded time, and what is not searched is not shown.
#[test]
fn what_is_encoded_too_often_is_not_shown() {
    let key = [90u8, 207, 13, 54, 99, 1, 0, 255].repeat(4);
    let redactor = Redactor::new([("K", key.as_slice())]);
    let nested = "%2525252541 &amp;amp;amp;amp;#65; \\\\\\\\x5cx5cx5cx41 ";
    let filler = STANDARD.encode(vec![7; 150]).repeat(700);
    let text = format!("{nested}{filler}");
    assert!(text.len() < CHUNK);
    assert_eq!(redactor.text(text.as_bytes()), NOT_SEARCHED);
    // What is no bomb is shown.
    assert_eq!(redactor.text(nested.as_bytes()), nested);
    assert_eq!(redactor.text(filler.as_bytes()), filler);
}

/// What searches are made of, in whatever order: keys of a case, credentials, and a text.
struct Searches {
    keys: [Vec<u8>; 3],
    /// Of two targets; each has one for all its requests.
    credentials: [Redactor; 2],
    texts: Vec<String>,
}

impl Searches {
    const BEGINNING: &[u8] = b"\x8fall of them";

    fn new() -> Self {
        let of_run = |byte: u8| [Self::BEGINNING, &[byte; 20]].concat();
        let keys = [of_run(1), of_run(2), noise(32)];
        let mut credentials = [credentials(None), credentials(Some("IQoJb3JpZ2luX2VjEJr//////////wEaCXVzLWVhc3QtMSJ"))];
        credentials[1].secret_access_key = Zeroizing::new("another/secret/of/forty/characters/1234".to_owned());
        let mut texts = vec!["nothing of any of them".to_owned()];
        texts.extend(keys.iter().map(|key| format!("<Key>{}</Key>", STANDARD.encode(key))));
        texts.extend(credentials.iter().map(|it| format!("<Secret>{}</Secret>", *it.secret_access_key)));
        Self { keys, credentials: [0, 1].map(|number| Redactor::of_credentials(&credentials[number])), texts }
    }

    /// What comes of a search: for a case that has the keys whose bits are set, and credentials.
    fn searched(&self, alike: &Arc<Alike>, keys: usize, credentials: usize, text: usize) -> (String, Vec<String>) {
        let named = ["ONE", "TWO", "FIXED"].into_iter().zip(self.keys.iter().map(Vec::as_slice));
        let named = named.enumerate().filter(|(number, _)| keys >> number & 1 == 1).map(|(_, key)| key);
        let redactor = Redactor::of_run(named, Some(alike));
        Secrets { keys: &redactor, credentials: &self.credentials[credentials] }.searched(self.texts[text].as_bytes())
    }
}

proptest! {
    /// Whatever was searched before, for whatever case and at whatever endpoint.
    #[test]
    fn what_is_remembered_changes_nothing(searches in prop::collection::vec((0usize..8, 0usize..2, 0usize..6), 1..40)) {
        let (of, remembering) = (Searches::new(), Alike::new(Searches::BEGINNING).unwrap());
        for (keys, credentials, text) in searches {
            let anew = of.searched(&Alike::new(Searches::BEGINNING).unwrap(), keys, credentials, text);
            prop_assert_eq!(of.searched(&remembering, keys, credentials, text), anew);
        }
    }
}

proptest! {
    /// Whatever bytes it has: it is told from others, and what stands around it can still be read.
    #[test]
    fn a_key_of_one_s_own_is_told_from_others(rest in prop::collection::vec(prop_oneof![any::<u8>(), Just(0), Just(b'<')], 20)) {
        let alike = Alike::new(Searches::BEGINNING).unwrap();
        let key = [Searches::BEGINNING, &rest].concat();
        let redactor = Redactor::of_run([("K", key.as_slice())], Some(&alike));
        let json = json_ascii(&latin1(&key));
        let text = format!("<Error><Detail>{}</Detail></Error>", references(&json, |c| format!("&#{c};")));
        let shown = format!("<Error><Detail>&#34;{REDACTED}&#34;</Detail></Error>");
        prop_assert_eq!(redactor.searched(text.as_bytes()), (shown, vec!["K".to_owned()]));
    }
}

#[test]
fn what_held_no_secret_is_remembered() {
    let alike = Alike::new(Searches::BEGINNING).unwrap();
    let key = [Searches::BEGINNING, &[7; 20]].concat();
    let redactor = Redactor::of_run([("K", key.as_slice())], Some(&alike));
    let text = "x".repeat(100);
    let digest = alike.digest((redactor.identity, true, text.as_bytes()));
    assert!(!alike.is_clean(digest));
    assert_eq!(redactor.text(text.as_bytes()), text);
    assert!(alike.is_clean(digest));
    // As much as is bounded.
    for number in 0..10_000 {
        assert_eq!(redactor.found(format!("{number} and nothing else").as_bytes()), Vec::<String>::new());
    }
    assert!(alike.remembered() <= 4096);
}

/// Of a key of twelve bytes the first nine are enough: the fewest that are ever looked for.
#[rstest]
#[case::decimal("1 2 3 4 5 6 7 8 9")]
#[case::hexadecimal("010203040506070809")]
#[case::base64("AQIDBAUGBwgJ")]
fn the_shortest_encoding_is_read(#[case] text: &str) {
    let key: Vec<u8> = (1..=12).collect();
    assert_eq!(Redactor::new([("K", key.as_slice())]).found(text.as_bytes()), ["K"]);
}
