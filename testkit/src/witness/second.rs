//! Version 2.0 as the record has it: single messages that are posted with a token, and pages of several buses in one order.

use std::io;

use serde::Deserialize;
use serde_json::json;

use super::history::{Answer, ChannelKey, Cursor, Extent, Position, Resume, Shown, Stamp, View};
use super::http::{Client, cursor, number_of, text_of};

/// A message to be posted.
#[derive(Debug, Clone, Copy)]
pub struct Single<'a> {
    /// Its bus.
    pub bus: &'a str,
    /// The channel, which was given to a page of that bus.
    pub channel: &'a str,
    /// Its payload.
    pub stamp: Stamp,
    /// Whether it is promised.
    pub sticky: bool,
    /// The idempotency key.
    pub key: Option<&'a str>,
}

/// A page of several buses.
#[derive(Debug)]
pub struct Page {
    shown: Vec<Shown>,
    /// Where the next one begins.
    pub next: Cursor,
    resume: Resume,
    /// Whether there is more.
    pub more: bool,
}

impl Page {
    /// What it says of one of its buses.
    pub fn of(&self, view: View, since: Position) -> Answer {
        let shown = self.shown.iter().copied().filter(|shown| shown.channel.bus == view.bus()).collect();
        let extent = if self.more { Extent::Page } else { Extent::Moment };
        Answer { shown, next: self.next, resume: self.resume.of_one(since), extent }
    }

    /// How many messages it has, and whether they are in one order.
    pub fn count(&self) -> Result<usize, String> {
        let rises = self.shown.is_sorted_by(|one, other| one.id < other.id);
        if rises { Ok(self.shown.len()) } else { Err(format!("out of order: {:x?}", self.shown)) }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct List<'a> {
    #[serde(rename = "nextURL")]
    next_url: &'a str,
    #[serde(borrow)]
    messages: Vec<Object<'a>>,
    more_messages: bool,
}

#[derive(Deserialize)]
struct Object<'a> {
    #[serde(rename = "messageURL")]
    url: &'a str,
    bus: &'a str,
    channel: &'a str,
    payload: u64,
}

/// Posts it: its id, or the status of the refusal.
pub async fn post(client: &mut Client, token: &str, single: Single<'_>) -> io::Result<Result<u64, u16>> {
    let response = client.exchange(&posting(token, single)).await?;
    if response.status != 201 {
        return Ok(Err(response.status));
    }
    let location = response.location.as_deref().and_then(|url| url.rsplit('/').next());
    Ok(Ok(number_of(location.unwrap_or_default())?))
}

/// Sends this share of it and hangs up.
pub async fn post_and_leave(
    client: &mut Client,
    token: &str,
    single: Single<'_>,
    share: f64,
) -> io::Result<()> {
    client.send_and_leave(&posting(token, single), share).await
}

/// Reads a page of what the token lets see, by a long poll of a second if there is to be nothing else. `bus` is the number of a bus; one that
/// has none must not be seen.
pub async fn read(
    client: &mut Client,
    token: &str,
    since: Position,
    waits: bool,
    bus: impl Fn(&str) -> Option<u8>,
) -> io::Result<Page> {
    let since = text_of(since).map(|since| format!("&since={since}")).unwrap_or_default();
    let path = format!("/v2/messages?block={}{since}", u8::from(waits));
    let request = format!("GET {path} HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer {token}\r\n\r\n");
    let response = client.exchange(&request).await?;
    if response.status != 200 {
        return Err(io::Error::other(format!("{path} was answered {}", response.status)));
    }
    let resume = response.resume()?;
    let list: List = serde_json::from_slice(&response.body)?;
    let shown = |object: &Object| {
        let bus = bus(object.bus).ok_or_else(|| io::Error::other(format!("{} is seen", object.bus)))?;
        let id = number_of(object.url.rsplit('/').next().unwrap_or_default())?;
        Ok(Shown { id, stamp: Stamp(object.payload), channel: ChannelKey::named(bus, object.channel) })
    };
    let shown = list.messages.iter().map(shown).collect::<io::Result<_>>()?;
    let next = cursor(list.next_url.split_once('?').map(|(_, query)| query))?;
    Ok(Page { shown, next, resume, more: list.more_messages })
}

fn posting(token: &str, Single { bus, channel, stamp: Stamp(payload), sticky, key }: Single<'_>) -> String {
    let mut message = json!({"type": "stamp", "bus": bus, "channel": channel, "payload": payload});
    if let (true, Some(message)) = (sticky, message.as_object_mut()) {
        message.insert("sticky".to_owned(), true.into());
    }
    let body = json!({ "message": message }).to_string();
    let key = key.map_or(String::new(), |key| format!("Idempotency-Key: {key}\r\n"));
    format!(
        "POST /v2/message HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer {token}\r\n{key}\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}
