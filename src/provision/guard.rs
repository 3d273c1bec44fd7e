//! Who is let in: admins by their passwords, and processes of the server's own user over the socket in the data folder.

use actix_web::HttpRequest;
use actix_web::http::header::{AUTHORIZATION, HeaderMap};
use rustix::process::geteuid;

use super::registrar::Registrar;
use super::who::Who;
use crate::auth;
use crate::error::{ApiError, ErrorCode};
use crate::http::is_own_page;

/// The scheme in which the secret for the first admin comes.
const BEARER: &str = "Bearer ";

/// The process at the other end of a connection to the socket in the data folder. Whoever serves that socket attaches it to
/// each connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// The user whose process it is, as the system says.
    pub uid: u32,
}

/// Who asks for what admins may.
pub(super) async fn admit(registrar: &Registrar, request: &HttpRequest) -> Result<Who, ApiError> {
    refuse_pages(request.headers())?;
    if let Some(peer) = request.conn_data::<Peer>() {
        return admit_peer(*peer, geteuid().as_raw());
    }
    let client = registrar.service().admit_credentials(request)?;
    let name = registrar.admins().authenticate(auth::authorization(request), client).await?;
    Ok(Who::Admin(name.into()))
}

/// The same of whoever may make an admin: there may be none yet.
pub(super) async fn admit_to_admins(registrar: &Registrar, request: &HttpRequest) -> Result<Who, ApiError> {
    let Some(secret) = bearer(request.headers()) else { return admit(registrar, request).await };
    refuse_pages(request.headers())?;
    registrar.service().admit_credentials(request)?;
    if registrar.is_setup_secret(secret) {
        return Ok(Who::Setup);
    }
    Err(ApiError::new(
        ErrorCode::InvalidCredentials,
        "this is not the secret for the first admin, or it was used",
    ))
}

fn admit_peer(peer: Peer, own: u32) -> Result<Who, ApiError> {
    if peer.uid == own || peer.uid == 0 {
        return Ok(Who::Peer(peer.uid));
    }
    let text = "this socket answers processes of the server's own user, and of root";
    Err(ApiError::new(ErrorCode::Forbidden, text))
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix(BEARER)
}

/// Pages of other origins do not get here, whatever credentials a browser adds to what they ask.
pub(super) fn refuse_pages(headers: &HeaderMap) -> Result<(), ApiError> {
    if is_own_page(headers, None) {
        return Ok(());
    }
    Err(ApiError::new(ErrorCode::CrossOrigin, "pages of other origins may not ask this"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_socket_is_for_the_own_user_and_root() {
        assert_eq!(admit_peer(Peer { uid: 7 }, 7).unwrap(), Who::Peer(7));
        assert_eq!(admit_peer(Peer { uid: 0 }, 7).unwrap(), Who::Peer(0));
        assert!(admit_peer(Peer { uid: 8 }, 7).is_err() && admit_peer(Peer { uid: 7 }, 0).is_err());
    }
}
