//! What operators and their probes ask: `/healthz`, `/readyz`, `/metrics`.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::header::{CONTENT_TYPE, ContentType, HeaderValue};
use actix_web::web::{self, ServiceConfig};

use super::readiness::Ability;
use super::{Matched, Service, readable};
use crate::error::{ApiError, ErrorCode};
use crate::http::get_or_head;

/// Of the format that [`super::metrics::Metrics::encode`] writes.
const OPEN_METRICS: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

/// Adds the probes.
pub(crate) fn routes(service: &Arc<Service>, config: &mut ServiceConfig) {
    probe(service, config, "/healthz", get_or_head().to(alive));
    probe(service, config, "/readyz", get_or_head().to(ready));
}

/// Adds the metrics, which are for operators alone.
pub(crate) fn metrics_routes(service: &Arc<Service>, config: &mut ServiceConfig) {
    probe(service, config, "/metrics", get_or_head().to(metrics));
}

fn probe(service: &Arc<Service>, config: &mut ServiceConfig, path: &str, route: actix_web::Route) {
    config.service(readable(path, Matched::Operations, service, route));
}

async fn alive() -> &'static str {
    "alive\n"
}

/// The first word says it; only who is unable is to be passed by.
async fn ready(service: web::Data<Service>) -> HttpResponse {
    let (mut answer, text) = match service.ability().await {
        Ability::Able => (HttpResponse::Ok(), "able\n".to_owned()),
        Ability::Degraded(why) => (HttpResponse::Ok(), format!("degraded: {why}\n")),
        Ability::Unable(why) => {
            (ApiError::new(ErrorCode::Unavailable, "").head(), format!("unable: {why}\n"))
        }
    };
    answer.content_type(ContentType::plaintext()).body(text)
}

async fn metrics(service: web::Data<Service>) -> Result<HttpResponse, ApiError> {
    let text = service.metrics().encode();
    let text =
        text.map_err(|_| ApiError::new(ErrorCode::InternalError, "the metrics could not be written"))?;
    Ok(HttpResponse::Ok().insert_header((CONTENT_TYPE, OPEN_METRICS)).body(text))
}
