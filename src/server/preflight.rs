//! What a start needs of this machine, checked all at once before anything listens: certificates, the folder of
//! the log, addresses. `backplane check-config` asks the same and says it in the same words.

use std::error::Error;
use std::fs;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::path::Path;
use std::time::SystemTime;

use backplane_actors::log::{check_folder, is_in_use};
use rustix::fs::{Access, access};
use socket2::Socket;

use super::listeners::{Sockets, bind};
use super::warnings::others_may_write;
use crate::authority::KeyFile;
use crate::config::{ConfigErrors, Loaded, Problems, Storage, Tls};
use crate::issuers::check_keys;
use crate::tls::{ReloadingCertificate, TlsError};

const FOLDER: &str = "a folder for this server alone, which it may read and write; it is created if need be";
const OWN: &str = "a file that only its owner, and a group if need be, may write: chmod o-w";
const ADDRESS: &str = "an address of this machine, with a port that no other program listens on";
const CERTIFICATE: &str =
    "a PEM file with a certificate that is valid now, followed by those between it and the root";
const TOKEN_KEYS: &str =
    "a file of this server's user or root with mode 0600 or 0640, as `backplane rotate-token-key` makes it";
const ISSUER_KEYS: &str =
    "a file with a JWK set that only its owner, and a group if need be, may write: chmod o-w";
const KEY: &str = "a PEM file with the private key of the certificate, not encrypted";

/// Checks everything that a start needs, and takes the addresses.
///
/// Nothing listens yet, and nothing is written or created.
///
/// # Errors
///
/// All that would keep the server from starting, each with its key and origin, why, and what is allowed.
pub fn check(loaded: &Loaded, now: SystemTime) -> Result<Sockets, ConfigErrors> {
    let mut problems = Problems::default();
    check_files(loaded, now, &mut problems);
    if let Storage::Disk(settings) = &loaded.config.storage
        && is_in_use(&settings.path)
    {
        let reason = format!("{} is in use by another process", settings.path.display());
        problems.add(loaded.wrong("storage.path", reason, FOLDER));
    }
    let config = &loaded.config;
    let tls = config.tls.as_ref().map_or(&[][..], |tls| &tls.listen);
    let plain = bind_all(loaded, "listen", &config.listen, &mut problems);
    let tls = bind_all(loaded, "tls.listen", tls, &mut problems);
    let admin = config.admin.as_ref().map_or(&[][..], |admin| &admin.listen);
    let admin = match admin {
        // Nobody asked for this address: one that is taken must not keep the demonstration from starting.
        [address] if config.demo && !loaded.is_written("admin.listen") => {
            let bound = bind_or_beside(*address)
                .map_err(|error| loaded.wrong("admin.listen", error.to_string(), ADDRESS));
            problems.note(bound).into_iter().collect()
        }
        _ => bind_all(loaded, "admin.listen", admin, &mut problems),
    };
    problems.check()?;
    Ok(Sockets { plain, tls, admin, folder: config.storage.folder().map(Path::to_owned) })
}

/// Checks what a server that runs needs to take this configuration over: all that [`check`] does, except for what
/// that server itself has in use, its addresses and the folder of its log.
///
/// # Errors
///
/// See [`check`].
pub fn check_beside_a_server(loaded: &Loaded, now: SystemTime) -> Result<(), ConfigErrors> {
    let mut problems = Problems::default();
    check_files(loaded, now, &mut problems);
    problems.check()
}

fn check_files(loaded: &Loaded, now: SystemTime, problems: &mut Problems) {
    if let Some(file) = loaded.file()
        && !loaded.config.demo
        && let Some(mode) = others_may_write(file)
    {
        let reason = format!(
            "{} can be changed by others (mode {mode:04o}), who then say who comes in",
            file.display()
        );
        problems.add(loaded.wrong("user", reason, OWN));
    }
    if let Some(tls) = &loaded.config.tls
        && let Err(error) = ReloadingCertificate::load(&tls.cert, &tls.key)
            .and_then(|certificate| certificate.check_validity(now))
    {
        let (key, allowed) = blamed(&error, tls);
        problems.add(loaded.wrong(key, error.to_string(), allowed));
    }
    for (i, issuer) in loaded.config.issuers.iter().enumerate() {
        if let Err(error) = check_keys(&issuer.keys) {
            let key = format!("issuer[{i}].keys");
            problems.add(loaded.wrong(&key, told(&error), ISSUER_KEYS));
        }
    }
    let mut keys = loaded.config.tokens.key_file.clone().map(KeyFile::named);
    if let Storage::Disk(settings) = &loaded.config.storage {
        match check_storage(&settings.path) {
            Err(reason) => problems.add(loaded.wrong("storage.path", reason, FOLDER)),
            // What is to be in a folder that is none is no problem of its own.
            Ok(()) => keys = KeyFile::of(&loaded.config),
        }
    }
    if let Some(file) = keys
        && let Err(error) = file.check()
    {
        problems.add(loaded.wrong("tokens.key_file", error.to_string(), TOKEN_KEYS));
    }
}

/// With what lies behind it.
fn told(error: &dyn Error) -> String {
    error.source().map_or_else(|| error.to_string(), |source| format!("{error}: {source}"))
}

/// The key that an operator has to look at, and what it takes.
fn blamed(error: &TlsError, tls: &Tls) -> (&'static str, &'static str) {
    match error {
        // The certificate is read first: where both are one file, it is the certificate that is missing.
        TlsError::Read { file, .. } | TlsError::TooLarge { file } if *file == tls.cert => {
            ("tls.cert", CERTIFICATE)
        }
        TlsError::Certificate { .. } | TlsError::Expired { .. } | TlsError::NotYetValid { .. } => {
            ("tls.cert", CERTIFICATE)
        }
        TlsError::Read { .. }
        | TlsError::TooLarge { .. }
        | TlsError::Key { .. }
        | TlsError::Mismatch { .. } => ("tls.key", KEY),
        TlsError::Setup(_) => ("tls", "settings that the TLS library takes"),
    }
}

/// Whether the folder of a log can be used, or created, without trying it.
fn check_storage(path: &Path) -> Result<(), String> {
    match fs::metadata(path) {
        Ok(found) if !found.is_dir() => Err(format!("{} is not a folder", path.display())),
        Ok(_) => {
            check_folder(path).map_err(|error| error.to_string())?;
            may(path, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK)
                .map_err(|error| format!("{} cannot be written: {error}", path.display()))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let here = Path::new(".");
            let above = path.ancestors().skip(1);
            let mut above = above.map(|above| if above.as_os_str().is_empty() { here } else { above });
            let above = above.find(|above| above.exists()).unwrap_or(here);
            may(above, Access::WRITE_OK | Access::EXEC_OK).map_err(|error| {
                format!("{} cannot be created in {}: {error}", path.display(), above.display())
            })
        }
        Err(error) => Err(format!("{} cannot be used: {error}", path.display())),
    }
}

fn may(path: &Path, what: Access) -> io::Result<()> {
    Ok(access(path, what)?)
}

/// Makes this address ours or, where it is taken, another port of it.
fn bind_or_beside(address: SocketAddr) -> io::Result<Socket> {
    match bind(address) {
        Err(error) if error.kind() == ErrorKind::AddrInUse => bind(SocketAddr::new(address.ip(), 0)),
        bound => bound,
    }
}

fn bind_all(loaded: &Loaded, key: &str, addresses: &[SocketAddr], problems: &mut Problems) -> Vec<Socket> {
    let mut sockets = Vec::new();
    for (i, address) in addresses.iter().enumerate() {
        // Each address of a list has a problem of its own.
        let key = if addresses.len() == 1 { key.to_owned() } else { format!("{key}[{i}]") };
        let bound = bind(*address)
            .map_err(|error| loaded.wrong(&key, format!("cannot listen on {address}: {error}"), ADDRESS));
        sockets.extend(problems.note(bound));
    }
    sockets
}

#[cfg(test)]
mod tests {
    use rcgen::{CertifiedKey, generate_simple_self_signed};

    use super::*;

    #[test]
    fn an_address_that_nobody_asked_for_may_be_taken() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let taken = taken.local_addr().unwrap();
        let beside = bind_or_beside(taken).unwrap().local_addr().unwrap().as_socket().unwrap();
        assert!(beside.ip() == taken.ip() && beside.port() != taken.port(), "{beside}");
    }

    #[test]
    fn refusals_of_certificates_name_key_file_and_reason() {
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
            let tls =
                Tls { listen: Vec::new(), cert: path(cert), key: path(key), hsts: std::time::Duration::ZERO };
            ReloadingCertificate::load(&tls.cert, &tls.key)
                .map(drop)
                .map_err(|error| format!("{}: {error}", blamed(&error, &tls).0))
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
