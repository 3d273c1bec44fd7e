//! A ledger with clients, buses, grants and a clock.

use std::collections::{HashMap, HashSet};

use zeroize::Zeroizing;

use super::super::*;
use crate::access::client::ClientUrl;
use crate::access::scope::Scope;
use crate::access::text::TokenText;

pub(super) const ACCESS: Duration = Duration::from_hours(1);
pub(super) const REFRESH: Duration = Duration::from_hours(24);
pub(super) const REDIRECT: &str = "https://one.example/back";
pub(super) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

pub(super) fn grant_id(number: usize) -> GrantId {
    format!("{number:022}").parse().unwrap()
}

#[derive(Default)]
pub(super) struct Grants {
    held: HashMap<(String, String), GrantId>,
    clients: HashSet<String>,
    made: usize,
}

impl Granted for Grants {
    fn client_is_there(&self, client: &ClientName) -> bool {
        self.clients.contains(client.as_str())
    }

    fn holds(&self, client: &ClientName, grant: &GrantId, bus: &BusName) -> bool {
        self.held.get(&(client.to_string(), bus.to_string())) == Some(grant)
    }

    fn pairs_of(&self, client: &ClientName) -> Vec<(BusName, GrantId)> {
        let own = self.held.iter().filter(|((of, _), _)| *of == client.as_str());
        own.map(|((_, bus), grant)| (bus.parse().unwrap(), grant.clone())).collect()
    }
}

pub(super) struct World {
    pub(super) ledger: Ledger,
    pub(super) settings: LedgerSettings,
    pub(super) now: Timestamp,
    grants: Grants,
    drawn: u64,
}

impl World {
    /// Two clients, each with the buses a and b.
    pub(super) fn new() -> Self {
        let settings = LedgerSettings { access: ACCESS, refresh: REFRESH, per_client: 1_000, total: 10_000 };
        let now = Timestamp::from_millis(1_700_000_000_000);
        let mut world =
            Self { ledger: Ledger::default(), settings, now, grants: Grants::default(), drawn: 0 };
        for (client, bus) in [("one", "a"), ("one", "b"), ("two", "a"), ("two", "b")] {
            world.grant(client, bus);
        }
        world
    }

    pub(super) fn grant(&mut self, client: &str, bus: &str) {
        self.grants.made += 1;
        let id = grant_id(self.grants.made);
        self.grants.clients.insert(client.to_owned());
        self.grants.held.entry((client.to_owned(), bus.to_owned())).or_insert(id);
    }

    pub(super) fn revoke_grant(&mut self, client: &str, bus: &str) {
        self.grants.held.remove(&(client.to_owned(), bus.to_owned()));
    }

    pub(super) fn remove_bus(&mut self, bus: &str) {
        self.grants.held.retain(|(_, of), _| of != bus);
    }

    pub(super) fn remove_client(&mut self, client: &str) {
        self.grants.held.retain(|(of, _), _| of != client);
        self.grants.clients.remove(client);
    }

    pub(super) fn is_granted(&self, client: &str, bus: &str, grant: &GrantId) -> bool {
        self.grants.holds(&client.parse().unwrap(), grant, &bus.parse().unwrap())
    }

    pub(super) fn wait(&mut self, span: Duration) {
        self.now = self.now.after(span);
    }

    /// Never the same bytes twice.
    fn fresh(&mut self) -> Fresh {
        self.drawn += 1;
        let mut bytes = Zeroizing::new([0; FRESH_LENGTH]);
        for (place, part) in bytes.chunks_mut(32).enumerate() {
            let drawn = Digest::of(format!("{} {place}", self.drawn).as_bytes());
            part.copy_from_slice(drawn.as_bytes());
        }
        Fresh::new(bytes)
    }

    pub(super) fn take<T>(&mut self, step: Step<T>) -> T {
        self.ledger.apply(step.changes);
        step.outcome
    }

    pub(super) fn credentials(&mut self, client: &str, scope: &str) -> Result<Issued, IssueError> {
        let (client, scope, fresh) = (client.parse().unwrap(), Scope::parse(scope).unwrap(), self.fresh());
        let step =
            self.ledger.client_credentials(&self.settings, (&client, &scope), &self.grants, self.now, &fresh);
        self.take(step)
    }

    pub(super) fn code(&mut self, client: &str, scope: &str) -> Result<TokenText, IssueError> {
        let (client, scope, fresh) = (client.parse().unwrap(), Scope::parse(scope).unwrap(), self.fresh());
        let redirect: ClientUrl = REDIRECT.parse().unwrap();
        let wish = CodeWish {
            client: &client,
            redirect: &redirect,
            challenge: Challenge::parse(Some(CHALLENGE), Some("S256")).unwrap(),
            scope: &scope,
            granted: &self.grants.pairs_of(&client),
        };
        let step = self.ledger.code(&self.settings, &wish, &self.grants, self.now, &fresh);
        self.take(step)
    }

    pub(super) fn exchange(&mut self, client: &str, code: &TokenText) -> Result<Issued, IssueError> {
        self.exchanged(client, code.as_str(), REDIRECT, VERIFIER)
    }

    pub(super) fn exchanged(
        &mut self,
        client: &str,
        code: &str,
        redirect: &str,
        verifier: &str,
    ) -> Result<Issued, IssueError> {
        let (client, fresh) = (client.parse().unwrap(), self.fresh());
        let exchange = Exchange { client: &client, code, redirect, verifier };
        let step = self.ledger.exchange(&self.settings, &exchange, &self.grants, self.now, &fresh);
        self.take(step)
    }

    pub(super) fn refresh(
        &mut self,
        client: &str,
        text: &str,
        asked: Option<&str>,
    ) -> Result<Issued, IssueError> {
        let (client, fresh) = (client.parse().unwrap(), self.fresh());
        let asked = asked.map(|asked| Scope::parse(asked).unwrap());
        let wish = (&client, text, asked.as_ref());
        let step = self.ledger.refresh(&self.settings, wish, &self.grants, self.now, &fresh);
        self.take(step)
    }

    pub(super) fn revoke(&mut self, client: &str, text: &str) {
        let step = self.ledger.revoke(text, &client.parse().unwrap());
        self.take(step);
    }

    pub(super) fn introspect(&self, client: &str, text: &str) -> Option<Introspection> {
        self.ledger.introspect(text, &client.parse().unwrap(), &self.grants, self.now)
    }

    pub(super) fn check(&self, text: &str) -> Result<String, TokenError> {
        let token = self.ledger.find(text)?;
        token.is_good(&self.grants, self.now)?;
        Ok(token.client.to_string())
    }
}
