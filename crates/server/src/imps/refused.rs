//! What a request is refused with, and where the room's refusals meet the codes of CSP.

use std::borrow::Cow;

use imps::csp::{DetailedResult, Outcome};
use imps::status::Code;
use room::Refusal;

/// A refusal of a request: the code, and why in words.
///
/// An expected answer and not a failure. Every refusal says why: the text goes into `Description`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Refused {
    pub(crate) code: Code,
    /// What there is to say beyond the text that goes with the code.
    pub(crate) why: Option<Cow<'static, str>>,
    pub(crate) details: Vec<DetailedResult>,
    /// In how many seconds it may be tried again.
    pub(crate) again_s: Option<u32>,
}

impl Refused {
    /// A code whose own text says it all.
    pub(crate) const fn new(code: Code) -> Self {
        Self {
            code,
            why: None,
            details: Vec::new(),
            again_s: None,
        }
    }

    /// A code and the reason in words.
    pub(crate) fn because(code: Code, why: impl Into<Cow<'static, str>>) -> Self {
        Self {
            why: Some(why.into()),
            ..Self::new(code)
        }
    }

    /// The same for some users only.
    #[must_use]
    pub(crate) fn of_users(mut self, users: Vec<String>) -> Self {
        self.details = vec![DetailedResult::of_users(self.code, users)];
        self
    }

    /// As a result.
    pub(crate) fn outcome(&self) -> Outcome {
        let mut outcome = Outcome::described(self.code);
        if let Some(why) = &self.why {
            outcome.description = Some(match self.code.description() {
                "" => why.clone().into_owned(),
                text => format!("{text}: {why}"),
            });
        }
        outcome.details.clone_from(&self.details);
        outcome.try_again_s = self.again_s;
        outcome
    }
}

impl From<Code> for Refused {
    fn from(code: Code) -> Self {
        Self::new(code)
    }
}

/// The store failed or did not answer.
pub(super) fn broken(error: impl std::fmt::Display) -> Refused {
    tracing::error!(%error, "the store failed a request of a handset");
    Refused::because(Code::INTERNAL_ERROR, crate::keeper::FAILED)
}

/// The room's refusals in CSP: the one place where they meet.
impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        let code = match refusal {
            // IMPS-9.1.11-S15
            Refusal::Unsupported => Code::RECIPIENT_LACKS_SUPPORT,
            // IMPS-9.1.11-S12
            Refusal::NoWhispering => Code::PRIVATE_MESSAGING_DISABLED,
            // IMPS-9.1.11-S10
            Refusal::NotInvited => Code::INSUFFICIENT_PRIVILEGES,
            Refusal::NotMember => Code::NOT_A_MEMBER,
            Refusal::Barred | Refusal::Removed => Code::REJECTED,
            Refusal::NickTaken => Code::SCREEN_NAME_IN_USE,
            Refusal::TooMany { .. } => Code::GROUP_FULL,
            Refusal::TooManyDevices { .. } => Code::ALREADY_JOINED,
            Refusal::Closed => Code::UNKNOWN_GROUP,
            Refusal::NotConnected => Code::NOT_JOINED,
            Refusal::MayNotInvite | Refusal::MayNotRemove => Code::INSUFFICIENT_PRIVILEGES,
            Refusal::NotAuthorised | Refusal::Anonymous => Code::FORBIDDEN,
            Refusal::Media => Code::UNSUPPORTED_MEDIA_TYPE,
            Refusal::NoGuests => Code::BAD_PARAMETER,
            Refusal::Unknown => Code::NOT_FOUND,
        };
        Self::because(code, refusal.to_string())
    }
}
