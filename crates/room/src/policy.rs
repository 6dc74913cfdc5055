//! What a room allows, and the order in which it objects.

use std::{error::Error, fmt, time::Duration};

use crate::Cause;

/// The rules of one room, gathered by the face from the configuration or a group's document.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Rules {
    /// The most guests at a time, in people: those in and those being invited, the host not
    /// counted.
    pub max_guests: u32,
    /// The most people who are in at a time, whoever they are, if that is bounded as well. More may
    /// be invited; of those who accept the first come in.
    pub max_present: Option<u32>,
    /// People may hide themselves from the others (IM 7.2.2.2).
    pub allow_hidden: bool,
    /// People in the room may be told who is in it.
    pub allow_observe: bool,
    /// People in the room may invite others into it.
    pub allow_refer: bool,
    /// People in the room may whisper to one another.
    pub allow_whisper: bool,
    /// Only those come in whom the group's document lets in.
    pub members_only: bool,
    /// Only those come in who were invited. Where this is not so, anybody may come, and a room may
    /// be opened without inviting anybody.
    pub invited_only: bool,
    /// When the host is let in.
    pub answer: Answer,
    /// How long a person is rung before the invitation counts as failed. Above a day it counts
    /// as a day.
    pub ring: Duration,
    /// The room closes when fewer people than this are in it and those still being invited could
    /// not make up the number. 2 for a one-to-one conversation; 0 and 1 mean the same.
    pub fewest: u32,
    /// The cause that stands for an invitation nobody answered in time.
    pub unanswered: Cause,
    /// The cause that stands for an invitation accepted by somebody who hid, where that is not
    /// allowed.
    pub hidden_refused: Cause,
    /// The cause that stands for an invitation accepted by somebody for whom there was no place.
    pub full: Cause,
    /// The cause a host hears when the operator ends the room before the host was answered.
    pub ended: Cause,
}

/// The most people one room keeps a record of, whatever its rules say: about 10 MB of memory.
const PEOPLE_MAX: u32 = 65_536;

/// How many people may pass through a room for each one it may hold at a time. A room remembers
/// who was in, so that they may come back; without a bound, inviting others in turn would grow
/// that memory for ever.
const PEOPLE_PER_PLACE: u32 = 4;

impl Rules {
    /// The most people this room keeps a record of, the host included. Where people come as they
    /// please nobody is to be kept out by those who came before.
    pub(crate) fn people_max(&self) -> u32 {
        if !self.invited_only {
            return PEOPLE_MAX;
        }
        self.max_guests
            .saturating_mul(PEOPLE_PER_PLACE)
            .saturating_add(1)
            .min(PEOPLE_MAX)
    }
}

/// When the host is let in: the two positions of `focus.answer`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Answer {
    /// As soon as the room is open, before anybody has accepted. IM-7.2.1.2-FAIL-S2 then takes
    /// the host out again if nobody does.
    AtOnce,
    /// When the first guest has accepted (IM-7.2.1.2-OK-S1).
    WhenFirstJoins,
}

/// The facts about a request to open a room, gathered by the face.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Offer {
    /// The sender is who they say, and may use this service.
    pub authorised: bool,
    /// The sender asked to stay hidden.
    pub hidden: bool,
    /// At least one of the media offered can be carried.
    pub media_acceptable: bool,
    /// How many people are to be invited, each counted once: see [`distinct`](crate::distinct).
    pub guests: usize,
}

/// Whether a room may be opened for this offer, before anything is created.
///
/// # Errors
///
/// Of several objections the earliest in the order of the steps of 7.2.1.2 is given:
/// [`Refusal::NotAuthorised`], [`Refusal::Anonymous`], [`Refusal::Media`], [`Refusal::TooMany`].
pub fn admit(offer: &Offer, rules: &Rules) -> Result<(), Refusal> {
    // IM-7.2.1.2-S2a: a sender who may not use the service gets no further.
    if !offer.authorised {
        return Err(Refusal::NotAuthorised);
    }
    // IM-7.2.1.2-S3: hiding has to be allowed.
    if offer.hidden && !rules.allow_hidden {
        return Err(Refusal::Anonymous);
    }
    // IM-7.2.1.2-S7a: media that nobody here can carry.
    if !offer.media_acceptable {
        return Err(Refusal::Media);
    }
    // IM-7.2.1.2-S8a: counted before anything is created, so nothing has to be rolled back.
    within(offer.guests, rules.max_guests)
}

/// Refuses a number of people above `limit`.
pub(crate) fn within(people: usize, limit: u32) -> Result<(), Refusal> {
    match u32::try_from(people) {
        Ok(people) if people <= limit => Ok(()),
        Ok(_) | Err(_) => Err(Refusal::TooMany { limit }),
    }
}

/// The room's polite "no".
///
/// A refusal is an expected answer, not a failure: nothing is broken, nothing is logged as an
/// error. Each face turns it into its own status in one exhaustive `match`, so a new variant
/// does not compile until the faces know what to say.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Refusal {
    /// They asked to stay hidden, and the room does not allow it (IM-7.2.1.2-S3,
    /// IM 7.2.1.5). Also said to somebody who comes back to a place they had hidden, after
    /// hiding was forbidden: to let them in would either keep them hidden or unmask them.
    Anonymous,
    /// The group's document bars them.
    Barred,
    /// The conversation is over.
    Closed,
    /// People in this room may not invite others.
    MayNotInvite,
    /// Whoever asks may not take others out.
    MayNotRemove,
    /// None of the media offered can be carried here (IM-7.2.1.2-S7a).
    Media,
    /// Somebody else in the room is called so.
    NickTaken,
    /// Nobody is left to invite once the inviter is taken out of the list, or not enough for the
    /// room's [`fewest`](Rules::fewest).
    NoGuests,
    /// The sender may not use this service (IM-7.2.1.2-S2a).
    NotAuthorised,
    /// The device that speaks or invites is not in the room.
    NotConnected,
    /// They were never invited here (IM 7.2.1.5), or are the host and were not answered yet.
    NotInvited,
    /// Only members may come in, and they are none.
    NotMember,
    /// Whispering is not allowed in this room.
    NoWhispering,
    /// This person was taken out of the room for good (IM 7.2.1.5).
    Removed,
    /// More people than the room may hold (IM-7.2.1.2-S8a), or, in a room through which many
    /// have passed, more than it keeps a record of.
    TooMany {
        /// That number of people, the host not counted.
        limit: u32,
    },
    /// This person is in the room with as many devices as one person may have.
    TooManyDevices {
        /// That number of devices.
        limit: u32,
    },
    /// No such person can be reached here. Whether they are absent or hidden is not told.
    Unknown,
    /// The other side's devices cannot do what was asked (IMPS-9.1.11-S15).
    Unsupported,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anonymous => f.write_str("staying hidden is not allowed in this conversation"),
            Self::Barred => f.write_str("the sender may not come into this conversation"),
            Self::Closed => f.write_str("the conversation is over"),
            Self::MayNotInvite => f.write_str("people in this conversation may not invite others"),
            Self::MayNotRemove => f.write_str("the sender may not take others out"),
            Self::Media => f.write_str("none of the media offered can be carried"),
            Self::NickTaken => f.write_str("somebody else in the conversation is called so"),
            Self::NoGuests => f.write_str("too few people are left to invite"),
            Self::NotAuthorised => f.write_str("the sender may not use this service"),
            Self::NotConnected => f.write_str("the sender is not in the conversation"),
            Self::NotInvited => f.write_str("the sender was not invited to the conversation"),
            Self::NotMember => f.write_str("only members may come into this conversation"),
            Self::NoWhispering => f.write_str("whispering is not allowed in this conversation"),
            Self::Removed => f.write_str("this person was removed from the conversation"),
            Self::TooMany { limit } => write!(f, "no more than {limit} people can be invited"),
            Self::TooManyDevices { limit } => {
                write!(
                    f,
                    "no more than {limit} devices of one person can take part"
                )
            }
            Self::Unknown => f.write_str("no such person can be reached in the conversation"),
            Self::Unsupported => f.write_str("the other side's devices cannot do what was asked"),
        }
    }
}

impl Error for Refusal {}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text goes out in answers: each refusal has one of its own.
    #[test]
    fn each_refusal_says_why() {
        let all = [
            Refusal::Anonymous,
            Refusal::Barred,
            Refusal::Closed,
            Refusal::MayNotInvite,
            Refusal::MayNotRemove,
            Refusal::Media,
            Refusal::NickTaken,
            Refusal::NoGuests,
            Refusal::NotAuthorised,
            Refusal::NotConnected,
            Refusal::NotInvited,
            Refusal::NotMember,
            Refusal::NoWhispering,
            Refusal::Removed,
            Refusal::TooMany { limit: 3 },
            Refusal::TooManyDevices { limit: 3 },
            Refusal::Unknown,
            Refusal::Unsupported,
        ];
        let texts: std::collections::BTreeSet<_> = all.iter().map(Refusal::to_string).collect();
        assert_eq!(texts.len(), all.len());
        assert!(!texts.contains(""));
        assert!(Refusal::TooMany { limit: 3 }.to_string().contains('3'));
    }

    /// (rule, what is wrong with the offer, the answer)
    type Row = (&'static str, fn(&mut Offer), Result<(), Refusal>);

    const TOO_MANY: Refusal = Refusal::TooMany { limit: 3 };

    #[rustfmt::skip]
    const OFFERS: &[Row] = &[
        ("IM-7.2.1.2-S2a", |o| o.authorised = false,       Err(Refusal::NotAuthorised)),
        ("IM-7.2.1.2-S3",  |o| o.hidden = true,            Err(Refusal::Anonymous)),
        ("IM-7.2.1.2-S7a", |o| o.media_acceptable = false, Err(Refusal::Media)),
        ("IM-7.2.1.2-S8a", |o| o.guests = 4,               Err(TOO_MANY)),
        ("IM-7.2.1.2-S8a", |o| o.guests = usize::MAX,      Err(TOO_MANY)),
        ("IM-7.2.1.2-S8",  |o| o.guests = 3,               Ok(())),
        ("IM-7.2.1.2-S0",  |o| o.guests = 1,               Ok(())),
        // The steps are ordered: the earliest objection is the one the sender hears.
        ("IM-7.2.1.2-S2a", |o| { o.authorised = false; o.hidden = true }, Err(Refusal::NotAuthorised)),
        ("IM-7.2.1.2-S2a", |o| { o.authorised = false; o.media_acceptable = false }, Err(Refusal::NotAuthorised)),
        ("IM-7.2.1.2-S2a", |o| { o.authorised = false; o.guests = 4 }, Err(Refusal::NotAuthorised)),
        ("IM-7.2.1.2-S3",  |o| { o.hidden = true; o.media_acceptable = false }, Err(Refusal::Anonymous)),
        ("IM-7.2.1.2-S3",  |o| { o.hidden = true; o.guests = 4 }, Err(Refusal::Anonymous)),
        ("IM-7.2.1.2-S7a", |o| { o.media_acceptable = false; o.guests = 4 }, Err(Refusal::Media)),
    ];

    #[test]
    fn an_adhoc_offer_is_refused_for_its_earliest_fault() {
        for (rule, spoil, want) in OFFERS {
            let mut offer = Offer {
                authorised: true,
                hidden: false,
                media_acceptable: true,
                guests: 2,
            };
            spoil(&mut offer);
            assert_eq!(admit(&offer, &rules()), *want, "{rule}: {offer:?}");
        }
    }

    #[test]
    fn im_7_2_1_2_s3_hiding_is_fine_where_it_is_allowed() {
        let offer = Offer {
            authorised: true,
            hidden: true,
            media_acceptable: true,
            guests: 2,
        };
        let rules = Rules {
            allow_hidden: true,
            ..rules()
        };
        assert_eq!(admit(&offer, &rules), Ok(()));
    }

    #[test]
    fn the_record_of_people_is_bounded_for_any_rules() {
        for (max_guests, want) in [(0, 1), (3, 13), (100, 401), (u32::MAX, PEOPLE_MAX)] {
            let rules = Rules {
                max_guests,
                ..rules()
            };
            assert_eq!(rules.people_max(), want, "{max_guests}");
            let open = Rules {
                invited_only: false,
                ..rules
            };
            assert_eq!(open.people_max(), PEOPLE_MAX);
        }
    }

    fn rules() -> Rules {
        Rules {
            max_guests: 3,
            max_present: None,
            allow_hidden: false,
            allow_observe: true,
            allow_refer: true,
            allow_whisper: true,
            members_only: false,
            invited_only: true,
            answer: Answer::WhenFirstJoins,
            ring: Duration::from_secs(120),
            fewest: 1,
            unanswered: Cause(8),
            hidden_refused: Cause(3),
            full: Cause(7),
            ended: Cause(9),
        }
    }
}
