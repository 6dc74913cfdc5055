//! INVITE and dialogs: one that forks, and two that meet (RFC 3261 sections 13.2.2 and 14).

use std::time::Duration;

use super::{Dialog, DialogId, Outset, Refusal, Stage};
use crate::{Malformed, Response};

/// The dialogs that one INVITE of ours has made.
///
/// ```text
///   1xx with a new tag ──▶ a new early dialog          2xx ──▶ that dialog confirmed, or a new one
/// ```
#[derive(Clone, Debug, Default)]
pub struct Forks {
    dialogs: Vec<Dialog>,
}

/// What a response to our INVITE means.
#[derive(Debug)]
pub enum Leg<'a> {
    /// The first 2xx of a branch: acknowledge it. Whoever wants one session only ends all but the
    /// first with BYE.
    Accepted(&'a mut Dialog),
    /// A 2xx again, since our ACK was lost: send the same ACK again.
    Again(&'a mut Dialog),
    /// A provisional response inside an early dialog.
    Early(&'a mut Dialog),
    /// Nothing for a dialog: a 100, a provisional response without a tag, or a refusal, which ends
    /// the early dialogs (RFC 3261 section 13.2.2.3).
    None,
}

impl Forks {
    /// The most branches of one INVITE that are told apart. A call rings on a few devices; more
    /// provisional responses than this make no dialogs, further 2xx are refused as malformed.
    pub const MAX: usize = 32;

    /// Takes a response to the INVITE.
    ///
    /// # Errors
    ///
    /// [`Malformed`] when a 2xx makes no dialog: it can be neither acknowledged nor ended.
    pub fn response(&mut self, outset: &Outset, response: &Response) -> Result<Leg<'_>, Malformed> {
        if !matches!(response.status(), 101..=299) {
            if response.is_final() {
                // RFC 3261 section 13.2.2.3.
                self.dialogs
                    .retain(|dialog| dialog.stage() == Stage::Confirmed);
            }
            return Ok(Leg::None);
        }
        let id = DialogId::of_response(response)?;
        let known = self.dialogs.iter().position(|dialog| *dialog.id() == id);
        let at = match known {
            Some(at) => at,
            None if self.dialogs.len() >= Self::MAX && !response.is_success() => {
                return Ok(Leg::None);
            }
            None if self.dialogs.len() >= Self::MAX => {
                return Err(Malformed("the INVITE has forked too often"));
            }
            None => match Dialog::uac(outset, response) {
                Ok(dialog) => {
                    // Of nearly all INVITEs there is one.
                    self.dialogs.reserve_exact(1);
                    self.dialogs.push(dialog);
                    self.dialogs.len().saturating_sub(1)
                }
                Err(_) if !response.is_success() => return Ok(Leg::None),
                Err(malformed) => return Err(malformed),
            },
        };
        let Some(dialog) = self.dialogs.get_mut(at) else {
            return Ok(Leg::None);
        };
        if !response.is_success() {
            return Ok(Leg::Early(dialog));
        }
        if known.is_some() && dialog.stage() == Stage::Confirmed {
            return Ok(Leg::Again(dialog));
        }
        dialog.confirm_by(response)?;
        Ok(Leg::Accepted(dialog))
    }

    /// Takes one dialog out, to be kept elsewhere: a 2xx of it that comes again is then the
    /// keeper's to acknowledge.
    pub fn take(&mut self, id: &DialogId) -> Option<Dialog> {
        let at = self.dialogs.iter().position(|dialog| dialog.id() == id)?;
        let dialog = self.dialogs.swap_remove(at);
        self.dialogs.shrink_to_fit();
        Some(dialog)
    }

    /// The dialogs, in the order their branches first answered unless one was taken.
    pub fn iter(&self) -> impl Iterator<Item = &Dialog> {
        self.dialogs.iter()
    }
}

/// The INVITEs under way inside one dialog: there may be one at a time, in either direction.
#[derive(Clone, Copy, Debug, Default)]
pub struct Invites {
    ours: bool,
    /// The CSeq of the peer's INVITE, until it is confirmed or refused.
    theirs: Option<u32>,
    /// Has the peer's INVITE had its 2xx?
    accepted: bool,
}

impl Invites {
    /// May an INVITE be sent now (RFC 3261 section 14.1)?
    pub const fn may_send(&self) -> bool {
        !self.ours && self.theirs.is_none()
    }

    /// An INVITE has been sent.
    pub const fn sent(&mut self) {
        self.ours = true;
    }

    /// Our INVITE has its final response, or has failed.
    pub const fn answered(&mut self) {
        self.ours = false;
    }

    /// Takes an INVITE of the peer that the dialog has found in order. `chance` is any random
    /// number.
    ///
    /// # Errors
    ///
    /// [`Refusal::Pending`] while ours is under way, [`Refusal::Unanswered`] while an earlier one
    /// of the peer is (RFC 3261 section 14.2).
    pub fn receive(&mut self, cseq: u32, chance: u64) -> Result<(), Refusal> {
        if !self.accepted && self.theirs.is_some_and(|earlier| earlier < cseq) {
            let retry_after = u32::try_from(chance % 11).unwrap_or(0);
            return Err(Refusal::Unanswered { retry_after });
        }
        if self.ours {
            return Err(Refusal::Pending);
        }
        self.theirs = Some(cseq);
        self.accepted = false;
        Ok(())
    }

    /// The peer's INVITE has had its 2xx. The peer may send another from now on; we may when the
    /// ACK has come.
    pub const fn accepted(&mut self) {
        self.accepted = true;
    }

    /// The peer's INVITE has been refused, or its 2xx acknowledged or given up.
    pub const fn finished(&mut self) {
        self.theirs = None;
        self.accepted = false;
    }
}

/// How long to wait with an INVITE that was answered 491 before it is sent again, once (RFC 3261
/// section 14.1): 2.1 to 4 seconds for the side that made the Call-ID, 0 to 2 seconds for the
/// other, in steps of 10 ms. `chance` is any random number.
pub const fn retry_after_glare(made_call_id: bool, chance: u64) -> Duration {
    let steps = if made_call_id {
        210 + chance % 191
    } else {
        chance % 201
    };
    Duration::from_millis(steps * 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_3261_14_1_waits_within_its_bounds() {
        for chance in 0..1000 {
            let owner = retry_after_glare(true, chance).as_millis();
            let other = retry_after_glare(false, chance).as_millis();
            assert!(
                (2100..=4000).contains(&owner) && owner.is_multiple_of(10),
                "{owner}"
            );
            assert!(other <= 2000 && other.is_multiple_of(10), "{other}");
        }
        assert_eq!(retry_after_glare(true, 190).as_millis(), 4000);
        assert_eq!(retry_after_glare(false, 200).as_millis(), 2000);
    }

    #[test]
    fn rfc_3261_14_2_invites_that_meet() {
        let mut invites = Invites::default();
        assert!(invites.may_send());
        invites.sent();
        assert!(!invites.may_send());
        assert_eq!(invites.receive(5, 0), Err(Refusal::Pending));
        invites.answered();
        assert_eq!(invites.receive(6, 0), Ok(()));
        assert!(!invites.may_send());
        for chance in 0..100 {
            let refusal = invites.receive(7, chance);
            assert!(
                matches!(
                    refusal,
                    Err(Refusal::Unanswered {
                        retry_after: 0..=10
                    })
                ),
                "{refusal:?}"
            );
        }
        invites.accepted();
        assert!(!invites.may_send());
        assert_eq!(invites.receive(7, 0), Ok(()));
        invites.finished();
        assert!(invites.may_send());
    }
}
