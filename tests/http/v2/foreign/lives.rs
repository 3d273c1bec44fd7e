//! How long what was begun with a token goes on.

use testkit::{Events, OTHER_BUS, Socket, eventually};

use super::*;

fn listen(world: &World, token: &str) -> Events {
    let request = with(world.client().request("GET", "/v2/messages"), token);
    let mut events = Events::of(request.header("Accept", "text/event-stream"));
    events.resumed();
    events
}

#[test]
fn a_stream_ends_with_its_token() {
    let world = World::start();
    let token = world.full();
    let mut events = listen(&world, &token);
    let header = format!("Authorization: Bearer {token}\r\n");
    let mut socket = Socket::open(world.server.address(), "/v2/messages", &header);
    socket.resumed();
    world.server.advance(Duration::from_hours(1));
    // Clocks are looked at when something has changed; in truth a timer does it.
    make_client(&world.client(), "another", SOURCE);
    assert_eq!(events.fact()["end"], "expired");
    assert_eq!(socket.end().0.unwrap()["end"], "expired");
    let told = refused(&get(&world.client(), &token, "/v2/messages"), 401, "invalid_token");
    assert_eq!(told, "expired token");
}

#[test]
fn a_stream_ends_when_its_issuer_is_trusted_no_more() {
    let world = World::start();
    let mut events = listen(&world, &world.full());
    world.take_over(|config| config.issuers.clear());
    assert_eq!(events.fact()["end"], "revoked");
}

#[test]
fn a_stream_ends_when_its_issuer_may_speak_for_less() {
    let other: BusName = OTHER_BUS.parse().unwrap();
    let world = World::with(|config| {
        config.issuers[0].trust.buses.insert(other);
    });
    let token = world.token(&format!("bus:{BUS} bus:{OTHER_BUS}"));
    let mut events = listen(&world, &token);
    let poll = {
        let (client, token) = (world.client(), token.clone());
        std::thread::spawn(move || get(&client, &token, "/v2/messages?block=30"))
    };
    let client = world.client();
    eventually("it waits", || client.metric("streams", "{kind=\"long_poll\"}") == Some(1.0));
    // The provider is asked for nothing anew: its keys are where they were.
    let url = world.provider.keys_url();
    world.take_over(|config| config.issuers = vec![issuer(&url)]);
    assert_eq!(events.fact()["end"], "revoked");
    refused(&poll.join().unwrap(), 403, "insufficient_scope");
    assert_eq!((world.status(&token), world.provider.asked()), (200, 1));
}

#[test]
fn a_stream_goes_on_where_nothing_of_it_changes() {
    let world = World::start();
    let (client, token) = (world.client(), world.full());
    let mut events = listen(&world, &token);
    let page = page(&client, BUS);
    world.take_over(|config| config.issuers[0].refresh = Duration::from_mins(1));
    post(&client, &token, BUS, &page.channel, 1);
    assert_eq!(events.frame().1["message"]["payload"], 1);
}
