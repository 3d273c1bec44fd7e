//! One call: what it takes, what it answers.

use serde_json::{Map, Value, json};

use crate::refusals::Family;

/// What every call may be refused with: malformed requests, deadlines, bounds of heads, failures, overload.
const ALWAYS: [u16; 5] = [400, 408, 431, 500, 503];

/// A reference to a component.
pub(crate) fn reference(kind: &str, name: &str) -> Value {
    json!({"$ref": format!("#/components/{kind}/{name}")})
}

/// A kind of body, with its schema and an example.
pub(crate) type Content = (&'static str, Value, Option<Value>);

/// A kind of body that has a schema among the components.
pub(crate) fn body(kind: &'static str, schema: &str) -> Content {
    (kind, reference("schemas", schema), None)
}

/// The same with an example.
pub(crate) fn shown(kind: &'static str, schema: &str, example: Value) -> Content {
    (kind, reference("schemas", schema), Some(example))
}

/// A text of this kind.
pub(crate) fn text(kind: &'static str, description: &str) -> Content {
    (kind, json!({"type": "string", "description": description}), None)
}

/// One call.
#[derive(Debug, Clone)]
pub(crate) struct Operation {
    members: Map<String, Value>,
    parameters: Vec<Value>,
    answers: Map<String, Value>,
    family: Family,
    refusals: Vec<u16>,
    /// What only those meet who open a WebSocket.
    of_sockets: Vec<u16>,
}

impl Operation {
    /// A call that needs no credentials.
    pub(crate) fn new(family: Family, id: impl Into<String>, tag: &str, summary: &str) -> Self {
        let mut members = Map::new();
        members.insert("operationId".to_owned(), Value::from(id.into()));
        members.insert("tags".to_owned(), json!([tag]));
        members.insert("summary".to_owned(), Value::from(summary));
        members.insert("security".to_owned(), json!([]));
        Self {
            members,
            parameters: Vec::new(),
            answers: Map::new(),
            family,
            refusals: ALWAYS.to_vec(),
            of_sockets: Vec::new(),
        }
    }

    /// Says more about it.
    pub(crate) fn about(mut self, description: &str) -> Self {
        self.members.insert("description".to_owned(), Value::from(description));
        self
    }

    /// The credentials that it takes: one of these.
    pub(crate) fn security(mut self, schemes: &[&str]) -> Self {
        let schemes = schemes.iter().map(|scheme| match *scheme {
            "" => json!({}),
            scheme => json!({scheme: []}),
        });
        self.members.insert("security".to_owned(), schemes.collect());
        self
    }

    /// Parameters that stand among the components.
    pub(crate) fn takes(mut self, parameters: &[&str]) -> Self {
        self.parameters.extend(parameters.iter().map(|name| reference("parameters", name)));
        self
    }

    /// Only on servers that are not where the document is.
    pub(crate) fn servers(mut self, servers: Value) -> Self {
        self.members.insert("servers".to_owned(), servers);
        self
    }

    /// A body, in one of these forms.
    pub(crate) fn body(mut self, forms: &[Content]) -> Self {
        self.members.insert("requestBody".to_owned(), json!({"required": true, "content": content(forms)}));
        self
    }

    /// An answer that is no error, with these headers.
    pub(crate) fn answers(
        mut self,
        status: u16,
        description: &str,
        forms: &[Content],
        headers: &[&str],
    ) -> Self {
        let mut answer = json!({"description": description});
        if let Some(members) = answer.as_object_mut() {
            if !forms.is_empty() {
                members.insert("content".to_owned(), content(forms));
            }
            if !headers.is_empty() {
                let headers: Map<_, _> =
                    headers.iter().map(|name| ((*name).to_owned(), reference("headers", name))).collect();
                members.insert("headers".to_owned(), Value::Object(headers));
            }
        }
        self.answers.insert(status.to_string(), answer);
        self
    }

    /// Errors with these statuses, besides those that every call may be answered with.
    pub(crate) fn refuses(mut self, statuses: &[u16]) -> Self {
        self.refusals.extend(statuses);
        self
    }

    /// Errors that only those meet who open a WebSocket.
    pub(crate) fn refuses_sockets(mut self, statuses: &[u16]) -> Self {
        self.of_sockets.extend(statuses);
        self
    }

    /// The same call by HEAD: no answer has a body, and none waits.
    pub(crate) fn by_head(&self) -> Self {
        let mut head = self.clone();
        for (name, suffix) in [("operationId", "_head"), ("summary", ": the head alone")] {
            let text = self.members.get(name).and_then(Value::as_str).unwrap_or_default();
            head.members.insert(name.to_owned(), Value::from([text, suffix].concat()));
        }
        head.members.remove("description");
        head.answers.remove("101");
        head.of_sockets.clear();
        for answer in head.answers.values_mut().filter_map(Value::as_object_mut) {
            answer.remove("content");
        }
        head.family = Family::Head;
        head
    }

    /// Calls that tell errors in the same shape.
    pub(crate) const fn family(&self) -> Family {
        self.family
    }

    /// As it stands in a document.
    pub(crate) fn finish(self) -> Value {
        let Self { mut members, parameters, answers, family, refusals, of_sockets } = self;
        if !parameters.is_empty() {
            members.insert("parameters".to_owned(), Value::Array(parameters));
        }
        let mut responses: Map<_, _> = refusals
            .into_iter()
            .chain(of_sockets)
            .map(|status| (status.to_string(), family.reference(status)))
            .collect();
        responses.extend(answers);
        members.insert("responses".to_owned(), Value::Object(responses));
        Value::Object(members)
    }
}

fn content(forms: &[Content]) -> Value {
    let forms = forms.iter().map(|(kind, schema, example)| {
        let mut form = json!({"schema": schema});
        if let (Some(example), Some(members)) = (example, form.as_object_mut()) {
            members.insert("example".to_owned(), example.clone());
        }
        ((*kind).to_owned(), form)
    });
    Value::Object(forms.collect())
}
