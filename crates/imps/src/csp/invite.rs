//! Invitations.

use super::{PresenceSubList, Recipient, ScreenName, Sender};
use crate::choice::words;
use crate::record::record;

words! {
    /// What somebody is invited to.
    InviteType {
        /// To chat.
        #[default]
        Im "IM",
        /// Into a group.
        Group "GR",
        /// To watch presence.
        Presence "PR",
        /// To something that can be had elsewhere.
        SharedContent "SC",
        /// To an application. CSP 1.3.
        Application "AP",
        /// To become a member of a group. CSP 1.3.
        GroupMembership "GM",
        /// Into a group that goes on from a conversation of two. CSP 1.3.
        ExtendConversation "EC",
        /// Into a group that goes on from another. CSP 1.3.
        ExtendGroup "EG",
    }
}

record! {
    /// Invites users.
    InviteRequest {
        /// The id of the invitation, which the sender gives.
        id: ! String = InviteId,
        /// To what.
        invite_type: ! InviteType = InviteType,
        /// Who invites. CSP 1.3.
        sender: ? Sender = Sender @V13,
        /// Who is invited.
        recipient: ~ Recipient = Recipient,
        /// To which application. CSP 1.3.
        application: ? String = ApplicationId,
        /// Into which group.
        group: ? String = GroupId,
        /// To watch which presence attributes.
        attributes: ? Box<PresenceSubList> = PresenceSubList,
        /// To what that can be had elsewhere.
        urls: * String = UrlList / Url,
        /// A text.
        note: ? String = InviteNote,
        /// What the sender is called in the group.
        screen_name: ? ScreenName = ScreenName,
        /// For how many seconds the invitation stands.
        validity_s: ? u32 = Validity,
    }
}

record! {
    /// Tells who invited what the invited one has said.
    InviteResponse {
        /// The id of the invitation.
        id: ! String = InviteId,
        /// Yes or no.
        acceptance: ! bool = Acceptance,
        /// Who has said so.
        sender: ? Sender = Sender,
        /// Who invited. CSP 1.3.
        recipient: ? Recipient = Recipient @V13,
        /// The text of the invitation. CSP 1.3.
        note: ? String = InviteNote @V13,
        /// A text.
        response_note: ? String = ResponseNote,
        /// What the invited one is called in the group. CSP 1.3.
        screen_name: ? ScreenName = ScreenName @V13,
    }
}

record! {
    /// Tells a user of an invitation.
    InviteUserRequest {
        /// The id of the invitation.
        id: ! String = InviteId,
        /// To what.
        invite_type: ! InviteType = InviteType,
        /// Who invites.
        sender: ? Sender = Sender,
        /// Who is invited. CSP 1.3.
        recipient: ? Recipient = Recipient @V13,
        /// To which application. CSP 1.3.
        application: ? String = ApplicationId,
        /// Into which group.
        group: ? String = GroupId,
        /// To watch which presence attributes.
        attributes: ? Box<PresenceSubList> = PresenceSubList,
        /// To what that can be had elsewhere.
        urls: * String = UrlList / Url,
        /// A text.
        note: ? String = InviteNote,
        /// What the sender is called in the group. CSP 1.3.
        screen_name: ? ScreenName = ScreenName @V13,
        /// For how many seconds the invitation stands.
        validity_s: ? u32 = Validity,
    }
}

record! {
    /// Says yes or no to an invitation.
    InviteUserResponse {
        /// The id of the invitation.
        id: ! String = InviteId,
        /// Yes or no.
        acceptance: ! bool = Acceptance,
        /// Who says so.
        sender: ? Sender = Sender @V12_13,
        /// Who invited. CSP 1.3.
        recipient: ? Recipient = Recipient @V13,
        /// A text.
        response_note: ? String = ResponseNote,
        /// What the invited one will be called in the group.
        screen_name: ? ScreenName = ScreenName,
    }
}

record! {
    /// Takes an invitation back.
    CancelInviteRequest {
        /// The id of the invitation.
        id: ! String = InviteId,
        /// Who invited. CSP 1.3.
        sender: ? Sender = Sender @V13,
        /// Whose invitation is taken back.
        recipient: ? Recipient = Recipient,
        /// A text.
        note: ? String = InviteNote,
        /// To which application it was. CSP 1.3.
        application: ? String = ApplicationId,
        /// Into which group it was. CSP 1.3.
        group: ? String = GroupId @V13,
        /// To which presence attributes it was. CSP 1.3.
        attributes: ? Box<PresenceSubList> = PresenceSubList @V13,
        /// To what that can be had elsewhere.
        urls: * String = UrlList / Url,
        /// What the sender is called in the group.
        screen_name: ? ScreenName = ScreenName,
    }
}

record! {
    /// Tells a user that an invitation does not stand any more.
    CancelInviteUserRequest {
        /// The id of the invitation.
        id: ! String = InviteId,
        /// Who invited.
        sender: ? Sender = Sender,
        /// Who was invited. CSP 1.3.
        recipient: ? Recipient = Recipient @V13,
        /// A text.
        note: ? String = InviteNote,
        /// To which application it was. CSP 1.3.
        application: ? String = ApplicationId,
        /// Into which group it was. CSP 1.3.
        group: ? String = GroupId @V13,
        /// To which presence attributes it was. CSP 1.3.
        attributes: ? Box<PresenceSubList> = PresenceSubList @V13,
        /// To what that can be had elsewhere.
        urls: * String = UrlList / Url,
        /// What the sender is called in the group. CSP 1.3.
        screen_name: ? ScreenName = ScreenName @V13,
    }
}
