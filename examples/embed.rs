//! A shop with pages of its own that has Backplane inside: the protocol is mounted under `/backplane`, and
//! the shop's own code posts to a visitor's channel and reads it without HTTP.
//!
//! ```text
//! cargo run --example embed
//! curl -c jar -b jar http://127.0.0.1:8081/                     # a page; the visitor gets a session
//! curl -c jar -b jar -X POST http://127.0.0.1:8081/sign-in/Ann  # the shop tells the visitor's widgets
//! curl http://127.0.0.1:8081/backplane/v1/bus/shop/channel/<the session shown by the page>
//! curl http://127.0.0.1:8081/statistics
//! ```

use std::net::{Ipv4Addr, TcpListener};

use actix_web::cookie::Cookie;
use actix_web::{App, HttpRequest, HttpResponse, error, web};
use aws_lc_rs::rand;
use backplane::Backplane;
use backplane::config::{Bus, Config};
use backplane_actors::{Batch, Broker, BusName, ChannelName, Message, MessageLimits, Poster, Posting, Since};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The cookie that holds a visitor's channel.
const SESSION: &str = "session";

/// What the shop's handlers share.
struct Shop {
    broker: Broker,
    bus: BusName,
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let bus: BusName = "shop".parse()?;
    // The configuration that `backplane serve` would read from a file, put together by the application.
    let mut config = Config::demo()?;
    let like_demo = config.buses.pop().ok_or("the demonstration has a bus")?;
    config.buses = vec![Bus { name: bus.clone(), ..like_demo }];

    let backplane = Backplane::start(&config)?;
    let shop = web::Data::new(Shop { broker: backplane.broker().clone(), bus });
    let port = std::env::args().nth(1).map_or(Ok(8081), |port| port.parse())?;

    let mounted = backplane.clone();
    let application = move || {
        App::new()
            .app_data(shop.clone())
            .route("/", web::get().to(front_page))
            .route("/sign-in/{name}", web::post().to(sign_in))
            .route("/statistics", web::get().to(statistics))
            .service(web::scope("/backplane").configure(mounted.routes()))
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    println!("The shop is open: http://{}/", listener.local_addr()?);
    backplane.door().serve(application).listen(listener)?.run().await?;

    backplane.shutdown().await;
    Ok(())
}

/// Shows the visitor what was last said on the visitor's channel.
async fn front_page(shop: web::Data<Shop>, request: HttpRequest) -> actix_web::Result<HttpResponse> {
    let channel = match session(&request) {
        Some(channel) => channel,
        None => new_session()?,
    };
    let page = shop.broker.read_channel(&shop.bus, &channel, Since::Start).await;
    let page = page.map_err(error::ErrorServiceUnavailable)?;
    let last = page.entries.last().map_or("nothing yet", |entry| entry.message().as_str());
    Ok(HttpResponse::Ok()
        .cookie(Cookie::build(SESSION, channel.as_str().to_owned()).path("/").http_only(true).finish())
        .body(format!("Your channel: {}\nThe last message on it: {last}\n", channel.as_str())))
}

/// Tells all widgets of the visitor's page who has signed in.
async fn sign_in(
    shop: web::Data<Shop>,
    request: HttpRequest,
    name: web::Path<String>,
) -> actix_web::Result<HttpResponse> {
    let channel = session(&request).ok_or_else(|| error::ErrorBadRequest("open the front page first\n"))?;
    let payload = serde_json::json!({ "identities": { "entry": { "displayName": *name } } });
    let message = Message::new("https://shop.example", "identity/login", &payload, &MessageLimits::default());
    let messages = Batch::single(message.map_err(error::ErrorBadRequest)?);
    let posted =
        shop.broker.post(&shop.bus, Posting { poster: Poster::nobody(), channel, messages, key: None }).await;
    let posted = posted.map_err(error::ErrorServiceUnavailable)?;
    let ids: Vec<_> = posted.ids().map(|id| id.to_string()).collect();
    Ok(HttpResponse::Ok().body(format!("posted as {}\n", ids.join(", "))))
}

async fn statistics(shop: web::Data<Shop>) -> HttpResponse {
    HttpResponse::Ok().body(format!("{:#?}\n", shop.broker.bus_stats(&shop.bus)))
}

fn session(request: &HttpRequest) -> Option<ChannelName> {
    request.cookie(SESSION)?.value().parse().ok()
}

/// A channel name that nobody can guess.
fn new_session() -> actix_web::Result<ChannelName> {
    let mut bytes = [0; 24];
    rand::fill(&mut bytes).map_err(|_| error::ErrorInternalServerError("no randomness"))?;
    URL_SAFE_NO_PAD.encode(bytes).parse().map_err(error::ErrorInternalServerError)
}
