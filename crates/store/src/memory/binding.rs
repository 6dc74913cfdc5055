//! Bindings.

use super::tables::Tables;
use crate::{Binding, PURGE_ROWS_MAX};

impl Tables {
    pub(super) fn put_binding(&mut self, binding: &Binding) {
        let key = (binding.aor.clone(), binding.key.clone());
        self.set_binding(key, Some(binding.clone()));
    }

    pub(super) fn remove_binding(&mut self, aor: &str, key: &str) {
        self.set_binding((aor.to_owned(), key.to_owned()), None);
    }

    pub(super) fn remove_bindings(&mut self, aor: &str) {
        let keys: Vec<_> = self
            .bindings
            .range((aor.to_owned(), String::new())..)
            .map(|(key, _)| key.clone())
            .take_while(|(of, _)| of == aor)
            .collect();
        for key in keys {
            self.set_binding(key, None);
        }
    }

    pub(super) fn purge_bindings(&mut self, now_ms: i64) {
        let mut lapsed: Vec<_> = self
            .bindings
            .iter()
            .filter(|(_, binding)| binding.expires_at_ms <= now_ms)
            .map(|(key, binding)| (binding.expires_at_ms, key.clone()))
            .collect();
        lapsed.sort();
        for (_, key) in lapsed.into_iter().take(PURGE_ROWS_MAX as usize) {
            self.set_binding(key, None);
        }
    }
}
