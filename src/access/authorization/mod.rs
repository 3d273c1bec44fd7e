//! What a client asks an owner of buses for, by way of the owner's browser, and how it is answered there (V2-AUTHZ-1; RFC 6749 section 4.1,
//! RFC 7636, RFC 9207).
//!
//! | module | what lives there |
//! |---|---|
//! | `ask` | the request: who asks, where to answer, and what for |
//! | `answer` | the URL that the browser is sent back to |
//! | `form` | parameters as bytes, so that `state` returns as it came |

mod answer;
mod ask;
mod form;
#[cfg(test)]
mod tests;

pub use self::answer::{AuthorizationError, origin_for_forms, sent_back};
pub use self::ask::{Addressed, Ask, NobodyToAnswer, STATE_MAX, State, Wish, WrongAsk};
pub(crate) use self::form::pairs;
