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
/// Two names are the same if they differ in the case of letters and in white space around them
/// only. Cloning is cheap.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Nick {
    shown: Arc<str>,
    key: Arc<str>,
}

impl Nick {
    /// Takes a name as a person writes it. The face has looked at its length.
    pub fn new(shown: &str) -> Self {
        let shown = shown.trim();
        Self {
            shown: Arc::from(shown),
            key: Arc::from(shown.to_lowercase()),
        }
    }

    /// The name as it is shown.
    pub fn as_str(&self) -> &str {
        &self.shown
    }

    /// What two spellings of one name have in common.
    pub(crate) fn key(&self) -> &Arc<str> {
        &self.key
    }
}

impl fmt::Display for Nick {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
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
