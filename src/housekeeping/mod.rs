//! Requests of the harness's own: to make buckets and look into them, and to remove what a run made.

mod listing;
mod removal;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::Method;

use crate::client::{BuildError, Client, CustomerKey, Disclosures, Prepared, Target, housekeeping};
use crate::evidence::{Answer, Exchange, Redactor, Reply};

pub use listing::{Entry, Kind};
pub use removal::{Bucket, Looked, Outcome, Removal, Scope, left_alone};

/// The most exchanges that are kept as evidence.
const MAX_KEPT: usize = 20_000;
/// The most bytes that are kept of all of them: 32 MiB.
const MAX_KEPT_BYTES: usize = 32 * 1024 * 1024;

/// Sends the harness's own requests, and keeps what came back, within limits.
pub struct Housekeeper {
    client: Client,
    kept: Mutex<Kept>,
    known: Mutex<Known>,
}

/// The customer keys that an endpoint was sent: looked for in every later answer, whatever it is an answer to.
#[derive(Default)]
struct Known {
    keys: Vec<(String, CustomerKey)>,
    /// Made when it is needed.
    redactor: Option<Arc<Redactor>>,
}

struct Kept {
    exchanges: Vec<Exchange>,
    /// Bytes that may still be kept.
    left: usize,
}

impl Housekeeper {
    /// One that sends by way of this client.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self {
            client: client.for_housekeeping(),
            kept: Mutex::new(Kept { exchanges: Vec::new(), left: MAX_KEPT_BYTES }),
            known: Mutex::default(),
        }
    }

    /// Takes note of customer keys that are about to be sent; `of` is who sends them.
    pub fn learn(&self, of: &str, keys: &BTreeMap<String, CustomerKey>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.keys.extend(keys.iter().map(|(name, key)| (format!("{name} of {of}"), key.clone())));
        known.redactor = None;
    }

    fn redactor(&self) -> Arc<Redactor> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let Known { keys, redactor } = &mut *known;
        let made = || Arc::new(Redactor::new(keys.iter().map(|(name, key)| (name.as_str(), key.bytes()))));
        Arc::clone(redactor.get_or_insert_with(made))
    }

    /// Where requests are sent.
    #[must_use]
    pub fn target(&self) -> &Target {
        self.client.target()
    }

    /// Sends a signed request without SSE-C; with an empty key to the bucket.
    pub async fn send(
        &self,
        operation: &'static str,
        method: Method,
        bucket: &str,
        key: &str,
        query: &[(&str, &str)],
        body: Bytes,
    ) -> Exchange {
        let prepared = housekeeping(operation, method, bucket, key, query, body, self.target());
        self.send_prepared(operation, prepared, &self.redactor(), &Disclosures::of(&BTreeMap::new())).await
    }

    /// Sends a request that is made already.
    pub async fn send_prepared(
        &self,
        step: &str,
        prepared: Result<Prepared, BuildError>,
        redactor: &Redactor,
        disclosures: &Disclosures<'_>,
    ) -> Exchange {
        let exchange = self.client.send(step, false, prepared, redactor, disclosures).await;
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).keep(&exchange);
        exchange
    }

    /// What was sent and came back so far, in the order in which answers were complete.
    #[must_use]
    pub fn take_exchanges(&self) -> Vec<Exchange> {
        std::mem::take(&mut self.kept.lock().unwrap_or_else(PoisonError::into_inner).exchanges)
    }
}

impl Kept {
    fn keep(&mut self, exchange: &Exchange) {
        if self.exchanges.len() == MAX_KEPT {
            return;
        }
        let mut exchange = exchange.clone();
        if size(&exchange) > self.left
            && let Reply::Answer(answer) = &mut exchange.reply
        {
            answer.body.text = None;
        }
        if let Some(left) = self.left.checked_sub(size(&exchange)) {
            self.left = left;
            self.exchanges.push(exchange);
        }
    }
}

/// About how many bytes an exchange takes: what an endpoint decides of it.
fn size(exchange: &Exchange) -> usize {
    let of_answer = |answer: &Answer| {
        let headers: usize = answer.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        headers + answer.body.text.as_ref().map_or(0, String::len)
    };
    exchange.sent.url.len() + exchange.reply.answer().map_or(0, of_answer)
}

/// An answer in words: status, error code and message, or where it leads.
#[must_use]
pub fn in_words(answer: &Answer) -> String {
    /// The most characters of a field.
    const MAX_FIELD: usize = 500;
    let error = answer.s3_error().unwrap_or_default();
    let field = |name: &str| {
        let text: Option<String> = error.get(name).map(|text| text.chars().take(MAX_FIELD).collect());
        text.map(|text| format!(" {text}")).unwrap_or_default()
    };
    let to = answer.redirect().map(|to| {
        let to: String = to.chars().take(MAX_FIELD).collect();
        format!(", to {to} (redirects are not followed; if that is the endpoint, give it with --endpoint)")
    });
    format!("{}{}{}{}", answer.status, field("Code"), field("Message"), to.unwrap_or_default())
}

/// The same of whatever came back.
#[must_use]
pub fn reply_in_words(reply: &Reply) -> String {
    match reply {
        Reply::Answer(answer) => in_words(answer),
        Reply::Closed(why) | Reply::Failed(why) | Reply::NotSent(why) => why.clone(),
        Reply::Interrupted => "no answer was awaited".to_owned(),
    }
}
