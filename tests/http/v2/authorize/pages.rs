//! What pages tell browsers, and what they never show.

use super::*;

#[track_caller]
fn is_protected(page: &Reply, forms: &str) {
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    let policy = page.header("content-security-policy").unwrap();
    let expected = format!(
        "default-src 'none'; style-src 'self'; form-action {forms}; frame-ancestors 'none'; base-uri 'none'"
    );
    assert_eq!(policy, expected);
    for (name, value) in [
        ("x-frame-options", "DENY"),
        ("cross-origin-opener-policy", "same-origin"),
        ("referrer-policy", "same-origin"),
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(page.header(name), Some(value), "{name}");
    }
    let text = page.text();
    assert!(text.starts_with("<!doctype html>\n<html lang=\"en\">") && text.contains("<title>"), "{text}");
    let is_handler = |word: &str| word.starts_with("on") && word.contains('=');
    assert!(
        !text.contains("<script") && !text.contains("style=") && !text.split_whitespace().any(is_handler),
        "{text}"
    );
}

#[test]
fn v2_authz_1_pages_run_nothing_are_framed_by_nobody_and_kept_by_nobody() {
    let server = start();
    let mut browser = Browser::new(&server);
    is_protected(&browser.get("/v2/authenticate"), "'self'");
    let asked = authorize(&[]);
    let login = format!("/v2/{}", to(&browser.get(&asked)));
    is_protected(&browser.get(&login), "'self' https://vendor.example");
    is_protected(&browser.sign_in(&login, OWNER, "wrong"), "'self' https://vendor.example");
    is_protected(&browser.get("/v2/authorize"), "'self'");
    browser.sign_in(&login, OWNER, &password_of(OWNER));
    is_protected(&browser.get("/v2/grants"), "'self'");
    let page = browser.get(&asked);
    is_protected(&page, "'self' https://vendor.example");
    let back = browser.answer(&page, "deny");
    assert_eq!(
        (back.header("referrer-policy"), back.header("cache-control")),
        (Some("no-referrer"), Some("no-store"))
    );
    let style = browser.get("/v2/consent.css");
    assert_eq!((style.status, style.header("content-type")), (200, Some("text/css; charset=utf-8")));
    assert!(style.text().contains("prefers-color-scheme: dark"));
}

#[test]
fn v2_authz_1_forms_have_labels_and_say_what_is_wrong_with_which_field() {
    let server = start();
    let mut browser = Browser::new(&server);
    let form = browser.get("/v2/authenticate").text();
    for field in ["user", "password"] {
        assert!(
            form.contains(&format!("<label for=\"{field}\">"))
                && form.contains(&format!("<input id=\"{field}\""))
        );
    }
    assert!(!form.contains("aria-invalid"));
    let wrong = browser.sign_in("/v2/authenticate", OWNER, "not it");
    assert_eq!((wrong.status, wrong.header("www-authenticate")), (403, None));
    let text = wrong.text();
    assert_eq!(text.matches("aria-invalid=\"true\" aria-describedby=\"wrong\"").count(), 2);
    assert!(
        text.contains("role=\"alert\" id=\"wrong\"") && text.contains("<a href=\"#password\">"),
        "{text}"
    );
}

#[test]
fn v2_authz_1_what_is_shown_is_text() {
    let server = start();
    let name = "<b>x</b>&\"'";
    register(&server, name, &["https://vendor.example/?\u{27}=1&b"]);
    let changes =
        [("client_id", name), ("redirect_uri", "https://vendor.example/?'=1&b"), ("scope", "type:<i>'&")];
    let mut browser = Browser::new(&server);
    let login = format!("/v2/{}", to(&browser.get(&authorize(&changes))));
    let shown = "&lt;b&gt;x&lt;/b&gt;&amp;&quot;&#39;";
    assert!(browser.get(&login).text().contains(shown));
    browser.sign_in(&login, OWNER, &password_of(OWNER));
    let page = browser.get(&authorize(&changes)).text();
    assert!(page.contains(shown) && page.contains("type:&lt;i&gt;&#39;&amp;"), "{page}");
    assert!(!page.contains("<b>") && !page.contains("<i>"));
    // The query stands in the page as well, as the address of a form.
    let raw = format!("{login}&x='\"><script>alert(1)</script>");
    let reply = Browser::new(&server).get(&raw);
    assert!(!reply.text().contains("<script"), "{}", reply.text());
}

#[test]
fn i_8_pages_and_logs_show_no_secret() {
    let server = start();
    let mut browser = Browser::new(&server);
    let login = format!("/v2/{}", to(&browser.get(&authorize(&[("state", "secretstate")]))));
    let wrong = browser.sign_in(&login, "secretuser", "secretpassword");
    assert!(
        !wrong.text().contains("secretpassword") && !wrong.text().contains("secretuser"),
        "{}",
        wrong.text()
    );
    let form = browser.get(&login);
    let fields = [("user", OWNER), ("password", "secretpassword"), ("token", "x"), ("action", "sign-in")];
    let refused = browser.post(&login, &fields);
    assert!(!refused.text().contains("secret"));
    browser.sign_in(&login, OWNER, &password_of(OWNER));
    let page = browser.get(&authorize(&[("state", "secretstate")]));
    let session = browser.cookie.clone().unwrap();
    let (_, id) = session.split_once('=').unwrap();
    assert!(!page.text().contains(id) && !form.text().contains(id));
    let code = code_of(&browser.answer(&page, "allow"));
    let log = server.log();
    for secret in ["secretpassword", "secretuser", "secretstate", id, &code] {
        assert!(!log.contains(secret), "{log}");
    }
}
