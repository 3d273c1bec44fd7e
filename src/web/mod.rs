//! What browsers load from the server itself.
//!
//! | module | what lives there |
//! |---|---|
//! | `assets` | files that are part of the program, and how browsers keep them |
//! | `library` | the browser library |
//! | `consent` | the pages on which owners of buses let clients use them |
//! | `demo` | the pages of a server without configuration |
//! | `description` | what the server answers, for programs and for people |

mod assets;
pub(crate) mod consent;
pub(crate) mod demo;
pub(crate) mod description;
pub(crate) mod library;
