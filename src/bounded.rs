//! Files that are read whole, and never more of them than fits.

use std::fs::File;
use std::io::{Error, ErrorKind, Read as _, Result};
use std::path::Path;

/// What a file holds.
///
/// # Errors
/// Those of reading, and [`ErrorKind::FileTooLarge`] where it has more than `most` bytes. A device without an
/// end is one such.
pub(crate) fn read(path: &Path, most: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(Error::new(ErrorKind::FileTooLarge, format!("it is larger than {most} bytes")));
    }
    Ok(bytes)
}

/// The same as text.
///
/// # Errors
/// Those of [`read`], and [`ErrorKind::InvalidData`] where it is not UTF-8.
pub(crate) fn read_text(path: &Path, most: u64) -> Result<String> {
    String::from_utf8(read(path, most)?).map_err(|error| Error::new(ErrorKind::InvalidData, error.utf8_error()))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::fits(4, None)]
    #[case::one_too_many(3, Some(ErrorKind::FileTooLarge))]
    fn as_large_as_told(#[case] most: u64, #[case] refused: Option<ErrorKind>) {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, "four").unwrap();
        assert_eq!(read_text(file.path(), most).err().map(|error| error.kind()), refused);
    }

    #[test]
    fn a_device_without_an_end_is_too_large() {
        assert_eq!(read(Path::new("/dev/zero"), 1000).unwrap_err().kind(), ErrorKind::FileTooLarge);
    }

    #[test]
    fn what_is_no_text_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, [0xff]).unwrap();
        assert_eq!(read_text(file.path(), 10).unwrap_err().kind(), ErrorKind::InvalidData);
    }
}
