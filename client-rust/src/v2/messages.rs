//! What a token lets see.

use std::fmt;
use std::sync::Arc;

use super::Received;
use crate::error::Error;
use crate::http::Http;
use crate::page::Page;
use crate::position::Position;
use crate::resource::Resource;
use crate::subscription::Subscription;

/// Longest id that is asked for.
const ID_MAX: usize = 64;

/// What a token lets see: of a client's the buses that it was granted, in one order over all; of a page's its channel. Cheap to clone; clones share the token.
///
/// A client's stay with the buses that they reached first, for of those that are granted later messages could be missed in silence: ask
/// [`Privileged::messages`](super::Privileged::messages) for others, and begin anew there. A position is good for the same buses.
#[derive(Clone)]
pub struct Messages {
    http: Arc<Http>,
    resource: Resource,
}

impl Messages {
    pub(super) fn new(http: Http, resource: Resource) -> Self {
        Self { http: Arc::new(http), resource }
    }

    /// Reads what is newer than a position, or all that there is, by parts: [`Page::more`] says that there is more already. Retries as
    /// [`Privileged::post`](super::Privileged::post) does.
    ///
    /// # Errors
    ///
    /// The error of the last try; [`Error::Revoked`].
    pub async fn read(&self, since: Option<&Position>) -> Result<Page<Received>, Error> {
        self.http.read(&self.resource, since).await
    }

    /// The message of this URL, as a page that has seen its header hands it to its server; nothing if it is gone, or was never there. It is asked of this
    /// server, wherever the URL leads: a page may send anything. Retries as [`Privileged::post`](super::Privileged::post) does.
    ///
    /// ```no_run
    /// # async fn example(vendor: backplane_client::v2::Privileged, url: &str) -> Result<(), Box<dyn std::error::Error>> {
    /// use backplane_client::v2::Scope;
    /// if let Some(message) = vendor.messages(&Scope::all()).one(url).await? {
    ///     let user: String = message.payload_as()?;
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// The text does not end as a message's URL ([`Error::MessageUrl`]), the token does not let see it (403), the error of the last try, [`Error::Revoked`].
    pub async fn one(&self, url: &str) -> Result<Option<Received>, Error> {
        let id = id_of(url).ok_or(Error::MessageUrl)?;
        let url = self.http.wire.base.below(&["message", id]);
        match self.http.one(url).await {
            Ok(body) => Received::read_one(&body).map(Some),
            Err(Error::Refused(refusal)) if refusal.status == 404 => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Subscribes, from a position or from the start. See [`Subscription`]. With a new token it goes on where it was; it ends with [`Error::Revoked`].
    #[must_use]
    pub fn subscribe(&self, since: Option<Position>) -> Subscription<Received> {
        Subscription::new(Arc::clone(&self.http), self.resource.clone(), since)
    }
}

impl fmt::Debug for Messages {
    /// Without the token (I-8).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Messages").field(&self.resource).finish()
    }
}

/// The id at the end of a message's URL.
fn id_of(url: &str) -> Option<&str> {
    let id = url.rsplit('/').next()?;
    let good = (1..=ID_MAX).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    good.then_some(id)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_id_is_all_that_is_taken_of_a_url() {
        assert_eq!(id_of("https://a.example/v2/message/0w7z000000001"), Some("0w7z000000001"));
        assert_eq!(id_of("https://else.example/0w7z000000001"), Some("0w7z000000001"));
        assert_eq!(id_of("0w7z000000001"), Some("0w7z000000001"));
        for none in
            ["", "https://a.example/v2/message/", "a/b?c=d", "a/..", "a/%2e", "a/ä", &"a".repeat(ID_MAX + 1)]
        {
            assert_eq!(id_of(none), None, "{none}");
        }
    }

    proptest! {
        #[test]
        fn no_text_leads_elsewhere(text in ".{0,80}") {
            prop_assert!(id_of(&text).is_none_or(|id| id.bytes().all(|byte| byte.is_ascii_alphanumeric())));
        }
    }
}
