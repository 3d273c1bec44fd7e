//! A message as an object of its own, without an envelope around it.

use serde::de::Deserialize;

use super::i_json::PayloadRule;
use super::json::{Fault, Objects, Text, TooDeep};
use super::members::Members;
use super::promise::Wish;
use super::refusal::{MessageError, MessageLimits};
use super::said::LONGEST;
use super::source::is_source_url;

/// The next object's text, if it is within its bounds.
pub(super) fn bounded<'a>(
    objects: &mut Objects<'a>,
    limits: &MessageLimits,
) -> Result<Option<&'a str>, MessageError> {
    let max = limits.message.min(usize::try_from(LONGEST).unwrap_or(usize::MAX));
    let found = objects.next(limits.depth).map_err(|TooDeep| MessageError::TooDeep { max: limits.depth })?;
    match found {
        Some(text) if text.len() > max => Err(MessageError::TooLarge { max, length: text.len() }),
        found => Ok(found),
    }
}

/// Whether every reader can read the object that came last. Asked once its grammar is known to be right.
pub(super) fn readable(objects: &Objects<'_>, limits: &MessageLimits) -> Result<(), MessageError> {
    match (objects.fault(), limits.payload) {
        (Some(Fault { at, what }), PayloadRule::IJson) => Err(MessageError::NotIJson { at, fault: what }),
        (Some(_), PayloadRule::Any) | (None, _) => Ok(()),
    }
}

/// A text that is one object and nothing else.
pub(super) fn object<'a>(
    json: &'a str,
    limits: &MessageLimits,
) -> Result<(&'a str, Members<'a>), MessageError> {
    let mut objects = Objects::alone(json);
    let text = bounded(&mut objects, limits)?;
    let mut parser = serde_json::Deserializer::from_str(json);
    let members = Members::deserialize(&mut parser).and_then(|members| parser.end().map(|()| members));
    match (text, members) {
        (Some(text), Ok(members)) => {
            readable(&objects, limits)?;
            Ok((text, members))
        }
        (_, Err(error)) if !error.is_data() => {
            // Its text may quote what was posted (I-8): only the place goes on.
            Err(MessageError::Syntax { line: error.line(), column: error.column() })
        }
        _ => Err(MessageError::NotAnObject),
    }
}

/// Whether these members of an object of this text are those of a bare message, and what it asks for.
pub(super) fn check_bare(
    text: &str,
    members: &Members<'_>,
    limits: &MessageLimits,
) -> Result<Wish, MessageError> {
    if let Some(name) = members.twice {
        return Err(MessageError::Duplicate(name));
    }
    let source = members.source.ok_or(MessageError::Missing("source"))?;
    let kind = members.kind.ok_or(MessageError::Missing("type"))?;
    members.payload.ok_or(MessageError::Missing("payload"))?;
    match Text::of(source) {
        Text::Is(url) if is_source_url(&url) => {}
        Text::Is(_) => return Err(MessageError::Source),
        Text::NotAString | Text::NotUnicode => return Err(MessageError::NotAString("source")),
    }
    match Text::of(kind) {
        Text::Is(_) => Wish::of(members, text, limits.promises),
        // Half a character could never be matched by a filter, which is Unicode text.
        Text::NotAString | Text::NotUnicode => Err(MessageError::NotAString("type")),
    }
}
