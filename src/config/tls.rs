//! The files that `[tls]` names, and what an operator reads when they cannot be used.

use std::sync::Arc;

use super::error::ConfigError;
use super::resolved::Tls;
use crate::tls::{ReloadingCertificate, TlsError};

impl Tls {
    /// Reads the certificate and its key.
    ///
    /// # Errors
    /// A file that cannot be read or used, and a key that is not the certificate's: with the key that names the file.
    pub fn load(&self) -> Result<Arc<ReloadingCertificate>, ConfigError> {
        ReloadingCertificate::load(&self.cert, &self.key).map_err(|error| self.refused(&error))
    }

    fn refused(&self, error: &TlsError) -> ConfigError {
        let key = match error {
            // The certificate is read first: where both are one file, it is the certificate that is missing.
            TlsError::Read { file, .. } | TlsError::TooLarge { file } if *file == self.cert => "tls.cert",
            TlsError::Certificate { .. } => "tls.cert",
            TlsError::Read { .. }
            | TlsError::TooLarge { .. }
            | TlsError::Key { .. }
            | TlsError::Mismatch { .. } => "tls.key",
            TlsError::Setup(_) => "tls",
        };
        ConfigError::Tls { key, reason: error.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertifiedKey, generate_simple_self_signed};

    use super::*;

    #[test]
    fn refusals_name_key_file_and_reason() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let write = |name: &str, text: &str| std::fs::write(path(name), text).unwrap();
        let generated = || generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let CertifiedKey { cert, signing_key } = generated();
        write("cert", &cert.pem());
        write("key", &signing_key.serialize_pem());
        write("stranger", &generated().signing_key.serialize_pem());
        write("large", &" ".repeat(2 << 20));
        let load = |cert: &str, key: &str| {
            let tls = Tls { listen: Vec::new(), cert: path(cert), key: path(key) };
            tls.load().map(drop).map_err(|error| error.to_string())
        };
        let shown = |name: &str| path(name).display().to_string();
        assert_eq!(load("cert", "key"), Ok(()));
        for (cert, key, expected) in [
            ("none", "key", format!("tls.cert: {}: No such file", shown("none"))),
            ("cert", "none", format!("tls.key: {}: No such file", shown("none"))),
            ("none", "none", format!("tls.cert: {}: No such file", shown("none"))),
            ("large", "key", format!("tls.cert: {}: larger than 1048576 bytes", shown("large"))),
            ("cert", "large", format!("tls.key: {}: larger than 1048576 bytes", shown("large"))),
            ("key", "key", format!("tls.cert: {}: there is no certificate in PEM form", shown("key"))),
            ("cert", "cert", format!("tls.key: {}: there is no unencrypted private key", shown("cert"))),
            (
                "cert",
                "stranger",
                format!(
                    "tls.key: {}: this is not the key of the certificate in {}",
                    shown("stranger"),
                    shown("cert")
                ),
            ),
        ] {
            let error = load(cert, key).unwrap_err();
            assert!(error.starts_with(&expected), "{error}");
        }
    }
}
