//! The bytes of final responses, as long as a request may come again.
//!
//! Responses of one kind end alike: Server, Allow, Accept and what else says who answers is the
//! same in each, and often most of it. What a response shares with the end of an earlier one is
//! kept once.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};

/// One response: what is its own, and what it shares.
#[derive(Debug)]
pub(super) struct Kept {
    head: Box<[u8]>,
    tail: Option<Arc<Vec<u8>>>,
    /// Where in the tail its part begins.
    from: u16,
}

/// The ends of recent responses, one for each kind as far as they fall apart.
#[derive(Debug, Default)]
pub(super) struct Tails([Option<Arc<Vec<u8>>>; KINDS]);

/// Kinds of responses told apart: some methods, each answered in one or two ways.
const KINDS: usize = 16;

/// The last octets of a response, by which its kind is told: a method's own headers are among
/// them, numbers and tags of one transaction are not.
const MARK: usize = 64;

/// Octets in common that are worth sharing.
const WORTH: usize = 96;

/// The longest end that is shared. It lives as long as the last response that shares it, even if
/// that shares but little: this much a response may hold beyond what [`Kept::octets`] says.
const LONGEST: usize = 1024;

impl Tails {
    /// Keeps a response.
    pub(super) fn keep(&mut self, bytes: &[u8]) -> Kept {
        let end = bytes.len().saturating_sub(LONGEST);
        let (before, end) = bytes.split_at_checked(end).unwrap_or((bytes, &[]));
        let Some(kind) = self.0.get_mut(kind(end)) else {
            return Kept::alone(bytes);
        };
        if let Some(tail) = kind {
            let same = common_end(tail, end);
            if same >= WORTH {
                return Kept::sharing(bytes, tail, same);
            }
        }
        if end.len() < WORTH {
            return Kept::alone(bytes);
        }
        // The first of its kind for a while: those after it share with this one.
        let tail = Arc::new(end.to_vec());
        *kind = Some(Arc::clone(&tail));
        Kept {
            head: before.into(),
            tail: Some(tail),
            from: 0,
        }
    }
}

impl Kept {
    fn alone(bytes: &[u8]) -> Self {
        Self {
            head: bytes.into(),
            tail: None,
            from: 0,
        }
    }

    fn sharing(bytes: &[u8], tail: &Arc<Vec<u8>>, same: usize) -> Self {
        let own = bytes.len().saturating_sub(same);
        let from = u16::try_from(tail.len().saturating_sub(same));
        match (bytes.get(..own), from) {
            (Some(own), Ok(from)) => Self {
                head: own.into(),
                tail: Some(Arc::clone(tail)),
                from,
            },
            _ => Self::alone(bytes),
        }
    }

    /// The response.
    pub(super) fn bytes(&self) -> Bytes {
        let shared = self.shared();
        let mut bytes = BytesMut::with_capacity(self.head.len() + shared.len());
        bytes.extend_from_slice(&self.head);
        bytes.extend_from_slice(shared);
        bytes.freeze()
    }

    /// The octets it takes: all of them for the first of its kind, its own for the others.
    pub(super) fn octets(&self) -> usize {
        match self.from {
            0 => self.head.len() + self.shared().len(),
            _ => self.head.len(),
        }
    }

    fn shared(&self) -> &[u8] {
        let tail = self.tail.as_ref().map_or(&[][..], |tail| tail.as_slice());
        tail.get(usize::from(self.from)..).unwrap_or_default()
    }
}

fn kind(end: &[u8]) -> usize {
    let mark = end.last_chunk::<MARK>().map_or(end, |mark| mark.as_slice());
    let sum = mark.iter().fold(0_usize, |sum, byte| {
        sum.wrapping_mul(31) ^ usize::from(*byte)
    });
    sum % KINDS
}

/// How many octets at the end of both are the same.
fn common_end(one: &[u8], other: &[u8]) -> usize {
    // In strides: there are hundreds of them, and this is on the way of every response.
    const STRIDE: usize = 32;
    let strides = one.rchunks_exact(STRIDE).zip(other.rchunks_exact(STRIDE));
    let same = STRIDE * strides.take_while(|(one, other)| one == other).count();
    let pairs = one.iter().rev().zip(other.iter().rev()).skip(same);
    same + pairs.take_while(|(one, other)| one == other).count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn response(call: &str, server: &str) -> Vec<u8> {
        let server = server.repeat(10);
        format!("SIP/2.0 200 OK\r\nCall-ID: {call}\r\nServer: {server}\r\n\r\n").into_bytes()
    }

    #[test]
    fn what_ends_alike_is_kept_once() {
        let mut tails = Tails::default();
        let first = response("1", "abcdefghijkl");
        let second = response("22", "abcdefghijkl");
        let kept = [&first, &second].map(|response| tails.keep(response));
        assert_eq!(kept[0].bytes(), first);
        assert_eq!(kept[1].bytes(), second);
        assert_eq!(kept[0].octets(), first.len());
        assert_eq!(kept[1].octets(), "SIP/2.0 200 OK\r\nCall-ID: 22".len());
    }

    #[test]
    fn kinds_take_turns_without_driving_each_other_out() {
        let mut tails = Tails::default();
        let kinds = ["abcdefghijkl", "mnopqrstuvwy"];
        assert_ne!(
            kind(&response("1", kinds[0])),
            kind(&response("1", kinds[1]))
        );
        for turn in 0..9 {
            for server in kinds {
                let octets = tails.keep(&response(&turn.to_string(), server)).octets();
                assert_eq!(octets < 50, turn > 0, "{server}, turn {turn}: {octets}");
            }
        }
    }

    #[test]
    fn of_a_long_response_little_is_held_for_others() {
        let mut tails = Tails::default();
        let long = response(&"x".repeat(60_000), "abcdefghijkl");
        assert_eq!(tails.keep(&long).bytes(), long);
        let held: usize = tails.0.iter().flatten().map(|tail| tail.len()).sum();
        assert_eq!(held, LONGEST);
    }

    proptest! {
        #[test]
        fn what_is_kept_comes_back(
            all in prop::collection::vec((prop::collection::vec(0_u8..3, 0..300), 0_usize..1500), 1..8),
        ) {
            let mut tails = Tails::default();
            let responses: Vec<_> = all
                .into_iter()
                .map(|(own, same)| [own, vec![b'.'; same]].concat())
                .collect();
            let kept: Vec<_> = responses.iter().map(|bytes| tails.keep(bytes)).collect();
            for (kept, bytes) in kept.iter().zip(&responses) {
                prop_assert_eq!(&kept.bytes()[..], &bytes[..]);
            }
        }
    }
}
