//! The pages. Each works without a script, by keyboard and by ear, on a phone and in the dark.

use std::collections::BTreeSet;
use std::time::{Duration, UNIX_EPOCH};

use backplane_actors::{BusName, Timestamp};
use url::Url;

use super::form::TOKEN;
use super::html::Html;
use crate::access::{ClientUrl, Scope};
use crate::auth::UserName;
use crate::provision::OwnedGrant;

/// Who looks at a page, and what its forms carry.
pub(super) struct Viewer<'a> {
    pub(super) user: &'a UserName,
    pub(super) token: &'a str,
    /// What goes on after another owner has signed in: the query of a client's request, or nothing.
    pub(super) query: &'a str,
}

/// A client, as it is shown.
pub(super) struct Asker<'a> {
    pub(super) name: &'a str,
    pub(super) source: &'a ClientUrl,
    pub(super) redirect: &'a ClientUrl,
}

/// The frame of each page.
fn framed(title: &'static str, viewer: Option<&Viewer<'_>>, main: &Html) -> Html {
    let mut html = Html::default();
    html.raw("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n")
        .raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n")
        .raw("<meta name=\"color-scheme\" content=\"light dark\">\n<title>")
        .raw(title)
        .raw(" – Backplane</title>\n<link rel=\"stylesheet\" href=\"consent.css\">\n</head>\n<body>\n<header>\n")
        .raw("<p class=\"brand\">Backplane</p>\n");
    if let Some(viewer) = viewer {
        html.raw("<form class=\"who\" method=\"post\" action=\"authenticate");
        asked_before(&mut html, viewer.query);
        html.raw("\">\n<p>Signed in as <bdi>").text(viewer.user.as_str()).raw("</bdi></p>\n");
        hidden(&mut html, TOKEN, viewer.token);
        html.raw("<button class=\"quiet\" name=\"action\" value=\"sign-out\">Sign out</button>\n</form>\n");
    }
    html.raw("</header>\n<main>\n").part(main).raw("</main>\n</body>\n</html>\n");
    html
}

fn hidden(html: &mut Html, name: &'static str, value: &str) {
    html.raw("<input type=\"hidden\" name=\"").raw(name).raw("\" value=\"").text(value).raw("\">\n");
}

fn asked_before(html: &mut Html, query: &str) {
    if !query.is_empty() {
        html.raw("?").text(query);
    }
}

/// The form at which an owner signs in. `wrong` is why the last attempt was none.
pub(super) fn sign_in(token: &str, asker: Option<&Asker<'_>>, query: &str, wrong: Option<&str>) -> Html {
    let mut main = Html::default();
    main.raw("<h1>Sign in</h1>\n");
    match asker {
        Some(asker) => main
            .raw("<p><bdi>")
            .text(asker.name)
            .raw("</bdi> asks to use buses. Sign in as their owner to decide about it.</p>\n"),
        None => main.raw("<p>Sign in as the owner of buses to see who may use them.</p>\n"),
    };
    let described = if let Some(wrong) = wrong {
        main.raw("<div class=\"wrong\" role=\"alert\" id=\"wrong\">\n<h2>You are not signed in</h2>\n<p>")
            .text(&sentence(wrong))
            .raw(". <a href=\"#user\">Check the name</a> and <a href=\"#password\">the password</a>.</p>\n</div>\n");
        " aria-invalid=\"true\" aria-describedby=\"wrong\""
    } else {
        ""
    };
    main.raw("<form method=\"post\" action=\"authenticate");
    asked_before(&mut main, query);
    main.raw("\">\n");
    hidden(&mut main, TOKEN, token);
    main.raw("<label for=\"user\">Name</label>\n<input id=\"user\" name=\"user\" required autofocus ")
        .raw("autocomplete=\"username\" autocapitalize=\"none\" spellcheck=\"false\" maxlength=\"128\"")
        .raw(described)
        .raw(">\n<label for=\"password\">Password</label>\n<input id=\"password\" name=\"password\" type=\"password\" ")
        .raw("required autocomplete=\"current-password\"")
        .raw(described)
        .raw(">\n<button name=\"action\" value=\"sign-in\">Sign in</button>\n</form>\n");
    framed("Sign in", None, &main)
}

/// What a client asks for, and the two answers.
pub(super) fn consent(
    viewer: &Viewer<'_>,
    asker: &Asker<'_>,
    (scope, buses): (&Scope, &BTreeSet<BusName>),
    ask: &str,
) -> Html {
    let mut main = Html::default();
    main.raw("<h1>Let <bdi>").text(asker.name).raw("</bdi> use your buses?</h1>\n");
    about(&mut main, asker);
    main.raw("<h2>It asks for these buses of yours</h2>\n");
    list(&mut main, buses);
    main.raw("<h2>It will be able to</h2>\n<ul>\n")
        .raw("<li>read the messages of these buses, with all that they hold about your visitors</li>\n")
        .raw("<li>post messages there, in the name of ")
        .text(asker.source.as_str())
        .raw("</li>\n</ul>\n");
    narrowed(&mut main, scope);
    main.raw("<p>This holds until you take it back, on the page <a href=\"grants\">Who may use my buses</a>.</p>\n");
    answers(&mut main, viewer, ask, true);
    framed("Allow access?", Some(viewer), &main)
}

/// The same where there is nothing that this user could allow.
pub(super) fn nothing_to_grant(
    viewer: &Viewer<'_>,
    asker: &Asker<'_>,
    foreign: &BTreeSet<BusName>,
    ask: &str,
) -> Html {
    let mut main = Html::default();
    main.raw("<h1>You cannot allow this</h1>\n");
    about(&mut main, asker);
    if foreign.is_empty() {
        main.raw("<p>You own no buses, so there is nothing to grant.</p>\n");
    } else {
        main.raw("<h2>It asks for buses that are not yours</h2>\n");
        list(&mut main, foreign);
    }
    main.raw("<p>If somebody else is to decide, sign out and let the owner sign in.</p>\n");
    answers(&mut main, viewer, ask, false);
    framed("You cannot allow this", Some(viewer), &main)
}

fn about(main: &mut Html, asker: &Asker<'_>) {
    main.raw("<dl>\n<dt>Who asks</dt>\n<dd><bdi>")
        .text(asker.name)
        .raw("</bdi></dd>\n<dt>Its messages come from</dt>\n<dd>")
        .text(asker.source.as_str())
        .raw("</dd>\n<dt>After your answer you go to</dt>\n<dd><strong>")
        .text(&place_of(asker.redirect))
        .raw("</strong></dd>\n</dl>\n");
}

/// Scheme, host and port: what tells whose a URL is.
fn place_of(url: &ClientUrl) -> String {
    Url::parse(url.as_str()).map_or_else(|_| url.to_string(), |url| url.origin().ascii_serialization())
}

fn list(main: &mut Html, buses: &BTreeSet<BusName>) {
    main.raw("<ul class=\"buses\">\n");
    for bus in buses {
        main.raw("<li>").text(bus.as_str()).raw("</li>\n");
    }
    main.raw("</ul>\n");
}

fn narrowed(main: &mut Html, scope: &Scope) {
    let rest = scope.without_buses().to_string();
    if rest.is_empty() {
        return;
    }
    main.raw("<h2>It will see only messages with</h2>\n<ul>\n");
    for part in rest.split(' ') {
        main.raw("<li><code>").text(part).raw("</code></li>\n");
    }
    main.raw("</ul>\n");
}

fn answers(main: &mut Html, viewer: &Viewer<'_>, ask: &str, may_allow: bool) {
    main.raw("<form class=\"answers\" method=\"post\" action=\"authorize\">\n");
    hidden(main, TOKEN, viewer.token);
    hidden(main, "ask", ask);
    if may_allow {
        main.raw("<button class=\"quiet\" name=\"answer\" value=\"deny\">Deny</button>\n")
            .raw("<button name=\"answer\" value=\"allow\">Allow</button>\n");
    } else {
        main.raw("<button name=\"answer\" value=\"deny\">Go back</button>\n");
    }
    main.raw("</form>\n");
}

/// Who may use the buses of an owner, and by whose leave.
pub(super) fn grants(viewer: &Viewer<'_>, owned: &BTreeSet<BusName>, grants: &[OwnedGrant]) -> Html {
    let mut main = Html::default();
    main.raw("<h1>Who may use my buses</h1>\n");
    if owned.is_empty() {
        main.raw("<p>You own no buses, so there is nothing to grant.</p>\n");
    } else {
        main.raw("<h2>Your buses</h2>\n");
        list(&mut main, owned);
        if grants.is_empty() {
            main.raw("<p>No client may use them.</p>\n");
        }
    }
    for (number, grant) in (1_u32..).zip(grants) {
        let number = number.to_string();
        main.raw("<section aria-labelledby=\"client-")
            .text(&number)
            .raw("\">\n<h2 id=\"client-")
            .text(&number);
        main.raw("\"><bdi>").text(grant.client.as_str()).raw("</bdi></h2>\n<p>");
        main.raw(if grant.is_own {
            "You allowed it on "
        } else {
            "The operator of this server allowed it on "
        });
        date(&mut main, grant.created);
        main.raw(", for</p>\n");
        list(&mut main, &grant.buses.iter().cloned().collect());
        if grant.is_own {
            main.raw("<form method=\"post\" action=\"grants\">\n");
            hidden(&mut main, TOKEN, viewer.token);
            hidden(&mut main, "grant", grant.id.as_str());
            main.raw("<button aria-describedby=\"client-")
                .text(&number)
                .raw("\">Take it back</button>\n</form>\n");
        } else {
            main.raw("<p>Only the operator can take it back.</p>\n");
        }
        main.raw("</section>\n");
    }
    framed("Who may use my buses", Some(viewer), &main)
}

fn date(main: &mut Html, at: Timestamp) {
    let text =
        humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_millis(at.as_millis())).to_string();
    let day = text.split('T').next().unwrap_or_default();
    main.raw("<time datetime=\"").text(&text).raw("\">").text(day).raw("</time>");
}

/// What is wrong begins in lower case, for it stands in logs and JSON as well.
fn sentence(text: &str) -> String {
    let mut rest = text.chars();
    let first = rest.next();
    first.into_iter().flat_map(char::to_uppercase).chain(rest).collect()
}

/// Why there is nothing else to show.
pub(super) fn refused(why: &str) -> Html {
    let mut main = Html::default();
    main.raw("<h1>This does not work</h1>\n<div class=\"wrong\" role=\"alert\">\n<p>")
        .text(&sentence(why))
        .raw(".</p>\n</div>\n");
    framed("This does not work", None, &main)
}
