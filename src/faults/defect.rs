//! What a fault does to a request and its response, and the ways to say it in a line.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::header::{CONTENT_LENGTH, HOST};
use http::{HeaderMap, HeaderValue, Method, Response, Uri};
use s3s::Body;

use super::bodies::{cut_off, read_body, read_to_end, set_body};
use super::document::Element;
use super::facts::Facts;
use crate::reference::error::Refusal;
use crate::reference::layer::{Handler, Reply};
use crate::reference::request::{Form, Request, Standing, Target, Transport, without_parameters};
use crate::reference::seam::Seam;

/// What a fault does to one request.
#[async_trait::async_trait]
pub(crate) trait Defect: Send + Sync {
    /// Carries out a request by what is inside, or otherwise.
    async fn call(&self, call: Call<'_>) -> Reply;
}

/// A request on its way in.
pub(crate) struct Call<'c> {
    pub request: Request,
    /// What was known of the request when it came; changes of it change no facts.
    pub facts: Arc<Facts>,
    pub inner: &'c dyn Handler,
}

impl Call<'_> {
    /// Hands the request on.
    pub async fn go(self) -> Reply {
        self.inner.call(self.request).await
    }

    /// A request of the operator's own: no signature, policy or block is asked about.
    pub fn inward(&self, method: Method, target: &Target, query: &str) -> Request {
        let mut request = without_body(&self.request);
        request.method = method;
        request.uri = uri_of(target, query);
        request.headers = HeaderMap::new();
        request.headers.insert(HOST, HeaderValue::from_static("localhost"));
        (request.trailers, request.standing, request.transport) = (None, Standing::Operator, Transport::Tls);
        (request.form, request.seams) = (Form::Headers, Vec::new());
        request
    }
}

/// A request whose body is in memory, so that it can be sent more than once.
pub(crate) struct Buffered {
    head: Request,
    pub bytes: Bytes,
    pub breaks_off: bool,
}

impl Buffered {
    /// Reads the body of a request to its end.
    pub async fn of(mut request: Request) -> Self {
        let (bytes, breaks_off) = read_to_end(std::mem::take(&mut request.body)).await;
        Self { head: request, bytes, breaks_off }
    }

    /// The request once more; a body that broke off does so again.
    pub fn request(&self) -> Request {
        let body = if self.breaks_off { cut_off(self.bytes.clone(), false) } else { Body::from(self.bytes.clone()) };
        Request { body, ..without_body(&self.head) }
    }

    /// Whether the service does the same with the other.
    pub fn is(&self, other: &Self) -> bool {
        let of = |request: &Request| {
            let is_sent = (request.method.clone(), request.uri.clone(), request.headers.clone());
            (is_sent, request.transport, request.form, request.standing.clone(), request.policy_context.clone())
        };
        of(&self.head) == of(&other.head)
            && self.head.seams.len() == other.head.seams.len()
            && self.head.trailers.is_some() == other.head.trailers.is_some()
            && (self.breaks_off, &self.bytes) == (other.breaks_off, &other.bytes)
    }
}

/// The same request without its body.
pub(crate) fn without_body(request: &Request) -> Request {
    Request {
        identity: Arc::clone(&request.identity),
        method: request.method.clone(),
        uri: request.uri.clone(),
        headers: request.headers.clone(),
        body: Body::empty(),
        trailers: request.trailers.clone(),
        transport: request.transport,
        connection: request.connection,
        written: request.written.clone(),
        form: request.form,
        standing: request.standing.clone(),
        policy_context: request.policy_context.clone(),
        seams: request.seams.clone(),
    }
}

/// The path of an object, with a query.
pub(crate) fn uri_of(target: &Target, query: &str) -> Uri {
    let key = percent_encoding::utf8_percent_encode(&target.key, percent_encoding::NON_ALPHANUMERIC);
    let slash = if target.key.is_empty() { "" } else { "/" };
    let mark = if query.is_empty() { "" } else { "?" };
    Uri::try_from(format!("/{}{slash}{key}{mark}{query}", target.bucket)).unwrap_or_default()
}

/// Takes parameters out of the query of a request, those whose name `drops` picks.
pub(crate) fn drop_parameters(request: &mut Request, drops: impl Fn(&str) -> bool) {
    request.uri = without_parameters(&request.uri, drops);
}

/// Sets a parameter of the query of a request; the value is one that needs no escaping.
pub(crate) fn set_parameter(request: &mut Request, name: &str, value: &str) {
    drop_parameters(request, |other| other == name);
    let mark = if request.uri.query().is_some_and(|query| !query.is_empty()) { '&' } else { '?' };
    let path = request.uri.to_string();
    if let Ok(uri) = Uri::try_from(format!("{}{mark}{name}={value}", path.trim_end_matches('?'))) {
        request.uri = uri;
    }
}

/// Writes the response that a reply comes to.
pub(crate) fn written(reply: Reply, request: &crate::reference::identity::Identity) -> Response<Body> {
    reply.unwrap_or_else(|refusal| refusal.response(request))
}

/// Which requests a fault is about.
pub(crate) trait When: Fn(&Facts) -> bool + Send + Sync + 'static {}
impl<F: Fn(&Facts) -> bool + Send + Sync + 'static> When for F {}

struct Custom<F>(F);

#[async_trait::async_trait]
impl<F> Defect for Custom<F>
where
    F: for<'c> Fn(Call<'c>) -> BoxFuture<'c, Reply> + Send + Sync,
{
    async fn call(&self, call: Call<'_>) -> Reply {
        (self.0)(call).await
    }
}

/// Does whatever the function does.
pub(crate) fn custom<F>(act: F) -> Box<dyn Defect>
where
    F: for<'c> Fn(Call<'c>) -> BoxFuture<'c, Reply> + Send + Sync + 'static,
{
    Box::new(Custom(act))
}

/// Does whatever the function does, with a state that lives as long as the endpoint.
pub(crate) fn stateful<S, F>(act: F) -> Box<dyn Defect>
where
    S: Default + Send + Sync + 'static,
    F: for<'c> Fn(Arc<S>, Call<'c>) -> BoxFuture<'c, Reply> + Send + Sync + 'static,
{
    let state = Arc::new(S::default());
    custom(move |call| act(Arc::clone(&state), call))
}

/// Changes requests.
pub(crate) fn request(when: impl When, edit: impl Fn(&mut Request, &Facts) + Send + Sync + 'static) -> Box<dyn Defect> {
    custom(move |mut call| {
        if when(&call.facts) {
            edit(&mut call.request, &call.facts);
        }
        Box::pin(call.go())
    })
}

/// Passes headers of requests over.
pub(crate) fn drops_headers(when: impl When, names: &'static [&'static str]) -> Box<dyn Defect> {
    request(when, move |request, _| {
        for name in names {
            request.headers.remove(*name);
        }
    })
}

/// Changes what the store keeps of requests.
pub(crate) fn keeps(when: impl When, seam: impl Seam + 'static) -> Box<dyn Defect> {
    let seam: Arc<dyn Seam> = Arc::new(seam);
    request(when, move |request, _| request.seams.push(Arc::clone(&seam)))
}

/// The change to make, with what is known of the request, where the fault is about it.
fn chosen<E>(when: &impl When, edit: &Arc<E>, call: &Call<'_>) -> Option<(Arc<E>, Arc<Facts>)> {
    when(&call.facts).then(|| (Arc::clone(edit), Arc::clone(&call.facts)))
}

/// Changes the head of good responses.
pub(crate) fn response(
    when: impl When,
    edit: impl Fn(&mut Response<Body>, &Facts) + Send + Sync + 'static,
) -> Box<dyn Defect> {
    let edit = Arc::new(edit);
    custom(move |call| {
        let edits = chosen(&when, &edit, &call);
        Box::pin(async move {
            let mut reply = call.go().await;
            if let (Ok(response), Some((edit, facts))) = (&mut reply, edits)
                && response.status().is_success()
            {
                edit(response, &facts);
            }
            reply
        })
    })
}

/// Changes all responses as they are written, refusals too.
pub(crate) fn any_response(
    when: impl When,
    edit: impl Fn(&mut Response<Body>, &Facts) + Send + Sync + 'static,
) -> Box<dyn Defect> {
    let edit = Arc::new(edit);
    custom(move |call| {
        let edits = chosen(&when, &edit, &call);
        Box::pin(async move {
            let identity = Arc::clone(&call.request.identity);
            let Some((edit, facts)) = edits else { return call.go().await };
            let mut response = written(call.go().await, &identity);
            edit(&mut response, &facts);
            Ok(response)
        })
    })
}

/// Changes the document of good responses.
pub(crate) fn document(
    when: impl When,
    edit: impl Fn(&mut Element, &Facts) + Send + Sync + 'static,
) -> Box<dyn Defect> {
    let edit = Arc::new(edit);
    custom(move |call| {
        let edits = chosen(&when, &edit, &call);
        Box::pin(async move {
            let Some((edit, facts)) = edits else { return call.go().await };
            let response = call.go().await?;
            let (mut response, body) = read_body(response).await;
            if response.status().is_success()
                && let Some(mut root) = Element::parse(&body)
            {
                let before = root.clone();
                edit(&mut root, &facts);
                if root != before {
                    set_body(&mut response, root.write());
                }
            }
            Ok(response)
        })
    })
}

/// Changes refusals.
pub(crate) fn refusal(
    when: impl Fn(&Refusal, &Facts) -> bool + Send + Sync + 'static,
    edit: impl Fn(&mut Refusal, &Facts) + Send + Sync + 'static,
) -> Box<dyn Defect> {
    let (when, edit) = (Arc::new(when), Arc::new(edit));
    custom(move |call| {
        let (when, edit, facts) = (Arc::clone(&when), Arc::clone(&edit), Arc::clone(&call.facts));
        Box::pin(async move {
            call.go().await.map_err(|mut refusal| {
                if when(&refusal, &facts) {
                    edit(&mut refusal, &facts);
                }
                refusal
            })
        })
    })
}

/// Refuses requests before they are looked at.
pub(crate) fn refuses(when: impl When, refusal: impl Fn(&Facts) -> Refusal + Send + Sync + 'static) -> Box<dyn Defect> {
    custom(move |call| {
        if when(&call.facts) {
            let refusal = refusal(&call.facts);
            return Box::pin(async move { Err(refusal) });
        }
        Box::pin(call.go())
    })
}

/// Sends requests that were refused once more, changed; what that comes to is the response.
pub(crate) fn retries(
    when: impl Fn(&Refusal, &Facts) -> bool + Send + Sync + 'static,
    edit: impl Fn(&mut Request, &Facts) + Send + Sync + 'static,
) -> Box<dyn Defect> {
    let (when, edit) = (Arc::new(when), Arc::new(edit));
    custom(move |call| {
        let (when, edit) = (Arc::clone(&when), Arc::clone(&edit));
        Box::pin(async move {
            let buffered = Buffered::of(call.request).await;
            let reply = call.inner.call(buffered.request()).await;
            match reply {
                Err(refusal) if when(&refusal, &call.facts) => {
                    let mut request = buffered.request();
                    edit(&mut request, &call.facts);
                    call.inner.call(request).await
                }
                reply => reply,
            }
        })
    })
}

/// Does something further after requests that were refused; the refusal stays.
pub(crate) fn after_refusal<F>(
    when: impl Fn(&Refusal, &Facts) -> bool + Send + Sync + 'static,
    act: F,
) -> Box<dyn Defect>
where
    F: for<'c> Fn(Call<'c>) -> BoxFuture<'c, ()> + Send + Sync + 'static,
{
    let (when, act) = (Arc::new(when), Arc::new(act));
    custom(move |mut call| {
        let (when, act) = (Arc::clone(&when), Arc::clone(&act));
        Box::pin(async move {
            let buffered = Buffered::of(call.request).await;
            let reply = call.inner.call(buffered.request()).await;
            call.request = buffered.request();
            if reply.as_ref().is_err_and(|refusal| when(refusal, &call.facts)) {
                act(call).await;
            }
            reply
        })
    })
}

/// The first of these first; what each hands on goes to the next.
pub(crate) fn all(defects: Vec<Box<dyn Defect>>) -> Box<dyn Defect> {
    Box::new(All(defects.into()))
}

struct All(Arc<[Box<dyn Defect>]>);

/// What is inside of one of several.
struct Rest<'r> {
    defects: &'r [Box<dyn Defect>],
    facts: &'r Arc<Facts>,
    inner: &'r dyn Handler,
}

#[async_trait::async_trait]
impl Defect for All {
    async fn call(&self, call: Call<'_>) -> Reply {
        Rest { defects: &self.0, facts: &call.facts, inner: call.inner }.call(call.request).await
    }
}

#[async_trait::async_trait]
impl Handler for Rest<'_> {
    async fn call(&self, request: Request) -> Reply {
        let Some((defect, defects)) = self.defects.split_first() else { return self.inner.call(request).await };
        let rest = Rest { defects, facts: self.facts, inner: self.inner };
        defect.call(Call { request, facts: Arc::clone(self.facts), inner: &rest }).await
    }

    fn store(&self) -> &crate::reference::store::Store {
        self.inner.store()
    }
}

/// Sets a header of a response.
pub(crate) fn set_header(response: &mut Response<Body>, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// Sets the length that a response tells.
pub(crate) fn set_length(response: &mut Response<Body>, length: u64) {
    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
}
