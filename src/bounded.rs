//! Files that are read whole: regular files only, and no more bytes than a bound.

use std::fs::{File, Metadata};
use std::io::{Error, ErrorKind, Read as _, Result};
use std::path::Path;

/// Reads a regular file of at most `most` bytes. Memory is taken by the file's size, not by the bound.
///
/// # Errors
/// Those of opening and reading; [`ErrorKind::FileTooLarge`] for a larger file; [`ErrorKind::InvalidInput`] for what is no regular
/// file. A pipe may never be written to, and a device may never end.
pub(crate) fn read(path: &Path, most: u64) -> Result<Vec<u8>> {
    // Opening a pipe waits for its writer.
    require_regular(&std::fs::metadata(path)?)?;
    let file = File::open(path)?;
    // Another may have taken its place.
    let metadata = file.metadata()?;
    require_regular(&metadata)?;
    require_at_most(most, metadata.len())?;
    // At most `most` bytes, which every caller can hold.
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or_default());
    // It may grow meanwhile.
    file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    require_at_most(most, bytes.len() as u64)?;
    Ok(bytes)
}

/// Reads a regular file as [`read`] does, as text.
///
/// # Errors
/// Those of [`read`], and [`ErrorKind::InvalidData`] for what is not UTF-8.
pub(crate) fn read_text(path: &Path, most: u64) -> Result<String> {
    String::from_utf8(read(path, most)?).map_err(|error| Error::new(ErrorKind::InvalidData, error.utf8_error()))
}

fn require_regular(metadata: &Metadata) -> Result<()> {
    if metadata.is_dir() {
        return Err(Error::new(ErrorKind::IsADirectory, "it is a folder"));
    }
    if !metadata.is_file() {
        let why = "it is no regular file (a pipe or a device, for example); write what it gives to a file first";
        return Err(Error::new(ErrorKind::InvalidInput, why));
    }
    Ok(())
}

fn require_at_most(most: u64, length: u64) -> Result<()> {
    if length > most {
        return Err(Error::new(ErrorKind::FileTooLarge, format!("it is larger than {most} bytes")));
    }
    Ok(())
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
    fn memory_is_taken_by_the_size() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, "four").unwrap();
        assert!(read(file.path(), u64::MAX).unwrap().capacity() < 64);
    }

    /// It takes no memory, and no time.
    #[test]
    fn a_sparse_file_that_is_too_large_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(1 << 40).unwrap();
        assert_eq!(read(file.path(), 1 << 39).unwrap_err().kind(), ErrorKind::FileTooLarge);
    }

    #[test]
    fn devices_are_refused() {
        assert_eq!(read(Path::new("/dev/zero"), 1000).unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(read(Path::new("/dev/null"), 1000).unwrap_err().kind(), ErrorKind::InvalidInput);
    }

    /// Nobody writes to it: opened, it would be waited for without an end.
    #[cfg(unix)]
    #[test]
    fn a_pipe_is_refused_and_not_opened() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let error = read(&pipe, 1000).unwrap_err();
        assert!(error.to_string().contains("no regular file"), "{error}");
        assert_eq!(read(folder.path(), 1000).unwrap_err().kind(), ErrorKind::IsADirectory);
    }

    /// Files of the kernel tell no size.
    #[cfg(target_os = "linux")]
    #[test]
    fn what_tells_no_size_is_read_up_to_the_bound() {
        assert!(!read(Path::new("/proc/self/status"), 100_000).unwrap().is_empty());
        assert_eq!(read(Path::new("/proc/self/status"), 5).unwrap_err().kind(), ErrorKind::FileTooLarge);
    }

    #[test]
    fn what_is_no_text_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, [0xff]).unwrap();
        assert_eq!(read_text(file.path(), 10).unwrap_err().kind(), ErrorKind::InvalidData);
    }
}
