//! Whether a certificate is valid at a moment. A server with one that is not starts, and no client talks to it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::pki_types::UnixTime;
use webpki::{EndEntityCert, Error, KeyUsage};

use super::{ReloadingCertificate, TlsError};

/// The beginning of the year 10000, which no certificate reaches.
const BEYOND: Duration = Duration::from_hours(24 * 2_932_897);

impl ReloadingCertificate {
    /// Looks whether the certificate in force, the server's own, is valid at this moment. Who signed it, and for which names,
    /// is for its clients to judge.
    ///
    /// # Errors
    /// [`TlsError::Expired`], [`TlsError::NotYetValid`], and [`TlsError::Certificate`] for what cannot be read as one.
    pub fn check_validity(&self, now: SystemTime) -> Result<(), TlsError> {
        let now = UnixTime::since_unix_epoch(now.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO));
        match self.judged(now)? {
            Some(Error::CertExpired { not_after, .. }) => {
                Err(TlsError::Expired { file: self.certificate.clone(), end: moment(not_after) })
            }
            Some(Error::CertNotValidYet { not_before, .. }) => {
                Err(TlsError::NotYetValid { file: self.certificate.clone(), start: moment(not_before) })
            }
            _ => Ok(()),
        }
    }

    /// The last moment at which the certificate in force, the server's own, is valid.
    ///
    /// # Errors
    /// [`TlsError::Certificate`] for what cannot be read as one.
    pub fn end(&self) -> Result<SystemTime, TlsError> {
        match self.judged(UnixTime::since_unix_epoch(BEYOND))? {
            Some(Error::CertExpired { not_after, .. }) => Ok(moment(not_after)),
            _ => Err(self.unreadable("it says no time at which it ends")),
        }
    }

    /// What is wrong with the certificate at a moment. The time is judged before the path to a root, and without
    /// roots there is none to be found.
    fn judged(&self, at: UnixTime) -> Result<Option<Error>, TlsError> {
        let pair = self.current.load();
        let own = pair.end_entity_cert().map_err(|error| self.unreadable(&error.to_string()))?;
        let own = EndEntityCert::try_from(own)
            .map_err(|error| self.unreadable(&format!("it cannot be read: {error}")))?;
        Ok(own.verify_for_usage(&[], &[], &[], at, KeyUsage::server_auth(), None, None).err())
    }

    fn unreadable(&self, reason: &str) -> TlsError {
        TlsError::Certificate { file: self.certificate.clone(), reason: reason.to_owned() }
    }
}

fn moment(at: UnixTime) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(at.as_secs())
}
