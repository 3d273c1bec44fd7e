//! How tokens come to be: client credentials, codes, refreshing.

use std::sync::Arc;
use std::time::Duration;

use backplane_actors::{BusName, Timestamp};

use super::fresh::Handle;
use super::{
    Access, CODE_LIFETIME, Challenge, Family, Fresh, Granted, IssueError, Ledger, LedgerSettings, NotGood,
    Privileged, Reach, Refresh, State, Step, TokenChange, WaitingCode,
};
use crate::access::client::{ClientName, ClientUrl, GrantId};
use crate::access::scope::Scope;
use crate::access::text::{Digest, TokenKind, TokenText};

/// What a client is given. It is nowhere else.
#[derive(Debug, Clone)]
pub struct Issued {
    /// The access token.
    pub access: TokenText,
    /// How long it is good.
    pub expires_in: Duration,
    /// What it reaches.
    pub reach: Arc<Reach>,
    /// The refresh token, of those that came of a code.
    pub refresh: Option<TokenText>,
}

/// What a code is issued for.
#[derive(Debug, Clone)]
pub struct CodeWish<'a> {
    /// To whom.
    pub client: &'a ClientName,
    /// Where the user is sent with it.
    pub redirect: &'a ClientUrl,
    /// What has to be proved when it is exchanged.
    pub challenge: Challenge,
    /// What was asked for.
    pub scope: &'a Scope,
    /// What the owner of the buses has granted just now.
    pub granted: &'a [(BusName, GrantId)],
}

/// What a code is exchanged with: secrets, which nothing shows (I-8).
#[derive(Clone, Copy)]
pub struct Exchange<'a> {
    /// Who exchanges it, proved by a password.
    pub client: &'a ClientName,
    /// The code.
    pub code: &'a str,
    /// Where the client says the user was sent with it.
    pub redirect: &'a str,
    /// What proves that the client asked for it.
    pub verifier: &'a str,
}

impl Ledger {
    /// An access token for a client that has proved who it is (V2-TOK-1). There is no refresh token: it can ask again (RFC 6749 section
    /// 4.4.3).
    pub fn client_credentials(
        &self,
        settings: &LedgerSettings,
        (client, asked): (&ClientName, &Scope),
        granted: &dyn Granted,
        now: Timestamp,
        fresh: &Fresh,
    ) -> Step<Result<Issued, IssueError>> {
        let issue = || {
            let reach = self.shared(client, Reach::new(asked, &granted.pairs_of(client))?);
            let changes = self.room(settings, client, granted, now)?;
            Ok((reach, changes))
        };
        let (reach, mut changes) = match issue() {
            Ok(issue) => issue,
            Err(error) => return refused(error),
        };
        let (text, access) = access(settings, client, &reach, now, fresh);
        let id = access.digest;
        let state = State::Tokens { access: Some(access), refresh: None };
        changes.push(put(id, client, state));
        let issued = Issued { access: text, expires_in: settings.access, reach, refresh: None };
        Step { changes, outcome: Ok(issued) }
    }

    /// A code, good once and for [`CODE_LIFETIME`].
    pub fn code(
        &self,
        settings: &LedgerSettings,
        wish: &CodeWish<'_>,
        granted: &dyn Granted,
        now: Timestamp,
        fresh: &Fresh,
    ) -> Step<Result<TokenText, IssueError>> {
        let issue = || {
            let reach = self.shared(wish.client, Reach::new(wish.scope, wish.granted)?);
            let changes = self.room(settings, wish.client, granted, now)?;
            Ok((reach, changes))
        };
        let (reach, mut changes) = match issue() {
            Ok(issue) => issue,
            Err(error) => return refused(error),
        };
        let handle = fresh.handle();
        let text = fresh.handled(TokenKind::Code, &handle);
        let code = WaitingCode {
            digest: Digest::of(text.as_str().as_bytes()),
            redirect: wish.redirect.clone(),
            challenge: wish.challenge,
            reach,
            expires: now.after(CODE_LIFETIME),
        };
        changes.push(put(handle.family(), wish.client, State::Code(code)));
        Step { changes, outcome: Ok(text) }
    }

    /// Tokens for a code. The second time ends all that came of it (V2-TOK-3); what is not proved leaves it as it is.
    pub fn exchange(
        &self,
        settings: &LedgerSettings,
        exchange: &Exchange<'_>,
        granted: &dyn Granted,
        now: Timestamp,
        fresh: &Fresh,
    ) -> Step<Result<Issued, IssueError>> {
        let Exchange { client, code: text, redirect, verifier } = *exchange;
        let (handle, id, family) = match self.family_of(TokenKind::Code, text, client) {
            Ok(found) => found,
            Err(error) => return refused(error.into()),
        };
        let State::Code(code) = &family.state else { return replayed(id) };
        let checks = [
            (code.digest.is(&Digest::of(text.as_bytes())), NotGood::Unknown),
            (now < code.expires, NotGood::Expired),
            (code.redirect.as_str() == redirect, NotGood::Redirect),
            (code.challenge.is_met_by(verifier), NotGood::Verifier),
            (code.reach.is_granted(client, granted), NotGood::Revoked),
        ];
        if let Some((_, error)) = checks.into_iter().find(|(is_good, _)| !is_good) {
            return refused(error.into());
        }
        both(settings, (id, client), &handle, (&code.reach, Arc::clone(&code.reach)), now, fresh)
    }

    /// The next tokens for a refresh token, once (V2-TOK-4): the access token that was issued with it ends. `asked` may be narrower than what
    /// was granted; the refresh token keeps all of it (RFC 6749 section 6). Used again it ends the family.
    pub fn refresh(
        &self,
        settings: &LedgerSettings,
        (client, text, asked): (&ClientName, &str, Option<&Scope>),
        granted: &dyn Granted,
        now: Timestamp,
        fresh: &Fresh,
    ) -> Step<Result<Issued, IssueError>> {
        let (handle, id, family) = match self.family_of(TokenKind::Refresh, text, client) {
            Ok(found) => found,
            Err(error) => return refused(error.into()),
        };
        let State::Tokens { refresh: Some(refresh), .. } = &family.state else {
            // Its code still waits: nobody was given a refresh token yet.
            return refused(NotGood::Unknown.into());
        };
        if !refresh.digest.is(&Digest::of(text.as_bytes())) {
            return replayed(id);
        }
        if now >= refresh.expires {
            return refused(NotGood::Expired.into());
        }
        if !refresh.reach.is_granted(client, granted) {
            return refused(NotGood::Revoked.into());
        }
        let reach = match asked {
            Some(asked) => match refresh.reach.narrowed(asked) {
                Ok(narrowed) if narrowed == *refresh.reach => Arc::clone(&refresh.reach),
                Ok(narrowed) => Arc::new(narrowed),
                Err(error) => return refused(IssueError::Scope(error)),
            },
            None => Arc::clone(&refresh.reach),
        };
        both(settings, (id, client), &handle, (&refresh.reach, reach), now, fresh)
    }

    /// The family that a code or refresh token is of, if it is this client's.
    fn family_of(
        &self,
        kind: TokenKind,
        text: &str,
        client: &ClientName,
    ) -> Result<(Handle, Digest, &Family), NotGood> {
        let handle = Handle::of(kind, text).ok_or(NotGood::Unknown)?;
        let id = handle.family();
        let family = self.families.get(&id).ok_or(NotGood::Unknown)?;
        if family.client == *client { Ok((handle, id, family)) } else { Err(NotGood::OtherClient) }
    }

    /// The same reach, in memory once where a family of the client has it that is found at once.
    fn shared(&self, client: &ClientName, reach: Reach) -> Arc<Reach> {
        let last = self.clients.get(client).and_then(|families| families.last());
        let known = last.and_then(|last| self.families.get(last)).and_then(|family| family.reach());
        match known {
            Some(known) if **known == reach => Arc::clone(known),
            _ => Arc::new(reach),
        }
    }
}

/// Both tokens of a family, instead of what it had. `kept` is what its refresh token is good for, `reach` what its access token is.
fn both(
    settings: &LedgerSettings,
    (id, client): (Digest, &ClientName),
    handle: &Handle,
    (kept, reach): (&Arc<Reach>, Arc<Reach>),
    now: Timestamp,
    fresh: &Fresh,
) -> Step<Result<Issued, IssueError>> {
    let (text, access) = access(settings, client, &reach, now, fresh);
    let refresh_text = fresh.handled(TokenKind::Refresh, handle);
    let refresh = Refresh {
        digest: Digest::of(refresh_text.as_str().as_bytes()),
        reach: Arc::clone(kept),
        issued: now,
        expires: now.after(settings.refresh),
    };
    let state = State::Tokens { access: Some(access), refresh: Some(refresh) };
    let issued = Issued { access: text, expires_in: settings.access, reach, refresh: Some(refresh_text) };
    Step { changes: vec![put(id, client, state)], outcome: Ok(issued) }
}

fn access(
    settings: &LedgerSettings,
    client: &ClientName,
    reach: &Arc<Reach>,
    now: Timestamp,
    fresh: &Fresh,
) -> (TokenText, Access) {
    let text = fresh.access();
    let token = Privileged {
        client: client.clone(),
        reach: Arc::clone(reach),
        issued: now,
        expires: now.after(settings.access),
    };
    let access = Access { digest: Digest::of(text.as_str().as_bytes()), token: Arc::new(token) };
    (text, access)
}

fn put(id: Digest, client: &ClientName, state: State) -> TokenChange {
    TokenChange::Family(id, Some(Arc::new(Family { client: client.clone(), state })))
}

fn refused<T>(error: IssueError) -> Step<Result<T, IssueError>> {
    Step { changes: Vec::new(), outcome: Err(error) }
}

fn replayed<T>(id: Digest) -> Step<Result<T, IssueError>> {
    Step { changes: vec![TokenChange::Family(id, None)], outcome: Err(NotGood::Replayed.into()) }
}
