//! Scopes: what a token is asked to let see (V2-SCOPE-1). Pure.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// Longest scope, in bytes: servers take no longer ones (I-5).
pub const SCOPE_MAX: usize = 16 * 1024;

/// Why a text is not a scope. It never repeats a value (I-8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScopeError {
    /// It is too long.
    #[error("a scope has at most {SCOPE_MAX} bytes")]
    TooLong,
    /// A part is no field with a value.
    #[error(
        "part {0} of the scope (counted from 1) is not `field:value`, with field one of source, type, bus, channel, sticky, messageURL \
         and value of visible ASCII without \" and \\"
    )]
    Part(usize),
    /// `sticky` is something else than true or false.
    #[error("part {0} of the scope (counted from 1) is `sticky:` with neither true nor false")]
    Sticky(usize),
    /// A page chooses neither its bus nor its channel by its scope (V2-ANON-2).
    #[error("the scope of a page holds neither bus: nor channel:")]
    NotForPages,
}

/// What a token is asked to let see: parts `field:value`, separated by spaces, with field one of `source`, `type`, `bus`, `channel`, `sticky`
/// and `messageURL`. A message has to have one of the values of each field that is named. [`Scope::all`] is all that was granted.
///
/// ```
/// use backplane_client::v2::Scope;
///
/// let scope: Scope = "bus:customer.com type:identity/login type:identity/logout".parse()?;
/// assert!("type".parse::<Scope>().is_err());
/// # Ok::<(), backplane_client::v2::ScopeError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scope(BTreeSet<(Field, Box<str>)>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Field {
    Bus,
    Source,
    Type,
    Sticky,
    MessageUrl,
    Channel,
}

impl Field {
    const ALL: [Self; 6] =
        [Self::Bus, Self::Source, Self::Type, Self::Sticky, Self::MessageUrl, Self::Channel];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Bus => "bus",
            Self::Source => "source",
            Self::Type => "type",
            Self::Sticky => "sticky",
            Self::MessageUrl => "messageURL",
            Self::Channel => "channel",
        }
    }
}

impl Scope {
    /// All that was granted; for a page, all of its channel.
    #[must_use]
    pub fn all() -> Self {
        Self::default()
    }

    /// The scope as filters of a page.
    ///
    /// # Errors
    ///
    /// It names a bus or a channel (V2-ANON-2).
    pub(crate) fn filters(&self) -> Result<String, ScopeError> {
        if self.0.iter().any(|(field, _)| matches!(field, Field::Bus | Field::Channel)) {
            return Err(ScopeError::NotForPages);
        }
        Ok(self.to_string())
    }
}

impl FromStr for Scope {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        if text.len() > SCOPE_MAX {
            return Err(ScopeError::TooLong);
        }
        let parts = text.split(' ').filter(|part| !part.is_empty());
        parts.zip(1..).map(|(part, number)| parsed(part, number)).collect::<Result<_, _>>().map(Self)
    }
}

fn parsed(part: &str, number: usize) -> Result<(Field, Box<str>), ScopeError> {
    const WRONG: fn(usize) -> ScopeError = ScopeError::Part;
    // RFC 6749 appendix A.4.
    let may_be_said = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\');
    let (name, value) = part.split_once(':').ok_or(WRONG(number))?;
    let field = Field::ALL.into_iter().find(|field| field.as_str() == name).ok_or(WRONG(number))?;
    if value.is_empty() || !value.bytes().all(may_be_said) {
        return Err(WRONG(number));
    }
    if field == Field::Sticky && !matches!(value, "true" | "false") {
        return Err(ScopeError::Sticky(number));
    }
    Ok((field, value.into()))
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, (field, value)) in self.0.iter().enumerate() {
            let space = if number == 0 { "" } else { " " };
            write!(f, "{space}{}:{value}", field.as_str())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn v2_scope_1_scopes_are_fields_with_values() {
        let scope: Scope = " type:a:b  bus:x.y channel:c sticky:true type:a:b ".parse().unwrap();
        assert_eq!(scope.to_string(), "bus:x.y type:a:b sticky:true channel:c");
        assert_eq!("".parse(), Ok(Scope::all()));
        for (bad, number) in [
            ("type", 1),
            ("type:", 1),
            ("type:a colour:red", 2),
            ("Type:a", 1),
            ("type:ü", 1),
            ("type:a\"", 1),
        ] {
            assert_eq!(bad.parse::<Scope>(), Err(ScopeError::Part(number)), "{bad}");
        }
        assert_eq!("type:a sticky:maybe".parse::<Scope>(), Err(ScopeError::Sticky(2)));
        assert_eq!(format!("type:{}", "x".repeat(SCOPE_MAX)).parse::<Scope>(), Err(ScopeError::TooLong));
    }

    #[test]
    fn v2_anon_2_a_page_chooses_neither_bus_nor_channel() {
        let filters = |text: &str| text.parse::<Scope>().unwrap().filters();
        assert_eq!(filters("type:a sticky:true").as_deref(), Ok("type:a sticky:true"));
        for bad in ["bus:a", "type:a channel:c"] {
            assert_eq!(filters(bad), Err(ScopeError::NotForPages), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn scopes_come_back(
            parts in prop::collection::vec(("bus|source|type|messageURL|channel", "[!#-\\[\\]-~]{1,20}"), 0..20),
        ) {
            let text: Vec<_> = parts.iter().map(|(field, value)| format!("{field}:{value}")).collect();
            let scope: Scope = text.join(" ").parse().unwrap();
            prop_assert_eq!(scope.to_string().parse::<Scope>().unwrap(), scope);
        }

        #[test]
        fn no_text_breaks_it(text in "\\PC{0,60}") {
            let _ = text.parse::<Scope>();
        }
    }
}
