//! Layers around a stand-in for the service.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, Method, Response, Uri};
use rstest::rstest;
use s3s::Body;

use super::*;
use crate::reference::content::Memory as Bound;
use crate::reference::error::{Cause, Refusal};
use crate::reference::identity::Identity;
use crate::reference::layer::Layered;
use crate::reference::request::{Form, PolicyContext, Standing, Transport};
use crate::reference::store::Store;

/// Refuses everything for a wrong key, or answers with the headers that it is sent; remembers what it was sent.
struct StandIn {
    store: Store,
    refuses: bool,
    sent: Mutex<Vec<HeaderMap>>,
}

#[async_trait::async_trait]
impl Handler for StandIn {
    async fn call(&self, request: Request) -> Reply {
        self.sent.lock().unwrap().push(request.headers.clone());
        if self.refuses {
            return Err(Refusal::access_denied().because(Cause::WrongKey));
        }
        let mut response = Response::new(Body::empty());
        *response.headers_mut() = request.headers;
        Ok(response)
    }

    fn store(&self) -> &Store {
        &self.store
    }
}

fn request(method: Method, path: &str, headers: &[(&'static str, &str)]) -> Request {
    let lines = headers.iter().map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap()));
    Request {
        identity: Arc::new(Identity { request_id: "0".to_owned(), resource: path.to_owned(), is_head: false }),
        method,
        uri: Uri::try_from(path).unwrap(),
        headers: lines.collect(),
        body: Body::empty(),
        trailers: None,
        transport: Transport::Tls,
        connection: 0,
        written: Bytes::new(),
        form: Form::Headers,
        standing: Standing::Owner,
        policy_context: PolicyContext::default(),
        seams: Vec::new(),
    }
}

fn stand_in(refuses: bool) -> Arc<StandIn> {
    Arc::new(StandIn { store: Store::new(Bound::new(0), false), refuses, sent: Mutex::default() })
}

/// What comes of a request to a stand-in with these around it.
async fn reply(faults: &Faults, inside: &Arc<StandIn>, request: Request) -> Reply {
    let layers = faults.around(Options::default()).layers.layers.into();
    Layered { layers, service: Arc::clone(inside) as Arc<dyn Handler> }.call(request).await
}

#[rstest]
#[case::one(&["wrong-key-answered-400"], 400)]
#[case::the_first_has_the_last_word(&["another-key-as-500", "wrong-key-answered-400"], 500)]
#[case::the_other_way_round(&["wrong-key-answered-400", "another-key-as-500"], 400)]
#[tokio::test]
async fn several_faults_are_nested_in_their_order(#[case] ids: &[&str], #[case] status: u16) {
    let faults: Vec<&Fault> = ids.iter().map(|id| Fault::named(id).unwrap()).collect();
    let reply = reply(&Faults::of(&faults), &stand_in(true), request(Method::GET, "/b/k", &[])).await;
    assert_eq!(reply.err().map(|refusal| refusal.status), Some(status));
}

#[rstest]
#[case::holds("PutObject: x-amz-server-side-encryption-customer-key ignored", "/b/k", false)]
#[case::of_a_part("PutObject: x-amz-server-side-encryption-customer-key ignored", "/b/k?uploadId=1&partNumber=1", true)]
#[tokio::test]
async fn a_generated_fault_is_about_its_operation(#[case] id: &str, #[case] path: &str, #[case] arrives: bool) {
    let fault = Fault::generated().find(|fault| fault.id == id).unwrap();
    let (inside, name) = (stand_in(false), "x-amz-server-side-encryption-customer-key");
    let _ = reply(&Faults::of(&[fault]), &inside, request(Method::PUT, path, &[(name, "k")])).await;
    assert_eq!(inside.sent.lock().unwrap()[0].contains_key(name), arrives);
}

#[rstest]
#[case::all_hold("signature-not-checked[operation=PutObject,!presigned]", true)]
#[case::one_does_not("signature-not-checked[operation=PutObject,presigned]", false)]
#[case::another_operation("signature-not-checked[operation=GetObject]", false)]
#[tokio::test]
async fn a_narrowed_fault_shows_where_all_its_predicates_hold(#[case] text: &str, #[case] shows: bool) {
    struct Seen(Mutex<Option<Standing>>);
    #[async_trait::async_trait]
    impl Layer for Seen {
        async fn call(&self, request: Request, inner: &dyn Handler) -> Reply {
            *self.0.lock().unwrap() = Some(request.standing.clone());
            inner.call(request).await
        }
    }
    let seen = Arc::new(Seen(Mutex::default()));
    let mut layers = Faults::of(&[Fault::read(text).unwrap()]).around(Options::default()).layers.layers;
    layers.push(Arc::clone(&seen) as Arc<dyn Layer>);
    let mut request = request(Method::PUT, "/b/k", &[("x-amz-server-side-encryption-customer-key", "k")]);
    request.standing = Standing::Refused(Refusal::access_denied());
    let _ = Layered { layers: layers.into(), service: stand_in(false) }.call(request).await;
    assert_eq!(matches!(*seen.0.lock().unwrap(), Some(Standing::Owner)), shows);
}

#[tokio::test]
async fn one_request_of_three_is_counted_by_object_and_operation() {
    let fault = Fault::read("other-messages[one-of=3]").unwrap();
    let layers: Arc<[Arc<dyn Layer>]> = Faults::of(&[fault]).around(Options::default()).layers.layers.into();
    let service: Arc<dyn Handler> = stand_in(true);
    let mut shown = Vec::new();
    for path in ["/b/k", "/b/k", "/b/other", "/b/k", "/b/other", "/b/k"] {
        let layered = Layered { layers: Arc::clone(&layers), service: Arc::clone(&service) };
        let refusal = layered.call(request(Method::GET, path, &[])).await.unwrap_err();
        shown.push(refusal.message == "The request was refused.");
    }
    assert_eq!(shown, [false, false, false, true, false, false]);
}

#[rstest]
#[case::nothing_to_drop(&[], false)]
#[case::dropped(&[("if-match", "\"e\"")], false)]
#[case::of_sse_c(&[("x-amz-server-side-encryption-customer-key", "k")], true)]
#[tokio::test]
async fn a_fault_has_an_occasion_where_it_makes_a_difference(
    #[case] headers: &[(&'static str, &str)],
    #[case] expected: bool,
) {
    let ignored = "PutObject: x-amz-server-side-encryption-customer-key ignored";
    let faults = ["other-messages", "key-in-header-of-put"].map(|id| Fault::named(id).unwrap());
    let watched: Vec<&Fault> =
        faults.into_iter().chain(Fault::generated().filter(|fault| fault.id == ignored)).collect();
    let occasions = Occasions::of(&watched);
    let inside = stand_in(false);
    let reply = reply(&Faults::noting(&occasions), &inside, request(Method::PUT, "/b/k", headers)).await;
    // The service was asked once, and its response is what comes back.
    assert_eq!((inside.sent.lock().unwrap().len(), reply.unwrap().headers().len()), (1, headers.len()));
    let wanted = if expected { BTreeSet::from([ignored]) } else { BTreeSet::new() };
    let noted = occasions.take();
    assert_eq!(noted.contains(ignored), expected, "{noted:?}");
    assert!(!noted.contains("other-messages") && wanted.is_subset(&noted), "{noted:?}");
    assert!(occasions.take().is_empty());
}

#[rstest]
#[case("no-key-reads[", "is not of the form ID[PREDICATE,…]")]
#[case("no-key-reads[framed,]", "is not of the form ID[PREDICATE,…]")]
#[case("no-key-reads[]", "is not of the form ID[PREDICATE,…]")]
#[case("no-key-reads[framd]", "the nearest is `framed`")]
#[case("no-key-read[framed]", "the nearest is `no-key-reads`")]
fn what_is_no_fault_is_said(#[case] text: &str, #[case] help: &str) {
    let error = Fault::read(text).unwrap_err().to_string();
    assert!(error.contains(help), "{error}");
}
