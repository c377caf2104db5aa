//! The program itself, as records and certificates name it.

use std::fs::File;
use std::io::Read as _;

use sha2::{Digest as _, Sha256};

/// Bytes that are read at a time.
const PIECE: usize = 1024 * 1024;

/// SHA-256 of the program's file, in hexadecimal; `None` where the system does not show it. Reads the whole file.
#[must_use]
pub fn digest() -> Option<String> {
    let mut program = File::open(std::env::current_exe().ok()?).ok()?;
    let (mut digest, mut piece) = (Sha256::new(), vec![0; PIECE]);
    loop {
        match program.read(&mut piece).ok()? {
            0 => return Some(hex::encode(digest.finalize())),
            read => digest.update(&piece[..read]),
        }
    }
}
