//! What stands in a transaction: one of the primitives.

use crate::content::Content;
use crate::csp;
use crate::error::{Flaw, FlawKind};
use crate::reader::Reader;
use crate::table::Element;
use crate::version::Version;
use crate::writer::Writer;

/// Lists the primitives. Type and element have the same name.
macro_rules! primitives {
    ($($name:ident)*) => {
        /// A primitive.
        #[derive(Clone, Debug, Eq, PartialEq)]
        pub enum Primitive {
            $(
                #[doc = concat!("See [`csp::", stringify!($name), "`].")]
                $name(csp::$name),
            )*
            /// A request outside the standard: whatever the two sides have agreed on.
            ExtendedRequest(String),
            /// An answer outside the standard.
            ExtendedResponse(String),
        }

        impl Primitive {
            pub(crate) fn read(element: Element, from: &mut Reader<'_>) -> Result<Self, Flaw> {
                match element {
                    $(Element::$name => csp::$name::read(element, from).map(Self::$name),)*
                    Element::ExtendedRequest => {
                        String::read(element, from).map(Self::ExtendedRequest)
                    }
                    Element::ExtendedResponse => {
                        String::read(element, from).map(Self::ExtendedResponse)
                    }
                    _ => Err(from.flaw(FlawKind::UnknownPrimitive)),
                }
            }

            pub(crate) fn write(&self, to: &mut Writer) {
                match self {
                    $(Self::$name(primitive) => primitive.write(Element::$name, to),)*
                    Self::ExtendedRequest(data) | Self::ExtendedResponse(data) => {
                        to.text(self.element(), data);
                    }
                }
            }

            fn element(&self) -> Element {
                match self {
                    $(Self::$name(_) => Element::$name,)*
                    Self::ExtendedRequest(_) => Element::ExtendedRequest,
                    Self::ExtendedResponse(_) => Element::ExtendedResponse,
                }
            }

            /// One of each that a version has.
            #[cfg(test)]
            pub(crate) fn all(chance: &mut crate::chance::Chance) -> Vec<Self> {
                let all = [
                    $(Self::$name(csp::$name::any(Element::$name, chance.refill())),)*
                    Self::ExtendedRequest(chance.text(Element::ExtendedRequest)),
                    Self::ExtendedResponse(chance.text(Element::ExtendedResponse)),
                ];
                all.into_iter().filter(|one| one.is_in(chance.version)).collect()
            }
        }

        $(
            impl From<csp::$name> for Primitive {
                fn from(primitive: csp::$name) -> Self {
                    Self::$name(primitive)
                }
            }
        )*
    };
}

primitives! {
    // Sessions and the service.
    Status LoginRequest LoginResponse LogoutRequest Disconnect KeepAliveRequest KeepAliveResponse
    PollingRequest GetSpInfoRequest GetSpInfoResponse ServiceRequest ServiceResponse
    ClientCapabilityRequest ClientCapabilityResponse
    GetSegmentRequest GetSegmentResponse DropSegmentRequest
    SystemMessageRequest SystemMessageUser
    SubscribeNotificationRequest UnsubscribeNotificationRequest NotificationRequest
    // Search, profiles and invitations.
    SearchRequest SearchResponse StopSearchRequest VerifyIdRequest
    GetPublicProfileRequest GetPublicProfileResponse UpdatePublicProfileRequest
    InviteRequest InviteResponse InviteUserRequest InviteUserResponse
    CancelInviteRequest CancelInviteUserRequest
    // Presence and contact lists.
    GetListRequest GetListResponse CreateListRequest CreateListResponse DeleteListRequest
    ListManageRequest ListManageResponse
    CreateAttributeListRequest DeleteAttributeListRequest
    GetAttributeListRequest GetAttributeListResponse
    SubscribePresenceRequest UnsubscribePresenceRequest PresenceNotificationRequest
    GetWatcherListRequest GetWatcherListResponse GetPresenceRequest GetPresenceResponse
    UpdatePresenceRequest PresenceAuthRequest PresenceAuthUser CancelAuthRequest
    GetReactiveAuthStatusRequest GetReactiveAuthStatusResponse GetMapRequest GetMapResponse
    // Instant messages.
    SendMessageRequest SendMessageResponse SetDeliveryMethodRequest
    GetMessageListRequest GetMessageListResponse RejectMessageRequest
    MessageNotification GetMessageRequest GetMessageResponse NewMessage MessageDelivered
    DeliveryReportRequest ForwardMessageRequest ForwardMessageResponse
    GetBlockedListRequest GetBlockedListResponse BlockEntityRequest
    ExtendConversationRequest ExtendConversationResponse
    // Groups.
    CreateGroupRequest DeleteGroupRequest JoinGroupRequest JoinGroupResponse
    LeaveGroupRequest LeaveGroupResponse GetGroupMembersRequest GetGroupMembersResponse
    GetJoinedUsersRequest GetJoinedUsersResponse AddGroupMembersRequest RemoveGroupMembersRequest
    MemberAccessRequest GetGroupPropsRequest GetGroupPropsResponse SetGroupPropsRequest
    RejectListRequest RejectListResponse SubscribeGroupNoticeRequest SubscribeGroupNoticeResponse
    GroupChangeNotice
}

impl Primitive {
    /// The name of its element in the newest version that has it, as in `Login-Request`.
    pub fn name(&self) -> &'static str {
        self.element().name()
    }

    /// Whether a version has it. What a version does not have is read and written all the same:
    /// what to make of it is the server's affair.
    pub fn is_in(&self, version: Version) -> bool {
        self.element().entry().span.contains(version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `MAX_ELEMENTS` relies on, and what it costs to hand a primitive on.
    #[test]
    fn sizes() {
        let sizes = [
            size_of::<csp::PresenceSubList>(),
            size_of::<csp::MessageInfo>(),
            size_of::<csp::ClientInfo>(),
            size_of::<csp::DetailedResult>(),
            size_of::<csp::SystemMessage>(),
            size_of::<Primitive>(),
        ];
        assert!(sizes.iter().all(|size| *size <= 1024), "{sizes:?}");
    }
}
