//! What expectations refer to besides what came back.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest as _, Md5};

use crate::client::CustomerKey;
use crate::suite::Suite;
use crate::suite::body::Body;
use crate::suite::model::{KeyForm, Step};
use crate::verdict::Facts;

/// The bodies that steps send, by name.
pub(super) fn bodies_of(suite: &Suite, steps: &[Arc<Step>]) -> BTreeMap<String, Body> {
    let names = steps.iter().filter_map(|step| step.request.body.as_ref());
    names.filter_map(|name| Some((name.clone(), suite.bodies.get(name)?.clone()))).collect()
}

/// The largest body of which the MD5 with each customer key is made, in bytes: 1 MiB.
const MAX_DIGESTED_WITH_KEYS: u64 = 1 << 20;

/// What expectations refer to. Digesting every body is most of a run's work: it is done where a step asks for it.
pub(super) fn facts(keys: &BTreeMap<String, CustomerKey>, bodies: Option<&BTreeMap<String, Body>>) -> Facts {
    let mut facts = Facts::default();
    for (name, key) in keys {
        facts.key_md5.insert(name.clone(), STANDARD.encode(key.md5()));
    }
    let Some(bodies) = bodies else { return facts };
    let md5 = |bytes: &[u8]| hex::encode(Md5::digest(bytes));
    for (name, body) in bodies {
        facts.md5s.insert(body.md5(), format!("body `{name}`"));
        facts.md5s.insert(body.md5_of_base64(), format!("the base64 text of body `{name}`"));
    }
    // No server digests a key with megabytes that does not do so with less.
    let short: Vec<_> = bodies.iter().filter(|(_, body)| body.len() <= MAX_DIGESTED_WITH_KEYS).collect();
    for (name, key) in keys {
        facts.md5s.insert(md5(key.bytes()), format!("customer key {name}"));
        let base64 = key.form(KeyForm::Base64);
        facts.md5s.insert(md5(base64.as_bytes()), format!("the base64 text of customer key {name}"));
        for (body_name, body) in &short {
            let md5 = body.md5_after(key.bytes());
            facts.md5s.insert(md5, format!("customer key {name} followed by body `{body_name}`"));
        }
    }
    facts
}
