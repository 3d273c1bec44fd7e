use std::cell::Cell;
use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// Values of few, so that scopes and messages meet.
fn part() -> impl Strategy<Value = (&'static str, &'static str)> {
    prop_oneof![
        prop::sample::select(vec!["a", "b", "c.d"]).prop_map(|value| ("bus", value)),
        prop::sample::select(vec!["a", "b", "c"]).prop_map(|value| ("channel", value)),
        prop::sample::select(vec!["true", "false"]).prop_map(|value| ("sticky", value)),
        prop::sample::select(vec!["http://a.example/", "http://b.example:8080/x:y"])
            .prop_map(|value| ("source", value)),
        prop::sample::select(vec!["t", "T", "a:b", ":"]).prop_map(|value| ("type", value)),
        prop::sample::select(vec!["https://s/v2/message/1", "https://s/v2/message/2"])
            .prop_map(|value| ("messageURL", value)),
    ]
}

fn parts() -> impl Strategy<Value = Vec<(&'static str, &'static str)>> {
    prop::collection::vec(part(), 0..8)
}

fn written(parts: &[(&str, &str)]) -> String {
    parts.iter().map(|(field, value)| format!("{field}:{value}")).collect::<Vec<_>>().join(" ")
}

/// A message, by the names of a scope's fields.
type Message = BTreeMap<&'static str, &'static str>;

fn message() -> impl Strategy<Value = Message> {
    let fields = ["bus", "channel", "sticky", "source", "type", "messageURL"];
    let values: [&[&'static str]; 6] = [
        &["a", "b", "c.d", "e"],
        &["a", "b", "c", "d"],
        &["true", "false"],
        &["http://a.example/", "http://b.example:8080/x:y", "http://c.example/"],
        &["t", "T", "a:b", ":", "u"],
        &["https://s/v2/message/1", "https://s/v2/message/2", "https://s/v2/message/3"],
    ];
    values
        .map(|values| prop::sample::select(values.to_vec()))
        .prop_map(move |chosen| fields.into_iter().zip(chosen).collect())
}

fn lets_through(scope: &Scope, message: &Message) -> bool {
    scope.matches(&Facts {
        bus: &message["bus"].parse().unwrap(),
        channel: &message["channel"].parse().unwrap(),
        source: message["source"],
        kind: message["type"],
        sticky: message["sticky"] == "true",
        message_url: &|| message["messageURL"].to_owned(),
    })
}

/// The rule, word for word: same field OR, different fields AND.
fn naive(parts: &[(&str, &str)], message: &Message) -> bool {
    parts
        .iter()
        .all(|(field, _)| parts.iter().any(|(other, value)| other == field && message[field] == *value))
}

#[test]
fn a_part_begins_with_a_field() {
    for field in FIELDS {
        assert!(Scope::is_part(&format!("{field}:a")) && !Scope::is_part(field), "{field}");
        assert!(!matches!(Scope::parse(&format!("{field}:a")), Err(ScopeError::Field(_))), "{field}");
    }
    for other in ["", ":", "openid", "Bus:a", "busses:a", "backplane:post", "a:bus:b"] {
        assert!(!Scope::is_part(other), "{other}");
    }
    let told = Scope::parse("buses:a").unwrap_err().to_string();
    assert!(
        told.ends_with("allowed: source, type, bus, channel, sticky, messageURL, written exactly so"),
        "{told}"
    );
}

proptest! {
    #[test]
    fn v2_scope_1_same_field_or_different_fields_and(parts in parts(), message in message()) {
        let scope = Scope::parse(&written(&parts)).unwrap();
        prop_assert_eq!(lets_through(&scope, &message), naive(&parts, &message));
    }

    #[test]
    fn what_is_shown_is_read_as_the_same(parts in parts()) {
        let scope = Scope::parse(&written(&parts)).unwrap();
        let shown = scope.to_string();
        prop_assert_eq!(Scope::parse(&shown).unwrap(), scope.clone());
        let fields: Vec<_> = shown.split(' ').filter_map(|part| Some(part.split_once(':')?.0)).collect();
        let place = |field: &str| fields.iter().position(|found| *found == field);
        prop_assert!(!scope.has_bus() || place("bus") == Some(0));
        prop_assert!(place("channel").is_none_or(|at| fields[at..].iter().all(|field| *field == "channel")));
    }

    #[test]
    fn v2_tok_4_what_is_narrower_lets_nothing_else_through(asked in parts(), granted in parts(), message in message()) {
        let (asked, granted) = (Scope::parse(&written(&asked)).unwrap(), Scope::parse(&written(&granted)).unwrap());
        if asked.is_within(&granted) && lets_through(&asked, &message) {
            prop_assert!(lets_through(&granted, &message));
        }
        prop_assert!(asked.is_within(&asked) && asked.is_within(&Scope::default()));
    }

    #[test]
    fn any_text_is_a_scope_or_refused(text in "[ -~ä:]{0,40}") {
        if let Ok(scope) = Scope::parse(&text) {
            prop_assert_eq!(Scope::parse(&scope.to_string()).unwrap(), scope);
        }
    }
}

#[test]
fn what_is_wider_is_not_within() {
    let scope = |text| Scope::parse(text).unwrap();
    for (asked, granted) in [
        ("", "bus:a"),
        ("bus:b", "bus:a"),
        ("bus:a bus:b", "bus:a"),
        ("bus:a", "bus:a type:t"),
        ("", "sticky:true"),
        ("sticky:false", "sticky:true"),
        ("type:T", "type:t"),
    ] {
        assert!(!scope(asked).is_within(&scope(granted)), "{asked} within {granted}");
    }
    assert!(scope("bus:a type:t sticky:true").is_within(&scope("bus:a bus:b")));
}

#[test]
fn parts_that_are_none_are_named_by_their_number_and_not_repeated() {
    let long = format!("type:{}", "x".repeat(SCOPE_MAX));
    let many = vec!["type:t"; SCOPE_PARTS_MAX + 1].join(" ");
    for (text, error) in [
        ("bus:a secret", ScopeError::NoValue(2)),
        ("type:", ScopeError::NoValue(1)),
        ("a:b", ScopeError::Field(1)),
        ("Bus:a", ScopeError::Field(1)),
        ("messageUrl:a", ScopeError::Field(1)),
        ("sticky:True", ScopeError::Sticky(1)),
        ("type:a type:\"secret\"", ScopeError::Character(2)),
        ("type:a\ttype:b", ScopeError::Character(1)),
        ("type:ä", ScopeError::Character(1)),
        (&long, ScopeError::TooLong(long.len())),
        (&many, ScopeError::TooMany),
    ] {
        assert_eq!(Scope::parse(text), Err(error));
    }
    for text in ["bus:a channel:secret.", "bus:secret/"] {
        let error = Scope::parse(text).unwrap_err();
        assert!(matches!(error, ScopeError::Name(..)) && !error.to_string().contains("secret"), "{error}");
    }
    assert!(!format!("{:?}", Scope::parse("channel:secret type:secret").unwrap()).contains("secret"));
}

#[test]
fn i_5_what_is_issued_could_be_asked_for_again() {
    let buses = |count: usize, length: usize| {
        (0..count).map(move |number| format!("{number:0length$}").parse().unwrap()).collect::<Vec<_>>()
    };
    let scope = || Scope::parse("type:t").unwrap();
    assert!(scope().with_buses(buses(SCOPE_PARTS_MAX - 1, 20)).is_ok());
    assert_eq!(scope().with_buses(buses(SCOPE_PARTS_MAX, 20)), Err(ScopeError::TooMany));
    assert!(matches!(scope().with_buses(buses(200, 100)), Err(ScopeError::TooLong(_))));
}

#[test]
fn the_url_of_a_message_is_written_only_where_it_is_asked_for() {
    let asked = Cell::new(0);
    let url = || {
        asked.set(asked.get() + 1);
        "u".to_owned()
    };
    let (bus, channel) = ("a".parse().unwrap(), "c".parse().unwrap());
    let facts =
        Facts { bus: &bus, channel: &channel, source: "s", kind: "t", sticky: false, message_url: &url };
    assert!(Scope::parse("type:t").unwrap().matches(&facts));
    assert_eq!(asked.get(), 0);
    assert!(Scope::parse("messageURL:u").unwrap().matches(&facts));
    assert_eq!(asked.get(), 1);
}
