//! One request and its answer.

use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, LINK, RETRY_AFTER};
use reqwest::{Client, RequestBuilder, Response};
use serde::Deserialize;
use tokio::time::Instant;

use crate::backoff::{Backoff, Retries, retry_after};
use crate::base::Base;
use crate::error::{Error, Refusal};
use crate::fact::Resume;
use crate::key::{self, IdempotencyKey};
use crate::message::{Frame, Message};
use crate::position::{MessageId, Position};
use crate::resource::Resource;

/// Most bytes of a refusal that are read.
const REFUSAL_MAX: usize = 64 * 1024;
/// The media type of a stream.
const EVENT_STREAM: &str = "text/event-stream";

/// All that can be set.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) timeout: Duration,
    pub(crate) connect_timeout: Duration,
    pub(crate) heartbeat: Duration,
    pub(crate) block: Duration,
    pub(crate) poll_interval: Duration,
    pub(crate) stream_again: Duration,
    pub(crate) tries: u32,
    pub(crate) patience: Duration,
    pub(crate) backoff: Backoff,
    pub(crate) answer_max: usize,
}

impl Settings {
    pub(crate) fn retries(&self) -> Retries {
        Retries { tries: self.tries, patience: self.patience, backoff: self.backoff }
    }
}

/// Who asks.
pub(crate) struct Credentials {
    pub(crate) user: String,
    pub(crate) password: String,
}

/// A server, as requests go to it.
pub(crate) struct Http {
    pub(crate) client: Client,
    pub(crate) base: Base,
    pub(crate) credentials: Option<Credentials>,
    pub(crate) settings: Settings,
}

/// What a retrieval gives.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Page {
    /// The messages, in the order of the bus.
    pub frames: Vec<Frame>,
    /// Where to go on from. Servers of ours always say it, also of an empty page.
    pub next: Option<Position>,
    /// Whether something was missed since the position.
    pub resume: Resume,
}

/// What asking for a stream gives.
pub(crate) enum Opened {
    Stream(Response),
    /// The server has no streams: this is what a poll gives.
    Page(Page),
}

impl Http {
    /// A POST, tried again with the same body and the same key.
    pub(crate) async fn post(
        &self,
        resource: &Resource,
        key: &IdempotencyKey,
        messages: &[Message],
    ) -> Result<Vec<MessageId>, Error> {
        let texts: Vec<_> = messages.iter().map(Message::as_json).collect();
        let body = format!("[{}]", texts.join(","));
        let answer = self.retrying(|| self.post_once(resource, key, body.clone())).await?;
        // It is stored, whatever the answer says: servers of old say nothing.
        let ids: Vec<String> = serde_json::from_slice(&answer).unwrap_or_default();
        Ok(ids.iter().map(|id| MessageId::told(id)).collect())
    }

    async fn post_once(
        &self,
        resource: &Resource,
        key: &IdempotencyKey,
        body: String,
    ) -> Result<Vec<u8>, Error> {
        let request = self
            .client
            .post(resource.url(&self.base))
            .header(CONTENT_TYPE, "application/json")
            .header("Idempotency-Key", key.as_str())
            .timeout(self.settings.timeout)
            .body(body);
        let response = accepted(self.with_credentials(request).send().await?).await?;
        whole(response, self.settings.answer_max).await
    }

    /// A poll, tried again.
    pub(crate) async fn read(&self, resource: &Resource, since: Option<&Position>) -> Result<Page, Error> {
        self.retrying(|| self.poll(resource, since, None)).await
    }

    /// One poll, a long one if it is to wait.
    pub(crate) async fn poll(
        &self,
        resource: &Resource,
        since: Option<&Position>,
        block: Option<Duration>,
    ) -> Result<Page, Error> {
        let request = self.get(resource, since, block).header(ACCEPT, "application/json");
        let patience = self.settings.timeout.saturating_add(block.unwrap_or_default());
        self.page(accepted(request.timeout(patience).send().await?).await?).await
    }

    /// Asks for a stream. What comes on it may take any time, but its head has to come.
    pub(crate) async fn open(&self, resource: &Resource, since: Option<&Position>) -> Result<Opened, Error> {
        let request = self.get(resource, since, None).header(ACCEPT, EVENT_STREAM);
        let opening = async {
            let response = accepted(request.send().await?).await?;
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
        tokio::time::timeout(self.settings.timeout, opening).await.unwrap_or(Err(Error::TimedOut))
    }

    /// The future is named, for what comes of an async closure cannot be sent to another thread.
    async fn retrying<T, F: Future<Output = Result<T, Error>>>(
        &self,
        mut request: impl FnMut() -> F,
    ) -> Result<T, Error> {
        let (began, retries, mut made) = (Instant::now(), self.settings.retries(), 1);
        loop {
            let error = match request().await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            match retries.next(made, began.elapsed(), &error, key::chance()) {
                Some(wait) => tokio::time::sleep(wait).await,
                None => return Err(error),
            }
            made = made.saturating_add(1);
        }
    }

    fn get(&self, resource: &Resource, since: Option<&Position>, block: Option<Duration>) -> RequestBuilder {
        let mut url = resource.url(&self.base);
        if let Some(since) = since {
            url.query_pairs_mut().extend_pairs(since.query());
        }
        if let Some(block) = block {
            url.query_pairs_mut().append_pair("block", &block.as_secs().to_string());
        }
        let mut request = self.client.get(url);
        if let Some(event) = since.and_then(Position::last_event_id) {
            request = request.header("Last-Event-ID", event);
        }
        // Whoever knows a channel's name may read it: no password goes where none is needed.
        if resource.needs_credentials() { self.with_credentials(request) } else { request }
    }

    fn with_credentials(&self, request: RequestBuilder) -> RequestBuilder {
        match &self.credentials {
            Some(credentials) => request.basic_auth(&credentials.user, Some(&credentials.password)),
            None => request,
        }
    }

    async fn page(&self, response: Response) -> Result<Page, Error> {
        let header = |headers: &HeaderMap, name: &str| {
            headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
        };
        let link = header(response.headers(), LINK.as_str());
        let resume = Resume::told(header(response.headers(), "Backplane-Resume").as_deref());
        let body = whole(response, self.settings.answer_max).await?;
        let frames: Vec<Frame> =
            serde_json::from_slice(&body).map_err(|_| Error::Malformed("it is not a list of frames"))?;
        // Servers of old have no link, and go on from the last message (RET-3).
        let next = link.as_deref().and_then(Position::of_link);
        let next = next.or_else(|| frames.last().map(|frame| Position::from(&frame.id)));
        Ok(Page { frames, next, resume })
    }
}

/// The answer, if it is a good one.
async fn accepted(response: Response) -> Result<Response, Error> {
    #[derive(Default, Deserialize)]
    struct Body {
        error: Option<String>,
        #[serde(default)]
        error_description: String,
    }
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let wait = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    let retry_after = wait.and_then(retry_after);
    // The status says enough where the rest does not arrive.
    let body = whole(response, REFUSAL_MAX).await.unwrap_or_default();
    let Body { error: code, error_description: mut description } =
        serde_json::from_slice(&body).unwrap_or_default();
    if status.is_redirection() {
        "it redirects; give the URL that it redirects to as the base URL".clone_into(&mut description);
    }
    Err(Error::Refused(Refusal { status: status.as_u16(), code, description, retry_after }))
}

/// A whole body, within a bound (I-5).
async fn whole(mut response: Response, most: usize) -> Result<Vec<u8>, Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len().saturating_add(chunk.len()) > most {
            return Err(Error::TooLarge { most });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
