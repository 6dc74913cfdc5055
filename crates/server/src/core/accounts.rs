//! Accounts as one shard remembers them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use store::Account;

/// How long an account is believed without asking the store again: a password changed by another
/// process counts after this.
const BELIEVED: Duration = Duration::from_secs(10);

/// The most names remembered, known and unknown: guessed names must not fill the memory.
const REMEMBERED: usize = 50_000;

/// A small memory of accounts, and of names that are none.
#[derive(Debug, Default)]
pub(crate) struct Accounts {
    known: HashMap<String, Remembered>,
}

/// The longest name looked for, in octets: no account has a longer one. What a stranger sends as
/// a name may fill a whole message and must not be kept.
pub(crate) const NAME_MAX: usize = 256;

#[derive(Debug)]
struct Remembered {
    account: Option<Arc<Account>>,
    until: Instant,
}

impl Accounts {
    /// The account of a name: `None` if the store has to be asked, `Some(None)` if there is none.
    pub(crate) fn get(&self, name: &str, now: Instant) -> Option<Option<&Arc<Account>>> {
        if name.len() > NAME_MAX {
            return Some(None);
        }
        let found = self.known.get(name).filter(|found| now < found.until)?;
        Some(found.account.as_ref())
    }

    /// Remembers what the store said.
    pub(crate) fn remember(&mut self, name: String, account: Option<Arc<Account>>, now: Instant) {
        if self.known.len() >= REMEMBERED {
            self.known.retain(|_, found| now < found.until);
        }
        if self.known.len() >= REMEMBERED {
            self.known.clear();
        }
        let until = now + BELIEVED;
        self.known.insert(name, Remembered { account, until });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use world::Clock;

    #[tokio::test]
    async fn a_name_is_believed_for_a_while_and_no_longer() {
        let now = Clock::Os.now();
        let mut accounts = Accounts::default();
        assert!(accounts.get("alice", now).is_none());
        accounts.remember("alice".to_owned(), None, now);
        assert_eq!(accounts.get("alice", now), Some(None));
        assert!(accounts.get("alice", now + BELIEVED).is_none());
    }

    #[tokio::test]
    async fn a_name_that_nobody_can_have_is_not_asked_about() {
        let accounts = Accounts::default();
        let now = Clock::Os.now();
        assert!(accounts.get(&"a".repeat(NAME_MAX), now).is_none());
        assert_eq!(accounts.get(&"a".repeat(NAME_MAX + 1), now), Some(None));
    }

    #[tokio::test]
    async fn guessed_names_do_not_fill_the_memory() {
        let now = Clock::Os.now();
        let mut accounts = Accounts::default();
        for n in 0..REMEMBERED + 10 {
            accounts.remember(format!("guess{n}"), None, now);
        }
        assert!(accounts.known.len() <= REMEMBERED);
    }
}
