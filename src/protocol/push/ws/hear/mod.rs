//! What a client says, out of the frames in which it comes (RFC 6455). Pure.
//!
//! Each frame's head is looked at before its body has come: what must be refused is refused then, and of a frame nothing is
//! kept beyond what a text may have.

use actix_http::ws::{OpCode, Parser};
use actix_web::web::{Bytes, BytesMut};

/// Longest body of a control frame (RFC 6455 section 5.5).
const CONTROL_MOST: usize = 125;
/// Bytes in front of a frame's body whose length is told in as many bits: flags, length and mask.
const HEAD: usize = 6;

/// What a client says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// A text, whole.
    Text(Bytes),
    /// It wants to hear this back.
    Ping(Bytes),
    /// It is there.
    Pong,
    /// It wants no more; with its code, if it gave one.
    Close(Option<u16>),
}

/// Why a connection cannot go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Violation {
    /// It breaks the rules of WebSocket.
    Protocol,
    /// It is no text.
    Binary,
    /// It is not UTF-8.
    Characters,
    /// It is longer than a text may be.
    TooLarge,
    /// It does not come to its end.
    TooSlow,
}

/// What has come of a client's frames.
#[derive(Debug)]
pub(super) struct Hearing {
    unread: BytesMut,
    /// The first parts of a text that comes in several.
    parts: Option<BytesMut>,
    most: usize,
}

/// What the first bytes of a frame say.
struct Head {
    is_last: bool,
    code: OpCode,
    body: usize,
    whole: usize,
}

impl Hearing {
    /// Of a client whose texts have at most so many bytes.
    pub(super) fn new(most: usize) -> Self {
        Self { unread: BytesMut::new(), parts: None, most }
    }

    /// More has come.
    pub(super) fn more(&mut self, bytes: Bytes) {
        if self.unread.is_empty() {
            self.unread = bytes.into();
        } else {
            self.unread.extend_from_slice(&bytes);
        }
    }

    /// Bytes that are kept.
    pub(super) fn held(&self) -> usize {
        self.unread.len() + self.parts.as_ref().map_or(0, BytesMut::len)
    }

    /// Whether something has begun that has not come to its end.
    pub(super) fn is_within(&self) -> bool {
        !self.unread.is_empty() || self.parts.is_some()
    }

    /// Whether the first parts of a text have come, and not the last.
    pub(super) const fn is_in_parts(&self) -> bool {
        self.parts.is_some()
    }

    /// The next that was said, if all of it is there. After an error there is nothing more to hear.
    pub(super) fn next(&mut self) -> Result<Option<Heard>, Violation> {
        while let Some(head) = self.head()? {
            if self.unread.len() < head.whole {
                return Ok(None);
            }
            let parsed = Parser::parse(&mut self.unread, true, head.body).map_err(|_| Violation::Protocol)?;
            let Some((_, _, body)) = parsed else { return Ok(None) };
            let body = body.unwrap_or_default();
            if self.unread.is_empty() {
                // Most clients say little: what one text took must not be kept.
                self.unread = BytesMut::new();
            }
            match head.code {
                OpCode::Ping => return Ok(Some(Heard::Ping(body.freeze()))),
                OpCode::Pong => return Ok(Some(Heard::Pong)),
                OpCode::Close => return closing(&body).map(|code| Some(Heard::Close(code))),
                _ => {
                    let joined = match self.parts.take() {
                        None => body,
                        Some(mut parts) => {
                            parts.extend_from_slice(&body);
                            parts
                        }
                    };
                    if !head.is_last {
                        self.parts = Some(joined);
                        continue;
                    }
                    std::str::from_utf8(&joined).map_err(|_| Violation::Characters)?;
                    return Ok(Some(Heard::Text(joined.freeze())));
                }
            }
        }
        Ok(None)
    }

    /// What the next frame is, once that is known, if it may be there.
    fn head(&self) -> Result<Option<Head>, Violation> {
        let [flags, length, rest @ ..] = &self.unread[..] else { return Ok(None) };
        let (is_last, reserved, code) = (flags & 0x80 != 0, flags & 0x70, OpCode::from(flags & 0x0f));
        let is_masked = length & 0x80 != 0;
        if reserved != 0 || !is_masked {
            return Err(Violation::Protocol);
        }
        let (body, more) = match length & 0x7f {
            126 => match rest.first_chunk() {
                Some(length) => (u64::from(u16::from_be_bytes(*length)), 2),
                None => (126, 2),
            },
            127 => match rest.first_chunk() {
                Some(length) => (u64::from_be_bytes(*length), 8),
                // Not known yet, and longer than any control frame.
                None => (126, 8),
            },
            length => (u64::from(length), 0),
        };
        let body = usize::try_from(body).unwrap_or(usize::MAX);
        match code {
            OpCode::Ping | OpCode::Pong | OpCode::Close if is_last && body <= CONTROL_MOST => {}
            OpCode::Text if self.parts.is_none() => {}
            OpCode::Continue if self.parts.is_some() => {}
            OpCode::Binary if self.parts.is_none() => return Err(Violation::Binary),
            _ => return Err(Violation::Protocol),
        }
        let before = self.parts.as_ref().map_or(0, BytesMut::len);
        let is_control = matches!(code, OpCode::Ping | OpCode::Pong | OpCode::Close);
        let head = HEAD + more;
        if self.unread.len() < head {
            return Ok(None);
        }
        if !is_control && before.saturating_add(body) > self.most {
            return Err(Violation::TooLarge);
        }
        Ok(Some(Head { is_last, code, body, whole: head.saturating_add(body) }))
    }
}

/// The code of a close frame.
fn closing(body: &[u8]) -> Result<Option<u16>, Violation> {
    let Some((code, reason)) = body.split_first_chunk() else {
        return if body.is_empty() { Ok(None) } else { Err(Violation::Protocol) };
    };
    let code = u16::from_be_bytes(*code);
    // Those that exist, that others may give out, and that belong to nobody (RFC 6455 section 7.4).
    if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
        return Err(Violation::Protocol);
    }
    std::str::from_utf8(reason).map_err(|_| Violation::Characters)?;
    Ok(Some(code))
}

#[cfg(test)]
mod tests;
