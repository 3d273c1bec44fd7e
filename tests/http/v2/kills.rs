//! The program, killed with SIGKILL at random moments while tokens are issued and ended: what was answered stands after it (I-2).
//!
//! `BACKPLANE_TOKEN_KILLS` says how often.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use fastrand::Rng;
use reqwest::blocking::RequestBuilder;
use testkit::Home;

use super::*;

const ASKING: usize = 3;

/// What is known of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    Good,
    Ended,
    /// It was to be ended when the program was killed.
    Doubt,
}

/// What one who asks knows of the tokens.
type Tokens = BTreeMap<String, Known>;

/// Status and token; nothing once the program was killed.
fn ask(request: RequestBuilder) -> Option<(u16, String)> {
    let response = request.timeout(testkit::PATIENCE).send().ok()?;
    let status = response.status().as_u16();
    let body: Value = serde_json::from_slice(&response.bytes().ok()?).unwrap_or_default();
    Some((status, body["access_token"].as_str().unwrap_or_default().to_owned()))
}

/// Has tokens issued and ends some until the program is gone.
fn issue_and_end(client: &Client, rng: &mut Rng, tokens: &mut Tokens, answered: &AtomicUsize) {
    let form = |path: &str, fields: &[(&str, &str)]| {
        let request = client.request("POST", path).basic_auth(CLIENT, Some(secret_of(CLIENT)));
        ask(as_form(request, fields)).inspect(|_| _ = answered.fetch_add(1, Ordering::AcqRel))
    };
    loop {
        let good = tokens.iter().find(|(_, known)| **known == Known::Good).map(|(token, _)| token);
        let ending = if rng.u32(..3) == 0 { good.cloned() } else { None };
        let Some(ending) = ending else {
            let Some((status, token)) = form("/v2/token", &[("grant_type", "client_credentials")]) else {
                return;
            };
            assert_eq!(status, 200);
            assert_eq!(tokens.insert(token, Known::Good), None, "no token twice");
            continue;
        };
        let ended = form("/v2/revoke", &[("token", &ending)]).map(|(status, _)| {
            assert_eq!(status, 200);
            Known::Ended
        });
        tokens.insert(ending, ended.unwrap_or(Known::Doubt));
        if ended.is_none() {
            return;
        }
    }
}

/// After a start: each is as it was left, and what was in doubt is one of both from now on.
fn look(client: &Client, tokens: &mut Tokens) {
    for (token, known) in tokens {
        let status = get(client, token, "/v2/messages").status;
        let is = match status {
            200 => Known::Good,
            401 | 403 => Known::Ended,
            other => panic!("{other}"),
        };
        assert!(*known == Known::Doubt || *known == is, "it was {known:?}, and is {is:?}");
        *known = is;
    }
}

#[test]
fn i_2_tokens_survive_a_kill_and_those_that_were_ended_do_not() {
    let kills = std::env::var("BACKPLANE_TOKEN_KILLS").map_or(6, |kills| kills.parse().unwrap());
    let home = Home::configured("tokens.per_client = 10000");
    let secret = format!("{}\n", secret_of(CLIENT));
    for (command, input) in [
        (&["client", "add", CLIENT, "--source", SOURCE][..], secret.as_str()),
        (&["grant", "add", CLIENT, "--bus", BUS], ""),
    ] {
        let output = home.ask(command, input);
        assert!(output.status.success(), "{output:?}");
    }
    let mut rng = Rng::new();
    let mut all: Vec<Tokens> = (0..ASKING).map(|_| Tokens::new()).collect();
    for _ in 0..kills {
        let mut program = home.start(&[]);
        let client = program.client();
        for tokens in &mut all {
            look(&client, tokens);
        }
        // In the midst of others.
        let (answered, enough) = (AtomicUsize::new(0), rng.usize(10..60));
        thread::scope(|scope| {
            for tokens in &mut all {
                let (client, mut rng) = (client.clone(), rng.fork());
                let answered = &answered;
                scope.spawn(move || issue_and_end(&client, &mut rng, tokens, answered));
            }
            testkit::eventually("some are answered", || answered.load(Ordering::Acquire) >= enough);
            program.kill();
        });
    }
    let mut program = home.start(&[]);
    let client = program.client();
    for tokens in &mut all {
        look(&client, tokens);
    }
    program.kill();
    for known in [Known::Good, Known::Ended] {
        let count = all.iter().flat_map(Tokens::values).filter(|is| **is == known).count();
        assert!(count >= kills, "{count} are {known:?}: it has shown nothing");
    }
}
