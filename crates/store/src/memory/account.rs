//! Accounts.

use super::tables::{Pair, Tables};
use crate::{Account, CommitError};

impl Tables {
    pub(super) fn add_account(&mut self, account: &Account) -> Result<(), CommitError> {
        if self.accounts.contains_key(&account_key(account)) {
            return Err(CommitError::AccountExists {
                name: account.name.clone(),
                domain: account.domain.clone(),
            });
        }
        self.check_number(account)?;
        self.set_account(account_key(account), Some(account.clone()));
        Ok(())
    }

    pub(super) fn change_account(&mut self, account: &Account) -> Result<(), CommitError> {
        self.check_account(&account.name, &account.domain)?;
        self.check_number(account)?;
        self.set_account(account_key(account), Some(account.clone()));
        Ok(())
    }

    pub(super) fn remove_account(&mut self, name: &str, domain: &str) -> Result<(), CommitError> {
        self.check_account(name, domain)?;
        self.set_account((domain.to_owned(), name.to_owned()), None);
        Ok(())
    }

    pub(super) fn find_by_msisdn(&self, msisdn: &str, domain: &str) -> Option<&Account> {
        self.accounts
            .range((domain.to_owned(), String::new())..)
            .take_while(|((of, _), _)| of == domain)
            .map(|(_, account)| account)
            .find(|account| account.msisdn.as_deref() == Some(msisdn))
    }

    fn check_account(&self, name: &str, domain: &str) -> Result<(), CommitError> {
        let key = (domain.to_owned(), name.to_owned());
        if self.accounts.contains_key(&key) {
            return Ok(());
        }
        Err(CommitError::NoSuchAccount {
            name: name.to_owned(),
            domain: domain.to_owned(),
        })
    }

    fn check_number(&self, account: &Account) -> Result<(), CommitError> {
        let Some(msisdn) = &account.msisdn else {
            return Ok(());
        };
        match self.find_by_msisdn(msisdn, &account.domain) {
            Some(owner) if owner.name != account.name => Err(CommitError::NumberTaken {
                msisdn: msisdn.clone(),
                domain: account.domain.clone(),
            }),
            _ => Ok(()),
        }
    }
}

fn account_key(account: &Account) -> Pair {
    (account.domain.clone(), account.name.clone())
}
