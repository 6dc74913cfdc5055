//! What stands in a transaction of a session: one of the primitives.

use super::Error;
use super::group::*;
use super::inferred::*;
use super::invite::*;
use super::messaging::*;
use super::node::Node;
use super::presence::*;
use super::structure::Part;
use super::writer::Writer;
use crate::csp::Outcome;
use crate::status::Code;

/// Lists the primitives: a variant has the name of its element.
macro_rules! primitives {
    ($($(#[$meta:meta])* $name:ident($ty:ty))*) => {
        /// A primitive of a session.
        #[derive(Clone, Debug, Eq, PartialEq)]
        pub enum Primitive {
            $($(#[$meta])* $name($ty),)*
        }

        impl Primitive {
            /// The name of its element.
            pub fn name(&self) -> &'static str {
                match self {
                    $(Self::$name(_) => stringify!($name),)*
                }
            }

            pub(crate) fn read(node: &Node<'_>) -> Result<Self, Error> {
                $(
                    if node.is(stringify!($name)) {
                        return <$ty as Part>::read(node, stringify!($name)).map(Self::$name);
                    }
                )*
                Err(Error::UnknownPrimitive)
            }

            pub(crate) fn write(&self, to: &mut Writer) {
                match self {
                    $(Self::$name(value) => value.write(stringify!($name), to),)*
                }
            }

            /// One of each.
            #[cfg(test)]
            pub(crate) fn all(chance: &mut crate::chance::Chance) -> Vec<Self> {
                vec![$(Self::$name(Part::any(chance.refill())),)*]
            }
        }
    };
}

primitives! {
    /// The answer to everything that has no answer of its own.
    Status(Outcome)

    /// Keeps the session alive.
    KeepAliveRequest(KeepAliveRequest)
    /// The session is kept alive.
    KeepAliveResponse(KeepAliveResponse)
    /// Ends the session.
    LogoutRequest(LogoutRequest)
    /// The session has ended.
    Disconnect(Disconnect)

    /// Invites somebody.
    InviteRequest(InviteRequest)
    /// Says yes or no to an invitation.
    InviteResponse(InviteResponse)
    /// Takes an invitation back.
    CancelInviteRequest(CancelInviteRequest)

    /// Asks to be told of presence.
    SubscribeRequest(SubscribeRequest)
    /// Asks not to be told any more.
    UnsubscribeRequest(UnsubscribeRequest)
    /// Tells of presence.
    PresenceNotification(PresenceNotification)
    /// Asks for presence once.
    GetPresenceRequest(GetPresenceRequest)
    /// Presence that was asked for.
    GetPresenceResponse(GetPresenceResponse)

    /// Sends a message.
    SendMessageRequest(SendMessageRequest)
    /// The answer to a message that was sent.
    SendMessageResponse(SendMessageResponse)
    /// What became of a message.
    DeliveryStatusReport(DeliveryStatusReport)

    /// Grows a conversation of two into a group.
    ExtendConversationRequest(ExtendConversationRequest)
    /// What became of it.
    ExtendConversationResponse(ExtendConversationResponse)

    /// Makes a group.
    CreateGroupRequest(CreateGroupRequest)
    /// Removes a group.
    DeleteGroupRequest(GroupRequest)
    /// Joins a group.
    JoinGroupRequest(JoinGroupRequest)
    /// What became of joining.
    JoinGroupResponse(JoinGroupResponse)
    /// Leaves a group.
    LeaveGroupRequest(GroupRequest)
    /// A user has left a group.
    LeaveGroupIndication(LeaveGroupIndication)
    /// Asks who the members of a group are.
    GetGroupMemberRequest(GroupRequest)
    /// The members of a group.
    GetGroupMemberResponse(GetGroupMemberResponse)
    /// Asks who is in a group.
    GetJoinedUsersRequest(GroupRequest)
    /// Who is in a group.
    GetJoinedUsersResponse(GetJoinedUsersResponse)
    /// Makes users members.
    AddGroupMemberRequest(GroupMembersRequest)
    /// Ends the membership of users.
    RemoveGroupMemberRequest(GroupMembersRequest)
    /// Says who may do what.
    MemberAccessRequest(MemberAccessRequest)
    /// Asks for the properties of a group.
    GetGroupPropsRequest(GroupRequest)
    /// The properties of a group.
    GetGroupPropsResponse(GetGroupPropsResponse)
    /// Changes the properties of a group.
    SetGroupPropsRequest(SetGroupPropsRequest)
    /// Changes who may not join.
    RejectListRequest(RejectListRequest)
    /// Who may not join.
    RejectListResponse(RejectListResponse)
    /// Asks to be told who comes and goes.
    SubscribeGroupChangeRequest(GroupRequest)
    /// Asks not to be told any more.
    UnsubscribeGroupChangeRequest(GroupRequest)
    /// Asks whether one is told.
    GetGroupSubStatusRequest(GroupRequest)
    /// Whether one is told.
    GetGroupSubStatusResponse(GetGroupSubStatusResponse)
    /// Tells who has come and gone.
    GroupChangeNotice(GroupChangeNotice)
}

impl Primitive {
    /// A status with nothing but its code.
    pub fn status(code: Code) -> Self {
        Self::Status(Outcome::new(code))
    }

    /// How a request ended, as far as this says so. `None` for what is no answer, and for an answer
    /// that goes without a status where all went well.
    pub fn outcome(&self) -> Option<&Outcome> {
        match self {
            Self::Status(status) => Some(status),
            Self::KeepAliveResponse(answer) => Some(&answer.status),
            Self::InviteResponse(answer) => Some(&answer.status),
            Self::GetPresenceResponse(answer) => answer.status.as_ref(),
            Self::SendMessageResponse(answer) => Some(&answer.status),
            Self::ExtendConversationResponse(answer) => Some(&answer.status),
            Self::JoinGroupResponse(answer) => Some(&answer.status),
            Self::GetGroupMemberResponse(answer) => Some(&answer.status),
            Self::GetJoinedUsersResponse(answer) => Some(&answer.status),
            Self::GetGroupPropsResponse(answer) => Some(&answer.status),
            Self::RejectListResponse(answer) => Some(&answer.status),
            Self::GetGroupSubStatusResponse(answer) => Some(&answer.status),
            _ => None,
        }
    }
}
