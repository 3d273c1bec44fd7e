//! One request for messages, or with some, and its answer.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, LINK};
use reqwest::{RequestBuilder, Response, Url};

use crate::error::Error;
use crate::fact::Resume;
use crate::keeper::Keeper;
use crate::key::IdempotencyKey;
use crate::page::{Page, Shape};
use crate::position::Position;
use crate::resource::Resource;
use crate::wire::{Credentials, Failed, Settings, Wire, accepted};

/// The media type of a stream.
const EVENT_STREAM: &str = "text/event-stream";

/// How whoever asks is let in.
pub(crate) enum Access {
    /// By credentials where they are needed (1.x), if there are any.
    Basic(Option<Credentials>),
    /// By a token (V2-ACC-1).
    Token(Keeper),
}

/// A server, as somebody's requests go to it.
pub(crate) struct Http {
    pub(crate) wire: Arc<Wire>,
    pub(crate) access: Access,
}

/// What asking for a stream gives.
pub(crate) enum Opened<M> {
    Stream(Response),
    /// The server has no streams: this is what a poll gives.
    Page(Page<M>),
}

impl Http {
    pub(crate) fn settings(&self) -> &Settings {
        &self.wire.settings
    }

    /// Whether a stream that ends with its token can go on with another one.
    pub(crate) fn has_tokens(&self) -> bool {
        matches!(self.access, Access::Token(_))
    }

    /// A POST, tried again with the same body and the same key. What is answered.
    pub(crate) async fn post(
        &self,
        resource: &Resource,
        key: &IdempotencyKey,
        body: &str,
    ) -> Result<Vec<u8>, Error> {
        self.wire.retrying(|| self.post_once(resource, key, body)).await.map_err(Failed::of_post)
    }

    async fn post_once(
        &self,
        resource: &Resource,
        key: &IdempotencyKey,
        body: &str,
    ) -> Result<Vec<u8>, Error> {
        let request = || {
            self.wire
                .client
                .post(resource.post_url(&self.wire.base))
                .header(CONTENT_TYPE, "application/json")
                .header("Idempotency-Key", key.as_str())
                .timeout(self.settings().timeout)
                .body(body.to_owned())
        };
        let response = self.send(true, request).await?;
        self.wire.body(response).await
    }

    /// What is at a URL that needs a token, tried again.
    pub(crate) async fn one(&self, url: Url) -> Result<Vec<u8>, Error> {
        Ok(self.wire.retrying(|| self.one_once(&url)).await?)
    }

    async fn one_once(&self, url: &Url) -> Result<Vec<u8>, Error> {
        let request = || {
            let request = self.wire.client.get(url.clone());
            request.header(ACCEPT, "application/json").timeout(self.settings().timeout)
        };
        let response = self.send(true, request).await?;
        self.wire.body(response).await
    }

    /// A poll, tried again.
    pub(crate) async fn read<M: Shape>(
        &self,
        resource: &Resource,
        since: Option<&Position>,
    ) -> Result<Page<M>, Error> {
        Ok(self.wire.retrying(|| self.poll(resource, since, None)).await?)
    }

    /// One poll, a long one if it is to wait.
    pub(crate) async fn poll<M: Shape>(
        &self,
        resource: &Resource,
        since: Option<&Position>,
        block: Option<Duration>,
    ) -> Result<Page<M>, Error> {
        let patience = self.settings().timeout.saturating_add(block.unwrap_or_default());
        let request =
            || self.get(resource, since, block).header(ACCEPT, "application/json").timeout(patience);
        self.page(self.send(resource.needs_credentials(), request).await?).await
    }

    /// Asks for a stream. What comes on it may take any time, but its head has to come.
    pub(crate) async fn open<M: Shape>(
        &self,
        resource: &Resource,
        since: Option<&Position>,
    ) -> Result<Opened<M>, Error> {
        let request = || self.get(resource, since, None).header(ACCEPT, EVENT_STREAM);
        let opening = async {
            let response = self.send(resource.needs_credentials(), request).await?;
            let kind = response
                .headers()
                .get(CONTENT_TYPE)
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default();
            if kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case(EVENT_STREAM)) {
                return Ok(Opened::Stream(response));
            }
            Ok(Opened::Page(self.page(response).await?))
        };
        tokio::time::timeout(self.settings().timeout, opening).await.unwrap_or(Err(Error::TimedOut))
    }

    fn get(&self, resource: &Resource, since: Option<&Position>, block: Option<Duration>) -> RequestBuilder {
        let mut url = resource.url(&self.wire.base);
        if let Some(since) = since {
            url.query_pairs_mut().extend_pairs(resource.since(since));
        }
        if let Some(block) = block {
            url.query_pairs_mut().append_pair("block", &block.as_secs().to_string());
        }
        let request = self.wire.client.get(url);
        match since.and_then(Position::last_event_id) {
            Some(event) => request.header("Last-Event-ID", event),
            None => request,
        }
    }

    /// The answer to a request, which may be made more than once. Whoever knows a channel's name may read it: no password goes where none is
    /// needed.
    async fn send(
        &self,
        needs_credentials: bool,
        request: impl Fn() -> RequestBuilder,
    ) -> Result<Response, Error> {
        match &self.access {
            Access::Basic(Some(credentials)) if needs_credentials => {
                accepted(credentials.put_on(request())).await
            }
            Access::Basic(_) => accepted(request()).await,
            Access::Token(keeper) => keeper.send(&self.wire, request).await,
        }
    }

    async fn page<M: Shape>(&self, response: Response) -> Result<Page<M>, Error> {
        let header = |headers: &HeaderMap, name: &str| {
            headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
        };
        let link = header(response.headers(), LINK.as_str());
        let resume = Resume::told(header(response.headers(), "Backplane-Resume").as_deref());
        let body = self.wire.body(response).await?;
        M::page(&body, link.as_deref(), resume)
    }
}
