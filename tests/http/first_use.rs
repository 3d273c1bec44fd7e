//! The first minutes: the program without a configuration, and the broker inside an application.

use std::path::PathBuf;
use std::process::Command;

use testkit::{Home, Program, Raw, eventually, paste, send};

/// The curl commands in a text: each starts a line and goes on while lines end in a backslash.
fn commands(text: &str) -> Vec<String> {
    let mut commands: Vec<String> = Vec::new();
    let mut goes_on = false;
    for line in text.lines() {
        if goes_on {
            let command = commands.last_mut().unwrap();
            *command = format!("{command}\n{line}");
        } else if line.trim_start().starts_with("curl ") {
            commands.push(line.trim_start().to_owned());
        } else {
            continue;
        }
        goes_on = line.ends_with('\\');
    }
    commands
}

#[test]
fn the_commands_that_the_program_prints_work_when_they_are_pasted() {
    let mut program = Program::start(None, &["--listen", "127.0.0.1:0"]);
    let address = program.address();
    eventually("all is printed", || program.output().contains("Ctrl-C"));
    let printed = program.output();
    assert!(printed.contains(&address.to_string()), "{printed}");
    let commands = commands(&printed);
    assert_eq!(commands.len(), 3, "{printed}");
    let run = |n: usize| paste(program.folder(), &commands[n]).0;
    let ids = run(0);
    let id = ids.trim().strip_prefix("[\"").and_then(|rest| rest.strip_suffix("\"]"));
    let id = id.unwrap_or_else(|| panic!("no id: {ids}\n{}", program.errors()));
    let frame = format!(
        r#"[{{"message":{{"source":"http://example.com","type":"identity/login","payload":{{"name":"Ann"}}}},"channel_name":"hello","id":"{id}"}}]"#
    );
    let read = run(1);
    assert!(read.starts_with("HTTP/1.1 200 OK\n") && read.ends_with(&frame), "{read}");
    assert_eq!(run(2), frame);
    assert_eq!(std::fs::read_dir(program.folder()).unwrap().count(), 0, "nothing is left behind");
}

/// `Program` gives it no terminal; the next lines show that a file in the way does not matter when it is asked for.
#[test]
fn the_demonstration_can_be_asked_for() {
    let home = Home::configured("storage.kind = \"memory\"");
    let mut program = home.start(&["serve", "--demo", "--listen", "127.0.0.1:0"]);
    let client = program.client();
    eventually("it greets", || program.output().contains("serves the bus \"demo\""));
    assert_eq!(client.get("/v1/bus/demo/channel/c").status, 200);
    assert_eq!(client.get("/v1/bus/customer.com/channel/c").status, 404);
}

/// What units and images start must not be the demonstration because a file was not found.
#[test]
fn serve_refuses_to_start_without_a_configuration_and_says_what_it_wants() {
    for more in [&[][..], &["--listen", "127.0.0.1:0", "--insecure-auth"]] {
        let ended = Program::start(None, &[&["serve"], more].concat()).end();
        assert_eq!((ended.code, ended.output.as_str()), (Some(78), ""));
        let error = ended.errors;
        assert!(error.starts_with("backplane: user: there is no [[user]] and no [[bus]]"), "{error}");
        for wanted in ["--config", "BACKPLANE_CONFIG", "backplane.toml", "backplane.example.toml", "--demo"] {
            assert!(error.contains(wanted), "{wanted}: {error}");
        }
    }
}

#[test]
fn the_demonstration_stays_on_this_machine() {
    let ended = Program::start(None, &["--listen", "0.0.0.0:0"]).end();
    assert_eq!((ended.code, ended.output.as_str()), (Some(78), ""));
    assert!(ended.errors.contains("0.0.0.0:0"), "{}", ended.errors);
}

/// Everybody knows its password. So nothing of it is for pages whose name its owner has made point here (DNS
/// rebinding), nor for whoever comes through a proxy that was put before it.
#[test]
fn the_demonstration_answers_this_machine_alone_by_its_own_names() {
    let mut program = Program::start(None, &["--listen", "127.0.0.1:0"]);
    let (address, client) = (program.address(), program.client());
    let admin = client.admin();
    let ask = |target: &str, version: &str, headers: &str| {
        Raw::connect(address).send(format!("GET {target} HTTP/{version}\r\n{headers}\r\n")).reply()
    };
    let credentials = "Authorization: Basic ZGVtbzpkZW1v\r\n";
    let targets = [
        "/",
        "/demo/page.js",
        "/demo/identity",
        "/v1/bus/demo",
        "/v1/bus/demo/channel/c",
        "/v1/backplane.js",
        "/healthz",
        "/readyz",
    ];
    for target in targets {
        for host in ["localhost", "127.0.0.1:9", "[::1]"] {
            let reply = ask(target, "1.1", &format!("Host: {host}\r\n{credentials}"));
            assert_eq!(reply.status, 200, "{host} {target}");
        }
        for (version, headers) in [
            ("1.1", "Host: rebind.example:8080\r\n"),
            ("1.1", "Host: 192.0.2.1\r\n"),
            ("1.1", "Host: localhost\r\nX-Forwarded-For: 127.0.0.1\r\n"),
            ("1.1", "Host: localhost\r\nX-Real-IP: 127.0.0.1\r\n"),
            ("1.1", "Host: localhost\r\nCF-Connecting-IP: 127.0.0.1\r\n"),
            ("1.0", ""),
            // As nginx passes a request on when it is told nothing but where to.
            ("1.0", "Host: 127.0.0.1:8080\r\nConnection: close\r\n"),
        ] {
            let text = ask(target, version, &format!("{headers}{credentials}")).is_error(421, "misdirected");
            assert!(text.starts_with("the demonstration answers "), "{text}");
        }
    }
    let sign_in = "Host: rebind.example\r\nContent-Type: application/json\r\nContent-Length: 2\r\n";
    let posted =
        Raw::connect(address).send(format!("POST /demo/sign-in HTTP/1.1\r\n{sign_in}\r\n{{}}")).reply();
    posted.is_error(421, "misdirected");
    assert_eq!(client.get("/metrics").status, 404);
    assert_eq!(admin.get("/metrics").status, 200);
    let rebound = send(admin.request("GET", "/metrics").header("Host", "rebind.example"));
    rebound.is_error(421, "misdirected");
}

/// cargo builds the examples for the tests, beside the program.
pub(crate) fn example(name: &str) -> PathBuf {
    let example = testkit::backplane().parent().unwrap().join("examples").join(name);
    if !example.exists() {
        // Not when a single test target was asked for.
        let cargo = option_env!("CARGO").unwrap_or("cargo");
        let arguments = ["build", "--quiet", "--locked", "--offline", "--example", name];
        assert!(Command::new(cargo).args(arguments).status().unwrap().success());
    }
    example
}

#[test]
fn the_commands_that_the_embedding_example_documents_work() {
    const SOURCE: &str = include_str!("../../examples/embed.rs");
    let mut shop = Program::run(&example("embed"), &["0"]);
    let address = shop.address_after("The shop is open: http://");
    let documented: Vec<_> = SOURCE.lines().filter_map(|line| line.strip_prefix("//! ")).collect();
    let commands = commands(&documented.join("\n"));
    assert_eq!(commands.len(), 4, "{commands:?}");
    let run = |n: usize, channel: &str| {
        let command = commands[n].replace("127.0.0.1:8081", &address.to_string());
        let placeholder = "<the session shown by the page>";
        paste(shop.folder(), &command.replace("curl ", "curl -sS ").replace(placeholder, channel)).0
    };
    let page = run(0, "");
    let channel = page.lines().next().unwrap().strip_prefix("Your channel: ").unwrap().to_owned();
    assert!(channel.len() >= 32 && page.contains("nothing yet"), "{page}");
    assert!(run(1, "").starts_with("posted as "));
    let frames: serde_json::Value = serde_json::from_str(&run(2, &channel)).unwrap();
    assert_eq!(frames[0]["message"]["payload"]["identities"]["entry"]["displayName"], "Ann");
    assert_eq!(frames[0]["channel_name"], *channel);
    assert!(run(3, "").contains("messages: 1,"));
    // The page shows the shop what its own code posted.
    assert!(run(0, "").contains("identity/login"));
}

#[test]
fn i_5_an_application_around_the_routes_hangs_up_on_endless_bodies_too() {
    let mut shop = Program::run(&example("embed"), &["0"]);
    let mut raw = Raw::connect(shop.address_after("The shop is open: http://"));
    let target = "/backplane/v1/bus/shop/channel/c";
    raw.request("POST", target, "Transfer-Encoding: chunked\r\n")
        .reply()
        .is_error(401, "credentials_required");
    eventually("the connection is closed although its body goes on", || raw.try_send("1\r\n \r\n").is_err());
}
