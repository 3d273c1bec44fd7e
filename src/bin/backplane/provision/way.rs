//! The way to the server, over the socket in its data folder, or to its store where no server runs.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use backplane::config::Config;
use backplane::provision::Direct;
use backplane::server::connect_control;
use serde_json::{Value, json};

use super::ask::Request;
use crate::failure::Failure;

/// How long the server may take for an answer.
const PATIENCE: Duration = Duration::from_mins(1);
/// Most bytes of an answer.
const ANSWER_MAX: u64 = 64 << 20;
/// Headers of an answer, at most.
const HEADERS: usize = 64;

/// See the module.
pub(super) enum Way {
    Socket(PathBuf),
    Direct(Box<Direct>),
}

impl Way {
    /// The way that there is.
    pub(super) fn find(folder: &Path, config: &Config) -> Result<Self, Failure> {
        match connect_control(folder) {
            Ok(_) => Ok(Self::Socket(folder.to_owned())),
            // None runs, or the one that ran was killed. If one has just begun, its folder is in use.
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => {
                Ok(Self::Direct(Box::new(Direct::new(folder, config))))
            }
            Err(error) => Err(Failure::Control(error)),
        }
    }

    /// The answer, if it is a good one.
    pub(super) fn call(&self, request: &Request) -> Result<Value, Failure> {
        let (status, answer) = match self {
            Self::Socket(folder) => {
                over(connect_control(folder).map_err(Failure::Control)?, request).map_err(Failure::Control)?
            }
            Self::Direct(direct) => {
                direct.call(request.method, &request.path, request.body.clone(), request.absent)?
            }
        };
        if status < 400 {
            return Ok(answer);
        }
        let detail =
            answer.get("detail").and_then(Value::as_str).unwrap_or("the server did not say why").to_owned();
        Err(if status < 500 { Failure::Refused(detail) } else { Failure::Unable(detail) })
    }

    /// A whole list, part by part.
    pub(super) fn all(&self, request: &Request) -> Result<Value, Failure> {
        let mut all = Vec::new();
        let mut path = format!("{}?limit=1000", request.path);
        loop {
            let part = self.call(&Request { path: path.clone(), ..request.clone() })?;
            all.extend(part.get(request.kind).and_then(Value::as_array).into_iter().flatten().cloned());
            match part.get("next").and_then(Value::as_str).and_then(|next| next.strip_prefix("/admin/v1/")) {
                Some(next) => next.clone_into(&mut path),
                None => return Ok(json!({request.kind: all})),
            }
        }
    }
}

/// One request and its answer, over a connection of its own.
fn over(mut stream: UnixStream, request: &Request) -> io::Result<(u16, Value)> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let Request { method, path, body, absent, .. } = request;
    let body = body.as_ref().map(Value::to_string).unwrap_or_default();
    let condition = if *absent { "If-None-Match: *\r\n" } else { "" };
    write!(
        stream,
        "{method} /admin/v1/{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{condition}\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = Vec::new();
    stream.take(ANSWER_MAX).read_to_end(&mut answer)?;
    parse(&answer)
}

fn parse(answer: &[u8]) -> io::Result<(u16, Value)> {
    let broken = || io::Error::new(ErrorKind::InvalidData, "the answer of the server is no whole HTTP");
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut head = httparse::Response::new(&mut headers);
    let Ok(httparse::Status::Complete(length)) = head.parse(answer) else { return Err(broken()) };
    let status = head.code.ok_or_else(broken)?;
    let body = answer.get(length..).unwrap_or_default();
    let announced = head.headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"));
    let announced =
        announced.and_then(|header| std::str::from_utf8(header.value).ok()?.parse::<usize>().ok());
    if announced.is_some_and(|announced| announced != body.len()) {
        return Err(broken());
    }
    if body.is_empty() {
        return Ok((status, Value::Null));
    }
    Ok((status, serde_json::from_slice(body).map_err(|_| broken())?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_whole_or_none() {
        let (status, answer) = parse(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n{\"a\":1}").unwrap();
        assert_eq!((status, answer), (200, json!({"a": 1})));
        assert_eq!(parse(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap(), (204, Value::Null));
        for broken in [
            &b""[..],
            b"HTTP/1.1 200 OK\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n{\"a\":1}",
            b"HTTP/1.1 200 OK\r\n\r\n{\"a\":",
        ] {
            assert!(parse(broken).is_err(), "{broken:?}");
        }
    }
}
