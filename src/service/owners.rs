//! Owners of buses, who sign in at a form: the same accounts, limits and lines of the log as for everybody (V1-AUTH-1, V2-AUTHZ-1).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpRequest;
use backplane_actors::BusName;

use super::Service;
use crate::auth::{self, AuthError, PasswordHash, Scheme, UserName};
use crate::error::{ApiError, ErrorCode};

impl Service {
    /// The user whose name and password these are, and the hash that the password was right for.
    ///
    /// # Errors
    ///
    /// As of Basic credentials.
    pub(crate) async fn sign_in(
        &self,
        request: &HttpRequest,
        user: &str,
        password: &str,
    ) -> Result<(UserName, PasswordHash), ApiError> {
        let address = self.admit_credentials(request)?;
        // Before it is checked: where another one is set meanwhile, what was right for the former one holds no more.
        let hash = self.authenticator.accounts().password_hash(user).cloned();
        let user = self.authenticator.authenticate_pair(user, password, address).await?;
        // The account went while it was checked.
        Ok((user, hash.ok_or(AuthError::Wrong)?))
    }

    /// Whether this is a user's password hash now.
    pub(crate) fn has_password(&self, user: &UserName, hash: &PasswordHash) -> bool {
        self.authenticator.accounts().password_hash(user.as_str()) == Some(hash)
    }

    /// Whether the client used HTTPS, as far as that is known here.
    pub(crate) fn is_https(&self, request: &HttpRequest) -> bool {
        auth::transport(&self.settings.load().transport, request).scheme == Scheme::Https
    }

    /// Time that only goes on.
    pub(crate) fn uptime(&self) -> Duration {
        self.broker.clock().uptime()
    }

    /// The buses that this user owns, in the order of their names.
    pub(crate) fn buses_of_owner(&self, user: &UserName) -> BTreeSet<BusName> {
        let buses = self.buses.load();
        let own = buses.iter().filter(|(_, bus)| bus.owner.as_ref() == Some(user));
        own.map(|(name, _)| name.clone()).collect()
    }

    /// What the URLs of this server begin with for whoever asks, without a slash at the end; and whether all are told so.
    pub(crate) fn base(&self, request: &HttpRequest) -> Result<(Arc<str>, bool), ApiError> {
        if let Some(base) = self.public_base() {
            return Ok((base, true));
        }
        let asked = self.asked_base(request).ok_or_else(|| {
            let text =
                "the request does not say what this server is called (Host), and public_url is not set";
            ApiError::new(ErrorCode::InvalidRequest, text)
        })?;
        Ok((asked.into(), false))
    }
}
