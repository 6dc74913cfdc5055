//! The Date header, written once a second.

use std::sync::{PoisonError, RwLock};

use axum::http::HeaderValue;

use crate::house::House;

/// What the clock says, as it was last written.
#[derive(Debug, Default)]
pub(super) struct Dates(RwLock<Option<Written>>);

#[derive(Debug)]
struct Written {
    /// Since 1970.
    second: u64,
    date: HeaderValue,
}

impl Dates {
    /// Now. `None` only before and after all times that can be written.
    pub(super) fn now(&self, house: &House) -> Option<HeaderValue> {
        let second = house.world.clock.unix().as_secs();
        let written = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let found = written.as_ref().filter(|written| written.second == second);
        if let Some(written) = found {
            return Some(written.date.clone());
        }
        drop(written);
        let date: HeaderValue = house.date().parse().ok()?;
        let written = Written {
            second,
            date: date.clone(),
        };
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(written);
        Some(date)
    }
}
