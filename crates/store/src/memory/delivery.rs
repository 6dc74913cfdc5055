//! Word for senders of what became of their messages.

use super::tables::Tables;
use crate::{Delivery, PURGE_ROWS_MAX};

impl Tables {
    pub(super) fn put_delivery(&mut self, delivery: &Delivery) {
        let key = (
            delivery.to.clone(),
            delivery.message.clone(),
            delivery.recipient.clone(),
        );
        self.set_delivery(key, Some(delivery.clone()));
    }

    pub(super) fn remove_delivery(&mut self, to: &str, message: &str, recipient: &str) {
        let key = (to.to_owned(), message.to_owned(), recipient.to_owned());
        self.set_delivery(key, None);
    }

    pub(super) fn purge_deliveries(&mut self, before_ms: i64) {
        let mut old: Vec<_> = self
            .deliveries
            .iter()
            .filter(|(_, delivery)| delivery.at_ms <= before_ms)
            .map(|(key, delivery)| (delivery.at_ms, key.clone()))
            .collect();
        old.sort();
        for (_, key) in old.into_iter().take(PURGE_ROWS_MAX as usize) {
            self.set_delivery(key, None);
        }
    }
}
