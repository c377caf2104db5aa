//! Bytes served that are not those stored.

use std::io;
use std::ops::Range;

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _};
use s3s::dto::StreamingBlob;

use super::{Action, Departure, Faults, Serves};
use crate::reference::content::SEGMENT;
use crate::reference::store::Object;

/// Bytes of an AES block.
const BLOCK: u64 = 16;

/// How data is served wrongly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DataFlaw {
    /// Whole objects come with the padding of their last cipher block.
    Padded,
    /// Of whole objects what exceeds full cipher blocks is lost.
    TailLost,
    /// Whole objects are garbled from the second segment on.
    LaterSegmentsGarbled,
    /// Objects made of parts are garbled from the second part on.
    LaterPartsGarbled,
    /// Ranges are passed over: the whole object comes, with 200.
    RangePassedOver,
    /// Ranges begin a cipher block early, where there is one before.
    RangeBlockEarly,
    /// Ranges begin at the border of a cipher block.
    RangeFromBlock,
    /// Ranges across a segment's border are garbled behind it.
    RangeAcrossSegments,
    /// Ranges across the border of two parts are garbled behind it.
    RangeAcrossParts,
    /// The last so many bytes are taken for the first so many.
    SuffixFromStart,
    /// A part is looked for where it would be if all were as long as the last.
    PartsTakenForEqual,
    /// A part's number is passed over: the whole object comes.
    PartNumberPassedOver,
    /// The last byte of a range is left out.
    RangeLastByteLost,
}

/// What of an object is served in place of what was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Served {
    /// Which bytes of the object.
    pub range: Range<u64>,
    /// Whether the answer says that it is less than the whole.
    pub partial: bool,
    /// From which byte of the object on they are garbled.
    garbled_from: Option<u64>,
    /// Bytes that come after.
    padding: u64,
    /// After how many bytes the connection is cut.
    cut_after: Option<u64>,
}

/// How less than the whole was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asks {
    Whole,
    Range,
    Suffix,
    Part,
}

impl Served {
    pub fn rightly(range: Range<u64>, partial: bool) -> Self {
        Self { range, partial, garbled_from: None, padding: 0, cut_after: None }
    }

    /// A range garbled from a byte of the object on.
    pub fn garbled(range: Range<u64>, garbled_from: Option<u64>) -> Self {
        Self { garbled_from, ..Self::rightly(range, false) }
    }

    /// Bytes that the answer announces.
    pub fn length(&self) -> u64 {
        self.range.end - self.range.start + self.padding
    }

    /// The data as it goes out.
    pub fn stream(&self, data: impl Stream<Item = io::Result<Bytes>> + Send + Sync + 'static) -> StreamingBlob {
        if self.garbled_from.is_none() && self.padding == 0 && self.cut_after.is_none() {
            return StreamingBlob::wrap(data);
        }
        let garbled = self.garbled_from.map(|from| from.saturating_sub(self.range.start));
        let mut position = 0;
        let garbling = data.map(move |chunk| {
            let chunk = chunk?;
            let start = position;
            position += chunk.len() as u64;
            Ok(garbled.map_or(chunk.clone(), |from| garble(&chunk, from.saturating_sub(start))))
        });
        let padding = vec![u8::try_from(self.padding).unwrap_or(u8::MAX); usize::try_from(self.padding).unwrap_or(0)];
        let padded = garbling.chain(futures_util::stream::iter((!padding.is_empty()).then(|| Ok(padding.into()))));
        match self.cut_after {
            None => StreamingBlob::wrap(padded),
            Some(after) => StreamingBlob::wrap(cut(padded, after)),
        }
    }
}

fn garble(chunk: &Bytes, from: u64) -> Bytes {
    let from = usize::try_from(from).unwrap_or(usize::MAX).min(chunk.len());
    let mut bytes = BytesMut::from(&chunk[..]);
    for byte in &mut bytes[from..] {
        *byte ^= 0xa5;
    }
    bytes.freeze()
}

/// So many bytes, and then an error that makes the server cut the connection off.
fn cut(
    data: impl Stream<Item = io::Result<Bytes>> + Send + Sync,
    after: u64,
) -> impl Stream<Item = io::Result<Bytes>> + Send + Sync {
    let first = data.scan(after, |left, chunk| {
        let piece = chunk.map(|chunk| chunk.slice(..chunk.len().min(usize::try_from(*left).unwrap_or(usize::MAX))));
        *left -= piece.as_ref().map_or(0, |piece| piece.len() as u64);
        std::future::ready(piece.as_ref().is_ok_and(|piece| !piece.is_empty()).then_some(piece))
    });
    // What came so far goes out before the error is seen: the server sends it while it waits for more.
    let end = futures_util::stream::once(async {
        tokio::task::yield_now().await;
        Err(io::Error::other("cut off on purpose"))
    });
    first.chain(end)
}

impl Faults {
    /// What is served of an object where `range` was asked for.
    pub(crate) fn served(
        &self,
        action: Action,
        object: &Object,
        range: Range<u64>,
        asks: Asks,
        serves: Serves,
    ) -> Served {
        let mut served = Served::rightly(range, asks != Asks::Whole);
        if action == Action::Get && object.encryption.is_customers() {
            let spoil = |served: &mut Served, departure| {
                if let Departure::Data(flaw) = departure {
                    served.spoil(flaw, object, asks);
                }
            };
            self.note(|departure| {
                let mut spoilt = served.clone();
                spoil(&mut spoilt, departure);
                spoilt != served
            });
            self.departures().for_each(|departure| spoil(&mut served, departure));
        }
        match serves {
            Serves::Data => {}
            Serves::Garbage => served.garbled_from = Some(0),
            Serves::HeadOnly => served.cut_after = Some(0),
            Serves::HalfGarbage => {
                served.garbled_from = Some(0);
                served.cut_after = Some(served.length() / 2);
            }
        }
        served
    }
}

impl Served {
    fn spoil(&mut self, flaw: DataFlaw, object: &Object, asks: Asks) {
        let whole = asks == Asks::Whole;
        let ranged = matches!(asks, Asks::Range | Asks::Suffix);
        let size = object.size();
        let parts: Vec<u64> = object.parts.iter().map(|part| part.content.size()).collect();
        let border = parts.first().copied().filter(|_| parts.len() > 1);
        let Range { start, end } = self.range;
        match flaw {
            DataFlaw::Padded if whole => self.padding = BLOCK - size % BLOCK,
            DataFlaw::TailLost if whole => self.range.end -= size % BLOCK,
            DataFlaw::LaterSegmentsGarbled if whole && size > SEGMENT as u64 => {
                self.garbled_from = Some(SEGMENT as u64)
            }
            DataFlaw::LaterPartsGarbled if whole => self.garbled_from = border,
            DataFlaw::RangePassedOver if ranged => (self.range, self.partial) = (0..size, false),
            DataFlaw::PartNumberPassedOver if asks == Asks::Part => self.range = 0..size,
            DataFlaw::RangeBlockEarly if ranged && start >= BLOCK => self.range = start - BLOCK..end - BLOCK,
            DataFlaw::RangeFromBlock if ranged => self.range = start - start % BLOCK..end - start % BLOCK,
            DataFlaw::RangeAcrossSegments if ranged => {
                let border = (start / SEGMENT as u64 + 1) * SEGMENT as u64;
                self.garbled_from = (border < end).then_some(border);
            }
            DataFlaw::RangeAcrossParts if ranged => {
                self.garbled_from = border.filter(|border| (start + 1..end).contains(border));
            }
            DataFlaw::SuffixFromStart if asks == Asks::Suffix => self.range = 0..end - start,
            DataFlaw::RangeLastByteLost if ranged => self.range.end -= 1,
            DataFlaw::PartsTakenForEqual if asks == Asks::Part => {
                let last = parts.last().copied().unwrap_or(size);
                self.range = if start == 0 { 0..last.min(size) } else { last..(last * 2).min(size) };
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::TryStreamExt as _;

    use super::*;

    async fn collected(served: &Served, data: &'static [u8]) -> (Vec<u8>, bool) {
        let pieces: Vec<io::Result<Bytes>> = data.chunks(3).map(|chunk| Ok(Bytes::from_static(chunk))).collect();
        let mut stream = served.stream(futures_util::stream::iter(pieces));
        let mut all = Vec::new();
        loop {
            match stream.try_next().await {
                Ok(Some(piece)) => all.extend_from_slice(&piece),
                Ok(None) => return (all, false),
                Err(_) => return (all, true),
            }
        }
    }

    #[tokio::test]
    async fn what_is_spoilt_is_spoilt_from_where_it_says() {
        let served = Served { garbled_from: Some(14), ..Served::rightly(10..18, true) };
        let (data, cut) = collected(&served, b"abcdefgh").await;
        assert_eq!(&data[..4], b"abcd");
        assert!(data[4..].iter().zip(b"efgh").all(|(garbled, plain)| *garbled == plain ^ 0xa5) && !cut);
    }

    #[tokio::test]
    async fn a_cut_comes_after_so_many_bytes() {
        for (after, expected) in [(0, &b""[..]), (4, b"abcd"), (6, b"abcdef")] {
            let served = Served { cut_after: Some(after), ..Served::rightly(0..8, false) };
            assert_eq!(collected(&served, b"abcdefgh").await, (expected.to_vec(), true));
        }
    }

    #[tokio::test]
    async fn padding_comes_last() {
        let served = Served { padding: 2, ..Served::rightly(0..8, false) };
        assert_eq!(collected(&served, b"abcdefgh").await.0, b"abcdefgh\x02\x02");
        assert_eq!(served.length(), 10);
    }
}
