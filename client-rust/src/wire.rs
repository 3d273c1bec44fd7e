//! Requests as they go to a server and answers as they come, whoever asks.

use std::time::Duration;

use reqwest::header::RETRY_AFTER;
use reqwest::{Client, RequestBuilder, Response};
use serde::Deserialize;
use tokio::time::Instant;

use crate::backoff::{Backoff, Retries, retry_after};
use crate::base::Base;
use crate::error::{Error, Refusal};
use crate::key;

/// Most bytes of a refusal that are read.
const REFUSAL_MAX: usize = 64 * 1024;

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

impl Credentials {
    /// The request with them (HTTP Basic).
    pub(crate) fn put_on(&self, request: RequestBuilder) -> RequestBuilder {
        request.basic_auth(&self.user, Some(&self.password))
    }
}

/// That no try succeeded.
pub(crate) struct Failed {
    last: Error,
    /// One before it may have done what it was to do all the same.
    doubt: bool,
}

impl Failed {
    /// The error of a POST.
    pub(crate) fn of_post(self) -> Error {
        let Self { last, doubt } = self;
        if doubt && !last.may_be_stored() { Error::Doubtful(Box::new(last)) } else { last }
    }
}

impl From<Failed> for Error {
    /// Of what changes nothing.
    fn from(failed: Failed) -> Self {
        failed.last
    }
}

/// The way to a server.
pub(crate) struct Wire {
    pub(crate) client: Client,
    pub(crate) base: Base,
    pub(crate) settings: Settings,
}

impl Wire {
    /// A whole body, within the client's bound.
    pub(crate) async fn body(&self, response: Response) -> Result<Vec<u8>, Error> {
        whole(response, self.settings.answer_max).await
    }

    /// The future is named, for what comes of an async closure cannot be sent to another thread.
    pub(crate) async fn retrying<T, F: Future<Output = Result<T, Error>>>(
        &self,
        mut request: impl FnMut() -> F,
    ) -> Result<T, Failed> {
        let (began, retries, mut made) = (Instant::now(), self.settings.retries(), 1);
        let mut doubt = false;
        loop {
            let error = match request().await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            match retries.next(made, began.elapsed(), &error, key::chance()) {
                Some(wait) => tokio::time::sleep(wait).await,
                None => return Err(Failed { last: error, doubt }),
            }
            doubt |= error.may_be_stored();
            made = made.saturating_add(1);
        }
    }
}

/// The answer to a request, if it is a good one.
pub(crate) async fn accepted(request: RequestBuilder) -> Result<Response, Error> {
    #[derive(Default, Deserialize)]
    struct Body {
        error: Option<String>,
        #[serde(default)]
        error_description: String,
    }
    let response = request.send().await?;
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
