//! The certificate while the server runs: read again when its files change, and spoken of when its end is near.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::backplane::Backplane;
use crate::tls::{ReloadingCertificate, Reminder};

/// How often certificate files are looked at.
const LOOK: Duration = Duration::from_secs(2);

/// Looks at the files until dropped; tells the metrics and, when it is time, the log when the certificate ends.
pub(super) async fn watch(certificate: Arc<ReloadingCertificate>, backplane: Backplane) {
    let mut reminder = Reminder::default();
    let looked = move |certificate: &ReloadingCertificate| note(certificate, &backplane, &mut reminder);
    certificate.watch(LOOK, looked).await;
}

#[expect(clippy::disallowed_methods, reason = "ends of certificates are meant for the wall clock")]
fn note(certificate: &ReloadingCertificate, backplane: &Backplane, reminder: &mut Reminder) {
    // What cannot be read was not loaded.
    let Ok(end) = certificate.end() else { return };
    backplane.note_certificate_end(end);
    if let Some(left) = reminder.due(end, SystemTime::now()) {
        tracing::warn!(
            end = %humantime::format_rfc3339_seconds(end),
            days = left.as_secs() / 86_400,
            "the TLS certificate ends soon: renew it, its files are read again by themselves"
        );
    }
}
