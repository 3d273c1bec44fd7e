//! Whether a request becomes a WebSocket (RFC 6455 section 4). Pure.

use actix_http::ws::{HandshakeError, hash_key, verify_handshake};
use actix_web::dev::RequestHead;
use actix_web::http::StatusCode;
use actix_web::http::header::{
    HeaderMap, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
};
use actix_web::{HttpResponse, HttpResponseBuilder};

use crate::error::{ApiError, ErrorCode};

/// What is spoken here.
const PROTOCOL: &str = "backplane.v1";

/// An offer that can be taken.
pub(crate) struct Handshake {
    accept: HeaderValue,
}

impl Handshake {
    /// Looks at an offer.
    pub(crate) fn of(head: &RequestHead) -> Result<Self, ApiError> {
        let refuse = |text: &'static str| ApiError::new(ErrorCode::InvalidRequest, text);
        verify_handshake(head).map_err(|error| {
            refuse(match error {
                HandshakeError::GetMethodRequired => "a WebSocket is opened with GET",
                HandshakeError::NoWebsocketUpgrade => {
                    "a WebSocket is opened with the header Upgrade: websocket"
                }
                HandshakeError::NoConnectionUpgrade => {
                    "a WebSocket is opened with the header Connection: Upgrade"
                }
                HandshakeError::NoVersionHeader | HandshakeError::UnsupportedVersion => {
                    "a WebSocket is opened with the header Sec-WebSocket-Version: 13"
                }
                HandshakeError::BadWebsocketKey => {
                    "a WebSocket is opened with a Sec-WebSocket-Key: 16 random bytes in base64"
                }
            })
        })?;
        if !offers(head.headers()) {
            return Err(refuse(
                "the WebSocket must be opened with the subprotocol backplane.v1 \
                 (Sec-WebSocket-Protocol: backplane.v1)",
            ));
        }
        let key = head.headers().get(SEC_WEBSOCKET_KEY).map(HeaderValue::as_bytes).unwrap_or_default();
        let accept = HeaderValue::from_bytes(&hash_key(key))
            .map_err(|_| refuse("the header Sec-WebSocket-Key is not what it must be"))?;
        Ok(Self { accept })
    }

    /// The answer that takes it.
    pub(crate) fn response(self) -> HttpResponseBuilder {
        let mut response = HttpResponse::build(StatusCode::SWITCHING_PROTOCOLS);
        response
            .upgrade("websocket")
            .insert_header((SEC_WEBSOCKET_ACCEPT, self.accept))
            .insert_header((SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(PROTOCOL)));
        response
    }
}

/// Whether our subprotocol is among those that the client speaks.
fn offers(headers: &HeaderMap) -> bool {
    let values = headers.get_all(SEC_WEBSOCKET_PROTOCOL);
    let mut offered = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    offered.any(|offered| offered.trim_ascii() == PROTOCOL.as_bytes())
}

#[cfg(test)]
mod tests {
    use actix_web::http::ConnectionType;
    use actix_web::http::header::HeaderName;

    use super::*;

    const GOOD: [(&str, &str); 5] = [
        ("connection", "keep-alive, Upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("sec-websocket-protocol", "other, backplane.v1"),
    ];

    fn handshake(headers: &[(&'static str, &'static str)]) -> Result<Handshake, ApiError> {
        let mut head = RequestHead::default();
        for (name, value) in headers {
            head.headers_mut().append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        // As what reads connections notes it.
        if headers.iter().any(|(name, _)| *name == "connection") {
            head.set_connection_type(ConnectionType::Upgrade);
        }
        Handshake::of(&head)
    }

    #[test]
    fn push_ws_11_a_good_offer_is_taken() {
        let response = handshake(&GOOD).unwrap().response().finish();
        assert_eq!(response.status(), 101);
        let header = |name: &str| response.headers().get(name).unwrap().to_str().unwrap();
        // The example of RFC 6455 section 1.3.
        assert_eq!(header("sec-websocket-accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert_eq!(header("sec-websocket-protocol"), "backplane.v1");
    }

    #[test]
    fn push_ws_12_other_offers_are_told_what_is_missing() {
        for (left_out, told) in [
            ("connection", "Connection: Upgrade"),
            ("upgrade", "Upgrade: websocket"),
            ("sec-websocket-version", "Sec-WebSocket-Version: 13"),
            ("sec-websocket-key", "Sec-WebSocket-Key"),
            ("sec-websocket-protocol", "Sec-WebSocket-Protocol: backplane.v1"),
        ] {
            let left: Vec<_> = GOOD.into_iter().filter(|(name, _)| *name != left_out).collect();
            let error = handshake(&left).err().unwrap();
            assert_eq!(error.code(), ErrorCode::InvalidRequest);
            assert!(error.description().contains(told), "{error}");
        }
        for (name, bad) in [
            ("sec-websocket-version", "8"),
            ("sec-websocket-key", "short"),
            ("sec-websocket-protocol", "backplane.v2, xbackplane.v1"),
        ] {
            let changed: Vec<_> =
                GOOD.into_iter().map(|(one, value)| (one, if one == name { bad } else { value })).collect();
            assert!(handshake(&changed).is_err(), "{bad}");
        }
    }
}
