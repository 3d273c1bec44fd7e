//! Whether a certificate is valid at a moment. A server with one that is not starts, and no client talks to it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::pki_types::UnixTime;
use webpki::{EndEntityCert, Error, KeyUsage};

use super::{ReloadingCertificate, TlsError};

impl ReloadingCertificate {
    /// Looks whether the certificate in force, the server's own, is valid at this moment. Who signed it, and for which names,
    /// is for its clients to judge.
    ///
    /// # Errors
    /// [`TlsError::Expired`], [`TlsError::NotYetValid`], and [`TlsError::Certificate`] for what cannot be read as one.
    pub fn check_validity(&self, now: SystemTime) -> Result<(), TlsError> {
        let file = || self.certificate.clone();
        let unreadable = |error: &Error| TlsError::Certificate {
            file: file(),
            reason: format!("it cannot be read: {error}"),
        };
        let pair = self.current.load();
        let own = pair
            .end_entity_cert()
            .map_err(|error| TlsError::Certificate { file: file(), reason: error.to_string() })?;
        let own = EndEntityCert::try_from(own).map_err(|error| unreadable(&error))?;
        let now = UnixTime::since_unix_epoch(now.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO));
        // The time is judged before the path to a root, and without roots there is none to be found.
        let judged = own.verify_for_usage(&[], &[], &[], now, KeyUsage::server_auth(), None, None);
        match judged.err() {
            Some(Error::CertExpired { not_after, .. }) => {
                Err(TlsError::Expired { file: file(), end: moment(not_after) })
            }
            Some(Error::CertNotValidYet { not_before, .. }) => {
                Err(TlsError::NotYetValid { file: file(), start: moment(not_before) })
            }
            _ => Ok(()),
        }
    }
}

fn moment(at: UnixTime) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(at.as_secs())
}
