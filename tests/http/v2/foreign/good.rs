//! What good tokens are good for.

use testkit::{Events, OTHER_BUS, Socket};

use super::*;

#[test]
fn a_token_reads_and_posts_as_its_client_and_1_x_sees_it() {
    let world = World::start();
    let (client, token) = (world.client(), world.full());
    let page = page(&client, BUS);
    post(&client, &token, BUS, &page.channel, 7);
    let list = read(&client, &token, "");
    assert_eq!(payloads(&list), [7], "V2-ACC-2: privileged access sees payloads");
    assert_eq!(list["messages"][0]["source"], SHOP_SOURCE, "V2-POST-3");
    let frames = client.get_as("alice", &format!("/v1.2/bus/{BUS}")).json();
    assert_eq!(
        (&frames[0]["message"]["payload"], &frames[0]["message"]["source"]),
        (&json!(7), &json!(SHOP_SOURCE))
    );
    // And the other way round.
    client.post_payloads("elsewhere", &["8"]);
    let list = read(&client, &token, "");
    assert_eq!(list["messages"].as_array().unwrap().len(), 2);
    let url = list["messages"][0]["messageURL"].as_str().unwrap();
    let path = url.strip_prefix(&client.url("")).unwrap();
    assert_eq!(get(&client, &token, path).json()["payload"], 7);
    assert_eq!(world.provider.asked(), 1, "keys are asked for once");
}

#[test]
fn each_kind_of_key_signs() {
    let world = World::start();
    let (rsa, ed) = (Signer::rsa("rsa"), Signer::ed25519("ed"));
    world.provider.publish(&[&world.key, &rsa, &ed]);
    world.server.advance(AGAIN);
    let claims = world.claims(&format!("bus:{BUS}"));
    let mut pss = rsa.header();
    pss["alg"] = json!("PS256");
    for token in
        [rsa.token(&claims), rsa.token_with(&pss, &claims), ed.token(&claims), world.key.token(&claims)]
    {
        assert_eq!(world.status(&token), 200);
    }
    let only = [Algorithm::Es256].into();
    world.take_over(|config| config.issuers[0].trust.algorithms = only);
    assert_eq!(world.status(&world.token(&format!("bus:{BUS}"))), 200);
    refused(&get(&world.client(), &ed.token(&claims), "/v2/messages"), 401, "invalid_token");
}

#[test]
fn a_scope_filters_and_does_not_post_by_itself() {
    let world = World::start();
    let (client, full) = (world.client(), world.full());
    let page = page(&client, BUS);
    for (kind, payload) in [("login", 1), ("logout", 2)] {
        let reply = post_with(&client, &full, BUS, &page.channel, &json!(payload), &json!({"type": kind}));
        assert_eq!(reply.status, 201);
    }
    let narrow = world.token(&format!("bus:{BUS} type:login profile"));
    assert_eq!(payloads(&read(&client, &narrow, "")), [1]);
    let list = read(&client, &full, "");
    let hidden = list["messages"][1]["messageURL"].as_str().unwrap().strip_prefix(&client.url("")).unwrap();
    refused(&get(&client, &narrow, hidden), 403, "insufficient_scope");
    let reply = post_with(&client, &narrow, BUS, &page.channel, &json!(3), &json!({"type": "login"}));
    assert!(refused(&reply, 403, "insufficient_scope").contains("backplane:post"));
    assert_eq!(payloads(&read(&client, &full, "")), [1, 2], "nothing is stored");
}

#[test]
fn authorization_details_say_it_as_well() {
    let world = World::start();
    let (client, full) = (world.client(), world.full());
    let page = page(&client, BUS);
    let with = |entry: Value| {
        let mut claims = world.claims("openid");
        claims["authorization_details"] = json!([{"type": "payment", "amount": 1}, entry]);
        world.key.token(&claims)
    };
    let poster = with(json!({"type": "backplane", "actions": ["post"], "buses": [BUS], "types": ["login"]}));
    let reply = post_with(&client, &poster, BUS, &page.channel, &json!(1), &json!({"type": "login"}));
    assert_eq!(reply.status, 201, "{}", reply.text());
    let reply = post_with(&client, &poster, BUS, &page.channel, &json!(2), &json!({"type": "logout"}));
    refused(&reply, 403, "insufficient_scope");
    for path in ["/v2/messages", "/v2/message/0000000000000"] {
        let reply = get(&client, &poster, path);
        assert_eq!(refused(&reply, 403, "insufficient_scope"), "this token lets post, and not read");
    }
    let reader =
        with(json!({"type": "backplane", "actions": ["read"], "buses": [BUS], "channels": [page.channel]}));
    post(&client, &full, BUS, &super::page(&client, BUS).channel, 3);
    assert_eq!(payloads(&read(&client, &reader, "")), [1]);
    let unread = with(json!({"type": "backplane", "actions": ["read"], "buses": [BUS], "locations": ["x"]}));
    let told = refused(&get(&client, &unread, "/v2/messages"), 401, "invalid_token");
    assert!(told.contains("authorization_details"), "{told}");
}

#[test]
fn streams_and_sockets_and_long_polls_show_what_a_read_shows() {
    let world = World::start();
    let (client, token) = (world.client(), world.full());
    let page = page(&client, BUS);
    let request = with(client.request("GET", "/v2/messages"), &token);
    let mut events = Events::of(request.header("Accept", "text/event-stream"));
    let header = format!("Authorization: Bearer {token}\r\n");
    let mut socket = Socket::open(world.server.address(), "/v2/messages", &header);
    events.resumed();
    socket.resumed();
    let poll = {
        let (client, token) = (client.clone(), token.clone());
        std::thread::spawn(move || read(&client, &token, "?block=30"))
    };
    testkit::eventually("it waits", || client.metric("streams", "{kind=\"long_poll\"}") == Some(1.0));
    post(&client, &token, BUS, &page.channel, 5);
    assert_eq!(events.frame().1["message"]["payload"], 5);
    assert_eq!(socket.text()["message"]["payload"], 5);
    assert_eq!(payloads(&poll.join().unwrap()), [5]);
}

#[test]
fn whoever_posts_has_idempotency_keys_of_its_own() {
    let world = World::start();
    let (client, token) = (world.client(), world.full());
    let page = page(&client, BUS);
    let post_as = |token: &str| {
        let message = json!({"message": {"type": "t", "bus": BUS, "channel": page.channel, "payload": 1}});
        let request = with(client.request("POST", "/v2/message"), token).header("Idempotency-Key", "\"k\"");
        assert_eq!(send(request.json(&message)).status, 201);
    };
    let mut other = world.claims(&format!("bus:{BUS} backplane:post"));
    other["sub"] = json!("somebody else");
    let other = world.key.token(&other);
    // A client of this server that has the name of the provider's.
    make_client(&client, SHOP, SHOP_SOURCE);
    grant(&client, SHOP, &[BUS]);
    let own = token_of(&client, SHOP, "");
    for token in [&token, &token, &other, &own, &other, &own] {
        post_as(token);
    }
    assert_eq!(payloads(&read(&client, &token, "")), [1, 1, 1]);
}

#[test]
fn clients_without_a_source_only_read() {
    let world = World::start();
    let (client, page) = (world.client(), page(&world.client(), BUS));
    let mut claims = world.claims(&format!("bus:{BUS} backplane:post"));
    claims["client_id"] = json!("stranger");
    let token = world.key.token(&claims);
    assert_eq!(world.status(&token), 200);
    let reply = post_with(&client, &token, BUS, &page.channel, &json!(1), &json!({}));
    assert!(refused(&reply, 403, "insufficient_scope").contains("issuer.sources"));
    world.take_over(|config| {
        config.issuers[0].trust.sources.insert("*".into(), "https://any.example/".parse().unwrap());
    });
    post(&client, &token, BUS, &page.channel, 2);
    assert_eq!(read(&client, &token, "")["messages"][0]["source"], "https://any.example/");
}

#[test]
fn it_is_found_out_whom_the_server_trusts() {
    let world = World::start();
    let client = world.client();
    let told = client.get("/.well-known/oauth-protected-resource").json();
    assert_eq!(told["authorization_servers"], json!([client.url(""), ISSUER]));
    // What was not issued here is neither told of nor ended here.
    let token = world.full();
    for (path, body) in [("/v2/introspect", r#"{"active":false}"#), ("/v2/revoke", "")] {
        let request = client.request("POST", path).basic_auth(CLIENT, Some(secret_of(CLIENT)));
        let reply = send(as_form(request, &[("token", &token)]));
        assert_eq!((reply.status, reply.text().as_str()), (200, body), "{path}");
    }
    assert_eq!(world.status(&token), 200);
}

#[test]
fn a_bus_that_is_made_at_run_time_is_reached_by_its_name() {
    let name: BusName = "tenant.com".parse().unwrap();
    let world = World::with(|config| {
        config.issuers[0].trust.buses.insert(name);
    });
    let client = world.client();
    let token = world.token(&format!("bus:tenant.com bus:{OTHER_BUS}"));
    let told = refused(&get(&client, &token, "/v2/messages"), 403, "insufficient_scope");
    assert_eq!(told, "this token names no bus that its issuer may speak for");
    let reply = send(admin(&client, "PUT", "buses/tenant.com").json(&json!({"settings": {}})));
    assert_eq!(reply.status, 201, "{}", reply.text());
    assert_eq!(world.status(&token), 200);
}

#[test]
fn whoever_comes_with_a_token_has_a_quota_of_its_own() {
    let world = World::with(|config| config.limits.posts_per_user = Some("1/h".parse().unwrap()));
    let client = world.client();
    let page = page(&client, BUS);
    let mut claims = world.claims(&format!("bus:{BUS} backplane:post"));
    for (subject, expected) in [("a", 201), ("a", 429), ("b", 201), ("a", 429), ("b", 429)] {
        claims["sub"] = json!(subject);
        // Another token is no way around it.
        claims["jti"] = json!(format!("{subject} once more"));
        let reply = post_with(&client, &world.key.token(&claims), BUS, &page.channel, &json!(1), &json!({}));
        assert_eq!(reply.status, expected, "{subject}: {}", reply.text());
    }
}
