//! The pages on which an owner of buses lets a client use them (V2-AUTHZ-1; RFC 6749, 7636, 9207, 9700).
//!
//! ```text
//! client ─► browser ─► GET authorize ─► who asks, where to, what for (access::authorization) ─► sign in ─► page
//!                      POST authorize ◄─ Allow ─┘ registrar: a grant, durable ─► authority: a code ─► 303 back to the client
//! ```
//!
//! Nothing is kept of whoever has not signed in: until then a client's request is in the URL, and is read anew at each step. Afterwards it is kept as
//! it was shown, and the answer names it by an id of the session.
//!
//! | module | what lives there |
//! |---|---|
//! | `answer` | how pages and the ways back are sent |
//! | `authenticate` | owners sign in and out |
//! | `authorize` | a client asks, and the owner answers |
//! | `cookie` | the id of a session, and the cookie that carries it |
//! | `form` | what forms send, and that they are of this browser |
//! | `grants` | what was granted, and how it is taken back |
//! | `html` | writes pages: text is never markup; pure |
//! | `pages` | the pages |
//! | `sessions` | who has signed in, and what waits for an answer; pure |

mod answer;
mod authenticate;
mod authorize;
mod cookie;
mod form;
mod grants;
mod html;
mod pages;
mod sessions;

use std::future::{Future, ready};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use zeroize::Zeroizing;

use self::cookie::Id;
use self::sessions::Sessions;
use crate::access::Digest;
use crate::auth::UserName;
use crate::error::ApiError;
use crate::http::get_or_head;
use crate::provision::Registrar;
use crate::service::{Matched, Service, readable, resource};
use crate::web::assets::{Asset, Keep, made};

const CSS: &str = "text/css; charset=utf-8";
const METHODS: &str = "GET, HEAD, POST";

static STYLE: LazyLock<Asset> = LazyLock::new(|| Asset::new(CSS, Keep::AskAgain, made!("consent.css")));

/// What all of these pages share.
pub(crate) struct Consent {
    registrar: Arc<Registrar>,
    sessions: Mutex<Sessions>,
}

/// Somebody who has signed in.
struct Signed {
    /// Of the session's id.
    digest: Digest,
    user: UserName,
    /// What forms of this browser carry.
    token: Zeroizing<String>,
}

impl Consent {
    /// Nobody has signed in yet.
    pub(crate) fn new(registrar: Arc<Registrar>) -> Self {
        Self { registrar, sessions: Mutex::default() }
    }

    fn service(&self) -> &Arc<Service> {
        self.registrar.service()
    }

    fn sessions(&self) -> MutexGuard<'_, Sessions> {
        // Nothing is left half done in the table when a holder panics.
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who has signed in with this browser, and still may.
    fn signed_in(&self, request: &HttpRequest) -> Option<Signed> {
        let service = self.service();
        let id = Id::of(request.headers(), service.is_https(request))?;
        let has_password = |user: &UserName, hash: &_| service.has_password(user, hash);
        let (digest, now) = (id.digest(), service.uptime());
        let user = self.sessions().find(&digest, now, has_password)?;
        Some(Signed { digest, user, token: id.form_token() })
    }
}

/// Adds the pages. They lie beside the calls of version 2.0 and name each other relatively, so they work wherever the routes are mounted.
pub(crate) fn routes(consent: &Arc<Consent>, config: &mut ServiceConfig) {
    let service = consent.service();
    config.app_data(web::Data::from(Arc::clone(consent)));
    let page = |path| resource(path, Matched::Consent, service).default_service(web::to(refused));
    config
        .service(
            page("/v2/authorize")
                .route(get_or_head().to(authorize::show))
                .route(web::post().to(authorize::answer)),
        )
        .service(
            page("/v2/authenticate")
                .route(get_or_head().to(authenticate::show))
                .route(web::post().to(authenticate::answer)),
        )
        .service(
            page("/v2/grants").route(get_or_head().to(grants::show)).route(web::post().to(grants::answer)),
        )
        .service(readable(
            "/v2/consent.css",
            Matched::Consent,
            service,
            get_or_head().to(|request: HttpRequest| ready(STYLE.answer(&request))),
        ));
}

fn refused() -> impl Future<Output = Result<HttpResponse, ApiError>> {
    ready(Err(ApiError::method_not_allowed(METHODS).closing()))
}

#[cfg(test)]
mod tests {
    use actix_web::http::StatusCode;
    use actix_web::http::header::LOCATION;
    use actix_web::{App, test};

    use super::*;
    use crate::Backplane;
    use crate::config::Config;

    #[actix_web::test]
    async fn pages_lead_to_each_other_wherever_they_are_mounted() {
        let backplane = Backplane::start(&Config::demo().unwrap()).unwrap();
        let app = App::new().service(web::scope("/below").configure(backplane.routes()));
        let app = test::init_service(app).await;
        let ask = |path: &str| test::TestRequest::get().uri(path).to_request();
        let response = test::call_service(&app, ask("/below/v2/grants")).await;
        assert_eq!(response.status(), StatusCode::SEE_OTHER);
        assert_eq!(response.headers().get(LOCATION).unwrap(), "authenticate");
        let body = test::call_and_read_body(&app, ask("/below/v2/authenticate")).await;
        let text = String::from_utf8(body.to_vec()).unwrap();
        for link in ["href=\"consent.css\"", "action=\"authenticate\""] {
            assert!(text.contains(link), "{link} in {text}");
        }
        let style = test::call_service(&app, ask("/below/v2/consent.css")).await;
        assert_eq!(style.status(), StatusCode::OK);
        backplane.shutdown().await;
    }
}
