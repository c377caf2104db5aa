//! The certificate of the TLS listener: made at start, gone at the end.

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose, SanType};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use super::StartError;

/// A certificate authority of one certificate, and that certificate.
pub(super) struct Identity {
    /// The authority's certificate, PEM.
    pub ca_pem: String,
    pub chain: Vec<CertificateDer<'static>>,
    pub key: PrivateKeyDer<'static>,
}

impl Identity {
    /// For `localhost`, all names below it, and the loopback addresses.
    pub fn make() -> Result<Self, StartError> {
        let failed = |error: rcgen::Error| StartError::Certificate(error.to_string());
        let mut authority = CertificateParams::default();
        authority.distinguished_name.push(DnType::CommonName, "ssecheck reference endpoint CA");
        authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let authority_key = KeyPair::generate().map_err(failed)?;
        let authority_certificate = authority.self_signed(&authority_key).map_err(failed)?;

        let names = ["localhost".to_owned(), "*.localhost".to_owned()];
        let mut server = CertificateParams::new(names).map_err(failed)?;
        server.distinguished_name.push(DnType::CommonName, "ssecheck reference endpoint");
        for address in ["127.0.0.1", "::1"] {
            server.subject_alt_names.extend(address.parse().map(SanType::IpAddress));
        }
        let server_key = KeyPair::generate().map_err(failed)?;
        let issuer = Issuer::from_params(&authority, &authority_key);
        let server_certificate = server.signed_by(&server_key, &issuer).map_err(failed)?;
        Ok(Self {
            ca_pem: authority_certificate.pem(),
            chain: vec![server_certificate.der().clone()],
            key: PrivatePkcs8KeyDer::from(server_key.serialize_der()).into(),
        })
    }
}
