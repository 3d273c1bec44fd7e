//! The ways into the broker, behind one face.

use std::sync::Arc;

use backplane_actors::{
    Batch, Entry, Epoch, Fingerprint, IdempotencyKey, Message, MessageId, MessageLimits, Page, Posted,
    Poster, Posting, Query, Since, Which,
};

use crate::history::{
    Answer, BATCH_MAX, ChannelKey, Cursor, Extent, Ids, Outcome, Position, PostKey, Resume, Shown, Stamp,
    View,
};
use crate::http::Client;
use crate::plan::{KEEPS, STICKY};
use crate::service::Service;

pub(crate) enum Door {
    /// The broker's handle.
    Handle,
    /// The handle of the bus.
    Bus,
    Http(Client),
}

/// A POST on its way in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parcel {
    pub(crate) post: PostKey,
    pub(crate) channel: ChannelKey,
    pub(crate) size: usize,
    /// Sent with an idempotency key that stands for the POST.
    pub(crate) keyed: bool,
}

impl Parcel {
    fn message(&self, index: usize) -> String {
        let Stamp(stamp) = Stamp::new(self.post, index, self.size);
        let sticky = if self.is_sticky() { r#""sticky":true,"# } else { "" };
        format!(r#"{{"source":"http://stress.test",{sticky}"type":"stamp","payload":{stamp}}}"#)
    }

    pub(crate) fn is_sticky(&self) -> bool {
        self.channel.bus == KEEPS && self.post.is_sticky()
    }

    /// As the body of a request; `spoiled` makes its last message one that is refused.
    fn body(&self, spoiled: bool) -> String {
        let mut messages: Vec<_> = (0..self.size).map(|index| self.message(index)).collect();
        if spoiled {
            messages.push("{}".to_owned());
        }
        format!("[{}]", messages.join(","))
    }

    /// As a text that asks for it under this name.
    pub(crate) fn publishing(&self, name: u32, spoiled: bool) -> String {
        let key = self.key().map_or(String::new(), |key| format!(r#","key":"{key}""#));
        let (channel, messages) = (self.channel.number, self.body(spoiled));
        format!(r#"{{"publish":"c{channel}","messages":{messages},"ref":"{name}"{key}}}"#)
    }

    pub(crate) fn key(&self) -> Option<String> {
        self.keyed.then(|| format!("{}-{}", self.post.poster, self.post.number))
    }

    fn posting(&self, service: &Service) -> Posting {
        let parse = |index| Message::parse(&self.message(index), &MessageLimits::default()).unwrap();
        let mut fingerprint = [0; 32];
        fingerprint[..8].copy_from_slice(&Stamp::new(self.post, 0, self.size).0.to_be_bytes());
        Posting {
            poster: Poster::nobody(),
            channel: service.channel(self.channel).clone(),
            messages: Batch::from((0..self.size).map(parse).collect::<Vec<_>>()),
            key: self.key().map(|key| IdempotencyKey::new(&key, Fingerprint(fingerprint)).unwrap()),
        }
    }
}

impl Door {
    pub(crate) const fn is_http(&self) -> bool {
        matches!(self, Self::Http(_))
    }

    pub(crate) async fn post(&mut self, service: &Arc<Service>, parcel: Parcel) -> Result<Outcome, String> {
        let bus = service.bus(parcel.channel.bus);
        let posted = match self {
            Self::Handle => service.broker.post(bus, parcel.posting(service)).await,
            Self::Bus => service.broker.bus(bus.as_str()).unwrap().post(parcel.posting(service)).await,
            Self::Http(client) => {
                let path = service.path(View::Channel(parcel.channel));
                let key = parcel.key();
                let posted = client.post(&path, &parcel.body(false), key.as_deref()).await;
                return match posted {
                    Ok(Ok(ids)) => Ok(Outcome::Acked(Ids::new(ids))),
                    other => Err(format!("POST over HTTP: {other:?}")),
                };
            }
        };
        let ids = posted.map(Posted::ids).map_err(|error| format!("POST: {error}"))?;
        Ok(Outcome::Acked(Ids::new(ids.map(MessageId::as_u64).take(BATCH_MAX + 1))))
    }

    /// Begins to post and hangs up.
    pub(crate) async fn post_and_leave(&mut self, service: &Arc<Service>, parcel: Parcel, share: f64) {
        match self {
            Self::Handle | Self::Bus => {
                let post = service.broker.post(service.bus(parcel.channel.bus), parcel.posting(service));
                let mut post = std::pin::pin!(post);
                // One poll sends it.
                _ = futures::poll!(post.as_mut());
            }
            Self::Http(client) => {
                let path = service.path(View::Channel(parcel.channel));
                // What the connection says of it does not matter: the outcome is unknown.
                let (body, key) = (parcel.body(false), parcel.key());
                _ = client.post_and_leave(&path, &body, key.as_deref(), share).await;
            }
        }
    }

    /// Posts a batch of which one message is wrong. Only requests can: the types forbid it elsewhere.
    pub(crate) async fn post_spoiled(
        &mut self,
        service: &Arc<Service>,
        parcel: Parcel,
    ) -> Result<Outcome, String> {
        let Self::Http(client) = self else { return Ok(Outcome::Refused) };
        let path = service.path(View::Channel(parcel.channel));
        match client.post(&path, &parcel.body(true), None).await {
            Ok(Err(400)) => Ok(Outcome::Refused),
            other => Err(format!("spoiled POST over HTTP: {other:?}")),
        }
    }

    /// A long poll. Only requests can: within the broker a subscription waits.
    pub(crate) async fn wait(
        &mut self,
        service: &Arc<Service>,
        view: View,
        since: Position,
    ) -> Result<Answer, String> {
        let Self::Http(client) = self else { return Err("nobody polls a handle for long".to_owned()) };
        let answer = client.wait(&service.path(view), view.bus(), since).await;
        answer.map_err(|error| format!("long poll: {error}"))
    }

    /// Reads several channels at once. Only requests can. The part of the answer's link that says where to go on, beside it.
    pub(crate) async fn follow(
        &mut self,
        service: &Arc<Service>,
        bus: u8,
        query: &str,
    ) -> Result<(Answer, String), String> {
        let Self::Http(client) = self else { return Err("nobody polls a handle for several".to_owned()) };
        let path = service.path(View::Bus(bus)) + "/channels";
        let (answer, link) =
            client.follow(&path, query, bus).await.map_err(|error| format!("{query}: {error}"))?;
        let since = link.split('&').find(|part| part.starts_with("since="));
        Ok((answer, since.ok_or("its link leads nowhere")?.to_owned()))
    }

    pub(crate) async fn read(
        &mut self,
        service: &Arc<Service>,
        view: View,
        since: Position,
    ) -> Result<Answer, String> {
        let (broker, bus) = (&service.broker, service.bus(view.bus()));
        let which = if view.bus() == STICKY { Which::Sticky } else { Which::All };
        let from = Query { since: since_of(since), which };
        let page = match (self, view) {
            (Self::Handle, View::Bus(_)) => broker.read_bus(bus, from).await,
            (Self::Handle, View::Channel(channel)) => {
                broker.read_channel(bus, service.channel(channel), from).await
            }
            (Self::Bus, View::Bus(_)) => broker.bus(bus.as_str()).unwrap().read(from).await,
            (Self::Bus, View::Channel(channel)) => {
                let bus = broker.bus(bus.as_str()).unwrap();
                bus.read_channel(service.channel(channel), from).await
            }
            (Self::Http(client), _) => {
                let answer = client.read(&service.path(view), view.bus(), since).await;
                return answer.map_err(|error| format!("GET over HTTP: {error}"));
            }
        };
        page.map(|page| answer(&page, view.bus())).map_err(|error| format!("read: {error}"))
    }
}

pub(crate) fn since_of(position: Position) -> Since {
    match position {
        Position::Start => Since::Start,
        Position::Cursor(Cursor { id, epoch }) => {
            let (id, epoch) = (MessageId::from_u64(id), Some(Epoch::from_u64(epoch)));
            backplane_actors::Position { id, epoch }.into()
        }
        Position::Id(id) => MessageId::from_u64(id).into(),
        Position::Garbage => Since::Unknown,
    }
}

pub(crate) fn cursor_of(position: backplane_actors::Position) -> Cursor {
    Cursor { id: position.id.as_u64(), epoch: position.epoch.map_or(0, Epoch::as_u64) }
}

pub(crate) const fn resume_of(resume: backplane_actors::Resume) -> Resume {
    match resume {
        backplane_actors::Resume::Complete => Resume::Complete,
        backplane_actors::Resume::Gap => Resume::Gap,
        backplane_actors::Resume::Reset => Resume::Reset,
    }
}

pub(crate) fn shown(entry: &Entry, bus: u8) -> Shown {
    // Texts of both versions have it, in one place or another.
    let payload = entry.message().as_str().split_once("\"payload\":").map(|(_, payload)| payload);
    let digits = payload.and_then(|payload| payload.split(|c: char| !c.is_ascii_digit()).next());
    let stamp = digits.and_then(|digits| digits.parse().ok());
    let channel = ChannelKey::named(bus, entry.channel().as_str());
    Shown { id: entry.id().as_u64(), stamp: Stamp(stamp.unwrap_or(u64::MAX)), channel }
}

fn answer(page: &Page, bus: u8) -> Answer {
    Answer {
        shown: page.entries.iter().map(|entry| shown(entry, bus)).collect(),
        next: cursor_of(page.next),
        resume: resume_of(page.resume),
        extent: Extent::Window,
    }
}
