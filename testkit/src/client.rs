//! An ordinary HTTP client, and what it got.

use std::net::SocketAddr;
use std::sync::Once;

use reqwest::Method;
use reqwest::blocking::{ClientBuilder, RequestBuilder};
use reqwest::header::HeaderMap;
use serde_json::Value;

use crate::described;
use crate::users::{BUS, password_of};

static PROVIDER: Once = Once::new();

/// A client of one server.
#[derive(Clone)]
pub struct Client {
    http: reqwest::blocking::Client,
    base: String,
    admin: Option<String>,
}

impl Client {
    /// Of the server at this base URL.
    pub fn of(base: &str) -> Self {
        Self::with(base, |builder| builder)
    }

    /// As [`Client::of`], built otherwise.
    pub fn with(base: &str, change: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Self {
        PROVIDER.call_once(|| drop(rustls::crypto::aws_lc_rs::default_provider().install_default()));
        let builder = reqwest::blocking::Client::builder().no_proxy();
        Self { http: change(builder).build().unwrap(), base: base.to_owned(), admin: None }
    }

    /// The same, which knows the server's listener for operators.
    pub fn with_admin(self, address: SocketAddr) -> Self {
        Self { admin: Some(format!("http://{address}")), ..self }
    }

    /// A client of the listener for operators.
    pub fn admin(&self) -> Self {
        let base = self.admin.clone().expect("the server has a listener for operators");
        Self { base, ..self.clone() }
    }

    /// The whole URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// A request to be refined, and sent with [`send`].
    pub fn request(&self, method: &str, path: &str) -> RequestBuilder {
        self.http.request(Method::from_bytes(method.as_bytes()).unwrap(), self.url(path))
    }

    /// Asks without credentials.
    pub fn get(&self, path: &str) -> Reply {
        send(self.request("GET", path))
    }

    /// As [`Client::get`], where it may fail.
    pub fn try_get(&self, path: &str) -> reqwest::Result<Reply> {
        try_send(self.request("GET", path))
    }

    /// Asks as one of the users.
    pub fn get_as(&self, user: &str, path: &str) -> Reply {
        send(self.request("GET", path).basic_auth(user, Some(password_of(user))))
    }

    /// Reads a channel of the first bus; `query` starts with `?` or is empty.
    pub fn read(&self, channel: &str, query: &str) -> Reply {
        self.get(&format!("/v1/bus/{BUS}/channel/{channel}{query}"))
    }

    /// Reads the first bus as `reader`.
    pub fn read_bus(&self, query: &str) -> Reply {
        self.get_as("reader", &format!("/v1/bus/{BUS}{query}"))
    }

    /// A POST to a channel of the first bus as `poster`, to be refined.
    pub fn posting(&self, channel: &str, body: impl Into<reqwest::blocking::Body>) -> RequestBuilder {
        self.request("POST", &format!("/v1/bus/{BUS}/channel/{channel}"))
            .basic_auth("poster", Some(password_of("poster")))
            .header("Content-Type", "application/json")
            .body(body)
    }

    /// Posts to a channel of the first bus as `poster`.
    pub fn post(&self, channel: &str, body: impl Into<reqwest::blocking::Body>) -> Reply {
        send(self.posting(channel, body))
    }

    /// Posts messages with these payloads; the ids.
    pub fn post_payloads(&self, channel: &str, payloads: &[&str]) -> Vec<String> {
        let reply = self.post(channel, messages(payloads));
        assert_eq!(reply.status, 200, "{}", reply.text());
        serde_json::from_slice(&reply.body).unwrap()
    }

    /// The value of a metric; `labels` as the text format has them, braces included.
    pub fn metric(&self, name: &str, labels: &str) -> Option<f64> {
        let text = self.admin().get("/metrics").text();
        let start = format!("backplane_{name}{labels} ");
        text.lines().find_map(|line| line.strip_prefix(&start)?.parse().ok())
    }
}

/// A body of messages with these payloads, each JSON.
pub fn messages(payloads: &[&str]) -> String {
    let all: Vec<_> = payloads.iter().map(|payload| message(payload)).collect();
    format!("[{}]", all.join(","))
}

/// One message with this payload.
pub fn message(payload: &str) -> String {
    format!(r#"{{"source":"http://client.com","type":"test","payload":{payload}}}"#)
}

/// Sends a request, which has to be answered as the description of the API has it.
#[track_caller]
pub fn send(request: RequestBuilder) -> Reply {
    try_send(request).unwrap()
}

#[track_caller]
fn try_send(request: RequestBuilder) -> reqwest::Result<Reply> {
    let (http, request) = request.build_split();
    let request = request?;
    let (method, url) = (request.method().clone(), request.url().clone());
    let response = http.execute(request)?;
    // Redirects are followed by GET.
    let method = if *response.url() == url { method } else { Method::GET };
    let path = response.url().path().to_owned();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let reply = Reply { status, headers, body: response.bytes()?.to_vec() };
    described::check(method.as_str(), &path, &reply);
    Ok(reply)
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// All headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Vec<u8>,
}

impl Reply {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// A header that is there once.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let value = values.next()?;
        assert!(values.next().is_none(), "{name} is there twice");
        Some(value.to_str().unwrap())
    }

    /// Asserts an error and its shape. Versions 1.0 and 1.1 have the description for old clients beside it.
    #[track_caller]
    pub fn is_error(&self, status: u16, code: &str) -> String {
        assert_eq!(self.status, status, "{}", self.text());
        let body = self.json();
        assert_eq!(body["error"], code);
        if let Some(text) = body.get("ERR_MSG") {
            assert_eq!(body["error_description"], *text);
        }
        assert_eq!(self.header("content-type"), Some("application/json"));
        body["error_description"].as_str().unwrap().to_owned()
    }

    /// The payloads of frames, as JSON text without white space.
    pub fn payloads(&self) -> Vec<String> {
        assert_eq!(self.status, 200, "{}", self.text());
        let frames = self.json();
        frames.as_array().unwrap().iter().map(|frame| frame["message"]["payload"].to_string()).collect()
    }

    /// The ids of frames.
    pub fn ids(&self) -> Vec<String> {
        let frames = self.json();
        frames.as_array().unwrap().iter().map(|frame| frame["id"].as_str().unwrap().to_owned()).collect()
    }

    /// The URL reference that the `Link` header gives for the next retrieval.
    #[track_caller]
    pub fn next(&self) -> String {
        let link = self.header("link").expect("a Link header");
        let (target, parameters) = link.strip_prefix('<').unwrap().split_once('>').unwrap();
        assert_eq!(parameters, "; rel=\"next\"");
        target.to_owned()
    }

    /// What the server says about what was missed.
    pub fn resume(&self) -> &str {
        self.header("backplane-resume").expect("a Backplane-Resume header")
    }
}
