//! What a token lets see as events, and when that ends.

use std::pin::pin;
use std::time::Duration;

use actix_web::body::None as NoBody;
use actix_web::{HttpResponse, web};
use futures::future::select;
use tokio::time::sleep;

use super::access::Access;
use super::messages::Asked;
use crate::error::ApiError;
use crate::protocol::push::{self, Ends, EventStream, Reason, Source, Telling};
use crate::protocol::shown::Shows;
use crate::service::{Reader, Service, Waiting};

/// How long whoever was told of a change waits before it looks: many changes are one look, well within a second.
const GATHERING: Duration = Duration::from_millis(250);
/// The longest time before the clock is looked at again, which may have been set.
const LOOKING: Duration = Duration::from_mins(1);

/// Events, from now on.
pub(super) fn events(asked: Asked) -> Result<HttpResponse, ApiError> {
    let mut response = push::event_head();
    if asked.is_head() {
        return Ok(response.body(NoBody::new()));
    }
    let open = asked.service.open_stream(&asked.request, Waiting::Sse)?;
    let events = Source::Granted(asked.subscribe()?);
    let readers = (reader_of(&asked), Some(Ends::with(ends(&asked.service, &asked.access))));
    response.extensions_mut().insert(Waiting::Sse);
    let shows = Shows::Object(asked.object);
    Ok(response.body(EventStream::new(asked.service, &Telling::Bus, shows, events, readers, open)))
}

/// Whoever waits, and the page that does.
pub(super) fn reader_of(asked: &Asked) -> Reader {
    match asked.access.page_bus() {
        Some(bus) => Reader::of_channels().on_page(bus, asked.request.headers()),
        None => Reader::of_channels(),
    }
}

/// Completes once the token is good no longer: within a second after it was revoked, what it was granted was taken back, or its time
/// is over.
pub(super) fn ends(
    service: &web::Data<Service>,
    access: &Access,
) -> impl Future<Output = Reason> + use<> + 'static {
    let (service, access) = (service.clone(), access.clone());
    async move {
        let mut changes = service.authority().changes();
        loop {
            // It listens already: no change is missed between this look and the wait.
            let left = match access.left(&service) {
                Ok(left) => left,
                Err(reason) => return reason,
            };
            select(pin!(sleep(left.min(LOOKING))), pin!(changes.changed())).await;
            sleep(left.min(GATHERING)).await;
        }
    }
}
