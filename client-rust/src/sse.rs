//! Server-sent events: bytes in, events out (WHATWG HTML, section 9.2). Pure.

use std::time::Duration;

const BOM: &[u8] = b"\xef\xbb\xbf";

/// An event of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SseEvent {
    /// `message` unless the stream says otherwise.
    pub(crate) kind: String,
    /// Its lines, joined by LF.
    pub(crate) data: String,
    /// The last `id:` until now, also of an event before.
    pub(crate) id: Option<String>,
}

/// A stream is not one of events, or more than may be kept of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SseError {
    /// A line or an event is over the bound (I-5).
    TooLong,
    /// A line is not UTF-8. Replacing what is wrong, as browsers do, would change messages in silence.
    NotText,
}

/// Reads a stream, however its bytes are split.
#[derive(Debug)]
pub(crate) struct Parser {
    most: usize,
    line: Vec<u8>,
    /// CR was the last byte: a LF that follows belongs to it.
    after_cr: bool,
    /// No line has ended yet: a BOM may stand before the first.
    first: bool,
    kind: String,
    data: String,
    has_data: bool,
    id: Option<String>,
    retry: Option<Duration>,
}

impl Parser {
    /// A parser that keeps at most so many bytes of a line, and of an event's data.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            most,
            line: Vec::new(),
            after_cr: false,
            first: true,
            kind: String::new(),
            data: String::new(),
            has_data: false,
            id: None,
            retry: None,
        }
    }

    /// What the stream said last of how long to wait before connecting again.
    pub(crate) fn retry(&self) -> Option<Duration> {
        self.retry
    }

    /// Takes the next bytes, and adds the events that end with them.
    ///
    /// # Errors
    ///
    /// [`SseError`]; the stream is of no use after that.
    pub(crate) fn feed(&mut self, bytes: &[u8], events: &mut Vec<SseEvent>) -> Result<(), SseError> {
        let mut rest = bytes;
        if std::mem::take(&mut self.after_cr) {
            match rest.split_first() {
                Some((b'\n', behind)) => rest = behind,
                Some(_) => {}
                None => self.after_cr = true,
            }
        }
        while let Some(at) = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n')) {
            let (line, end) = rest.split_at(at);
            self.keep(line)?;
            events.extend(self.end_line()?);
            rest = match end {
                [b'\r'] => {
                    self.after_cr = true;
                    &[]
                }
                [b'\r', b'\n', behind @ ..] | [_, behind @ ..] => behind,
                [] => &[],
            };
        }
        self.keep(rest)
    }

    fn keep(&mut self, part: &[u8]) -> Result<(), SseError> {
        if self.line.len().saturating_add(part.len()) > self.most {
            return Err(SseError::TooLong);
        }
        self.line.extend_from_slice(part);
        Ok(())
    }

    fn end_line(&mut self) -> Result<Option<SseEvent>, SseError> {
        let bytes = std::mem::take(&mut self.line);
        let own = if std::mem::take(&mut self.first) { bytes.strip_prefix(BOM) } else { None };
        let line = std::str::from_utf8(own.unwrap_or(&bytes)).map_err(|_| SseError::NotText)?;
        if line.is_empty() {
            return Ok(self.end_event());
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        self.field(field, value.strip_prefix(' ').unwrap_or(value))?;
        Ok(None)
    }

    fn field(&mut self, field: &str, value: &str) -> Result<(), SseError> {
        match field {
            "event" => value.clone_into(&mut self.kind),
            "data" => {
                if self.data.len().saturating_add(value.len()) >= self.most {
                    return Err(SseError::TooLong);
                }
                if std::mem::replace(&mut self.has_data, true) {
                    self.data.push('\n');
                }
                self.data.push_str(value);
            }
            "id" if !value.contains('\0') => self.id = Some(value.to_owned()).filter(|id| !id.is_empty()),
            "retry" if value.bytes().all(|byte| byte.is_ascii_digit()) => {
                self.retry = value.parse().ok().map(Duration::from_millis).or(self.retry);
            }
            // A comment has no field; unknown ones are passed over.
            _ => {}
        }
        Ok(())
    }

    fn end_event(&mut self) -> Option<SseEvent> {
        let kind = std::mem::take(&mut self.kind);
        let data = std::mem::take(&mut self.data);
        std::mem::take(&mut self.has_data).then(|| SseEvent {
            kind: if kind.is_empty() { "message".to_owned() } else { kind },
            data,
            id: self.id.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn events(parts: &[&[u8]]) -> Result<Vec<SseEvent>, SseError> {
        let (mut parser, mut found) = (Parser::new(1000), Vec::new());
        for part in parts {
            parser.feed(part, &mut found)?;
        }
        Ok(found)
    }

    fn event(kind: &str, data: &str, id: Option<&str>) -> SseEvent {
        SseEvent { kind: kind.into(), data: data.into(), id: id.map(Into::into) }
    }

    #[test]
    fn fields_are_read_as_the_standard_has_them() {
        let found =
            events(&[b"\xef\xbb\xbfdata: a\ndata:b\ndata\ndata:  c\n\nevent: x\nid: 7\ndata:\n\n"]).unwrap();
        assert_eq!(found, [event("message", "a\nb\n\n c", None), event("x", "", Some("7"))]);
        let found =
            events(&[b": comment\nid: 8\nevent: lost\n\ndata: d\nunknown: u\n\ndata: unfinished\n"]).unwrap();
        assert_eq!(
            found,
            [event("message", "d", Some("8"))],
            "without data there is no event, but its id counts"
        );
        let found = events(&[b"id: a\0b\nid: 9\ndata: 1\n\nid\ndata: 2\n\n"]).unwrap();
        assert_eq!(found, [event("message", "1", Some("9")), event("message", "2", None)]);
    }

    #[test]
    fn an_empty_piece_is_nothing() {
        let found = events(&[b"data: 1\r", b"", b"\ndata: 2\n\n"]).unwrap();
        assert_eq!(found, [event("message", "1\n2", None)], "the LF still belongs to the CR");
    }

    #[test]
    fn a_bom_counts_only_at_the_start() {
        assert_eq!(events(&[b"data: 1\n\n\xef\xbb\xbfdata: 2\n\n"]).unwrap(), [event("message", "1", None)]);
    }

    #[test]
    fn retry_is_a_number() {
        let mut parser = Parser::new(100);
        for (text, retry) in
            [("retry: 2000\n", 2000), ("retry: soon\n", 2000), ("retry:\n", 2000), ("retry: 5\n", 5)]
        {
            parser.feed(text.as_bytes(), &mut Vec::new()).unwrap();
            assert_eq!(parser.retry(), Some(Duration::from_millis(retry)), "{text}");
        }
    }

    #[test]
    fn i_5_lines_and_events_are_bounded() {
        let mut parser = Parser::new(100);
        for _ in 0..4 {
            assert_eq!(parser.feed(&[b'x'; 25], &mut Vec::new()), Ok(()));
        }
        assert_eq!(parser.feed(b"x", &mut Vec::new()), Err(SseError::TooLong));
        let mut parser = Parser::new(100);
        let line = format!("data: {}\n", "y".repeat(49));
        assert_eq!(parser.feed(line.as_bytes(), &mut Vec::new()), Ok(()));
        assert_eq!(parser.feed(line.as_bytes(), &mut Vec::new()), Ok(()));
        assert_eq!(parser.feed(line.as_bytes(), &mut Vec::new()), Err(SseError::TooLong));
        // Empty lines of data are as long as what joins them.
        let mut parser = Parser::new(100);
        assert_eq!(parser.feed(&b"data\n".repeat(1000), &mut Vec::new()), Err(SseError::TooLong));
    }

    #[test]
    fn what_is_no_text_is_not_made_one() {
        assert_eq!(events(&[b"data: \xff\n"]), Err(SseError::NotText));
    }

    proptest! {
        #[test]
        fn any_splitting_gives_the_same_events(
            pieces in prop::collection::vec(
                prop::sample::select(vec![
                    "data", "event", "id", "retry", ":", " ", "\r", "\n", "\r\n", "\n\n", "x", "ü", "\u{feff}", "12",
                ]),
                0..60,
            ),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..10),
        ) {
            let text = pieces.concat();
            let bytes = text.as_bytes();
            let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let parts: Vec<_> = cuts.windows(2).map(|two| &bytes[two[0]..two[1]]).collect();
            let single: Vec<_> = bytes.chunks(1).collect();
            let whole = events(&[bytes]);
            prop_assert_eq!(&events(&parts), &whole);
            prop_assert_eq!(&events(&single), &whole);
            // Line ends are all the same.
            let plain = text.replace("\r\n", "\n").replace('\r', "\n");
            prop_assert_eq!(&events(&[plain.as_bytes()]), &whole);
            let returns = plain.replace('\n', "\r");
            prop_assert_eq!(&events(&[returns.as_bytes()]), &whole);
        }

        #[test]
        fn no_bytes_break_it(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = events(&[&bytes]);
        }
    }
}
