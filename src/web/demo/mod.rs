//! The page at `/` of a server without configuration: widgets of three vendors that hear of a sign-in and of comments.
//!
//! It stands for a customer's site. What happens is posted by this server, as the vendors' own would do it; the
//! widgets get it through the browser library like any page.
//!
//! | file | what lives there |
//! |---|---|
//! | `vendors` | the servers of two vendors: sign-ins and comments |
//! | `page.html`, `style.css` | the page |
//! | `page.js` | what the page shows of itself: what it was told, its channel, its connection |
//! | `widgets.js` | three widgets, each as its vendor would write it |
//! | `way.js` | the drawing of a message's way |
//! | `wire.js` | the streams of all tabs, counted and cut |

mod vendors;

use std::future::ready;
use std::sync::{Arc, LazyLock};

use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use backplane_actors::{Broker, BusName};

use crate::http::{get_or_head, mark_page};
use crate::service::{Matched, Service, resource};
use crate::web::assets::{Asset, Keep, file};

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

static PAGE: LazyLock<Asset> = LazyLock::new(|| Asset::new(HTML, Keep::AskAgain, file!("", "page.html")));
/// What the page loads, by name below `/demo/`.
static FILES: LazyLock<[(&str, Asset); 5]> = LazyLock::new(|| {
    [
        ("style.css", Asset::new(CSS, Keep::AskAgain, file!("", "style.css"))),
        ("page.js", Asset::new(JAVASCRIPT, Keep::AskAgain, file!("", "page.js"))),
        ("widgets.js", Asset::new(JAVASCRIPT, Keep::AskAgain, file!("", "widgets.js"))),
        ("way.js", Asset::new(JAVASCRIPT, Keep::AskAgain, file!("", "way.js"))),
        ("wire.js", Asset::new(JAVASCRIPT, Keep::AskAgain, file!("", "wire.js"))),
    ]
});

/// What the demonstration posts to.
pub(crate) struct Stage {
    pub(crate) broker: Broker,
    pub(crate) bus: BusName,
}

/// Adds the page and what belongs to it.
pub(crate) fn routes(service: &Arc<Service>, stage: Stage, config: &mut ServiceConfig) {
    config.app_data(web::Data::new(stage));
    let page = get_or_head().to(|request: HttpRequest| ready(page(&request)));
    config.service(resource("/", Matched::Demo, service).route(page));
    for (name, asset) in FILES.iter() {
        let file = get_or_head().to(move |request: HttpRequest| ready(asset.answer(&request)));
        config.service(resource(&format!("/demo/{name}"), Matched::Demo, service).route(file));
    }
    for (path, vendor) in [
        ("/demo/sign-in", web::post().to(vendors::sign_in)),
        ("/demo/comment", web::post().to(vendors::comment)),
    ] {
        let posts = resource(path, Matched::Demo, service).app_data(vendors::json_only());
        config.service(posts.route(vendor));
    }
}

fn page(request: &HttpRequest) -> HttpResponse {
    let mut response = PAGE.answer(request);
    mark_page(response.headers_mut());
    response
}
