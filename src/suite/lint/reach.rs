//! What a request may reach: objects of its own case, by the operation that it names, and nobody else.

use super::Lint;
use crate::suite::limits::{MAX_HEADER, MAX_HEADERS, MAX_LISTED, MAX_OBJECT_NAME, MAX_POLICY, MAX_QUERY};
use crate::suite::locate::escape;
use crate::suite::model::{Operation, Request};
use crate::suite::object_name;

/// Names of headers, and what a suite says instead.
type Reserved = (&'static [&'static str], &'static str);

/// Headers that a suite may not set: they say who is addressed, how the message is framed, who asks, what is done, or whose
/// object is read.
const RESERVED: &[Reserved] = &[
    (
        &[
            "host",
            "forwarded",
            "x-forwarded-*",
            "x-host",
            "x-original-host",
            "x-original-url",
            "x-rewrite-url",
            "proxy-*",
        ],
        "the endpoint is the tester's to choose (`--endpoint`, `--proxy`)",
    ),
    (
        &[
            "connection",
            "content-length",
            "expect",
            "http2-settings",
            "keep-alive",
            "te",
            "trailer",
            "transfer-encoding",
            "upgrade",
            "x-amz-content-sha256",
            "x-amz-decoded-content-length",
            "x-amz-trailer",
        ],
        "how a body is sent is said by `payload`, `trailer` and `interrupted`",
    ),
    (
        &["authorization", "cookie", "x-amz-date", "x-amz-mfa", "x-amz-security-token"],
        "who asks is said by `auth`, with the tester's credentials",
    ),
    (&["x-http-method", "x-http-method-override", "x-method-override"], "what is done is said by `operation`"),
    (&["x-amz-copy-source", "x-amz-rename-source"], "the source of a copy is an object of the scenario: `copy_source`"),
    (
        &["x-amz-bypass-governance-retention", "x-amz-object-lock-*"],
        "everything that a run writes must be removed at its end",
    ),
];

/// Fields of a form that say where it goes or who signed it.
const RESERVED_FIELDS: Reserved = (
    &[
        "awsaccesskeyid",
        "bucket",
        "file",
        "key",
        "policy",
        "redirect",
        "signature",
        "success_action_redirect",
        "success_action_status",
        "x-amz-algorithm",
        "x-amz-credential",
        "x-amz-signature",
    ],
    "the key, the policy and the signature of a form are made from `object` and the tester's credentials",
);

/// Query parameters that a suite may set: those that change neither what is done nor to which object.
fn parameters(operation: Operation) -> &'static [&'static str] {
    use Operation as Op;
    match operation {
        Op::GetObject | Op::HeadObject => &[
            "response-cache-control",
            "response-content-disposition",
            "response-content-encoding",
            "response-content-language",
            "response-content-type",
            "response-expires",
        ],
        Op::ListObjectsV2 => {
            &["continuation-token", "delimiter", "encoding-type", "fetch-owner", "max-keys", "start-after"]
        }
        Op::ListObjects => &["delimiter", "encoding-type", "marker", "max-keys"],
        Op::ListObjectVersions => &["delimiter", "encoding-type", "key-marker", "max-keys", "version-id-marker"],
        Op::ListMultipartUploads => &["delimiter", "encoding-type", "key-marker", "max-uploads", "upload-id-marker"],
        Op::ListParts => &["max-parts", "part-number-marker"],
        _ => &[],
    }
}

impl Lint<'_, '_> {
    pub(super) fn reach(&mut self, pointer: &str, request: &Request) {
        let source = request.copy_source.as_ref().and_then(|source| source.object.as_ref());
        let listed = request.delete.iter().flatten().enumerate();
        let listed = listed.take(MAX_LISTED).map(|(index, name)| (format!("delete/{index}"), name));
        let named = request.object.iter().map(|name| ("object".to_owned(), name));
        let named = named.chain(source.map(|name| ("copy_source/object".to_owned(), name)));
        for (at, name) in named.chain(listed) {
            if let Err(why) = object_name::check(name) {
                let help = format!("an object's name is 1 to {MAX_OBJECT_NAME} bytes of ordinary text");
                self.error(&format!("{pointer}/{at}"), format!("`{name}` is no name of an object: {why}"), Some(help));
            }
        }
        for (member, count) in [("delete", request.delete.as_ref()), ("parts", request.parts.as_ref())] {
            if count.is_some_and(|names| names.len() > MAX_LISTED) {
                self.error(&format!("{pointer}/{member}"), format!("at most {MAX_LISTED} can be named here"), None);
            }
        }
        if request.policy.as_ref().is_some_and(|policy| policy.to_string().len() > MAX_POLICY) {
            self.error(&format!("{pointer}/policy"), format!("a policy is at most {MAX_POLICY} bytes long"), None);
        }
        if let Some(operation) = request.operation {
            self.reach_of_query(pointer, request, operation);
        }
        self.reach_of_headers(pointer, request);
    }

    fn reach_of_query(&mut self, pointer: &str, request: &Request, operation: Operation) {
        let allowed = parameters(operation);
        for (name, value) in request.query.iter().flatten() {
            let at = format!("{pointer}/query/{}", escape(name));
            if !allowed.contains(&name.as_str()) {
                let instead = match name.as_str() {
                    "versionId" => "; use `version_of`",
                    "partNumber" => "; use `part_number`",
                    "uploadId" => "; use `upload`",
                    _ => "",
                };
                let message = format!(
                    "{} takes no query parameter `{name}`: what is done, and to which object, is said by the operation and its members{instead}",
                    operation.as_str()
                );
                let help = (!allowed.is_empty()).then(|| format!("it takes: {}", allowed.join(", ")));
                self.error(&at, message, help);
            }
            if value.len() > MAX_QUERY {
                self.error(&at, format!("a query parameter is at most {MAX_QUERY} bytes long"), None);
            }
        }
    }

    fn reach_of_headers(&mut self, pointer: &str, request: &Request) {
        let headers = request.headers.iter().flatten().map(|(name, spec)| ("headers", name, spec));
        let tampered = request.tampered.iter().flatten().map(|(name, spec)| ("tampered", name, spec));
        let mut count = 0;
        for (member, name, spec) in headers.chain(tampered) {
            let at = format!("{pointer}/{member}/{}", escape(name));
            count += spec.lines().count();
            let lower = name.to_ascii_lowercase();
            if let Some(instead) = reserved(&lower, request.operation) {
                let message = format!("a suite may not set `{name}`: {instead}");
                self.error(&at, message, None);
            }
        }
        if count > MAX_HEADERS {
            self.error(pointer, format!("a request adds or changes at most {MAX_HEADERS} header lines"), None);
        }
    }

    pub(super) fn header_length(&mut self, pointer: &str, value: &str) {
        if value.len() > MAX_HEADER {
            self.error(pointer, format!("a header's value is at most {MAX_HEADER} bytes long"), None);
        }
    }
}

/// What a suite says instead of a header (or field of a form) that it may not set.
fn reserved(name: &str, operation: Option<Operation>) -> Option<&'static str> {
    let fits = |pattern: &&str| match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == *pattern,
    };
    let fields = (operation == Some(Operation::PostObject)).then_some(&RESERVED_FIELDS);
    RESERVED.iter().chain(fields).find(|(names, _)| names.iter().any(fits)).map(|(_, why)| *why)
}
