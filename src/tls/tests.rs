use std::fs;

use rcgen::{CertifiedKey as Generated, KeyPair, generate_simple_self_signed};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConnection};
use tempfile::TempDir;

use super::*;

type Pair = Generated<KeyPair>;

struct Disk {
    folder: TempDir,
}

impl Disk {
    fn with(pair: &Pair) -> Self {
        let disk = Self { folder: TempDir::new().unwrap() };
        disk.write_certificate(pair);
        disk.write_key(pair);
        disk
    }

    fn certificate(&self) -> PathBuf {
        self.folder.path().join("server.crt")
    }

    fn key(&self) -> PathBuf {
        self.folder.path().join("server.key")
    }

    fn write_certificate(&self, pair: &Pair) {
        fs::write(self.certificate(), pair.cert.pem()).unwrap();
    }

    fn write_key(&self, pair: &Pair) {
        fs::write(self.key(), pair.signing_key.serialize_pem()).unwrap();
    }

    fn load(&self) -> Result<Arc<ReloadingCertificate>, TlsError> {
        ReloadingCertificate::load(&self.certificate(), &self.key())
    }
}

fn pair() -> Pair {
    generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap()
}

/// A handshake in memory with a client that trusts only `expected`; the protocols agreed on.
fn handshake(
    config: ServerConfig,
    expected: &Pair,
) -> Result<(rustls::ProtocolVersion, Vec<u8>), rustls::Error> {
    let mut roots = RootCertStore::empty();
    roots.add(expected.cert.der().clone()).unwrap();
    let mut client =
        ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
    client.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let name = ServerName::try_from("localhost").unwrap();
    let mut client = ClientConnection::new(Arc::new(client), name).unwrap();
    let mut server = ServerConnection::new(Arc::new(config)).unwrap();
    while client.is_handshaking() || server.is_handshaking() {
        let mut wire = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut wire).unwrap();
        }
        let mut sent = wire.as_slice();
        while !sent.is_empty() {
            server.read_tls(&mut sent).unwrap();
            server.process_new_packets()?;
        }
        let mut wire = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut wire).unwrap();
        }
        let mut sent = wire.as_slice();
        while !sent.is_empty() {
            client.read_tls(&mut sent).unwrap();
            client.process_new_packets()?;
        }
    }
    Ok((client.protocol_version().unwrap(), client.alpn_protocol().unwrap().to_vec()))
}

fn serves(certificate: &Arc<ReloadingCertificate>, expected: &Pair) -> bool {
    handshake(certificate.server_config().unwrap(), expected).is_ok()
}

#[test]
fn a_pair_is_served_over_http_1_1_only() {
    let (one, other) = (pair(), pair());
    let certificate = Disk::with(&one).load().unwrap();
    let agreed = handshake(certificate.server_config().unwrap(), &one).unwrap();
    assert_eq!(agreed, (rustls::ProtocolVersion::TLSv1_3, b"http/1.1".to_vec()));
    assert!(!serves(&certificate, &other));
}

#[test]
fn a_certificate_says_when_it_ends() {
    for (year, end) in [(2031, 1_924_992_000), (2049, 2_493_072_000), (9999, 253_370_764_800)] {
        let key = KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
        params.not_after = rcgen::date_time_ymd(year, 1, 1);
        let disk = Disk::with(&Pair { cert: params.self_signed(&key).unwrap(), signing_key: key });
        let expected = std::time::UNIX_EPOCH + Duration::from_secs(end);
        assert_eq!(disk.load().unwrap().end().unwrap(), expected, "{year}");
    }
}

#[test]
fn what_cannot_be_used_is_refused_with_file_and_reason() {
    let (one, other) = (pair(), pair());
    let disk = Disk::with(&one);
    disk.write_key(&other);
    let error = disk.load().unwrap_err();
    assert!(matches!(error, TlsError::Mismatch { .. }));
    assert!(error.to_string().contains("server.key") && error.to_string().contains("server.crt"), "{error}");

    let key = one.signing_key.serialize_pem();
    let big = " ".repeat(usize::try_from(FILE_MAX).unwrap() + 1);
    for (content, reason) in [
        ("", "no unencrypted private key"),
        (one.cert.pem().as_str(), "no unencrypted private key"),
        (&key[..key.len() / 2], "no end"),
        ("-----BEGIN PRIVATE KEY-----\n!!!\n-----END PRIVATE KEY-----\n", "not base64"),
        ("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "private key"),
        (&big, "larger than"),
    ] {
        fs::write(disk.key(), content).unwrap();
        let error = disk.load().unwrap_err().to_string();
        assert!(error.contains("server.key: ") && error.contains(reason), "{error}");
    }
    disk.write_key(&one);
    for (content, reason) in [
        ("", "no certificate"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "certificate"),
    ] {
        fs::write(disk.certificate(), content).unwrap();
        let error = disk.load().unwrap_err().to_string();
        assert!(error.contains("server.crt: ") && error.contains(reason), "{error}");
    }
    fs::remove_file(disk.certificate()).unwrap();
    assert!(matches!(disk.load(), Err(TlsError::Read { file, .. }) if file == disk.certificate()));
}

#[test]
fn i_8_errors_do_not_repeat_the_key_file() {
    let disk = Disk::with(&pair());
    fs::write(disk.key(), "-----BEGIN secret\nsecret\n-----END secret-----\n").unwrap();
    let error = disk.load().unwrap_err();
    assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
}

#[test]
fn a_replaced_pair_is_served_by_a_configuration_made_before() {
    let (one, other) = (pair(), pair());
    let disk = Disk::with(&one);
    let certificate = disk.load().unwrap();
    let config = certificate.server_config().unwrap();
    assert!(matches!(certificate.reload_if_changed(), Reload::Unchanged));
    disk.write_certificate(&other);
    disk.write_key(&other);
    assert!(handshake(config.clone(), &one).is_ok(), "nobody looked yet");
    assert!(matches!(certificate.reload_if_changed(), Reload::Reloaded));
    assert!(handshake(config.clone(), &other).is_ok());
    assert!(handshake(config, &one).is_err());
    assert!(matches!(certificate.reload_if_changed(), Reload::Unchanged));
}

#[test]
fn a_half_written_pair_keeps_the_old_until_it_is_whole() {
    let (one, other) = (pair(), pair());
    let disk = Disk::with(&one);
    let certificate = disk.load().unwrap();

    disk.write_certificate(&other);
    assert!(matches!(certificate.reload_if_changed(), Reload::Unsure(TlsError::Mismatch { .. })));
    assert!(matches!(certificate.reload_if_changed(), Reload::Kept(TlsError::Mismatch { .. })));
    assert!(matches!(certificate.reload_if_changed(), Reload::Unchanged), "said once");
    assert!(serves(&certificate, &one));

    fs::write(disk.key(), "").unwrap();
    assert!(matches!(certificate.reload_if_changed(), Reload::Unsure(TlsError::Key { .. })));
    fs::remove_file(disk.key()).unwrap();
    assert!(matches!(certificate.reload_if_changed(), Reload::Unsure(TlsError::Read { .. })));
    assert!(matches!(certificate.reload_if_changed(), Reload::Kept(TlsError::Read { .. })));
    assert!(matches!(certificate.reload_if_changed(), Reload::Unchanged), "said once");
    assert!(serves(&certificate, &one));

    disk.write_key(&other);
    assert!(matches!(certificate.reload_if_changed(), Reload::Reloaded));
    assert!(serves(&certificate, &other));
}

#[tokio::test]
async fn the_watcher_brings_a_new_pair_into_force() {
    let (one, other) = (pair(), pair());
    let disk = Disk::with(&one);
    let certificate = disk.load().unwrap();
    let watcher = tokio::spawn(certificate.clone().watch(Duration::from_millis(1), |_| ()));
    disk.write_certificate(&other);
    disk.write_key(&other);
    tokio::time::timeout(Duration::from_mins(1), async {
        while !serves(&certificate, &other) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await
    .unwrap();
    watcher.abort();
}
