//! Requests of which more is read than a response, or that are broken off in the middle of their body.
//!
//! HTTP clients take it that a response to HEAD ends with its head, and never show what a server sends beyond it. Here those bytes are
//! kept: they are the body that must not be there.

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use http::{HeaderMap, HeaderValue, Response, header};
use http_body_util::{BodyExt as _, Limited};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use url::Position;

use super::build::Prepared;
use super::connect::{Failure, ThroughProxy, connect};
use super::connection::{Connection, path, read_to_end, request};
use super::no_answer::InAnAnswer;
use super::receive::Looking;
use super::send::{Client, USER_AGENT};
use crate::evidence::{Answer, Peer};

/// The most bytes that are read of a body that must not be there.
const MAX_BEYOND: usize = 64 * 1024;
/// How long to wait for the server to end the connection once its head has come: it was asked to.
const PATIENCE: Duration = Duration::from_secs(2);

/// Sends a request and reads everything that comes, also after the end of the response.
pub(super) async fn read_beyond(
    prepared: &Prepared,
    headers: HeaderMap,
    client: &Client,
    looking: &Looking<'_>,
    peer: &mut Option<Arc<Peer>>,
) -> Result<Answer, Failure> {
    let stream = connect(&prepared.url, client, ThroughProxy::Tunnel, peer).await?;
    let mut connection = Connection::over(stream).await?;
    let request = request(prepared, headers, true, None)?;
    let response = match connection.send(request, looking.deadline).await {
        Ok(response) => response,
        Err(failed) if connection.has_heard() => return Err(InAnAnswer(failed.error).into()),
        Err(failed) => return Err(failed.error),
    };
    let (head, body) = response.into_parts();
    // A response to HEAD has none that the HTTP library gives out.
    let _ = tokio::time::timeout(PATIENCE, Limited::new(body, MAX_BEYOND).collect()).await;
    // What has come by the end of the server's time is what it sent, whether it ends the connection or not.
    let beyond = connection.end(PATIENCE).await.stray;
    Ok(looking.received(&head, &beyond))
}

/// Sends the first half of a body and closes the connection for writing; waits until the server has closed it, too, so
/// that whatever it makes of the request is made. No response is expected.
pub(super) async fn interrupt(
    prepared: &Prepared,
    headers: HeaderMap,
    client: &Client,
    looking: &Looking<'_>,
    peer: &mut Option<Arc<Peer>>,
) -> Result<Option<Answer>, Failure> {
    let body = prepared.body.bytes();
    let came = written(prepared, headers, &body[..body.len() / 2], client, looking, peer).await?;
    // An answer that gives a customer key back is evidence.
    Ok(answer(&came, looking).filter(|answer| !answer.leaked_keys.is_empty()))
}

/// Sends a whole body by the same means, which shows that the server takes requests so written.
pub(super) async fn write_whole(
    prepared: &Prepared,
    headers: HeaderMap,
    client: &Client,
    looking: &Looking<'_>,
    peer: &mut Option<Arc<Peer>>,
) -> Result<Answer, Failure> {
    let came = written(prepared, headers, &prepared.body.bytes(), client, looking, peer).await?;
    let closed =
        || std::io::Error::new(std::io::ErrorKind::UnexpectedEof, "the connection was closed without a response");
    Ok(answer(&came, looking).ok_or_else(closed)?)
}

/// Writes a request with the headers of the whole body and as much of it, closes the connection for writing where that is not all, and
/// reads what comes.
async fn written(
    prepared: &Prepared,
    mut headers: HeaderMap,
    body: &[u8],
    client: &Client,
    looking: &Looking<'_>,
    peer: &mut Option<Arc<Peer>>,
) -> Result<BytesMut, Failure> {
    let mut stream = connect(&prepared.url, client, ThroughProxy::Tunnel, peer).await?;
    headers.insert(header::HOST, prepared.url[Position::BeforeHost..Position::AfterPort].parse()?);
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
    let mut request = format!("{} {} HTTP/1.1\r\n", prepared.method, path(prepared)).into_bytes();
    for (name, value) in &headers {
        request.extend_from_slice(&[name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    request.extend_from_slice(b"\r\n");
    request.extend_from_slice(body);
    let is_whole = body.len() as u64 == prepared.body.len();
    let late = |_| std::io::Error::from(std::io::ErrorKind::TimedOut);
    let exchanged = async {
        stream.write_all(&request).await?;
        if is_whole {
            stream.flush().await?;
        } else {
            stream.shutdown().await?;
        }
        let mut came = BytesMut::new();
        if is_whole {
            read_head(&mut stream, &mut came).await?;
        }
        let _ = tokio::time::timeout(PATIENCE, read_to_end(stream, &mut came)).await;
        Ok(came)
    };
    tokio::time::timeout_at(looking.deadline + PATIENCE, exchanged).await.map_err(late)?
}

/// Reads until the head of a response is there, or the connection is closed.
async fn read_head(stream: &mut (impl AsyncRead + Unpin), came: &mut BytesMut) -> std::io::Result<()> {
    const END: &[u8] = b"\r\n\r\n";
    while !came.windows(END.len()).any(|bytes| bytes == END) && came.len() < MAX_BEYOND {
        if stream.read_buf(came).await? == 0 {
            break;
        }
    }
    Ok(())
}

/// The response that bytes hold; its body is not taken out of its framing.
fn answer(came: &[u8], looking: &Looking<'_>) -> Option<Answer> {
    let mut lines = [httparse::EMPTY_HEADER; 128];
    let mut read = httparse::Response::new(&mut lines);
    let httparse::Status::Complete(length) = read.parse(came).ok()? else { return None };
    let mut response = Response::builder().status(read.code?);
    for line in read.headers.iter() {
        response = response.header(line.name, line.value);
    }
    let (head, ()) = response.body(()).ok()?.into_parts();
    Some(looking.received(&head, &came[length..]))
}
