//! Why a text is no scope.

use backplane_actors::NameError;

use super::{FIELDS, SCOPE_MAX, SCOPE_PARTS_MAX};

/// Why a text is no scope. Parts are counted from 1; values are never repeated (I-8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ScopeError {
    /// Over its bound of bytes.
    #[error("a scope has at most {SCOPE_MAX} bytes, this one has {0}")]
    TooLong(usize),
    /// Over its bound of parts.
    #[error("a scope has at most {SCOPE_PARTS_MAX} parts")]
    TooMany,
    /// What no part of a scope holds.
    #[error(
        "part {0} of the scope holds a character that none may hold; allowed: visible ASCII but for the quotation mark and the backslash"
    )]
    Character(usize),
    /// No `:`, or nothing after it.
    #[error("part {0} of the scope has no value; allowed: field:value")]
    NoValue(usize),
    /// A field that there is not.
    #[error("part {0} of the scope has a field that is none; allowed: {fields}, written exactly so", fields = FIELDS.join(", "))]
    Field(usize),
    /// A word other than those two.
    #[error("part {0} of the scope, sticky, is neither true nor false")]
    Sticky(usize),
    /// No name.
    #[error("part {0} of the scope names what cannot be: {1}")]
    Name(usize, NameError),
}
