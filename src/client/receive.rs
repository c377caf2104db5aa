//! Reads an answer as it comes: digested and searched piece by piece, so that no answer costs more memory than is kept.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::OnceLock;

use aho_corasick::AhoCorasick;
use bytes::Bytes;
use http::HeaderName;
use http_body::Body as HttpBody;
use http_body_util::BodyExt as _;
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

use super::no_answer::chain;
use crate::evidence::{Answer, Element, MAX_ANSWER, Received, Secrets};
use crate::suite::body::Body;

/// How much of a body is searched at a time.
const WINDOW: usize = 256 * 1024;
/// The most bytes that an encoding of a customer key takes: pieces overlap by as many, so that none is missed between two.
const OVERLAP: usize = 32 * 1024;
/// Of a scenario's body as many bytes must stand in an answer for it to be given away.
const PIECE: usize = 24;

/// Stands between texts that are searched together: a character that belongs to no encoding.
const APART: u8 = 1;
/// What stands in place of a text that holds a secret in pieces.
const IN_PIECES: &str = "[not shown: it holds a secret in pieces]";

/// What is looked for in an answer, and how much of it is kept.
pub(super) struct Looking<'a> {
    /// What must not be shown.
    pub secrets: Secrets<'a>,
    /// The scenario's bodies: looked for in answers other than 2xx.
    pub disclosures: &'a Disclosures<'a>,
    /// The most bytes of a body that are kept as text.
    pub most_text: usize,
    /// Until when an answer may come.
    pub deadline: Instant,
}

impl Looking<'_> {
    /// Reads an answer to its end, or as far as it may be read.
    pub async fn receive<B>(&self, head: &http::response::Parts, mut body: B) -> Answer
    where
        B: HttpBody<Data = Bytes> + Unpin,
        B::Error: Error + 'static,
    {
        let mut so_far = self.begin(head);
        let most = self.disclosures.longest_answer();
        loop {
            let frame = match tokio::time::timeout_at(self.deadline, body.frame()).await {
                Ok(Some(frame)) => frame,
                Ok(None) => break,
                Err(_) => {
                    so_far.cut_short = Some("the time was over".to_owned());
                    so_far.is_lost = true;
                    break;
                }
            };
            match frame.map(http_body::Frame::into_data) {
                Ok(Ok(data)) if so_far.length + data.len() as u64 > most => {
                    so_far.cut_short = Some(format!("more than {most} bytes came; the rest was not read"));
                    break;
                }
                Ok(Ok(data)) => so_far.add(&data),
                Ok(Err(other)) => {
                    for (name, value) in other.trailers_ref().into_iter().flatten() {
                        let line = [name.as_str().as_bytes(), b": ", value.as_bytes()].concat();
                        so_far.leaked_keys.extend(self.secrets.keys.found(&line));
                    }
                }
                Err(error) => {
                    so_far.is_lost = is_lost(&error);
                    so_far.cut_short = Some(chain(&error));
                    break;
                }
            }
        }
        so_far.end(head)
    }

    /// An answer that has come.
    pub fn received(&self, head: &http::response::Parts, body: &[u8]) -> Answer {
        let mut so_far = self.begin(head);
        so_far.add(body);
        so_far.end(head)
    }

    fn begin(&self, head: &http::response::Parts) -> SoFar<'_> {
        // Answers that give an object's data away on purpose are 2xx.
        let disclosures = (!head.status.is_success()).then_some(self.disclosures);
        SoFar {
            looking: self,
            disclosures,
            length: 0,
            digest: Sha256::new(),
            text: Some(Vec::new()),
            window: Vec::new(),
            leaked_keys: Vec::new(),
            discloses: Vec::new(),
            cut_short: None,
            is_lost: false,
        }
    }
}

/// An answer that is coming.
struct SoFar<'a> {
    looking: &'a Looking<'a>,
    disclosures: Option<&'a Disclosures<'a>>,
    length: u64,
    digest: Sha256,
    /// All of the body, while it is not too long to be kept; it is searched in the end.
    text: Option<Vec<u8>>,
    /// What of a longer body was not searched yet, after as much of what was as a match may need.
    window: Vec<u8>,
    leaked_keys: Vec<String>,
    discloses: Vec<String>,
    cut_short: Option<String>,
    is_lost: bool,
}

impl SoFar<'_> {
    fn add(&mut self, data: &[u8]) {
        self.length += data.len() as u64;
        self.digest.update(data);
        if let Some(text) = &mut self.text {
            if text.len() + data.len() <= self.looking.most_text {
                text.extend_from_slice(data);
                return;
            }
            let text = self.text.take().unwrap_or_default();
            self.search_as_it_comes(&text);
        }
        self.search_as_it_comes(data);
    }

    /// Searches what is not kept.
    fn search_as_it_comes(&mut self, data: &[u8]) {
        for piece in data.chunks(OVERLAP) {
            self.window.extend_from_slice(piece);
            if self.window.len() >= WINDOW + OVERLAP {
                self.search();
                self.window.drain(..self.window.len() - OVERLAP);
            }
        }
    }

    fn search(&mut self) {
        self.leaked_keys.extend(self.looking.secrets.keys.found(whole_characters(&self.window)));
        self.discloses.extend(self.bodies_in(&self.window));
    }

    fn bodies_in(&self, bytes: &[u8]) -> Vec<String> {
        self.disclosures.map(|disclosures| disclosures.found(bytes)).unwrap_or_default()
    }

    fn end(mut self, head: &http::response::Parts) -> Answer {
        let kept = self.text.take().map(|kept| String::from_utf8(kept).map_err(|no_text| no_text.into_bytes()));
        let text = match kept {
            // For keys it is searched when it is blotted.
            Some(Ok(text)) => {
                self.discloses.extend(self.bodies_in(text.as_bytes()));
                Some(text).filter(|text| !text.is_empty())
            }
            not_text => {
                self.search_as_it_comes(&not_text.and_then(Result::err).unwrap_or_default());
                self.search();
                None
            }
        };
        let secrets = self.looking.secrets;
        let mut shown = |bytes: &[u8]| {
            let (text, leaked) = secrets.searched(bytes);
            self.leaked_keys.extend(leaked);
            text
        };
        let lines = || head.headers.iter().map(|(name, value)| [name.as_str().as_bytes(), value.as_bytes()]);
        // Reports do not show the reason phrase, but it is a part of the answer.
        let reason = head.extensions.get::<hyper::ext::ReasonPhrase>().map(hyper::ext::ReasonPhrase::as_bytes);
        // Most heads hold no secret: one search of all tells. Names are the same in all of them.
        let values = lines().map(|[_, value]| value).chain(reason).collect::<Vec<_>>().join(&APART);
        let may_be_shown = |name: &HeaderName| secrets.may_be_shown(name.as_str().as_bytes());
        let headers = if head.headers.keys().all(may_be_shown) && secrets.may_be_shown_once(&values) {
            lines().map(|line| line.map(|text| String::from_utf8_lossy(text).into_owned()).into()).collect()
        } else {
            reason.map(&mut shown);
            lines().map(|line| line.map(&mut shown).into()).collect()
        };
        let text = text.map(|text| shown(text.as_bytes())).map(|text| if_whole(text, &mut shown));
        let body = Received {
            length: self.length,
            sha256: hex::encode(self.digest.finalize()),
            text,
            discloses: sorted(self.discloses),
            cut_short: self.cut_short.map(|why| secrets.hidden(why)),
            is_lost: self.is_lost,
        };
        let version = format!("{:?}", head.version);
        Answer { version, status: head.status.as_u16(), headers, body, leaked_keys: sorted(self.leaked_keys) }
    }
}

/// A text that gives nothing away either where what XML puts between its pieces is left out: comments, borders of CDATA.
fn if_whole(text: String, mut shown: impl FnMut(&[u8]) -> String) -> String {
    fn is_clean(element: &Element, shown: &mut impl FnMut(&[u8]) -> String) -> bool {
        let is_clean_itself = shown(element.text.as_bytes()) == element.text;
        is_clean_itself && element.children.iter().all(|child| is_clean(child, shown))
    }
    // The declaration that nearly all documents begin with is between no pieces.
    let declared = text.strip_prefix("<?xml").and_then(|declaration| declaration.split_once("?>"));
    let document = declared.map_or(text.as_str(), |(_, document)| document);
    let is_in_pieces = document.contains("<!") || document.contains("<?");
    let Some(root) = is_in_pieces.then(|| Element::parse(&text).ok()).flatten() else { return text };
    if is_clean(&root, &mut shown) { text } else { IN_PIECES.to_owned() }
}

/// Whether an answer broke off on its way. An endpoint that ends the connection before it has sent what it announced, or that
/// sends what is no HTTP, does so itself.
fn is_lost(error: &(dyn Error + 'static)) -> bool {
    let words = chain(error);
    !["end of file before message length reached", "invalid chunk", "Invalid chunk"]
        .iter()
        .any(|own| words.contains(own))
}

/// A piece of a text without the halves of characters at its ends; what is no piece of a text as it is.
fn whole_characters(bytes: &[u8]) -> &[u8] {
    let start = bytes.iter().take(3).take_while(|byte| **byte & 0b1100_0000 == 0b1000_0000).count();
    match std::str::from_utf8(&bytes[start..]) {
        Ok(text) => text.as_bytes(),
        Err(error) if error.error_len().is_none() => &bytes[start..start + error.valid_up_to()],
        Err(_) => bytes,
    }
}

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort();
    names.dedup();
    names
}

/// Finds the beginnings and the ends of bodies in answers. To make the bodies takes time: it is done once, where the first
/// answer asks for it.
pub struct Disclosures<'b> {
    bodies: &'b BTreeMap<String, Body>,
    pieces: OnceLock<Pieces>,
}

struct Pieces {
    /// For each piece the name of its body.
    names: Vec<String>,
    search: Option<AhoCorasick>,
}

impl<'b> Disclosures<'b> {
    /// Looks for these bodies.
    #[must_use]
    pub fn of(bodies: &'b BTreeMap<String, Body>) -> Self {
        Self { bodies, pieces: OnceLock::new() }
    }

    /// The most bytes of an answer that are read: as many as all bodies together have, and no fewer than [`MAX_ANSWER`].
    fn longest_answer(&self) -> u64 {
        self.bodies.values().map(Body::len).fold(0, u64::saturating_add).max(MAX_ANSWER as u64)
    }

    /// Names of the bodies of which a piece stands in `bytes`, one for each piece.
    fn found(&self, bytes: &[u8]) -> Vec<String> {
        let Pieces { names, search } = self.pieces.get_or_init(|| Pieces::of(self.bodies));
        let matches = search.iter().flat_map(|search| search.find_overlapping_iter(bytes));
        let mut found: Vec<usize> = matches.map(|found| found.pattern().as_usize()).collect();
        found.sort_unstable();
        found.dedup();
        found.into_iter().filter_map(|piece| names.get(piece).cloned()).collect()
    }
}

impl Pieces {
    fn of(bodies: &BTreeMap<String, Body>) -> Self {
        let (mut names, mut pieces) = (Vec::new(), Vec::new());
        for (name, body) in bodies.iter().filter(|(_, body)| body.len() >= PIECE as u64) {
            let (first, last) = body.ends(PIECE);
            for piece in [first, last] {
                names.push(name.clone());
                pieces.push(piece);
            }
        }
        Self { names, search: AhoCorasick::new(pieces).ok() }
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use http_body_util::StreamBody;
    use proptest::prelude::*;

    use super::*;
    use crate::evidence::Redactor;

    fn block_on<F: Future>(future: F) -> F::Output {
        tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("a runtime can be made")
            .block_on(future)
    }

    fn in_a_minute() -> Instant {
        Instant::now() + std::time::Duration::from_secs(60)
    }

    fn head(status: u16) -> http::response::Parts {
        http::Response::builder().status(status).body(()).expect("it is a response").into_parts().0
    }

    /// An answer whose body comes in pieces of this size.
    fn answered(status: u16, body: &[u8], size: usize, looking: &Looking<'_>) -> Answer {
        let frames = body.chunks(size).map(|piece| Ok(http_body::Frame::data(Bytes::copy_from_slice(piece))));
        let frames: Vec<Result<_, std::io::Error>> = frames.collect();
        block_on(looking.receive(&head(status), StreamBody::new(futures_util::stream::iter(frames))))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]

        /// However a body is cut to pieces, what is found in it is the same.
        #[test]
        fn pieces_hide_nothing(size in 999usize..200_000, before in 0usize..400_000, after in 0usize..200_000) {
            let key = [7u8, 200, 13, 54, 99, 1, 0, 255].repeat(4);
            let redactor = Redactor::new([("K", key.as_slice())]);
            let content = Body::Literal(Bytes::from_static(b"The content of an object that is nobody's business."));
            let bodies = BTreeMap::from([("data".to_owned(), content.clone())]);
            let looking = Looking { secrets: Secrets { keys: &redactor, credentials: &redactor }, disclosures: &Disclosures::of(&bodies), most_text: 1000, deadline: in_a_minute() };
            let hidden = [STANDARD.encode(&key).as_bytes(), &content.bytes()].concat();
            let body = [&vec![b'.'; before][..], &hidden, &vec![b'.'; after]].concat();
            let answer = answered(400, &body, size, &looking);
            prop_assert_eq!(answer.leaked_keys, vec!["K"]);
            prop_assert_eq!(answer.body.discloses, vec!["data"]);
            prop_assert_eq!(answer.body.length, body.len() as u64);
            prop_assert_eq!(answer.body.sha256, hex::encode(Sha256::digest(&body)));
            prop_assert_eq!(answer.body.text.is_some(), body.len() <= 1000);
        }
    }

    #[rstest::rstest]
    #[case::it_is_no_text(&[0xff], &[])]
    #[case::more_comes_than_is_kept(&[], &[b'.'; 1000])]
    fn what_is_not_kept_after_all_is_searched(#[case] before: &[u8], #[case] after: &[u8]) {
        let key = [7u8, 200, 13, 54, 99, 1, 0, 255].repeat(4);
        let (redactor, content) = (Redactor::new([("K", key.as_slice())]), b"Nobody's business: what an object holds.");
        let bodies = BTreeMap::from([("data".to_owned(), Body::Literal(Bytes::from_static(content)))]);
        let looking = Looking {
            secrets: Secrets { keys: &redactor, credentials: &redactor },
            disclosures: &Disclosures::of(&bodies),
            most_text: 1000,
            deadline: in_a_minute(),
        };
        let hidden = [before, STANDARD.encode(&key).as_bytes(), content].concat();
        let answer = answered(400, &[&hidden, after].concat(), hidden.len(), &looking);
        assert_eq!((answer.leaked_keys, answer.body.discloses), (vec!["K".to_owned()], vec!["data".to_owned()]));
        assert_eq!(answer.body.text, None);
    }

    /// What is found in a large answer that is kept whole, as far as it can be.
    fn leaked_by(body: &[u8], key: &[u8]) -> Vec<String> {
        let (redactor, no_bodies) = (Redactor::new([("K", key)]), BTreeMap::new());
        let looking = Looking {
            secrets: Secrets { keys: &redactor, credentials: &redactor },
            disclosures: &Disclosures::of(&no_bodies),
            most_text: 4 << 20,
            deadline: in_a_minute(),
        };
        answered(400, body, 1000, &looking).leaked_keys
    }

    #[test]
    fn far_from_what_is_no_text_a_text_is_read() {
        let key = [7u8, 200, 13, 54, 99, 1, 0, 255].repeat(4);
        let encoded: String = key.iter().map(|byte| format!("%{byte:02X}")).collect();
        let body = [&[0xff][..], &vec![b'.'; 350 << 10], encoded.as_bytes(), &vec![b'.'; 50 << 10]].concat();
        assert_eq!(leaked_by(&body, &key), ["K"]);
    }

    #[test]
    fn a_text_that_takes_too_much_is_read_piece_by_piece() {
        use rand::{Rng as _, SeedableRng as _};
        let mut random = rand::rngs::StdRng::seed_from_u64(1);
        let key = [7u8, 200, 13, 54, 99, 1, 0, 255].repeat(4);
        let words = |random: &mut rand::rngs::StdRng| {
            let mut bytes = [0; 60];
            random.fill_bytes(&mut bytes);
            STANDARD
                .encode(bytes)
                .chars()
                .enumerate()
                .flat_map(|(at, c)| [Some(c), (at % 10 == 9).then_some(' ')])
                .flatten()
                .collect::<String>()
        };
        let lines = (0..450).map(|_| (0..23).map(|_| words(&mut random)).collect::<String>() + "<");
        let body = lines.collect::<String>() + &STANDARD.encode(&key) + "<";
        assert_eq!(leaked_by(body.as_bytes(), &key), ["K"]);
    }

    #[test]
    fn no_more_is_read_than_may_be() {
        let (redactor, no_bodies) = (Redactor::new(std::iter::empty()), BTreeMap::new());
        let looking = Looking {
            secrets: Secrets { keys: &redactor, credentials: &redactor },
            disclosures: &Disclosures::of(&no_bodies),
            most_text: 10,
            deadline: in_a_minute(),
        };
        let piece = Bytes::from(vec![0; 1024 * 1024]);
        let endless =
            futures_util::stream::repeat_with(|| Ok::<_, std::io::Error>(http_body::Frame::data(piece.clone())));
        let answer = block_on(looking.receive(&head(200), StreamBody::new(endless)));
        assert_eq!(answer.body.length, MAX_ANSWER as u64);
        assert!(answer.body.cut_short.is_some());
    }

    /// An answer as it is kept; the key is named K.
    fn kept(response: http::Response<()>, body: &str) -> (Answer, String) {
        let key = [7u8, 200, 13, 54, 99, 1, 0, 255].repeat(4);
        let (redactor, no_bodies) = (Redactor::new([("K", key.as_slice())]), BTreeMap::new());
        let looking = Looking {
            secrets: Secrets { keys: &redactor, credentials: &redactor },
            disclosures: &Disclosures::of(&no_bodies),
            most_text: 100_000,
            deadline: in_a_minute(),
        };
        let answer = looking.received(&response.into_parts().0, body.as_bytes());
        let shown = format!("{answer:?}");
        (answer, shown)
    }

    #[test]
    fn a_name_of_a_header_is_looked_at_too() {
        let hex = hex::encode([7u8, 200, 13, 54, 99, 1, 0, 255].repeat(4));
        let response = http::Response::builder().header(format!("x-key-{hex}"), "1").body(()).expect("it is one");
        let (answer, shown) = kept(response, "");
        assert_eq!(answer.leaked_keys, ["K"]);
        assert!(!shown.contains(&hex[..24]), "{shown}");
    }

    #[rstest::rstest]
    #[case::comment("<!---->")]
    #[case::cdata("<![CDATA[]]>")]
    #[case::instruction("<?x?>")]
    fn what_xml_puts_together_is_looked_at_too(
        #[case] between: &str,
        #[values("", "<?xml version=\"1.0\"?>", "<?xml version=\"1.0\"?>\n<!DOCTYPE Error>")] declared: &str,
    ) {
        let base64 = STANDARD.encode([7u8, 200, 13, 54, 99, 1, 0, 255].repeat(4));
        let pieces: Vec<&str> = base64.as_bytes().chunks(5).map(|piece| std::str::from_utf8(piece).unwrap()).collect();
        let body = format!("{declared}<Error><Code>{}</Code></Error>", pieces.join(between));
        let (answer, _) = kept(http::Response::new(()), &body);
        assert_eq!((answer.leaked_keys, answer.body.text.as_deref()), (vec!["K".to_owned()], Some(IN_PIECES)));
        let (answer, _) = kept(http::Response::new(()), "<Error><Code><![CDATA[NoSuchKey]]></Code></Error>");
        assert_eq!(answer.s3_code().as_deref(), Some("NoSuchKey"));
    }
}
