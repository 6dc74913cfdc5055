//! Putting the chunks of one message together, in whatever order they come.

use bytes::{Bytes, BytesMut};
use thiserror::Error;

/// The most pieces of a message that are not in one row. An honest sender sends in order, and
/// relays seldom change that (RFC 4975 section 7.1.1).
pub(super) const SEGMENTS_MAX: usize = 64;

/// A message that is arriving.
///
/// Segments are in order and do not overlap, but may touch. They are never joined before the end,
/// so that each octet is copied once on arrival and once at the end, whoever chooses the order.
#[derive(Debug, Default)]
pub(super) struct Assembly {
    segments: Vec<Segment>,
    received: u64,
    total: Option<u64>,
}

#[derive(Debug)]
struct Segment {
    start: u64,
    data: BytesMut,
}

impl Segment {
    fn end(&self) -> u64 {
        self.start.saturating_add(length(&self.data))
    }
}

/// Why a chunk does not fit its message.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub(super) enum Misfit {
    /// It lies beyond the end of the message.
    #[error("the chunk lies beyond the end of the message")]
    BeyondEnd,
    /// More than [`SEGMENTS_MAX`] separate pieces.
    #[error("the message arrives in too many separate pieces")]
    Scattered,
    /// The message is longer than allowed.
    #[error("the message is too large")]
    TooLarge,
}

impl Assembly {
    /// How many octets are kept.
    pub(super) fn received(&self) -> u64 {
        self.received
    }

    /// Puts `data` in its place.
    pub(super) fn insert(
        &mut self,
        offset: u64,
        mut data: &[u8],
        limit: u64,
    ) -> Result<(), Misfit> {
        let end = offset.checked_add(length(data)).ok_or(Misfit::TooLarge)?;
        if end > limit {
            return Err(Misfit::TooLarge);
        }
        if self.total.is_some_and(|total| end > total) {
            return Err(Misfit::BeyondEnd);
        }
        let mut at = offset;
        while !data.is_empty() {
            let taken = self.insert_some(at, data)?;
            data = data.get(taken..).unwrap_or_default();
            at = at.saturating_add(length_of(taken));
        }
        Ok(())
    }

    /// Tells where the message ends: behind the chunk with the flag `$` (RFC 4975 section 7.3.1).
    pub(super) fn end_at(&mut self, total: u64) -> Result<(), Misfit> {
        if self.segments.last().is_some_and(|last| last.end() > total) {
            return Err(Misfit::BeyondEnd);
        }
        self.total = Some(total);
        Ok(())
    }

    /// The message, if nothing is missing. It is then gone from here.
    pub(super) fn take_complete(&mut self) -> Option<Bytes> {
        // Segments are disjoint and none reaches over the total: as much as that is all of it.
        if self.total != Some(self.received) {
            return None;
        }
        self.received = 0;
        let mut segments = std::mem::take(&mut self.segments).into_iter();
        let mut whole = segments.next().map(|first| first.data).unwrap_or_default();
        for segment in segments {
            whole.extend_from_slice(&segment.data);
        }
        Some(whole.freeze())
    }

    /// Puts the octets at `at` into one segment, and tells how many went there.
    fn insert_some(&mut self, at: u64, data: &[u8]) -> Result<usize, Misfit> {
        let next = self.segments.partition_point(|segment| segment.start <= at);
        let gap_end = self
            .segments
            .get(next)
            .map_or(u64::MAX, |segment| segment.start);
        let room = usize::try_from(gap_end.saturating_sub(at)).unwrap_or(usize::MAX);
        let data = data.get(..room).unwrap_or(data);
        let before = next.checked_sub(1).and_then(|i| self.segments.get_mut(i));
        if let Some(segment) = before
            && segment.end() >= at
        {
            let inside = usize::try_from(at.saturating_sub(segment.start)).unwrap_or(usize::MAX);
            let old = segment.data.get_mut(inside..).unwrap_or_default();
            // RFC 4975 7.3.1: where chunks overlap, the one received last takes precedence.
            let (over, new) = data.split_at(data.len().min(old.len()));
            for (old, new) in old.iter_mut().zip(over) {
                *old = *new;
            }
            segment.data.extend_from_slice(new);
            self.received = self.received.saturating_add(length(new));
            return Ok(data.len());
        }
        if self.segments.len() >= SEGMENTS_MAX {
            return Err(Misfit::Scattered);
        }
        let segment = Segment {
            start: at,
            data: BytesMut::from(data),
        };
        self.segments.insert(next, segment);
        self.received = self.received.saturating_add(length(data));
        Ok(data.len())
    }
}

fn length(data: &[u8]) -> u64 {
    length_of(data.len())
}

fn length_of(octets: usize) -> u64 {
    u64::try_from(octets).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn assemble(chunks: &[(u64, &str)], total: u64) -> Result<Option<Bytes>, Misfit> {
        let mut assembly = Assembly::default();
        for (offset, data) in chunks {
            assembly.insert(*offset, data.as_bytes(), 100)?;
        }
        assembly.end_at(total)?;
        Ok(assembly.take_complete())
    }

    /// (chunks by offset, total, the message if complete)
    type Row<'a> = (&'a [(u64, &'a str)], u64, Option<&'a str>);

    #[test]
    fn any_order_and_overlaps() {
        #[rustfmt::skip]
        let table: &[Row<'_>] = &[
            (&[(0, "abcd"), (4, "efgh")], 8, Some("abcdefgh")),
            (&[(4, "efgh"), (0, "abcd")], 8, Some("abcdefgh")),
            (&[(6, "gh"), (0, "ab"), (3, "def"), (2, "c")], 8, Some("abcdefgh")),
            (&[(0, "abXXe"), (2, "cd")], 5, Some("abcde")),
            (&[(2, "XX"), (6, "X"), (0, "abcdefgh")], 8, Some("abcdefgh")),
            (&[(0, "aXX"), (2, "X"), (1, "bcd")], 4, Some("abcd")),
            (&[(0, "abcd"), (0, "abcd")], 4, Some("abcd")),
            (&[], 0, Some("")),
            (&[(0, "ab"), (3, "d")], 4, None),
            (&[(1, "b")], 2, None),
            (&[(0, "ab")], 4, None),
        ];
        for (chunks, total, want) in table {
            let got = assemble(chunks, *total).unwrap();
            assert_eq!(got.as_deref(), want.map(str::as_bytes), "{chunks:?}");
        }
    }

    #[test]
    fn misfits() {
        assert_eq!(assemble(&[(99, "ab")], 0), Err(Misfit::TooLarge));
        assert_eq!(assemble(&[(u64::MAX, "ab")], 0), Err(Misfit::TooLarge));
        assert_eq!(assemble(&[(0, "abc")], 2), Err(Misfit::BeyondEnd));
        let mut assembly = Assembly::default();
        assembly.end_at(2).unwrap();
        assert_eq!(assembly.insert(1, b"xx", 100), Err(Misfit::BeyondEnd));
        let mut assembly = Assembly::default();
        for hole in 0..SEGMENTS_MAX as u64 {
            assembly.insert(2 * hole, b"x", 1000).unwrap();
        }
        assert_eq!(assembly.insert(900, b"x", 1000), Err(Misfit::Scattered));
    }

    proptest! {
        /// Against the plain way: one array, and a mark for each octet.
        #[test]
        fn like_an_array(
            chunks in prop::collection::vec((0..40usize, 1..20usize, any::<u8>()), 0..20),
        ) {
            let mut array = [None; 60];
            let mut assembly = Assembly::default();
            for (offset, length, byte) in chunks {
                let data = vec![byte; length];
                assembly.insert(offset as u64, &data, 60).unwrap();
                array[offset..offset + length].fill(Some(byte));
            }
            let marked = array.iter().flatten().count() as u64;
            prop_assert_eq!(assembly.received(), marked);
            let total = array.iter().rposition(Option::is_some).map_or(0, |last| last + 1);
            assembly.end_at(total as u64).unwrap();
            let want: Option<Vec<u8>> = array[..total].iter().copied().collect();
            prop_assert_eq!(assembly.take_complete().map(|b| b.to_vec()), want);
        }
    }
}
