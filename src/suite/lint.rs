//! What a schema cannot say: names that must exist, members that go together, controls that must be there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;
use zeroize::Zeroizing;

use super::body::{Body, MAX_BODY};
use super::expand::MAX_REPEAT;
use super::load::{Key, Typed, declared_key};
use super::locate::{Diagnostic, Located, escape, near_miss};
use super::model::{
    Auth, BodySpec, BucketKind, HeaderSpec, MAX_KEYS, Operation, Outcome, Payload, Request, Scenario, Scheme, SseC,
    Step, TextMatch,
};
use super::source::Fixtures;
use crate::rules::Catalogue;

/// What the checks have read on the way.
pub(super) struct Checked {
    pub keys: BTreeMap<String, Key>,
    pub bodies: BTreeMap<String, Body>,
}

static ID: LazyLock<Regex> =
    LazyLock::new(|| Regex::new("^[a-z0-9]+([-_][a-z0-9]+)*$").unwrap_or_else(|e| unreachable!("{e}")));
static STATUS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new("^[1-5]([0-9]{2}|xx)$").unwrap_or_else(|e| unreachable!("{e}")));

/// Checks a typed suite.
///
/// # Errors
/// Everything that is wrong, in no order.
pub(super) fn check(
    typed: &Typed,
    file: &Value,
    fixtures: &Fixtures,
    rules: &Catalogue,
    located: &Located<'_>,
) -> Result<Checked, Vec<Diagnostic>> {
    let key_names = typed.file.keys.iter().flat_map(|(name, spec)| spec.names(name)).collect();
    let mut lint = Lint { typed, rules, located, key_names, found: Vec::new(), used: BTreeSet::new() };
    lint.id("/id", &typed.file.id);
    let keys = lint.keys(fixtures);
    let bodies = lint.bodies(fixtures);
    lint.tables(file);
    lint.scenarios();
    lint.unused();
    if lint.found.is_empty() { Ok(Checked { keys, bodies }) } else { Err(lint.found) }
}

struct Lint<'a> {
    typed: &'a Typed,
    rules: &'a Catalogue,
    located: &'a Located<'a>,
    /// Names of all keys.
    key_names: Vec<String>,
    found: Vec<Diagnostic>,
    used: BTreeSet<(&'static str, String)>,
}

impl Lint<'_> {
    fn error(&mut self, pointer: &str, message: impl Into<String>, help: Option<String>) {
        self.found.push(self.located.at(pointer, message, help));
    }

    fn id(&mut self, pointer: &str, id: &str) {
        if !ID.is_match(id) {
            let help = Some("write lower-case words and digits joined by `-`".to_owned());
            self.error(pointer, format!("`{id}` is not an id"), help);
        }
    }

    fn keys(&mut self, fixtures: &Fixtures) -> BTreeMap<String, Key> {
        let mut keys = BTreeMap::new();
        for (name, spec) in &self.typed.file.keys {
            let pointer = format!("/keys/{}", escape(name));
            if spec.length.is_some_and(|l| l > 1024) {
                self.error(&format!("{pointer}/length"), "a customer key of a test is at most 1024 bytes long", None);
            }
            let bytes = spec.file.as_ref().and_then(|path| {
                let read = fixtures.read(path).map(Zeroizing::new).and_then(|text| {
                    let decoded = hex::decode(text.trim_ascii()).map(Zeroizing::new);
                    decoded.map_err(|_| format!("fixture `{path}` is not hexadecimal"))
                });
                read.map_err(|message| self.error(&format!("{pointer}/file"), message, None)).ok()
            });
            if spec.file.is_some() && spec.length.is_some() {
                self.error(&pointer, "give `length` or `file`, not both", None);
            }
            if spec.count.is_some_and(|count| !(1..=MAX_KEYS).contains(&count) || spec.file.is_some()) {
                let message = format!("`count` is 1 to {MAX_KEYS}, and does not go with `file`");
                self.error(&format!("{pointer}/count"), message, None);
                continue;
            }
            for one in spec.names(name) {
                if keys.insert(one.clone(), declared_key(spec, bytes.clone())).is_some() {
                    self.error(&pointer, format!("there are two keys `{one}`"), None);
                }
            }
        }
        keys
    }

    fn bodies(&mut self, fixtures: &Fixtures) -> BTreeMap<String, Body> {
        let mut bodies = BTreeMap::new();
        let specs = &self.typed.file.bodies;
        let (joined, plain): (Vec<_>, Vec<_>) = specs.iter().partition(|(_, spec)| !spec.join.is_empty());
        for (name, spec) in plain.into_iter().chain(joined) {
            let pointer = format!("/bodies/{}", escape(name));
            if let Some(body) = self.body(&pointer, spec, &bodies, fixtures) {
                if body.len() > MAX_BODY {
                    self.error(&pointer, format!("a body is at most {MAX_BODY} bytes long"), None);
                    continue;
                }
                bodies.insert(name.clone(), body);
            }
        }
        bodies
    }

    fn body(
        &mut self,
        pointer: &str,
        spec: &BodySpec,
        known: &BTreeMap<String, Body>,
        fixtures: &Fixtures,
    ) -> Option<Body> {
        let given = [spec.text.is_some(), spec.file.is_some(), spec.size.is_some(), !spec.join.is_empty()];
        if given.iter().filter(|g| **g).count() != 1 || (spec.seed.is_some() && spec.size.is_none()) {
            let help = Some("`seed` goes with `size`".to_owned());
            self.error(pointer, "give exactly one of `text`, `file`, `size` and `join`", help);
            return None;
        }
        if let Some(text) = &spec.text {
            return Some(Body::Literal(text.clone().into()));
        }
        if let Some(size) = spec.size {
            return Some(Body::Generated { size, seed: spec.seed.unwrap_or(0) });
        }
        if let Some(path) = &spec.file {
            let read = fixtures.read(path).map_err(|m| self.error(&format!("{pointer}/file"), m, None));
            return read.ok().map(|bytes| Body::Literal(bytes.into()));
        }
        let mut parts = Vec::new();
        for (index, name) in spec.join.iter().enumerate() {
            self.used.insert(("bodies", name.clone()));
            match known.get(name) {
                Some(Body::Joined(_)) | None => {
                    let help =
                        near_miss(name, known.keys().map(String::as_str)).map(|n| format!("did you mean `{n}`?"));
                    let message = format!("there is no body `{name}` that could be joined");
                    self.error(&format!("{pointer}/join/{index}"), message, help);
                }
                Some(body) => parts.push(body.clone()),
            }
        }
        Some(Body::Joined(parts))
    }

    fn tables(&mut self, file: &Value) {
        for (name, rows) in &self.typed.file.tables {
            let mut seen = BTreeSet::new();
            for (index, row) in rows.iter().enumerate() {
                let pointer = format!("/tables/{}/{index}/id", escape(name));
                self.id(&pointer, &row.id);
                if !seen.insert(&row.id) {
                    self.error(&pointer, format!("row id `{}` stands twice in this table", row.id), None);
                }
            }
        }
        for scenario in file.get("scenarios").and_then(Value::as_array).into_iter().flatten() {
            for table in scenario.get("for_each").and_then(Value::as_object).into_iter().flat_map(|m| m.values()) {
                self.used.insert(("tables", table.as_str().unwrap_or_default().to_owned()));
            }
        }
    }

    fn scenarios(&mut self) {
        let mut ids = BTreeMap::new();
        let mut case_ids = BTreeSet::new();
        let typed = self.typed;
        for ((scenario, origin), case_id) in typed.file.scenarios.iter().zip(&typed.origins).zip(typed.case_ids()) {
            let index = &origin.scenario;
            let pointer = format!("/scenarios/{index}");
            self.id(&format!("{pointer}/id"), &scenario.id);
            let other = *ids.entry(scenario.id.clone()).or_insert(*index);
            if other != *index || !case_ids.insert(case_id) {
                self.error(&format!("{pointer}/id"), format!("scenario id `{}` stands twice", scenario.id), None);
            }
            if scenario.capability.is_some() {
                if !scenario.rules.is_empty() || !scenario.requires.is_empty() {
                    let message = "the probe of a capability tests no rule, and needs no other capability";
                    self.error(&pointer, message, None);
                }
            } else if scenario.rules.is_empty() {
                let help = Some("a pass must mean that some rule was obeyed".to_owned());
                self.error(&format!("{pointer}/rules"), "name at least one rule", help);
            }
            for (i, rule) in scenario.rules.iter().enumerate() {
                if self.rules.get(rule).is_none() {
                    let known = self.rules.iter().map(|r| r.id.as_str());
                    let help = near_miss(rule, known).map(|n| format!("did you mean `{n}`?"));
                    self.error(&format!("{pointer}/rules/{i}"), format!("there is no rule `{rule}`"), help);
                }
            }
            if scenario.capability.is_none() && scenario.steps.iter().all(|s| s.setup || s.probe) {
                let help = Some("a scenario needs a step without `setup` and `probe`".to_owned());
                self.error(&format!("{pointer}/steps"), "no step is judged", help);
            }
            self.also(&pointer, scenario);
            self.steps(&pointer, scenario, &origin.steps);
        }
    }

    /// Expectations with rules of their own: the scenario cites these and at least one more.
    fn also(&mut self, pointer: &str, scenario: &Scenario) {
        let mut named = BTreeSet::new();
        for (index, step) in scenario.steps.iter().enumerate() {
            for (i, also) in step.also.iter().enumerate() {
                let at = format!("{pointer}/steps/{index}/also/{i}");
                for rule in also.rules.iter().filter(|rule| !scenario.rules.contains(rule)) {
                    let message = format!("the scenario does not cite the rule `{rule}`");
                    self.error(&format!("{at}/rules"), message, Some("add it to the scenario's `rules`".to_owned()));
                }
                if also.rules.is_empty() || step.setup || step.probe {
                    let message = "`also` names at least one rule, and goes with a step that is judged";
                    self.error(&at, message, None);
                }
                named.extend(&also.rules);
            }
        }
        if !scenario.rules.is_empty() && scenario.rules.iter().all(|rule| named.contains(rule)) {
            self.error(&format!("{pointer}/rules"), "no rule is left for the scenario's other expectations", None);
        }
    }

    fn steps(&mut self, pointer: &str, scenario: &Scenario, origins: &[usize]) {
        let (steps, bucket) = (scenario.steps.as_slice(), scenario.bucket);
        let known: Vec<&str> = steps.iter().map(|step| step.id.as_str()).collect();
        let mut exposed: BTreeSet<&str> = BTreeSet::new();
        for (index, step) in steps.iter().enumerate() {
            let pointer = format!("{pointer}/steps/{}", origins.get(index).unwrap_or(&index));
            if step.repeat.is_some() {
                self.error(&format!("{pointer}/repeat"), format!("a step repeats 1 to {MAX_REPEAT} times"), None);
            }
            if scenario.capability.is_some() && (step.control.is_some() || step.request.scheme() == Scheme::Plain) {
                self.error(&pointer, "the probe of a capability has no control, and goes to the TLS listener", None);
            }
            self.id(&format!("{pointer}/id"), &step.id);
            if steps[..index].iter().any(|s| s.id == step.id) {
                self.error(
                    &format!("{pointer}/id"),
                    format!("step id `{}` stands twice in the scenario", step.id),
                    None,
                );
            }
            // Steps sent together know nothing of each other.
            let together = |s: &&Step| step.together.is_some() && s.together == step.together;
            let before = &steps[..index - steps[..index].iter().rev().take_while(together).count()];
            self.request(&format!("{pointer}/request"), &step.request, before, bucket);
            let sent = step.request.key_names();
            if let Some(name) = sent.iter().find(|name| exposed.contains(*name)) {
                let message =
                    format!("customer key `{name}` went over plain HTTP in an earlier step and may not be used again");
                self.error(&format!("{pointer}/request"), message, Some("use another key here".to_owned()));
            }
            if step.request.scheme() == Scheme::Plain {
                let fixed = sent.iter().find(|n| self.typed.file.keys.get(**n).is_some_and(|k| k.file.is_some()));
                if let Some(name) = fixed {
                    let message =
                        format!("the fixed customer key `{name}` may not go over plain HTTP: other cases use it");
                    self.error(&format!("{pointer}/request"), message, Some("use a fresh key".to_owned()));
                }
                exposed.extend(sent);
            }
            let known_steps = &known[..before.len()];
            let needs = step.needs.iter().map(|o| (format!("{pointer}/needs"), o));
            let outcomes = needs.chain(step.expect.iter().map(|o| (format!("{pointer}/expect"), o)));
            let also = step.also.iter().enumerate().map(|(i, a)| (format!("{pointer}/also/{i}/expect"), &a.expect));
            let outcomes = outcomes.chain(also);
            let under = step.expect_under.iter().map(|(p, o)| (format!("{pointer}/expect_under/{}", escape(p)), o));
            for (at, outcome) in outcomes.chain(under).collect::<Vec<_>>() {
                self.outcome(&at, outcome, known_steps);
            }
            let is_cut = step.request.interrupted == Some(true);
            let is_judged = !step.setup && !step.probe;
            let of_storage = step.outcomes().all(Outcome::is_of_storage_alone);
            if is_cut && (!of_storage || (is_judged && !step.asks_for_storage())) {
                let help = Some("no answer is awaited: expect `stored`, or in a setup step `{}`".to_owned());
                self.error(&pointer, "this would hold whatever the endpoint does", help);
            }
            self.body_of_head(&pointer, step);
            if step.needs.is_some() && (step.setup || step.probe) {
                let help = Some("a setup or probe step is a precondition as a whole".to_owned());
                self.error(&format!("{pointer}/needs"), "`needs` goes with a step that is judged", help);
            }
            self.control(&pointer, step, before, known_steps, scenario);
        }
    }

    /// A body that HTTP clients never show cannot be expected to be absent.
    fn body_of_head(&mut self, pointer: &str, step: &Step) {
        let control = step.control.as_ref().and_then(|control| control.expect.as_ref());
        let is_head = step.request.operation == Some(Operation::HeadObject);
        let asks = step.outcomes().chain(control).any(Outcome::asks_for_body);
        if is_head && step.request.own_connection != Some(true) && asks {
            let help = Some("add `\"own_connection\": true` to the request: only then is a body seen".to_owned());
            self.error(pointer, "this expectation of a body would hold whatever the endpoint sends", help);
        }
    }

    fn control(&mut self, pointer: &str, step: &Step, before: &[Step], known_steps: &[&str], scenario: &Scenario) {
        let bucket = scenario.bucket;
        let refusal = step.needs.iter().chain(&step.expect).any(Outcome::is_refusal);
        if let Some(id) = &step.controlled_by {
            let succeeds = |s: &&Step| {
                s.setup
                    && s.request.operation == step.request.operation
                    && s.request.object == step.request.object
                    && !s.expect.as_ref().is_some_and(Outcome::is_refusal)
            };
            if !before.iter().filter(succeeds).any(|s| s.id == *id) || !refusal || step.control.is_some() {
                let message = "`controlled_by` names an earlier setup step that sends the same request to the same object and succeeds, in place of a control";
                self.error(&format!("{pointer}/controlled_by"), message, None);
            }
            return;
        }
        match &step.control {
            None if refusal && !step.setup && !step.probe && scenario.capability.is_none() => {
                let help = "add `\"control\": {\"request\": {…}}` with the one thing put right: without it a server that refuses everything would pass";
                self.error(pointer, "a step that expects a refusal needs a positive control", Some(help.to_owned()));
            }
            Some(control) => {
                let at = format!("{pointer}/control");
                if !refusal {
                    self.error(&at, "a control goes with a step that expects a refusal", None);
                }
                let patched = step.request.patched(&control.request);
                self.request(&format!("{at}/request"), &patched, before, bucket);
                if let Some(outcome) = &control.expect {
                    self.outcome(&format!("{at}/expect"), outcome, known_steps);
                }
            }
            None => {}
        }
    }

    fn request(&mut self, pointer: &str, request: &Request, before: &[Step], bucket: BucketKind) {
        let Some(operation) = request.operation else {
            self.error(pointer, "the member `operation` is missing here", None);
            return;
        };
        use Operation as Op;
        let part = matches!(operation, Op::UploadPart | Op::UploadPartCopy);
        let upload =
            part || matches!(operation, Op::CompleteMultipartUpload | Op::AbortMultipartUpload | Op::ListParts);
        let copy = matches!(operation, Op::CopyObject | Op::UploadPartCopy);
        let numbered = part || matches!(operation, Op::GetObject | Op::HeadObject);
        let mut goes_with = |member: &str, given: bool, takes: bool, needs: bool| {
            if given && !takes {
                self.error(&format!("{pointer}/{member}"), format!("{} takes no `{member}`", operation.as_str()), None);
            } else if needs && !given {
                self.error(pointer, format!("{} needs `{member}`", operation.as_str()), None);
            }
        };
        goes_with("upload", request.upload.is_some(), upload, upload);
        goes_with("part_number", request.part_number.is_some(), numbered, part);
        goes_with("copy_source", request.copy_source.is_some(), copy, copy);
        let completes = operation == Op::CompleteMultipartUpload;
        goes_with("parts", request.parts.is_some(), completes, completes);
        let uploads = matches!(operation, Op::PutObject | Op::UploadPart);
        let has_body = uploads || matches!(operation, Op::PostObject | Op::PutObjectTagging | Op::PutBucketEncryption);
        goes_with("body", request.body.is_some(), has_body, has_body);
        goes_with("unlisted", request.unlisted.is_some(), operation == Op::PostObject, false);
        let (deletes, sets_policy) = (operation == Op::DeleteObjects, operation == Op::PutBucketPolicy);
        goes_with("delete", request.delete.is_some(), deletes, deletes);
        goes_with("policy", request.policy.is_some(), sets_policy, sets_policy);
        goes_with("interrupted", request.interrupted.is_some(), uploads, false);
        let has_trailer = request.payload.unwrap_or_default().has_trailer();
        if request.trailer.is_some() && !has_trailer {
            self.error(&format!("{pointer}/trailer"), "only an aws-chunked body can have a trailer", None);
        }
        let sets = matches!(operation, Op::PutBucketPolicy | Op::PutBucketEncryption);
        if sets && bucket != BucketKind::Own {
            let help = Some("add `\"bucket\": \"own\"` to the scenario".to_owned());
            self.error(pointer, "only a bucket of the case's own may be set up by it", help);
        }
        if operation == Op::PostObject && (request.tampered.is_some() || request.unsigned_headers.is_some()) {
            let message = "a form has its key in its fields: use `unlisted`, and no `tampered` or `unsigned_headers`";
            self.error(pointer, message, None);
        }
        let on_its_own =
            [request.interrupted == Some(true), request.header_case.is_some(), request.own_connection == Some(true)];
        if on_its_own.iter().filter(|it| **it).count() > 1 {
            let message = "give at most one of `interrupted`, `header_case` and `own_connection`";
            self.error(pointer, message, None);
        }
        if request.version_of.is_some() && bucket != BucketKind::Versioned {
            self.error(
                &format!("{pointer}/version_of"),
                "only a scenario with `\"bucket\": \"versioned\"` has versions",
                None,
            );
        }
        if request.own_connection == Some(true) && operation != Op::HeadObject {
            self.error(&format!("{pointer}/own_connection"), "`own_connection` goes with HeadObject", None);
        }
        if request.payload.unwrap_or_default() != Payload::Whole && request.auth.unwrap_or_default() != Auth::Signed {
            let message = "an aws-chunked body goes with a request signed in its header";
            self.error(&format!("{pointer}/payload"), message, None);
        }
        if request.part_number.is_some_and(|n| !(1..=10_000).contains(&n)) {
            self.error(&format!("{pointer}/part_number"), "a part number is 1 to 10000", None);
        }
        if let Some(body) = &request.body {
            self.body_named(&format!("{pointer}/body"), body);
        }
        let known: Vec<&str> = before.iter().map(|s| s.id.as_str()).collect();
        let created = |s: &&Step| s.request.operation == Some(Op::CreateMultipartUpload);
        if let Some(name) = &request.upload {
            let creates: Vec<&str> = before.iter().filter(created).map(|s| s.id.as_str()).collect();
            self.named(&format!("{pointer}/upload"), "earlier CreateMultipartUpload step", name, &creates);
        }
        for (i, name) in request.parts.iter().flatten().enumerate() {
            self.named(&format!("{pointer}/parts/{i}"), "earlier step", name, &known);
        }
        let source_version = request.copy_source.as_ref().and_then(|s| s.version_of.as_ref());
        for name in request.version_of.iter().chain(source_version) {
            self.named(&format!("{pointer}/version_of"), "earlier step", name, &known);
        }
        if let Some(sse_c) = &request.sse_c {
            self.sse_c(&format!("{pointer}/sse_c"), sse_c, &known);
        }
        if let Some(sse_c) = request.copy_source.as_ref().and_then(|s| s.sse_c.as_ref()) {
            self.sse_c(&format!("{pointer}/copy_source/sse_c"), sse_c, &known);
        }
        if let Some(digest) = &request.trailer {
            self.body_named(&format!("{pointer}/trailer/body"), &digest.body);
        }
        let headers = request.headers.iter().flatten().map(|(name, spec)| ("headers", name, spec));
        let tampered = request.tampered.iter().flatten().map(|(name, spec)| ("tampered", name, spec));
        for (member, name, spec) in headers.chain(tampered) {
            let at = format!("{pointer}/{member}/{}", escape(name));
            if http::HeaderName::from_bytes(name.as_bytes()).is_err() {
                self.error(&at, format!("`{name}` is not a header name"), None);
            }
            self.header(&at, spec, None, &known);
            if spec.lines().any(|l| l.form.is_some() && l.key.is_none()) {
                self.error(&at, "`form` needs the `key` it is a form of here", None);
            }
        }
    }

    fn sse_c(&mut self, pointer: &str, sse_c: &SseC, known_steps: &[&str]) {
        if let Some(key) = &sse_c.key {
            self.key_named(&format!("{pointer}/key"), key);
        } else if !sse_c.is_empty() {
            self.error(pointer, "name the customer `key` that the headers are derived from", None);
        }
        let headers = [("algorithm", &sse_c.algorithm), ("customer_key", &sse_c.customer_key), ("md5", &sse_c.md5)];
        for (member, spec) in headers {
            if let Some(spec) = spec {
                self.header(&format!("{pointer}/{member}"), spec, sse_c.key.as_deref(), known_steps);
            }
        }
    }

    fn header(&mut self, pointer: &str, spec: &HeaderSpec, own: Option<&str>, known_steps: &[&str]) {
        for line in spec.lines() {
            let derived = line.key.is_some() || line.form.is_some();
            let given = [line.absent, line.value.is_some(), line.of_step.is_some(), line.digest.is_some(), derived];
            let count = given.iter().filter(|g| **g).count();
            if count > 1 || (count == 0 && own.is_none()) || (line.absent && spec.then.is_some()) {
                let message = "give one of `absent`, `value`, `of_step`, `digest`, or `key` and/or `form`";
                self.error(pointer, message, None);
            }
            if line.value.as_ref().is_some_and(|v| http::HeaderValue::from_str(v).is_err() || v.trim() != v) {
                let help = Some("HTTP takes visible characters, and strips blanks at the ends".to_owned());
                self.error(&format!("{pointer}/value"), "this cannot be sent as a header value", help);
            }
            if let Some(key) = &line.key {
                self.key_named(&format!("{pointer}/key"), key);
            }
            if let Some(digest) = &line.digest {
                self.body_named(&format!("{pointer}/digest/body"), &digest.body);
            }
            if let Some(of_step) = &line.of_step {
                self.named(&format!("{pointer}/of_step/step"), "earlier step", &of_step.step, known_steps);
            }
        }
    }

    fn outcome(&mut self, pointer: &str, outcome: &Outcome, known_steps: &[&str]) {
        for (i, status) in outcome.status.iter().enumerate() {
            if !STATUS.is_match(status) {
                let help = Some("write `404` or `4xx`".to_owned());
                self.error(&format!("{pointer}/status/{i}"), format!("`{status}` is not a status"), help);
            }
        }
        let elements = outcome.elements.iter().map(|(n, m)| (format!("elements/{}", escape(n)), m.clone()));
        let texts = outcome.error_fields.iter().map(|(n, m)| (format!("error_fields/{}", escape(n)), m.clone()));
        let texts = texts.chain(elements);
        for (at, text) in texts.collect::<Vec<_>>() {
            self.text_match(&format!("{pointer}/{at}"), &text);
        }
        for (name, header) in &outcome.headers {
            let at = format!("{pointer}/headers/{}", escape(name));
            let given = [
                header.equals.is_some(),
                header.matches.is_some(),
                header.digest.is_some(),
                header.absent,
                header.same_as.is_some(),
                header.differs_from.is_some(),
            ];
            if given.iter().filter(|g| **g).count() != 1 {
                self.error(
                    &at,
                    "give exactly one of `equals`, `matches`, `digest`, `absent`, `same_as`, `differs_from`",
                    None,
                );
            }
            if let Some(digest) = &header.digest {
                self.body_named(&format!("{at}/digest/body"), &digest.body);
            }
            self.regex(&at, header.matches.as_deref());
            for of_step in header.same_as.iter().chain(&header.differs_from) {
                self.named(&at, "earlier step", &of_step.step, known_steps);
            }
        }
        if let Some(key) = &outcome.echo {
            self.key_named(&format!("{pointer}/echo"), key);
        }
        if let Some(body) = &outcome.body {
            let at = format!("{pointer}/body");
            let given = [body.equals.is_some(), body.empty, body.size.is_some(), body.sha256.is_some()];
            let slice = body.offset.is_some() || body.length.is_some();
            if given.iter().filter(|g| **g).count() != 1 || (slice && body.equals.is_none()) {
                let help = Some("`offset` and `length` go with `equals`".to_owned());
                self.error(&at, "give exactly one of `equals`, `empty`, `size` and `sha256`", help);
            }
            if let Some(name) = &body.equals {
                self.body_named(&format!("{at}/equals"), name);
            }
        }
        let etag = outcome.etag.iter().flat_map(|e| e.same_as.iter().chain(&e.differs_from));
        let entry = outcome.entry.iter().flat_map(|e| e.etag_same_as.iter());
        let statuses = outcome.status_same_as.iter().chain(&outcome.status_differs_from);
        for step in etag.chain(entry).chain(statuses).cloned().collect::<Vec<_>>() {
            self.named(pointer, "earlier step", &step, known_steps);
        }
        for (i, inner) in outcome.any_of.iter().enumerate() {
            self.outcome(&format!("{pointer}/any_of/{i}"), inner, known_steps);
        }
    }

    fn text_match(&mut self, pointer: &str, text: &TextMatch) {
        let given =
            [text.equals.is_some(), text.matches.is_some(), text.digest.is_some(), text.same_as_header.is_some()];
        if given.iter().filter(|g| **g).count() != 1 {
            self.error(pointer, "give exactly one of `equals`, `matches`, `digest` and `same_as_header`", None);
        }
        if let Some(digest) = &text.digest {
            self.body_named(&format!("{pointer}/digest/body"), &digest.body);
        }
        self.regex(pointer, text.matches.as_deref());
    }

    fn regex(&mut self, pointer: &str, pattern: Option<&str>) {
        if let Some(Err(error)) = pattern.map(Regex::new) {
            self.error(&format!("{pointer}/matches"), format!("not a regular expression: {error}"), None);
        }
    }

    fn key_named(&mut self, pointer: &str, name: &str) {
        let known = std::mem::take(&mut self.key_names);
        self.named(pointer, "keys", name, &known.iter().map(String::as_str).collect::<Vec<_>>());
        self.key_names = known;
    }

    fn body_named(&mut self, pointer: &str, name: &str) {
        let names: Vec<&str> = self.typed.file.bodies.keys().map(String::as_str).collect();
        self.named(pointer, "bodies", name, &names);
    }

    /// `name` must be one of `known`; remembers that it is used.
    fn named(&mut self, pointer: &str, kind: &'static str, name: &str, known: &[&str]) {
        self.used.insert((kind, name.to_owned()));
        if !known.contains(&name) {
            let help = near_miss(name, known.iter().copied()).map(|n| format!("did you mean `{n}`?"));
            let what = match kind {
                "keys" => "customer key",
                "bodies" => "body",
                other => other,
            };
            self.error(pointer, format!("there is no {what} `{name}`"), help);
        }
    }

    fn unused(&mut self) {
        let file = &self.typed.file;
        let declared = file.keys.keys().map(|n| ("keys", n));
        let declared = declared.chain(file.bodies.keys().map(|n| ("bodies", n)));
        for (kind, name) in declared.chain(file.tables.keys().map(|n| ("tables", n))) {
            let several = file.keys.get(name).filter(|spec| kind == "keys" && spec.count.is_some());
            let one = several.and_then(|spec| spec.names(name).next()).unwrap_or_else(|| name.clone());
            if !self.used.contains(&(kind, one)) {
                let at = format!("/{kind}/{}", escape(name));
                self.found.push(self.located.at_name(&at, format!("`{name}` is never used"), None));
            }
        }
    }
}
