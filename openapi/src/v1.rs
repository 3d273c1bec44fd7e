//! Versions 1.0 to 1.3: the same four calls below five prefixes.

use serde_json::{Value, json};

use crate::document::{Document, Place, Preflight};
use crate::operation::{Operation, body, reference, shown, text};
use crate::refusals::Family;

const JSON: &str = "application/json";
const SCRIPT: &str = "text/javascript";
const EVENTS: &str = "text/event-stream";

/// A prefix with what it shows.
struct Version {
    prefix: &'static str,
    /// What operations of it begin with.
    id: &'static str,
    tag: &'static str,
    frames: &'static str,
    knows_sticky: bool,
}

const VERSIONS: [Version; 5] = [
    Version { prefix: "/v1", id: "v1", tag: "version 1.0", frames: "Frames", knows_sticky: false },
    Version { prefix: "/v1.1", id: "v1_1", tag: "version 1.1", frames: "Frames", knows_sticky: false },
    Version { prefix: "/v1.2", id: "v1_2", tag: "version 1.2", frames: "FramesV1_2", knows_sticky: true },
    Version { prefix: "/v1.3", id: "v1_3", tag: "version 1.3", frames: "FramesV1_3", knows_sticky: true },
    Version { prefix: "", id: "bare", tag: "without a version", frames: "Frames", knows_sticky: false },
];

const AT_ONCE: &str = "With `block` the answer is held back until there is something to say. With `Accept: text/event-stream` it is a stream of \
    events, with `Upgrade: websocket` and the subprotocol `backplane.v1` a WebSocket; both say what was missed, and why they end.";

/// Adds them.
pub(crate) fn describe(document: &mut Document) {
    for version in &VERSIONS {
        version.bus(document);
        version.channel(document);
        version.channels(document);
        version.new_channel(document);
    }
}

impl Version {
    fn operation(&self, name: &str, summary: &str) -> Operation {
        Operation::new(Family::V1, format!("{}_{name}", self.id), self.tag, summary)
    }

    fn path(&self, below: &str) -> String {
        format!("{}/bus/{{bus}}{below}", self.prefix)
    }

    /// What a retrieval answers, whatever it is of.
    fn reading(&self, operation: Operation, is_for_pages: bool) -> Operation {
        let mut forms = vec![
            shown(JSON, self.frames, self.example()),
            text(EVENTS, "Events: `message` with a frame and `prev`, `backplane` with a fact."),
        ];
        let mut headers = vec!["Link", "Backplane-Resume"];
        let mut takes = vec!["since", "epoch", "block", "Last-Event-ID"];
        if is_for_pages {
            forms.push(script());
            headers.push("Backplane-Error");
            takes.push("callback");
        }
        // Versions that do not know it pass it over, but for its right value.
        takes.push("sticky");
        let about = if self.knows_sticky {
            [AT_ONCE, " Any other value of `sticky` than `true` is refused."].concat()
        } else {
            [AT_ONCE, " Other values of `sticky` than `true` are passed over."].concat()
        };
        operation
            .about(&about)
            .takes(&takes)
            .answers(200, "Messages, oldest first.", &forms, &headers)
            .answers(101, "The WebSocket is open.", &[], &[])
            .refuses(&[403, 404, 429])
    }

    /// A frame as readers of this version get it.
    fn example(&self) -> Value {
        let mut message =
            json!({"source": "https://login.example", "type": "identity/login", "payload": "Ann"});
        if let Some(members) = message.as_object_mut() {
            if self.knows_sticky {
                members.insert("sticky".to_owned(), json!(true));
            }
            if self.frames == "FramesV1_3" {
                members.insert("expire".to_owned(), json!("2030-01-31T23:59:59Z"));
            }
        }
        json!([{"message": message, "channel_name": "8ec92f459fa70b0da1a40e8fe70a0bc8", "id": "1k7vsmm2r0001"}])
    }

    fn bus(&self, document: &mut Document) {
        let path = self.path("");
        let read = self
            .operation("readBus", "Messages of all channels of a bus")
            .security(&["user"])
            .refuses(&[401]);
        document.read(&path, self.reading(read, false), Place::Public);
        document.options(&path, &format!("{}_bus", self.id), self.tag, Preflight::Alike);
    }

    fn channel(&self, document: &mut Document) {
        let path = self.path("/channel/{channel}");
        let read = self
            .operation("readChannel", "Messages of a channel")
            .security(&["", "user"])
            .refuses_sockets(&[401]);
        document.read(&path, self.reading(read, true), Place::Public);
        let about = "All of them or none. A server that says that it sends a form, as `curl -d` does, and means JSON is understood; a browser is not. \
            A retry with the same `Idempotency-Key` and body stores nothing twice.";
        let example = json!([{"source": "https://login.example", "type": "identity/login", "payload": {"name": "Ann"}}]);
        let post = self
            .operation("post", "Posts messages to a channel")
            .about(about)
            .security(&["user"])
            .takes(&["Idempotency-Key"])
            .body(&[shown(JSON, "PostedMessages", example)])
            .answers(
                200,
                "The ids of the messages, in their order.",
                &[shown(JSON, "Ids", json!(["1k7vsmm2r0001"]))],
                &["Backplane-Durability", "RateLimit-Policy", "RateLimit"],
            )
            // `new` is no channel: by that name another resource answers.
            .refuses(&[401, 403, 404, 405, 413, 415, 422, 429, 507]);
        document.add(&path, "post", post, Place::Public);
        document.options(&path, &format!("{}_channel", self.id), self.tag, Preflight::OfBus);
    }

    fn channels(&self, document: &mut Document) {
        let path = self.path("/channels");
        let read = self
            .operation("readChannels", "Messages of several channels, in the order of the bus")
            .security(&["", "user"])
            .takes(&["channelsAsked"])
            .refuses_sockets(&[401]);
        document.read(&path, self.reading(read, true), Place::Public);
        document.options(&path, &format!("{}_channels", self.id), self.tag, Preflight::OfBus);
    }

    fn new_channel(&self, document: &mut Document) {
        let path = self.path("/channel/new");
        let name =
            (JSON, reference("schemas", "ChannelName"), Some(json!("o6TPnXo2M1V9iD1hyUb0Wq8XwzqSxNaC")));
        let new = self
            .operation("newChannel", "A name for a channel that nobody can guess")
            .about("Nothing is kept of it: the channel comes into being with the first POST to it.")
            .takes(&["callback"])
            .answers(200, "The name.", &[name, script()], &[])
            .refuses(&[403, 404]);
        document.read(&path, new, Place::Public);
        document.options(&path, &format!("{}_newChannel", self.id), self.tag, Preflight::OfBus);
    }
}

/// An answer that calls a function of the page.
pub(crate) fn script() -> crate::operation::Content {
    body(SCRIPT, "Script")
}
