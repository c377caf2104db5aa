//! Shell scripts that send recorded requests again with `curl`.
//!
//! A record may come from anybody: every word is quoted, no word is read as the name of a file or as an option, and a
//! comment cannot end before its line does.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderName;
use regex::Regex;
use url::Url;

use super::one_line;
use super::text::shell::{Piece, word};
use crate::evidence::{Element, Exchange, Sent};

/// Headers that `curl` makes itself.
const OWN_HEADERS: [&str; 4] = ["authorization", "x-amz-date", "content-length", "host"];

/// What the signature says of the body. S3 asks for it, and `curl` makes it from version 8 on only.
const DIGEST: &str = "x-amz-content-sha256";

/// Values shorter than this are found everywhere.
const SHORTEST_VALUE: usize = 6;

/// A script that sends the request again. Customer keys are placeholders: `key_md5` tells by name which MD5 belongs to
/// which.
#[must_use]
pub fn curl(exchange: &Exchange, key_md5: &BTreeMap<String, String>) -> String {
    curl_script(&[exchange], key_md5)
}

/// A script that sends these requests again, one after the other.
#[must_use]
pub fn curl_script(exchanges: &[&Exchange], key_md5: &BTreeMap<String, String>) -> String {
    let mut keys = Keys::new(key_md5);
    let commands: Vec<Command> =
        exchanges.iter().enumerate().map(|(at, exchange)| Command::of(exchange, &exchanges[..at], &mut keys)).collect();
    let mut script = String::new();
    keys.write(&mut script);
    comment(
        &mut script,
        "Each run removes its bucket: make it again, or write one of yours in its place. \
         For a certificate authority of your own: export CURL_CA_BUNDLE=ca.pem",
    );
    if exchanges.iter().any(|exchange| is_signed(&exchange.sent)) {
        comment(
            &mut script,
            "Needs curl 8.10 or newer: older ones put the headers of a customer key into the signature in the wrong order.",
        );
    }
    for (command, exchange) in commands.iter().zip(exchanges) {
        if exchanges.len() > 1 {
            script.push('\n');
            let what = if exchange.storage_probe { "whether its object is stored" } else { &exchange.sent.operation };
            comment(&mut script, &format!("step {}: {what}", exchange.step));
        }
        command.write(&mut script);
    }
    script
}

/// Adds a line that the shell passes over.
fn comment(script: &mut String, text: &str) {
    let _ = writeln!(script, "# {}", one_line(text));
}

/// The customer keys that a script has placeholders for.
struct Keys {
    /// Placeholders and MD5s, wherever they stand in a text.
    places: Option<Regex>,
    /// MD5 as base64 → name of the key.
    md5s: BTreeMap<String, String>,
    /// Name of the key and form of it → variable.
    variables: BTreeMap<(String, String), String>,
    /// Name of the key → how many bytes it has.
    lengths: BTreeMap<String, usize>,
}

impl Keys {
    fn new(key_md5: &BTreeMap<String, String>) -> Self {
        let is_md5 = |text: &&String| STANDARD.decode(text).is_ok_and(|bytes| bytes.len() == 16);
        let md5s: BTreeMap<String, String> =
            key_md5.iter().filter(|(_, md5)| is_md5(md5)).map(|(name, md5)| (md5.clone(), name.clone())).collect();
        let mut pattern =
            r"<(?<form>[a-z0-9_]+) of customer key (?<name>[^<>]+): (?<length>[0-9]+) characters>".to_owned();
        for md5 in md5s.keys() {
            let _ = write!(pattern, "|{}", regex::escape(md5));
        }
        Self { places: Regex::new(&pattern).ok(), md5s, variables: BTreeMap::new(), lengths: BTreeMap::new() }
    }

    /// The text with variables for whatever was made of a customer key.
    fn pieces(&mut self, text: &str) -> Vec<Piece> {
        let Some(places) = self.places.clone() else { return vec![Piece::text(text)] };
        let mut pieces = Vec::new();
        let mut end = 0;
        for place in places.captures_iter(text) {
            let Some(whole) = place.get(0) else { continue };
            if whole.start() > end {
                pieces.push(Piece::text(&text[end..whole.start()]));
            }
            end = whole.end();
            let part = |name: &str| place.name(name).map_or("", |part| part.as_str());
            let (name, form) = match self.md5s.get(whole.as_str()) {
                Some(name) => (name.clone(), "md5"),
                None => (part("name").to_owned(), part("form")),
            };
            let characters = part("length").parse().unwrap_or(usize::MAX);
            // An empty value needs no key.
            if characters > 0 {
                if let Some(bytes) = bytes_of(form, characters) {
                    self.lengths.entry(name.clone()).or_insert(bytes);
                }
                pieces.push(Piece::variable(self.variable(&name, form)));
            }
        }
        if end < text.len() {
            pieces.push(Piece::text(&text[end..]));
        }
        pieces
    }

    /// The variable that stands for a form of a key.
    fn variable(&mut self, name: &str, form: &str) -> String {
        if form != BASE64 {
            self.variable(name, BASE64);
        }
        let wanted = (name.to_owned(), form.to_owned());
        if let Some(known) = self.variables.get(&wanted) {
            return known.clone();
        }
        let named: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        let suffix = if form == BASE64 { String::new() } else { format!("_{}", form.to_ascii_uppercase()) };
        let mut variable = format!("KEY_{named}{suffix}");
        while self.variables.values().any(|taken| *taken == variable) {
            variable.push('_');
        }
        self.variables.insert(wanted, variable.clone());
        variable
    }

    /// How the keys are made, in front of what uses them.
    fn write(&self, script: &mut String) {
        if self.variables.is_empty() {
            return;
        }
        comment(
            script,
            "Customer keys are never recorded: these are new ones (openssl rand -base64 32), with the MD5 of the decoded \
             key in base64. To use one of yours: export it under the name below.",
        );
        let bases = self.variables.iter().filter(|((_, form), _)| form == BASE64);
        for ((name, _), base) in bases {
            let length = self.lengths.get(name).copied().unwrap_or(RIGHT_LENGTH);
            // OpenSSL breaks lines after 48 bytes.
            let made = if length > 48 { " | tr -d '\\n'" } else { "" };
            let _ = writeln!(script, "{base}=${{{base}:-$(openssl rand -base64 {length}{made})}}");
            for ((_, form), variable) in self.variables.iter().filter(|((of, form), _)| of == name && form != BASE64) {
                match recipe(form, base) {
                    Some(recipe) => {
                        let _ = writeln!(script, "{variable}={recipe}");
                    }
                    None => comment(script, &format!("{variable}: set it to the {form} of that key")),
                }
            }
        }
    }
}

/// The form that the key header has when it is right.
const BASE64: &str = "base64";

/// How many bytes a key has when it is right.
const RIGHT_LENGTH: usize = 32;

/// How many bytes a key has of which a form has so many characters, where that can be told.
fn bytes_of(form: &str, characters: usize) -> Option<usize> {
    match (form, characters) {
        (_, usize::MAX) => None,
        (BASE64 | "base64url", 44) => Some(RIGHT_LENGTH),
        (BASE64 | "base64url", 24) => Some(16),
        (BASE64 | "base64url", _) => Some(characters.min(MOST_CHARACTERS) / 4 * 3),
        ("base64_unpadded", _) => Some(characters.min(MOST_CHARACTERS) * 3 / 4),
        ("hex", _) => Some(characters.min(MOST_CHARACTERS) / 2),
        _ => None,
    }
}

/// Longer keys go into no header line.
const MOST_CHARACTERS: usize = 8192;

/// How a form of a key is made of its base64.
fn recipe(form: &str, base: &str) -> Option<String> {
    let decoded = format!("printf %s \"${base}\" | openssl base64 -d -A");
    Some(match form {
        "md5" => format!("$({decoded} | openssl md5 -binary | openssl base64)"),
        "hex" => format!("$({decoded} | od -An -v -tx1 | tr -d ' \\n')"),
        "base64_unpadded" => format!("${{{base}%%=*}}"),
        "base64_truncated" => format!("${{{base}%????}}"),
        "base64url" => format!("$(printf %s \"${base}\" | tr '+/' '-_')"),
        "base64_twice" => format!("$(printf %s \"${base}\" | openssl base64 -A)"),
        "base64_with_more" => format!("$({{ {decoded}; openssl rand 16; }} | openssl base64 -A)"),
        _ => return None,
    })
}

/// What becomes of one exchange.
#[derive(Debug, Default)]
struct Command {
    comments: Vec<String>,
    /// Options with their values, a line each; empty where nothing can be sent.
    lines: Vec<Vec<Vec<Piece>>>,
}

impl Command {
    fn of(exchange: &Exchange, earlier: &[&Exchange], keys: &mut Keys) -> Self {
        let mut command = Self::default();
        let sent = &exchange.sent;
        if sent.method.is_empty() {
            command.comment("Nothing was sent.");
        } else if !is_sendable(&sent.url) {
            command.comment(&format!("This is no address that can be sent to: {}", sent.url));
        } else {
            command.tell_remarks(sent);
            command.tell_earlier(sent, earlier);
            command.target(sent);
            command.signature(sent);
            command.headers(sent, keys);
            command.body(sent, keys);
        }
        command
    }

    fn comment(&mut self, text: &str) {
        self.comments.push(text.to_owned());
    }

    /// Adds a line of options with their values.
    fn line(&mut self, words: Vec<Vec<Piece>>) {
        self.lines.push(words);
    }

    fn option(&mut self, option: &str, value: Vec<Piece>) {
        self.line(vec![vec![Piece::text(option)], value]);
    }

    fn tell_remarks(&mut self, sent: &Sent) {
        for remark in &sent.remarks {
            if remark.starts_with("presigned") {
                self.comment("The URL must be signed anew: its signature is not recorded, and no longer valid.");
            } else if remark == "not signed" {
                self.comment("Not signed.");
            } else {
                self.comment(&format!("curl does not repeat this: {remark}"));
            }
        }
        let is_presigned = sent.url.contains("X-Amz-Signature=");
        if is_presigned && !sent.remarks.iter().any(|remark| remark.starts_with("presigned")) {
            self.comment("The URL must be signed anew: its signature is not recorded, and no longer valid.");
        }
    }

    /// Says what of the request came from an answer, so that it is another one next time.
    fn tell_earlier(&mut self, sent: &Sent, earlier: &[&Exchange]) {
        let url = percent_encoding::percent_decode_str(&sent.url).decode_utf8_lossy();
        let headers = sent.headers.iter().map(|(_, value)| value.as_str());
        let fields = sent.fields.iter().map(|(_, value)| value.as_str());
        let texts: Vec<&str> = headers.chain(fields).chain(sent.body_text.as_deref()).chain([&*url]).collect();
        let mut told = BTreeSet::new();
        for exchange in earlier {
            for (name, value) in values_told(exchange) {
                if texts.iter().any(|text| text.contains(&value)) && told.insert(value.clone()) {
                    let step = &exchange.step;
                    self.comment(&format!(
                        "{value} is the {name} that step {step} was answered with: put yours in its place"
                    ));
                }
            }
        }
        let query: BTreeMap<String, String> =
            Url::parse(&sent.url).map(|url| url.query_pairs().into_owned().collect()).unwrap_or_default();
        for name in ["uploadId", "versionId"] {
            if let Some(value) = query.get(name).filter(|value| !told.contains(*value)) {
                self.comment(&format!("{name}={value} came in an earlier answer: put yours in its place"));
            }
        }
    }

    fn target(&mut self, sent: &Sent) {
        let mut words: Vec<Vec<Piece>> = match sent.method.as_str() {
            "GET" if sent.body_length == 0 => Vec::new(),
            "HEAD" => vec![vec![Piece::text("--head")]],
            method => vec![vec![Piece::text("-X")], vec![Piece::text(method)]],
        };
        // Dots in the path stay as they are; curl cannot do both that and sign.
        if !is_signed(sent) {
            words.push(vec![Piece::text("--path-as-is")]);
        }
        words.extend([vec![Piece::text("--url")], vec![Piece::text(&sent.url)]]);
        self.line(words);
    }

    fn signature(&mut self, sent: &Sent) {
        let Some((_, value)) = sent.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("authorization")) else {
            return;
        };
        let scope = match region(value) {
            Some(region) => vec![Piece::text(format!("aws:amz:{region}:s3"))],
            None => vec![Piece::text("aws:amz:"), Piece::variable("AWS_REGION"), Piece::text(":s3")],
        };
        let user =
            vec![Piece::variable("AWS_ACCESS_KEY_ID"), Piece::text(":"), Piece::variable("AWS_SECRET_ACCESS_KEY")];
        let option = |name: &str| vec![Piece::text(name)];
        self.line(vec![option("--aws-sigv4"), scope, option("--user"), user]);
    }

    fn headers(&mut self, sent: &Sent, keys: &mut Keys) {
        for (name, value) in &sent.headers {
            let lower = name.to_ascii_lowercase();
            // A form has a boundary of its own.
            if OWN_HEADERS.contains(&&*lower) || (is_form(sent) && lower == "content-type") {
                continue;
            }
            // A name that is none could be read as that of a file, and a value of two lines as two headers.
            if HeaderName::from_bytes(name.as_bytes()).is_err() || value.contains(is_line_end) {
                self.comment(&format!("left out, as it is no header line: {name}: {value}"));
                continue;
            }
            let mut pieces = match lower.as_str() {
                "x-amz-security-token" => vec![Piece::variable("AWS_SESSION_TOKEN")],
                DIGEST if !is_repeated(sent, keys) => vec![Piece::text("UNSIGNED-PAYLOAD")],
                _ => keys.pieces(value),
            };
            if lower.ends_with("customer-key-md5") && pieces.iter().all(|piece| matches!(piece, Piece::Text(_))) {
                self.comment(&format!("{lower} is as it was sent: where it was made of a key, make it of yours"));
            }
            let is_blank = pieces.iter().all(|piece| matches!(piece, Piece::Text(text) if text.trim().is_empty()));
            if is_blank && is_signed(sent) {
                self.comment(&format!("{name} is empty, and older versions of curl sign what is empty wrong"));
            }
            // What has no value is left out by curl unless a semicolon follows its name.
            pieces = if is_blank {
                vec![Piece::text(format!("{name};"))]
            } else {
                [vec![Piece::text(format!("{name}: "))], pieces].concat()
            };
            self.option("-H", pieces);
        }
    }

    fn body(&mut self, sent: &Sent, keys: &mut Keys) {
        let is_given = |name: &str| sent.headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
        if is_form(sent) {
            self.form(sent, keys);
            return;
        }
        let is_empty = sent.body_length == 0 && sent.body_text.as_ref().is_none_or(String::is_empty);
        if is_empty && matches!(sent.method.as_str(), "PUT" | "POST") {
            // HTTP clients leave the length of nothing out, and servers may ask for it.
            self.option("-H", vec![Piece::text("Content-Length: 0")]);
        }
        if is_empty {
            return;
        }
        if !is_given("content-type") {
            // Otherwise curl says that it is a form. Its older versions sign what is taken out, too.
            let content_type = if is_signed(sent) { "Content-Type: application/octet-stream" } else { "Content-Type:" };
            self.option("-H", vec![Piece::text(content_type)]);
        }
        match sent.body_text.as_ref().filter(|text| !text.contains('\0')) {
            // What begins with @ would be read as the name of a file.
            Some(text) if text.starts_with('@') => self.option("--data-raw", keys.pieces(text)),
            Some(text) => self.option("--data-binary", keys.pieces(text)),
            None => {
                let length = sent.body_length;
                self.comment(&format!("The body is not recorded. Write one of {length} bytes to the file `body`."));
                self.option("--data-binary", vec![Piece::text("@body")]);
            }
        }
    }

    fn form(&mut self, sent: &Sent, keys: &mut Keys) {
        if !sent.remarks.iter().any(|remark| remark == "not signed") {
            self.comment("The form's policy and its signature are not recorded: make them anew, and add their fields.");
        }
        for (name, value) in &sent.fields {
            if HeaderName::from_bytes(name.as_bytes()).is_err() || value.contains('\0') {
                self.comment(&format!("left out, as it is no field: {name}: {value}"));
                continue;
            }
            let value = keys.pieces(value);
            self.option("--form-string", [vec![Piece::text(format!("{name}="))], value].concat());
        }
        self.comment("The file is not recorded. Write it to the file `body`.");
        self.option("-F", vec![Piece::text("file=@body")]);
    }

    fn write(&self, script: &mut String) {
        for text in &self.comments {
            comment(script, text);
        }
        if self.lines.is_empty() {
            return;
        }
        // As it was sent: no other version of HTTP, nothing in the URL that stands for something else.
        script.push_str("curl -sSi --http1.1 --globoff");
        for line in &self.lines {
            let words: Vec<String> = line.iter().map(|pieces| word(pieces)).collect();
            let _ = write!(script, " \\\n  {}", words.join(" "));
        }
        script.push('\n');
    }
}

fn is_line_end(c: char) -> bool {
    matches!(c, '\r' | '\n' | '\0')
}

/// `curl` takes other addresses, too, those of files among them.
fn is_sendable(url: &str) -> bool {
    !url.contains(char::is_control) && Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
}

fn is_signed(sent: &Sent) -> bool {
    sent.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("authorization"))
}

fn is_form(sent: &Sent) -> bool {
    let is_multipart = |value: &str| value.to_ascii_lowercase().starts_with("multipart/form-data");
    !sent.fields.is_empty()
        || sent.headers.iter().any(|(name, value)| name.eq_ignore_ascii_case("content-type") && is_multipart(value))
}

/// Whether the body is the very one that was sent.
fn is_repeated(sent: &Sent, keys: &mut Keys) -> bool {
    match &sent.body_text {
        Some(text) => !text.contains('\0') && keys.pieces(text).iter().all(|piece| matches!(piece, Piece::Text(_))),
        None => sent.body_length == 0,
    }
}

/// The region of a signature's scope.
fn region(authorization: &str) -> Option<&str> {
    let (_, scope) = authorization.split_once("Credential=")?;
    let scope = scope.split(',').next()?;
    let mut parts = scope.rsplit('/');
    let (_, service, region) = (parts.next()?, parts.next()?, parts.next()?);
    (service == "s3" && !region.contains(char::is_control)).then_some(region)
}

/// What an answer told that a later request may carry, by name.
fn values_told(exchange: &Exchange) -> Vec<(String, String)> {
    let Some(answer) = exchange.reply.answer() else { return Vec::new() };
    let mut values = Vec::new();
    for name in ["etag", "x-amz-version-id"] {
        values.extend(answer.header(name).map(|value| (name.to_owned(), value.trim_matches('"').to_owned())));
    }
    let mut elements: Vec<Element> = answer.xml().into_iter().collect();
    while let Some(element) = elements.pop() {
        if ["UploadId", "ETag", "VersionId"].contains(&element.name.as_str()) {
            values.push((element.name.clone(), element.text.trim_matches('"').to_owned()));
        }
        elements.extend(element.children);
    }
    values.retain(|(_, value)| value.len() >= SHORTEST_VALUE);
    values
}
