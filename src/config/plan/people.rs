//! Users and buses: who and what comes, goes, or is otherwise than before. Their order means nothing.

use std::collections::{BTreeSet, HashMap};

use super::{ChangedBus, People, Plan};
use crate::config::resolved::{Bus, Config, Quota, User};

pub(super) fn plan_into(plan: &mut Plan, old: &Config, new: &Config) {
    let before: HashMap<_, _> = old.buses.iter().map(|bus| (&bus.name, bus)).collect();
    let mut rights_differ = false;
    for bus in &new.buses {
        match before.get(&bus.name) {
            None => plan.opened.push(bus.clone()),
            Some(known) if *known == bus => {}
            Some(known) => {
                rights_differ |= (&known.post, &known.read) != (&bus.post, &bus.read);
                let keeps_otherwise = keeping(known) != keeping(bus);
                plan.changed.push(ChangedBus { bus: bus.clone(), keeps_otherwise });
            }
        }
    }
    let after: HashMap<_, _> = new.buses.iter().map(|bus| (&bus.name, bus)).collect();
    let gone = old.buses.iter().map(|bus| &bus.name).filter(|name| !after.contains_key(name));
    plan.closed.extend(gone.cloned());
    let moved = !(plan.opened.is_empty() && plan.closed.is_empty());
    if moved || !plan.changed.is_empty() {
        plan.taken.push("bus");
    }
    let users = users_differ(&old.users, &new.users);
    if users {
        plan.taken.push("user");
    }
    if users || moved || rights_differ {
        plan.accounts = Some(People { users: new.users.clone(), buses: new.buses.clone() });
    }
}

/// What the broker does for a bus.
fn keeping(bus: &Bus) -> impl PartialEq + use<> {
    // Who may post has a part of its bounds.
    let posters: BTreeSet<_> = bus.post.iter().cloned().collect();
    let Quota { posts: _, reads: _, new_streams: _, channels, memory, streams } = bus.quota;
    let times = (bus.channel_idle, bus.retention, bus.retention_max);
    (times, bus.window_channel, bus.window_bus, posters, channels, memory, streams)
}

/// Names are unique on both sides, hence the same number of users with each one found is the same users.
fn users_differ(old: &[User], new: &[User]) -> bool {
    let before: HashMap<_, _> = old.iter().map(|user| (&user.name, user)).collect();
    old.len() != new.len() || new.iter().any(|user| before.get(&user.name) != Some(&user))
}
