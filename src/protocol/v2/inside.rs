//! A client whose server is in this process: it goes by a token and by the rules that hold over HTTP, but nothing travels.

use actix_web::HttpRequest;
use backplane_actors::{BusName, ChannelName, MessageId};
use serde_json::Value;
use serde_json::value::to_raw_value;

use super::access::Access;
use super::one::text_of;
use super::post::{Wish, is_bound, posting_of, reached, refused};
use super::public::object_of;
use super::token::client::of_authority;
use crate::access::{ClientName, Scope, TokenText};
use crate::error::{ApiError, ErrorCode};
use crate::service::Service;

/// A message of a client in this process. Its bus and its payload are known, its source is registered.
pub(crate) struct Outgoing<'m> {
    pub(crate) kind: &'m str,
    pub(crate) bus: &'m BusName,
    pub(crate) channel: ChannelName,
    pub(crate) payload: &'m Value,
    pub(crate) sticky: bool,
}

/// A client with a token.
pub(crate) struct Inside<'s> {
    service: &'s Service,
    access: Access,
}

/// A token for all that this client was granted (V2-TOK-1). Who it is needs no proof here.
pub(crate) async fn token_for(service: &Service, client: ClientName) -> Result<TokenText, ApiError> {
    let issued = service.authority().client_credentials(client, Scope::default()).await;
    Ok(issued.map_err(of_authority)?.access)
}

impl<'s> Inside<'s> {
    /// Whoever has this token, if it is good.
    pub(crate) fn with(service: &'s Service, token: &TokenText) -> Result<Self, ApiError> {
        let access = Access::client(service, token.as_str())?;
        Ok(Self { service, access })
    }

    /// Posts a message as `POST /v2/message` does (V2-POST-1 to V2-POST-3).
    pub(crate) async fn post(&self, message: Outgoing<'_>) -> Result<MessageId, ApiError> {
        let Access::Client { who, .. } = &self.access else {
            return Err(ApiError::new(ErrorCode::InsufficientScope, "a page's token cannot post"));
        };
        let bus = reached(&self.access, message.bus)?;
        is_bound(self.service, &bus, &message.channel)?;
        let source = who.source(self.service)?;
        let payload = to_raw_value(message.payload)
            .map_err(|error| ApiError::new(ErrorCode::InvalidMessage, error.to_string()))?;
        let wish = Wish {
            kind: message.kind.to_owned(),
            bus: message.bus.clone(),
            channel: message.channel,
            payload: &payload,
            sticky: Some(message.sticky),
            expire: None,
        };
        let posting = posting_of(self.service, &bus, (who, &source), wish)?;
        let posted = bus.handle().post(posting).await.map_err(refused)?;
        posted.last().ok_or_else(|| ApiError::new(ErrorCode::InternalError, "a message got no id"))
    }

    /// The JSON text of the message at this URL, as `GET /v2/message/<id>` answers it (V2-ONE-1). Whoever names the URL may name any: only those of
    /// this server's messages are taken, as whoever asks calls it, and nothing is fetched from anywhere else.
    pub(crate) async fn message_at(&self, url: &str, request: &HttpRequest) -> Result<String, ApiError> {
        let object = object_of(self.service, request, true)?;
        let id: Option<MessageId> = url.strip_prefix(&*object.urls).and_then(|id| id.parse().ok());
        let id = id.ok_or_else(|| {
            let text = format!("the URL of a message of this server is {}<id>", object.urls);
            ApiError::new(ErrorCode::InvalidRequest, text)
        })?;
        text_of(self.service, &self.access, id, object).await
    }
}
