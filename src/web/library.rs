//! The browser library, as it is built in `client/dist`: a classic script for each version, a module, and the module's types.

use std::future::{Ready, ready};
use std::sync::{Arc, LazyLock};

use actix_web::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue};
use actix_web::web::ServiceConfig;
use actix_web::{HttpRequest, HttpResponse};

use super::assets::{Asset, Keep, file};
use crate::http::{CROSS_ORIGIN, RESOURCE_POLICY, get_or_head};
use crate::service::{Matched, Service, readable};

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
/// What other servers of types call them; there is no registered name.
const TYPESCRIPT: &str = "application/typescript; charset=utf-8";

static SCRIPT: LazyLock<Asset> =
    LazyLock::new(|| Asset::new(JAVASCRIPT, Keep::Hour, file!("../../client/dist/", "backplane.js")));
static SCRIPT_2: LazyLock<Asset> =
    LazyLock::new(|| Asset::new(JAVASCRIPT, Keep::Hour, file!("../../client/dist/", "backplane2.js")));
static MODULE: LazyLock<Asset> =
    LazyLock::new(|| Asset::new(JAVASCRIPT, Keep::Hour, file!("../../client/dist/", "backplane.mjs")));
static TYPES: LazyLock<Asset> =
    LazyLock::new(|| Asset::new(TYPESCRIPT, Keep::Hour, file!("../../client/dist/", "backplane.d.mts")));

/// Adds `/v1/backplane.js`, the script that pages load since 2011, also below the other versions and as `/backplane.js` (V1-ALIAS-1),
/// `/v2/backplane2.js` and `/backplane2.js`, that of version 2.0 by its historical name (V2-JS-1), `/backplane.mjs`, and `/backplane.d.mts`, where compilers look
/// for its types.
pub(crate) fn routes(service: &Arc<Service>, config: &mut ServiceConfig) {
    for (path, asset) in [
        ("/v1/backplane.js", &SCRIPT),
        ("/v1.1/backplane.js", &SCRIPT),
        ("/v1.2/backplane.js", &SCRIPT),
        ("/v1.3/backplane.js", &SCRIPT),
        ("/backplane.js", &SCRIPT),
        ("/v2/backplane2.js", &SCRIPT_2),
        ("/backplane2.js", &SCRIPT_2),
        ("/backplane.mjs", &MODULE),
        ("/backplane.d.mts", &TYPES),
    ] {
        let file = get_or_head().to(move |request: HttpRequest| serve(asset, &request));
        config.service(readable(path, Matched::Library, service, file));
    }
}

/// The same for everybody, so every origin may load it, also as a module.
fn serve(asset: &LazyLock<Asset>, request: &HttpRequest) -> Ready<HttpResponse> {
    let mut response = asset.answer(request);
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(RESOURCE_POLICY, CROSS_ORIGIN);
    ready(response)
}
