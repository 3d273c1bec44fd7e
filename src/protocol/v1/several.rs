//! Several channels of a bus, read at once.

use std::sync::OnceLock;

use aws_lc_rs::rand;
use backplane_actors::{BusHandle, ChannelName, Page, ReadError, Resume, Since, Which};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures::future::try_join_all;

use super::retrieve::ask;

/// What is in the windows of these channels after their positions, in the order of the bus.
///
/// They are read one after the other, so one may show a message that is newer than another one's that was not looked for yet. Only what
/// was shown before the first was read is told, up to one position for all; the rest is still behind that.
pub(super) async fn read(
    bus: &BusHandle,
    channels: &[(ChannelName, Since)],
    which: Which,
) -> Result<Page, ReadError> {
    // A channel that is not there has nothing up to where everything is shown.
    let next = bus.read_channel(nobodys().ok_or(ReadError::Crashed)?, Since::Start).await?.next;
    let pages =
        try_join_all(channels.iter().map(|(channel, since)| bus.read_channel(channel, ask(*since, which))))
            .await?;
    let resume = pages.iter().map(|page| page.resume).reduce(worse).unwrap_or(Resume::Complete);
    let mut entries: Vec<_> = pages.into_iter().flat_map(|page| page.entries).collect();
    entries.retain(|entry| entry.id() <= next.id);
    entries.sort_unstable_by_key(|entry| entry.id());
    Ok(Page { entries, next, resume })
}

const fn worse(one: Resume, other: Resume) -> Resume {
    match (one, other) {
        (Resume::Reset, _) | (_, Resume::Reset) => Resume::Reset,
        (Resume::Gap, _) | (_, Resume::Gap) => Resume::Gap,
        (Resume::Complete, Resume::Complete) => Resume::Complete,
    }
}

/// The name of a channel that does not exist: nobody is told it.
fn nobodys() -> Option<&'static ChannelName> {
    static NAME: OnceLock<Option<ChannelName>> = OnceLock::new();
    let name = NAME.get_or_init(|| {
        let mut bytes = [0; 24];
        rand::fill(&mut bytes).ok()?;
        URL_SAFE_NO_PAD.encode(bytes).parse().ok()
    });
    name.as_ref()
}
