//! What the server answers over HTTP: the description that it serves as `/openapi.json`, in `OpenAPI` 3.1, and the page `/openapi` of it.
//!
//! It is data, kept beside the server and not derived from it: routes are registered in loops over versions, answers are written by hand, and
//! what a call may answer with comes from many rooms. What holds the two together are tests, in both directions: each route of the
//! server is in here, and nothing else; each answer that a test gets is one that is described here, with a body as its schema has it.
//!
//! All is pure, and done once, when the server is built (`build.rs`).
//!
//! | module | what lives there |
//! |---|---|
//! | `admin` | `/admin/v1` |
//! | `consent` | the pages on which owners let clients use their buses |
//! | `discovery` | `/.well-known` |
//! | `document` | paths and components, put together |
//! | `files` | the browser library, and this description itself |
//! | `historical` | the provisioning calls of the historical server |
//! | `operation` | one call: what it takes, what it answers |
//! | `page` | the document for people |
//! | `parameters` | parameters that several calls have |
//! | `probes` | what operators and their probes ask |
//! | `refusals` | what may go wrong, by the shape in which each family of calls says so |
//! | `schemas` | shapes of bodies |
//! | `v1` | versions 1.0 to 1.3 |
//! | `v2` | version 2.0 |

mod admin;
mod consent;
mod discovery;
mod document;
mod files;
mod historical;
mod operation;
mod page;
mod parameters;
mod probes;
mod refusals;
mod schemas;
mod v1;
mod v2;

pub use self::page::page;
pub use self::refusals::CODES;

use serde_json::Value;

use self::document::Document;

/// Whose calls a document has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listener {
    /// Those that anybody reaches.
    Public,
    /// The same where `provision.public` lets the historical provisioning calls be among them.
    PublicWithProvisioning,
    /// Those of the listener for operators, and all others.
    Operators,
}

impl Listener {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Public, Self::PublicWithProvisioning, Self::Operators];

    /// What files of the document are called, without what stands behind the dot.
    #[must_use]
    pub const fn file(self) -> &'static str {
        match self {
            Self::Public => "openapi-public",
            Self::PublicWithProvisioning => "openapi-provisioning",
            Self::Operators => "openapi-operators",
        }
    }
}

/// The document of a listener. `release` is the server's version.
#[must_use]
pub fn document(listener: Listener, release: &str) -> Value {
    let mut document = Document::of(listener);
    v1::describe(&mut document);
    v2::describe(&mut document);
    consent::describe(&mut document);
    discovery::describe(&mut document);
    files::describe(&mut document);
    probes::describe(&mut document);
    if listener != Listener::Public {
        historical::describe(&mut document);
    }
    if listener == Listener::Operators {
        probes::describe_metrics(&mut document);
        admin::describe(&mut document);
    }
    document.finish(release)
}

#[cfg(test)]
mod tests;
