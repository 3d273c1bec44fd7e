//! Every POST of the history, with all that answers and retrievals say of it.

use super::super::history::{Attempt, ChannelKey, History, Nanos, Outcome, PostKey, Shown, Stretch};
use super::{Findings, Kind};

/// A POST, all times it was sent taken together.
#[derive(Debug, Clone)]
pub(super) struct Post {
    pub(super) key: PostKey,
    pub(super) channel: ChannelKey,
    pub(super) size: usize,
    /// When it was first sent: nothing of it exists before.
    pub(super) start: Nanos,
    /// When it surely existed: the end of its first answer, or of the first retrieval that showed it.
    pub(super) known: Nanos,
    /// When it existed if it ever did.
    pub(super) until: Nanos,
    /// The id of its first message, the others follow.
    pub(super) first: Option<u64>,
    refused: bool,
}

pub(super) struct Catalogue {
    /// By poster and number.
    posts: Vec<Vec<Option<Post>>>,
}

impl Catalogue {
    pub(super) fn of(history: &History, findings: &mut Findings) -> Self {
        let mut catalogue = Self { posts: Vec::new() };
        for attempt in &history.attempts {
            catalogue.attempt(attempt, findings);
        }
        for retrieval in &history.retrievals {
            for shown in &retrieval.answer.shown {
                catalogue.shown(shown, retrieval.span.end, findings);
            }
        }
        for Stretch { retrieval, links, .. } in &history.stretches {
            for (shown, link) in retrieval.answer.shown.iter().zip(links) {
                catalogue.shown(shown, link.at, findings);
            }
        }
        catalogue
    }

    pub(super) fn posts(&self) -> impl Iterator<Item = &Post> {
        self.posts.iter().flatten().flatten()
    }

    fn place(&mut self, key: PostKey) -> &mut Option<Post> {
        let (poster, number) = (usize::from(key.poster), key.number as usize);
        if self.posts.len() <= poster {
            self.posts.resize(poster + 1, Vec::new());
        }
        let row = &mut self.posts[poster];
        if row.len() <= number {
            row.resize(number + 1, None);
        }
        &mut row[number]
    }

    fn attempt(&mut self, attempt: &Attempt, findings: &mut Findings) {
        let (key, span) = (attempt.post, attempt.span);
        let post = self.place(key).get_or_insert_with(|| Post {
            key,
            channel: attempt.channel,
            size: attempt.size,
            start: span.start,
            known: Nanos::MAX,
            until: 0,
            first: None,
            refused: true,
        });
        post.start = post.start.min(span.start);
        post.refused &= attempt.outcome == Outcome::Refused;
        post.until = post.until.max(match attempt.outcome {
            Outcome::Unknown => Nanos::MAX,
            Outcome::Acked(_) | Outcome::Refused | Outcome::Died => span.end,
        });
        let Outcome::Acked(ids) = attempt.outcome else { return };
        post.known = post.known.min(span.end);
        let Some(first) = ids.as_slice().first().copied() else {
            return findings.add(Kind::Batch, || format!("no id in the answer to {key:?}"));
        };
        let run = (first..).take(ids.count());
        if ids.count() != post.size || !run.eq(ids.as_slice().iter().copied()) {
            findings
                .add(Kind::Batch, || format!("{key:?} has {} messages, answered with {ids:x?}", post.size));
        }
        identify(post, first, "answered", findings);
    }

    fn shown(&mut self, shown: &Shown, end: Nanos, findings: &mut Findings) {
        let stamp = shown.stamp;
        let known = self.posts.get_mut(usize::from(stamp.post().poster));
        let post = known.and_then(|row| row.get_mut(stamp.post().number as usize)).and_then(Option::as_mut);
        let Some(post) = post else {
            return findings.add(Kind::Phantom, || format!("nobody posted {shown:x?}"));
        };
        if post.refused || post.channel != shown.channel || post.size as u64 != stamp.size() {
            return findings.add(Kind::Phantom, || format!("{shown:x?} stems from {post:x?}"));
        }
        if post.start > end {
            return findings.add(Kind::Phantom, || format!("{shown:x?} was shown before {post:x?}"));
        }
        post.known = post.known.min(end);
        identify(post, shown.id.wrapping_sub(stamp.index()), "shown", findings);
    }
}

fn identify(post: &mut Post, first: u64, how: &str, findings: &mut Findings) {
    let earlier = *post.first.get_or_insert(first);
    if earlier != first {
        findings.add(Kind::Twice, || {
            format!("{:?} is known to start at id {earlier:x} and was {how} at {first:x}", post.key)
        });
    }
}
