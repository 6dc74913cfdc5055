//! What an agent tells while it runs.

use imps::csp::{ContentData, Group, MessageInfo, Participant, Participants, Sender};
use imps::id::Address;
use serde::Serialize;

use super::presence::Seen;

/// What happened. Written as one JSON object, the kind in the member `event`. Functions of the
/// service have the names of the service tree; codes are those of [`imps::status`].
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// What became of a message of ours, which was to be reported.
    Delivered {
        /// The message, by the id that [`super::Agent::send`] returns.
        message_id: Option<String>,
        /// To whom.
        to: Vec<String>,
        /// How it ended.
        code: u16,
    },
    /// The server has ended the session, or does not know it any more.
    Disconnected {
        /// Why.
        code: u16,
    },
    /// A conversation of ours goes on in a group.
    Extended {
        /// What [`super::Agent::extend`] returned. Empty if the server does not say.
        id: String,
        /// The group.
        group: String,
        /// Who was not invited into it, each with the code that says why.
        left_out: Vec<(String, u16)>,
    },
    /// Somebody goes on in a group with a conversation, and invites us.
    Extending {
        /// The invitation.
        invitation: String,
        /// Who invites.
        from: Option<String>,
        /// The group.
        group: String,
    },
    /// The server sent something that cannot be used. It was refused or passed over.
    Fault {
        /// What.
        why: String,
    },
    /// Something changed in a group.
    GroupChanged {
        /// The group.
        group: String,
        /// Who has come.
        joined: Vec<Member>,
        /// Who has gone.
        left: Vec<Member>,
        /// What is different, by name.
        properties: Vec<(String, String)>,
    },
    /// Somebody has answered an invitation of ours.
    InviteAnswered {
        /// The invitation.
        invitation: String,
        /// Who has answered.
        from: Option<String>,
        /// Yes or no.
        accepted: bool,
        /// A text.
        note: Option<String>,
    },
    /// An invitation does not stand any more.
    InviteCancelled {
        /// The invitation.
        invitation: String,
        /// Who had invited.
        from: Option<String>,
    },
    /// Somebody invites us. [`super::Agent::accept`] and [`super::Agent::decline`] answer.
    Invited {
        /// The invitation.
        invitation: String,
        /// To what: `GR` into a group, `IM` to chat, and so on.
        kind: String,
        /// Who invites.
        from: Option<String>,
        /// The group, if it is an invitation into one.
        group: Option<String>,
        /// A text.
        note: Option<String>,
        /// For how many seconds it stands.
        validity_s: Option<u32>,
    },
    /// We are in a group.
    Joined {
        /// The group.
        group: String,
        /// What we are called in it, if the server says so.
        screen_name: Option<String>,
        /// Who is in it, if the server says so.
        members: Vec<Member>,
        /// What whoever joins is told.
        welcome: Option<String>,
    },
    /// Somebody said something.
    Message(Heard),
    /// A message waits. The agent fetches it.
    MessageWaiting {
        /// Which.
        message_id: String,
        /// From whom.
        from: Option<String>,
        /// How large it is, in bytes.
        size: u32,
    },
    /// Events were lost because nobody took them.
    Missed {
        /// How many.
        count: u64,
    },
    /// The server tells of something that was subscribed to.
    Notified {
        /// Of what sort.
        kind: String,
        /// The group it is about.
        group: Option<String>,
        /// The users it is about.
        users: Vec<String>,
    },
    /// A conversation of ours was not extended.
    NotExtended {
        /// What [`super::Agent::extend`] returned. Empty if the server does not say.
        id: String,
        /// Why.
        code: u16,
    },
    /// The server cannot be reached, or there is no session any more.
    Offline {
        /// Why.
        why: String,
    },
    /// There is a session, and the server can be reached.
    Online {
        /// The session.
        session: String,
        /// The functions that were agreed, by name.
        functions: Vec<&'static str>,
    },
    /// We are not, or not any more, in a group.
    OutOfGroup {
        /// The group.
        group: String,
        /// Why.
        code: u16,
    },
    /// What is known of somebody.
    Presence(Seen),
    /// Somebody wants to see our presence.
    PresenceAsked {
        /// Who.
        user: String,
    },
    /// A message of the system.
    SystemMessage {
        /// Which.
        id: String,
        /// What it says.
        text: Option<String>,
        /// Whether the user has to answer.
        requires_response: bool,
    },
}

/// A message that came.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Heard {
    /// Who said it, if the server says so.
    pub from: Option<String>,
    /// The group it was said in.
    pub group: Option<String>,
    /// What the one who said it is called there.
    pub screen_name: Option<String>,
    /// Was it said to us alone?
    pub to_me: bool,
    /// The type of what was said.
    pub content_type: String,
    /// What was said. Octets that are no text are replaced.
    pub text: String,
    /// Which message it is.
    pub message_id: Option<String>,
    /// When it was sent, as `20260101T120000Z`.
    pub date: Option<String>,
}

impl Heard {
    pub(super) fn of(info: &MessageInfo, content: Option<&ContentData>) -> Self {
        let mut heard = Self {
            content_type: info
                .content_type
                .clone()
                .unwrap_or_else(|| "text/plain".to_owned()),
            text: content.map_or_else(String::new, |content| {
                String::from_utf8_lossy(content.as_bytes()).into_owned()
            }),
            message_id: info.id.clone(),
            date: info.date.map(|date| date.to_string()),
            to_me: true,
            ..Self::default()
        };
        for group in &info.recipient.groups {
            match group {
                Group::Id(group) => {
                    heard.group = Some(group.clone());
                    heard.to_me = false;
                }
                Group::ScreenName(name) => heard.group = Some(name.group.clone()),
            }
        }
        match &info.sender {
            Some(Sender::User(user)) => heard.from = Some(user.id.clone()),
            Some(Sender::Group(Group::ScreenName(name))) => {
                heard.screen_name = Some(name.name.clone());
                heard.group.get_or_insert_with(|| name.group.clone());
            }
            Some(Sender::Group(Group::Id(group))) => {
                heard.group.get_or_insert_with(|| group.clone());
            }
            None => {}
        }
        heard
    }
}

/// Somebody in a group.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Member {
    /// The name there.
    pub screen_name: String,
    /// The user, if the group may know.
    pub user: Option<String>,
}

impl From<Participant> for Member {
    fn from(participant: Participant) -> Self {
        Self {
            screen_name: participant.screen_name,
            user: participant.user,
        }
    }
}

/// The people in a list that may be missing.
pub(super) fn members(participants: Option<Participants>) -> Vec<Member> {
    let people = participants.map(|participants| participants.people);
    let people = people.into_iter().flatten();
    people.map(Member::from).collect()
}

/// Who or what a sender is, in one text.
pub(super) fn name(sender: Option<&Sender>) -> Option<String> {
    Some(match sender? {
        Sender::User(user) => user.id.clone(),
        Sender::Group(Group::Id(group)) => group.clone(),
        Sender::Group(Group::ScreenName(name)) => name.name.clone(),
    })
}

/// Whether two texts name the same, as far as one can tell without knowing the domain.
pub(super) fn same(one: &str, other: &str) -> bool {
    match (Address::parse(one), Address::parse(other)) {
        (Ok(one), Ok(other)) => one == other,
        (Ok(_), Err(_)) | (Err(_), Ok(_)) | (Err(_), Err(_)) => one == other,
    }
}

#[cfg(test)]
mod tests {
    use imps::csp::{Recipient, ScreenName, User};

    use super::super::presence::Presence;
    use super::*;

    #[test]
    fn events_are_json_objects_of_their_kind() {
        let extended = Event::NotExtended {
            id: "e1".to_owned(),
            code: 410,
        };
        let json = serde_json::to_string(&extended).unwrap();
        assert_eq!(json, r#"{"event":"not_extended","id":"e1","code":410}"#);
        let seen = Event::Presence(Seen {
            user: "wv:bob@im.com".to_owned(),
            presence: Presence::default(),
        });
        let json = serde_json::to_string(&seen).unwrap();
        assert!(
            json.starts_with(r#"{"event":"presence","user":"wv:bob@im.com","online":null"#),
            "{json}"
        );
    }

    #[test]
    fn who_said_what_to_whom() {
        let name = |name: &str| {
            Group::ScreenName(ScreenName {
                name: name.to_owned(),
                group: "wv:/g@im.com".to_owned(),
            })
        };
        let user = Some(Sender::User(User::new("wv:bob@im.com")));
        let named = Some(Sender::Group(name("Bob")));
        let club = || vec![Group::Id("wv:/g@im.com".to_owned())];
        // Sender, recipient, from, screen name, whether in the group, whether to us alone.
        let rows = [
            (
                user.clone(),
                vec![],
                Some("wv:bob@im.com"),
                None,
                false,
                true,
            ),
            (user, club(), Some("wv:bob@im.com"), None, true, false),
            (named.clone(), club(), None, Some("Bob"), true, false),
            (named, vec![name("Ann")], None, Some("Bob"), true, true),
            (None, vec![], None, None, false, true),
        ];
        for (sender, groups, from, screen_name, in_group, to_me) in rows {
            let recipient = Recipient {
                groups,
                ..Recipient::default()
            };
            let info = MessageInfo {
                sender,
                recipient,
                ..MessageInfo::default()
            };
            let heard = Heard::of(&info, Some(&ContentData::from("hi")));
            assert_eq!(heard.from.as_deref(), from);
            assert_eq!(heard.screen_name.as_deref(), screen_name);
            assert_eq!(heard.group.is_some(), in_group);
            assert_eq!((heard.to_me, heard.text.as_str()), (to_me, "hi"));
        }
    }
}
