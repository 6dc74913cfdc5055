//! The names things go by: people, their devices, the reasons given elsewhere.

use std::{fmt, sync::Arc};

/// The canonical address of a person, as the face writes it.
///
/// Compared as text. The face must bring every spelling of one address to the same text before
/// it reaches the room. Cloning is cheap.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Address(Arc<str>);

impl Address {
    /// Takes an address that is already canonical.
    pub fn new(canonical: &str) -> Self {
        Self(Arc::from(canonical))
    }

    /// The address as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A name by which a person is known in one room, and nobody else at the same time.
///
/// White space around it is left out, and each stretch of it inside is one blank. Two names are the
/// same if they differ in the case of letters only, or in characters that nobody sees.
///
/// This is the Nickname profile of RFC 8266 (which RFC 7701 names in its first edition, RFC 7700)
/// but for two things: forms that Unicode calls compatible or canonically equivalent, such as wide
/// letters, ligatures and accents written apart, are different names, because to know them takes
/// the tables of Unicode; and characters that the profile forbids are the face's to refuse.
///
/// Cloning is cheap.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Nick {
    shown: Arc<str>,
    key: Arc<str>,
}

impl Nick {
    /// Takes a name as a person writes it. The face has looked at its length.
    pub fn new(shown: &str) -> Self {
        if shown.is_ascii() {
            // None of these is invisible, and each has one small letter.
            let shown = spaced(shown);
            let key = shown.to_ascii_lowercase();
            let (shown, key) = (Arc::from(shown), Arc::from(key));
            return Self { shown, key };
        }
        let seen: String = shown.chars().filter(|c| !is_invisible(*c)).collect();
        let key: String = spaced(&seen).chars().flat_map(folded).collect();
        Self {
            shown: Arc::from(spaced(shown)),
            key: Arc::from(key),
        }
    }

    /// Whether there is nothing to be seen of it.
    pub fn is_blank(&self) -> bool {
        self.key.is_empty()
    }

    /// The name as it is shown.
    pub fn as_str(&self) -> &str {
        &self.shown
    }

    /// What all spellings of one name have in common.
    pub fn folded(&self) -> &str {
        &self.key
    }

    pub(crate) fn key(&self) -> &Arc<str> {
        &self.key
    }
}

/// A text with one blank between its words.
fn spaced(text: &str) -> String {
    let words: Vec<_> = text.split_whitespace().collect();
    words.join(" ")
}

/// A character without its case: the small letter of the capital of the small letter, which are
/// two where `ß` is one, and the same for both sigmas.
fn folded(c: char) -> impl Iterator<Item = char> {
    let capitals = c.to_lowercase().flat_map(char::to_uppercase);
    capitals.flat_map(char::to_lowercase)
}

/// What Unicode calls default ignorable: joiners, fillers, marks of direction, variants.
fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fff8}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// Why an invitation failed, as a number that only the face can read.
///
/// The room knows nothing about it but which of two is lower: that one is told to the host
/// (IM-7.2.1.2-FAIL-S1a).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Cause(pub u16);

/// A device of a person, named by the face: in SIP a dialog, in IMPS a session.
///
/// The face never gives the same name to two devices of one room.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct LegId(pub u64);

/// A person within one room. Dense: the host is 0, the others follow in the order they were
/// first invited, and the number stays theirs when they leave and come back.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct PersonId(u32);

impl PersonId {
    /// Whoever opened the room; where nobody did, the first who came.
    pub const HOST: Self = Self(0);

    /// The place of this person in [`Room::people`](crate::Room::people).
    pub fn index(self) -> usize {
        self.0 as usize
    }

    /// The person at `index`, for faces that keep tables of their own by [`Self::index`].
    ///
    /// None when no room can hold so many people.
    pub fn from_index(index: usize) -> Option<Self> {
        u32::try_from(index).ok().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8266 section 2.3: mapped when it is taken. RFC 7701 section 7.1: compared so.
    #[test]
    fn names_that_are_the_same() {
        for (one, other) in [
            ("Alice", "aLICE"),
            ("  Alice\u{a0}the\u{3000} great ", "alice the great"),
            ("Straße", "STRASSE"),
            ("STRAẞE", "strasse"),
            ("ΟΔΟΣ", "οδος"),
            ("Ünal", "üNAL"),
            ("\u{212a}arl", "karl"),
            ("al\u{200b}ice", "alice"),
            ("alice \u{200b}", "alice"),
            ("\u{202e}alice", "alice"),
        ] {
            assert_eq!(Nick::new(one).folded(), Nick::new(other).folded(), "{one}");
        }
        for (one, other) in [("BOY", "B0Y"), ("ann", "anna"), ("a b", "ab")] {
            assert_ne!(Nick::new(one).folded(), Nick::new(other).folded(), "{one}");
        }
        assert_eq!(Nick::new(" Al \t the  Great ").as_str(), "Al the Great");
        for (name, is_blank) in [("", true), (" \u{200b} \u{3000}", true), ("-", false)] {
            assert_eq!(Nick::new(name).is_blank(), is_blank, "{name:?}");
        }
    }
}
