//! Owners of buses let clients use them on pages (V2-AUTHZ-1, V2-TOK-3).

mod flow;
mod forms;
mod grants;
mod pages;
mod sessions;

use reqwest::header::{COOKIE, HeaderMap, LOCATION, SET_COOKIE};
use reqwest::redirect::Policy;
use serde_json::json;
use testkit::{BUS, Client, OTHER_BUS, Reply, Server, Setup, password_of, send};
use url::Url;
use url::form_urlencoded::byte_serialize;

use super::{Value, admin, as_form, ask_token, get, read, refused, secret_of};

/// The client that asks, and where its users come back to.
const CLIENT: &str = "vendor";
const SOURCE: &str = "https://vendor.example/widget";
const BACK: &str = "https://vendor.example/back?a=1";
/// The example of RFC 7636.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
/// Who owns [`BUS`], and who owns [`OTHER_BUS`].
const OWNER: &str = "alice";
const OTHER_OWNER: &str = "reader";

pub(crate) fn owned() -> Setup {
    Setup::new().config(|config| {
        config.buses[0].owner = Some(OWNER.parse().unwrap());
        config.buses[1].owner = Some(OTHER_OWNER.parse().unwrap());
    })
}

fn start() -> Server {
    started(owned())
}

pub(crate) fn started(setup: Setup) -> Server {
    let server = setup.start();
    let making =
        server.backplane.make_admin("root".parse().unwrap(), testkit::password_hash(&password_of("root")));
    actix_rt::System::new().block_on(making).unwrap();
    register(&server, CLIENT, &[BACK]);
    server
}

/// Makes a client with these redirect URIs.
fn register(server: &Server, name: &str, redirects: &[&str]) {
    let body = json!({"secret": secret_of(name), "source": SOURCE, "redirects": redirects});
    let name: String = byte_serialize(name.as_bytes()).collect();
    let request = admin(&server.client(), "PUT", &format!("clients/{name}"));
    let reply = send(request.header("X-Forwarded-Proto", "https").json(&body));
    assert!(matches!(reply.status, 200 | 201), "{}", reply.text());
}

/// What a client asks with, after these values instead of the usual ones.
fn query(changes: &[(&str, &str)]) -> String {
    let usual = [
        ("response_type", "code"),
        ("client_id", CLIENT),
        ("redirect_uri", BACK),
        ("state", "s t&a=te"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let kept = usual.iter().filter(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
    let pairs = kept.chain(changes.iter().filter(|(_, value)| !value.is_empty()));
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

pub(crate) fn authorize(changes: &[(&str, &str)]) -> String {
    format!("/v2/authorize?{}", query(changes))
}

/// A browser: it keeps the cookie, and follows nothing by itself.
pub(crate) struct Browser {
    client: Client,
    cookie: Option<String>,
    headers: HeaderMap,
}

impl Browser {
    pub(crate) fn new(server: &Server) -> Self {
        let base = server.client().url("");
        let client = Client::with(&base, |builder| builder.redirect(Policy::none()));
        Self { client, cookie: None, headers: HeaderMap::new() }
    }

    /// One in which this user has signed in.
    pub(crate) fn of(server: &Server, user: &str) -> Self {
        let mut browser = Self::new(server);
        let reply = browser.sign_in("/v2/authenticate", user, &password_of(user));
        assert_eq!((reply.status, to(&reply)), (303, "grants"), "{}", reply.text());
        browser
    }

    /// Sends this header with whatever it asks.
    fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.insert(name, value.parse().unwrap());
        self
    }

    fn send(&mut self, request: reqwest::blocking::RequestBuilder) -> Reply {
        let mut request = request.headers(self.headers.clone());
        if let Some(cookie) = &self.cookie {
            request = request.header(COOKIE, cookie);
        }
        let reply = send(request);
        if let Some(cookie) = reply.headers.get(SET_COOKIE) {
            let cookie = cookie.to_str().unwrap();
            let pair = cookie.split(';').next().unwrap().to_owned();
            self.cookie = (!cookie.contains("Max-Age=0")).then_some(pair);
        }
        reply
    }

    pub(crate) fn get(&mut self, path: &str) -> Reply {
        self.ask("GET", path)
    }

    pub(crate) fn ask(&mut self, method: &str, path: &str) -> Reply {
        let request = self.client.request(method, path);
        self.send(request)
    }

    pub(crate) fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Reply {
        let request = as_form(self.client.request("POST", path), fields);
        self.send(request)
    }

    /// Opens this page, fills it in and sends it.
    fn sign_in(&mut self, path: &str, user: &str, password: &str) -> Reply {
        let form = self.get(path);
        assert_eq!(form.status, 200, "{}", form.text());
        let token = field(&form, "token");
        self.post(path, &[("token", &token), ("user", user), ("password", password), ("action", "sign-in")])
    }

    /// Presses a button of the page on which a client asks.
    fn answer(&mut self, page: &Reply, answer: &str) -> Reply {
        let (token, ask) = (field(page, "token"), field(page, "ask"));
        self.post("/v2/authorize", &[("token", &token), ("ask", &ask), ("answer", answer)])
    }

    /// Asks for this, and presses the button.
    pub(crate) fn answered(&mut self, changes: &[(&str, &str)], button: &str) -> Reply {
        let page = self.get(&authorize(changes));
        assert_eq!(page.status, 200, "{}", page.text());
        self.answer(&page, button)
    }
}

/// The value of a hidden field.
pub(crate) fn field(page: &Reply, name: &str) -> String {
    let text = page.text();
    let begins = format!("name=\"{name}\" value=\"");
    let (_, after) = text.split_once(&begins).unwrap_or_else(|| panic!("no {name} in {text}"));
    after.split('"').next().unwrap().to_owned()
}

fn to(reply: &Reply) -> &str {
    reply.headers[LOCATION].to_str().unwrap()
}

/// What a client is told where its user comes back: the parameters, without those that its URL had.
fn told(reply: &Reply) -> Vec<(String, String)> {
    assert_eq!(reply.status, 303, "{}", reply.text());
    let url = to(reply);
    assert!(url.starts_with(&format!("{BACK}&")), "{url}");
    let pairs = Url::parse(url).unwrap();
    pairs.query_pairs().skip(1).map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
}

fn value<'a>(told: &'a [(String, String)], name: &str) -> Option<&'a str> {
    told.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

fn code_of(reply: &Reply) -> String {
    let told = told(reply);
    value(&told, "code").unwrap_or_else(|| panic!("{told:?}")).to_owned()
}

/// `POST /v2/token` with a code.
fn exchange(client: &Client, name: &str, code: &str, (redirect, verifier): (&str, &str)) -> Reply {
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", redirect),
        ("code_verifier", verifier),
    ];
    ask_token(client, name, &form)
}

/// The answer to a code that is good.
fn tokens(client: &Client, code: &str) -> Value {
    let reply = exchange(client, CLIENT, code, (BACK, VERIFIER));
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()
}

fn access(tokens: &Value) -> &str {
    tokens["access_token"].as_str().unwrap()
}

/// A page that says why not, and leads nowhere.
fn is_page_of_an_error(reply: &Reply, status: u16) {
    assert_eq!(reply.status, status, "{}", reply.text());
    assert_eq!(reply.header("content-type"), Some("text/html; charset=utf-8"));
    assert!(reply.headers.get(LOCATION).is_none() && reply.text().contains("role=\"alert\""));
}
