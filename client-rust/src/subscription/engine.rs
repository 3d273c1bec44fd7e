//! What a subscription does, one thing at a time: connects, listens, polls, mends, waits.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Response;
use tokio::time::{Instant, sleep_until, timeout};

use super::Item;
use super::reader::{Next, Reader};
use crate::backoff::asked;
use crate::error::{Error, Refusal};
use crate::fact::Reason;
use crate::http::{Http, Opened};
use crate::key::chance;
use crate::page::Shape;
use crate::position::Position;
use crate::resource::Resource;
use crate::sse::{Parser, SseError};

/// So many streams in a row that bring nothing, or begin with something broken, and it is time for polls: something on the way holds
/// streams back.
const POOR_STREAMS: u32 = 3;
/// A long poll that is answered with nothing sooner than this was not waited for.
const AT_ONCE: Duration = Duration::from_secs(1);

pub(super) struct Engine<M> {
    http: Arc<Http>,
    resource: Resource,
    reader: Reader<M>,
    state: State,
    /// Failures in a row.
    failures: u32,
    /// Streams in a row that were of no use.
    poor: u32,
    /// Until then it polls.
    polls_until: Option<Instant>,
    /// How long polls wait. `None`: the server does not know how.
    block: Option<Duration>,
}

/// What is done next.
enum State {
    Connect,
    Listen(Box<Live>),
    Mend,
    Poll,
    Wait(Instant),
    Over,
}

/// A stream.
struct Live {
    response: Response,
    parser: Parser,
    began: Instant,
    /// It has brought something.
    spoke: bool,
}

impl<M: Shape> Engine<M> {
    pub(super) fn new(http: Arc<Http>, resource: Resource, since: Option<Position>) -> Self {
        let block = Some(http.settings().block).filter(|block| block.as_secs() > 0);
        Self {
            reader: Reader::new(&resource, since),
            http,
            resource,
            state: State::Connect,
            failures: 0,
            poor: 0,
            polls_until: None,
            block,
        }
    }

    /// The next thing to tell. Nothing: it is over.
    pub(super) async fn next(&mut self) -> Option<Item<M>> {
        loop {
            if let Some(item) = self.reader.next() {
                return Some(item);
            }
            match std::mem::replace(&mut self.state, State::Over) {
                State::Connect => self.connect().await,
                State::Listen(live) => self.listen(live).await,
                State::Mend => self.mend().await,
                State::Poll => self.poll().await,
                State::Wait(until) => {
                    sleep_until(until).await;
                    self.state = self.way();
                }
                State::Over => return None,
            }
        }
    }

    /// Stream or poll.
    fn way(&mut self) -> State {
        match self.polls_until {
            Some(until) if Instant::now() < until => State::Poll,
            _ => {
                self.polls_until = None;
                State::Connect
            }
        }
    }

    fn polls(&mut self) {
        self.poor = 0;
        self.polls_until = Instant::now().checked_add(self.http.settings().stream_again);
    }

    async fn connect(&mut self) {
        match self.http.open(&self.resource, self.reader.connects()).await {
            Ok(Opened::Stream(response)) => {
                let parser = Parser::new(self.http.settings().answer_max);
                let live = Live { response, parser, began: Instant::now(), spoke: false };
                self.state = State::Listen(Box::new(live));
            }
            Ok(Opened::Page(page)) => {
                self.polls();
                self.state = match self.reader.take_page(page) {
                    // Whether it knows long polls is seen with the next one.
                    Ok(()) => State::Poll,
                    Err(error) => return self.failed(error, Duration::ZERO),
                };
            }
            Err(error) if refuses_streams(&error) => {
                self.polls();
                self.state = State::Poll;
            }
            Err(error) => self.failed(error, Duration::ZERO),
        }
    }

    async fn listen(&mut self, mut live: Box<Live>) {
        let silence = self.http.settings().heartbeat.saturating_mul(2);
        let mut events = Vec::new();
        let end = match timeout(silence, live.response.chunk()).await {
            Err(_) => Some(Error::Silent),
            Ok(Err(error)) => Some(error.into()),
            Ok(Ok(None)) => Some(Error::Cut),
            Ok(Ok(Some(bytes))) => match live.parser.feed(&bytes, &mut events) {
                Ok(()) => None,
                Err(SseError::TooLong) => Some(Error::TooLarge { most: self.http.settings().answer_max }),
                Err(SseError::NotText) => Some(Error::Malformed("it is not UTF-8")),
            },
        };
        for event in events {
            live.spoke = true;
            match self.reader.take(&event) {
                Next::GoOn => {}
                Next::New => (self.failures, self.poor) = (0, 0),
                Next::Broken => {
                    self.poor();
                    self.state = State::Mend;
                    return;
                }
                Next::Again => {
                    self.poor();
                    self.state = self.way();
                    return;
                }
                Next::End(reason, Some(retry)) => {
                    self.failures = 0;
                    return self.wait(Error::Ended(reason), asked(retry, chance()));
                }
                Next::End(Reason::Expired, None) if self.http.has_tokens() => {
                    return self.expired(live.began.elapsed());
                }
                Next::End(Reason::Revoked, None) => return self.reader.failed(Error::Revoked),
                Next::End(reason, None) => return self.reader.failed(Error::Ended(reason)),
            }
        }
        let Some(error) = end else {
            self.state = State::Listen(live);
            return;
        };
        if live.began.elapsed() >= self.http.settings().heartbeat {
            self.failures = 0;
        }
        if !live.spoke {
            self.poor();
        }
        self.failed(error, live.parser.retry().unwrap_or_default());
    }

    /// The time of the stream's token is over: it goes on with another one, which is asked for when the server refuses this one. At once, unless
    /// the one before was of no use.
    fn expired(&mut self, lived: Duration) {
        if lived >= self.http.settings().heartbeat {
            self.failures = 0;
        }
        let wait = match self.failures {
            0 => Duration::ZERO,
            failures => self.http.settings().backoff.wait(failures, chance()),
        };
        self.failures = self.failures.saturating_add(1);
        self.wait(Error::Ended(Reason::Expired), wait);
    }

    /// A stream was of no use.
    fn poor(&mut self) {
        self.poor = self.poor.saturating_add(1);
        if self.poor >= POOR_STREAMS {
            self.polls();
        }
    }

    /// Reads again from the position. A poll comes as one piece, so whatever drops events leaves it alone.
    async fn mend(&mut self) {
        let page = self.http.poll(&self.resource, self.reader.position(), None).await;
        match page.and_then(|page| self.reader.take_page(page)) {
            Ok(()) => self.state = self.way(),
            Err(error) => self.failed(error, Duration::ZERO),
        }
    }

    async fn poll(&mut self) {
        let began = Instant::now();
        let page = match self.http.poll(&self.resource, self.reader.position(), self.block).await {
            Ok(page) => page,
            // It lets nobody wait for so long.
            Err(error) if error.status() == Some(400) && self.block.take().is_some() => {
                self.state = State::Poll;
                return;
            }
            Err(error) => {
                // Whoever stands there when it is back may know streams.
                self.polls_until = None;
                return self.failed(error, Duration::ZERO);
            }
        };
        self.failures = 0;
        let (nothing, more) = (page.frames.is_empty(), page.more);
        if let Err(error) = self.reader.take_page(page) {
            return self.failed(error, Duration::ZERO);
        }
        if nothing && self.block.is_some() && began.elapsed() < AT_ONCE {
            self.block = None;
        }
        self.state = match self.block {
            Some(_) => self.way(),
            None if more => State::Poll,
            None => State::Wait(after(self.http.settings().poll_interval)),
        };
    }

    /// Nothing comes for the moment, or it is over. Not tried again before `least`.
    fn failed(&mut self, error: Error, least: Duration) {
        if !error.is_temporary() {
            return self.reader.failed(error);
        }
        let told = error.retry_after().map(|wait| asked(wait, chance())).unwrap_or_default();
        let wait = self.http.settings().backoff.wait(self.failures, chance());
        self.failures = self.failures.saturating_add(1);
        self.wait(error, wait.max(told).max(asked(least, chance())));
    }

    fn wait(&mut self, why: Error, wait: Duration) {
        self.reader.interrupted(why, wait);
        self.state = State::Wait(after(wait));
    }
}

/// A moment so far ahead that nobody waits for it is a day ahead.
fn after(wait: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(wait.min(Duration::from_hours(24))).unwrap_or(now)
}

/// Whether the server answers, but not with streams. One that does not know the bus says so.
fn refuses_streams(error: &Error) -> bool {
    match error {
        Error::Refused(Refusal { status: 404, code, .. }) => code.as_deref() != Some("unknown_bus"),
        error => error.status() == Some(406),
    }
}
