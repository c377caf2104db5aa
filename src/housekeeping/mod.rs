//! Requests of the harness's own: to make buckets and look into them, and to remove what a run made.

mod batch;
mod listing;
mod named;
mod removal;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use http::Method;

use crate::client::{BuildError, Client, CustomerKey, Disclosures, Prepared, SentAgain, Target, housekeeping};
use crate::evidence::{Answer, Exchange, Redactor, Reply};

pub use listing::{Entry, Kind};
pub use removal::{Bucket, Looked, Outcome, Removal, Scope, left_alone};

/// The most exchanges that are kept as evidence.
const MAX_KEPT: usize = 20_000;
/// The most bytes that are kept of all of them: 32 MiB.
const MAX_KEPT_BYTES: usize = 32 * 1024 * 1024;

/// Sends the harness's own requests, and keeps what came back where that is wanted, within limits.
pub struct Housekeeper {
    client: Client,
    kept: Mutex<Kept>,
    /// Finds the customer keys of all requests of the run.
    redactor: Redactor,
}

struct Kept {
    /// Whether more is kept than what gave a customer key back.
    keeps_all: bool,
    exchanges: Vec<Exchange>,
    /// The first answer that gave a customer key back, if it is not among them.
    given_back: Option<Exchange>,
    /// Bytes that may still be kept.
    left: usize,
    /// Whether a part of what was to be kept is not.
    has_dropped: bool,
}

impl Housekeeper {
    /// One that sends by way of this client, and keeps what came back if that is to be evidence.
    #[must_use]
    pub fn new(client: Client, keeps_all: bool) -> Self {
        Self {
            client: client.for_housekeeping(),
            kept: Mutex::new(Kept {
                keeps_all,
                exchanges: Vec::new(),
                given_back: None,
                left: MAX_KEPT_BYTES,
                has_dropped: false,
            }),
            redactor: CustomerKey::redactor(&BTreeMap::new()),
        }
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
        self.send_prepared(operation, prepared, &self.redactor, &Disclosures::of(&BTreeMap::new())).await
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

    /// Counts so many requests of the run that are sent again.
    pub fn count_again(&self, why: SentAgain, count: u64) {
        self.client.count_again(why, count);
    }

    /// Whether a part of what was sent and came back is not kept, though it was wanted.
    #[must_use]
    pub fn has_dropped(&self) -> bool {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).has_dropped
    }

    /// What was sent and came back so far, in the order in which answers were complete.
    #[must_use]
    pub fn take_exchanges(&self) -> Vec<Exchange> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let given_back = kept.given_back.take();
        std::mem::take(&mut kept.exchanges).into_iter().chain(given_back).collect()
    }
}

impl Kept {
    fn keep(&mut self, exchange: &Exchange) {
        let gives_back = exchange.reply.answer().is_some_and(|answer| !answer.leaked_keys.is_empty());
        if !self.keeps_all && !gives_back {
            return;
        }
        let mut exchange = exchange.clone();
        if exchange.size() > self.left
            && let Reply::Answer(answer) = &mut exchange.reply
        {
            answer.body.text = None;
            self.has_dropped = true;
        }
        let left = self.left.checked_sub(exchange.size()).filter(|_| self.exchanges.len() < MAX_KEPT);
        if let Some(left) = left {
            self.left = left;
            self.exchanges.push(exchange);
        } else if gives_back {
            // Whatever is not kept of the evidence, this is no less true.
            self.has_dropped = true;
            self.given_back.get_or_insert(exchange);
        } else {
            self.has_dropped = true;
        }
    }
}

/// An answer in words: status, error code and message, or where it leads.
#[must_use]
pub fn in_words(answer: &Answer) -> String {
    /// The most characters of a field.
    const MAX_FIELD: usize = 500;
    let error = answer.s3_error().unwrap_or_default();
    let field = |name: &str| {
        let text: Option<String> = error.get(name).map(|text| text.chars().take(MAX_FIELD).collect());
        text.filter(|text| !text.is_empty()).map(|text| format!(" {text}")).unwrap_or_default()
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
