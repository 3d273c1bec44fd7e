//! The historical calls over HTTP.

use std::fmt;
use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::super::guard::refuse_pages;
use super::super::kind::Kind;
use super::super::order::{Done, Order};
use super::super::problem::failure;
use super::super::registrar::{ChangeError, Registrar};
use super::super::who::Who;
use super::version::Version;
use super::{orders, words};
use crate::error::{ApiError, ErrorCode};
use crate::http::{BodyBounds, read_body};
use crate::service::{self, Holder, Matched};
use crate::store::AdminName;

/// Entities of one call (I-5): a password of each is hashed.
const MOST: usize = 100;

/// A configuration with its name.
pub(super) type Named = (String, Map<String, Value>);
/// What is wanted of an entity, or what is wrong, with its name.
pub(super) type Wanted = (Result<Order, String>, String);

/// What a call does to entities of a kind.
#[derive(Debug, Clone, Copy)]
enum Act {
    List,
    Update,
    Delete,
}

/// What a call does to grants.
#[derive(Debug, Clone, Copy)]
enum GrantAct {
    Add,
    Revoke,
    List,
}

/// An error in the shape of these calls.
#[derive(Debug)]
struct Refused(ApiError);

type Answer = Result<HttpResponse, Refused>;

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl ResponseError for Refused {
    fn status_code(&self) -> StatusCode {
        self.0.code().status()
    }

    fn error_response(&self) -> HttpResponse {
        self.0.head().json(json!({"ERR_MSG": self.0.description()}))
    }
}

impl From<ApiError> for Refused {
    fn from(error: ApiError) -> Self {
        Self(error)
    }
}

/// Adds the calls. They come before what else lies below their versions.
pub(crate) fn routes(registrar: &Arc<Registrar>, config: &mut ServiceConfig) {
    let call = |path: String| {
        web::resource([path.clone(), format!("{path}/")])
            .app_data(Matched::Provisioning)
            .default_service(web::to(refuse_method))
    };
    for (prefix, version) in Version::PREFIXES {
        let mut scope = service::scope(prefix, registrar.service())
            .app_data(web::Data::from(Arc::clone(registrar)))
            .app_data(web::Data::new(version));
        for kind in version.kinds() {
            for (act, word) in [(Act::List, "list"), (Act::Update, "update"), (Act::Delete, "delete")] {
                let serve = move |registrar, request, payload| {
                    serve((version, kind, act), registrar, request, payload)
                };
                scope = scope.service(call(format!("/{}/{word}", kind.one())).route(web::post().to(serve)));
            }
        }
        if version.has_grants() {
            for (act, word) in
                [(GrantAct::Add, "add"), (GrantAct::Revoke, "revoke"), (GrantAct::List, "list")]
            {
                let serve = move |registrar, request, payload| serve_grants(act, registrar, request, payload);
                scope = scope.service(call(format!("/grant/{word}")).route(web::post().to(serve)));
            }
        }
        config.service(scope.default_service(web::to(nothing_here)));
    }
}

async fn refuse_method() -> Answer {
    Err(ApiError::method_not_allowed("POST").closing().into())
}

async fn nothing_here(version: web::Data<Version>) -> Answer {
    Err(ApiError::new(ErrorCode::NotFound, version.calls()).closing().into())
}

/// A call whose admin was let in.
struct Call {
    who: Who,
    body: Map<String, Value>,
}

impl Call {
    async fn receive(
        registrar: &Registrar,
        request: &HttpRequest,
        payload: web::Payload,
    ) -> Result<Self, ApiError> {
        refuse_pages(request.headers()).map_err(ApiError::closing)?;
        let service = registrar.service();
        // The body holds a password: where those may not travel it is not looked at.
        let client = service.admit_credentials(request).map_err(ApiError::closing)?;
        let limits = service.limits();
        let bounds = BodyBounds { most: limits.body, deadline: limits.body_timeout };
        let body = read_body(request, payload, bounds, service.traffic(), Holder::Anybody).await?;
        let mut body: Map<String, Value> = serde_json::from_slice(&body.bytes).map_err(|error| {
            let text =
                format!("the body is no JSON object, at line {}, column {}", error.line(), error.column());
            ApiError::new(ErrorCode::InvalidRequest, text)
        })?;
        let (admin, secret) = (text(&mut body, "admin"), text(&mut body, "secret"));
        let (Some(admin), Some(secret)) = (admin, secret) else {
            let text = "this call needs the texts admin and secret";
            return Err(ApiError::new(ErrorCode::CredentialsRequired, text));
        };
        let name = registrar.admins().authenticate_pair(&admin, &secret, client).await?;
        Ok(Self { who: Who::Admin(AdminName::from(name)), body })
    }

    /// The names that the call is about; none: all.
    fn entities(&self) -> Result<Vec<String>, ApiError> {
        let wrong = || ApiError::new(ErrorCode::InvalidRequest, "entities is a list of names");
        let names = match self.body.get("entities") {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(names)) => {
                let names = names.iter().map(|name| name.as_str().map(str::to_owned));
                names.collect::<Option<Vec<_>>>().ok_or_else(wrong)?
            }
            Some(_) => return Err(wrong()),
        };
        within(names)
    }

    /// The configurations that the call brings, each with its name.
    fn configs(&mut self, name: &str) -> Result<Vec<Named>, ApiError> {
        let wrong = || {
            let text = format!("configs is a list of objects, each with the text {name}");
            ApiError::new(ErrorCode::InvalidRequest, text)
        };
        let Some(Value::Array(configs)) = self.body.remove("configs") else { return Err(wrong()) };
        let named = configs.into_iter().map(|config| {
            let Value::Object(config) = config else { return Err(wrong()) };
            let name = config.get(name).and_then(Value::as_str).ok_or_else(wrong)?.to_owned();
            Ok((name, config))
        });
        within(named.collect::<Result<_, _>>()?)
    }

    /// The buses that the call names, by client.
    fn grants(&mut self) -> Result<Vec<(String, String)>, ApiError> {
        let wrong = || {
            let text = "grants is an object that has, by client, a text with names of buses";
            ApiError::new(ErrorCode::InvalidRequest, text)
        };
        let Some(Value::Object(grants)) = self.body.remove("grants") else { return Err(wrong()) };
        let grants = grants.into_iter().map(|(client, buses)| match buses {
            Value::String(buses) => Ok((client, buses)),
            _ => Err(wrong()),
        });
        within(grants.collect::<Result<_, _>>()?)
    }
}

fn within<T>(list: Vec<T>) -> Result<Vec<T>, ApiError> {
    if list.len() > MOST {
        let text = format!("one call is about at most {MOST} entities");
        return Err(ApiError::new(ErrorCode::InvalidRequest, text));
    }
    Ok(list)
}

fn text(body: &mut Map<String, Value>, member: &str) -> Option<Zeroizing<String>> {
    match body.remove(member) {
        Some(Value::String(text)) => Some(Zeroizing::new(text)),
        _ => None,
    }
}

async fn serve(
    (version, kind, act): (Version, Kind, Act),
    registrar: web::Data<Registrar>,
    request: HttpRequest,
    payload: web::Payload,
) -> Answer {
    let mut call = Call::receive(&registrar, &request, payload).await?;
    match act {
        Act::List => {
            let state = registrar.state();
            Ok(HttpResponse::Ok().json(told(call.entities()?, words::all(version, kind, &state.books()))))
        }
        Act::Update => {
            let configs = call.configs(words::name_of(kind))?;
            let wanted = web::block(move || orders::updates(version, kind, configs)).await;
            let wanted =
                wanted.map_err(|_| ApiError::new(ErrorCode::Unavailable, "the server is shutting down"))?;
            carry_out(&registrar, call.who, wanted, |_| words::UPDATED.to_owned()).await
        }
        Act::Delete => {
            let wanted = orders::deletions(kind, call.entities()?);
            carry_out(&registrar, call.who, wanted, |done| version.deleted(done)).await
        }
    }
}

async fn serve_grants(
    act: GrantAct,
    registrar: web::Data<Registrar>,
    request: HttpRequest,
    payload: web::Payload,
) -> Answer {
    let mut call = Call::receive(&registrar, &request, payload).await?;
    let by = call.who.grantor();
    match act {
        GrantAct::List => {
            let state = registrar.state();
            Ok(HttpResponse::Ok().json(told(call.entities()?, words::all_grants(state.books().made))))
        }
        GrantAct::Add => {
            let wanted = call.grants()?.into_iter().map(|(client, buses)| orders::grant(client, &buses, &by));
            let wanted = wanted.collect();
            carry_out(&registrar, call.who, wanted, |_| words::GRANTED.to_owned()).await
        }
        GrantAct::Revoke => {
            let wanted = call.grants()?.into_iter().map(|(client, buses)| orders::revocation(client, &buses));
            let wanted = wanted.collect();
            carry_out(&registrar, call.who, wanted, words::revoked).await
        }
    }
}

/// Of all those that are wanted, by name; nobody in particular: all.
fn told(wanted: Vec<String>, all: impl Iterator<Item = (String, Value)>) -> Map<String, Value> {
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|one| one == name);
    let mut told: Map<String, Value> = all.filter(|(name, _)| is_wanted(name)).collect();
    for missing in wanted {
        told.entry(missing).or_insert_with(|| json!({"ERR_MSG": words::NOT_FOUND}));
    }
    told
}

/// All of them or none; the answer tells of each by its name.
async fn carry_out(
    registrar: &web::Data<Registrar>,
    who: Who,
    wanted: Vec<Wanted>,
    success: impl Fn(&Done) -> String,
) -> Answer {
    let mut told = Map::new();
    let answer = |told: Map<String, Value>| Ok(HttpResponse::Ok().json(told));
    if wanted.iter().any(|(order, _)| order.is_err()) {
        for (order, name) in wanted {
            told.insert(name, json!(order.err().as_deref().unwrap_or(words::OTHERS)));
        }
        return answer(told);
    }
    let names: Vec<String> = wanted.iter().map(|(_, name)| name.clone()).collect();
    let orders: Vec<Order> = wanted.into_iter().filter_map(|(order, _)| order.ok()).collect();
    match registrar.change(who, orders.clone()).await {
        Ok(done) => {
            for (name, done) in names.into_iter().zip(&done) {
                told.insert(name, json!(success(done)));
            }
        }
        Err(ChangeError::Refused(refusals)) => {
            for ((name, order), refusal) in names.into_iter().zip(&orders).zip(refusals) {
                let text = refusal.map(|refusal| words::refused(order, refusal));
                told.insert(name, json!(text.as_deref().unwrap_or(words::OTHERS)));
            }
        }
        Err(error) => return Err(failure(&error).into()),
    }
    answer(told)
}
