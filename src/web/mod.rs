//! What browsers load from the server itself.
//!
//! | module | what lives there |
//! |---|---|
//! | `assets` | files that are part of the program, and how browsers keep them |
//! | `library` | the browser library |
//! | `demo` | the page at `/` of a server without configuration |

mod assets;
pub(crate) mod demo;
pub(crate) mod library;
