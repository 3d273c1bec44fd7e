//! What a token lets do: what it says in our words, of what its issuer may speak for.
//!
//! Two claims say it, and each adds to the other: `scope` in the words of [`Scope`], and entries of the type `backplane` in
//! `authorization_details` (RFC 9396). What names no bus gives nothing.

use std::collections::BTreeSet;

use backplane_actors::{BusName, ChannelName};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::error::{DetailsError, ForeignError};
use crate::access::scope::{Facts, Scope, ScopeError};

/// The type of entries that are for here.
const TYPE: &str = "backplane";
/// The word that lets whoever may read by his scope post as well.
const POST: &str = "backplane:post";
/// Most entries of `authorization_details` (I-5).
const DETAILS_MAX: usize = 64;

/// What a token lets do. It is within what its issuer may speak for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permits(Box<[Permit]>);

/// The scope names at least one bus.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Permit {
    reads: bool,
    posts: bool,
    scope: Scope,
}

/// A message that somebody wants to post.
#[derive(Clone, Copy)]
pub struct Proposed<'a> {
    /// The bus.
    pub bus: &'a BusName,
    /// The channel.
    pub channel: &'a ChannelName,
    /// The source (MSG-1).
    pub source: &'a str,
    /// The type (MSG-2).
    pub kind: &'a str,
    /// Whether it is to be sticky.
    pub sticky: bool,
}

/// An entry of `authorization_details`.
#[derive(Deserialize)]
struct Kind<'t> {
    #[serde(borrow, rename = "type")]
    kind: std::borrow::Cow<'t, str>,
}

/// One of ours. What is not understood might narrow it, so nothing is passed over.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    #[serde(rename = "type")]
    _kind: String,
    actions: Vec<Action>,
    buses: Vec<String>,
    channels: Option<Vec<String>>,
    types: Option<Vec<String>>,
    sources: Option<Vec<String>>,
    sticky: Option<bool>,
}

#[derive(Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Action {
    Read,
    Post,
}

impl Permits {
    /// What the claims `scope` and `authorization_details` say, of these buses.
    pub(super) fn of(
        scope: Option<&str>,
        details: Option<&RawValue>,
        buses: &BTreeSet<BusName>,
    ) -> Result<Self, ForeignError> {
        let mut permits = Vec::new();
        if let Some(text) = scope {
            permits.extend(of_scope(text).map_err(ForeignError::Scope)?);
        }
        if let Some(details) = details {
            permits.extend(of_details(details)?);
        }
        let permits: Box<[Permit]> = permits.into_iter().filter_map(|permit| permit.within(buses)).collect();
        if permits.is_empty() { Err(ForeignError::NoBus) } else { Ok(Self(permits)) }
    }

    /// The buses that it reaches, whatever it may do there.
    #[must_use]
    pub fn buses(&self) -> BTreeSet<&BusName> {
        self.0.iter().flat_map(|permit| permit.scope.buses()).collect()
    }

    /// Whether it lets read anything of this bus.
    #[must_use]
    pub fn reads(&self, bus: &BusName) -> bool {
        self.reading().any(|scope| scope.buses().contains(bus))
    }

    /// Whether it lets see a message that these are the facts of (V2-SCOPE-1).
    #[must_use]
    pub fn lets_see(&self, facts: &Facts<'_>) -> bool {
        self.reading().any(|scope| scope.matches(facts))
    }

    /// Whether it lets post such a message: what it may see by the same words.
    #[must_use]
    pub fn lets_post(&self, proposed: &Proposed<'_>) -> bool {
        let Proposed { bus, channel, source, kind, sticky } = *proposed;
        // It has no URL yet, so who may use certain ones only may not post it.
        let facts = Facts { bus, channel, source, kind, sticky, message_url: &String::new };
        self.0.iter().any(|permit| permit.posts && permit.scope.matches(&facts))
    }

    /// Whether it lets see nothing but sticky messages.
    #[must_use]
    pub fn sees_sticky_alone(&self) -> bool {
        self.reading().all(|scope| scope.sticky() == Some(true))
    }

    /// Whether it lets see all of each of these buses.
    #[must_use]
    pub fn sees_all_of<'b>(&self, mut buses: impl Iterator<Item = &'b BusName>) -> bool {
        let whole = |scope: &&Scope| scope.without_buses() == Scope::default();
        buses.all(|bus| self.reading().filter(whole).any(|scope| scope.buses().contains(bus)))
    }

    fn reading(&self) -> impl Iterator<Item = &Scope> {
        self.0.iter().filter(|permit| permit.reads).map(|permit| &permit.scope)
    }
}

impl Permit {
    /// What is left of it where its issuer speaks for no other buses than these.
    fn within(self, buses: &BTreeSet<BusName>) -> Option<Self> {
        let left: Vec<_> = self.scope.buses().intersection(buses).cloned().collect();
        // A scope without buses would let see all of them.
        if left.is_empty() {
            return None;
        }
        Some(Self { scope: self.scope.with_buses(left).ok()?, ..self })
    }
}

/// What is said in our words. Other words, such as `openid`, are for somebody else.
fn of_scope(text: &str) -> Result<Option<Permit>, ScopeError> {
    let ours: Vec<_> = text.split(' ').filter(|word| Scope::is_part(word)).collect();
    let scope = Scope::parse(&ours.join(" "))?;
    let posts = text.split(' ').any(|word| word == POST);
    Ok(scope.has_bus().then_some(Permit { reads: true, posts, scope }))
}

fn of_details(json: &RawValue) -> Result<Vec<Permit>, DetailsError> {
    let entries: Vec<&RawValue> = serde_json::from_str(json.get()).map_err(|_| DetailsError::Form)?;
    if entries.len() > DETAILS_MAX {
        return Err(DetailsError::TooMany(DETAILS_MAX));
    }
    let mut permits = Vec::new();
    for entry in entries {
        let Kind { kind } = serde_json::from_str(entry.get()).map_err(|_| DetailsError::Form)?;
        if kind == TYPE {
            let entry: Entry = serde_json::from_str(entry.get()).map_err(|_| DetailsError::Form)?;
            permits.push(entry.permit()?);
        }
    }
    Ok(permits)
}

impl Entry {
    fn permit(self) -> Result<Permit, DetailsError> {
        let Self { actions, buses, channels, types, sources, sticky, _kind } = self;
        let lists = [("bus", Some(buses)), ("channel", channels), ("type", types), ("source", sources)];
        let mut words = Vec::new();
        for (field, list) in lists {
            let Some(list) = list else { continue };
            // An empty list would be one that holds nobody up.
            if list.is_empty() {
                return Err(DetailsError::Form);
            }
            for value in list {
                // It would be more than one word of a scope.
                if value.contains(' ') {
                    return Err(DetailsError::Form);
                }
                words.push(format!("{field}:{value}"));
            }
        }
        words.extend(sticky.map(|sticky| format!("sticky:{sticky}")));
        if actions.is_empty() {
            return Err(DetailsError::Form);
        }
        let scope = Scope::parse(&words.join(" ")).map_err(DetailsError::Value)?;
        let may = |action| actions.contains(&action);
        Ok(Permit { reads: may(Action::Read), posts: may(Action::Post), scope })
    }
}
