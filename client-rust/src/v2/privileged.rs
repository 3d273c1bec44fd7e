//! Privileged access: a client of the server, by its credentials.

use std::fmt;
use std::sync::Arc;

use super::{Message, Messages};
use crate::error::Error;
use crate::http::{Access, Http};
use crate::keeper::Keeper;
use crate::key::IdempotencyKey;
use crate::resource::Resource;
use crate::scope::Scope;
use crate::wire::{Credentials, Wire};

/// Privileged access: posts, and reads all of the buses that the client was granted. Cheap to clone; clones share connections and the token to post with.
///
/// ```no_run
/// # fn example() -> Result<(), backplane_client::Error> {
/// use backplane_client::Client;
/// let vendor = Client::builder("https://backplane.example/v2").credentials("vendor", "secret").privileged()?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Privileged {
    credentials: Arc<Credentials>,
    posts: Arc<Http>,
}

impl Privileged {
    pub(crate) fn new(wire: Wire, credentials: Credentials) -> Self {
        let credentials = Arc::new(credentials);
        let keeper = Keeper::of_poster(Arc::clone(&credentials));
        let posts = Arc::new(Http { wire: Arc::new(wire), access: Access::Token(keeper) });
        Self { credentials, posts }
    }

    /// Posts a message.
    ///
    /// Where that may help it is tried again, with the same key, so that it is stored once (I-2): when the server is not reached, the connection breaks, no
    /// answer comes in time, or the server says later.
    ///
    /// ```no_run
    /// # async fn example(vendor: backplane_client::v2::Privileged, channel: &str) -> Result<(), backplane_client::Error> {
    /// use backplane_client::v2::Message;
    /// vendor.post(&Message::new("customer.com", channel, "cart/changed", &["apple", "pear"])?).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// The error of the last try; [`Error::may_be_stored`] says whether that or an earlier one may have stored it all the same. [`Error::Revoked`], and
    /// 400 `invalid_scope` where nothing is granted.
    pub async fn post(&self, message: &Message) -> Result<(), Error> {
        self.post_with(&IdempotencyKey::random()?, message).await
    }

    /// As [`Privileged::post`], with a key of the caller's: who posts the same again with it, at most ten minutes later, stores nothing twice.
    ///
    /// # Errors
    ///
    /// As [`Privileged::post`]; 422 if the key came with another message before.
    pub async fn post_with(&self, key: &IdempotencyKey, message: &Message) -> Result<(), Error> {
        self.posts.post(&Resource::Messages(None), key, &message.body()?).await.map(drop)
    }

    /// What a scope lets see of what was granted. Nothing is asked for yet; each has a token of its own.
    #[must_use]
    pub fn messages(&self, scope: &Scope) -> Messages {
        let keeper = Keeper::of_reader(Arc::clone(&self.credentials), scope.to_string());
        let http = Http { wire: Arc::clone(&self.posts.wire), access: Access::Token(keeper) };
        Messages::new(http, Resource::Messages(None))
    }
}

impl fmt::Debug for Privileged {
    /// Without credentials (I-8).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Privileged").field("settings", self.posts.settings()).finish_non_exhaustive()
    }
}
