//! Where to go on from: `Link` and `Backplane-Resume`.

use std::time::Duration;

use url::Url;

use testkit::{BUS, Client, Reply, Server, Setup, send};

/// Follows the link as any client does: resolved against the URL that was asked.
fn follow(client: &Client, path: &str, reply: &Reply) -> Reply {
    let url = Url::parse(&client.url(path)).unwrap().join(&reply.next()).unwrap();
    let path_and_query = format!("{}?{}", url.path(), url.query().unwrap());
    client.get_as("reader", &path_and_query)
}

#[test]
fn the_link_works_as_it_is_on_channels_and_buses() {
    let server = Server::start();
    let client = server.client();
    let mut posted = client.post_payloads("c", &["1", "2"]);
    for path in [format!("/v1/bus/{BUS}/channel/c"), format!("/v1/bus/{BUS}")] {
        let first = client.get_as("reader", &format!("{path}?x=y"));
        assert_eq!((first.ids(), first.resume()), (posted.clone(), "complete"));
        let nothing = follow(&client, &path, &first);
        assert_eq!((nothing.text().as_str(), nothing.resume()), ("[]", "complete"));
        let new = client.post_payloads("c", &["3"]);
        let next = follow(&client, &path, &nothing);
        assert_eq!((next.ids(), next.resume()), (new.clone(), "complete"));
        posted.extend(new);
    }
}

#[test]
fn nobody_is_without_a_place_to_resume() {
    let server = Server::start();
    let client = server.client();
    for path in [format!("/v1/bus/{BUS}/channel/none"), format!("/v1/bus/{BUS}")] {
        let empty = client.get_as("reader", &path);
        assert_eq!((empty.text().as_str(), empty.resume()), ("[]", "complete"));
        let again = follow(&client, &path, &empty);
        assert_eq!((again.text().as_str(), again.resume()), ("[]", "complete"));
    }
    // What was posted in between is found from a position taken before the channel existed.
    let path = format!("/v1/bus/{BUS}/channel/c");
    let before = client.get(&path);
    let ids = client.post_payloads("c", &["1"]);
    let after = follow(&client, &path, &before);
    assert_eq!((after.ids(), after.resume()), (ids, "complete"));
}

#[test]
fn what_was_lost_is_told_as_a_gap() {
    let server = Setup::new().bus(|bus| bus.window_channel = 2.try_into().unwrap()).start();
    let client = server.client();
    let ids = client.post_payloads("c", &["1", "2", "3", "4"]);
    let read = |n: usize| client.read("c", &format!("?since={}", ids[n]));
    assert_eq!((read(0).payloads(), read(0).resume()), (vec!["3".into(), "4".into()], "gap"), "2 is missing");
    assert_eq!((read(1).ids().len(), read(1).resume()), (2, "complete"), "3 and 4 are all that came after 2");
    assert_eq!((read(2).ids().len(), read(2).resume()), (1, "complete"));
    // The channel is gone, and with it what came after the second.
    server.advance(Duration::from_mins(30));
    assert_eq!((read(1).text().as_str(), read(1).resume()), ("[]", "gap"));
}

#[test]
fn a_position_that_never_was_is_told_as_a_reset() {
    let server = Server::start();
    let client = server.client();
    client.post_payloads("c", &["1"]);
    for since in ["", "none", "zzzzzzzzzzzzz"] {
        let query = format!("?since={since}");
        assert_eq!(client.read("c", &query).resume(), "reset");
        assert_eq!(client.read("absent", &query).resume(), "reset");
        assert_eq!(client.read_bus(&query).resume(), "reset");
        // The answer says where to go on, all the same.
        let path = format!("/v1/bus/{BUS}/channel/c");
        assert_eq!(follow(&client, &path, &client.read("c", &query)).resume(), "complete");
    }
}

#[test]
fn i_10_a_position_with_an_epoch_of_another_server_is_never_complete() {
    let server = Server::start();
    let client = server.client();
    let ids = client.post_payloads("c", &["1", "2"]);
    let newest = &ids[1];
    assert_eq!(client.read("c", &format!("?since={newest}")).resume(), "complete");
    let next = client.read("c", "").next();
    let (_, own) = next.split_once('?').unwrap();
    assert!(own.starts_with(&format!("since={newest}&epoch=")), "{own}");
    assert_eq!(client.read("c", &format!("?{own}")).resume(), "complete");
    for (epoch, resume) in [("0000000000007", "gap"), ("other", "reset"), ("", "reset")] {
        let reply = client.read("c", &format!("?since={newest}&epoch={epoch}"));
        assert_eq!(
            (reply.resume(), reply.payloads()),
            (resume, vec!["1".to_owned(), "2".to_owned()]),
            "{epoch}"
        );
    }
    // Without a position it belongs to nothing.
    assert_eq!(client.read("c", "?epoch=other").resume(), "complete");
    client.read("c", &format!("?since={newest}&epoch=a&epoch=a")).is_error(400, "invalid_request");
}

/// A link as far as it can be known beforehand.
fn without_epoch(link: &str) -> &str {
    link.split_once("&epoch=").unwrap().0
}

#[test]
fn links_start_with_the_public_url() {
    for (public, start) in [
        ("https://bp.example.com", "https://bp.example.com"),
        ("https://bp.example.com/", "https://bp.example.com"),
        ("https://example.com:8443/back/plane/", "https://example.com:8443/back/plane"),
    ] {
        let server = Setup::new().config(|config| config.public_url = Some(public.parse().unwrap())).start();
        let client = server.client();
        let id = client.post_payloads("c", &["1"]).remove(0);
        assert_eq!(
            without_epoch(&client.read("c", "").next()),
            format!("{start}/v1/bus/{BUS}/channel/c?since={id}")
        );
        assert_eq!(without_epoch(&client.read_bus("").next()), format!("{start}/v1/bus/{BUS}?since={id}"));
        // Who came to version 1.1 stays with it.
        let (bus, channel) = (format!("/v1.1/bus/{BUS}"), format!("/v1.1/bus/{BUS}/channel/c"));
        assert_eq!(without_epoch(&client.get(&channel).next()), format!("{start}{channel}?since={id}"));
        assert_eq!(without_epoch(&client.get_as("reader", &bus).next()), format!("{start}{bus}?since={id}"));
    }
}

#[test]
fn answers_are_not_to_be_kept_or_sniffed() {
    let server = Server::start();
    let client = server.client();
    for reply in [client.read("c", ""), client.read_bus(""), client.read("new", "")] {
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        assert_eq!(reply.header("content-type"), Some("application/json"));
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
    }
    assert_eq!(send(client.posting("c", "[]")).header("cache-control"), Some("no-store"));
}
