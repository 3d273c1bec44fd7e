//! Bounds, and what goes to keep them (I-5).

use std::time::Duration;

use backplane_actors::Timestamp;

use super::{Granted, IssueError, Ledger, LedgerSettings, TokenChange};
use crate::access::client::ClientName;
use crate::access::text::Digest;

/// How long a family that is over is kept where there is room: its tokens are told to be over, and not to be unknown.
pub(super) const REMEMBERED: Duration = Duration::from_mins(10);
/// Families that go beside one that comes: more than one, so that none stays for want of a turn.
const SWEPT: usize = 64;

impl Ledger {
    /// What goes for one more family of this client.
    pub(super) fn room(
        &self,
        settings: &LedgerSettings,
        client: &ClientName,
        granted: &dyn Granted,
        now: Timestamp,
    ) -> Result<Vec<TokenChange>, IssueError> {
        let mut gone: Vec<Digest> = self.over(|end| now > end.after(REMEMBERED)).collect();
        let own = self.clients.get(client);
        let left = |gone: &[Digest]| {
            own.map_or(0, |own| own.len() - gone.iter().filter(|gone| own.contains(*gone)).count())
        };
        if left(&gone) >= settings.per_client {
            let is_dead = |id: &Digest| {
                self.families.get(id).is_some_and(|family| {
                    family.end() <= now
                        || family.reach().is_none_or(|reach| !reach.is_granted(client, granted))
                })
            };
            let dead = own.into_iter().flatten().filter(|id| is_dead(id)).take(SWEPT).copied();
            add(&mut gone, dead);
            if left(&gone) >= settings.per_client {
                return Err(IssueError::ClientFull(settings.per_client));
            }
        }
        if self.families.len().saturating_sub(gone.len()) >= settings.total {
            add(&mut gone, self.over(|end| end <= now));
            if self.families.len().saturating_sub(gone.len()) >= settings.total {
                return Err(IssueError::Full);
            }
        }
        Ok(gone.into_iter().map(|id| TokenChange::Family(id, None)).collect())
    }

    /// The first of those whose end is so.
    fn over(&self, is_over: impl Fn(Timestamp) -> bool) -> impl Iterator<Item = Digest> {
        self.ends.iter().take_while(move |(end, _)| is_over(*end)).map(|(_, id)| *id).take(SWEPT)
    }
}

fn add(gone: &mut Vec<Digest>, more: impl Iterator<Item = Digest>) {
    for id in more {
        if !gone.contains(&id) {
            gone.push(id);
        }
    }
}
