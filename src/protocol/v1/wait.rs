//! Readers that wait: long polls, and event streams.

use std::pin::pin;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::body::None as NoBody;
use backplane_actors::{Event, Page, Resume, Subscription};
use futures::StreamExt as _;
use tokio::time::sleep;

use super::answer::{Answer, Refusal};
use super::retrieve::{Asked, What};
use crate::error::{ApiError, ErrorCode};
use crate::protocol::push::{self, EventStream, Source, Telling};
use crate::service::Waiting;

/// What there is once something has come, or else after this time. Whoever asks has seen everything.
pub(super) async fn page(asked: &Asked, block: Duration) -> Result<Page, Refusal> {
    let Asked { service, request, .. } = asked;
    let mut reader = asked.reader();
    let _open = service.open_stream(request, Waiting::LongPoll)?;
    let mut events = asked.subscribe()?;
    let leaves = async {
        service.drain().begun().await;
        sleep(service.farewell()).await;
    };
    tokio::select! {
        () = something(&mut events) => {}
        () = sleep(block) => {}
        () = pin!(leaves) => {}
    }
    drop(events);
    if !reader.may(service) {
        let text = "this user may not read this bus any more";
        return Err(ApiError::new(ErrorCode::Forbidden, text).into());
    }
    // From where it began: what came is found there, in the form of any other answer.
    Ok(asked.read().await?)
}

/// Completes when there is more to say than that nothing was missed.
async fn something(events: &mut Subscription) {
    while let Some(Event::Resumed(resumed)) = events.next().await {
        if resumed.resume != Resume::Complete {
            return;
        }
    }
}

/// Says of an answer that it waited: that time is no measure of the server.
pub(super) fn mark(response: &mut HttpResponse) {
    response.extensions_mut().insert(Waiting::LongPoll);
}

/// Events, from now on.
pub(super) fn events(asked: Asked) -> Answer {
    let mut response = push::event_head();
    if asked.is_head() {
        return Ok(response.body(NoBody::new()));
    }
    let reader = asked.reader();
    let open = asked.service.open_stream(&asked.request, Waiting::Sse)?;
    let events = asked.subscribe()?;
    let telling = match asked.what {
        What::Bus(_) => Telling::Bus,
        What::Channel(..) => Telling::Channel,
        What::Channels(_, set) => Telling::Channels(set),
    };
    response.extensions_mut().insert(Waiting::Sse);
    Ok(response.body(EventStream::new(
        asked.service,
        &telling,
        asked.version.shows(),
        Source::Chosen(events),
        (reader, None),
        open,
    )))
}
