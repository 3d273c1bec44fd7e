//! In which forms messages are kept encoded, for all who read the same (I-7). Pure.

use backplane_actors::FORMS;

use crate::protocol::shown::Shows;

/// How a message goes to a reader. Of a bus it names the message before it there, of a channel the one before it in the channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    EventsOfAChannel,
    EventsOfABus,
    SocketOfAChannel,
    SocketOfABus,
}

/// How many of them there are.
const ALL: usize = 4;
/// Where those of version 2.0 begin: whatever they are told of, they name it alike.
const OBJECTS: usize = 3 * ALL;

impl Form {
    /// The number of the form for readers who are shown this: those of messages as they were posted come first. What is not made for
    /// all has none that is kept.
    pub(super) const fn number(self, shows: &Shows) -> usize {
        const { assert!(FORMS == OBJECTS + 4, "each has a place") };
        let number = match self {
            Self::EventsOfAChannel => 0,
            Self::EventsOfABus => 1,
            Self::SocketOfAChannel => 2,
            Self::SocketOfABus => 3,
        };
        match shows {
            Shows::AsPosted => number,
            Shows::Sticky => ALL + number,
            Shows::StickyAndExpire => 2 * ALL + number,
            Shows::Object(object) if !object.is_usual => FORMS,
            Shows::Object(object) => {
                let socket = if matches!(self, Self::SocketOfAChannel | Self::SocketOfABus) { 1 } else { 0 };
                OBJECTS + socket + if object.payload { 2 } else { 0 }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::protocol::shown::Object;

    #[test]
    fn i_7_no_two_forms_share_a_place() {
        let forms = [Form::EventsOfAChannel, Form::EventsOfABus, Form::SocketOfAChannel, Form::SocketOfABus];
        let shows = [Shows::AsPosted, Shows::Sticky, Shows::StickyAndExpire];
        let posted = shows.iter().flat_map(|shows| forms.map(|form| form.number(shows)));
        let object = |payload, is_usual| Shows::Object(Object { urls: "".into(), is_usual, payload });
        let of_objects = [false, true].map(|payload| {
            let shows = object(payload, true);
            let [channel, bus, ..] = forms.map(|form| form.number(&shows));
            assert_eq!(channel, bus);
            [Form::EventsOfABus, Form::SocketOfABus].map(|form| form.number(&shows))
        });
        let numbers: Vec<_> = posted.chain(of_objects.into_iter().flatten()).collect();
        assert_eq!(numbers.iter().copied().collect::<HashSet<_>>(), (0..FORMS).collect());
        assert_eq!(numbers.len(), FORMS);
        assert_eq!(Form::EventsOfABus.number(&object(true, false)), FORMS, "which is none");
    }
}
