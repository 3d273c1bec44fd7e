//! What operators and their probes ask: `/healthz`, `/readyz`, `/metrics`.

use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};

use super::Service;
use super::metrics::Route;
use crate::error::{ApiError, ErrorCode};
use crate::http::get_or_head;

/// Of the format that [`super::metrics::Metrics::encode`] writes.
const OPEN_METRICS: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
const METHODS: &str = "GET, HEAD";

/// Adds the probes, and the metrics for requests from this machine.
pub(crate) fn routes(config: &mut ServiceConfig) {
    probe(config, "/healthz", get_or_head().to(alive));
    probe(config, "/readyz", get_or_head().to(ready));
    probe(config, "/metrics", get_or_head().to(local_metrics));
}

/// Adds the metrics alone, for a listener of their own.
pub(crate) fn metrics_routes(config: &mut ServiceConfig) {
    probe(config, "/metrics", get_or_head().to(metrics));
}

fn probe(config: &mut ServiceConfig, path: &str, route: actix_web::Route) {
    let refused = |service: web::Data<Service>| async move {
        service
            .observe(Route::Operations, async { Err(ApiError::method_not_allowed(METHODS).closing()) })
            .await
    };
    config.service(web::resource(path).route(route).default_service(web::to(refused)));
}

async fn alive() -> HttpResponse {
    HttpResponse::Ok().insert_header((CACHE_CONTROL, HeaderValue::from_static("no-store"))).body("alive\n")
}

async fn ready(service: web::Data<Service>) -> HttpResponse {
    let answer = async {
        service.ready().await?;
        Ok(HttpResponse::Ok()
            .insert_header((CACHE_CONTROL, HeaderValue::from_static("no-store")))
            .body("ready\n"))
    };
    service.observe(Route::Operations, answer).await
}

async fn local_metrics(service: web::Data<Service>, request: HttpRequest) -> HttpResponse {
    if Service::is_local(&request) {
        return metrics(service).await;
    }
    let description = "metrics are served to this machine, and on the listener that [metrics] names";
    service.observe(Route::Operations, async { Err(ApiError::new(ErrorCode::NotFound, description)) }).await
}

async fn metrics(service: web::Data<Service>) -> HttpResponse {
    let answer = async {
        let text = service.metrics().encode();
        let text =
            text.map_err(|_| ApiError::new(ErrorCode::InternalError, "the metrics could not be written"))?;
        Ok(HttpResponse::Ok().insert_header((CONTENT_TYPE, OPEN_METRICS)).body(text))
    };
    service.observe(Route::Operations, answer).await
}
