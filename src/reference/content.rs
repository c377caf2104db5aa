//! Object data in memory: in the clear, or sealed under a customer key.
//!
//! Sealed data is cut into segments of 64 KiB, each encrypted with AES-256-GCM (the STREAM construction, so that no
//! segment can be dropped, repeated or moved). A range decrypts only the segments it touches. Of the customer key
//! only a salted MAC stays behind.

use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::{Bytes, BytesMut};
use futures_util::Stream;
use hmac::{Hmac, KeyInit as _, Mac as _};
use rand::Rng as _;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use sha2::Sha256;
use zeroize::Zeroizing;

/// Plaintext bytes in a segment.
pub(crate) const SEGMENT: usize = 64 * 1024;
/// Bytes of the nonce that STREAM leaves to choose: AES-GCM's, less a counter of 4 and a flag of 1.
const NONCE: usize = NONCE_LEN - 5;

/// A customer key in use, for as long as its request takes.
#[derive(Clone)]
pub(crate) struct SealingKey(Arc<Zeroizing<[u8; 32]>>);

impl SealingKey {
    pub fn new(bytes: Zeroizing<[u8; 32]>) -> Self {
        Self(Arc::new(bytes))
    }

    /// A key that nobody has.
    pub fn random() -> Self {
        let mut bytes = Zeroizing::new([0; 32]);
        rand::Rng::fill_bytes(&mut rand::rng(), &mut *bytes);
        Self::new(bytes)
    }

    fn cipher(&self) -> LessSafeKey {
        let key = UnboundKey::new(&AES_256_GCM, &**self.0);
        LessSafeKey::new(key.unwrap_or_else(|_| unreachable!("the cipher takes keys of 32 bytes")))
    }
}

/// The nonce of a segment, by STREAM (Hoang, Reyhanitabar, Rogaway and Vizár 2015): what was chosen, the segment's number, and
/// whether it is the last.
fn nonce_of(chosen: [u8; NONCE], position: u32, is_last: bool) -> Nonce {
    let mut nonce = [0; NONCE_LEN];
    nonce[..NONCE].copy_from_slice(&chosen);
    nonce[NONCE..NONCE_LEN - 1].copy_from_slice(&position.to_be_bytes());
    nonce[NONCE_LEN - 1] = u8::from(is_last);
    Nonce::assume_unique_for_key(nonce)
}

/// What is kept of a customer key: a MAC of it under a random salt.
pub(crate) struct KeyMac {
    salt: [u8; 32],
    mac: [u8; 32],
}

impl KeyMac {
    pub fn of(key: &SealingKey) -> Self {
        let mut salt = [0; 32];
        rand::rng().fill_bytes(&mut salt);
        let mac = Self::hmac(&salt, key).finalize().into_bytes().into();
        Self { salt, mac }
    }

    pub fn fits(&self, key: &SealingKey) -> bool {
        Self::hmac(&self.salt, key).verify_slice(&self.mac).is_ok()
    }

    fn hmac(salt: &[u8; 32], key: &SealingKey) -> Hmac<Sha256> {
        // HMAC takes a key of any length.
        let mut hmac = Hmac::<Sha256>::new_from_slice(salt).unwrap_or_else(|never| unreachable!("{never}"));
        hmac.update(&**key.0);
        hmac
    }
}

/// The bound on all data held.
#[derive(Clone)]
pub(crate) struct Memory {
    used: Arc<AtomicU64>,
    limit: u64,
}

/// The bound is reached.
#[derive(Debug)]
pub(crate) struct MemoryFull;

impl Memory {
    pub fn new(limit: u64) -> Self {
        Self { used: Arc::default(), limit }
    }

    fn take(&self, bytes: u64) -> Result<(), MemoryFull> {
        let taken = self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
            used.checked_add(bytes).filter(|total| *total <= self.limit)
        });
        taken.map(drop).map_err(|_| MemoryFull)
    }
}

/// A share of the bound, given back when dropped.
struct Reserved {
    memory: Memory,
    bytes: u64,
}

impl Drop for Reserved {
    fn drop(&mut self) {
        self.memory.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// The data of an object, or of a part of one.
pub(crate) struct Content {
    segments: Vec<Bytes>,
    size: u64,
    sealed: Option<[u8; NONCE]>,
    _reserved: Reserved,
}

impl Content {
    /// Bytes of plaintext.
    pub fn size(&self) -> u64 {
        self.size
    }

    fn open(&self, index: usize, key: Option<&SealingKey>) -> io::Result<Bytes> {
        let corrupt = || io::Error::new(io::ErrorKind::InvalidData, "a stored segment does not open");
        let stored = self.segments.get(index).ok_or_else(corrupt)?;
        let Some(nonce) = self.sealed else { return Ok(stored.clone()) };
        let cipher = key.ok_or_else(corrupt)?.cipher();
        let position = u32::try_from(index).map_err(|_| corrupt())?;
        let nonce = nonce_of(nonce, position, index + 1 == self.segments.len());
        let mut segment = stored.to_vec();
        let length = cipher.open_in_place(nonce, Aad::empty(), &mut segment).map_err(|_| corrupt())?.len();
        segment.truncate(length);
        Ok(Bytes::from(segment))
    }
}

/// Takes an object's data as it comes in.
pub(crate) struct Writer {
    key: Option<(LessSafeKey, [u8; NONCE])>,
    segments: Vec<Bytes>,
    open: BytesMut,
    size: u64,
    reserved: Reserved,
}

impl Writer {
    pub fn new(key: Option<&SealingKey>, memory: &Memory) -> Self {
        let key = key.map(|key| {
            let mut nonce = [0; NONCE];
            rand::rng().fill_bytes(&mut nonce);
            (key.cipher(), nonce)
        });
        let reserved = Reserved { memory: memory.clone(), bytes: 0 };
        Self { key, segments: Vec::new(), open: BytesMut::new(), size: 0, reserved }
    }

    pub fn write(&mut self, mut data: &[u8]) -> Result<(), MemoryFull> {
        self.reserved.memory.take(data.len() as u64)?;
        self.reserved.bytes += data.len() as u64;
        self.size += data.len() as u64;
        while !data.is_empty() {
            // A full segment is sealed only when more comes, because the last one is marked as the last.
            if self.open.len() == SEGMENT {
                self.seal(false)?;
            }
            let (now, later) = data.split_at(data.len().min(SEGMENT - self.open.len()));
            // What comes in one piece is held in as much as it needs, anything else in a whole segment from its second piece on.
            let wanted = if self.open.is_empty() { now.len() } else { SEGMENT - self.open.len() };
            if self.open.capacity() - self.open.len() < now.len() {
                self.open.reserve(wanted + AES_256_GCM.tag_len());
            }
            self.open.extend_from_slice(now);
            data = later;
        }
        Ok(())
    }

    pub fn finish(mut self) -> Result<Content, MemoryFull> {
        self.seal(true)?;
        let Self { key, segments, size, reserved, .. } = self;
        Ok(Content { segments, size, sealed: key.map(|(_, nonce)| nonce), _reserved: reserved })
    }

    fn seal(&mut self, last: bool) -> Result<(), MemoryFull> {
        let mut segment = self.open.split();
        if let Some((cipher, nonce)) = &self.key {
            let position = u32::try_from(self.segments.len()).map_err(|_| MemoryFull)?;
            // AES-GCM refuses only messages beyond 64 GiB.
            let sealed = cipher.seal_in_place_append_tag(nonce_of(*nonce, position, last), Aad::empty(), &mut segment);
            sealed.map_err(|_| MemoryFull)?;
        }
        // What came in small pieces may be held in much more than it needs.
        let is_roomy = segment.capacity() > 2 * segment.len();
        self.segments.push(if is_roomy { Bytes::copy_from_slice(&segment) } else { segment.freeze() });
        Ok(())
    }
}

/// A piece of a segment to be read.
struct Piece {
    content: Arc<Content>,
    segment: usize,
    within: Range<usize>,
}

/// Streams a range of the joined plaintexts of several contents.
pub(crate) fn read(
    contents: &[Arc<Content>],
    range: Range<u64>,
    key: Option<SealingKey>,
) -> impl Stream<Item = io::Result<Bytes>> + Send + Sync + use<> {
    let mut pieces = Vec::new();
    let mut start = 0;
    for content in contents {
        let end = start + content.size;
        let (from, to) = (range.start.max(start), range.end.min(end));
        if from < to {
            pieces.extend(pieces_of(content, from - start..to - start));
        }
        start = end;
    }
    futures_util::stream::iter(pieces.into_iter().map(move |piece| {
        let opened = piece.content.open(piece.segment, key.as_ref())?;
        let out_of_range = || io::Error::new(io::ErrorKind::InvalidData, "a stored segment has another length");
        (piece.within.end <= opened.len()).then(|| opened.slice(piece.within.clone())).ok_or_else(out_of_range)
    }))
}

fn pieces_of(content: &Arc<Content>, range: Range<u64>) -> impl Iterator<Item = Piece> {
    let content = Arc::clone(content);
    let segment = SEGMENT as u64;
    let narrow = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    (range.start / segment..range.end.div_ceil(segment)).map(move |index| {
        let base = index * segment;
        let within = narrow(range.start.saturating_sub(base))..narrow((range.end - base).min(segment));
        Piece { content: Arc::clone(&content), segment: narrow(index), within }
    })
}

#[cfg(test)]
mod tests {
    use futures_util::TryStreamExt as _;
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn key(byte: u8) -> SealingKey {
        SealingKey::new(Zeroizing::new([byte; 32]))
    }

    fn content(data: &[u8], key: Option<&SealingKey>) -> Arc<Content> {
        let mut writer = Writer::new(key, &Memory::new(1 << 30));
        for chunk in data.chunks(10_000) {
            writer.write(chunk).unwrap();
        }
        Arc::new(writer.finish().unwrap())
    }

    fn collected(contents: &[Arc<Content>], range: Range<u64>, key: Option<SealingKey>) -> io::Result<Vec<u8>> {
        let stream = read(contents, range, key).try_fold(Vec::new(), |mut all, piece| async move {
            all.extend_from_slice(&piece);
            Ok(all)
        });
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(stream)
    }

    fn data(length: usize) -> Vec<u8> {
        (0..length).map(|i| (i * 31 % 251) as u8).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn every_range_reads_the_bytes_written(
            first in 0usize..200_000, second in 0usize..200_000, ends in any::<(u64, u64)>(), sealed: bool,
        ) {
            let key = sealed.then(|| key(7));
            let whole = data(first + second);
            let contents = [content(&whole[..first], key.as_ref()), content(&whole[first..], key.as_ref())];
            let end = ends.0 % (whole.len() as u64 + 1);
            let start = ends.1 % (end + 1);
            let read = collected(&contents, start..end, key).unwrap();
            prop_assert!(read == whole[start as usize..end as usize]);
        }
    }

    #[rstest]
    #[case::empty(0)]
    #[case::one_segment(SEGMENT)]
    #[case::one_more_byte(SEGMENT + 1)]
    fn stored_bytes_are_not_the_plaintext(#[case] length: usize) {
        let stored = content(&data(length), Some(&key(1)));
        assert_eq!(stored.size(), length as u64);
        let at_rest: usize = stored.segments.iter().map(Bytes::len).sum();
        assert_eq!(at_rest, length + 16 * stored.segments.len());
        let plaintext = data(length);
        assert!(!plaintext.chunks(64).any(|chunk| stored.segments.iter().any(|s| s.starts_with(chunk))));
    }

    #[rstest]
    #[case::another_key(Some(key(2)))]
    #[case::no_key(None)]
    fn nothing_opens_without_the_key(#[case] wrong: Option<SealingKey>) {
        let stored = content(&data(100), Some(&key(1)));
        assert!(collected(&[stored], 0..100, wrong).is_err());
    }

    #[rstest]
    #[case::moved(|segments: &mut Vec<Bytes>| segments.swap(0, 1), 0)]
    #[case::repeated(|segments: &mut Vec<Bytes>| segments[1] = segments[0].clone(), 1)]
    #[case::first_dropped(|segments: &mut Vec<Bytes>| drop(segments.remove(0)), 0)]
    #[case::last_dropped(|segments: &mut Vec<Bytes>| drop(segments.pop()), 1)]
    #[case::one_more(|segments: &mut Vec<Bytes>| segments.push(segments[2].clone()), 2)]
    fn a_segment_opens_in_its_place_alone(#[case] change: fn(&mut Vec<Bytes>), #[case] opened: usize) {
        let stored = content(&data(2 * SEGMENT + 1), Some(&key(1)));
        let mut stored = Arc::into_inner(stored).unwrap();
        assert!((0..3).all(|index| stored.open(index, Some(&key(1))).is_ok()));
        change(&mut stored.segments);
        assert!(stored.open(opened, Some(&key(1))).is_err());
    }

    #[test]
    fn a_key_mac_fits_its_key_only_and_differs_each_time() {
        let (one, two) = (KeyMac::of(&key(1)), KeyMac::of(&key(1)));
        assert!(one.fits(&key(1)) && two.fits(&key(1)) && !one.fits(&key(2)));
        assert_ne!(one.mac, two.mac);
    }

    #[test]
    fn memory_is_bounded_and_given_back() {
        let memory = Memory::new(10);
        let mut writer = Writer::new(None, &memory);
        writer.write(&[0; 8]).unwrap();
        assert!(Writer::new(None, &memory).write(&[0; 3]).is_err());
        drop(writer.finish());
        assert!(Writer::new(None, &memory).write(&[0; 10]).is_ok());
    }
}
