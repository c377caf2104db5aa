//! What a run of steps asks for, in one digest: evidence is judged only by suites that ask for the same.

use std::sync::Arc;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::suite::body::Body;
use crate::suite::model::{BucketKind, Step};
use crate::suite::{Key, Suite};

/// Raised when requests are made, or evidence is captured, in another way than before, so that older evidence is not taken
/// for that of the same requests.
const GENERATION: u32 = 2;

/// SHA-256, in hexadecimal, of all that decides what these steps send and what is looked at besides their answers. What
/// they expect has no part in it.
pub(super) fn digest(suite: &Suite, bucket: BucketKind, steps: &[Arc<Step>]) -> String {
    let asked: Vec<Value> = steps
        .iter()
        .map(|step| json!([step.id, step.together, step.request, step.asks_for_storage(), step.asks_for_md5s()]))
        .collect();
    let asked = Value::from(asked).to_string();
    let is_named = |name: &str| asked.contains(&format!("\"{name}\""));
    let keys = suite.keys.iter().filter(|(name, _)| is_named(name)).map(|(name, key)| json!([name, of_key(key)]));
    let bodies =
        suite.bodies.iter().filter(|(name, _)| is_named(name)).map(|(name, body)| json!([name, of_body(body)]));
    let context = json!([GENERATION, bucket, keys.collect::<Vec<_>>(), bodies.collect::<Vec<_>>()]).to_string();
    hex::encode(Sha256::digest(format!("{context}\n{asked}")))
}

fn of_key(key: &Key) -> Value {
    match key {
        Key::Fresh(length) => json!({"fresh": length}),
        // Fixed keys are those of public fixtures.
        Key::Fixed(bytes) => json!({"sha256": hex::encode(Sha256::digest(bytes))}),
    }
}

fn of_body(body: &Body) -> Value {
    match body {
        Body::Literal(bytes) => json!({"sha256": hex::encode(Sha256::digest(bytes))}),
        Body::Generated { size, seed } => json!({"size": size, "seed": seed}),
        Body::Joined(parts) => parts.iter().map(of_body).collect(),
    }
}
