//! Who has signed in, and what waits for an answer: in memory alone, bounded, and by time that only goes on. Pure: time is an argument.
//!
//! A browser has the id of its session, and only the digest of that is kept. Nothing is kept of whoever has not signed in.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::time::Duration;

use backplane_actors::BusName;
use foldhash::fast::RandomState;

use crate::access::authorization::{State, Wish};
use crate::access::{ClientName, ClientUrl, Digest};
use crate::auth::{PasswordHash, UserName};

/// Without a request for so long a session is over.
pub(super) const IDLE: Duration = Duration::from_mins(30);
/// The longest that a session lasts, however busy it is.
pub(super) const LIFETIME: Duration = Duration::from_hours(8);
/// How long a client's request waits for its answer.
pub(super) const PENDING_LIFETIME: Duration = Duration::from_mins(10);
/// Sessions of everybody (I-5): with one more the one goes that was not used for the longest time.
const SESSIONS_MAX: usize = 4_096;
/// Sessions of one user (I-5): the same.
const PER_USER: usize = 8;
/// Requests of clients that wait in one session (I-5): with one more the oldest goes.
const PENDING_MAX: usize = 4;

/// What a client asks for, as it was shown: that, and nothing that a browser could change, is what is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pending {
    pub(super) client: ClientName,
    pub(super) redirect: ClientUrl,
    pub(super) state: State,
    pub(super) wish: Wish,
    /// The owner's buses that it is about; none: it can only be refused.
    pub(super) buses: BTreeSet<BusName>,
}

#[derive(Debug)]
struct Session {
    user: UserName,
    /// What the password was right for: with another one the session is over.
    password: PasswordHash,
    began: Duration,
    seen: Duration,
    pending: VecDeque<(Digest, Duration, Pending)>,
}

impl Session {
    fn is_over(&self, now: Duration) -> bool {
        now >= self.seen.saturating_add(IDLE) || now >= self.began.saturating_add(LIFETIME)
    }
}

/// All sessions.
#[derive(Debug, Default)]
pub(super) struct Sessions(HashMap<Digest, Session, RandomState>);

impl Sessions {
    /// Somebody has signed in.
    pub(super) fn begin(&mut self, id: Digest, (user, password): (UserName, PasswordHash), now: Duration) {
        self.0.retain(|_, session| !session.is_over(now));
        if self.0.values().filter(|session| session.user == user).count() >= PER_USER {
            self.drop_stalest(|session| session.user == user);
        }
        if self.0.len() >= SESSIONS_MAX {
            self.drop_stalest(|_| true);
        }
        self.0.insert(id, Session { user, password, began: now, seen: now, pending: VecDeque::new() });
    }

    fn drop_stalest(&mut self, is_meant: impl Fn(&Session) -> bool) {
        let meant = self.0.iter().filter(|(_, session)| is_meant(session));
        let stalest = meant.min_by_key(|(_, session)| (session.seen, session.began)).map(|(id, _)| *id);
        if let Some(id) = stalest {
            self.0.remove(&id);
        }
    }

    /// Whose session this is, if it is one that goes on; it is used by that. `has_password` says whether a user has this password still.
    pub(super) fn find(
        &mut self,
        id: &Digest,
        now: Duration,
        has_password: impl FnOnce(&UserName, &PasswordHash) -> bool,
    ) -> Option<UserName> {
        let session = self.0.get_mut(id)?;
        if session.is_over(now) || !has_password(&session.user, &session.password) {
            self.0.remove(id);
            return None;
        }
        session.seen = now;
        Some(session.user.clone())
    }

    /// Keeps what a client asks for until it is answered, under the digest of an id of its own.
    pub(super) fn ask(&mut self, id: &Digest, ask: Digest, pending: Pending, now: Duration) {
        let Some(session) = self.0.get_mut(id) else { return };
        if session.pending.len() >= PENDING_MAX {
            session.pending.pop_front();
        }
        session.pending.push_back((ask, now, pending));
    }

    /// What this session was asked under that id: once, and not for ever.
    pub(super) fn take(&mut self, id: &Digest, ask: &Digest, now: Duration) -> Option<Pending> {
        let pending = &mut self.0.get_mut(id)?.pending;
        let place = pending.iter().position(|(known, ..)| known.is(ask))?;
        let (_, since, pending) = pending.remove(place)?;
        (now < since.saturating_add(PENDING_LIFETIME)).then_some(pending)
    }

    /// Somebody has signed out.
    pub(super) fn end(&mut self, id: &Digest) {
        self.0.remove(id);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::access::authorization::Ask;

    const HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$MTIzNDU2Nzg5MDEyMzQ1Ng";

    fn id(number: usize) -> Digest {
        Digest::of(&number.to_be_bytes())
    }

    fn who(user: usize) -> (UserName, PasswordHash) {
        (format!("user{user}").parse().unwrap(), HASH.parse().unwrap())
    }

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn find(sessions: &mut Sessions, number: usize, now: Duration) -> Option<UserName> {
        sessions.find(&id(number), now, |_, _| true)
    }

    fn pending(state: &str) -> Pending {
        let ask = format!(
            "response_type=code&state={state}&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256"
        );
        let ask = Ask::of(&ask);
        Pending {
            client: "vendor".parse().unwrap(),
            redirect: "https://vendor.example/back".parse().unwrap(),
            state: ask.state(),
            wish: ask.wish().unwrap(),
            buses: BTreeSet::new(),
        }
    }

    #[test]
    fn a_session_ends_when_it_is_not_used_and_at_its_end() {
        let mut sessions = Sessions::default();
        sessions.begin(id(1), who(1), secs(0));
        let just = IDLE.saturating_sub(secs(1));
        assert!(find(&mut sessions, 1, just).is_some(), "it is used by that");
        assert!(find(&mut sessions, 1, just * 2).is_some());
        assert_eq!(find(&mut sessions, 1, just * 2 + IDLE), None);
        assert!(sessions.0.is_empty());
        sessions.begin(id(2), who(1), secs(0));
        let mut now = secs(0);
        while now < LIFETIME {
            assert!(find(&mut sessions, 2, now).is_some(), "{now:?}");
            now += just;
        }
        assert_eq!(find(&mut sessions, 2, LIFETIME), None);
    }

    #[test]
    fn a_session_ends_with_the_password_and_the_user() {
        let mut sessions = Sessions::default();
        sessions.begin(id(1), who(1), secs(0));
        assert_eq!(sessions.find(&id(1), secs(1), |user, hash| (user, hash) != (&who(1).0, &who(1).1)), None);
        assert_eq!(find(&mut sessions, 1, secs(1)), None, "for good");
    }

    #[test]
    fn i_5_sessions_are_bounded_in_all_and_for_each() {
        let mut sessions = Sessions::default();
        for number in 0..PER_USER {
            sessions.begin(id(number), who(0), secs(1));
        }
        assert!(find(&mut sessions, 0, secs(2)).is_some(), "used again, it stays");
        sessions.begin(id(PER_USER), who(0), secs(3));
        let left = (0..=PER_USER).filter(|number| find(&mut sessions, *number, secs(4)).is_some()).count();
        assert_eq!(left, PER_USER);
        assert!(find(&mut sessions, 0, secs(4)).is_some());
        for number in 100..100 + SESSIONS_MAX {
            sessions.begin(id(number), who(number), secs(5));
        }
        assert_eq!(sessions.0.len(), SESSIONS_MAX);
        assert!(find(&mut sessions, 99 + SESSIONS_MAX, secs(5)).is_some());
    }

    #[test]
    fn i_5_what_waits_is_answered_once_in_time_and_in_its_session_alone() {
        let mut sessions = Sessions::default();
        sessions.begin(id(1), who(1), secs(0));
        sessions.begin(id(2), who(2), secs(0));
        sessions.ask(&id(1), id(10), pending("a"), secs(0));
        assert_eq!(sessions.take(&id(2), &id(10), secs(1)), None, "another session");
        assert_eq!(sessions.take(&id(1), &id(11), secs(1)), None, "another id");
        assert_eq!(sessions.take(&id(1), &id(10), secs(1)), Some(pending("a")));
        assert_eq!(sessions.take(&id(1), &id(10), secs(1)), None, "once");
        sessions.ask(&id(1), id(10), pending("a"), secs(1));
        assert_eq!(sessions.take(&id(1), &id(10), secs(1) + PENDING_LIFETIME), None, "in time");
        for number in 0..=PENDING_MAX {
            sessions.ask(&id(1), id(20 + number), pending("b"), secs(2));
        }
        assert_eq!(sessions.take(&id(1), &id(20), secs(2)), None, "the oldest went");
        assert!(sessions.take(&id(1), &id(21), secs(2)).is_some());
        sessions.end(&id(1));
        assert_eq!(sessions.take(&id(1), &id(22), secs(2)), None);
    }

    proptest! {
        /// Whatever happens, nobody has more than the bound, and a session is whose it was begun as.
        #[test]
        fn sessions_are_never_mixed_up(steps in prop::collection::vec((0..3_usize, 0..20_usize, 0..900_u64), 1..80)) {
            let (mut sessions, mut now) = (Sessions::default(), secs(0));
            let mut begun = HashMap::new();
            for (user, number, later) in steps {
                now += secs(later);
                match begun.get(&number) {
                    None => {
                        sessions.begin(id(number), who(user), now);
                        begun.insert(number, user);
                    }
                    Some(owner) => {
                        let found = find(&mut sessions, number, now);
                        prop_assert!(found.is_none_or(|found| found == who(*owner).0));
                    }
                }
                for user in 0..3 {
                    let own = sessions.0.values().filter(|session| session.user == who(user).0).count();
                    prop_assert!(own <= PER_USER);
                }
            }
        }
    }
}
