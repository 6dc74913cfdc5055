//! What is about to be written to one connection.

use std::{
    collections::VecDeque,
    io::{self, IoSlice},
};

use bytes::{Buf, Bytes};
use world::Stream;

/// The most slices in one write: 64 short frames. The kernel takes up to 1024.
const SLICES_MAX: usize = 192;

/// No more is gathered once so many octets are: what a fast peer takes in one go.
pub(super) const OUT_MAX: usize = 128 << 10;

/// Slots kept while nothing is written.
const SPARE_SLOTS: usize = 64;

/// Slices in the order to be written. Nothing is copied.
#[derive(Debug, Default)]
pub(super) struct Out {
    slices: VecDeque<Bytes>,
    octets: usize,
}

impl Out {
    pub(super) fn push(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.octets = self.octets.saturating_add(bytes.len());
            self.slices.push_back(bytes);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.slices.is_empty()
    }

    /// Whether enough is gathered.
    pub(super) fn is_full(&self) -> bool {
        self.octets >= OUT_MAX || self.slices.len() >= SLICES_MAX
    }

    /// Writes once and says how many octets the socket took. They are still to be taken off by
    /// [`Self::advance`].
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::WouldBlock`] if the socket takes nothing now.
    pub(super) fn write(&self, stream: &Stream) -> io::Result<usize> {
        let mut slices = [IoSlice::new(&[]); SLICES_MAX];
        let mut count = 0;
        for (slot, bytes) in slices.iter_mut().zip(&self.slices) {
            *slot = IoSlice::new(bytes);
            count += 1;
        }
        let written = stream.try_write_vectored(slices.get(..count).unwrap_or_default())?;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        Ok(written)
    }

    /// A copy of the first octets.
    pub(super) fn front(&self, octets: usize) -> Vec<u8> {
        self.slices.iter().flatten().copied().take(octets).collect()
    }

    /// Takes off what was written.
    pub(super) fn advance(&mut self, written: usize) {
        self.octets = self.octets.saturating_sub(written);
        let mut left = written;
        while left > 0
            && let Some(front) = self.slices.front_mut()
        {
            if front.len() > left {
                front.advance(left);
                return;
            }
            left -= front.len();
            self.slices.pop_front();
        }
        if self.slices.is_empty() && self.slices.capacity() > SPARE_SLOTS {
            self.slices = VecDeque::new();
        }
    }
}

impl Extend<Bytes> for Out {
    fn extend<T: IntoIterator<Item = Bytes>>(&mut self, slices: T) {
        for bytes in slices {
            self.push(bytes);
        }
    }
}
