//! Reads a request's body within its bounds.

use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::header::CONTENT_LENGTH;
use actix_web::web::{Bytes, Payload};
use futures::StreamExt as _;

use super::budget::{Budget, Lease, NoRoom};
use crate::error::{ApiError, ErrorCode};

/// Least room that a body of unknown length is given once it comes in pieces, in bytes.
const LEAST: usize = 16 * 1024;

/// What a body may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BodyBounds {
    /// Most bytes.
    pub(crate) most: usize,
    /// How long it may take to arrive.
    pub(crate) deadline: Duration,
}

/// A whole body, and the room that it takes as long as both are kept.
pub(crate) struct Body<H: Eq + Hash + Clone> {
    pub(crate) bytes: Bytes,
    pub(crate) lease: Lease<H>,
}

/// The whole body, within its bounds and within what its sender may hold of the budget (I-5).
///
/// A body whose length is declared is refused before its first byte is read, and so is one that finds no room; one in chunks
/// when it outgrows them. After a refusal the connection ends, so that a client cannot make the server swallow the rest.
pub(crate) async fn read_body<H: Eq + Hash + Clone>(
    request: &HttpRequest,
    payload: Payload,
    bounds: BodyBounds,
    budget: &Arc<Budget<H>>,
    sender: H,
) -> Result<Body<H>, ApiError> {
    let BodyBounds { most, deadline } = bounds;
    let declared =
        request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    let declared = declared.map(|length| usize::try_from(length).unwrap_or(usize::MAX));
    if declared.is_some_and(|length| length > most) {
        return Err(too_large(most));
    }
    let mut lease = budget.open(sender);
    lease.grow(declared.unwrap_or_default()).map_err(no_room)?;
    let read = collect(payload, declared, most, &mut lease);
    let bytes = tokio::time::timeout(deadline, read).await.unwrap_or_else(|_| {
        let text = format!("the body must arrive within {}", humantime::format_duration(deadline));
        Err(ApiError::new(ErrorCode::BodyTimeout, text).closing())
    })?;
    Ok(Body { bytes, lease })
}

async fn collect<H: Eq + Hash + Clone>(
    mut payload: Payload,
    declared: Option<usize>,
    most: usize,
    lease: &mut Lease<H>,
) -> Result<Bytes, ApiError> {
    let mut first = Bytes::new();
    let mut joined = Vec::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| {
            ApiError::new(ErrorCode::InvalidRequest, "the body ended before its announced end").closing()
        })?;
        let length = first.len() + joined.len() + chunk.len();
        if length > most {
            return Err(too_large(most));
        }
        // A body that comes in one piece, as nearly all do, is not copied.
        if first.is_empty() && joined.is_empty() {
            if declared.is_none() {
                lease.grow(chunk.len()).map_err(no_room)?;
            }
            first = chunk;
            continue;
        }
        if length > joined.capacity() {
            // All at once where the end is known: memory that is not written to yet costs next to nothing.
            let whole = declared.unwrap_or_else(|| (2 * length).max(LEAST).min(most)).max(length);
            if declared.is_none() {
                lease.grow(whole - joined.capacity().max(first.len())).map_err(no_room)?;
            }
            joined.reserve_exact(whole - joined.len());
        }
        joined.extend_from_slice(&std::mem::take(&mut first));
        joined.extend_from_slice(&chunk);
    }
    Ok(if joined.is_empty() { first } else { joined.into() })
}

fn too_large(most: usize) -> ApiError {
    ApiError::new(ErrorCode::BodyTooLarge, format!("the body may have at most {most} bytes")).closing()
}

fn no_room(_: NoRoom) -> ApiError {
    ApiError::traffic_full().closing()
}
