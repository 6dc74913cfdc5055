//! Something to say, and to whom.

use std::time::Duration;

use imps::DateTime;
use imps::csp::{
    ContentData, Group, MessageInfo, Recipient, ScreenName, SendMessageRequest, Sender, User,
};
use imps::id::Address;

/// Whom a message is for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum To {
    /// All users on a contact list.
    ContactList(String),
    /// The other side of a conversation: a user, or the group in which the conversation with this
    /// user goes on (IMPS-9.1.11-S27).
    Conversation(String),
    /// Everybody in a group.
    Group(String),
    /// A user, whatever was agreed on elsewhere.
    User(String),
    /// Somebody in a group, alone.
    Whisper {
        /// The name in the group.
        screen_name: String,
        /// The group.
        group: String,
    },
}

/// Something to say.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Saying {
    /// To whom.
    pub to: To,
    /// The media type, such as `text/plain`.
    pub content_type: String,
    /// What is said.
    pub content: ContentData,
    /// Whether [`super::Event::Delivered`] shall tell what became of it.
    pub report: bool,
}

impl Saying {
    /// A text.
    pub fn text(to: To, text: impl Into<String>) -> Self {
        Self {
            to,
            content_type: "text/plain".to_owned(),
            content: ContentData::Text(text.into()),
            report: false,
        }
    }

    /// The same, with a report on what became of it.
    #[must_use]
    pub fn reported(self) -> Self {
        Self {
            report: true,
            ..self
        }
    }

    /// The request. `group`: where the conversation goes on. `now`: time since the Unix epoch.
    pub(super) fn request(
        self,
        me: &Address,
        group: Option<String>,
        now: Duration,
    ) -> SendMessageRequest {
        let size = self.content.as_bytes().len();
        let info = MessageInfo {
            content_type: Some(self.content_type),
            content_encoding: self.content.encoding().map(str::to_owned),
            content_size: u32::try_from(size).unwrap_or(u32::MAX),
            recipient: recipient(self.to, group),
            sender: Some(Sender::User(User::new(me.to_string()))),
            date: date(now),
            ..MessageInfo::default()
        };
        SendMessageRequest {
            delivery_report: self.report,
            info,
            content: Some(self.content),
        }
    }
}

fn recipient(to: To, group: Option<String>) -> Recipient {
    let mut recipient = Recipient::default();
    match (to, group) {
        // IMPS-9.1.11-S27: from then on, to the group.
        (To::Conversation(_), Some(group)) | (To::Group(group), _) => {
            recipient.groups.push(Group::Id(group));
        }
        (To::Conversation(user) | To::User(user), _) => recipient.users.push(User::new(user)),
        (To::ContactList(list), _) => recipient.contact_lists.push(list),
        (To::Whisper { screen_name, group }, _) => {
            let name = ScreenName {
                name: screen_name,
                group,
            };
            recipient.groups.push(Group::ScreenName(name));
        }
    }
    recipient
}

fn date(now: Duration) -> Option<DateTime> {
    let seconds = i64::try_from(now.as_secs()).ok()?;
    let stamp = jiff::Timestamp::from_second(seconds).ok()?;
    let utc = jiff::tz::TimeZone::UTC.to_datetime(stamp);
    let small = |number: i8| u8::try_from(number).ok();
    let date = (
        u16::try_from(utc.year()).ok()?,
        small(utc.month())?,
        small(utc.day())?,
    );
    let time = (
        small(utc.hour())?,
        small(utc.minute())?,
        small(utc.second())?,
    );
    DateTime::utc(date, time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_message_goes() {
        let me = Address::parse("wv:ann@im.com").unwrap();
        let user = || "wv:bob@im.com".to_owned();
        let club = || "wv:/club@im.com".to_owned();
        let whisper = To::Whisper {
            screen_name: "Bob".to_owned(),
            group: club(),
        };
        let name = Group::ScreenName(ScreenName {
            name: "Bob".to_owned(),
            group: club(),
        });
        // To, the group the conversation goes on in; users, groups.
        let rows = [
            (To::User(user()), Some(club()), vec![user()], vec![]),
            (To::Conversation(user()), None, vec![user()], vec![]),
            // IMPS-9.1.11-S27
            (
                To::Conversation(user()),
                Some(club()),
                vec![],
                vec![Group::Id(club())],
            ),
            (To::Group(club()), None, vec![], vec![Group::Id(club())]),
            (whisper, None, vec![], vec![name]),
        ];
        for (to, group, users, groups) in rows {
            let request = Saying::text(to, "grüß dich").request(&me, group, Duration::ZERO);
            let found = request
                .info
                .recipient
                .users
                .iter()
                .map(|user| user.id.clone());
            assert_eq!(found.collect::<Vec<_>>(), users);
            assert_eq!(request.info.recipient.groups, groups);
            assert_eq!(request.info.content_size, 11);
        }
    }

    #[test]
    fn dates() {
        let written = |seconds| date(Duration::from_secs(seconds)).map(|date| date.to_string());
        assert_eq!(written(1_767_225_600).as_deref(), Some("20260101T000000Z"));
        assert_eq!(written(u64::MAX), None);
    }
}
