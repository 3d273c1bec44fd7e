//! Positions as texts, and which of them a channel goes on from. Pure.
//!
//! | text | what it says |
//! |---|---|
//! | `<id>` | of 1.x: everything up to there is known |
//! | `<id>.<epoch>` | the same of a bus or of one channel |
//! | `<id>.<epoch>.s<names>` | the same of these channels: eight bytes of the SHA-256 of each name |
//! | `<id>.<epoch>.f<print>` | the same of the channels that were asked for then: eight bytes of the SHA-256 of their `<names>` |
//!
//! A position of several channels says nothing of others: who names a channel that it does not cover has never seen it.

use actix_web::http::header::HeaderName;
use aws_lc_rs::digest::{SHA256, digest};
use backplane_actors::{ChannelName, Position, Since};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Says whether the reader missed something since its position.
pub(crate) const RESUME: HeaderName = HeaderName::from_static("backplane-resume");
/// Where an `EventSource` says how far it came.
pub(crate) const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Bytes that stand for a channel's name, or for a set of them. Two of the channels of one request are taken for each other
/// once in 10^14 requests, and nobody reads a channel by it.
const PRINT: usize = 8;

type Print = [u8; PRINT];

/// The channels that a position applies to, whatever their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ChannelSet(Vec<Print>);

impl ChannelSet {
    /// Of these channels.
    pub(crate) fn of<'c>(channels: impl IntoIterator<Item = &'c ChannelName>) -> Self {
        let mut prints: Vec<_> = channels.into_iter().map(print_of).collect();
        prints.sort_unstable();
        Self(prints)
    }

    fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (prints, rest) = bytes.as_chunks();
        let is_in_order = prints.is_sorted_by(|one, other| one < other);
        (rest.is_empty() && is_in_order).then(|| Self(prints.to_vec()))
    }

    fn contains(&self, channel: Print) -> bool {
        self.0.binary_search(&channel).is_ok()
    }

    fn print(&self) -> Print {
        first_bytes(self.0.as_flattened())
    }

    /// What goes behind a position, to say to which channels it applies.
    pub(crate) fn long_suffix(&self) -> String {
        format!(".s{}", URL_SAFE_NO_PAD.encode(self.0.as_flattened()))
    }

    /// The same, for whoever knows the channels.
    pub(crate) fn short_suffix(&self) -> String {
        format!(".f{}", URL_SAFE_NO_PAD.encode(self.print()))
    }

    /// From where each channel goes on; this is the set of them. `given` are the positions that came, of which for each
    /// channel the latest counts.
    pub(crate) fn sinces(&self, channels: Vec<ChannelName>, given: &[Given]) -> Vec<(ChannelName, Since)> {
        let since = |channel: ChannelName| {
            let since = since_of(print_of(&channel), self, given, |_| None);
            (channel, since)
        };
        channels.into_iter().map(since).collect()
    }
}

fn print_of(channel: &ChannelName) -> Print {
    first_bytes(channel.as_str().as_bytes())
}

fn first_bytes(text: &[u8]) -> Print {
    let mut print = Print::default();
    print.iter_mut().zip(digest(&SHA256, text).as_ref()).for_each(|(to, from)| *to = *from);
    print
}

/// A position as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Given {
    /// Of a bus or a channel.
    Plain(Position),
    /// Of these channels.
    Of(ChannelSet, Position),
    /// Of the channels with this print.
    Printed(Print, Position),
    /// None that a server of ours gave out.
    Unknown,
}

impl Given {
    /// Reads a position. `epoch` came beside it, as the links of polls have it.
    pub(crate) fn parse(text: &str, epoch: Option<&str>) -> Self {
        let mut parts = text.split('.');
        let id = parts.next().unwrap_or_default();
        let (inner, set) = (parts.next(), parts.next());
        let one_epoch = inner.is_none() || epoch.is_none() || inner == epoch;
        let since = Since::from_text(id, inner.or(epoch));
        let (Since::After(position), true, None) = (since, one_epoch, parts.next()) else {
            return Self::Unknown;
        };
        let Some(set) = set else { return Self::Plain(position) };
        let names = || ChannelSet::parse(set.strip_prefix('s')?).map(|names| Self::Of(names, position));
        let print = || {
            let bytes = URL_SAFE_NO_PAD.decode(set.strip_prefix('f')?).ok()?;
            Some(Self::Printed(bytes.try_into().ok()?, position))
        };
        names().or_else(print).unwrap_or(Self::Unknown)
    }
}

/// From where a reader of the bus (`None`) or of one channel goes on: a position of several channels is good for each of them.
pub(crate) fn single_since(channel: Option<&ChannelName>, given: &[Given]) -> Since {
    // Nearly all readers come with nothing but one of these.
    match given {
        [] => return Since::Start,
        [Given::Plain(position)] => return Since::After(*position),
        _ => {}
    }
    let plain = |given: &Given| match given {
        Given::Plain(position) => Some(*position),
        _ => None,
    };
    match channel {
        Some(channel) => since_of(print_of(channel), &ChannelSet::of([channel]), given, plain),
        None => given.iter().filter_map(plain).reduce(later).map_or(Since::Unknown, Since::After),
    }
}

/// `asked` is the set that the channel is asked for in; `plain` says what a position without a set means there.
fn since_of(
    channel: Print,
    asked: &ChannelSet,
    given: &[Given],
    plain: impl Fn(&Given) -> Option<Position>,
) -> Since {
    let named =
        || given.iter().filter_map(|given| if let Given::Of(set, _) = given { Some(set) } else { None });
    let applies = |one: &Given| match one {
        Given::Plain(_) => plain(one),
        Given::Of(set, position) => set.contains(channel).then_some(*position),
        // It was given out for what is asked for again, or for what came as a whole beside it.
        Given::Printed(print, position) => [asked]
            .into_iter()
            .chain(named())
            .any(|set| set.contains(channel) && set.print() == *print)
            .then_some(*position),
        Given::Unknown => None,
    };
    let latest = given.iter().filter_map(applies).reduce(later);
    match latest {
        Some(position) => Since::After(position),
        None if given.is_empty() || named().next().is_some() => Since::Start,
        None => Since::Unknown,
    }
}

/// The later of two positions; of two at one place, the one that says more.
fn later(one: Position, other: Position) -> Position {
    let is_later = other.id > one.id || (other.id == one.id && one.epoch.is_none());
    if is_later { other } else { one }
}

/// The text of a position.
pub(crate) fn text_of(position: Position) -> String {
    let id = position.id.text();
    match position.epoch {
        Some(epoch) => [id.as_str(), ".", epoch.text().as_str()].concat(),
        None => id.as_str().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use backplane_actors::{Epoch, MessageId};
    use proptest::prelude::*;

    use super::*;

    fn at(id: u64) -> Position {
        Position { id: MessageId::from_u64(id), epoch: Some(Epoch::from_u64(9)) }
    }

    fn names(names: &[&str]) -> Vec<ChannelName> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    }

    fn set(channels: &[&str]) -> ChannelSet {
        ChannelSet::of(&names(channels))
    }

    fn long(id: u64, channels: &[&str]) -> Given {
        Given::parse(&(text_of(at(id)) + &set(channels).long_suffix()), None)
    }

    fn short(id: u64, channels: &[&str]) -> Given {
        Given::parse(&(text_of(at(id)) + &set(channels).short_suffix()), None)
    }

    /// What `channels` go on from: `None` is unknown, 0 the start.
    fn sinces(channels: &[&str], given: &[Given]) -> Vec<Option<u64>> {
        let found = set(channels).sinces(names(channels), given);
        let number = |(_, since): (_, Since)| match since {
            Since::Start => Some(0),
            Since::After(position) | Since::Newer(position) => Some(position.id.as_u64()),
            Since::Unknown => None,
        };
        found.into_iter().map(number).collect()
    }

    #[test]
    fn push_pos_1_texts_are_read_as_they_are_written() {
        let text = text_of(at(5));
        assert_eq!(text.len(), 27);
        assert_eq!(Given::parse(&text, None), Given::Plain(at(5)));
        let (id, epoch) = text.split_once('.').unwrap();
        assert_eq!(Given::parse(id, Some(epoch)), Given::Plain(at(5)));
        assert_eq!(Given::parse(&text, Some(epoch)), Given::Plain(at(5)));
        assert_eq!(Given::parse(id, None), Given::Plain(MessageId::from_u64(5).into()));
        assert_eq!(long(5, &["b", "a"]), Given::Of(set(&["a", "b"]), at(5)));
        assert_eq!(short(5, &["a"]), Given::Printed(set(&["a"]).print(), at(5)));
        let bad = [
            "",
            ".",
            "x",
            &format!("{text}."),
            &format!("{text}.x"),
            &format!("{text}.sA"),
            &format!("{text}.s.f"),
        ];
        for bad in bad {
            assert_eq!(Given::parse(bad, None), Given::Unknown, "{bad}");
        }
        assert_eq!(Given::parse(&text, Some("0000000000000")), Given::Unknown, "two epochs are none");
    }

    #[test]
    fn push_pos_2_of_two_positions_the_later_counts() {
        let plain = |id| Given::Plain(at(id));
        for given in [[plain(3), plain(7)], [plain(7), plain(3)], [Given::Unknown, plain(7)]] {
            assert_eq!(single_since(None, &given), Since::After(at(7)));
            assert_eq!(single_since(Some(&names(&["a"])[0]), &given), Since::After(at(7)));
        }
        assert_eq!(single_since(None, &[]), Since::Start);
        assert_eq!(single_since(None, &[Given::Unknown]), Since::Unknown);
        let bare = Given::Plain(MessageId::from_u64(7).into());
        assert_eq!(single_since(None, &[bare, plain(7)]), Since::After(at(7)), "the strict one says more");
    }

    #[test]
    fn push_set_1_a_position_applies_to_the_channels_that_it_was_given_out_for() {
        assert_eq!(sinces(&["a", "b"], &[]), [Some(0), Some(0)]);
        assert_eq!(sinces(&["a", "b", "c"], &[long(5, &["a", "c"])]), [Some(5), Some(0), Some(5)]);
        assert_eq!(sinces(&["b", "a"], &[short(5, &["a", "b"])]), [Some(5), Some(5)]);
        assert_eq!(sinces(&["a", "c"], &[short(5, &["a", "b"])]), [None, None], "of another set");
        assert_eq!(sinces(&["a"], &[Given::Plain(at(5))]), [None], "nobody knows which channel it was of");
        assert_eq!(sinces(&["a"], &[Given::Unknown]), [None]);
        let channel = &names(&["a"])[0];
        assert_eq!(single_since(Some(channel), &[long(5, &["a", "b"])]), Since::After(at(5)));
        assert_eq!(single_since(None, &[long(5, &["a", "b"])]), Since::Unknown, "not of the bus");
    }

    #[test]
    fn push_set_2_who_changes_the_set_sends_its_last_position_and_its_last_event() {
        // The set was a and b; now it is a and c.
        let given = [long(5, &["a", "b"]), short(8, &["a", "b"])];
        assert_eq!(sinces(&["a", "c"], &given), [Some(8), Some(0)]);
        // The same, and the browser comes back with the URL that changed it.
        let given = [long(5, &["a", "b"]), short(9, &["a", "c"])];
        assert_eq!(sinces(&["a", "c"], &given), [Some(9), Some(9)]);
        // The last event is older than the position after silence.
        let given = [long(7, &["a", "b"]), short(6, &["a", "b"])];
        assert_eq!(sinces(&["a", "b"], &given), [Some(7), Some(7)]);
        // An event of neither says nothing.
        let given = [long(5, &["a", "b"]), short(9, &["x"])];
        assert_eq!(sinces(&["a", "c"], &given), [Some(5), Some(0)]);
    }

    proptest! {
        /// Nothing that anybody sends breaks it, and no channel goes on from a position that does not cover it.
        #[test]
        fn push_set_3_no_position_covers_more_than_it_says(
            covered in prop::collection::btree_set("[a-e]", 0..5),
            asked in prop::collection::btree_set("[a-e]", 1..5),
            noise in "\\PC{0,40}",
        ) {
            let covered: Vec<&str> = covered.iter().map(String::as_str).collect();
            let asked: Vec<&str> = asked.iter().map(String::as_str).collect();
            let given = [long(5, &covered), Given::parse(&noise, None)];
            for (channel, since) in asked.iter().zip(sinces(&asked, &given)) {
                prop_assert_eq!(since, Some(if covered.contains(channel) { 5 } else { 0 }));
            }
        }
    }
}
