//! The certificates of the TLS listener: made at start, gone at the end.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    SanType,
};
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

/// No certificate can be made.
#[derive(Debug, thiserror::Error)]
#[error("cannot make a certificate: {0}")]
pub struct CertificateError(String);

/// A certificate authority that vouches for this machine's names.
pub(super) struct Authority {
    /// Its certificate, PEM.
    pub ca_pem: String,
    issuer: Issuer<'static, KeyPair>,
    /// For `localhost` and the loopback addresses.
    local: Arc<CertifiedKey>,
    /// For names of buckets below `localhost`: each has one certificate for as long as the endpoint runs.
    of_buckets: Mutex<HashMap<String, Arc<CertifiedKey>>>,
}

/// The most names whose certificates are kept; a client may ask for any.
const MOST_NAMES: usize = 1000;

impl Authority {
    pub fn new() -> Result<Self, CertificateError> {
        let failed = |error: rcgen::Error| CertificateError(error.to_string());
        let mut authority = CertificateParams::default();
        authority.distinguished_name.push(DnType::CommonName, "ssecheck reference endpoint CA");
        authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().map_err(failed)?;
        let ca_pem = authority.self_signed(&key).map_err(failed)?.pem();
        let issuer = Issuer::new(authority, key);
        let local = Arc::new(certificate_for("localhost", &issuer)?);
        Ok(Self { ca_pem, issuer, local, of_buckets: Mutex::default() })
    }
}

impl ResolvesServerCert for Authority {
    /// A name below `localhost` (a bucket) gets a certificate of its own: TLS clients take no `*.localhost`, because
    /// a wildcard may not stand right before a top-level domain.
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        match hello.server_name() {
            Some(name) if name.ends_with(".localhost") => {
                let mut kept = self.of_buckets.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(known) = kept.get(name) {
                    return Some(Arc::clone(known));
                }
                let made = Arc::new(certificate_for(name, &self.issuer).ok()?);
                if kept.len() < MOST_NAMES {
                    kept.insert(name.to_owned(), Arc::clone(&made));
                }
                Some(made)
            }
            _ => Some(Arc::clone(&self.local)),
        }
    }
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Authority")
    }
}

fn certificate_for(name: &str, issuer: &Issuer<'_, KeyPair>) -> Result<CertifiedKey, CertificateError> {
    let failed = |error: &dyn std::fmt::Display| CertificateError(error.to_string());
    let mut params = CertificateParams::new([name.to_owned()]).map_err(|e| failed(&e))?;
    params.distinguished_name.push(DnType::CommonName, "ssecheck reference endpoint");
    // RFC 5280, section 4.2.1.1, demands it; Python 3.13 refuses a certificate without.
    params.use_authority_key_identifier_extension = true;
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    for address in ["127.0.0.1", "::1"] {
        params.subject_alt_names.extend(address.parse().map(SanType::IpAddress));
    }
    let key = KeyPair::generate().map_err(|e| failed(&e))?;
    let certificate = params.signed_by(&key, issuer).map_err(|e| failed(&e))?;
    let der = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let signing = any_supported_type(&der).map_err(|e| failed(&e))?;
    Ok(CertifiedKey::new(vec![certificate.der().clone()], signing))
}
