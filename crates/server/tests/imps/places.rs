//! Every primitive that a client may send has its place: it is carried out, or refused with a
//! reason.

use crate::lab::handset::outcome;
use crate::lab::{Handset, Lab};
use imps::Primitive;
use imps::csp::*;
use imps::service::{Function, Functions};

/// (what is asked for, the code if nothing but sessions was agreed, the code if all was)
type Row = (fn() -> Primitive, u16, u16);

fn default<T: Default + Into<Primitive>>() -> Primitive {
    T::default().into()
}

/// Those of presence are not among them: see there.
#[rustfmt::skip]
const PLACES: &[Row] = &[
    // Functions that have to be agreed on.
    (default::<GetSpInfoRequest>,               506, 200),
    (default::<SearchRequest>,                  506, 537),
    (default::<StopSearchRequest>,              506, 424),
    (default::<VerifyIdRequest>,                506, 402),
    (default::<InviteRequest>,                  506, 402),
    (default::<CancelInviteRequest>,            506, 423),
    (default::<GetListRequest>,                 506, 200),
    (default::<CreateListRequest>,              506, 901),
    (default::<DeleteListRequest>,              506, 901),
    (default::<ListManageRequest>,              506, 901),
    (default::<SetDeliveryMethodRequest>,       506, 200),
    (default::<GetMessageListRequest>,          506, 200),
    (default::<GetMessageRequest>,              506, 426),
    (|| RejectMessageRequest { messages: vec!["x".into()] }.into(), 506, 426),
    (default::<ForwardMessageRequest>,          506, 426),
    (default::<GetBlockedListRequest>,          506, 200),
    (default::<BlockEntityRequest>,             506, 200),
    (extend,                                    506, 901),
    (default::<CreateGroupRequest>,             506, 901),
    (default::<DeleteGroupRequest>,             506, 901),
    (default::<GetGroupPropsRequest>,           506, 901),
    (default::<SetGroupPropsRequest>,           506, 901),
    (default::<GetGroupMembersRequest>,         506, 901),
    (default::<GetJoinedUsersRequest>,          506, 901),
    (|| AddGroupMembersRequest { users: vec![User::new("x")], ..Default::default() }.into(), 506, 901),
    (|| RemoveGroupMembersRequest { users: vec![User::new("x")], ..Default::default() }.into(), 506, 901),
    (default::<MemberAccessRequest>,            506, 901),
    (default::<RejectListRequest>,              506, 901),
    (default::<SubscribeGroupNoticeRequest>,    506, 901),
    // What nobody has to ask for.
    (default::<SendMessageRequest>,             402, 402),
    (default::<JoinGroupRequest>,               901, 901),
    (default::<LeaveGroupRequest>,              901, 901),
    (default::<InviteUserResponse>,             423, 423),
    (default::<MessageDelivered>,               200, 200),
    (default::<SystemMessageUser>,              200, 200),
    (default::<KeepAliveRequest>,               200, 200),
    (default::<ClientCapabilityRequest>,        200, 200),
    // What is not offered.
    (default::<GetMapRequest>,                  405, 405),
    (default::<GetSegmentRequest>,              405, 405),
    (default::<DropSegmentRequest>,             405, 405),
    (default::<SubscribeNotificationRequest>,   405, 405),
    (default::<UnsubscribeNotificationRequest>, 405, 405),
    (|| Primitive::ExtendedRequest("x".into()), 405, 405),
    // What only a server says, and what is no request at all.
    (default::<NewMessage>,                     405, 405),
    (default::<MessageNotification>,            405, 405),
    (default::<DeliveryReportRequest>,          405, 405),
    (default::<Disconnect>,                     405, 405),
    (default::<GroupChangeNotice>,              405, 405),
    (default::<NotificationRequest>,            405, 405),
    (default::<SystemMessageRequest>,           405, 405),
    (default::<InviteResponse>,                 405, 405),
    (default::<InviteUserRequest>,              405, 405),
    (default::<CancelInviteUserRequest>,        405, 405),
    (default::<ExtendConversationResponse>,     405, 405),
    (default::<Status>,                         405, 405),
    (default::<LoginRequest>,                   405, 405),
];

fn extend() -> Primitive {
    ExtendConversationRequest {
        users: vec![String::new()],
        ..ExtendConversationRequest::default()
    }
    .into()
}

#[test]
fn everything_has_a_place() {
    let lab = Lab::start();
    let mut alice = Handset::on(&lab, "alice");
    for (functions, column) in [(Functions::of(&[Function::Mf]), 0), (Functions::NONE, 1)] {
        alice.agree(functions);
        for (at, (request, none, all)) in PLACES.iter().enumerate() {
            let request = request();
            let got = outcome(&alice.ask(request.clone()));
            let want = [*none, *all][column];
            assert_eq!(got.code.number(), want, "row {at}: {request:?}");
            if !got.code.is_success() {
                let why = got.description.unwrap_or_default();
                assert!(!why.is_empty(), "row {at}: {request:?}");
            }
        }
    }
}
