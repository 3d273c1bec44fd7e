//! What a reader of a stream writes down: from what it is told to the parts of streams that the checker takes. Pure.

use std::collections::BTreeMap;

use super::history::{
    Answer, Cursor, Extent, History, Link, Nanos, Position, Resume, Retrieval, Shown, Span, Stretch, View,
};

/// The notes of one reader, over all streams that it reads one after the other.
#[derive(Debug, Default)]
pub struct Notes {
    /// What was asked for, when, and from where; nothing was said of it yet.
    asked: BTreeMap<View, (Position, Nanos)>,
    open: BTreeMap<View, Stretch>,
    /// When the request of each open part was sent.
    since: BTreeMap<View, Nanos>,
    places: BTreeMap<View, Cursor>,
    /// What the next frame of this stream has to name: the last one, or the position at which it told of a gap.
    last: Option<u64>,
    /// What the stream said last of where it stands.
    stands: u64,
    done: Vec<Stretch>,
    strays: Vec<String>,
}

impl Notes {
    /// These are asked for, from these positions.
    pub fn ask(&mut self, views: impl IntoIterator<Item = (View, Position)>, now: Nanos) {
        self.asked.extend(views.into_iter().map(|(view, since)| (view, (since, now))));
    }

    /// It is told where it stands. `resume` says of each view whether something of it was missed, or nothing if it is not spoken of.
    pub fn resumed(&mut self, now: Nanos, stands: Cursor, resume: impl Fn(View) -> Option<Resume>) {
        self.stands = stands.id;
        let views: Vec<View> = self.asked.keys().chain(self.open.keys()).copied().collect();
        for view in views {
            let Some(resume) = resume(view) else {
                // Positions are of all that is read: what was read before stands there too.
                self.go_on(view, now, stands);
                continue;
            };
            if resume != Resume::Complete {
                self.last = Some(stands.id);
            }
            if let Some((since, start)) = self.asked.remove(&view) {
                self.begin(view, since, Span { start, end: now }, stands, resume);
            } else if resume == Resume::Complete {
                self.go_on(view, now, stands);
            } else {
                let since = self.place(view);
                let start = self.since.get(&view).copied().unwrap_or(now);
                self.close(view);
                self.begin(view, since, Span { start, end: now }, stands, resume);
            }
        }
    }

    fn begin(&mut self, view: View, since: Position, span: Span, stands: Cursor, resume: Resume) {
        let next = match since {
            Position::Cursor(Cursor { id, .. }) if resume == Resume::Complete => {
                Cursor { id: id.max(stands.id), ..stands }
            }
            _ => stands,
        };
        let answer = Answer { shown: Vec::new(), next, resume, extent: Extent::Window };
        let retrieval = Retrieval { view, since, span, answer };
        let stretch = Stretch { retrieval, links: Vec::new(), last: span.end };
        self.since.insert(view, span.start);
        self.places.insert(view, next);
        self.open.insert(view, stretch);
    }

    /// A message comes; behind it is this position.
    pub fn shown(&mut self, now: Nanos, shown: Shown, prev: Option<u64>, next: Cursor) {
        let views = [View::Bus(shown.channel.bus), View::Channel(shown.channel)];
        let Some(view) = views.into_iter().find(|view| self.open.contains_key(view)) else {
            self.strays.push(format!("{shown:x?} was not asked for, or too early"));
            return;
        };
        if let Some(stretch) = self.open.get_mut(&view) {
            let answer = &mut stretch.retrieval.answer;
            let (before, stands, stood) = (self.last.replace(shown.id), self.stands, answer.next.id);
            stretch.links.push(Link { prev, before, stands, stood, at: now });
            answer.shown.push(shown);
        }
        if next.id < shown.id {
            self.strays.push(format!("the position {next:x?} is below {shown:x?}"));
        }
        self.moved(now, next);
    }

    /// The position goes on without a message, behind this last frame of the stream.
    pub fn silent(&mut self, now: Nanos, next: Cursor, prev: Option<u64>) {
        if prev != self.last {
            self.strays
                .push(format!("{next:x?} is told behind {prev:x?}, and {:x?} was the last", self.last));
        }
        self.moved(now, next);
    }

    /// The position of all that is read goes on.
    pub fn moved(&mut self, now: Nanos, next: Cursor) {
        let views: Vec<View> = self.open.keys().copied().collect();
        for view in views {
            self.go_on(view, now, next);
        }
    }

    fn go_on(&mut self, view: View, now: Nanos, next: Cursor) {
        if let Some(stretch) = self.open.get_mut(&view) {
            stretch.last = now;
            // Of a stream of several it may be that of another one, which stands further back.
            if next.id >= stretch.retrieval.answer.next.id {
                stretch.retrieval.answer.next = next;
                self.places.insert(view, next);
            }
        }
    }

    /// Nothing more of this comes.
    pub fn close(&mut self, view: View) {
        self.asked.remove(&view);
        self.done.extend(self.open.remove(&view));
    }

    /// Nothing more comes.
    pub fn cut(&mut self) {
        self.asked.clear();
        self.last = None;
        self.done.extend(std::mem::take(&mut self.open).into_values());
    }

    /// Nobody knows any more where the reader was.
    pub fn forget(&mut self) {
        self.cut();
        self.places.clear();
    }

    /// Where the reader stands in what it reads, or read.
    pub fn place(&self, view: View) -> Position {
        self.places.get(&view).copied().map_or(Position::Start, Position::Cursor)
    }

    /// The lowest position of all that is read now; nothing while something was only asked for.
    pub fn stands(&self) -> Option<u64> {
        let all = self.open.values().map(|stretch| stretch.retrieval.answer.next.id);
        all.min().filter(|_| self.asked.is_empty())
    }

    /// Adds all of it to what was seen.
    pub fn hand_in(mut self, history: &mut History) {
        self.cut();
        history.stretches.append(&mut self.done);
        history.failures.append(&mut self.strays);
    }
}

#[cfg(test)]
mod tests {
    use super::super::history::ChannelKey;
    use super::*;

    fn view(number: u32) -> View {
        View::Channel(ChannelKey { bus: 0, number })
    }

    fn at(id: u64) -> Cursor {
        Cursor { id, epoch: 1 }
    }

    /// Nothing is posted any more, so nothing else moves what was read before.
    #[test]
    fn a_position_that_is_told_for_what_is_new_is_of_all() {
        let mut notes = Notes::default();
        notes.ask([(view(1), Position::Start)], 1);
        notes.resumed(2, at(10), |_| Some(Resume::Complete));
        notes.ask([(view(2), Position::Start)], 3);
        assert_eq!(notes.stands(), None, "of one of them nothing is known");
        notes.resumed(4, at(20), |of| (of == view(2)).then_some(Resume::Complete));
        assert_eq!(notes.stands(), Some(20));
        notes.ask([(view(3), Position::Cursor(at(15)))], 5);
        notes.resumed(6, at(15), |of| (of == view(3)).then_some(Resume::Complete));
        assert_eq!(notes.stands(), Some(15), "and takes nothing back");
        assert_eq!(notes.place(view(1)), Position::Cursor(at(20)));
    }
}
