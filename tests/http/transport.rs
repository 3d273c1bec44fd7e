//! V1-AUTH-1: credentials travel over HTTPS, unless the operator knows better.

use testkit::{BUS, Reply, Server, Setup, messages, send};

/// A POST with right credentials and these headers.
fn post(server: &Server, headers: &[(&str, &str)]) -> Reply {
    let request = server.client().posting("c", messages(&["1"]));
    send(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)))
}

fn read_bus(server: &Server, headers: &[(&str, &str)]) -> Reply {
    let request =
        server.client().request("GET", &format!("/v1/bus/{BUS}")).basic_auth("reader", Some("redaer"));
    send(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)))
}

/// A listener that is not loopback; the tests reach it through loopback all the same.
fn exposed(trusted: &[&str], insecure: bool) -> Server {
    let setup = Setup::new().config(|config| {
        config.listen = vec!["0.0.0.0:0".parse().unwrap()];
        config.trusted_proxies = trusted.iter().map(|network| network.parse().unwrap()).collect();
        config.insecure_auth = insecure;
    });
    setup.start()
}

#[track_caller]
fn refused(reply: &Reply) {
    reply.is_error(403, "https_required");
    // A client that is asked for credentials sends them, in the clear.
    assert_eq!(reply.header("www-authenticate"), None);
}

#[test]
fn v1_auth_1_credentials_over_plain_http_are_refused() {
    let server = exposed(&[], false);
    refused(&post(&server, &[]));
    refused(&read_bus(&server, &[]));
    let none = send(server.client().request("GET", &format!("/v1/bus/{BUS}")));
    refused(&none);
    assert_eq!(server.stats().messages, 0);
    // They are not even looked at: right and wrong ones are refused alike.
    let wrong = server.client().request("GET", &format!("/v1/bus/{BUS}")).basic_auth("reader", Some("wrong"));
    refused(&send(wrong));
    assert_eq!(server.client().read("c", "").status, 200, "a channel's name is all that reading it takes");
}

#[test]
fn v1_auth_1_loopback_listeners_accept_them() {
    let server = Server::start();
    assert_eq!((post(&server, &[]).status, read_bus(&server, &[]).status), (200, 200));
}

#[test]
fn v1_auth_1_the_operator_can_switch_the_check_off() {
    let server = exposed(&[], true);
    assert_eq!((post(&server, &[]).status, read_bus(&server, &[]).status), (200, 200));
}

#[test]
fn v1_auth_1_a_trusted_proxy_says_how_the_client_came() {
    let server = exposed(&["127.0.0.0/8"], false);
    for https in [&["https"][..], &["HTTPS"], &["https", "https"], &["https, https"]] {
        let headers: Vec<_> = https.iter().map(|value| ("X-Forwarded-Proto", *value)).collect();
        assert_eq!((post(&server, &headers).status, read_bus(&server, &headers).status), (200, 200));
    }
    for other in [&["http"][..], &["https, http"], &["http", "https"], &["httpss"], &[""], &[]] {
        let headers: Vec<_> = other.iter().map(|value| ("X-Forwarded-Proto", *value)).collect();
        refused(&post(&server, &headers));
        refused(&read_bus(&server, &headers));
    }
}

#[test]
fn v1_auth_1_a_trusted_proxy_is_believed_about_http_on_loopback_too() {
    let setup = Setup::new().config(|config| config.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()]);
    let server = setup.start();
    refused(&post(&server, &[("X-Forwarded-Proto", "http")]));
    assert_eq!(post(&server, &[("X-Forwarded-Proto", "https")]).status, 200);
    assert_eq!(post(&server, &[("Forwarded", "for=192.0.2.1;proto=https")]).status, 200);
    refused(&post(&server, &[("Forwarded", "for=192.0.2.1;proto=http"), ("X-Forwarded-Proto", "https")]));
}

#[test]
fn v1_auth_1_a_trusted_proxy_that_says_nothing_of_the_scheme_is_not_believed() {
    let setup = Setup::new().config(|config| config.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()]);
    let server = setup.start();
    for said in [&[][..], &[("X-Forwarded-For", "192.0.2.1")], &[("Forwarded", "for=192.0.2.1")]] {
        let reply = post(&server, said);
        refused(&reply);
        assert!(reply.text().contains("X-Forwarded-Proto: https"), "{}", reply.text());
    }
}

#[test]
fn v1_auth_1_nobody_else_is_believed() {
    let server = exposed(&["192.0.2.0/24"], false);
    refused(&post(&server, &[("X-Forwarded-Proto", "https")]));
    refused(&post(&server, &[("X-Forwarded-Proto", "https"), ("X-Forwarded-For", "192.0.2.1")]));
    refused(&post(&server, &[("Forwarded", "proto=https"), ("X-Forwarded-Ssl", "on")]));
    assert_eq!(server.stats().messages, 0);
}
