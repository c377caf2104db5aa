//! Ed25519 keys (RFC 8032), in files that other tools read: PKCS#8 and SubjectPublicKeyInfo (RFC 8410), as PEM (RFC 7468).

use std::fmt;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{
    DecodePrivateKey as _, DecodePublicKey as _, EncodePrivateKey as _, EncodePublicKey as _, KeypairBytes,
};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use rand::TryRng as _;
use sha2::{Digest as _, Sha256};
use zeroize::{Zeroize as _, Zeroizing};

use crate::bounded;

/// The largest key file that is read, in bytes.
const MAX_FILE: u64 = 64 * 1024;

/// A key that certificates are signed with; wiped when dropped, never shown.
pub struct PrivateKey(SigningKey);

/// A key that certificates are verified with.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

/// A key cannot be read, made or kept.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Its file cannot be read.
    #[error("cannot read the key {}: {error}; `ssecheck keygen` makes a pair", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The file holds no private key.
    #[error(
        "{} is no Ed25519 private key (PKCS#8 as PEM, not encrypted); `ssecheck keygen` makes one, and so does \
         `openssl genpkey -algorithm ed25519`",
        .0.display()
    )]
    NotPrivate(PathBuf),
    /// The file holds no public key.
    #[error(
        "{} is no Ed25519 public key (SubjectPublicKeyInfo as PEM); it is the file *.pub that `ssecheck keygen` wrote, or \
         what `openssl pkey -in KEY -pubout` prints",
        .0.display()
    )]
    NotPublic(PathBuf),
    /// A key is never written over another file.
    #[error("{} is there already, and nothing is written over it; choose another path with --out", .0.display())]
    Exists(PathBuf),
    /// Its file cannot be written.
    #[error("cannot write the key {}: {error}; choose another path with --out", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The system gives no random bytes.
    #[error("the system gives no random bytes to make a key of: {0}")]
    NoRandomness(rand::rngs::SysError),
    /// It cannot be written as PEM.
    #[error("the key cannot be written as PEM; nothing was kept of it")]
    Encoding,
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({})", self.public().id())
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.id())
    }
}

impl PrivateKey {
    /// A fresh key, of random bytes from the operating system.
    ///
    /// # Errors
    /// [`KeyError::NoRandomness`].
    pub fn generate() -> Result<Self, KeyError> {
        let mut seed = Zeroizing::new([0; 32]);
        rand::rngs::SysRng.try_fill_bytes(&mut *seed).map_err(KeyError::NoRandomness)?;
        Ok(Self(SigningKey::from_bytes(&seed)))
    }

    /// The key of a file.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let unreadable = |error| KeyError::Unreadable { path: path.to_owned(), error };
        let bytes = Zeroizing::new(bounded::read(path, MAX_FILE).map_err(unreadable)?);
        let read = || {
            let mut pair = KeypairBytes::from_pkcs8_pem(std::str::from_utf8(&bytes).ok()?).ok()?;
            let key = SigningKey::try_from(&pair).ok();
            pair.secret_key.zeroize();
            key
        };
        read().map(Self).ok_or_else(|| KeyError::NotPrivate(path.to_owned()))
    }

    /// The key that verifies what this one signs.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    /// The signature of a message.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }

    /// The key as PKCS#8 (version 1, the one that OpenSSL reads: without the public key in it).
    fn pem(&self) -> Result<Zeroizing<String>, KeyError> {
        let mut pair = KeypairBytes { secret_key: self.0.to_bytes(), public_key: None };
        let pem = pair.to_pkcs8_pem(LineEnding::LF);
        pair.secret_key.zeroize();
        pem.map_err(|_| KeyError::Encoding)
    }

    /// Writes the private key to a new file that only its owner may read, and the public key to another beside it:
    /// the path of that one.
    ///
    /// # Errors
    /// [`KeyError`]; then neither file is left.
    pub fn write_pair(&self, path: &Path) -> Result<PathBuf, KeyError> {
        let public_path = public_path(path);
        let (private, public) = (self.pem()?, self.public().pem()?);
        write_new(path, private.as_bytes(), 0o600)?;
        write_new(&public_path, public.as_bytes(), 0o644).inspect_err(|_| {
            let _ = std::fs::remove_file(path);
        })?;
        Ok(public_path)
    }
}

impl PublicKey {
    /// The key of a file.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let bytes =
            bounded::read(path, MAX_FILE).map_err(|error| KeyError::Unreadable { path: path.to_owned(), error })?;
        let read = || VerifyingKey::from_public_key_pem(std::str::from_utf8(&bytes).ok()?).ok();
        read().map(Self).ok_or_else(|| KeyError::NotPublic(path.to_owned()))
    }

    /// The key's id: SHA-256 of its SubjectPublicKeyInfo (DER), lower-case hexadecimal.
    #[must_use]
    pub fn id(&self) -> String {
        let der = self.0.to_public_key_der().unwrap_or_else(|e| unreachable!("32 bytes are written as DER: {e}"));
        hex::encode(Sha256::digest(der.as_bytes()))
    }

    /// Whether a signature of a message is this key's: strictly, so that of one signature no other can be made, and a key
    /// that is none is not accepted.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let signature = Signature::from_slice(signature);
        signature.is_ok_and(|signature| self.0.verify_strict(message, &signature).is_ok())
    }

    fn pem(&self) -> Result<String, KeyError> {
        self.0.to_public_key_pem(LineEnding::LF).map_err(|_| KeyError::Encoding)
    }
}

/// The public key's file beside that of the private key.
fn public_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".pub");
    name.into()
}

/// Writes a file that was not there.
fn write_new(path: &Path, bytes: &[u8], mode: u32) -> Result<(), KeyError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    let mut file = options.open(path).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => KeyError::Exists(path.to_owned()),
        _ => KeyError::Unwritable { path: path.to_owned(), error },
    })?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(|error| {
        let _ = std::fs::remove_file(path);
        KeyError::Unwritable { path: path.to_owned(), error }
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
    }

    #[test]
    fn a_pair_is_read_as_it_was_written() {
        let folder = folder();
        let (key, path) = (PrivateKey::generate().unwrap(), folder.path().join("key.pem"));
        let public = key.write_pair(&path).unwrap();
        assert_eq!(public, folder.path().join("key.pem.pub"));
        let (read, public) = (PrivateKey::read(&path).unwrap(), PublicKey::read(&public).unwrap());
        assert!(read.public() == public && public == key.public());
        assert!(public.verifies(b"message", &read.sign(b"message")));
        assert_ne!(key.public().id(), PrivateKey::generate().unwrap().public().id());
    }

    /// The key pair and the signature of the empty message that RFC 8032, 7.1 has as its first test.
    #[test]
    fn signatures_are_those_of_the_rfc() {
        let bytes = |text: &str| hex::decode(text).unwrap();
        let seed = bytes("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
        let key = PrivateKey(SigningKey::from_bytes(&seed.try_into().unwrap()));
        let public = bytes("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
        assert_eq!(key.public().0.to_bytes().to_vec(), public);
        let signature = "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b\
                         d25bf5f0595bbe24655141438e7a100b";
        assert_eq!(hex::encode(key.sign(b"")), signature);
        assert!(key.public().verifies(b"", &bytes(signature)) && !key.public().verifies(b"x", &bytes(signature)));
    }

    /// The order of the group: adding it to a signature's second half gives another that lenient verifiers take.
    #[test]
    fn of_one_signature_no_other_can_be_made() {
        let key = PrivateKey::generate().unwrap();
        let mut signature = key.sign(b"message");
        let order = hex::decode("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010").unwrap();
        let mut carry = 0;
        for (byte, added) in signature[32..].iter_mut().zip(order) {
            let sum = u16::from(*byte) + u16::from(added) + carry;
            (*byte, carry) = ((sum & 0xff) as u8, sum >> 8);
        }
        assert!(!key.public().verifies(b"message", &signature));
    }

    /// Under the neutral point as a key, lenient verifiers take the neutral point and zero as a signature of anything.
    #[test]
    fn a_key_that_anybody_can_sign_with_verifies_nothing() {
        let mut neutral = [0; 32];
        neutral[0] = 1;
        let key = PublicKey(VerifyingKey::from_bytes(&neutral).unwrap());
        let signature = [neutral, [0; 32]].concat();
        let lenient = ed25519_dalek::Verifier::verify(&key.0, b"x", &Signature::from_slice(&signature).unwrap());
        assert!(lenient.is_ok() && !key.verifies(b"x", &signature));
    }

    #[rstest]
    #[case::short(63)]
    #[case::long(65)]
    #[case::none(0)]
    fn a_signature_has_one_length(#[case] length: usize) {
        let key = PrivateKey::generate().unwrap();
        let signature: Vec<u8> = key.sign(b"message").into_iter().chain([0]).take(length).collect();
        assert!(!key.public().verifies(b"message", &signature));
    }

    #[test]
    fn no_file_is_written_over_and_none_is_left_alone() {
        let folder = folder();
        let (key, path) = (PrivateKey::generate().unwrap(), folder.path().join("k"));
        std::fs::write(&path, "mine").unwrap();
        assert!(matches!(key.write_pair(&path), Err(KeyError::Exists(there)) if there == path));
        assert_eq!((std::fs::read_to_string(&path).unwrap(), public_path(&path).exists()), ("mine".to_owned(), false));
        std::fs::rename(&path, public_path(&path)).unwrap();
        assert!(matches!(key.write_pair(&path), Err(KeyError::Exists(there)) if there == public_path(&path)));
        assert!(!path.exists());
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_may_read_the_private_key() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = folder();
        let path = folder.path().join("k");
        PrivateKey::generate().unwrap().write_pair(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn what_is_no_key_is_told_and_the_private_key_is_not() {
        let folder = folder();
        let path = folder.path().join("k");
        let key = PrivateKey::generate().unwrap();
        let public = key.write_pair(&path).unwrap();
        let private = std::fs::read_to_string(&path).unwrap();
        let secret = private.lines().nth(1).unwrap();
        let errors = [PrivateKey::read(&public).unwrap_err(), PublicKey::read(&path).unwrap_err()];
        let cut = folder.path().join("cut");
        std::fs::write(&cut, private.replace("-----END", "-----ED")).unwrap();
        let errors = errors.into_iter().chain([PrivateKey::read(&cut).unwrap_err()]);
        for error in errors {
            assert!(!format!("{error} {error:?} {key:?}").contains(secret), "{error}");
            assert!(matches!(error, KeyError::NotPrivate(_) | KeyError::NotPublic(_)), "{error}");
        }
        let missing = folder.path().join("missing");
        assert!(matches!(PrivateKey::read(&missing), Err(KeyError::Unreadable { .. })));
    }
}
