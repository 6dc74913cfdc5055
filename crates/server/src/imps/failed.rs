//! What of a request could not be done, while the rest was: the details of a result.

use imps::csp::{DetailedResult, Outcome, ScreenName};
use imps::status::Code;

use super::Refused;

/// What could not be done, by the reason. Reasons stand in the order in which they came up.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Failed(Vec<DetailedResult>);

impl Failed {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn user(&mut self, code: Code, user: String) {
        self.add(&code.into(), |detail| detail.users.push(user));
    }

    pub(super) fn group(&mut self, code: Code, group: String) {
        self.add(&code.into(), |detail| detail.groups.push(group));
    }

    pub(super) fn contact_list(&mut self, code: Code, list: String) {
        self.add(&code.into(), |detail| detail.contact_lists.push(list));
    }

    pub(super) fn domain(&mut self, code: Code, domain: String) {
        self.add(&code.into(), |detail| detail.domains.push(domain));
    }

    pub(super) fn screen_name(&mut self, why: &Refused, name: ScreenName) {
        self.add(why, |detail| detail.screen_names.push(name));
    }

    /// What there is no place for but in words.
    pub(super) fn other(&mut self, why: &Refused) {
        self.add(why, |_| {});
    }

    /// All was done, or all but this.
    pub(super) fn outcome(self) -> Outcome {
        Outcome::new(Code::SUCCESSFUL).with_details(self.0)
    }

    fn add(&mut self, why: &Refused, put: impl FnOnce(&mut DetailedResult)) {
        let description = why.outcome().description;
        let is_it =
            |one: &&mut DetailedResult| one.code == why.code && one.description == description;
        if let Some(known) = self.0.iter_mut().find(is_it) {
            return put(known);
        }
        let mut detail = DetailedResult {
            code: why.code,
            description,
            ..DetailedResult::default()
        };
        put(&mut detail);
        self.0.push(detail);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_detail_for_each_reason() {
        let mut failed = Failed::default();
        failed.user(Code::UNKNOWN_USER, "wv:a@h".to_owned());
        failed.group(Code::UNKNOWN_GROUP, "wv:/g@h".to_owned());
        failed.user(Code::UNKNOWN_USER, "wv:b@h".to_owned());
        let why = Refused::because(Code::UNKNOWN_USER, "for another reason");
        failed.other(&why);
        let outcome = failed.outcome();
        assert_eq!(outcome.code, Code::PARTIALLY_SUCCESSFUL);
        let codes: Vec<_> = outcome
            .details
            .iter()
            .map(|one| one.code.number())
            .collect();
        assert_eq!(codes, [531, 800, 531]);
        assert_eq!(outcome.details[0].users, ["wv:a@h", "wv:b@h"]);
        assert_eq!(Failed::default().outcome().code, Code::SUCCESSFUL);
    }
}
