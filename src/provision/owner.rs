//! What owners of buses do themselves: they let clients use them, and take that back (V2-AUTHZ-1).

use std::collections::BTreeSet;
use std::sync::Arc;

use backplane_actors::{BusName, Timestamp};

use super::kind::Kind;
use super::order::{GrantWish, OnlyIf, Order, Refusal};
use super::problem::failure;
use super::registrar::{ChangeError, Registrar};
use super::who::Who;
use crate::access::{ClientName, GrantId};
use crate::auth::UserName;
use crate::error::ApiError;
use crate::store::Grantor;

/// A grant that covers buses of an owner, as the owner is shown it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OwnedGrant {
    pub(crate) id: GrantId,
    pub(crate) client: ClientName,
    /// Of the owner, in the order of their names.
    pub(crate) buses: Vec<BusName>,
    /// By the wall clock, for people.
    pub(crate) created: Timestamp,
    /// Whether the owner has given it, and may take it back. Others are an operator's.
    pub(crate) is_own: bool,
}

/// A client may use the buses now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Given {
    pub(crate) id: GrantId,
    /// It was not given before.
    pub(crate) is_new: bool,
}

/// Why a client may not.
#[derive(Debug)]
pub(crate) enum NotGiven {
    /// One of the buses is not, or no more, the owner's.
    NotOwned,
    /// There is no such client any more.
    NoClient,
    /// As many grants are made as may be.
    TooMany,
    /// It could not be kept.
    Failed(ApiError),
}

impl Registrar {
    /// Lets a client use these buses of their owner. Whoever gives the same once more has one grant, not two.
    pub(crate) async fn give(
        self: &Arc<Self>,
        owner: &UserName,
        client: &ClientName,
        buses: &BTreeSet<BusName>,
    ) -> Result<Given, NotGiven> {
        if let Some(id) = self.same(owner, client, buses) {
            return Ok(Given { id, is_new: false });
        }
        let granted = self.grant(owner.clone(), client.clone(), buses.clone()).await;
        granted.map(|id| Given { id, is_new: true }).map_err(|error| match error {
            ChangeError::Refused(refusals) => match refusals.into_iter().flatten().next() {
                Some(Refusal::Stranger(Kind::Clients, _)) => NotGiven::NoClient,
                Some(Refusal::TooMany { .. }) => NotGiven::TooMany,
                // A bus that is gone is nobody's.
                Some(_) => NotGiven::NotOwned,
                None => NotGiven::Failed(failure(&ChangeError::Impossible)),
            },
            error => NotGiven::Failed(failure(&error)),
        })
    }

    fn same(&self, owner: &UserName, client: &ClientName, buses: &BTreeSet<BusName>) -> Option<GrantId> {
        let by = Grantor::Owner(owner.clone());
        let state = self.state();
        let mut grants = state.books().made.grants.iter();
        let found =
            grants.find(|(_, grant)| grant.by == by && grant.client == *client && grant.buses == *buses);
        found.map(|(id, _)| id.clone())
    }

    /// Takes a grant back that the owner has given; whether there was one. Its tokens are good no longer, and open streams end.
    pub(crate) async fn take_back_grant(
        self: &Arc<Self>,
        owner: &UserName,
        id: &GrantId,
    ) -> Result<bool, ApiError> {
        let by = Grantor::Owner(owner.clone());
        // An id stays with what it was made for, so nobody can put another grant there meanwhile.
        let is_own = self.state().books().made.grants.get(id).is_some_and(|grant| grant.by == by);
        if !is_own {
            return Ok(false);
        }
        let order = Order::Grant { id: id.clone(), wish: GrantWish::Remove, only_if: OnlyIf::There };
        match self.change(Who::Owner(owner.clone()), vec![order]).await {
            Ok(_) => Ok(true),
            // Somebody else was faster.
            Err(ChangeError::Refused(_)) => Ok(false),
            Err(error) => Err(failure(&error)),
        }
    }

    /// What covers these buses of an owner, by the names of clients.
    pub(crate) fn grants_of(&self, owner: &UserName, estate: &BTreeSet<BusName>) -> Vec<OwnedGrant> {
        let by = Grantor::Owner(owner.clone());
        let state = self.state();
        let shown = state.books().made.grants.iter().filter_map(|(id, made)| {
            let buses: Vec<_> = made.buses.intersection(estate).cloned().collect();
            let (client, is_own) = (made.client.clone(), made.by == by);
            (!buses.is_empty()).then(|| OwnedGrant {
                id: id.clone(),
                client,
                buses,
                created: made.created,
                is_own,
            })
        });
        let mut grants: Vec<_> = shown.collect();
        grants.sort_by(|one, other| (&one.client, &one.id).cmp(&(&other.client, &other.id)));
        grants
    }
}
