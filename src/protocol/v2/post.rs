//! `POST /v2/message`: a client posts one message (V2-POST-1 to V2-POST-3).

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use actix_web::http::header::LOCATION;
use actix_web::{HttpRequest, HttpResponse, web};
use backplane_actors::{
    Batch, BusName, ChannelName, EndError, EnvelopeCheck as _, Expire, Message, MessageError, MessageLimits,
    MessageParts, PostError, Posting, PromiseRule,
};
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::access::{Access, bearer};
use super::answer::Answer;
use super::public::object_of;
use super::who::Who;
use crate::access::foreign::Proposed;
use crate::access::{ClientUrl, TokenKind};
use crate::error::{ApiError, ErrorCode};
use crate::http::{BodyBounds, read_body};
use crate::protocol::media::{self, Forms};
use crate::protocol::posting::{self, key_in};
use crate::protocol::quota::tell_quota;
use crate::service::{Bus, Service, Work};

/// The fields of a message, in the order in which they are named when one is missing.
const FIELDS: [&str; 6] = ["type", "bus", "channel", "payload", "sticky", "expire"];
/// Those that must be there.
const REQUIRED: [&str; 4] = ["type", "bus", "channel", "payload"];

/// Posts a message.
pub(super) async fn post(service: web::Data<Service>, request: HttpRequest, payload: web::Payload) -> Answer {
    let access = admit(&service, &request).await.map_err(ApiError::closing)?;
    let Access::Client { who, .. } = &access else {
        return Err(ApiError::new(ErrorCode::InsufficientScope, "a page's token cannot post")
            .closing()
            .into());
    };
    let source = who.source(&service).map_err(ApiError::closing)?;
    media::check(request.headers(), Forms::AreForms).map_err(ApiError::closing)?;
    let limits = service.limits();
    let bounds = BodyBounds { most: limits.body, deadline: limits.body_timeout };
    let body = read_body(&request, payload, bounds, service.traffic(), who.holder()).await?;
    let wish = Wish::parse(&body.bytes)?;
    let bus = reached(&access, &wish.bus)?;
    is_bound(&service, &bus, &wish.channel)?;
    let quota = super::take_quota(&service, Work::Post, &request, &access)?;
    let posting = posting_of(&service, &bus, (who, &source), wish)?;
    let posting = Posting { key: key_in(&request, &body.bytes)?, ..posting };
    #[expect(clippy::disallowed_methods, reason = "only measured")]
    let began = Instant::now();
    let ids = bus.handle().post(posting).await.map_err(refused)?;
    let mut response = HttpResponse::Created();
    // Whoever has sent no Host is told no URL: the message is posted all the same.
    if let (Ok(object), Some(id)) = (object_of(&service, &request, true), ids.last()) {
        response.insert_header((LOCATION, object.url(id)));
    }
    posting::tell(&mut response, &service, began.elapsed());
    let mut response = response.finish();
    tell_quota(&mut response, quota);
    Ok(response)
}

/// The channel is one that a page was given on this bus (V2-POST-2).
pub(super) fn is_bound(service: &Service, bus: &Bus, channel: &ChannelName) -> Result<(), ApiError> {
    if service.pages().is_bound(channel, bus.name(), service.tenancy(bus.name())) {
        return Ok(());
    }
    Err(ApiError::new(ErrorCode::UnboundChannel, "Invalid bus - channel binding"))
}

/// What somebody posts to a bus: a message that the token lets post, with the source that is registered (V2-POST-3).
pub(super) fn posting_of(
    service: &Service,
    bus: &Bus,
    (who, source): (&Who, &ClientUrl),
    wish: Wish<'_>,
) -> Result<Posting, ApiError> {
    who.may_post(&Proposed {
        bus: bus.name(),
        channel: &wish.channel,
        source: source.as_str(),
        kind: &wish.kind,
        sticky: wish.sticky.unwrap_or_default(),
    })?;
    let limits = service.message_limits(bus, PromiseRule::Dated);
    bus.envelopes()
        .for_post()
        .bare()
        .map_err(|refusal| ApiError::new(ErrorCode::EnvelopeRefused, refusal.to_string()))?;
    let message = wish.message(source.as_str(), &limits)?;
    Ok(Posting { poster: who.poster()?, channel: wish.channel, messages: Batch::single(message), key: None })
}

/// An end beyond what the bus keeps is more than the client may have (RET-9).
pub(super) fn refused(error: PostError) -> ApiError {
    match error {
        PostError::End { error: end @ EndError::Beyond(_), .. } => {
            ApiError::new(ErrorCode::Forbidden, end.to_string())
        }
        PostError::End { error: end @ EndError::Over, .. } => {
            ApiError::new(ErrorCode::InvalidMessage, end.to_string())
        }
        other => other.into(),
    }
}

/// Who posts. A token of another kind is one, but not for this.
async fn admit(service: &Service, request: &HttpRequest) -> Result<Access, ApiError> {
    if let Some(token) = bearer(request.headers())?
        && matches!(TokenKind::of(token), Some(TokenKind::Refresh | TokenKind::PageRefresh | TokenKind::Code))
    {
        service.admit_credentials(request)?;
        return Err(ApiError::new(ErrorCode::InsufficientScope, "only an access token of a client can post"));
    }
    Access::of(service, request, None).await
}

/// The bus, if the token reaches it.
pub(super) fn reached(access: &Access, name: &BusName) -> Result<Arc<Bus>, ApiError> {
    access.buses().iter().find(|bus| bus.name() == name).cloned().ok_or_else(|| {
        ApiError::new(ErrorCode::InsufficientScope, "this token does not reach the bus of the message")
    })
}

/// What is to be posted.
pub(super) struct Wish<'b> {
    pub(super) kind: String,
    pub(super) bus: BusName,
    pub(super) channel: ChannelName,
    pub(super) payload: &'b RawValue,
    pub(super) sticky: Option<bool>,
    pub(super) expire: Option<Expire>,
}

/// The members of an object, each there once: of two, readers differ about which counts.
struct Members<'b>(BTreeMap<String, &'b RawValue>);

impl<'b> Deserialize<'b> for Members<'b> {
    fn deserialize<D: Deserializer<'b>>(deserializer: D) -> Result<Self, D::Error> {
        struct Once;
        impl<'b> Visitor<'b> for Once {
            type Value = Members<'b>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'b>>(self, mut map: A) -> Result<Members<'b>, A::Error> {
                let mut members = BTreeMap::new();
                while let Some((name, value)) = map.next_entry()? {
                    if members.insert(name, value).is_some() {
                        return Err(A::Error::custom("a member is there twice"));
                    }
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Once)
    }
}

impl<'b> Wish<'b> {
    fn parse(body: &'b [u8]) -> Result<Self, ApiError> {
        let refuse = |text: String| ApiError::new(ErrorCode::InvalidMessage, text);
        let Members(outer) = serde_json::from_slice(body).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            refuse(format!(
                "the body must be {{\"message\": {{…}}}}; something is wrong at line {line}, column {column}"
            ))
        })?;
        if outer.len() != 1 {
            return Err(refuse("the body has one field, message".to_owned()));
        }
        let message =
            outer.get("message").ok_or_else(|| refuse("the field message is missing".to_owned()))?;
        let Members(fields) = serde_json::from_str(message.get()).map_err(|_| {
            refuse("the field message must be an object with each of its fields once".to_owned())
        })?;
        if !fields.keys().all(|name| FIELDS.contains(&name.as_str())) {
            let known = FIELDS.join(", ");
            return Err(refuse(format!("a message has the fields {known}, and no others")));
        }
        if let Some(missing) = REQUIRED.into_iter().find(|name| !fields.contains_key(*name)) {
            return Err(refuse(format!("the message has no field {missing}")));
        }
        let text = |name: &str| -> Result<String, ApiError> {
            let raw = fields.get(name).map_or("", |raw| raw.get());
            let text: String =
                serde_json::from_str(raw).map_err(|_| refuse(format!("{name} must be a text")))?;
            if text.contains(' ') {
                return Err(refuse(format!("{name} must have no spaces (MSG-9)")));
            }
            Ok(text)
        };
        let bus = text("bus")?.parse().map_err(|error| refuse(format!("bus: {error}")))?;
        let channel = text("channel")?.parse().map_err(|error| refuse(format!("channel: {error}")))?;
        let sticky = fields.get("sticky").map(|raw| match raw.get() {
            "true" | "\"true\"" => Ok(true),
            "false" | "\"false\"" => Ok(false),
            _ => Err(refuse("sticky must be true or false".to_owned())),
        });
        let expire = fields
            .contains_key("expire")
            .then(|| text("expire")?.parse().map_err(|error| refuse(format!("expire: {error}"))));
        let payload = fields.get("payload").copied().ok_or_else(|| refuse("payload".to_owned()))?;
        let (sticky, expire) = (sticky.transpose()?, expire.transpose()?);
        Ok(Self { kind: text("type")?, bus, channel, payload, sticky, expire })
    }

    /// The message, with the source that is registered for the client (V2-POST-3).
    fn message(&self, source: &str, limits: &MessageLimits) -> Result<Message, ApiError> {
        let Self { kind, payload, sticky, expire, .. } = self;
        let parts = MessageParts { source, kind, payload, sticky: *sticky, expire: *expire };
        Message::of_parts(&parts, limits).map_err(|error| {
            let code = if matches!(error, MessageError::TooLarge { .. }) {
                ErrorCode::MessageTooLarge
            } else {
                ErrorCode::InvalidMessage
            };
            ApiError::new(code, error.to_string())
        })
    }
}
