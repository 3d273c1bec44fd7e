//! The pages on which owners of buses let clients use them.

use serde_json::json;

use crate::document::{Document, Place};
use crate::operation::{Operation, shown, text};
use crate::refusals::Family;

const TAG: &str = "pages of owners";
const HTML: &str = "text/html";
const FORM: &str = "application/x-www-form-urlencoded";

fn operation(name: &str, summary: &str) -> Operation {
    Operation::new(Family::Pages, format!("owners_{name}"), TAG, summary)
}

/// What forms may be refused with.
const OF_FORMS: &[u16] = &[403, 413, 415];

/// Adds the pages.
pub(crate) fn describe(document: &mut Document) {
    let asks = [
        "clientId",
        "redirectUri",
        "responseType",
        "scopeAsked",
        "state",
        "codeChallenge",
        "codeChallengeMethod",
    ];
    let page = |what: &str| [text(HTML, what)];
    let further = "On to the next page, or back to the client with a code or an error.";
    let show = operation("authorize", "Shows an owner what a client asks for")
        .about("Authorization code flow of OAuth 2.0 with PKCE (RFC 6749, 7636, 9207). Whoever has not signed in is sent to do so first.")
        .security(&["", "session"])
        .takes(&asks)
        .answers(200, "What the client asks for.", &page("A page with a form."), &[])
        .answers(303, further, &[], &["Location"])
        .refuses(&[403]);
    document.read("/v2/authorize", show, Place::Public);
    let allow = json!({"token": "…", "ask": "…", "answer": "allow"});
    let answer = operation("answer", "Takes the owner's answer")
        .security(&["session"])
        .body(&[shown(FORM, "ConsentForm", allow)])
        .answers(303, further, &[], &["Location"])
        .refuses(OF_FORMS);
    document.add("/v2/authorize", "post", answer, Place::Public);

    let show = operation("signInPage", "The form on which owners sign in")
        .answers(200, "The form.", &page("A page with a form."), &[])
        .answers(303, "Whoever has signed in goes on.", &[], &["Location"])
        .refuses(&[403]);
    document.read("/v2/authenticate", show, Place::Public);
    let sign_in = json!({"token": "…", "action": "sign-in", "user": "owner", "password": "…"});
    let answer = operation("signIn", "Signs an owner in, or out")
        .about("Wrong passwords are answered 403 with the form again, and with 429 once there were too many.")
        .body(&[shown(FORM, "SignInForm", sign_in)])
        .answers(303, "Goes on.", &[], &["Location"])
        .refuses(OF_FORMS)
        .refuses(&[429]);
    document.add("/v2/authenticate", "post", answer, Place::Public);

    let show = operation("grants", "Which clients may use the owner's buses")
        .security(&["", "session"])
        .answers(200, "What was granted.", &page("A page with a form for each grant."), &[])
        .answers(303, "Whoever has not signed in is sent to do so.", &[], &["Location"])
        .refuses(&[403]);
    document.read("/v2/grants", show, Place::Public);
    let take_back = operation("takeBack", "Takes a grant back")
        .security(&["session"])
        .body(&[shown(FORM, "GrantForm", json!({"token": "…", "grant": "…"}))])
        .answers(303, "To the page again.", &[], &["Location"])
        .refuses(OF_FORMS)
        .refuses(&[404]);
    document.add("/v2/grants", "post", take_back, Place::Public);
}
