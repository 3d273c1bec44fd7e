//! POSTs: what is retried, and with what.

use std::time::Duration;

use backplane_client::{Channel, Client, Error, Message, MessageId};

use crate::fake::{Fake, answer, id, nothing, page, polled, refusal};

fn channel(client: &Client) -> Channel {
    client.bus("b").unwrap().channel("c").unwrap()
}

fn hello() -> [Message; 2] {
    [1.5, 2.0].map(|payload| Message::new("http://x.y", "t", &payload).unwrap())
}

#[tokio::test]
async fn i_2_all_tries_have_the_same_key_and_the_same_body() {
    let fake = Fake::start(|asked| match asked.number {
        0 => nothing(),
        1 => refusal(503, "Retry-After: 0\r\n", "busy"),
        2 => refusal(429, "", "share_used"),
        3 => answer(502, "", "<html>"),
        _ => answer(200, "", &format!(r#"["{}","{}"]"#, id(1), id(2))),
    })
    .await;
    let channel = channel(&fake.builder().build().unwrap());
    let ids = channel.post(&hello()).await.unwrap();
    assert_eq!(ids.iter().map(MessageId::as_str).collect::<Vec<_>>(), [id(1), id(2)]);
    channel.post(&hello()).await.unwrap();
    let asked = fake.asked();
    assert_eq!(asked.len(), 6);
    let key = |n: usize| asked[n].header("idempotency-key").unwrap();
    for asked in &asked {
        assert_eq!((asked.method.as_str(), asked.target.as_str()), ("POST", "/v1/bus/b/channel/c"));
        assert_eq!(asked.header("content-type"), Some("application/json"));
        assert_eq!(asked.header("authorization"), Some("Basic dXNlcjpzZWNyZXQ="));
        let one = r#"{"source":"http://x.y","type":"t","payload":1.5}"#;
        assert_eq!(asked.body, format!("[{one},{}]", one.replace("1.5", "2.0")));
    }
    assert!((1..5).all(|n| key(n) == key(0)), "{asked:?}");
    assert_ne!(key(5), key(0), "another POST has another key");
}

#[tokio::test]
async fn what_is_refused_for_good_is_not_tried_again() {
    for (status, code) in [
        (400, "invalid_message"),
        (401, "invalid_credentials"),
        (422, "idempotency_key_reused"),
        (500, "internal_error"),
    ] {
        let fake = Fake::start(move |_| refusal(status, "", code)).await;
        let error = channel(&fake.builder().build().unwrap()).post(&hello()).await.unwrap_err();
        assert_eq!(error.to_string(), format!("the server answers {status} {code}: because"));
        assert_eq!((fake.asked().len(), error.may_be_stored()), (1, status == 500));
    }
}

#[tokio::test]
async fn i_2_what_an_earlier_try_may_have_stored_is_not_said_to_be_refused() {
    let fake = Fake::start(|asked| match asked.number {
        0 => nothing(),
        _ => refusal(401, "", "invalid_credentials"),
    })
    .await;
    let error = channel(&fake.builder().build().unwrap()).post(&hello()).await.unwrap_err();
    assert!(error.may_be_stored() && !error.is_temporary(), "{error:?}");
    let last = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(
        (fake.asked().len(), last.as_str()),
        (2, "the server answers 401 invalid_credentials: because")
    );
    let fake = Fake::start(|_| refusal(429, "Retry-After: 0\r\n", "share_used")).await;
    let error = channel(&fake.builder().build().unwrap()).post(&hello()).await.unwrap_err();
    assert!(matches!(error, Error::Refused(_)) && !error.may_be_stored(), "{error:?}");
}

#[tokio::test]
async fn i_5_tries_are_bounded_in_number_and_time() {
    let fake = Fake::start(|_| nothing()).await;
    let error = channel(&fake.builder().build().unwrap()).post(&hello()).await.unwrap_err();
    assert!(matches!(error, Error::Broken(_)) && error.may_be_stored(), "{error:?}");
    assert_eq!(fake.asked().len(), 5);
    let fake = Fake::start(|_| refusal(503, "Retry-After: 3600\r\n", "unavailable")).await;
    let error = channel(&fake.builder().build().unwrap()).post(&hello()).await.unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_hours(1)), "who asks knows when to come back");
    assert_eq!(fake.asked().len(), 1);
}

#[tokio::test]
async fn nobody_there_is_told_without_names() {
    let (soonest, first) = (Duration::from_millis(1), Duration::from_millis(2));
    let backoff = backplane_client::Backoff { soonest, first, longest: first };
    // Nobody listens on the port for discarding.
    let client = Client::builder("http://127.0.0.1:9/v1").backoff(backoff).build().unwrap();
    let error = client.bus("b").unwrap().channel("secret-name").unwrap().post(&hello()).await.unwrap_err();
    assert!(matches!(error, Error::Unreachable(_)) && !error.may_be_stored(), "{error:?}");
    assert!(!format!("{error:?} {error}").contains("secret-name"), "I-8: {error:?}");
}

#[tokio::test]
async fn credentials_follow_no_redirect() {
    let fake = Fake::start(|_| answer(307, "Location: http://127.0.0.1:9/\r\n", "")).await;
    let error = channel(&fake.builder().build().unwrap()).post(&hello()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the server answers 307: it redirects; give the URL that it redirects to as the base URL"
    );
    assert_eq!(fake.asked().len(), 1);
}

/// It is enough that this compiles: what a task holds has to be good for any thread.
#[tokio::test]
async fn a_task_may_post_and_read() {
    let fake = Fake::start(|asked| match asked.method.as_str() {
        "POST" => answer(200, "", &format!(r#"["{}"]"#, id(1))),
        _ => page("complete", 1, &[polled("c", 1)]),
    })
    .await;
    let channel = channel(&fake.builder().build().unwrap());
    let task = tokio::spawn(async move {
        let [one, _] = hello();
        let ids = channel.post(&[one]).await.unwrap();
        (ids, channel.read(None).await.unwrap().frames)
    });
    let (ids, frames) = task.await.unwrap();
    assert_eq!(ids, [frames[0].id.clone()]);
}
