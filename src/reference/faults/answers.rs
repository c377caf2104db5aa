//! What answers say of an object, and how refusals are written.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderName};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use http_body_util::BodyExt as _;
use md5::{Digest as _, Md5};
use s3s::Body;
use zeroize::Zeroizing;

use super::{Action, Departure, Faults, HttpFlaw, ReadFlaw, TlsGap};
use crate::reference::error::{Cause, Refusal};
use crate::reference::http::Transport;
use crate::reference::objects::Echo;
use crate::reference::sse_c::{GivenKey, SOURCE, TARGET};
use crate::reference::store::random_id;

/// Where an answer shows an object's ETag or size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::reference) enum View {
    Get,
    Head,
    Attributes,
    Listing,
    FirstListing,
    Versions,
    Parts,
}

/// How algorithm and MD5 are echoed wrongly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::reference) enum EchoFlaw {
    Missing,
    /// The MD5 in hexadecimal.
    Md5InHex,
    /// The MD5 alone, without the algorithm.
    AlgorithmMissing,
}

/// What an ETag is made of in place of chance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::reference) enum EtagFlaw {
    Md5OfPlaintext,
    /// A digest of key and body.
    KeyAndBody,
    /// A digest of the body, salted, so that it is no MD5 of it.
    Body,
    /// Chance, but written as a UUID.
    Uuid,
    /// Chance, but 48 digits.
    Long,
}

/// How refusals are written wrongly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::reference) enum RefusalFlaw {
    /// With this status, as a fault of the server's own.
    AsServerError(u16),
    /// Those of one cause with this status and code.
    Recoded(&'static [Cause], u16, &'static str),
    /// Without the further fields that name the argument.
    WithoutArgument,
    /// With other messages.
    OtherMessages,
    /// As plain text.
    NotXml,
    /// HEAD is answered with a body.
    HeadWithBody,
    /// HEAD is refused with 404.
    HeadNotFound,
}

/// Where the customer key is given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::reference) enum Leak {
    /// In a header of good answers to requests of these kinds.
    Header(&'static [Action]),
    /// In an error document.
    ErrorText,
    /// In an error document, in hexadecimal.
    ErrorTextInHex,
    /// In an error document, as a part of a JSON text that is in base64.
    ErrorTextInBase64,
    /// In an error document, its bytes as the characters of a JSON string.
    ErrorTextInJson,
}

/// What the HTTP layer knows of a request.
#[derive(Clone)]
pub(in crate::reference) struct Asked {
    pub transport: Transport,
    pub presigned: bool,
    /// What it does with customer keys: one, or two in a copy.
    pub actions: Vec<Action>,
    pub is_head: bool,
    /// The key that it brought, for those who give it back.
    key: Option<Zeroizing<String>>,
}

impl Asked {
    /// `keep_key` where the key is to be given back.
    pub fn of<B>(transport: Transport, request: &http::Request<B>, keep_key: bool) -> Self {
        let headers = request.headers();
        let query = request.uri().query().unwrap_or_default();
        let has = |name: &str| url::form_urlencoded::parse(query.as_bytes()).any(|(n, _)| n.eq_ignore_ascii_case(name));
        let carries = |prefix: &str| headers.keys().any(|name| name.as_str().starts_with(prefix));
        let method = request.method();
        let copies = headers.contains_key("x-amz-copy-source");
        let main = match (method, has("uploadId")) {
            (&Method::PUT, true) if copies => Some(Action::PartCopyTarget),
            (&Method::PUT, true) => Some(Action::UploadPart),
            (&Method::PUT, false) if copies => Some(Action::CopyTarget),
            (&Method::PUT, false) => Some(Action::Put),
            (&Method::POST, false) => Some(Action::CreateUpload),
            (&Method::HEAD, _) => Some(Action::Head),
            (&Method::GET, false) if has("attributes") => Some(Action::Attributes),
            (&Method::GET, false) => Some(Action::Get),
            // CompleteMultipartUpload and ListParts take SSE-C headers, and do nothing with them.
            _ => None,
        };
        let mut actions = Vec::new();
        if carries(TARGET) {
            actions.extend(main);
        }
        if carries(SOURCE) {
            let part = main == Some(Action::PartCopyTarget);
            actions.push(if part { Action::PartCopySource } else { Action::CopySource });
        }
        let key = headers.get(format!("{TARGET}key")).and_then(|key| key.to_str().ok());
        Self {
            transport,
            presigned: has("X-Amz-Signature"),
            actions,
            is_head: method == Method::HEAD,
            key: key.filter(|_| keep_key).map(|key| Zeroizing::new(key.to_owned())),
        }
    }
}

impl Faults {
    /// Whether answers give the customer key back, so that it must be kept until then.
    pub(in crate::reference) fn leak(&self) -> bool {
        self.notes_occasions() || self.departures().any(|departure| matches!(departure, Departure::Leaks(_)))
    }

    /// Whether a request without TLS is let through.
    pub(in crate::reference) fn overlooks_tls(&self, asked: &Asked) -> bool {
        self.tls_gap(|gap| match gap {
            TlsGap::Everywhere | TlsGap::HeadersPassedOver => true,
            TlsGap::For(actions) => asked.actions.iter().all(|action| actions.contains(action)),
            TlsGap::Presigned => asked.presigned,
            TlsGap::DoneAllTheSame => false,
        })
    }

    /// Whether a form upload without TLS is let through.
    pub(in crate::reference) fn overlooks_tls_of_forms(&self) -> bool {
        self.tls_gap(|gap| match gap {
            TlsGap::Everywhere | TlsGap::HeadersPassedOver => true,
            TlsGap::For(actions) => actions.contains(&Action::Post),
            TlsGap::Presigned | TlsGap::DoneAllTheSame => false,
        })
    }

    /// Whether a request is done although it was refused for want of TLS.
    pub(in crate::reference) fn does_all_the_same(&self, refusal: &Refusal) -> bool {
        refusal.cause == Some(Cause::WithoutTls) && self.tls_gap(|gap| gap == TlsGap::DoneAllTheSame)
    }

    /// What an answer echoes.
    pub(in crate::reference) fn echo(&self, action: Action, rightly: Echo) -> Echo {
        let told = rightly.customer_algorithm.is_some();
        let flaw = self.first(|departure| match departure {
            Departure::Echoes(actions, flaw) if told && actions.contains(&action) => Some(flaw),
            _ => None,
        });
        match flaw {
            None => rightly,
            Some(EchoFlaw::Missing) => Echo { customer_algorithm: None, customer_key_md5: None, ..rightly },
            Some(EchoFlaw::AlgorithmMissing) => Echo { customer_algorithm: None, ..rightly },
            Some(EchoFlaw::Md5InHex) => {
                Echo { customer_key_md5: rightly.customer_key_md5.as_deref().map(in_hex), ..rightly }
            }
        }
    }

    /// The ETag of data written under a customer key; `md5` is that of the plaintext, in hexadecimal.
    pub(in crate::reference) fn etag(&self, action: Action, rightly: String, key: &GivenKey, md5: &str) -> String {
        let flaw = self.first(|departure| match departure {
            Departure::MakesEtags(actions, flaw) if actions.contains(&action) => Some(flaw),
            _ => None,
        });
        match flaw {
            None => rightly,
            Some(EtagFlaw::Md5OfPlaintext) => md5.to_owned(),
            Some(EtagFlaw::KeyAndBody) => digest(&[&key.md5, md5]),
            Some(EtagFlaw::Body) => digest(&["of the body", md5]),
            Some(EtagFlaw::Uuid) => {
                let [a, b, c, d] = [8, 12, 16, 20].map(|at| rightly.get(at..).unwrap_or_default());
                format!("{}-{}-{}-{}-{d}", first(&rightly, 8), first(a, 4), first(b, 4), first(c, 4))
            }
            Some(EtagFlaw::Long) => format!("{rightly}{}", first(&rightly, 16)),
        }
    }

    /// The ETag that an answer shows of an SSE-C object.
    pub(in crate::reference) fn etag_shown(&self, view: View, rightly: &str) -> String {
        let other = self.any_is(|d| matches!(d, Departure::ShowsOtherEtag(own) if own == view));
        if other { digest(&["another", rightly]) } else { rightly.to_owned() }
    }

    /// The size that an answer shows of data of so many segments under a customer key.
    pub(in crate::reference) fn size_shown(&self, view: View, rightly: u64, multipart: bool) -> u64 {
        let of_ciphertext = self.any_is(|departure| match departure {
            Departure::ShowsCiphertextSize(own) => own == view && !multipart,
            Departure::ShowsCiphertextSizeOfParts(own) => own == view && multipart,
            _ => false,
        });
        // A tag of 16 bytes for each segment, of which there is at least one.
        let segments = rightly.div_ceil(crate::reference::content::SEGMENT as u64).max(1);
        if of_ciphertext { rightly + 16 * segments } else { rightly }
    }

    /// A refusal as this endpoint gives it.
    pub(in crate::reference) fn refusal(&self, mut refusal: Refusal) -> Refusal {
        let Some(cause) = refusal.cause else { return refusal };
        let shows = |departure| match departure {
            Departure::Refuses(RefusalFlaw::Recoded(causes, ..)) => causes.contains(&cause),
            departure => matches!(departure, Departure::Refuses(_)),
        };
        for departure in self.showing(shows) {
            let Departure::Refuses(flaw) = departure else { continue };
            match flaw {
                RefusalFlaw::AsServerError(503) => {
                    (refusal.status, refusal.code) = (503, "ServiceUnavailable");
                }
                RefusalFlaw::AsServerError(status) => {
                    (refusal.status, refusal.code) = (status, "InternalError");
                }
                RefusalFlaw::Recoded(_, status, code) => (refusal.status, refusal.code) = (status, code),
                RefusalFlaw::WithoutArgument => refusal.fields.clear(),
                RefusalFlaw::OtherMessages => refusal.message = "The request was refused.".into(),
                RefusalFlaw::NotXml | RefusalFlaw::HeadWithBody | RefusalFlaw::HeadNotFound => {}
            }
        }
        refusal
    }

    /// Whether requests are looked at as they were written.
    pub(in crate::reference) fn look_at_spelling(&self) -> bool {
        let looks = [HttpFlaw::OtherCaseRefused, HttpFlaw::BlanksCount].map(Departure::Http);
        self.notes_occasions() || self.departures().any(|departure| looks.contains(&departure))
    }

    /// Refuses a request for how its SSE-C headers are spelt.
    pub(in crate::reference) fn refuse_spelling(&self, written: &[u8]) -> Result<(), Refusal> {
        // The request's own head is what came last.
        let text = String::from_utf8_lossy(written);
        let head = text.rsplit_once("HTTP/1.1\r\n").map_or(&*text, |(_, head)| head);
        let head = head.split("\r\n\r\n").next().unwrap_or_default();
        let lines = head.lines().filter_map(|line| line.split_once(':'));
        let of_sse_c = lines.filter(|(name, _)| {
            let name = name.to_ascii_lowercase();
            name.starts_with(TARGET) || name.starts_with(SOURCE)
        });
        for (name, value) in of_sse_c {
            let other_case = name.contains(|c: char| c.is_ascii_uppercase()) && self.has(HttpFlaw::OtherCaseRefused);
            let value = value.strip_prefix(' ').unwrap_or(value);
            let blanks = value.trim() != value && self.has(HttpFlaw::BlanksCount);
            if other_case || blanks {
                return Err(Refusal::invalid_argument("A header is not known."));
            }
        }
        Ok(())
    }

    /// How this endpoint speaks HTTP.
    async fn speak_otherwise(&self, asked: &Asked, response: &mut Response<Body>) {
        let is_error = response.status().is_client_error();
        let is_ok = response.status() == StatusCode::OK;
        let acts = |actions: &[Action]| is_ok && asked.actions.iter().any(|action| actions.contains(action));
        if acts(&[Action::Put, Action::CopyTarget]) && self.has(HttpFlaw::PutAs201) {
            *response.status_mut() = StatusCode::CREATED;
        }
        if acts(&[Action::CreateUpload, Action::UploadPart]) && self.has(HttpFlaw::UploadsAs201) {
            *response.status_mut() = StatusCode::CREATED;
        }
        if acts(&[Action::Get, Action::Head]) && self.has(HttpFlaw::ReadsAs203) {
            *response.status_mut() = StatusCode::NON_AUTHORITATIVE_INFORMATION;
        }
        if self.has(HttpFlaw::NoRequestId) {
            response.headers_mut().remove("x-amz-request-id");
        }
        if is_error && self.has(HttpFlaw::OtherRequestIdInError) {
            insert(response.headers_mut(), "x-amz-request-id", &random_id()[..16].to_ascii_uppercase());
        }
        if is_error && !asked.is_head && self.has(HttpFlaw::ErrorsAsHtml) {
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
        }
        if !asked.actions.is_empty()
            && self.has(ReadFlaw::EtagUnquoted)
            && let Some(etag) = response.headers().get(ETAG).and_then(|etag| etag.to_str().ok()).map(str::to_owned)
        {
            insert(response.headers_mut(), "etag", etag.trim_matches('"'));
        }
    }

    /// What follows a response that must not be followed by anything.
    fn stray_bytes(&self, asked: &Asked, response: &Response<Body>) -> Option<Bytes> {
        let status = response.status();
        let is_put = asked.actions.contains(&Action::Put);
        let chunked = Bytes::from_static(b"5\r\nstray\r\n0\r\n\r\n");
        if status == StatusCode::NOT_MODIFIED && self.has(HttpFlaw::BodyAfterNotModified) {
            return Some(chunked);
        }
        if asked.actions.contains(&Action::Head) && self.has(HttpFlaw::BodyAfterHead) {
            return Some(Bytes::from_static(b"a body"));
        }
        let second = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
        (is_put && status.is_client_error() && self.has(HttpFlaw::SecondRefusal)).then(|| Bytes::from_static(second))
    }

    /// An answer as this endpoint writes it; with what comes after its end.
    pub(in crate::reference) async fn answer(
        &self,
        asked: &Asked,
        cause: Option<Cause>,
        mut response: Response<Body>,
    ) -> (Response<Body>, Option<Bytes>) {
        let mut beyond = self.stray_bytes(asked, &response);
        self.speak_otherwise(asked, &mut response).await;
        let is_error = response.status().is_client_error();
        let is_of_sse_c = is_error && cause.is_some();
        let shows = |departure| match departure {
            // Also what the signature or a doubled header was refused for.
            Departure::Refuses(RefusalFlaw::AsServerError(_)) => is_error && !asked.actions.is_empty(),
            Departure::Refuses(RefusalFlaw::NotXml) => is_error && !asked.is_head,
            Departure::Refuses(RefusalFlaw::HeadWithBody | RefusalFlaw::HeadNotFound) => is_of_sse_c && asked.is_head,
            Departure::Leaks(Leak::Header(actions)) => {
                !is_error && asked.actions.iter().any(|own| actions.contains(own))
            }
            Departure::Leaks(_) => is_error && asked.key.is_some(),
            _ => false,
        };
        for departure in self.showing(shows) {
            match departure {
                Departure::Refuses(RefusalFlaw::AsServerError(status)) => {
                    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                }
                Departure::Refuses(RefusalFlaw::NotXml) => {
                    let text = format!("refused: {}\n", response.status());
                    set_body(&mut response, Body::from(text), "text/plain");
                }
                Departure::Refuses(RefusalFlaw::HeadWithBody) => {
                    // On a connection that goes on the client would take it for the next answer.
                    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                    let body = Bytes::from_static(b"<Error><Code>AccessDenied</Code></Error>");
                    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
                    beyond = Some(body);
                }
                Departure::Refuses(RefusalFlaw::HeadNotFound) => {
                    *response.status_mut() = StatusCode::NOT_FOUND;
                }
                Departure::Leaks(leak) => leak.into_answer(asked, &mut response).await,
                _ => {}
            }
        }
        (response, beyond)
    }
}

impl Leak {
    async fn into_answer(self, asked: &Asked, response: &mut Response<Body>) {
        let Some(key) = &asked.key else { return };
        match self {
            Self::Header(_) => {
                insert(response.headers_mut(), "x-amz-server-side-encryption-customer-key", key);
            }
            Self::ErrorText => into_document(response, "Detail", key).await,
            Self::ErrorTextInHex => into_document(response, "Detail", &in_hex(key)).await,
            Self::ErrorTextInBase64 => {
                let headers = Zeroizing::new(format!(r#"{{"algorithm":"AES256","key":"{}"}}"#, key.as_str()));
                into_document(response, "Request", &STANDARD.encode(headers.as_bytes())).await;
            }
            Self::ErrorTextInJson => into_document(response, "Detail", &in_json(key)).await,
        }
    }
}

/// Adds an element to an error document.
async fn into_document(response: &mut Response<Body>, name: &str, text: &str) {
    let body = std::mem::replace(response.body_mut(), Body::empty());
    let document = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let filled = crate::reference::http::with_fields(&document, &[(name, text)]).unwrap_or(document);
    set_body(response, Body::from(filled), "application/xml");
}

fn set_body(response: &mut Response<Body>, body: Body, content_type: &'static str) {
    response.headers_mut().remove(CONTENT_LENGTH);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    *response.body_mut() = body;
}

fn insert(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(HeaderName::from_static(name), value);
    }
}

fn in_hex(base64: &str) -> String {
    hex::encode(STANDARD.decode(base64).unwrap_or_default())
}

/// Each byte as the character of its number, all but ASCII escaped.
fn in_json(base64: &str) -> String {
    let written = |byte: u8| match byte {
        b'"' | b'\\' => format!("\\{}", char::from(byte)),
        b' '..=b'~' => char::from(byte).to_string(),
        _ => format!("\\u{byte:04x}"),
    };
    STANDARD.decode(base64).unwrap_or_default().into_iter().map(written).collect()
}

fn digest(of: &[&str]) -> String {
    hex::encode(Md5::digest(of.join("\n").as_bytes()))
}

fn first(text: &str, length: usize) -> &str {
    text.get(..length).unwrap_or(text)
}
