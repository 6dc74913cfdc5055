//! The legs of a room, as far as they can speak and hear.

use std::collections::{HashMap, HashSet};

use room::{Address, LegId};
use sip::sdp;

use super::verify::Media;
use crate::rooms::Types;
use crate::switch::Line;

/// One leg that speaks and hears over MSRP.
#[derive(Clone, Debug)]
pub(crate) struct Voice {
    /// Where what it hears goes.
    pub(crate) line: Line,
    /// The canonical address of the person, as the room knows it. It is also what is written into
    /// From when the sender left that open.
    pub(crate) address: Address,
    /// The URI by which the others know the person, if that is not the address: the hidden have
    /// one of the form `sip:anonymous1@anonymous.invalid`.
    pub(crate) seen_as: Option<String>,
    /// The `accept-types` of this leg.
    pub(crate) accepts: Types,
    /// The `accept-wrapped-types` of this leg; empty if it did not say.
    pub(crate) wrapped: Types,
    /// The leg tells private messages from those to all (RFC 7701 section 8).
    pub(crate) whispers: bool,
}

impl Voice {
    /// Whether the leg may send and receive is-composing documents without a CPIM wrapper.
    pub(super) fn composes(&self) -> bool {
        sdp::accepts(&self.accepts, Media::Composing.name())
    }

    /// Whether the leg takes a type inside CPIM. Who does not say takes all. What is taken bare is
    /// taken wrapped too (RFC 4975 section 8.6).
    pub(super) fn takes(&self, media: &str) -> bool {
        self.wrapped.is_empty()
            || sdp::accepts(&self.wrapped, media)
            || sdp::accepts(&self.accepts, media)
    }
}

/// The voices of a room by leg. Looked up, never walked.
#[derive(Debug, Default)]
pub(crate) struct Voices {
    speaking: HashMap<LegId, Voice>,
    /// Legs that speak no MSRP, and hear whole messages.
    whole: HashSet<LegId>,
}

impl Voices {
    /// Gives a leg a voice, or changes it.
    pub(crate) fn insert(&mut self, leg: LegId, voice: Voice) {
        self.speaking.insert(leg, voice);
    }

    /// A leg hears whole messages.
    pub(crate) fn hears_whole(&mut self, leg: LegId) {
        self.whole.insert(leg);
    }

    /// Takes the voice of a leg away. Tell [`Speech::left`](super::Speech::left) as well.
    pub(crate) fn remove(&mut self, leg: LegId) {
        self.speaking.remove(&leg);
        self.whole.remove(&leg);
    }

    /// The voice of a leg.
    pub(crate) fn get(&self, leg: LegId) -> Option<&Voice> {
        self.speaking.get(&leg)
    }

    /// Can this leg tell a private message from one to all? Whoever hears whole messages is told to
    /// whom each of them is.
    pub(crate) fn whispers(&self, leg: LegId) -> bool {
        self.is_whole(leg) || self.get(leg).is_some_and(|voice| voice.whispers)
    }

    /// Does this leg hear whole messages?
    pub(super) fn is_whole(&self, leg: LegId) -> bool {
        self.whole.contains(&leg)
    }
}
