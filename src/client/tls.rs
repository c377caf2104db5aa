//! Which certificates the TLS listener is trusted by: one configuration for every connection of a run.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_platform_verifier::Verifier;

use super::ClientError;
use crate::bounded;
use crate::config::MAX_CA_FILE;

/// Which certificates the TLS listener is trusted by.
#[derive(Debug, Clone, Default)]
pub struct TlsTrust {
    /// PEM file of further certificate authorities, besides the system's.
    pub ca_file: Option<PathBuf>,
    /// PEM text of the one certificate authority trusted (the embedded endpoint's own).
    pub ca_pem: Option<String>,
    /// Trust every certificate.
    pub insecure: bool,
}

impl TlsTrust {
    /// The TLS configuration of a client that trusts so.
    pub(super) fn client_config(&self) -> Result<ClientConfig, ClientError> {
        let setup = |e: rustls::Error| ClientError::Setup(e.to_string());
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(setup)?;
        let verifier: Arc<dyn ServerCertVerifier> = if self.insecure {
            Arc::new(TrustAnything(provider))
        } else if let Some(pem) = &self.ca_pem {
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(certificates(pem.as_bytes())?);
            return Ok(with_http1(builder.with_root_certificates(roots).with_no_client_auth()));
        } else {
            Arc::new(Verifier::new_with_extra_roots(self.extra_authorities()?, provider).map_err(setup)?)
        };
        Ok(with_http1(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth()))
    }

    fn extra_authorities(&self) -> Result<Vec<CertificateDer<'static>>, ClientError> {
        let Some(path) = &self.ca_file else { return Ok(Vec::new()) };
        let pem =
            bounded::read(path, MAX_CA_FILE).map_err(|error| ClientError::CaFile { path: path.clone(), error })?;
        certificates(&pem)
    }
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, ClientError> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match read {
        Ok(found) if found.is_empty() => Err("it holds no certificate".to_owned()),
        Ok(found) => Ok(found),
        Err(error) => Err(error.to_string()),
    }
    .map_err(|why| ClientError::Setup(format!("the certificate authorities cannot be read as PEM: {why}")))
}

fn with_http1(mut config: ClientConfig) -> ClientConfig {
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config
}

/// `--insecure`: the certificate is not looked at; the handshake's signatures still are.
#[derive(Debug)]
struct TrustAnything(Arc<CryptoProvider>);

impl ServerCertVerifier for TrustAnything {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
