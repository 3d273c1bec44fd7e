//! What the server answers, described: `/openapi.json` for programs, in `OpenAPI` 3.1, and `/openapi` for people.
//!
//! Each listener describes what it answers, and the one for operators everything: what there is to be made, and by whom, is nothing that
//! strangers have to be told. The build makes the files (`build.rs`, crate `backplane-openapi`).

use std::future::{Ready, ready};
use std::sync::{Arc, LazyLock};

use actix_web::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue};
use actix_web::web::ServiceConfig;
use actix_web::{HttpRequest, HttpResponse};

use super::assets::{Asset, Keep, made};
use crate::http::{CROSS_ORIGIN, RESOURCE_POLICY, get_or_head, mark_page};
use crate::service::{Matched, Service, readable};

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JSON: &str = "application/json";

/// Whose calls are described.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Described {
    /// What [`Backplane::routes`](crate::Backplane::routes) and [`Backplane::operations`](crate::Backplane::operations) answer.
    Public,
    /// And [`Backplane::historical_provisioning`](crate::Backplane::historical_provisioning).
    PublicWithProvisioning,
    /// Everything.
    Operators,
}

/// A description, for programs and for people.
struct Description {
    json: Asset,
    page: Asset,
}

impl Description {
    fn of(json: [&'static [u8]; 2], page: [&'static [u8]; 2]) -> Self {
        Self { json: Asset::new(JSON, Keep::AskAgain, json), page: Asset::new(HTML, Keep::AskAgain, page) }
    }
}

static PUBLIC: LazyLock<Description> =
    LazyLock::new(|| Description::of(made!("openapi-public.json"), made!("openapi-public.html")));
static PROVISIONING: LazyLock<Description> =
    LazyLock::new(|| Description::of(made!("openapi-provisioning.json"), made!("openapi-provisioning.html")));
static OPERATORS: LazyLock<Description> =
    LazyLock::new(|| Description::of(made!("openapi-operators.json"), made!("openapi-operators.html")));
static STYLE: LazyLock<Asset> = LazyLock::new(|| Asset::new(CSS, Keep::AskAgain, made!("openapi.css")));

/// Adds the description.
pub(crate) fn routes(service: &Arc<Service>, described: Described, config: &mut ServiceConfig) {
    let description = match described {
        Described::Public => &PUBLIC,
        Described::PublicWithProvisioning => &PROVISIONING,
        Described::Operators => &OPERATORS,
    };
    let is_for_all = described != Described::Operators;
    let json = get_or_head().to(move |request: HttpRequest| json(description, is_for_all, &request));
    let page = get_or_head().to(move |request: HttpRequest| page(description, &request));
    let style = get_or_head().to(|request: HttpRequest| ready(STYLE.answer(&request)));
    config
        .service(readable("/openapi.json", Matched::Description, service, json))
        .service(readable("/openapi", Matched::Description, service, page))
        .service(readable("/openapi.css", Matched::Description, service, style));
}

/// What anybody may have, tools that run in a page of another origin may have, too.
fn json(description: &LazyLock<Description>, is_for_all: bool, request: &HttpRequest) -> Ready<HttpResponse> {
    let mut response = description.json.answer(request);
    if is_for_all {
        let headers = response.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        headers.insert(RESOURCE_POLICY, CROSS_ORIGIN);
    }
    ready(response)
}

fn page(description: &LazyLock<Description>, request: &HttpRequest) -> Ready<HttpResponse> {
    let mut response = description.page.answer(request);
    mark_page(response.headers_mut());
    ready(response)
}
