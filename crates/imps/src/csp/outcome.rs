//! How a request ended: `Result`, which is called outcome here, and the primitive `Status`.

use super::{ClientId, ScreenName, SystemMessage};
use crate::record::record;
use crate::status::Code;

record! {
    /// How a request ended (`Result`).
    Outcome {
        /// The code. 201 if some of it went wrong, and the details say what.
        code: ! Code = Code,
        /// A text for people.
        description: ? String = Description,
        /// What did not end as the whole.
        details: * DetailedResult = DetailedResult,
        /// Messages of the system that come with it. CSP 1.3.
        system_messages: * SystemMessage = SystemMessageList / SystemMessage,
        /// In how many seconds to try again. CSP 1.3.
        try_again_s: ? u32 = TryAgainTimeout,
    }
}

impl Outcome {
    /// An outcome with nothing but its code.
    pub fn new(code: Code) -> Self {
        Self {
            code,
            ..Self::default()
        }
    }

    /// An outcome with its code and the text for it.
    pub fn described(code: Code) -> Self {
        Self {
            description: Some(code.description().to_owned()),
            ..Self::new(code)
        }
    }

    /// The same with details. Code 200 becomes 201 if there are any.
    #[must_use]
    pub fn with_details(mut self, details: Vec<DetailedResult>) -> Self {
        if self.code == Code::SUCCESSFUL && !details.is_empty() {
            self.code = Code::PARTIALLY_SUCCESSFUL;
        }
        self.details = details;
        self
    }
}

record! {
    /// How a part of a request ended, and which part.
    DetailedResult {
        /// The code.
        code: ! Code = Code,
        /// A text for people.
        description: ? String = Description,
        /// What in a search it was about. CSP 1.3.
        search_elements: * String = SearchElement @V13,
        /// The users it was about.
        users: * String = UserId,
        /// The groups it was about.
        groups: * String = GroupId,
        /// The names in groups it was about.
        screen_names: * ScreenName = ScreenName,
        /// The messages it was about.
        messages: * String = MessageId @V12_13,
        /// The contact lists it was about.
        contact_lists: * String = ContactList @V12_13,
        /// The domains it was about.
        domains: * String = Domain,
    }
}

impl DetailedResult {
    /// What happened to some users, by their addresses.
    pub fn of_users(code: Code, users: Vec<String>) -> Self {
        Self {
            code,
            users,
            ..Self::default()
        }
    }
}

record! {
    /// The answer to everything that has no answer of its own.
    Status {
        /// How it ended.
        outcome: ! Outcome = Result,
        /// Which client it is for.
        client: ? ClientId = ClientId,
    }
}

impl Status {
    /// A status with nothing but its code.
    pub fn new(code: Code) -> Self {
        Self::from(Outcome::new(code))
    }
}

impl From<Outcome> for Status {
    fn from(outcome: Outcome) -> Self {
        Self {
            outcome,
            client: None,
        }
    }
}
