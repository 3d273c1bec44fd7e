//! What tokens let do: never more than they name, and never more than their issuer may speak for.

use backplane_actors::ChannelName;
use proptest::prelude::*;

use super::*;
use crate::access::Facts;

const SOURCES: [&str; 2] = ["https://one.example/", "https://two.example/"];
const KINDS: [&str; 2] = ["login", "logout"];

fn permits(scope: Option<&str>, details: Option<&Value>) -> Result<Permits, ForeignError> {
    let mut claims = claims_with("scope", scope.map(|scope| json!(scope)));
    if let Some(details) = details {
        claims["authorization_details"] = details.clone();
    }
    of(&claims).map(|found| found.permits().clone())
}

/// A message of a small world.
#[derive(Debug, Clone)]
struct Message {
    bus: BusName,
    channel: ChannelName,
    source: &'static str,
    kind: &'static str,
    sticky: bool,
}

impl Message {
    fn of(bus: &str, channel: &str, source: usize, kind: usize, sticky: bool) -> Self {
        let (bus, channel) = (bus.parse().unwrap(), channel.parse().unwrap());
        Self { bus, channel, source: SOURCES[source], kind: KINDS[kind], sticky }
    }

    fn is_seen(&self, permits: &Permits) -> bool {
        let Self { bus, channel, source, kind, sticky } = self;
        let url = || "https://bp.example/v2/message/1".to_owned();
        permits.lets_see(&Facts { bus, channel, source, kind, sticky: *sticky, message_url: &url })
    }

    fn is_posted(&self, permits: &Permits) -> bool {
        let Self { bus, channel, source, kind, sticky } = self;
        permits.lets_post(&Proposed { bus, channel, source, kind, sticky: *sticky })
    }
}

/// All messages that there are: three buses, of which the issuer may speak for two.
fn world() -> Vec<Message> {
    let mut all = Vec::new();
    for bus in ["a", "b", "c"] {
        for channel in ["x", "y"] {
            for (source, kind, sticky) in [(0, 0, false), (0, 1, true), (1, 0, true), (1, 1, false)] {
                all.push(Message::of(bus, channel, source, kind, sticky));
            }
        }
    }
    all
}

#[test]
fn a_scope_lets_read_and_one_word_more_lets_post() {
    let message = Message::of("a", "x", 0, 0, false);
    let read = permits(Some("openid profile bus:a email"), None).unwrap();
    assert!(message.is_seen(&read) && !message.is_posted(&read));
    let post = permits(Some("backplane:post bus:a"), None).unwrap();
    assert!(message.is_seen(&post) && message.is_posted(&post));
    let narrow = permits(Some("bus:a type:login backplane:post channel:x"), None).unwrap();
    for message in world() {
        let is_within =
            message.bus.as_str() == "a" && message.kind == "login" && message.channel.as_str() == "x";
        assert_eq!((message.is_seen(&narrow), message.is_posted(&narrow)), (is_within, is_within));
    }
    // A message that is to be posted has no URL that could be the right one.
    let url = permits(Some("bus:a backplane:post messageURL:https://bp.example/v2/message/1"), None).unwrap();
    assert!(message.is_seen(&url) && !message.is_posted(&url));
}

#[test]
fn nothing_is_let_do_without_a_bus() {
    for scope in [
        None,
        Some(""),
        Some("openid"),
        Some("type:login"),
        Some("backplane:post"),
        Some("bus:c"),
        Some("BUS:a"),
    ] {
        assert_eq!(permits(scope, None), Err(ForeignError::NoBus), "{scope:?}");
    }
    for details in [json!([]), json!([{"type": "other", "buses": ["a"]}])] {
        assert_eq!(permits(None, Some(&details)), Err(ForeignError::NoBus), "{details}");
    }
    let beyond = json!([{"type": "backplane", "actions": ["read"], "buses": ["c"]}]);
    assert_eq!(permits(None, Some(&beyond)), Err(ForeignError::NoBus));
}

#[test]
fn what_is_ours_and_cannot_be_read_is_not_passed_over() {
    for scope in
        ["bus:a channel:", "bus:a channel:a.b", "bus:a sticky:yes", "bus:", "bus:a type:\u{e9}", "bus:a/b"]
    {
        assert!(matches!(permits(Some(scope), None), Err(ForeignError::Scope(_))), "{scope}");
    }
    let good = json!({"type": "backplane", "actions": ["read"], "buses": ["a"]});
    assert!(permits(None, Some(&json!([good]))).is_ok());
    for (name, value) in [
        ("actions", json!([])),
        ("actions", json!(["write"])),
        ("actions", json!("read")),
        ("actions", json!(null)),
        ("buses", json!([])),
        ("buses", json!(["a b"])),
        ("buses", json!(["a channel:x"])),
        ("buses", json!([""])),
        ("buses", json!("a")),
        ("channels", json!([])),
        ("channels", json!(["a.b"])),
        ("types", json!([])),
        ("types", json!(["a b"])),
        ("types", json!([1])),
        ("sources", json!([])),
        ("sticky", json!("true")),
        ("locations", json!(["https://bp.example"])),
        ("privileges", json!(["admin"])),
    ] {
        let mut entry = good.clone();
        entry[name] = value.clone();
        let refused = permits(Some("bus:a"), Some(&json!([entry])));
        assert!(matches!(refused, Err(ForeignError::Details(_))), "{name} {value}: {refused:?}");
    }
    for details in [json!({}), json!("backplane"), json!([1]), json!([{"actions": ["read"]}])] {
        assert!(matches!(permits(Some("bus:a"), Some(&details)), Err(ForeignError::Details(_))), "{details}");
    }
    let many = Value::Array(vec![good; 65]);
    assert_eq!(permits(None, Some(&many)), Err(ForeignError::Details(DetailsError::TooMany(64))));
}

#[test]
fn each_entry_lets_do_what_it_says_and_together_they_let_do_all_of_it() {
    let details = json!([
        {"type": "backplane", "actions": ["read"], "buses": ["a"], "types": ["login"]},
        {"type": "payment", "amount": 7},
        {"type": "backplane", "actions": ["post"], "buses": ["b", "c"], "sticky": true},
    ]);
    let permits = permits(None, Some(&details)).unwrap();
    assert_eq!(permits.buses(), BTreeSet::from([&bus("a"), &bus("b")]));
    assert!(permits.reads(&bus("a")) && !permits.reads(&bus("b")) && !permits.reads(&bus("c")));
    for message in world() {
        assert_eq!(message.is_seen(&permits), message.bus.as_str() == "a" && message.kind == "login");
        assert_eq!(message.is_posted(&permits), message.bus.as_str() == "b" && message.sticky);
    }
}

#[test]
fn what_may_be_asked_of_the_windows_is_what_is_let_see() {
    let of = |scope: &str| permits(Some(scope), None).unwrap();
    let both = [bus("a"), bus("b")];
    assert!(of("bus:a bus:b").sees_all_of(both.iter()) && !of("bus:a").sees_all_of(both.iter()));
    assert!(!of("bus:a bus:b type:login").sees_all_of(both.iter()));
    assert!(of("bus:a sticky:true").sees_sticky_alone() && !of("bus:a sticky:false").sees_sticky_alone());
    let details = json!([{"type": "backplane", "actions": ["read"], "buses": ["b"]}]);
    let mixed = permits(Some("bus:a sticky:true"), Some(&details)).unwrap();
    assert!(
        !mixed.sees_sticky_alone() && !mixed.sees_all_of(both.iter()) && mixed.sees_all_of(both[1..].iter())
    );
}

/// Some of these, never none; or no say in it.
fn some(values: [&'static str; 2]) -> impl Strategy<Value = Option<Vec<&'static str>>> {
    prop::option::of(prop::sample::subsequence(values.to_vec(), 1..=2))
}

/// An entry that lets read, post or both.
fn entry() -> impl Strategy<Value = Value> {
    let buses = prop::sample::subsequence(vec!["a", "b", "c"], 1..=3);
    let actions = prop::sample::subsequence(vec!["read", "post"], 1..=2);
    (actions, buses, some(["x", "y"]), some(KINDS), some(SOURCES), any::<Option<bool>>()).prop_map(
        |(actions, buses, channels, types, sources, sticky)| {
            let mut entry = json!({"type": "backplane", "actions": actions, "buses": buses});
            for (name, list) in [("channels", channels), ("types", types), ("sources", sources)] {
                if let Some(list) = list {
                    entry[name] = json!(list);
                }
            }
            if let Some(sticky) = sticky {
                entry["sticky"] = json!(sticky);
            }
            entry
        },
    )
}

/// Whether an entry, as it is written, lets do this.
fn says(entry: &Value, action: &str, message: &Message) -> bool {
    let has = |name: &str, value: &str| {
        entry[name].as_array().is_none_or(|list| list.iter().any(|one| one == value))
    };
    has("actions", action)
        && has("buses", message.bus.as_str())
        && has("channels", message.channel.as_str())
        && has("types", message.kind)
        && has("sources", message.source)
        && entry["sticky"].as_bool().is_none_or(|sticky| sticky == message.sticky)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_token_lets_do_what_it_says_of_the_buses_of_its_issuer_and_no_more(
        entries in prop::collection::vec(entry(), 0..4),
        scope in prop::option::of((prop::sample::subsequence(vec!["a", "b", "c"], 0..=3), some(KINDS), any::<bool>())),
    ) {
        let mut said = entries.clone();
        let mut words = vec!["openid".to_owned()];
        if let Some((buses, kinds, posts)) = scope {
            words.extend(buses.iter().map(|bus| format!("bus:{bus}")));
            words.extend(kinds.iter().flatten().map(|kind| format!("type:{kind}")));
            words.extend(posts.then(|| "backplane:post".to_owned()));
            let actions = if posts { vec!["read", "post"] } else { vec!["read"] };
            let mut like = json!({"actions": actions, "buses": buses});
            if let Some(kinds) = kinds {
                like["types"] = json!(kinds);
            }
            said.push(like);
        }
        let found = permits(Some(&words.join(" ")), Some(&json!(entries)));
        for message in world() {
            let is_within = message.bus.as_str() != "c";
            for action in ["read", "post"] {
                let expected = is_within && said.iter().any(|entry| says(entry, action, &message));
                let lets = found.as_ref().is_ok_and(|permits| {
                    if action == "read" { message.is_seen(permits) } else { message.is_posted(permits) }
                });
                prop_assert_eq!(lets, expected, "{} {:?}", action, &message);
                let reads = found.as_ref().is_ok_and(|permits| permits.reads(&message.bus));
                prop_assert!(reads || action == "post" || !expected);
            }
        }
    }
}
