//! What S3 must answer to each request, by the rules of the catalogue, and what the model is after it.
//!
//! Where no rule says what comes, nothing is expected: the request is then one that others rest on, or it is not sent at all.

mod copies;
mod objects;
mod reads;
mod uploads;
mod writes;

use serde_json::{Map, Value, json};

use super::action::{Action, Style};
use super::guard::{self, Guard};
use super::names::{Key, Object};
use super::presented::{Malformation, Presented};
use super::state::{Origin, State, Stored};
use crate::suite::model::{BucketKind, Level};

/// What S3 must answer to a request of a sequence.
#[derive(Debug, Clone)]
pub struct Expected {
    /// Id of its step.
    pub id: String,
    /// The request, as suites write it.
    pub request: Value,
    /// What must come back for the sequence to go on.
    pub answer: Value,
    /// The positive control, where that is a refusal.
    pub control: Option<Value>,
    /// What must come back by rules.
    pub checks: Vec<Check>,
    /// The model after it.
    pub next: State,
}

/// What must come back by a rule.
#[derive(Debug, Clone)]
pub struct Check {
    /// The rule.
    pub rule: &'static str,
    /// How binding it is.
    pub level: Level,
    /// Whether it says as much as what the sequence needs to go on.
    pub decides: bool,
    /// What must come back, as suites write it.
    pub expect: Value,
    /// What must hold so that a departure is one from this rule.
    pub guards: Vec<Guard>,
}

/// Why a request is refused.
#[derive(Debug, Clone)]
struct Refusal {
    rule: &'static str,
    level: Level,
    /// The members of the request that put it right.
    right: Value,
    guards: Vec<Guard>,
    /// The rule by which nothing may be stored then.
    stores_nothing: Option<&'static str>,
}

impl Refusal {
    fn must(rule: &'static str, right: Value) -> Self {
        let stores_nothing = Some("refused-write-stores-nothing");
        Self { rule, level: Level::Must, right, guards: Vec::new(), stores_nothing }
    }

    /// For SSE-C headers that are wrong in this way.
    fn malformed(key: Key, how: Malformation) -> Self {
        let refusal = Self::must(how.rule(), json!({"sse_c": Presented::Key(key).sse_c()})).of_level(how.level());
        if how.level() == Level::Must { refusal } else { refusal.guarded([guard::encrypted()]) }
    }

    fn guarded(mut self, guards: impl IntoIterator<Item = Guard>) -> Self {
        self.guards.extend(guards);
        self
    }

    fn of_level(mut self, level: Level) -> Self {
        self.level = level;
        self
    }
}

/// Rules that are observed and not required: neither a document nor a recording says what is right.
pub(super) const OBSERVED: [&str; 3] = ["headers-once", "conditional-needs-key", "key-ignored-where-not-taken"];

/// What S3 must answer to an action; nothing where the action is not possible in this state, or no rule says what comes.
#[must_use]
pub fn expected(state: &State, action: &Action) -> Option<Expected> {
    if action.capabilities().iter().any(|capability| state.lacking.contains(*capability)) {
        return None;
    }
    let mut expected = match action {
        Action::Put { .. } => writes::put(state, action),
        Action::Read { .. } => reads::read(state, action),
        Action::Copy { .. } => copies::copy(state, action),
        Action::CreateUpload { .. } => uploads::create(state, action),
        Action::UploadPart { .. } => uploads::part(state, action),
        Action::CopyPart { .. } => uploads::copied_part(state, action),
        Action::Complete { .. } => uploads::complete(state, action),
        Action::Abort { .. } => uploads::abort(state, action),
        Action::ListParts { .. } => uploads::list_parts(state, action),
        Action::ListUploads { .. } => uploads::list_uploads(state, action),
        Action::Delete { .. } => objects::delete(state, action),
        Action::DeleteMany { .. } => objects::delete_many(state, action),
        Action::List { .. } => objects::list(state, action),
        Action::Annotate { .. } => objects::annotate(state, action),
    }?;
    // What went over plain HTTP is never used again.
    if state.exposed.iter().any(|key| names(&expected.request, key.name())) {
        return None;
    }
    if state.bucket == BucketKind::DefaultEncrypted {
        // Whether the customer key counts there at all is one rule; what it does where it counts is explored elsewhere.
        expected.checks.retain(|check| check.rule == "default-encryption-yields");
    }
    expected.checks.retain(|check| !OBSERVED.contains(&check.rule));
    if action.style().is_plain() {
        expected.next.exposed.extend(action.keys());
    }
    expected.next.steps += 1;
    Some(expected)
}

/// Whether a text of the request is this name.
fn names(request: &Value, name: &str) -> bool {
    match request {
        Value::String(text) => text == name,
        Value::Array(elements) => elements.iter().any(|element| names(element, name)),
        Value::Object(members) => members.values().any(|member| names(member, name)),
        _ => false,
    }
}

/// What must hold so that a wrong length is one from a rule about lengths: of an object of which a part was uploaded again, or that was
/// copied from one of parts, that it reads whole.
fn of_length(state: &State, object: Object, stored: &Stored) -> Vec<Guard> {
    let mut guards = vec![guard::encrypted()];
    if matches!(stored.origin, Origin::Parts { replaced: true, .. } | Origin::Copy { of_parts: true, .. }) {
        guards.push(seen(state.steps, object, stored));
    }
    guards
}

/// Before the request of this number the object reads whole.
fn seen(number: usize, object: Object, stored: &Stored) -> Guard {
    let key = stored.key.map_or(json!({}), |key| json!({"key": key.name()}));
    guard::seen_before(number, object.name(), &key, &stored.content.expected())
}

/// Id of the step of an action in this state.
fn id_of(state: &State, action: &Action) -> String {
    format!("{}-{}", action.word(), state.steps + 1)
}

/// The request of an action, in the style in which it is sent.
fn request(action: &Action, object: Object, key: Presented) -> Map<String, Value> {
    let mut request = Map::new();
    request.insert("operation".to_owned(), json!(action.operation()));
    request.insert("object".to_owned(), json!(object.name()));
    if key != Presented::Nothing {
        request.insert("sse_c".to_owned(), key.sse_c());
    }
    let style = match action.style() {
        Style::Usual => json!({}),
        Style::Presigned => json!({"auth": "presigned"}),
        Style::Plain => json!({"scheme": "plain"}),
        Style::PresignedPlain => json!({"scheme": "plain", "auth": "presigned"}),
        Style::UpperCase => json!({"header_case": "upper"}),
        Style::Padded => padded(key),
        Style::Anonymous => json!({"auth": "anonymous"}),
        Style::Unsigned => json!({"unsigned_headers": SSE_C_HEADERS}),
        Style::PresignedUnsigned => json!({"auth": "presigned", "unsigned_headers": SSE_C_HEADERS}),
        Style::Tampered => json!({"tampered": {
            "x-amz-server-side-encryption-customer-key": {"key": Key::Nobody.name(), "form": "base64"},
            "x-amz-server-side-encryption-customer-key-md5": {"key": Key::Nobody.name(), "form": "md5"},
        }}),
    };
    if let Value::Object(members) = style {
        request.extend(members);
    }
    request
}

const SSE_C_HEADERS: [&str; 3] = [
    "x-amz-server-side-encryption-customer-algorithm",
    "x-amz-server-side-encryption-customer-key",
    "x-amz-server-side-encryption-customer-key-md5",
];

fn padded(key: Presented) -> Value {
    let name = key.key().map_or("", Key::name);
    json!({"sse_c": {"key": name, "algorithm": {"value": "AES256", "padded": true}, "customer_key": {"padded": true}}})
}

/// How a request with right SSE-C headers is refused for the way in which it is sent.
fn refused_for_style(style: Style) -> Option<Refusal> {
    match style {
        Style::Plain | Style::PresignedPlain => {
            let refusal = Refusal::must("tls-required", json!({"scheme": "tls"}));
            Some(Refusal { stores_nothing: Some("tls-nothing-stored"), ..refusal })
        }
        Style::Anonymous => {
            let refusal =
                Refusal::must("key-is-no-credential", json!({"auth": "signed"})).guarded([guard::encrypted()]);
            Some(Refusal { stores_nothing: None, ..refusal })
        }
        Style::Unsigned | Style::PresignedUnsigned => {
            let refusal =
                Refusal::must("amz-headers-signed", json!({"unsigned_headers": []})).guarded([guard::encrypted()]);
            Some(Refusal { stores_nothing: None, ..refusal })
        }
        Style::Tampered => {
            let refusal =
                Refusal::must("tampered-headers-refused", json!({"tampered": {}})).guarded([guard::encrypted()]);
            Some(Refusal { stores_nothing: None, ..refusal })
        }
        Style::Usual | Style::Presigned | Style::UpperCase | Style::Padded => None,
    }
}

/// The rule by which a request with right SSE-C headers is taken in the way in which it is sent.
fn taken_for_style(style: Style) -> Option<(&'static str, Level)> {
    match style {
        Style::Presigned => Some(("presigned-headers", Level::Must)),
        Style::UpperCase => Some(("header-names-any-case", Level::Must)),
        Style::Padded => Some(("header-values-trimmed", Level::Should)),
        _ => None,
    }
}

impl Expected {
    /// It must be answered so.
    fn answered(state: &State, action: &Action, request: Map<String, Value>, answer: Value) -> Self {
        let mut next = state.clone();
        next.refused_get = None;
        Self {
            id: id_of(state, action),
            request: Value::Object(request),
            answer,
            control: None,
            checks: Vec::new(),
            next,
        }
    }

    /// It must succeed.
    fn accepted(state: &State, action: &Action, request: Map<String, Value>) -> Self {
        Self::answered(state, action, request, json!({"status": ["200"]}))
    }

    /// It must be refused.
    fn refused(state: &State, action: &Action, request: Map<String, Value>, refusal: Refusal) -> Self {
        let Refusal { rule, level, right, guards, .. } = refusal;
        let mut expected = Self::answered(state, action, request, json!({"refused": true}));
        expected.control = Some(json!({"request": right}));
        let expect = expected.answer.clone();
        expected.checks.push(Check { rule, level, decides: true, expect, guards });
        if action.operation() != "HeadObject" && matches!(action.style(), Style::Usual | Style::Presigned) {
            let document =
                json!({"error_fields": {"Code": {"matches": "^[A-Za-z0-9.]+$"}, "Message": {"matches": "."}}});
            expected = expected.must("error-xml", document, []);
            let type_of = json!({"headers": {"content-type": {"matches": "^(application|text)/xml"}}});
            expected = expected.should("error-content-type", type_of, []);
            let request_id = json!({"elements": {"RequestId": {"same_as_header": "x-amz-request-id"}}});
            expected = expected.should("request-id", told_request_id(), []);
            expected = expected.should("request-id-in-error", request_id, []);
        }
        expected
    }

    /// What decides: as much as the answer itself says, and more.
    fn decided(mut self, rule: &'static str, level: Level, expect: Value, guards: Vec<Guard>) -> Self {
        self.checks.insert(0, Check { rule, level, decides: true, expect, guards });
        self
    }

    fn must(self, rule: &'static str, expect: Value, guards: impl IntoIterator<Item = Guard>) -> Self {
        self.besides(rule, Level::Must, expect, guards)
    }

    fn should(self, rule: &'static str, expect: Value, guards: impl IntoIterator<Item = Guard>) -> Self {
        self.besides(rule, Level::Should, expect, guards)
    }

    fn besides(
        mut self,
        rule: &'static str,
        level: Level,
        expect: Value,
        guards: impl IntoIterator<Item = Guard>,
    ) -> Self {
        let guards = guards.into_iter().collect();
        self.checks.push(Check { rule, level, decides: false, expect, guards });
        self
    }

    /// Some more where something holds.
    fn when(self, holds: bool, more: impl FnOnce(Self) -> Self) -> Self {
        if holds { more(self) } else { self }
    }
}

fn told_request_id() -> Value {
    json!({"headers": {"x-amz-request-id": {"matches": "."}}})
}

/// A refused write leaves what is there, and makes nothing.
fn refused_write(
    state: &State,
    action: &Action,
    request: Map<String, Value>,
    refusal: Refusal,
    object: Object,
) -> Expected {
    let stores_nothing = refusal.stores_nothing;
    let mut expected = Expected::refused(state, action, request, refusal);
    if let Some(rule) = stores_nothing {
        if !state.objects.contains_key(&object) {
            expected = expected.must(rule, json!({"stored": false}), []);
        }
        expected.next.disturb(object, "refused-write-keeps-previous", state.steps);
    }
    expected
}
