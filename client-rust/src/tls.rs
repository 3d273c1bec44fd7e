//! TLS: the authorities of the system, and those that the caller adds.
//!
//! The client brings its own provider of cryptography. One for the whole process is the program's to choose, and reqwest panics where none is
//! chosen.

use std::sync::Arc;

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;

use crate::error::Error;

/// Reads the first certificate of a text in PEM.
pub(crate) fn certificate(pem: &[u8]) -> Result<CertificateDer<'static>, Error> {
    CertificateDer::from_pem_slice(pem).map_err(setup)
}

/// What reqwest is given. Plain HTTP trusts nobody, so that it works on machines without any certificates.
pub(crate) fn config(speaks_tls: bool, more: Vec<CertificateDer<'static>>) -> Result<ClientConfig, Error> {
    let provider =
        CryptoProvider::get_default().cloned().unwrap_or_else(|| Arc::new(aws_lc_rs::default_provider()));
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider));
    let builder = builder.with_safe_default_protocol_versions().map_err(setup)?;
    if !speaks_tls {
        return Ok(builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth());
    }
    let verifier = Verifier::new_with_extra_roots(more, provider).map_err(setup)?;
    Ok(builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth())
}

fn setup(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::Setup(Box::new(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_certificate_is_refused() {
        for bad in [
            "",
            "-----BEGIN CERTIFICATE-----",
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        ] {
            assert!(matches!(certificate(bad.as_bytes()), Err(Error::Setup(_))), "{bad}");
        }
    }

    #[test]
    fn plain_http_needs_no_authorities() {
        assert!(config(false, Vec::new()).is_ok());
    }
}
