//! The same requests where no server runs: the store is opened here.

use std::path::{Path, PathBuf};

use backplane_actors::BusName;
use rustix::process::geteuid;
use serde_json::Value;

use super::books::Books;
use super::kind::Kind;
use super::order::{Action, OnlyIf};
use super::outcome::carry_out;
use super::pages;
use super::problem::Problem;
use super::random;
use super::resources::{self, Asked, Verb};
use super::who::{Who, audit};
use crate::access::ledger::Ledger;
use crate::config::Config;
use crate::error::ErrorCode;
use crate::store::{
    DiskStore, Made, MergeError, Merged, Store as _, StoreError, TokenStore as _, kept, merge,
};

/// The store of a server that does not run. Requests and answers are those of `/admin/v1`.
#[derive(Debug, Clone)]
pub struct Direct {
    folder: PathBuf,
    config: Config,
}

/// Why a request has no answer.
#[derive(Debug, thiserror::Error)]
pub enum DirectError {
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What was made does not go with the configuration, and the request does not mend it.
    #[error(transparent)]
    Merge(#[from] MergeError),
    /// The system has no randomness to give.
    #[error("the system's source of randomness failed")]
    Randomness,
}

impl Direct {
    /// Of a server with this configuration, whose data are in this folder.
    #[must_use]
    pub fn new(folder: &Path, config: &Config) -> Self {
        Self { folder: folder.to_owned(), config: config.clone() }
    }

    /// Answers a request: the status, and JSON. `path` is what follows `/admin/v1/`, with its query; `absent` says that
    /// nothing of the name may be there.
    ///
    /// # Errors
    ///
    /// [`DirectError`]: nothing has changed.
    pub fn call(
        &self,
        method: &str,
        path: &str,
        body: Option<Value>,
        absent: bool,
    ) -> Result<(u16, Value), DirectError> {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let (segment, name) = path.split_once('/').unwrap_or((path, ""));
        let (name, part) = name.split_once('/').unwrap_or((name, ""));
        let name = decoded(name);
        let Some(kind) = Kind::of(segment) else {
            return Ok(refused(&Problem::new(ErrorCode::NotFound, Kind::THERE_ARE)));
        };
        match (kind, part, method) {
            (_, "", _) => {}
            (Kind::Buses, pages::PAGES, "DELETE") => return self.end_pages(&name),
            _ => return Ok(refused(&Problem::new(ErrorCode::NotFound, Kind::THERE_ARE))),
        }
        let only_if = if absent { OnlyIf::Absent } else { OnlyIf::Always };
        let order = |verb, body| resources::order(kind, &name, verb, body, only_if);
        let asked = match method {
            "POST" => resources::make(kind, body.unwrap_or_default(), caller().grantor()),
            "PUT" => order(Verb::Put, body),
            "PATCH" => order(Verb::Patch, body),
            "DELETE" => order(Verb::Delete, None),
            _ => return self.look(kind, &name, query),
        };
        match asked {
            Ok(asked) => self.change(asked),
            Err(problem) => Ok(refused(&problem)),
        }
    }

    fn look(&self, kind: Kind, name: &str, query: &str) -> Result<(u16, Value), DirectError> {
        let mut made = kept(&self.folder)?;
        // As the next start will have it.
        made.settle(&self.config);
        let in_force = merge(&self.config, &made)?.config;
        let books = Books { base: &self.config, made: &made, in_force: &in_force };
        let found = if name.is_empty() {
            resources::list(&books, kind, query)
        } else {
            resources::one(&books, kind, name).map(|shown| shown.json)
        };
        Ok(found.map_or_else(|problem| refused(&problem), |json| (200, json)))
    }

    fn change(&self, Asked { order, secret }: Asked) -> Result<(u16, Value), DirectError> {
        let (kind, name) = (order.kind(), order.name().to_owned());
        let store = DiskStore::open_alone(&self.folder)?;
        let before = store.load()?;
        // What does not go with the configuration may be what is mended here.
        let in_force = self.in_force(&before);
        let books = Books { base: &self.config, made: &before, in_force: &in_force };
        let occasion = random::occasion().map_err(|_| DirectError::Randomness)?;
        let outcome = match carry_out(&books, &[order], occasion) {
            Ok(outcome) => outcome,
            Err(refusals) => {
                let refusal = refusals.into_iter().flatten().next();
                let problem = refusal.map(|refusal| Problem::of_refusal(kind, refusal));
                let unclear = || Problem::new(ErrorCode::InternalError, "the change contradicts itself");
                return Ok(refused(&problem.unwrap_or_else(unclear)));
            }
        };
        store.commit(&outcome.made.since(&before))?;
        let ledger = Ledger::of(store.load_tokens()?);
        let gone = before.buses.keys().filter(|bus| !outcome.made.buses.contains_key(*bus));
        let forgotten: Vec<_> = gone.flat_map(|bus| ledger.forget_bus(bus).changes).collect();
        store.commit_tokens(&forgotten)?;
        audit(&caller(), &outcome.done);
        audit(&caller(), &outcome.followed);
        let in_force = self.in_force(&outcome.made);
        let books = Books { base: &self.config, made: &outcome.made, in_force: &in_force };
        let is_new = outcome.done.iter().any(|done| done.action == Action::Make);
        Ok(match books.find(kind, &name) {
            Some(mut shown) => {
                if let (Some(secret), Some(json)) = (secret, shown.json.as_object_mut()) {
                    json.insert("secret".to_owned(), Value::from(secret.as_str()));
                }
                (if is_new { 201 } else { 200 }, shown.json)
            }
            None => (204, Value::Null),
        })
    }

    fn end_pages(&self, name: &str) -> Result<(u16, Value), DirectError> {
        let store = DiskStore::open_alone(&self.folder)?;
        let made = store.load()?;
        let in_force = self.in_force(&made);
        let books = Books { base: &self.config, made: &made, in_force: &in_force };
        let Some(bus) = books.find(Kind::Buses, name).and_then(|_| name.parse::<BusName>().ok()) else {
            return Ok(refused(&Problem::unknown(Kind::Buses)));
        };
        let now = random::occasion().map_err(|_| DirectError::Randomness)?.now;
        store.commit_tokens(&Ledger::default().end_pages(bus.clone(), now).changes)?;
        pages::ended(&caller(), &bus);
        Ok((pages::ENDED.as_u16(), Value::Null))
    }

    /// What a server would have in force, but for buses that would keep it from starting.
    fn in_force(&self, made: &Made) -> Config {
        let mut good = made.clone();
        loop {
            match merge(&self.config, &good) {
                Ok(Merged { config, .. }) => return config,
                Err(error) => {
                    tracing::warn!(%error, "a server does not start with this");
                    // Each time one less.
                    good.buses.remove(&error.bus);
                }
            }
        }
    }
}

fn caller() -> Who {
    Who::CommandLine(geteuid().as_raw())
}

fn refused(problem: &Problem) -> (u16, Value) {
    (problem.status().as_u16(), problem.json())
}

/// A name as a path has it. `+` is a plus.
fn decoded(name: &str) -> String {
    let name = name.replace('+', "%2B");
    url::form_urlencoded::parse(format!("name={name}").as_bytes())
        .next()
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}
