//! Who has signed in, for how long, and from where.

use std::time::Duration;

use backplane::auth::FailureLimit;

use super::*;

fn is_signed_in(browser: &mut Browser) -> bool {
    browser.get("/v2/grants").status == 200
}

/// Made users can change and go while the server runs.
fn put_user(server: &Server, name: &str, password: &str) {
    let reply =
        send(admin(&server.client(), "PUT", &format!("users/{name}")).json(&json!({"password": password})));
    assert!(matches!(reply.status, 200 | 201), "{}", reply.text());
}

#[test]
fn v2_authz_1_signing_in_gives_another_id_and_the_cookie_is_for_this_server_alone() {
    let server = start();
    let mut browser = Browser::new(&server);
    let form = browser.get("/v2/authenticate");
    let before = browser.cookie.clone().unwrap();
    let token = field(&form, "token");
    let fields = [("token", &*token), ("user", OWNER), ("password", "ecila"), ("action", "sign-in")];
    let reply = browser.post("/v2/authenticate", &fields);
    let cookie = reply.header("set-cookie").unwrap();
    assert!(
        cookie.starts_with("backplane-session=") && cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax"),
        "{cookie}"
    );
    assert!(is_signed_in(&mut browser));
    assert_ne!(browser.cookie.as_ref(), Some(&before));
    // Whoever has set the id before knows nothing of the session.
    let mut fixed = Browser::new(&server);
    fixed.cookie = Some(before.clone());
    assert!(!is_signed_in(&mut fixed));
    // And one that somebody has thought of is none.
    fixed.cookie = Some(format!("backplane-session={}", "A".repeat(43)));
    assert!(!is_signed_in(&mut fixed));
    let both = format!("{before}; {}", browser.cookie.clone().unwrap());
    fixed.cookie = Some(both);
    assert!(!is_signed_in(&mut fixed), "of two none counts");
}

#[test]
fn v2_authz_1_a_session_ends_with_a_button_and_by_time() {
    let server = start();
    let mut browser = Browser::of(&server, OWNER);
    let stolen = browser.cookie.clone();
    let token = field(&browser.get(&authorize(&[])), "token");
    let login = format!("/v2/authenticate?{}", query(&[]));
    let reply = browser.post(&login, &[("token", &token), ("action", "sign-out")]);
    assert_eq!((reply.status, format!("/v2/{}", to(&reply))), (303, login), "another owner may go on");
    assert!(reply.header("set-cookie").unwrap().contains("Max-Age=0"));
    browser.cookie = stolen;
    assert!(!is_signed_in(&mut browser), "it ends here, and not in the browser alone");

    let mut browser = Browser::of(&server, OWNER);
    server.advance(Duration::from_mins(29));
    assert!(is_signed_in(&mut browser));
    server.advance(Duration::from_mins(29));
    assert!(is_signed_in(&mut browser), "while it is used");
    server.advance(Duration::from_mins(30));
    assert!(!is_signed_in(&mut browser));
    let mut browser = Browser::of(&server, OWNER);
    for _ in 0..19 {
        server.advance(Duration::from_mins(25));
        assert!(is_signed_in(&mut browser));
    }
    server.advance(Duration::from_mins(5));
    assert!(!is_signed_in(&mut browser), "after eight hours, however busy it was");
}

#[test]
fn v2_authz_1_a_session_ends_with_the_password_and_with_the_user() {
    let server = start();
    put_user(&server, "olga", "a word of olga's");
    let mut browser = Browser::new(&server);
    browser.sign_in("/v2/authenticate", "olga", "a word of olga's");
    assert!(is_signed_in(&mut browser));
    let mut other = Browser::of(&server, OWNER);
    put_user(&server, "olga", "another word of hers");
    assert!(!is_signed_in(&mut browser));
    assert!(is_signed_in(&mut other), "others go on");
    browser.sign_in("/v2/authenticate", "olga", "another word of hers");
    assert!(is_signed_in(&mut browser));
    assert_eq!(send(admin(&server.client(), "DELETE", "users/olga")).status, 204);
    assert!(!is_signed_in(&mut browser));
    put_user(&server, "olga", "another word of hers");
    assert!(!is_signed_in(&mut browser), "another user of the name has not signed in");
}

#[test]
fn i_5_one_user_has_eight_sessions() {
    let server = start();
    let mut browsers: Vec<_> = (0..9)
        .map(|_| {
            server.advance(Duration::from_secs(1));
            Browser::of(&server, OWNER)
        })
        .collect();
    let signed_in: Vec<_> = browsers.iter_mut().map(is_signed_in).collect();
    assert_eq!(signed_in, [false, true, true, true, true, true, true, true, true]);
}

/// Three wrong passwords in a row; so slow to forgive that no test sees it.
fn strict() -> Setup {
    owned().config(|config| {
        config.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
        config.auth.failures_per_address = FailureLimit::new(3, Duration::from_mins(50));
        config.auth.failures_per_account = FailureLimit::new(6, Duration::from_mins(50));
    })
}

fn from(server: &Server, address: &str) -> Browser {
    Browser::new(server).with("x-forwarded-proto", "https").with("x-forwarded-for", address)
}

#[test]
fn v2_authz_1_guessing_at_the_form_is_slowed_down_like_guessing_with_basic() {
    let server = started(strict());
    let mut browser = from(&server, "192.0.2.1");
    for guess in ["one", "two", "three"] {
        assert_eq!(browser.sign_in("/v2/authenticate", OWNER, guess).status, 403);
    }
    let reply = browser.sign_in("/v2/authenticate", OWNER, "four");
    assert_eq!((reply.status, reply.header("content-type")), (429, Some("text/html; charset=utf-8")));
    assert!(reply.header("retry-after").is_some() && reply.text().contains("Too many wrong passwords"));
    // One count for both ways.
    let basic = server.client().request("GET", &format!("/v1/bus/{BUS}")).basic_auth(OWNER, Some("five"));
    let basic = send(basic.header("X-Forwarded-For", "192.0.2.1").header("X-Forwarded-Proto", "https"));
    basic.is_error(429, "too_many_attempts");
    assert_eq!(from(&server, "192.0.2.2").sign_in("/v2/authenticate", OWNER, "ecila").status, 303);
}

#[test]
fn v1_auth_1_owners_sign_in_over_https_with_a_cookie_that_is_bound_to_it() {
    let server = started(strict());
    let mut browser = from(&server, "192.0.2.1");
    let reply = browser.sign_in("/v2/authenticate", OWNER, &password_of(OWNER));
    let cookie = reply.header("set-cookie").unwrap();
    assert!(cookie.starts_with("__Host-backplane-session=") && cookie.contains("; Secure"), "{cookie}");
    assert!(is_signed_in(&mut browser));
    // Not over plain HTTP, where no page is shown at all.
    for scheme in [Some("http"), None] {
        let mut plain = Browser::new(&server);
        if let Some(scheme) = scheme {
            plain = plain.with("x-forwarded-proto", scheme);
        }
        plain.cookie = browser.cookie.clone();
        for path in ["/v2/authenticate", "/v2/grants", &authorize(&[])] {
            is_page_of_an_error(&plain.get(path), 403);
            is_page_of_an_error(&plain.post(path, &[("user", OWNER), ("password", "ecila")]), 403);
        }
    }
    // A cookie that plain HTTP could have set is not looked at.
    browser.cookie = browser.cookie.take().map(|cookie| cookie.replace("__Host-", ""));
    assert!(!is_signed_in(&mut browser));
}
