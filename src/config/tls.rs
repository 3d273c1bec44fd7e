//! The TLS files: read, and checked to belong together.

use std::path::Path;

use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use super::error::ConfigError;
use super::resolved::Tls;

/// Reads the certificate and its key.
///
/// # Errors
/// A file that cannot be read or is not PEM, a key that is of no known kind or not the certificate's.
pub fn read_tls_files(tls: &Tls) -> Result<CertifiedKey, ConfigError> {
    let chain = CertificateDer::pem_file_iter(&tls.cert)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| refused("tls.cert", &tls.cert, &error))?;
    if chain.is_empty() {
        return Err(refused("tls.cert", &tls.cert, &pem::Error::NoItemsFound));
    }
    let key = PrivateKeyDer::from_pem_file(&tls.key).map_err(|error| refused("tls.key", &tls.key, &error))?;
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    CertifiedKey::from_der(chain, key, &provider).map_err(|error| ConfigError::Value {
        key: "tls.key".to_owned(),
        origin: None,
        reason: format!("{} with {}: {error}", tls.key.display(), tls.cert.display()),
        allowed: "the private key of the first certificate in tls.cert".to_owned(),
    })
}

fn refused(key: &str, path: &Path, error: &pem::Error) -> ConfigError {
    let reason = match error {
        pem::Error::Io(error) => error.to_string(),
        pem::Error::NoItemsFound => "it holds nothing of that kind in PEM form".to_owned(),
        error => error.to_string(),
    };
    ConfigError::Unreadable { key: key.to_owned(), path: path.to_owned(), reason }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertifiedKey as Generated, generate_simple_self_signed};

    use super::*;

    #[test]
    fn a_certificate_and_its_key_are_read_and_nothing_else_is() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let Generated { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let stranger = generate_simple_self_signed(["localhost".to_owned()]).unwrap().signing_key;
        let cert = write("cert", &cert.pem());
        let key = write("key", &signing_key.serialize_pem());
        let read = |cert: &Path, key: &Path| {
            let tls = Tls { listen: Vec::new(), cert: cert.to_owned(), key: key.to_owned() };
            read_tls_files(&tls).map(|read| read.cert.len()).map_err(|error| error.to_string())
        };
        assert_eq!(read(&cert, &key), Ok(1));
        for (cert, key, begins) in [
            (&folder.path().join("none"), &key, "tls.cert: cannot read "),
            (&key, &key, "tls.cert: cannot read "),
            (&cert, &cert, "tls.key: cannot read "),
            (&cert, &write("stranger", &stranger.serialize_pem()), "tls.key: "),
        ] {
            let error = read(cert, key).unwrap_err();
            assert!(error.starts_with(begins), "{error}");
        }
    }
}
