//! What a server without configuration says to whoever started it.

use std::net::SocketAddr;

use backplane::config::DEMO_NAME;

/// Says what runs, and gives commands that work when they are pasted.
#[must_use]
pub(crate) fn demo(address: SocketAddr, admin: Option<&SocketAddr>) -> String {
    let metrics = admin.map(|admin| format!("Metrics are on http://{admin}/metrics. ")).unwrap_or_default();
    let channel = format!("http://{address}/v1/bus/{DEMO_NAME}/channel/hello");
    format!(
        r#"Backplane {version} serves the bus "{DEMO_NAME}" on http://{address}, for this machine only, from memory.
There is no configuration: user "{DEMO_NAME}", password "{DEMO_NAME}", and clients of version 2.0 with the same secret, such as "login.example".
Open http://{address}/ in a browser, or try:

  curl -u {DEMO_NAME}:{DEMO_NAME} -H 'Content-Type: application/json' \
       -d '[{{"source":"http://example.com","type":"identity/login","payload":{{"name":"Ann"}}}}]' \
       {channel}

  curl -i {channel}

  curl -u {DEMO_NAME}:{DEMO_NAME} http://{address}/v1/bus/{DEMO_NAME}

{metrics}backplane.example.toml explains every setting; Ctrl-C ends the server.
"#,
        version = env!("CARGO_PKG_VERSION"),
    )
}
