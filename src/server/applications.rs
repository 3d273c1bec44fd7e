//! What is answered on which listener.

use actix_web::App;
use actix_web::body::BoxBody;
use backplane_actors::BusName;

use crate::backplane::Backplane;
use crate::service::{Around, Callers};
use crate::web::description::Described;

/// What anybody may ask. `is_provisioned`: the historical provisioning calls, too. With a stage it is the demonstration.
pub(super) fn public(
    routes: &Backplane,
    is_provisioned: bool,
    stage: Option<BusName>,
) -> App<impl Around<Body = BoxBody> + use<>> {
    let app = match stage {
        // Its password is known to everybody, hence to any page whose name points here (DNS rebinding).
        Some(bus) => App::new().configure(routes.only(Callers::ThisMachine)).configure(routes.demo(bus)),
        None => App::new(),
    };
    let (app, described) = if is_provisioned {
        (app.configure(routes.historical_provisioning()), Described::PublicWithProvisioning)
    } else {
        (app, Described::Public)
    };
    app.configure(routes.routes())
        .configure(routes.operations())
        .configure(routes.description(described))
        .configure(routes.rest())
}

/// What operators may ask.
pub(super) fn operators(routes: &Backplane, callers: Callers) -> App<impl Around<Body = BoxBody> + use<>> {
    App::new()
        .configure(routes.only(callers))
        .configure(routes.operations())
        .configure(routes.metrics())
        .configure(routes.provisioning())
        .configure(routes.description(Described::Operators))
        .configure(routes.rest())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use actix_web::introspection::{IntrospectionNode, IntrospectionTree, ResourceType};
    use actix_web::{test, web};
    use backplane_openapi::{Listener, document};

    use super::*;
    use crate::config::Config;

    /// Calls, each as its method and its path.
    type Calls = BTreeSet<(String, String)>;

    /// What there is below `/admin/v1`, and which methods it has; the routes there are the same for all kinds.
    const KINDS: [(&str, &[&str], &[&str]); 5] = [
        ("admins", &["GET", "HEAD", "POST"], &["GET", "HEAD", "PUT", "PATCH", "DELETE"]),
        ("buses", &["GET", "HEAD"], &["GET", "HEAD", "PUT", "PATCH", "DELETE"]),
        ("clients", &["GET", "HEAD", "POST"], &["GET", "HEAD", "PUT", "PATCH", "DELETE"]),
        ("grants", &["GET", "HEAD", "POST"], &["GET", "HEAD", "DELETE"]),
        ("users", &["GET", "HEAD"], &["GET", "HEAD", "PUT", "PATCH", "DELETE"]),
    ];

    fn gather(node: &IntrospectionNode, calls: &mut Calls) {
        if matches!(node.kind, ResourceType::Resource) {
            assert!(!node.methods.is_empty(), "{} has no method, or all", node.full_path);
            for method in &node.methods {
                calls.insert((method.to_string(), node.full_path.clone()));
            }
        }
        node.children.iter().for_each(|child| gather(child, calls));
    }

    /// The routes of an application, with those of kinds of entities by the kinds.
    async fn routed(app: App<impl Around<Body = BoxBody>>) -> Calls {
        let app = test::init_service(app).await;
        let request = test::TestRequest::get().uri("/nothing").to_request();
        let response = test::call_service(&app, request).await;
        let tree = response.request().app_data::<web::Data<IntrospectionTree>>().unwrap();
        let mut routes = Calls::new();
        gather(&tree.root, &mut routes);
        // A slash at the end changes nothing, wherever it may stand.
        let with_slash: Vec<_> = routes.iter().filter(|(_, path)| path.ends_with('/')).cloned().collect();
        for (method, path) in with_slash {
            let bare = (method.clone(), path.trim_end_matches('/').to_owned());
            assert!(routes.contains(&bare), "{bare:?}");
            routes.remove(&(method, path));
        }
        let of_kinds = |(_, path): &(String, String)| path.starts_with("/admin/v1/{kind}");
        let (generic, mut routes): (Calls, Calls) = routes.into_iter().partition(of_kinds);
        for (kind, all, one) in KINDS {
            for (path, methods) in [("/admin/v1/{kind}", all), ("/admin/v1/{kind}/{name}", one)] {
                for method in methods {
                    let route = ((*method).to_owned(), path.to_owned());
                    if generic.contains(&route) {
                        routes.insert((route.0, path.replace("{kind}", kind)));
                    }
                }
            }
        }
        routes
    }

    /// The calls of a document, or those of them that this listener answers.
    fn described(listener: Listener) -> Calls {
        let document = document(listener, "0");
        let paths = document["paths"].as_object().unwrap();
        let all = paths.iter().flat_map(|(path, item)| {
            let calls = item.as_object().unwrap().iter().filter(|(_, call)| call.get("servers").is_none());
            calls.map(move |(method, _)| (method.to_uppercase(), path.clone()))
        });
        all.collect()
    }

    #[actix_web::test]
    async fn each_route_is_described_and_whatever_is_described_is_routed() {
        let backplane = Backplane::start(&Config::demo().unwrap()).unwrap();
        for (is_provisioned, listener) in
            [(false, Listener::Public), (true, Listener::PublicWithProvisioning)]
        {
            assert_eq!(routed(public(&backplane, is_provisioned, None)).await, described(listener));
        }
        let callers = Callers::operators(&["localhost".to_owned()]);
        assert_eq!(routed(operators(&backplane, callers)).await, described(Listener::Operators));
        backplane.shutdown().await;
    }
}
