//! Writes frames (1.0 section 4.3): copies, never parses (I-7).

use backplane_actors::{Page, Posted};

const MESSAGE: &[u8] = b"{\"message\":";
const CHANNEL: &[u8] = b",\"channel_name\":\"";
const ID: &[u8] = b"\",\"id\":\"";
const END: &[u8] = b"\"}";
/// Characters of an id.
const ID_LENGTH: usize = 13;

/// The page as a JSON array of frames.
///
/// Channel names and ids consist of characters that JSON leaves as they are.
pub(super) fn frames(page: &Page) -> Vec<u8> {
    const AROUND: usize = MESSAGE.len() + CHANNEL.len() + ID.len() + END.len() + ID_LENGTH + 1;
    let lengths = page
        .entries
        .iter()
        .map(|entry| entry.message().as_bytes().len() + entry.channel().as_str().len() + AROUND);
    let mut json = Vec::with_capacity(lengths.sum::<usize>() + 2);
    json.push(b'[');
    for (n, entry) in page.entries.iter().enumerate() {
        if n > 0 {
            json.push(b',');
        }
        json.extend_from_slice(MESSAGE);
        json.extend_from_slice(entry.message().as_bytes());
        json.extend_from_slice(CHANNEL);
        json.extend_from_slice(entry.channel().as_str().as_bytes());
        json.extend_from_slice(ID);
        json.extend_from_slice(entry.id().text().as_bytes());
        json.extend_from_slice(END);
    }
    json.push(b']');
    json
}

/// The ids of a POST as a JSON array.
pub(super) fn ids(posted: Posted) -> Vec<u8> {
    let ids = posted.ids();
    let mut json = Vec::with_capacity(ids.len() * (ID_LENGTH + 3) + 2);
    json.push(b'[');
    for (n, id) in ids.enumerate() {
        json.extend_from_slice(if n > 0 { b",\"" } else { b"\"" });
        json.extend_from_slice(id.text().as_bytes());
        json.push(b'"');
    }
    json.push(b']');
    json
}
