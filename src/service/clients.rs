//! The clients of version 2.0 with their grants, and whose the buses are: what requests ask at each turn.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use actix_web::HttpRequest;
use backplane_actors::BusName;
use foldhash::fast::RandomState;

use super::Service;
use crate::access::{ClientName, ClientUrl, GrantId, Tenancy};
use crate::auth::{self, Accounts, PasswordHash};
use crate::error::{ApiError, ErrorCode};

/// What a client may use: buses that are there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Grant {
    pub(crate) id: GrantId,
    pub(crate) buses: BTreeSet<BusName>,
}

/// A client as it is now. A request keeps it until its end, whatever becomes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Client {
    name: ClientName,
    source: ClientUrl,
    redirects: Vec<ClientUrl>,
    grants: Vec<Grant>,
}

impl Client {
    /// One without grants.
    pub(crate) fn new(name: ClientName, source: ClientUrl, redirects: Vec<ClientUrl>) -> Self {
        Self { name, source, redirects, grants: Vec::new() }
    }

    pub(crate) const fn name(&self) -> &ClientName {
        &self.name
    }

    /// The source of its messages (V2-POST-3).
    pub(crate) const fn source(&self) -> &ClientUrl {
        &self.source
    }

    /// Where its users may come back to (V2-AUTHZ-1).
    pub(crate) fn redirects(&self) -> &[ClientUrl] {
        &self.redirects
    }

    /// What it was granted, in the order of ids.
    pub(crate) fn grants(&self) -> &[Grant] {
        &self.grants
    }
}

/// All clients, at one moment.
#[derive(Debug, Default)]
pub(crate) struct Clients {
    by_name: HashMap<ClientName, Arc<Client>, RandomState>,
    /// Their secrets.
    accounts: Accounts,
    /// Of buses that are made.
    tenancies: HashMap<BusName, Tenancy, RandomState>,
}

impl Clients {
    /// These clients, each with its secret, and these grants, each with the name of its client. A grant of nobody is none.
    pub(crate) fn new<'a>(
        clients: impl IntoIterator<Item = (Client, PasswordHash)>,
        grants: impl IntoIterator<Item = (&'a str, Grant)>,
        tenancies: HashMap<BusName, Tenancy, RandomState>,
    ) -> Self {
        let (mut by_name, mut accounts) = (HashMap::<ClientName, Client>::new(), Accounts::new());
        for (client, secret) in clients {
            // A name that is there twice has the first secret.
            _ = accounts.add(client.name.account().clone(), secret);
            by_name.entry(client.name.clone()).or_insert(client);
        }
        for (client, grant) in grants {
            if let Some(client) = by_name.get_mut(client) {
                client.grants.push(grant);
            }
        }
        Self {
            by_name: by_name.into_iter().map(|(name, it)| (name, Arc::new(it))).collect(),
            accounts,
            tenancies,
        }
    }

    /// Which bus of its name it is.
    pub(crate) fn tenancy(&self, bus: &BusName) -> Tenancy {
        self.tenancies.get(bus).copied().unwrap_or(Tenancy::CONFIGURED)
    }

    /// The client of this name.
    pub(crate) fn find(&self, name: &str) -> Option<Arc<Client>> {
        self.by_name.get(name).cloned()
    }

    /// Whether the client has this grant, and it covers the bus: asked again at each use of a token that was issued for it.
    pub(crate) fn holds(&self, client: &ClientName, grant: &GrantId, bus: &BusName) -> bool {
        self.by_name
            .get(client)
            .is_some_and(|it| it.grants.iter().any(|held| held.id == *grant && held.buses.contains(bus)))
    }
}

impl Service {
    /// The clients as they are now.
    pub(crate) fn clients(&self) -> Arc<Clients> {
        self.tokens.clients()
    }

    /// From now on these clients have these grants. What was verified of other secrets counts no more.
    pub(crate) fn replace_clients(&self, clients: Clients) {
        self.client_authenticator.set_accounts(clients.accounts.clone());
        self.tokens.replace_clients(clients);
        self.note_change();
    }

    /// Which client asks (V2-TOK-1): by HTTP Basic, with the rules of users for where credentials may travel and how guessing is slowed down.
    /// Clients are no users, and users are no clients. The id and the secret may be encoded as in a form (RFC 6749 section 2.3.1).
    pub(crate) async fn authenticate_client(&self, request: &HttpRequest) -> Result<ClientName, ApiError> {
        let address = self.admit_credentials(request)?;
        let values = auth::authorization(request);
        let account = self.client_authenticator.authenticate_encoded(values, address).await?;
        let client = self.clients().find(account.as_str());
        // Removed meanwhile.
        let gone = || ApiError::new(ErrorCode::InvalidCredentials, "there is no such client any more");
        client.map(|client| client.name().clone()).ok_or_else(gone)
    }
}
