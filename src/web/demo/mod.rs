//! The pages of a server without configuration: widgets of three vendors that hear of a sign-in, at `/` by versions 1.x, at `/demo/identity` by 2.0.
//!
//! They stand for a customer's site. What happens is posted by this server, as the vendors' own would do it; the
//! widgets get it through the browser library like any page.
//!
//! | file | what lives there |
//! |---|---|
//! | `cast` | who there is: an admin, and the vendors as clients of version 2.0 |
//! | `vendors` | the servers of two vendors: sign-ins and comments |
//! | `identity` | the servers of three vendors in version 2.0: who signs in and out, and what is fetched of that |
//! | `style.css` | how both pages look |
//! | `page.html` | the page of versions 1.x |
//! | `page.js` | what it shows of itself: what it was told, its channel, its connection |
//! | `widgets.js` | its three widgets, each as its vendor would write it |
//! | `way.js` | the drawing of a message's way |
//! | `wire.js` | the streams of all tabs, counted and cut |
//! | `identity.html` | the page of version 2.0 |
//! | `identity.js` | what it shows of itself: who got what, its channel, its connection |
//! | `widgets2.js` | its three widgets |
//! | `lanes.js`, `lanes.css` | the drawing of what went where, and when |

mod cast;
mod identity;
mod vendors;

use std::future::ready;
use std::sync::{Arc, LazyLock};

use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use backplane_actors::{Broker, BusName};

use self::cast::VENDORS;
pub(crate) use self::cast::cast;
use self::identity::Vendor;
use crate::http::{get_or_head, mark_page};
use crate::service::{Matched, Service, readable, resource};
use crate::web::assets::{Asset, Keep, file, made};

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

/// The pages, by path.
static PAGES: LazyLock<[(&str, Asset); 2]> = LazyLock::new(|| {
    [
        ("/", Asset::new(HTML, Keep::AskAgain, file!("", "page.html"))),
        ("/demo/identity", Asset::new(HTML, Keep::AskAgain, file!("", "identity.html"))),
    ]
});
/// What they load, by name below `/demo/`.
static FILES: LazyLock<[(&str, Asset); 9]> = LazyLock::new(|| {
    [
        ("style.css", Asset::new(CSS, Keep::AskAgain, made!("style.css"))),
        ("page.js", Asset::new(JAVASCRIPT, Keep::AskAgain, file!("", "page.js"))),
        ("widgets.js", Asset::new(JAVASCRIPT, Keep::AskAgain, file!("", "widgets.js"))),
        ("way.js", Asset::new(JAVASCRIPT, Keep::AskAgain, file!("", "way.js"))),
        ("wire.js", Asset::new(JAVASCRIPT, Keep::AskAgain, file!("", "wire.js"))),
        ("identity.js", Asset::new(JAVASCRIPT, Keep::AskAgain, file!("", "identity.js"))),
        ("widgets2.js", Asset::new(JAVASCRIPT, Keep::AskAgain, file!("", "widgets2.js"))),
        ("lanes.js", Asset::new(JAVASCRIPT, Keep::AskAgain, file!("", "lanes.js"))),
        ("lanes.css", Asset::new(CSS, Keep::AskAgain, file!("", "lanes.css"))),
    ]
});

/// Where all of it happens.
pub(crate) struct Stage {
    broker: Broker,
    bus: BusName,
    /// In the order of [`cast::VENDORS`].
    vendors: [Vendor; VENDORS.len()],
}

impl Stage {
    /// On this bus.
    pub(crate) fn new(broker: Broker, bus: BusName) -> Self {
        Self { broker, bus, vendors: Default::default() }
    }
}

/// Adds the pages and what belongs to them.
pub(crate) fn routes(service: &Arc<Service>, stage: Stage, config: &mut ServiceConfig) {
    config.app_data(web::Data::new(stage)).app_data(web::Data::from(Arc::clone(service)));
    for (path, asset) in PAGES.iter() {
        let page = get_or_head().to(move |request: HttpRequest| ready(page(asset, &request)));
        config.service(readable(path, Matched::Demo, service, page));
    }
    for (name, asset) in FILES.iter() {
        let file = get_or_head().to(move |request: HttpRequest| ready(asset.answer(&request)));
        config.service(readable(&format!("/demo/{name}"), Matched::Demo, service, file));
    }
    for (path, wanted, vendor) in [
        ("/demo/sign-in", vendors::WANTED, web::post().to(vendors::sign_in)),
        ("/demo/comment", vendors::WANTED, web::post().to(vendors::comment)),
        ("/demo/login.example/login", identity::WANTED, web::post().to(identity::login)),
        ("/demo/login.example/logout", identity::WANTED, web::post().to(identity::logout)),
        ("/demo/{vendor}/session", identity::WANTED, web::post().to(identity::session)),
        ("/demo/{vendor}/seen", identity::WANTED, web::post().to(identity::seen)),
    ] {
        let calls = resource(path, Matched::Demo, service).app_data(vendors::json_only(wanted));
        config.service(calls.route(vendor));
    }
}

fn page(asset: &Asset, request: &HttpRequest) -> HttpResponse {
    let mut response = asset.answer(request);
    mark_page(response.headers_mut());
    response
}
