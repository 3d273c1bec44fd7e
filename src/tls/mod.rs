//! TLS for the second listener: a certificate that is re-read when its files change, without a restart.
//!
//! Files are compared by content: that sees every way of replacing them (in place, by rename, by a symbolic link
//! that moves) and is not fooled by the resolution of file times. A pair that cannot be used, for example because
//! only one of its files is written yet, leaves the old pair in force until the files change again. It is logged once,
//! when the next look finds the same: by then whoever was writing has written.

mod expiry;
#[cfg(test)]
mod tests;
mod validity;

pub use expiry::{Reminder, left};

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use aws_lc_rs::digest::{Context, SHA256};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use rustls::{InconsistentKeys, ServerConfig};

/// Largest certificate or key file, in bytes (I-5): far above any chain, far below what hurts.
const FILE_MAX: u64 = 1024 * 1024;

/// Why a certificate and its key cannot be used. It never shows what is in the key file.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{}: {reason}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// What the system says.
        reason: io::Error,
    },
    /// A file is over 1 MiB.
    #[error("{}: larger than {FILE_MAX} bytes, this is no certificate or key", file.display())]
    TooLarge {
        /// The file.
        file: PathBuf,
    },
    /// The certificate file holds none, or something broken.
    #[error("{}: {reason}", file.display())]
    Certificate {
        /// The certificate file.
        file: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The key file holds none, or one that cannot be used.
    #[error("{}: {reason}", file.display())]
    Key {
        /// The key file.
        file: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Each is fine, but they do not belong together.
    #[error("{}: this is not the key of the certificate in {}", key.display(), certificate.display())]
    Mismatch {
        /// The certificate file.
        certificate: PathBuf,
        /// The key file.
        key: PathBuf,
    },
    /// The certificate's time is over.
    #[error("{}: the certificate expired at {}", file.display(), humantime::format_rfc3339_seconds(*end))]
    Expired {
        /// The certificate file.
        file: PathBuf,
        /// The last moment at which it was valid.
        end: SystemTime,
    },
    /// The certificate's time has not come.
    #[error("{}: the certificate is not valid before {}", file.display(), humantime::format_rfc3339_seconds(*start))]
    NotYetValid {
        /// The certificate file.
        file: PathBuf,
        /// The first moment at which it will be valid.
        start: SystemTime,
    },
    /// The TLS library refuses the settings.
    #[error("TLS cannot be set up: {0}")]
    Setup(rustls::Error),
}

/// What became of a look at the files.
#[derive(Debug)]
pub enum Reload {
    /// They are as they were at the last look.
    Unchanged,
    /// They hold a new pair, which new connections get from now on.
    Reloaded,
    /// They changed and cannot be used, perhaps because one of them is yet to be written; the old pair stays in force.
    Unsure(TlsError),
    /// They are still as they were found, and cannot be used; the old pair stays in force.
    Kept(TlsError),
}

/// What the last look found.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Pair([u8; 32]),
    // The error as text: read errors have no equality.
    Unreadable(String),
}

/// What the looks have found so far.
#[derive(Debug)]
struct Looks {
    last: Seen,
    /// It could not be used, and has yet to be told.
    untold: bool,
}

/// A certificate and its key, and the files they come from.
#[derive(Debug)]
pub struct ReloadingCertificate {
    certificate: PathBuf,
    key: PathBuf,
    provider: Arc<CryptoProvider>,
    current: ArcSwap<CertifiedKey>,
    seen: Mutex<Looks>,
}

impl ReloadingCertificate {
    /// Reads a certificate chain (PEM, the server's own first) and its private key (PEM: PKCS #8, PKCS #1 or SEC 1,
    /// not encrypted).
    ///
    /// # Errors
    /// See [`TlsError`].
    pub fn load(certificate: &Path, key: &Path) -> Result<Arc<Self>, TlsError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let files = Files::read(certificate, key)?;
        let pair = files.parse(certificate, key, &provider)?;
        Ok(Arc::new(Self {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
            provider,
            current: ArcSwap::from_pointee(pair),
            seen: Mutex::new(Looks { last: Seen::Pair(files.digest()), untold: false }),
        }))
    }

    /// A configuration that serves whatever pair is in force: TLS 1.2 and 1.3, HTTP/1.1 only.
    ///
    /// # Errors
    /// [`TlsError::Setup`].
    pub fn server_config(self: &Arc<Self>) -> Result<ServerConfig, TlsError> {
        let mut config = ServerConfig::builder_with_provider(self.provider.clone())
            .with_protocol_versions(&[&TLS13, &TLS12])
            .map_err(TlsError::Setup)?
            .with_no_client_auth()
            .with_cert_resolver(self.clone());
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }

    /// Looks at the files every `interval` (2 s is fine; zero counts as 1 ms), until dropped. Needs a tokio runtime
    /// with timers. The files are read on a blocking thread: they may be on a disk that hangs. After each look
    /// `looked` is told.
    pub async fn watch(self: Arc<Self>, interval: Duration, mut looked: impl FnMut(&Self)) {
        let mut ticks = tokio::time::interval(interval.max(Duration::from_millis(1)));
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let this = self.clone();
            if tokio::task::spawn_blocking(move || this.reload_if_changed()).await.is_err() {
                tracing::error!("the look at the certificate files failed");
            }
            looked(&self);
        }
    }

    /// Looks at the files once, and logs what changed. Blocks for two small reads.
    pub fn reload_if_changed(&self) -> Reload {
        // Held during the look, so that two of them do not overtake each other.
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let read = Files::read(&self.certificate, &self.key);
        let now = match &read {
            Ok(files) => Seen::Pair(files.digest()),
            Err(error) => Seen::Unreadable(error.to_string()),
        };
        let is_new = seen.last != now;
        if !is_new && !seen.untold {
            return Reload::Unchanged;
        }
        *seen = Looks { last: now, untold: false };
        match read.and_then(|files| files.parse(&self.certificate, &self.key, &self.provider)) {
            Ok(pair) => {
                self.current.store(Arc::new(pair));
                tracing::info!(certificate = %self.certificate.display(), "the TLS certificate was reloaded");
                Reload::Reloaded
            }
            Err(error) if is_new => {
                seen.untold = true;
                Reload::Unsure(error)
            }
            Err(error) => {
                tracing::error!(%error, "the changed TLS certificate cannot be used, the old one stays in force");
                Reload::Kept(error)
            }
        }
    }
}

impl ResolvesServerCert for ReloadingCertificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.load_full())
    }
}

struct Files {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

impl Files {
    fn read(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        Ok(Self { certificate: read(certificate)?, key: read(key)? })
    }

    fn digest(&self) -> [u8; 32] {
        let mut context = Context::new(&SHA256);
        // The length keeps the two files apart.
        context.update(&self.certificate.len().to_be_bytes());
        context.update(&self.certificate);
        context.update(&self.key);
        let mut digest = [0; 32];
        for (to, from) in digest.iter_mut().zip(context.finish().as_ref()) {
            *to = *from;
        }
        digest
    }

    fn parse(
        &self,
        certificate: &Path,
        key: &Path,
        provider: &CryptoProvider,
    ) -> Result<CertifiedKey, TlsError> {
        let bad_certificate = |reason: String| TlsError::Certificate { file: certificate.to_owned(), reason };
        let bad_key = |reason: String| TlsError::Key { file: key.to_owned(), reason };
        let chain = CertificateDer::pem_slice_iter(&self.certificate)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| bad_certificate(pem_reason(&error, "certificate")))?;
        if chain.is_empty() {
            return Err(bad_certificate(pem_reason(&pem::Error::NoItemsFound, "certificate")));
        }
        let private = PrivateKeyDer::from_pem_slice(&self.key)
            .map_err(|error| bad_key(pem_reason(&error, "unencrypted private key")))?;
        let signing =
            provider.key_provider.load_private_key(private).map_err(|error| bad_key(error.to_string()))?;
        let pair = CertifiedKey::new(chain, signing);
        match pair.keys_match() {
            // Unknown: a key that does not tell its public half. aws-lc-rs has none such.
            Ok(()) | Err(rustls::Error::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(pair),
            Err(rustls::Error::InconsistentKeys(_)) => {
                Err(TlsError::Mismatch { certificate: certificate.to_owned(), key: key.to_owned() })
            }
            Err(error) => Err(bad_certificate(error.to_string())),
        }
    }
}

fn read(file: &Path) -> Result<Vec<u8>, TlsError> {
    let failed = |reason| TlsError::Read { file: file.to_owned(), reason };
    let mut content = Vec::new();
    let length = File::open(file)
        .and_then(|opened| opened.take(FILE_MAX + 1).read_to_end(&mut content))
        .map_err(failed)?;
    if u64::try_from(length).is_ok_and(|length| length <= FILE_MAX) {
        Ok(content)
    } else {
        Err(TlsError::TooLarge { file: file.to_owned() })
    }
}

/// In own words: the library's repeat lines of the file, and the file may be a key.
fn pem_reason(error: &pem::Error, what: &str) -> String {
    match error {
        pem::Error::NoItemsFound => format!("there is no {what} in PEM form in it"),
        pem::Error::MissingSectionEnd { .. } => "a PEM section in it has no end".to_owned(),
        pem::Error::IllegalSectionStart { .. } => "a PEM section in it has a broken first line".to_owned(),
        pem::Error::Base64Decode(_) => "a PEM section in it is not base64".to_owned(),
        _ => "it is not a PEM file".to_owned(),
    }
}
