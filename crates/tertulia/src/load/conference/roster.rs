//! What one subscriber has been told of who is in the room, read by scanning (RFC 4575).
//!
//! Only what is asked of it is read: version, full or partial, and which of the load's users are
//! connected. That is one pass over the tags, and nothing is built.

/// The users who may be in a room: `size` of them from number `first` on, counted round `all`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Seats {
    pub(super) first: u32,
    pub(super) size: u32,
    pub(super) all: u32,
}

impl Seats {
    /// The place of user `number` in the room.
    pub(super) fn place(&self, number: u32) -> Option<u32> {
        if number >= self.all {
            return None;
        }
        let place = match number.checked_sub(self.first) {
            Some(place) => place,
            None => self.all.checked_sub(self.first)?.checked_add(number)?,
        };
        (place < self.size).then_some(place)
    }

    /// The number of the user in that place.
    pub(super) fn number(&self, place: u32) -> u32 {
        let number = u64::from(self.first) + u64::from(place);
        let round = number.checked_rem(u64::from(self.all)).unwrap_or_default();
        u32::try_from(round).unwrap_or_default()
    }
}

/// What one subscription has brought.
#[derive(Clone, Debug, Default)]
pub(super) struct Roster {
    version: Option<u32>,
    /// One bit a place.
    connected: Vec<u64>,
    /// How many bits are set.
    pub(super) count: u32,
}

/// One document, as far as it was read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Told {
    Full,
    Partial,
    /// A version was skipped or came twice (RFC 4575 section 4.6).
    Gap,
    /// It is no conference-info document.
    Strange,
}

impl Roster {
    /// Takes the body of one NOTIFY. `number` gives the number of a user by their URI.
    pub(super) fn take(
        &mut self,
        body: &[u8],
        seats: &Seats,
        number: impl Fn(&str) -> Option<u32>,
    ) -> Told {
        let mut tags = Tags { body, at: 0 };
        let mut told = Told::Strange;
        let mut user = None;
        while let Some(tag) = tags.next() {
            match tag.name {
                b"conference-info" => told = self.begin(&tag),
                b"user" => {
                    let entity = tag.attribute("entity");
                    user = entity.and_then(&number).and_then(|n| seats.place(n));
                    if tag.attribute("state") == Some("deleted") {
                        self.set(user.take(), false);
                    }
                }
                b"status" => {
                    let text = tag.text.trim_ascii();
                    let is_in = text == b"connected";
                    if is_in || text == b"disconnected" {
                        self.set(user, is_in);
                    }
                }
                _ => {}
            }
        }
        told
    }

    fn begin(&mut self, tag: &Tag<'_>) -> Told {
        let version = tag.attribute("version").and_then(|v| v.parse().ok());
        let Some(version) = version else {
            return Told::Strange;
        };
        let before = self.version.replace(version);
        match tag.attribute("state") {
            Some("partial") => match before {
                Some(before) if before.checked_add(1) == Some(version) => Told::Partial,
                _ => Told::Gap,
            },
            // A full document may come with any higher version.
            Some("full") | None => {
                self.connected.fill(0);
                self.count = 0;
                match before {
                    Some(before) if version <= before => Told::Gap,
                    _ => Told::Full,
                }
            }
            Some(_) => {
                self.connected.fill(0);
                self.count = 0;
                Told::Full
            }
        }
    }

    fn set(&mut self, place: Option<u32>, is_in: bool) {
        let Some(place) = place else { return };
        let (word, bit) = (
            usize::try_from(place / 64).unwrap_or(usize::MAX),
            place % 64,
        );
        if word >= self.connected.len() {
            // Bounded by the size of the room, which the seats have checked.
            self.connected.resize(word + 1, 0);
        }
        let Some(word) = self.connected.get_mut(word) else {
            return;
        };
        let was_in = *word >> bit & 1 == 1;
        match (was_in, is_in) {
            (false, true) => {
                *word |= 1 << bit;
                self.count += 1;
            }
            (true, false) => {
                *word &= !(1 << bit);
                self.count -= 1;
            }
            (true, true) | (false, false) => {}
        }
    }
}

/// A start tag, and the text after it.
struct Tag<'a> {
    /// Without prefix.
    name: &'a [u8],
    attributes: &'a [u8],
    text: &'a [u8],
}

struct Tags<'a> {
    body: &'a [u8],
    at: usize,
}

impl<'a> Tags<'a> {
    fn next(&mut self) -> Option<Tag<'a>> {
        loop {
            let rest = self.body.get(self.at..)?;
            let open = memchr::memchr(b'<', rest)?;
            let inside = rest.get(open + 1..)?;
            let close = memchr::memchr(b'>', inside)?;
            let tag = inside.get(..close)?;
            let after = inside.get(close + 1..)?;
            self.at += open + close + 2;
            if tag.starts_with(b"/") || tag.starts_with(b"?") || tag.starts_with(b"!") {
                continue;
            }
            let end = tag
                .iter()
                .position(|b| b.is_ascii_whitespace() || *b == b'/');
            let (name, attributes) = tag.split_at_checked(end.unwrap_or(tag.len()))?;
            let name = name.rsplit(|b| *b == b':').next().unwrap_or(name);
            let text = memchr::memchr(b'<', after).and_then(|end| after.get(..end));
            return Some(Tag {
                name,
                attributes,
                text: text.unwrap_or_default(),
            });
        }
    }
}

impl<'a> Tag<'a> {
    fn attribute(&self, name: &str) -> Option<&'a str> {
        let text = std::str::from_utf8(self.attributes).ok()?;
        let mut from = 0;
        while let Some(found) = text.get(from..)?.find(name) {
            let at = from + found;
            from = at + name.len();
            let follows_blank = text.get(..at)?.ends_with(|c: char| c.is_ascii_whitespace());
            let Some(value) = text.get(from..)?.trim_start().strip_prefix('=') else {
                continue;
            };
            let value = value.trim_start();
            let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
            if follows_blank {
                return value.get(1..)?.split(quote).next();
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use xdm::conference_info::{Conference, Status, UserXml};

    use super::*;

    const SEATS: Seats = Seats {
        first: 8,
        size: 4,
        all: 10,
    };

    fn number(entity: &str) -> Option<u32> {
        entity
            .strip_prefix("sip:load")?
            .strip_suffix("@h")?
            .parse()
            .ok()
    }

    #[test]
    fn seats_go_round() {
        assert_eq!([8, 9, 0, 1].map(|n| SEATS.place(n)), [0, 1, 2, 3].map(Some));
        assert_eq!([2, 7, 10, 400].map(|n| SEATS.place(n)), [None; 4]);
        assert_eq!([0, 1, 2, 3].map(|p| SEATS.number(p)), [8, 9, 0, 1]);
    }

    #[test]
    fn documents_add_up() {
        let user = |n: u32, status| UserXml::new(&format!("sip:load{n}@h"), Some("A & B"), status);
        let (a, b) = (user(8, Status::Connected), user(9, Status::Alerting));
        let (c, stranger) = (user(0, Status::Connected), user(5, Status::Connected));
        let (gone, came) = (user(8, Status::Disconnected), user(9, Status::Connected));
        let conference = Conference::new("sip:room@h");
        let mut roster = Roster::default();
        #[rustfmt::skip]
        let steps = [
            (conference.full(0, &[&a, &b, &c, &stranger], Some(0)), Told::Full, 2),
            (conference.partial(1, &[&came], None), Told::Partial, 3),
            (conference.partial(2, &[&gone, &gone], None), Told::Partial, 2),
            (conference.partial(4, &[&a], None), Told::Gap, 3),
            (conference.partial(4, &[], None), Told::Gap, 3),
            (conference.full(7, &[&a], None), Told::Full, 1),
            (conference.full(7, &[&a], None), Told::Gap, 1),
            (b"<html>".to_vec(), Told::Strange, 1),
        ];
        for (body, told, count) in steps {
            let text = String::from_utf8_lossy(&body).into_owned();
            assert_eq!(roster.take(&body, &SEATS, number), told, "{text}");
            assert_eq!(roster.count, count, "{text}");
        }
    }

    #[test]
    fn documents_of_other_servers() {
        let text = "<?xml version='1.0'?>\n<ci:conference-info xmlns:ci='urn:x'\n version = '3' \
                    state='full' entity='sip:r@h'><!-- <user> --><ci:users>\
                    <ci:user state='full' entity='sip:load8@h'><ci:endpoint entity='sip:load9@h'>\
                    <ci:status> connected\n</ci:status></ci:endpoint></ci:user>\
                    <ci:user entity='sip:load0@h' state='deleted'/></ci:users></ci:conference-info>";
        let mut roster = Roster::default();
        assert_eq!(roster.take(text.as_bytes(), &SEATS, number), Told::Full);
        assert_eq!((roster.count, roster.version), (1, Some(3)));
    }

    proptest! {
        #[test]
        fn any_octets_are_borne(octets in proptest::collection::vec(any::<u8>(), 0..200), text in "(<user|<status>|connected|entity=|\"|>| ){0,20}") {
            let mut roster = Roster::default();
            roster.take(&octets, &SEATS, number);
            roster.take(text.as_bytes(), &SEATS, number);
        }
    }
}
