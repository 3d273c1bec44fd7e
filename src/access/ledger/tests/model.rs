//! Random operations, and a model that keeps everything for ever and has no cleverness.

use proptest::prelude::*;

use super::super::*;
use super::world::{ACCESS, REDIRECT, REFRESH, VERIFIER, World};

/// A token that was once given out.
struct Given {
    text: String,
    family: usize,
    over: Timestamp,
    /// Codes and refresh tokens: used. Access tokens: ended.
    is_used: bool,
    reach: Arc<Reach>,
}

struct Origin {
    client: &'static str,
    has_ended: bool,
}

#[derive(Default)]
struct Model {
    families: Vec<Origin>,
    codes: Vec<Given>,
    access: Vec<Given>,
    refresh: Vec<Given>,
}

#[derive(Debug, Clone, Copy)]
enum Op {
    Credentials(&'static str, &'static str),
    Code(&'static str, &'static str),
    Exchange { client: &'static str, code: usize, proves: bool },
    Refresh { client: &'static str, token: usize, asked: Option<&'static str> },
    RevokeAccess(&'static str, usize),
    RevokeRefresh(&'static str, usize),
    Grant(&'static str, &'static str),
    RevokeGrant(&'static str, &'static str),
    Wait(u64),
}

fn op() -> impl Strategy<Value = Op> {
    let client = || prop::sample::select(vec!["one", "one", "one", "two"]);
    let bus = || prop::sample::select(vec!["a", "b"]);
    let scope = || prop::sample::select(vec!["", "bus:a", "type:t", "bus:a bus:b type:t type:u", "bus:c"]);
    let place = || 0..12_usize;
    prop_oneof![
        1 => (client(), scope()).prop_map(|(client, scope)| Op::Credentials(client, scope)),
        2 => (client(), scope()).prop_map(|(client, scope)| Op::Code(client, scope)),
        4 => (client(), place(), prop::bool::weighted(0.8))
            .prop_map(|(client, code, proves)| Op::Exchange { client, code, proves }),
        4 => (client(), place(), prop::option::of(scope()))
            .prop_map(|(client, token, asked)| Op::Refresh { client, token, asked }),
        1 => (client(), place()).prop_map(|(client, token)| Op::RevokeAccess(client, token)),
        1 => (client(), place()).prop_map(|(client, token)| Op::RevokeRefresh(client, token)),
        1 => (client(), bus()).prop_map(|(client, bus)| Op::Grant(client, bus)),
        1 => (client(), bus()).prop_map(|(client, bus)| Op::RevokeGrant(client, bus)),
        1 => prop::sample::select(vec![1_u64, 59, 61, 3_599, 3_601, 86_500]).prop_map(Op::Wait),
    ]
}

impl Model {
    fn is_granted(&self, world: &World, given: &Given) -> bool {
        let client = self.families[given.family].client;
        given.reach.buses().iter().all(|(bus, grant)| world.is_granted(client, bus.as_str(), grant))
    }

    fn may_use(&self, world: &World, client: &str, given: &Given) -> bool {
        let origin = &self.families[given.family];
        origin.client == client
            && !origin.has_ended
            && !given.is_used
            && world.now < given.over
            && self.is_granted(world, given)
    }

    /// Used again, by its own client: all that came of it ends.
    fn replay(&mut self, client: &str, family: usize, was_used: bool) {
        let origin = &mut self.families[family];
        origin.has_ended |= was_used && origin.client == client;
    }

    fn issued(&mut self, world: &World, family: usize, issued: Issued, kept: &Arc<Reach>) {
        for access in self.access.iter_mut().filter(|access| access.family == family) {
            access.is_used = true;
        }
        let over = world.now.after(ACCESS);
        let text = issued.access.as_str().to_owned();
        self.access.push(Given { text, family, over, is_used: false, reach: issued.reach });
        if let Some(refresh) = issued.refresh {
            let (text, over) = (refresh.as_str().to_owned(), world.now.after(REFRESH));
            self.refresh.push(Given { text, family, over, is_used: false, reach: Arc::clone(kept) });
        }
    }

    fn step(&mut self, world: &mut World, op: Op) {
        match op {
            Op::Credentials(client, scope) => {
                if let Ok(issued) = world.credentials(client, scope) {
                    self.families.push(Origin { client, has_ended: false });
                    let reach = Arc::clone(&issued.reach);
                    self.issued(world, self.families.len() - 1, issued, &reach);
                }
            }
            Op::Code(client, scope) => {
                if let Ok(code) = world.code(client, scope) {
                    self.families.push(Origin { client, has_ended: false });
                    let (family, text) = (self.families.len() - 1, code.as_str().to_owned());
                    let over = world.now.after(CODE_LIFETIME);
                    let reach = world.ledger.families.values().find_map(|family| match &family.state {
                        State::Code(code) if code.digest == Digest::of(text.as_bytes()) => {
                            Some(Arc::clone(&code.reach))
                        }
                        _ => None,
                    });
                    self.codes.push(Given { text, family, over, is_used: false, reach: reach.unwrap() });
                }
            }
            Op::Exchange { client, code, proves } if code < self.codes.len() => {
                let verifier = if proves { VERIFIER } else { "no proof" };
                let result = world.exchanged(client, &self.codes[code].text, REDIRECT, verifier);
                let given = &self.codes[code];
                assert_eq!(result.is_ok(), proves && self.may_use(world, client, given), "{result:?}");
                let (family, was_used, reach) = (given.family, given.is_used, Arc::clone(&given.reach));
                self.replay(client, family, was_used);
                if let Ok(issued) = result {
                    self.codes[code].is_used = true;
                    self.issued(world, family, issued, &reach);
                }
            }
            Op::Refresh { client, token, asked } if token < self.refresh.len() => {
                let result = world.refresh(client, &self.refresh[token].text, asked);
                let given = &self.refresh[token];
                // Without buses the same buses are meant.
                let is_within = asked.is_none_or(|asked| {
                    let own = given.reach.scope();
                    let asked = crate::access::scope::Scope::parse(asked).unwrap();
                    let buses = if asked.has_bus() { asked.buses() } else { own.buses() }.clone();
                    asked.with_buses(buses).unwrap().is_within(own)
                });
                assert_eq!(result.is_ok(), is_within && self.may_use(world, client, given), "{result:?}");
                let (family, was_used, reach) = (given.family, given.is_used, Arc::clone(&given.reach));
                self.replay(client, family, was_used);
                if let Ok(issued) = result {
                    assert!(issued.reach.scope().is_within(reach.scope()));
                    self.refresh[token].is_used = true;
                    self.issued(world, family, issued, &reach);
                }
            }
            Op::RevokeAccess(client, token) if token < self.access.len() => {
                world.revoke(client, &self.access[token].text);
                let family = self.access[token].family;
                self.access[token].is_used |= self.families[family].client == client;
            }
            Op::RevokeRefresh(client, token) if token < self.refresh.len() => {
                world.revoke(client, &self.refresh[token].text);
                let family = self.refresh[token].family;
                self.replay(client, family, true);
            }
            Op::Exchange { .. } | Op::Refresh { .. } | Op::RevokeAccess(..) | Op::RevokeRefresh(..) => {}
            Op::Grant(client, bus) => world.grant(client, bus),
            Op::RevokeGrant(client, bus) => world.revoke_grant(client, bus),
            Op::Wait(seconds) => world.wait(Duration::from_secs(seconds)),
        }
    }

    /// All tokens that ever were, asked for at once.
    fn compare(&self, world: &World) {
        for given in &self.access {
            let client = self.families[given.family].client;
            let is_good = self.may_use(world, client, given);
            assert_eq!(world.check(&given.text).is_ok(), is_good, "{:?}", world.check(&given.text));
            assert_eq!(world.introspect(client, &given.text).is_some(), is_good);
        }
        for given in &self.refresh {
            let client = self.families[given.family].client;
            let is_good = self.may_use(world, client, given);
            assert_eq!(world.introspect(client, &given.text).is_some(), is_good);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn v2_tok_4_the_ledger_does_what_a_naive_model_does(ops in prop::collection::vec(op(), 1..60)) {
        let (mut world, mut model) = (World::new(), Model::default());
        let mut kept = Ledger::default();
        for op in ops {
            model.step(&mut world, op);
            model.compare(&world);
            let ledger = &world.ledger;
            let changes = ledger.families.iter().map(|(id, it)| TokenChange::Family(*id, Some(Arc::clone(it))));
            kept = Ledger::of(changes);
            // What is beside the families follows from them.
            prop_assert_eq!(ledger.access.len(), kept.access.len());
            prop_assert_eq!(&ledger.clients, &kept.clients);
            prop_assert_eq!(&ledger.ends, &kept.ends);
        }
        prop_assert_eq!(kept.len(), world.ledger.len());
    }
}
