//! Pure: from bytes to answers.

/// An answer, as far as attackers look at one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Whether it says when to come back.
    pub(crate) retry_after: bool,
    /// The beginning of its body.
    pub(crate) begins: Vec<u8>,
    /// Bytes of its body.
    pub(crate) length: usize,
}

/// As much of a body as is kept.
const KEPT: usize = 64;

/// Takes what comes from a connection, in pieces of any size.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    head: Vec<u8>,
    /// The one whose body is coming, and how much of it is still to come.
    coming: Option<(Answer, usize)>,
}

impl Answers {
    /// Adds a piece; gives each answer that it ends to `found`.
    pub(crate) fn take(&mut self, mut piece: &[u8], found: &mut impl FnMut(Answer)) {
        loop {
            let Some((mut answer, left)) = self.coming.take() else {
                let Some(head) = self.head_with(&mut piece) else { return };
                self.coming = Some(head);
                continue;
            };
            let (body, rest) = piece.split_at(left.min(piece.len()));
            let room = KEPT - answer.begins.len();
            answer.begins.extend_from_slice(&body[..room.min(body.len())]);
            piece = rest;
            if left > body.len() {
                self.coming = Some((answer, left - body.len()));
                return;
            }
            found(answer);
        }
    }

    /// Whether nothing of an answer has come that is not whole yet.
    pub(crate) fn is_between(&self) -> bool {
        self.head.is_empty() && self.coming.is_none()
    }

    /// The head that ends in this piece, of which the rest is left.
    fn head_with(&mut self, piece: &mut &[u8]) -> Option<(Answer, usize)> {
        let before = self.head.len();
        self.head.extend_from_slice(piece);
        // It may have ended with bytes of the piece before.
        let from = before.saturating_sub(3);
        let end = self.head[from..].windows(4).position(|bytes| bytes == b"\r\n\r\n");
        let Some(end) = end.map(|at| from + at + 4) else {
            *piece = &[];
            return None;
        };
        *piece = &piece[end - before..];
        let text = String::from_utf8_lossy(&self.head[..end]).to_ascii_lowercase();
        self.head.clear();
        let status = text.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
        let value = |name: &str| {
            text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':').map(str::trim))
        };
        let length = value("content-length").map_or(0, |length| length.parse().unwrap());
        let answer =
            Answer { status, retry_after: value("retry-after").is_some(), begins: Vec::new(), length };
        Some((answer, length))
    }
}

#[cfg(test)]
mod tests {
    use super::{Answer, Answers};

    const THREE: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 204 No Content\r\n\r\n\
        HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 2\r\n\r\nno";

    #[test]
    fn answers_are_the_same_in_whatever_pieces_they_come() {
        let answer = |status, retry_after, body: &[u8]| Answer {
            status,
            retry_after,
            begins: body.to_vec(),
            length: body.len(),
        };
        let all = [answer(200, false, b"hello"), answer(204, false, b""), answer(503, true, b"no")];
        for size in 1..=THREE.len() {
            let (mut answers, mut found) = (Answers::default(), Vec::new());
            for piece in THREE.chunks(size) {
                answers.take(piece, &mut |answer| found.push(answer));
            }
            assert_eq!(found, all, "in pieces of {size}");
            assert!(answers.is_between());
        }
    }
}
