//! What a client posts over its connection: by the same checks as a POST, and answered by its `ref`.

use std::sync::Arc;
use std::task::{Context, Poll};

use actix_web::HttpRequest;
use actix_web::web::{Bytes, Data};
use backplane_actors::{BusHandle, Posted, Posting, PromiseRule};
use futures::FutureExt as _;
use futures::future::LocalBoxFuture;
use futures::stream::{FuturesUnordered, StreamExt as _};

use super::ask::Publish;
use super::tell;
use crate::auth::{Right, UserName};
use crate::error::{ApiError, ErrorCode};
use crate::http::{Body, NoRoom};
use crate::protocol::posting;
use crate::service::{Bus, Connection, Holder, Service, Work};

/// Most that wait for the log at the same time. As long as so many do, no text of this client is read.
const MOST: usize = 16;

/// Who posts, and to which bus, as the request said that opened the connection.
pub(crate) struct Poster {
    pub(crate) user: UserName,
    pub(crate) request: HttpRequest,
    pub(crate) bus: Arc<Bus>,
}

/// What may be posted, and where.
type Checked = (BusHandle, Posting);

/// What is on its way to the bus.
pub(super) struct Posts {
    service: Data<Service>,
    /// Whose posts wait among others', if there is a door.
    connection: Option<Connection>,
    poster: Option<Poster>,
    promises: PromiseRule,
    /// One at a time is checked, so that they reach the bus in the order in which they came.
    checked: Option<LocalBoxFuture<'static, (String, Result<Checked, ApiError>)>>,
    under_way: FuturesUnordered<LocalBoxFuture<'static, (String, Result<Posted, ApiError>)>>,
}

impl Posts {
    pub(super) fn new(
        service: Data<Service>,
        connection: Option<Connection>,
        poster: Option<Poster>,
        promises: PromiseRule,
    ) -> Self {
        Self { service, connection, poster, promises, checked: None, under_way: FuturesUnordered::new() }
    }

    /// Whether another one may come.
    pub(super) fn have_room(&self) -> bool {
        self.checked.is_none() && self.under_way.len() < MOST
    }

    /// Whether nothing is on its way.
    pub(super) fn are_done(&self) -> bool {
        self.checked.is_none() && self.under_way.is_empty()
    }

    /// Takes another one. To be asked for room before.
    pub(super) fn take(&mut self, publish: Publish) -> Result<(), (String, ApiError)> {
        let Publish { reference, channel, messages, key } = publish;
        let refuse = |error| (reference.clone(), error);
        let Some(Poster { user, request, bus }) = &self.poster else {
            let text = "publishing needs credentials: the connection was opened without any, or by a page whose origin \
                        is not named in allowed_origins";
            return Err(refuse(ApiError::new(ErrorCode::CredentialsRequired, text)));
        };
        self.service.authorize(request, user, bus, Right::Post).map_err(refuse)?;
        // By the quota of the bus as it is now: the connection may be older.
        let now = self.service.bus(bus.name().as_str());
        let now = now.as_ref().unwrap_or(bus);
        self.service.take_quota(Work::Post, request, Some(&user.poster()), now).map_err(refuse)?;
        let key = key.map(|key| posting::key_of(&key, &messages)).transpose().map_err(refuse)?;
        let lease = self.service.traffic().take(Holder::User(user.clone()), messages.len());
        let lease = lease.map_err(|NoRoom| refuse(ApiError::traffic_full()))?;
        let (service, bus, user) = (self.service.clone(), Arc::clone(bus), user.clone());
        let body = Body { bytes: messages, lease };
        let (connection, promises) = (self.connection.clone(), self.promises);
        self.checked = Some(Box::pin(async move {
            let messages = async {
                if let Some(connection) = connection {
                    connection.may_write().await?;
                }
                posting::parse(&service, &user, &bus, promises, body).await
            };
            let posting = |messages| Posting { poster: user.poster(), channel, messages, key };
            (reference, messages.await.map(|messages| (bus.handle().clone(), posting(messages))))
        }));
        Ok(())
    }

    /// The next answer, or `None`: something has gone on, and there may be room.
    pub(super) fn poll_answer(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if let Some(checked) = &mut self.checked
            && let Poll::Ready((reference, checked)) = checked.poll_unpin(context)
        {
            self.checked = None;
            let (bus, posting) = match checked {
                Ok(checked) => checked,
                Err(error) => return Poll::Ready(Some(tell::refused(Some(&reference), &error))),
            };
            self.under_way.push(Box::pin(async move {
                let posted = bus.post(posting).await;
                (reference, posted.map_err(ApiError::from))
            }));
            return Poll::Ready(None);
        }
        match self.under_way.poll_next_unpin(context) {
            Poll::Ready(Some((reference, Ok(posted)))) => {
                Poll::Ready(Some(tell::published(&reference, posted)))
            }
            Poll::Ready(Some((reference, Err(error)))) => {
                Poll::Ready(Some(tell::refused(Some(&reference), &error)))
            }
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }
}
