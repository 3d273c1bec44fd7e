//! What a server says first in its log: all that an operator needs to know which server this was.

use backplane::config::{Loaded, Storage};
use backplane_actors::log::Durability;

/// Buses that are named at most: a line has to stay a line.
const BUSES_NAMED: usize = 20;

/// Logs version, configuration, buses and storage. Listeners follow once they are open. Names of buses are in
/// every URL; names of users are not told.
pub(crate) fn of(loaded: &Loaded) {
    let config = &loaded.config;
    let file = loaded.file().map_or_else(|| "none".to_owned(), |file| file.display().to_string());
    let mut names: Vec<_> = config.buses.iter().take(BUSES_NAMED).map(|bus| bus.name.as_str()).collect();
    if config.buses.len() > BUSES_NAMED {
        names.push("…");
    }
    let (storage, path, durability) = match &config.storage {
        Storage::Disk(settings) => {
            let durability = match settings.durability {
                Durability::Sync => "sync".to_owned(),
                Durability::Interval(every) => format!("interval of {}", humantime::format_duration(every)),
            };
            ("disk", Some(settings.path.display().to_string()), Some(durability))
        }
        _ => ("memory", None, None),
    };
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        configuration = file,
        buses = config.buses.len(),
        names = names.join(" "),
        users = config.users.len(),
        workers = config.workers.get(),
        storage,
        path,
        durability,
        "starting"
    );
}
