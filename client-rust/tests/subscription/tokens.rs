//! Version 2.0: when tokens are asked for, with what, and what is done with a list of its messages.

use backplane_client::v2::{Message, Privileged, Scope};
use backplane_client::{Error, Resume};

use crate::fake::{Answer, Asked, Fake, answer, fact, id, position, refusal, resume, stream, tells};

/// A message as 2.0 has it.
fn object(number: u32) -> String {
    format!(
        r#"{{"messageURL":"http://x.y/v2/message/{}","source":"http://x.y","type":"t","bus":"b","channel":"c","sticky":false,"expire":"2030-01-31T23:59:59Z","payload":{number}}}"#,
        id(number)
    )
}

fn pushed(prev: u32, number: u32) -> String {
    let (object, id_text, prev) = (object(number), id(number), id(prev));
    format!(
        "event: message\nid: {}\ndata: {{\"message\":{object},\"id\":\"{id_text}\",\"prev\":\"{prev}\"}}\n\n",
        position(number)
    )
}

fn list(resume: &str, numbers: &[u32], next: u32, more: bool) -> Answer {
    let objects: Vec<_> = numbers.iter().map(|number| object(*number)).collect();
    let next = format!("http://x.y/v2/messages?since={}", position(next));
    let body = format!(r#"{{"nextURL":"{next}","messages":[{}],"moreMessages":{more}}}"#, objects.join(","));
    answer(200, &format!("Backplane-Resume: {resume}\r\n"), &body)
}

/// The token of this number, of this scope.
fn token(number: usize, seconds: u32, scope: &str) -> Answer {
    let body = format!(
        r#"{{"access_token":"token-{number}","token_type":"Bearer","expires_in":{seconds},"scope":"{scope}","refresh_token":"refresh-{number}"}}"#
    );
    answer(200, "", &body)
}

fn is_for_token(asked: &Asked) -> bool {
    asked.target.starts_with("/v2/token")
}

fn over() -> Answer {
    answer(401, "", r#"{"error":"invalid_token","error_description":"expired token"}"#)
}

fn vendor(fake: &Fake) -> Privileged {
    fake.builder_of_2_0().privileged().unwrap()
}

fn hello() -> Message {
    Message::new("b", "c", "t", &1.5).unwrap()
}

/// What was asked: the target, and who asks.
fn asked(fake: &Fake) -> Vec<String> {
    let in_short = |asked: &Asked| {
        format!("{} {} {}", asked.method, asked.target, asked.header("authorization").unwrap_or("-"))
    };
    fake.asked().iter().map(in_short).collect()
}

const BASIC: &str = "POST /v2/token Basic dXNlcjpzZWNyZXQ=";

#[tokio::test]
async fn v2_tok_1_a_token_is_asked_for_once_and_kept() {
    let fake = Fake::start(|asked| {
        if is_for_token(asked) { token(asked.number, 3600, "bus:b") } else { answer(201, "", "") }
    })
    .await;
    let (vendor, message) = (vendor(&fake), hello());
    vendor.post(&message).await.unwrap();
    let (one, other) = tokio::join!(vendor.post(&message), vendor.post(&message));
    one.and(other).unwrap();
    let post = "POST /v2/message Bearer token-0";
    assert_eq!(asked(&fake), [BASIC, post, post, post]);
    let [token, post, ..] = &fake.asked()[..] else { panic!("there were requests") };
    assert_eq!(token.header("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(token.body, "grant_type=client_credentials");
    let body = r#"{"message":{"type":"t","bus":"b","channel":"c","payload":1.5}}"#;
    assert_eq!((post.body.as_str(), post.header("content-type")), (body, Some("application/json")));
}

#[tokio::test]
async fn v2_tok_1_a_token_is_renewed_before_its_end() {
    let fake =
        Fake::start(
            |asked| if is_for_token(asked) { token(asked.number, 0, "bus:b") } else { answer(201, "", "") },
        )
        .await;
    let vendor = vendor(&fake);
    for _ in 0..2 {
        vendor.post(&hello()).await.unwrap();
    }
    let posts = ["POST /v2/message Bearer token-0", "POST /v2/message Bearer token-2"];
    assert_eq!(asked(&fake), [BASIC, posts[0], BASIC, posts[1]]);
}

#[tokio::test]
async fn i_2_a_post_whose_token_is_over_is_sent_again_with_its_key() {
    let fake = Fake::start(|asked| match asked.number {
        0 | 2 => token(asked.number, 3600, "bus:b"),
        1 => over(),
        3 => refusal(503, "Retry-After: 0\r\n", "busy"),
        _ => answer(201, "", ""),
    })
    .await;
    vendor(&fake).post(&hello()).await.unwrap();
    let posts = [0, 2].map(|number| format!("POST /v2/message Bearer token-{number}"));
    assert_eq!(asked(&fake), [BASIC, &posts[0], BASIC, &posts[1], &posts[1]]);
    let all = fake.asked();
    let keys: Vec<_> = all.iter().filter_map(|asked| asked.header("idempotency-key")).collect();
    assert!(keys.len() == 3 && keys.iter().all(|key| *key == keys[0]), "{keys:?}");
}

#[tokio::test]
async fn i_5_a_server_that_takes_no_token_is_not_asked_for_ever() {
    let fake =
        Fake::start(|asked| if is_for_token(asked) { token(asked.number, 3600, "bus:b") } else { over() })
            .await;
    let error = vendor(&fake).post(&hello()).await.unwrap_err();
    assert_eq!(error.to_string(), "the server answers 401 invalid_token: expired token");
    assert_eq!(fake.asked().len(), 4);
    let mut subscription = vendor(&fake).messages(&Scope::all()).subscribe(None);
    tells(&mut subscription, &["error: the server answers 401 invalid_token: expired token", "over"]).await;
    assert_eq!(fake.asked().len(), 8);
}

#[tokio::test]
async fn v2_err_1_a_reader_goes_on_with_another_token_of_the_same_buses() {
    let fake = Fake::start(|asked| match asked.number {
        0 => token(0, 3600, "bus:a bus:b type:t"),
        1 => stream(&[resume("complete", 0), pushed(0, 1), fact(r#"{"end":"expired"}"#)]),
        2 => over(),
        3 => token(3, 3600, "bus:a bus:b type:t"),
        _ => stream(&[resume("complete", 1), pushed(1, 2), fact(r#"{"end":"revoked"}"#)]),
    })
    .await;
    let scope: Scope = "type:t".parse().unwrap();
    let mut subscription = vendor(&fake).messages(&scope).subscribe(None);
    let expired = "interrupted: the server ended the stream: the time of the token is over";
    let revoked = "error: the token, or what it was granted, was taken back";
    let told = ["Started complete", "1", expired, "Reconnected complete", "2", revoked, "over"];
    tells(&mut subscription, &told).await;
    let since = format!("GET /v2/messages?since={}", position(1));
    let [again, then] = ["token-0", "token-3"].map(|token| format!("{since} Bearer {token}"));
    let first = "GET /v2/messages Bearer token-0";
    assert_eq!(asked(&fake), [BASIC, first, &again, BASIC, &then]);
    let all = fake.asked();
    assert_eq!(all[0].body, "grant_type=client_credentials&scope=type%3At");
    assert_eq!(all[3].body, "grant_type=client_credentials&scope=bus%3Aa+bus%3Ab+type%3At", "I-10");
}

#[tokio::test]
async fn v2_get_1_without_streams_lists_are_followed_by_long_polls() {
    let fake = Fake::start(|asked| match asked.number {
        0 => token(0, 3600, "bus:b"),
        1 => refusal(406, "", "not_acceptable"),
        2 => list("complete", &[1, 2], 2, true),
        3 => list("complete", &[3], 3, false),
        4 => list("gap", &[5], 6, false),
        5 => answer(403, "", r#"{"error":"invalid_token","error_description":"invalid token"}"#),
        _ => over(),
    })
    .await;
    let mut subscription = vendor(&fake).messages(&Scope::all()).subscribe(None);
    let revoked = "error: the token, or what it was granted, was taken back";
    tells(&mut subscription, &["Started complete", "1", "2", "3", "Told gap", "5", revoked, "over"]).await;
    let all = fake.asked();
    let targets: Vec<_> = all[2..].iter().map(|asked| asked.target.as_str()).collect();
    let since = [2, 3, 6].map(|number| format!("/v2/messages?since={}&block=30", position(number)));
    assert_eq!(targets, ["/v2/messages?block=30", &since[0], &since[1], &since[2]]);
}

#[tokio::test]
async fn i_10_what_is_missing_on_a_stream_of_2_0_is_read_again() {
    let fake = Fake::start(|asked| match asked.number {
        0 => token(0, 3600, "bus:b"),
        1 => stream(&[resume("complete", 0), pushed(0, 1), pushed(2, 3)]),
        2 => list("complete", &[2, 3], 3, false),
        _ => stream(&[resume("complete", 3), pushed(3, 4)]),
    })
    .await;
    let mut subscription = vendor(&fake).messages(&Scope::all()).subscribe(None);
    tells(&mut subscription, &["Started complete", "1", "Mended complete", "2", "3", "4"]).await;
}

#[tokio::test]
async fn v2_anon_1_a_page_goes_on_by_its_refresh_token() {
    const SCOPE: &str = "bus:b type:t channel:c";
    let fake = Fake::start(|asked| match asked.number {
        0 => token(0, 3600, SCOPE),
        1 => stream(&[resume("complete", 0), pushed(0, 1), fact(r#"{"end":"expired"}"#)]),
        2 | 5 => over(),
        3 => token(3, 3600, SCOPE),
        4 => stream(&[resume("complete", 1), pushed(1, 2)]).cut(),
        _ => token(6, 3600, "bus:b type:t channel:another"),
    })
    .await;
    let filters: Scope = "type:t".parse().unwrap();
    let page = fake.builder_of_2_0().regular("b", &filters).await.unwrap();
    assert_eq!((page.bus().as_str(), page.channel().as_str()), ("b", "c"));
    let mut subscription = page.messages().subscribe(None);
    let expired = "interrupted: the server ended the stream: the time of the token is over";
    let cut = "interrupted: the stream was cut on the way";
    let told = ["Started complete", "1", expired, "Reconnected complete", "2", cut];
    tells(&mut subscription, &told).await;
    assert_eq!(page.refresh_token().as_str(), "refresh-3");
    // What is of another channel is nobody's who asked for this one.
    let other = "interrupted: the answer is not what the protocol says: the new token is of another channel";
    tells(&mut subscription, &[other]).await;
    let all = asked(&fake);
    assert_eq!(all[0], "GET /v2/token?bus=b&scope=type%3At -", "no credentials go where none are needed");
    assert_eq!(all[3], "GET /v2/token?refresh_token=refresh-0 -");
    assert_eq!(all[6], "GET /v2/token?refresh_token=refresh-3 -");
}

#[tokio::test]
async fn v2_anon_2_what_no_page_may_ask_for_is_not_sent() {
    let fake = Fake::start(|_| token(0, 3600, "bus:b")).await;
    let regular = async |bus: &str, filters: &str| {
        fake.builder_of_2_0().regular(bus, &filters.parse().unwrap()).await.unwrap_err()
    };
    assert!(matches!(regular("b", "bus:b").await, Error::Scope(_)));
    assert!(matches!(regular("b", "type:t channel:c").await, Error::Scope(_)));
    assert!(matches!(regular("b c", "").await, Error::Name(_)));
    assert_eq!(fake.asked().len(), 0);
    assert!(matches!(regular("b", "").await, Error::Malformed(_)), "it is no token of a page");
}

#[tokio::test]
async fn v2_get_1_a_part_of_a_list_says_that_there_is_more() {
    let fake = Fake::start(|asked| match asked.number {
        0 => token(0, 3600, "bus:b"),
        1 => list("complete", &[1, 2], 2, true),
        _ => list("reset", &[], 7, false),
    })
    .await;
    let messages = vendor(&fake).messages(&Scope::all());
    let page = messages.read(None).await.unwrap();
    assert_eq!((page.frames.len(), page.more, page.resume), (2, true, Resume::Complete));
    let page = messages.read(page.next.as_ref()).await.unwrap();
    assert_eq!((page.frames.len(), page.more, page.resume), (0, false, Resume::Reset));
    assert_eq!(page.next.unwrap().to_string(), position(7));
}
