//! Invitations.

use super::structure::structure;
use super::{MetaInfo, Party};
use crate::csp::{InviteType, Outcome, PresenceSubList, ScreenName};

structure! {
    /// Invites somebody.
    InviteRequest {
        /// The id of the invitation.
        id: ! String = @ "inviteID",
        /// To what.
        invite_type: ! InviteType = @ "inviteType",
        /// For how many seconds it stands.
        validity_s: ? u32 = @ "validity",
        /// On whose behalf.
        meta: ! MetaInfo = "MetaInfo",
        /// Who invites.
        inviting: ! Party = "Inviting",
        /// Who is invited: one, each in a request of its own.
        invited: ! Party = "Invited",
        /// Into which group.
        group: ? String = "GroupID" @ "groupID",
        /// To which application.
        application: ? String = "ApplicationID" @ "applicationID",
        /// To watch which presence attributes.
        attributes: ? Box<PresenceSubList> = "AttributeList" > "PresenceSubList",
        /// To what that can be had elsewhere.
        urls: * String = "ContentIDList" > "ContentID" @ "url",
        /// A text.
        note: ? String = "InviteNote",
        /// What the one who invites is called in the group.
        screen_name: ? ScreenName = "ScreenName",
    }
}

structure! {
    /// Says yes or no to an invitation.
    InviteResponse {
        /// The id of the invitation.
        id: ! String = @ "inviteID",
        /// Yes or no.
        acceptance: ! bool = @ "acceptance",
        /// How it went.
        status: ! Outcome = "Status",
        /// Who invited.
        inviting: ! Party = "Inviting",
        /// Who says so.
        responding: ! Party = "Responding",
        /// A text.
        note: ? String = "ResponseNote",
        /// What the one who says so will be called in the group.
        screen_name: ? ScreenName = "ScreenName",
    }
}

structure! {
    /// Takes an invitation back.
    CancelInviteRequest {
        /// The id of the invitation.
        id: ! String = @ "inviteID",
        /// On whose behalf.
        meta: ! MetaInfo = "MetaInfo",
        /// Who had invited.
        canceling: ! Party = "Canceling",
        /// Who had been invited.
        canceled: ! Party = "Canceled",
        /// Into which group it was.
        group: ? String = "GroupID" @ "groupID",
        /// To which application it was.
        application: ? String = "ApplicationID" @ "applicationID",
        /// To which presence attributes it was.
        attributes: ? Box<PresenceSubList> = "AttributeList" > "PresenceSubList",
        /// To what that can be had elsewhere.
        urls: * String = "ContentIDList" > "ContentID" @ "url",
        /// A text.
        note: ? String = "CancelNote",
        /// What the one who invited is called in the group.
        screen_name: ? ScreenName = "ScreenName",
    }
}
