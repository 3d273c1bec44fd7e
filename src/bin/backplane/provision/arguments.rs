//! The command line of `backplane bus`, `user`, `client`, `grant` and `admin`.

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::ask::{self, Ask};
use crate::cli::FileFlag;
use crate::failure::Failure;

/// What all of these commands take.
#[derive(Debug, Args)]
pub(crate) struct Reach {
    #[command(flatten)]
    pub(crate) file: FileFlag,
    /// Answer in JSON, for programs
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Named {
    /// Its name
    name: String,
    #[command(flatten)]
    reach: Reach,
}

#[derive(Debug, Args)]
pub(crate) struct Settings {
    /// Who may post: users, separated by commas; may be given several times, and once without a name for nobody
    #[arg(long, value_name = "USERS", value_delimiter = ',')]
    post: Option<Vec<String>>,
    /// Who may read the whole bus, likewise
    #[arg(long, value_name = "USERS", value_delimiter = ',')]
    read: Option<Vec<String>>,
    /// Whose bus it is: the user who may grant clients access to it
    #[arg(long, value_name = "USER")]
    owner: Option<String>,
    /// Set a key of [[bus]], such as retention=10m or window.channel=50; may be given several times
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Urls {
    /// The URL that is the source of its messages
    #[arg(long, value_name = "URL")]
    source: Option<String>,
    /// Where its users may come back to; may be given several times, and once without a URL for nowhere
    #[arg(long, value_name = "URL")]
    redirect: Option<Vec<String>>,
}

#[derive(Debug, Args)]
pub(crate) struct Secret {
    /// Make a password, and print it: this once
    #[arg(long)]
    generate: bool,
}

/// Buses that are made at run time.
#[derive(Debug, Subcommand)]
pub(crate) enum BusCommand {
    /// List all buses, those of the configuration too
    List(Reach),
    /// Show one bus with its settings
    Show(Named),
    /// Make a bus
    Add {
        #[command(flatten)]
        named: Named,
        #[command(flatten)]
        settings: Settings,
    },
    /// Change some settings of a bus
    Set {
        #[command(flatten)]
        named: Named,
        #[command(flatten)]
        settings: Settings,
        /// Take a setting away: from then on [defaults] holds; may be given several times
        #[arg(long = "unset", value_name = "KEY")]
        unset: Vec<String>,
    },
    /// Remove a bus with all of its messages
    Remove(Named),
    /// End all tokens of pages of a bus that were issued until now: those pages ask for new ones
    RevokePages(Named),
}

/// Users that are made at run time.
#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// List all users, those of the configuration too
    List(Reach),
    /// Show one user with the rights
    Show(Named),
    /// Make a user; the password is asked for, or read from standard input
    Add {
        #[command(flatten)]
        named: Named,
        #[command(flatten)]
        secret: Secret,
    },
    /// Give a user another password
    Set {
        #[command(flatten)]
        named: Named,
        #[command(flatten)]
        secret: Secret,
    },
    /// Remove a user with all rights
    Remove(Named),
}

/// Clients of version 2.0: servers of vendors, whom buses are granted to.
#[derive(Debug, Subcommand)]
pub(crate) enum ClientCommand {
    /// List all clients
    List(Reach),
    /// Show one client with its grants
    Show(Named),
    /// Make a client; the secret is asked for, or read from standard input
    Add {
        #[command(flatten)]
        named: Named,
        #[command(flatten)]
        urls: Urls,
        #[command(flatten)]
        secret: Secret,
    },
    /// Change a client
    Set {
        #[command(flatten)]
        named: Named,
        #[command(flatten)]
        urls: Urls,
        /// Give it another secret, which is asked for, or read from standard input
        #[arg(long, conflicts_with = "generate")]
        secret: bool,
        #[command(flatten)]
        made: Secret,
    },
    /// Remove a client with all that it was granted
    Remove(Named),
}

/// What clients may use.
#[derive(Debug, Subcommand)]
pub(crate) enum GrantCommand {
    /// List all grants
    List(Reach),
    /// Let a client use buses
    Add {
        /// The client
        client: String,
        /// The buses, separated by commas; may be given several times
        #[arg(long = "bus", value_name = "BUSES", value_delimiter = ',', required = true)]
        buses: Vec<String>,
        #[command(flatten)]
        reach: Reach,
    },
    /// End a grant: from then on its tokens are good for nothing
    Revoke {
        /// Its id, as the list shows it
        id: String,
        #[command(flatten)]
        reach: Reach,
    },
}

/// Admins, who make users and buses over HTTP.
#[derive(Debug, Subcommand)]
pub(crate) enum AdminCommand {
    /// List all admins
    List(Reach),
    /// Make an admin; the password is asked for, or read from standard input
    Create {
        #[command(flatten)]
        named: Named,
        #[command(flatten)]
        secret: Secret,
    },
    /// Give an admin another password
    Set {
        #[command(flatten)]
        named: Named,
        #[command(flatten)]
        secret: Secret,
    },
    /// Remove an admin
    Remove(Named),
}

impl BusCommand {
    pub(super) fn ask(self) -> Result<(Reach, Ask), Failure> {
        Ok(match self {
            Self::List(reach) => (reach, Ask::list("buses")),
            Self::Show(Named { name, reach }) => (reach, Ask::show("buses", &name)),
            Self::Add { named: Named { name, reach }, settings } => {
                (reach, Ask::add("buses", &name, &json!({"settings": settings.json(&[])?})))
            }
            Self::Set { named: Named { name, reach }, settings, unset } => {
                (reach, Ask::set("buses", &name, &json!({"settings": settings.json(&unset)?})))
            }
            Self::Remove(Named { name, reach }) => (reach, Ask::remove("buses", &name)),
            Self::RevokePages(Named { name, reach }) => (reach, Ask::revoke_pages(&name)),
        })
    }
}

impl UserCommand {
    pub(super) fn ask(self) -> Result<(Reach, Ask), Failure> {
        Ok(match self {
            Self::List(reach) => (reach, Ask::list("users")),
            Self::Show(Named { name, reach }) => (reach, Ask::show("users", &name)),
            Self::Add { named: Named { name, reach }, secret } => {
                (reach, ask::with_password(secret.generate, |body| Ask::add("users", &name, body))?)
            }
            Self::Set { named: Named { name, reach }, secret } => {
                (reach, ask::with_password(secret.generate, |body| Ask::set("users", &name, body))?)
            }
            Self::Remove(Named { name, reach }) => (reach, Ask::remove("users", &name)),
        })
    }
}

impl ClientCommand {
    pub(super) fn ask(self) -> Result<(Reach, Ask), Failure> {
        Ok(match self {
            Self::List(reach) => (reach, Ask::list("clients")),
            Self::Show(Named { name, reach }) => (reach, Ask::show("clients", &name)),
            Self::Add { named: Named { name, reach }, urls, secret } => {
                let add = |body: &Value| Ask::add("clients", &name, body);
                (reach, ask::with_secret("secret", secret.generate, urls.json(), add)?)
            }
            Self::Set { named: Named { name, reach }, urls, secret, made } => {
                let set = |body: &Value| Ask::set("clients", &name, body);
                let ask = if secret || made.generate {
                    ask::with_secret("secret", made.generate, urls.json(), set)?
                } else {
                    set(&Value::Object(urls.json()))
                };
                (reach, ask)
            }
            Self::Remove(Named { name, reach }) => (reach, Ask::remove("clients", &name)),
        })
    }
}

impl GrantCommand {
    pub(super) fn ask(self) -> (Reach, Ask) {
        match self {
            Self::List(reach) => (reach, Ask::list("grants")),
            Self::Add { client, buses, reach } => {
                (reach, Ask::make("grants", &json!({"client": client, "buses": buses}), "granted"))
            }
            Self::Revoke { id, reach } => (reach, Ask::revoke("grants", &id)),
        }
    }
}

impl Urls {
    fn json(self) -> Map<String, Value> {
        let mut json = Map::new();
        if let Some(source) = self.source {
            json.insert("source".to_owned(), json!(source));
        }
        if let Some(redirects) = self.redirect {
            let redirects: Vec<_> = redirects.into_iter().filter(|url| !url.is_empty()).collect();
            json.insert("redirects".to_owned(), json!(redirects));
        }
        json
    }
}

impl AdminCommand {
    pub(super) fn ask(self) -> Result<(Reach, Ask), Failure> {
        Ok(match self {
            Self::List(reach) => (reach, Ask::list("admins")),
            Self::Create { named: Named { name, reach }, secret } => {
                (reach, ask::with_password(secret.generate, |body| Ask::add("admins", &name, body))?)
            }
            Self::Set { named: Named { name, reach }, secret } => {
                (reach, ask::with_password(secret.generate, |body| Ask::set("admins", &name, body))?)
            }
            Self::Remove(Named { name, reach }) => (reach, Ask::remove("admins", &name)),
        })
    }
}

impl Settings {
    fn json(self, unset: &[String]) -> Result<Value, Failure> {
        let mut json = Map::new();
        for (right, members) in [("post", self.post), ("read", self.read)] {
            if let Some(members) = members {
                let members: Vec<_> = members.into_iter().filter(|member| !member.is_empty()).collect();
                json.insert(right.to_owned(), json!(members));
            }
        }
        if let Some(owner) = self.owner {
            json.insert("owner".to_owned(), json!(owner));
        }
        for setting in &self.set {
            let (key, value) = setting.split_once('=').ok_or_else(|| Failure::NoSetting(setting.clone()))?;
            put(&mut json, key, value_of(key, value));
        }
        for key in unset {
            put(&mut json, key, Value::Null);
        }
        Ok(Value::Object(json))
    }
}

/// As the environment has it: lists are separated by commas, numbers and switches are what they look like.
fn value_of(key: &str, text: &str) -> Value {
    const LISTS: [&str; 4] = ["post", "read", "allowed_origins", "envelope_keys"];
    if LISTS.contains(&key) {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        return json!(parts.collect::<Vec<_>>());
    }
    match (text.parse::<bool>(), text.parse::<i64>()) {
        (Ok(on), _) => json!(on),
        (_, Ok(number)) => json!(number),
        _ => json!(text),
    }
}

/// A dot lies between a key and what is below it.
fn put(json: &mut Map<String, Value>, key: &str, value: Value) {
    let Some((above, below)) = key.split_once('.') else {
        json.insert(key.to_owned(), value);
        return;
    };
    let within = json.entry(above).or_insert_with(|| json!({}));
    if !within.is_object() {
        *within = json!({});
    }
    if let Some(within) = within.as_object_mut() {
        put(within, below, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_those_of_a_file() {
        let settings = Settings {
            post: Some(vec!["a".to_owned(), "b".to_owned()]),
            read: Some(vec![String::new()]),
            owner: Some("olga".to_owned()),
            set: [
                "retention=10m",
                "window.channel=5",
                "window.bus=6",
                "jsonp=false",
                "allowed_origins=https://a.example, https://b.example",
            ]
            .map(str::to_owned)
            .to_vec(),
        };
        let expected = json!({
            "post": ["a", "b"], "read": [], "owner": "olga", "retention": "10m", "window": {"channel": 5, "bus": 6}, "jsonp": false,
            "allowed_origins": ["https://a.example", "https://b.example"], "payload": null, "window2": {"x": null},
        });
        let unset = ["payload".to_owned(), "window2.x".to_owned()];
        assert_eq!(settings.json(&unset).unwrap(), expected);
        let none = Settings { post: None, read: None, owner: None, set: vec!["retention".to_owned()] };
        assert!(matches!(none.json(&[]), Err(Failure::NoSetting(_))));
    }
}
