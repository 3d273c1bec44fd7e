//! Keeps a token of version 2.0: asks for it when it is needed, renews it before its end, and when the server says that it is over.

use std::sync::{Arc, Mutex as Lock, PoisonError};

use futures::lock::Mutex;
use reqwest::header::CONTENT_TYPE;
use reqwest::{RequestBuilder, Response, Url};
use tokio::time::Instant;

use crate::error::Error;
use crate::names::{BusName, ChannelName};
use crate::token::{Given, Meaning, PageGiven, RefreshToken, Secret};
use crate::wire::{Credentials, Wire, accepted};

/// A token that is kept. Whoever needs one while another asks for it waits for that.
pub(crate) struct Keeper {
    /// What was taken back may have been granted anew.
    asks_anew: bool,
    kept: Mutex<Kept>,
}

struct Kept {
    token: Option<Token>,
    source: Source,
}

/// Whose token it is, and with what it is asked for.
enum Source {
    /// A client's (privileged access), for all that it was granted when it asks.
    Poster(Arc<Credentials>),
    /// A client's for a scope. Once it has reached some buses it stays with them: of others, messages could be missed in silence (I-10).
    Reader { credentials: Arc<Credentials>, scope: Box<str>, had: bool },
    /// A page's (regular access), of one channel.
    Page { bus: BusName, channel: ChannelName, refresh: Latest },
}

/// With what a page goes on: the last one that it was given.
#[derive(Clone)]
pub(crate) struct Latest(Arc<Lock<RefreshToken>>);

impl Latest {
    pub(crate) fn get(&self) -> RefreshToken {
        // It is whole, whoever panicked elsewhere.
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, refresh: RefreshToken) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = refresh;
    }
}

/// What a page was given: its keeper, and what it is told.
pub(crate) struct Opened {
    pub(crate) keeper: Keeper,
    pub(crate) bus: BusName,
    pub(crate) channel: ChannelName,
    pub(crate) refresh: Latest,
}

#[derive(Clone)]
struct Token {
    text: Secret,
    renewed_at: Option<Instant>,
}

impl Token {
    fn of(given: &Given) -> Self {
        let renewed_at = given.renewed_after().and_then(|after| Instant::now().checked_add(after));
        Self { text: given.access.clone(), renewed_at }
    }
}

impl Keeper {
    /// Of a client that posts. Nothing is asked for yet.
    pub(crate) fn of_poster(credentials: Arc<Credentials>) -> Self {
        Self { asks_anew: true, kept: Mutex::new(Kept { token: None, source: Source::Poster(credentials) }) }
    }

    /// Of a client that reads. Nothing is asked for yet.
    pub(crate) fn of_reader(credentials: Arc<Credentials>, scope: String) -> Self {
        let source = Source::Reader { credentials, scope: scope.into(), had: false };
        Self { asks_anew: false, kept: Mutex::new(Kept { token: None, source }) }
    }

    /// Of a page: opens a new channel of a bus, with filters (V2-ANON-1).
    pub(crate) async fn open(wire: &Wire, bus: &BusName, filters: &str) -> Result<Opened, Error> {
        let mut query = vec![("bus", bus.as_str())];
        query.extend(Some(("scope", filters)).filter(|(_, filters)| !filters.is_empty()));
        Self::of_page(&ask_page(wire, &query).await?)
    }

    /// Of a page that goes on where it was.
    pub(crate) async fn again(wire: &Wire, refresh: &RefreshToken) -> Result<Opened, Error> {
        let given = ask_page(wire, &[("refresh_token", refresh.as_str())]).await.map_err(taken_back)?;
        Self::of_page(&given)
    }

    fn of_page(given: &Given) -> Result<Opened, Error> {
        let PageGiven { bus, channel, refresh } = given.of_page()?;
        let refresh = Latest(Arc::new(Lock::new(refresh)));
        let source = Source::Page { bus: bus.clone(), channel: channel.clone(), refresh: refresh.clone() };
        let kept = Kept { token: Some(Token::of(given)), source };
        Ok(Opened { keeper: Self { asks_anew: false, kept: Mutex::new(kept) }, bus, channel, refresh })
    }

    /// Sends what `request` makes, with the token; once more with a new one if the server says that it is over.
    pub(crate) async fn send(
        &self,
        wire: &Wire,
        request: impl Fn() -> RequestBuilder,
    ) -> Result<Response, Error> {
        let token = self.token(wire).await?;
        let error = match accepted(request().bearer_auth(token.as_str())).await {
            Ok(response) => return Ok(response),
            Err(error) => error,
        };
        match meaning(&error) {
            Meaning::Over => {}
            Meaning::TakenBack | Meaning::Narrow if self.asks_anew => {}
            Meaning::TakenBack | Meaning::Narrow | Meaning::Nothing => return Err(taken_back(error)),
        }
        self.forget(&token).await;
        let token = self.token(wire).await?;
        accepted(request().bearer_auth(token.as_str())).await.map_err(taken_back)
    }

    /// A token that is good for some time.
    async fn token(&self, wire: &Wire) -> Result<Secret, Error> {
        let mut kept = self.kept.lock().await;
        if let Some(token) = &kept.token
            && token.renewed_at.is_none_or(|at| Instant::now() < at)
        {
            return Ok(token.text.clone());
        }
        let token = Token::of(&kept.source.ask(wire).await?);
        kept.token = Some(token.clone());
        Ok(token.text)
    }

    /// The server has said that this token is good no more. Another one stays.
    async fn forget(&self, token: &Secret) {
        let mut kept = self.kept.lock().await;
        if kept.token.as_ref().is_some_and(|known| known.text == *token) {
            kept.token = None;
        }
    }
}

impl Source {
    /// Asks for a token, and keeps with what the next one is asked for.
    async fn ask(&mut self, wire: &Wire) -> Result<Given, Error> {
        match self {
            Self::Poster(credentials) => ask_client(wire, credentials, "").await,
            Self::Reader { credentials, scope, had } => {
                let given = ask_client(wire, credentials, scope).await.map_err(|error| match error {
                    // What it had reached it reaches no more.
                    Error::Refused(refusal) if *had && Meaning::is_beyond(&refusal) => Error::Revoked,
                    error => error,
                })?;
                // It is what was asked for where the server does not say it (RFC 6749 section 5.1).
                if let Some(told) = &given.scope {
                    scope.clone_from(told);
                }
                *had = true;
                Ok(given)
            }
            Self::Page { bus, channel, refresh } => {
                let query = refresh.get();
                let query = [("refresh_token", query.as_str())];
                let given = ask_page(wire, &query).await.map_err(taken_back)?;
                let told = given.of_page()?;
                if (&told.bus, &told.channel) != (&*bus, &*channel) {
                    return Err(Error::Malformed("the new token is of another channel"));
                }
                refresh.set(told.refresh);
                Ok(given)
            }
        }
    }
}

fn meaning(error: &Error) -> Meaning {
    match error {
        Error::Refused(refusal) => Meaning::of(refusal),
        _ => Meaning::Nothing,
    }
}

/// The same error, in the client's words where something was taken back.
fn taken_back(error: Error) -> Error {
    if meaning(&error) == Meaning::TakenBack { Error::Revoked } else { error }
}

/// `POST /v2/token`; the credentials come by HTTP Basic only (V2-TOK-1).
async fn ask_client(wire: &Wire, credentials: &Credentials, scope: &str) -> Result<Given, Error> {
    let mut form = vec![("grant_type", "client_credentials")];
    form.extend(Some(("scope", scope)).filter(|(_, scope)| !scope.is_empty()));
    let url = wire.base.below(&["token"]);
    let request = wire.client.post(url.clone()).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    // A query is written as a form is.
    let body = with_query(url, &form).query().unwrap_or_default().to_owned();
    given(wire, credentials.put_on(request.body(body))).await
}

/// `GET /v2/token` (V2-ANON-1).
async fn ask_page(wire: &Wire, query: &[(&str, &str)]) -> Result<Given, Error> {
    let url = with_query(wire.base.below(&["token"]), query);
    given(wire, wire.client.get(url)).await
}

fn with_query(mut url: Url, query: &[(&str, &str)]) -> Url {
    url.query_pairs_mut().extend_pairs(query);
    url
}

async fn given(wire: &Wire, request: RequestBuilder) -> Result<Given, Error> {
    let response = accepted(request.timeout(wire.settings.timeout)).await?;
    Given::read(&wire.body(response).await?)
}
