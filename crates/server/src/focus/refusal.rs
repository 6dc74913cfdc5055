//! The room's refusals in SIP: the one place where they meet.

use room::{Cause, Refusal};

use crate::core::Answer;

/// The texts of the OMA warnings (OMA SIMPLE IM 5.6 "Warning header").
pub(crate) const TOO_MANY: &str = "102 too many participants";
pub(crate) const ANONYMITY: &str = "119 Anonymity not allowed";
pub(crate) const SERVICE: &str = "127 Service not authorised";

/// The final response to a request that the room refused.
pub(crate) fn answer(refusal: Refusal) -> Answer {
    match refusal {
        // IM-7.2.1.2-S2a
        Refusal::NotAuthorised => Answer::warned(403, SERVICE).by("IM-7.2.1.2-S2a"),
        // IM-7.2.1.2-S3
        Refusal::Anonymous => Answer::warned(403, ANONYMITY).by("IM-7.2.1.2-S3"),
        // IM-7.2.1.2-S7a
        Refusal::Media => Answer::plain(488).by("IM-7.2.1.2-S7a"),
        // IM-7.2.1.2-S8a
        Refusal::TooMany { .. } => Answer::warned(486, TOO_MANY).by("IM-7.2.1.2-S8a"),
        Refusal::TooManyDevices { .. } => Answer::warned(403, "too many devices"),
        Refusal::NoGuests => Answer::because(400, "The List Names Nobody Else"),
        Refusal::Barred
        | Refusal::MayNotInvite
        | Refusal::MayNotRemove
        | Refusal::NotInvited
        | Refusal::NotMember
        | Refusal::NoWhispering
        | Refusal::Removed => Answer::warned(403, SERVICE),
        Refusal::NickTaken => Answer::because(403, "The Name Is Taken"),
        Refusal::Unsupported => Answer::plain(488),
        Refusal::Closed | Refusal::NotConnected => Answer::plain(481),
        Refusal::Unknown => Answer::plain(404),
    }
}

/// What a final failure of an invited device counts as, for the lowest of all to be found
/// (IM-7.2.1.2-FAIL-S1a).
pub(crate) fn cause(status: u16) -> Cause {
    match status {
        // What only concerns the hop between us and the device means nothing to the inviter.
        300..=399 | 401 | 407 | 482 | 503 => Cause(480),
        status => Cause(status),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn im_7_2_1_2_each_refusal_has_its_answer() {
        #[rustfmt::skip]
        let rows: &[(&str, Refusal, u16, Option<&str>)] = &[
            ("IM-7.2.1.2-S2a", Refusal::NotAuthorised,         403, Some("127 Service not authorised")),
            ("IM-7.2.1.2-S3",  Refusal::Anonymous,             403, Some("119 Anonymity not allowed")),
            ("IM-7.2.1.2-S7a", Refusal::Media,                 488, None),
            ("IM-7.2.1.2-S8a", Refusal::TooMany { limit: 3 },  486, Some("102 too many participants")),
        ];
        for (rule, refusal, status, warning) in rows {
            let answer = answer(*refusal);
            assert_eq!(
                (answer.status, answer.warning, answer.rule),
                (*status, *warning, Some(*rule))
            );
        }
    }

    #[test]
    fn im_7_2_1_2_fail_s1a_hop_failures_count_as_480() {
        for (status, want) in [
            (302, 480),
            (401, 480),
            (407, 480),
            (482, 480),
            (503, 480),
            (408, 408),
            (486, 486),
            (603, 603),
        ] {
            assert_eq!(cause(status), Cause(want), "{status}");
        }
    }
}
