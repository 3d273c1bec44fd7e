//! Pure: numbers and texts as bytes, and back. Numbers are little-endian.

/// Fewer bytes than were announced, or bytes that are no text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed;

/// A part is longer than the format can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooLong;

/// `N` bytes: those that are given, and zeros.
pub(crate) fn filled<const N: usize>(bytes: impl IntoIterator<Item = u8>) -> [u8; N] {
    let mut bytes = bytes.into_iter();
    let filled = std::array::from_fn(|_| bytes.next().unwrap_or(0));
    debug_assert!(bytes.next().is_none(), "more than {N} bytes");
    filled
}

/// A place or length in memory as one in a file.
pub(crate) const fn length(bytes: usize) -> u64 {
    const { assert!(usize::BITS <= u64::BITS, "files are at least as long as memory") };
    #[expect(clippy::as_conversions, reason = "no `From` for it; checked above to lose nothing")]
    {
        bytes as u64
    }
}

/// Appends a number of 64 bits.
pub(crate) fn push_u64(number: u64, into: &mut Vec<u8>) {
    into.extend_from_slice(&number.to_le_bytes());
}

/// Appends a count of things, or of bytes, of which there are less than 4 billion.
pub(crate) fn push_length(length: usize, into: &mut Vec<u8>) -> Result<(), TooLong> {
    into.extend_from_slice(&u32::try_from(length).map_err(|_| TooLong)?.to_le_bytes());
    Ok(())
}

/// Appends a text of at most 255 bytes.
pub(crate) fn push_short(text: &str, into: &mut Vec<u8>) -> Result<(), TooLong> {
    into.push(u8::try_from(text.len()).map_err(|_| TooLong)?);
    into.extend_from_slice(text.as_bytes());
    Ok(())
}

/// Appends a text.
pub(crate) fn push_text(text: &[u8], into: &mut Vec<u8>) -> Result<(), TooLong> {
    push_length(text.len(), into)?;
    into.extend_from_slice(text);
    Ok(())
}

/// The bytes that were not read yet.
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(Malformed)?;
        self.0 = rest;
        Ok(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(Malformed)?;
        self.0 = rest;
        Ok(*taken)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Malformed> {
        self.array().map(u8::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, Malformed> {
        self.array().map(u64::from_le_bytes)
    }

    pub(crate) fn u128(&mut self) -> Result<u128, Malformed> {
        self.array().map(u128::from_le_bytes)
    }

    /// How many things or bytes follow.
    pub(crate) fn length(&mut self) -> Result<usize, Malformed> {
        usize::try_from(self.u32()?).map_err(|_| Malformed)
    }

    fn utf8(&mut self, length: usize) -> Result<&'a str, Malformed> {
        std::str::from_utf8(self.take(length)?).map_err(|_| Malformed)
    }

    pub(crate) fn text(&mut self) -> Result<&'a str, Malformed> {
        let length = self.length()?;
        self.utf8(length)
    }

    pub(crate) fn short(&mut self) -> Result<&'a str, Malformed> {
        let length = usize::from(self.u8()?);
        self.utf8(length)
    }
}
