//! `POST` on a channel.

use std::sync::Arc;
use std::time::Instant;

use actix_web::http::header::ContentType;
use actix_web::{HttpRequest, HttpResponse, web};
use backplane_actors::{ChannelName, Posting};

use super::answer::Answer;
use super::version::Version;
use crate::auth::{Right, UserName};
use crate::error::ApiError;
use crate::http::{BodyBounds, read_body};
use crate::protocol::media::{self, Forms};
use crate::protocol::quota::tell_quota;
use crate::protocol::{bus_of, channel_of, posting};
use crate::service::{Bus, Holder, Service, Work};

/// Posts an array of messages: all of them or none (RET-7). Answers with the array of their ids.
pub(super) async fn post(
    version: Version,
    service: web::Data<Service>,
    request: HttpRequest,
    payload: web::Payload,
) -> Answer {
    // Who may not post is told so before the body is read, and the connection ends without it.
    let (user, bus, channel) = admit(&service, &request).await.map_err(ApiError::closing)?;
    let quota = service.take_quota(Work::Post, &request, Some(&user.poster()), &bus);
    let quota = quota.map_err(ApiError::closing)?;
    let limits = service.limits();
    let bounds = BodyBounds { most: limits.body, deadline: limits.body_timeout };
    let sender = Holder::User(user.clone());
    let body = read_body(&request, payload, bounds, service.traffic(), sender).await?;
    let key = posting::key_in(&request, &body.bytes)?;
    let messages = posting::parse(&service, &user, &bus, version.promises(), body).await?;
    let posting = Posting { poster: user.poster(), channel, messages, key };
    #[expect(clippy::disallowed_methods, reason = "only measured")]
    let proposed = Instant::now();
    let posted = bus.handle().post(posting).await?;
    let mut response = HttpResponse::Ok();
    response.insert_header(ContentType::json());
    posting::tell(&mut response, &service, proposed.elapsed());
    let mut response = response.body(posting::ids(posted));
    tell_quota(&mut response, quota);
    Ok(response)
}

/// All that the head of the request decides.
async fn admit(
    service: &Service,
    request: &HttpRequest,
) -> Result<(UserName, Arc<Bus>, ChannelName), ApiError> {
    let user = service.authenticate(request).await?;
    let bus = bus_of(service, request)?;
    service.authorize(request, &user, &bus, Right::Post)?;
    let channel = channel_of(request)?;
    media::check(request.headers(), Forms::AreJson)?;
    Ok((user, bus, channel))
}
