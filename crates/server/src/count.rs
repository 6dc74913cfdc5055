//! What happened how often.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters of one server, for people and for `/metrics`.
#[derive(Debug, Default)]
pub struct Counters {
    /// Messages that could not be read and not be answered.
    pub unreadable: AtomicU64,
    /// Requests that were refused with 400 because they were malformed.
    pub malformed: AtomicU64,
    /// Requests refused with 503, and messages dropped, because a queue was full.
    pub overload: AtomicU64,
    /// Datagrams the kernel had no room for.
    pub udp_dropped: AtomicU64,
    /// Responses that belong to no transaction.
    pub stray: AtomicU64,
}

impl Counters {
    /// Counts one.
    pub(crate) fn add(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}
