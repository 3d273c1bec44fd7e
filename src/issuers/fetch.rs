//! One question for the keys of an issuer. It is asked where the operator said, and nowhere else: no answer sends it on, and no token does.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::{Either, select};
use http_body_util::{BodyExt as _, Collected, Empty, Limited};
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, CONNECTION, HOST, USER_AGENT};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use url::{Host, Url};

use crate::access::foreign::{KEY_SET_MAX, KeySet, KeySetError};
use crate::config::KeysAt;

/// How long all of it may take.
pub(super) const FETCH_TIME: Duration = Duration::from_secs(5);
/// Longest head of an answer, in bytes.
const HEAD_MAX: usize = 32 * 1024;

/// That somebody else than owner and group may write.
const BY_OTHERS: u32 = 0o002;

/// Why no keys came.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    #[error("the file cannot be read")]
    File(#[source] io::Error),
    #[error("others may change the file (mode {0:04o}), who then say which tokens are good")]
    Open(u32),
    #[error("the URL has no host that could be asked")]
    Url,
    #[error("no connection")]
    Connect(#[source] io::Error),
    #[error("the system has no certificates of authorities that could be used")]
    Roots,
    #[error("no TLS configuration")]
    Tls(#[from] rustls::Error),
    #[error("the answer is no HTTP")]
    Http(#[from] hyper::Error),
    #[error("the answer has status {0}; allowed: 200")]
    Status(StatusCode),
    #[error("the answer broke off, or is longer than a key set may be")]
    Body,
    #[error("there was no whole answer within {} s", FETCH_TIME.as_secs())]
    Late,
    #[error(transparent)]
    Keys(#[from] KeySetError),
}

/// The keys that are there now.
pub(super) async fn fetch(at: &KeysAt) -> Result<KeySet, FetchError> {
    let json = match at {
        KeysAt::Url(url) => timeout(FETCH_TIME, get(url)).await.map_err(|_| FetchError::Late)??,
        KeysAt::File(path) => {
            let path = path.clone();
            let reading = spawn_blocking(move || read(&path)).await;
            return reading.unwrap_or_else(|error| Err(FetchError::File(io::Error::other(error))));
        }
    };
    Ok(KeySet::parse(&json)?)
}

/// The keys in a file. Blocks.
pub(super) fn read(path: &Path) -> Result<KeySet, FetchError> {
    let file = File::open(path).map_err(FetchError::File)?;
    let mode = file.metadata().map_err(FetchError::File)?.mode() & 0o7777;
    if mode & BY_OTHERS != 0 {
        return Err(FetchError::Open(mode));
    }
    // One byte more than there may be tells that it is too long.
    let most = u64::try_from(KEY_SET_MAX).unwrap_or(u64::MAX).saturating_add(1);
    let mut json = Vec::new();
    file.take(most).read_to_end(&mut json).map_err(FetchError::File)?;
    Ok(KeySet::parse(&json)?)
}

async fn get(url: &Url) -> Result<Bytes, FetchError> {
    let (host, port) = (url.host().ok_or(FetchError::Url)?, url.port_or_known_default());
    let port = port.ok_or(FetchError::Url)?;
    let connected = match &host {
        Host::Domain(name) => TcpStream::connect((*name, port)).await,
        Host::Ipv4(address) => TcpStream::connect((*address, port)).await,
        Host::Ipv6(address) => TcpStream::connect((*address, port)).await,
    };
    let stream = connected.map_err(FetchError::Connect)?;
    if url.scheme() == "http" {
        return ask(stream, url).await;
    }
    let name = match host {
        Host::Domain(name) => ServerName::try_from(name.to_owned()).map_err(|_| FetchError::Url)?,
        Host::Ipv4(address) => ServerName::IpAddress(address.into()),
        Host::Ipv6(address) => ServerName::IpAddress(address.into()),
    };
    // Read anew each time, which is seldom: an authority that the system trusts no more is not trusted here.
    let config = spawn_blocking(client_config).await.map_err(|_| FetchError::Roots)??;
    let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
    ask(stream.map_err(FetchError::Connect)?, url).await
}

/// Trusts what the system trusts, so an authority of one's own is added where all programs find it.
fn client_config() -> Result<ClientConfig, FetchError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return Err(FetchError::Roots);
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

async fn ask(stream: impl AsyncRead + AsyncWrite + Unpin, url: &Url) -> Result<Bytes, FetchError> {
    let mut builder = http1::Builder::new();
    builder.max_buf_size(HEAD_MAX);
    let (mut sender, connection) = builder.handshake(TokioIo::new(stream)).await?;
    let query = url.query().map(|query| ["?", query].concat()).unwrap_or_default();
    let host = url.host_str().ok_or(FetchError::Url)?;
    let host = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    let request = Request::get([url.path(), &query].concat())
        .header(HOST, host)
        .header(ACCEPT, "application/jwk-set+json, application/json")
        .header(USER_AGENT, "backplane")
        .header(CONNECTION, "close")
        .body(Empty::<Bytes>::new())
        .map_err(|_| FetchError::Url)?;
    let answered = async {
        let answer = sender.send_request(request).await?;
        // Not one that sends elsewhere either: whoever may do that could name his own keys.
        if answer.status() != StatusCode::OK {
            return Err(FetchError::Status(answer.status()));
        }
        let body = Limited::new(answer.into_body(), KEY_SET_MAX).collect().await;
        body.map(Collected::to_bytes).map_err(|_| FetchError::Body)
    };
    // What the connection has to say is heard where the answer is waited for.
    let connection = async {
        _ = connection.await;
        std::future::pending::<()>().await;
    };
    match select(std::pin::pin!(answered), std::pin::pin!(connection)).await {
        Either::Left((answer, _)) => answer,
        Either::Right(((), _)) => Err(FetchError::Body),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_file_of_keys_is_its_owners_and_bounded() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let write = |text: &str| std::fs::write(file.path(), text).unwrap();
        write(
            r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#,
        );
        assert_eq!(read(file.path()).unwrap().len(), 1);
        set_permissions(file.path(), Permissions::from_mode(0o666)).unwrap();
        assert!(matches!(read(file.path()), Err(FetchError::Open(0o666))));
        set_permissions(file.path(), Permissions::from_mode(0o664)).unwrap();
        assert!(read(file.path()).is_ok());
        write(&" ".repeat(KEY_SET_MAX + 1));
        assert!(matches!(read(file.path()), Err(FetchError::Keys(KeySetError::TooLong))));
        write("");
        assert!(matches!(read(file.path()), Err(FetchError::Keys(KeySetError::Form))));
        assert!(matches!(read(Path::new("/none")), Err(FetchError::File(_))));
    }
}
