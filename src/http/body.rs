//! Reads a request's body within its bounds.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::header::CONTENT_LENGTH;
use actix_web::web::{Bytes, BytesMut, Payload};
use futures::StreamExt as _;

use crate::error::{ApiError, ErrorCode};

/// The whole body, of at most `most` bytes, arrived within `deadline` (I-5).
///
/// A body whose length is declared is refused before its first byte is read. After a refusal the
/// connection ends, so that a client cannot make the server swallow the rest.
pub(crate) async fn read_body(
    request: &HttpRequest,
    payload: Payload,
    most: usize,
    deadline: Duration,
) -> Result<Bytes, ApiError> {
    let declared =
        request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if declared.is_some_and(|length: u64| usize::try_from(length).map_or(true, |length| length > most)) {
        return Err(too_large(most));
    }
    tokio::time::timeout(deadline, collect(payload, most)).await.unwrap_or_else(|_| {
        let text = format!("the body must arrive within {}", humantime::format_duration(deadline));
        Err(ApiError::new(ErrorCode::BodyTimeout, text).closing())
    })
}

async fn collect(mut payload: Payload, most: usize) -> Result<Bytes, ApiError> {
    let mut first = Bytes::new();
    let mut joined = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| {
            ApiError::new(ErrorCode::InvalidRequest, "the body ended before its announced end").closing()
        })?;
        if first.len() + joined.len() + chunk.len() > most {
            return Err(too_large(most));
        }
        // A body that comes in one piece, as nearly all do, is not copied.
        if first.is_empty() && joined.is_empty() {
            first = chunk;
        } else {
            joined.extend_from_slice(&std::mem::take(&mut first));
            joined.extend_from_slice(&chunk);
        }
    }
    Ok(if joined.is_empty() { first } else { joined.freeze() })
}

fn too_large(most: usize) -> ApiError {
    ApiError::new(ErrorCode::BodyTooLarge, format!("the body may have at most {most} bytes")).closing()
}
