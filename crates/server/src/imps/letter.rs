//! A message on its way to clients.

use std::sync::Arc;

use imps::csp::{
    ContentData, GetMessageResponse, Group, MessageInfo, MessageNotification, NewMessage,
};

use super::repertoire::Repertoire;

/// About what a message takes besides its content, in bytes.
pub(super) const BESIDE: usize = 500;

/// A message as its recipients get it. One is shared by all sessions that are to have it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Letter {
    /// All that is known of it but the content. It has an id.
    pub(crate) info: MessageInfo,
    pub(crate) content: ContentData,
    /// Whose message it is in the store, until it has arrived. None for what is said in a group.
    pub(crate) kept_for: Option<room::Address>,
    /// Whoever said it in a room wants to know when it has arrived.
    pub(crate) wanted: Option<Wanted>,
}

/// That something said in a room has arrived is to be told.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Wanted {
    /// The identity of the room.
    pub(crate) room: Arc<str>,
    /// Who said it.
    pub(crate) by: room::PersonId,
    /// The id by which its sender knows it.
    pub(crate) id: String,
    /// When it was said, as its sender wrote it.
    pub(crate) date_time: String,
}

impl Letter {
    /// The id that the server gave it.
    pub(crate) fn id(&self) -> &str {
        self.info.id.as_deref().unwrap_or_default()
    }

    /// The group that it was said in, if it was: its address on the wire.
    pub(super) fn group(&self) -> Option<&str> {
        self.info.recipient.groups.first().map(Group::address)
    }

    /// Was it said in this group?
    pub(super) fn is_of_group(&self, group: &str) -> bool {
        self.group() == Some(group)
    }

    /// Its media type; nothing if it did not say.
    pub(super) fn content_type(&self) -> &str {
        self.info.content_type.as_deref().unwrap_or_default()
    }

    /// How large the content is, in bytes.
    pub(crate) fn size(&self) -> usize {
        self.content.as_bytes().len()
    }

    /// The same in the characters that a client can show: some take more room than they stood for.
    pub(super) fn size_shown(&self, shown: Repertoire) -> usize {
        let written = shown.content(self.content_type(), &self.content);
        written.map_or(self.size(), |written| written.as_bytes().len())
    }

    /// About how much memory it takes.
    pub(super) fn weight(&self) -> usize {
        self.size().saturating_add(BESIDE)
    }

    pub(super) fn pushed(&self, shown: Repertoire) -> NewMessage {
        let (info, content) = self.written(shown);
        NewMessage { info, content }
    }

    pub(super) fn announced(&self) -> MessageNotification {
        MessageNotification {
            info: self.info.clone(),
        }
    }

    pub(super) fn fetched(&self, shown: Repertoire) -> GetMessageResponse {
        let (info, content) = self.written(shown);
        GetMessageResponse { info, content }
    }

    /// The message in the characters that a client can show.
    fn written(&self, shown: Repertoire) -> (MessageInfo, Option<ContentData>) {
        let mut info = self.info.clone();
        let Some(content) = shown.content(self.content_type(), &self.content) else {
            return (info, Some(self.content.clone()));
        };
        info.content_size = u32::try_from(content.as_bytes().len()).unwrap_or(u32::MAX);
        (info, Some(content))
    }
}
