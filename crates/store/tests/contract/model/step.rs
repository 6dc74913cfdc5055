//! One unit of a random history.

use proptest::prelude::*;
use proptest::sample::select;
use store::{
    Account, Binding, Credentials, Delivery, Document, Expect, Fence, Member, MemberState, Message,
    Partition, Role, Room, RoomKind, Write,
};

use super::{ADDRESSES, AORS, COLLECTIONS, ETAGS, IDS, KEYS, NAMES, NUMBER, ROOMS};
use crate::bench::home;
use crate::samples;

/// The right that a unit claims. It is mostly the right one.
#[derive(Clone, Copy, Debug)]
pub(super) enum Right {
    Owner,
    FormerOwner,
    OwnerElsewhere,
    Nobody,
}

impl Right {
    pub(super) fn fence(self, writes: &[Write], epoch: u64) -> Fence {
        let partition = writes.first().map_or(Partition::of(""), home);
        match self {
            Self::Owner => Fence::Owned { partition, epoch },
            Self::FormerOwner => Fence::Owned {
                partition,
                epoch: epoch - 1,
            },
            Self::OwnerElsewhere => Fence::Owned {
                partition: Partition::of("elsewhere"),
                epoch,
            },
            Self::Nobody => Fence::Unfenced,
        }
    }
}

pub(super) fn step() -> impl Strategy<Value = (Vec<Write>, Right)> {
    let right = prop_oneof![
        12 => Just(Right::Owner),
        1 => Just(Right::FormerOwner),
        1 => Just(Right::OwnerElsewhere),
        3 => Just(Right::Nobody),
    ];
    // Units about one account, address, room or document keep to one partition, and so may succeed.
    let writes = prop_oneof![
        5 => select(NAMES).prop_flat_map(|name| several(about_account(name).boxed())),
        3 => select(AORS).prop_flat_map(|aor| several(about_bindings(aor).boxed())),
        5 => select(ROOMS).prop_flat_map(|room| several(about_room(room).boxed())),
        4 => select(AORS).prop_flat_map(|name| several(about_documents(name).boxed())),
        5 => select(ADDRESSES).prop_flat_map(|to| several(about_messages(to).boxed())),
    ];
    (writes, right)
}

fn several(write: BoxedStrategy<Write>) -> impl Strategy<Value = Vec<Write>> {
    prop::collection::vec(write, 0..6)
}

fn about_account(name: &'static str) -> impl Strategy<Value = Write> {
    let account = (
        any::<Option<String>>(),
        prop::option::of(Just(NUMBER)),
        prop::option::of("[0-9a-f]{32}"),
        prop::option::of(any::<Vec<u8>>()),
        any::<bool>(),
        any::<i64>(),
    );
    let account = account.prop_map(
        move |(display_name, number, ha1_md5, secret, enabled, at)| Account {
            name: name.to_owned(),
            domain: "localhost".to_owned(),
            display_name,
            msisdn: number.map(str::to_owned),
            credentials: Credentials {
                ha1_sha256: ha1_md5.as_ref().map(|digest| digest.repeat(2)),
                ha1_md5,
                imps_secret: secret,
            },
            enabled,
            created_at_ms: at,
        },
    );
    prop_oneof![
        3 => account.clone().prop_map(Write::AddAccount),
        2 => account.prop_map(Write::ChangeAccount),
        1 => Just(Write::RemoveAccount { name: name.to_owned(), domain: "localhost".to_owned() }),
    ]
}

fn about_bindings(aor: &'static str) -> impl Strategy<Value = Write> {
    let put = (
        select(KEYS),
        prop::collection::vec("[a-z\n]{0,3}", 0..3),
        0_u16..1010,
        any::<Option<u32>>(),
        -3_i64..12,
    );
    let put = put.prop_map(move |(key, path, q, reg_id, expires_at_ms)| {
        Write::PutBinding(Binding {
            path,
            q,
            reg_id,
            expires_at_ms,
            ..samples::binding(aor, key)
        })
    });
    let remove = select(KEYS).prop_map(move |key| Write::RemoveBinding {
        aor: aor.to_owned(),
        key: key.to_owned(),
    });
    prop_oneof![
        6 => put,
        2 => remove,
        1 => Just(Write::RemoveBindings { aor: aor.to_owned() }),
        1 => (-3_i64..12).prop_map(|now_ms| Write::PurgeBindings { now_ms }),
    ]
}

fn about_room(identity: &'static str) -> impl Strategy<Value = Write> {
    let kinds = &[RoomKind::AdHoc, RoomKind::Group, RoomKind::Public];
    let open = (select(kinds), any::<Option<String>>(), any::<i64>());
    let open = open.prop_map(move |(kind, group, created_at_ms)| {
        Write::OpenRoom(Room {
            kind,
            group,
            created_at_ms,
            ..samples::room(identity)
        })
    });
    let change = (select(ADDRESSES), any::<Option<String>>());
    let change = change.prop_map(move |(host, subject)| Write::ChangeRoom {
        identity: identity.to_owned(),
        host: host.to_owned(),
        subject,
    });
    let close = (-3_i64..12).prop_map(move |at_ms| Write::CloseRoom {
        identity: identity.to_owned(),
        at_ms,
    });
    prop_oneof![
        4 => open,
        2 => change,
        2 => close,
        1 => (-3_i64..12).prop_map(|closed_by_ms| Write::PurgeRooms { closed_by_ms }),
        5 => put_member(identity),
    ]
}

fn put_member(room: &'static str) -> impl Strategy<Value = Write> {
    let states = &[
        MemberState::Invited,
        MemberState::Joined,
        MemberState::Left,
        MemberState::Removed,
    ];
    let member = (
        select(ADDRESSES),
        select(&[Role::Guest, Role::Host]),
        select(states),
        any::<bool>(),
        any::<Option<String>>(),
    );
    member.prop_map(move |(address, role, state, hidden, display)| {
        Write::PutMember(Member {
            role,
            state,
            hidden,
            display,
            ..samples::member(room, address)
        })
    })
}

fn about_documents(name: &'static str) -> impl Strategy<Value = Write> {
    let put = (
        select(COLLECTIONS),
        select(ADDRESSES),
        select(ETAGS),
        any::<Vec<u8>>(),
        expectation(),
    );
    let put = put.prop_map(move |(collection, owner, etag, body, expect)| {
        let document = Document {
            owner: owner.to_owned(),
            etag: etag.to_owned(),
            body,
            ..samples::document(collection, name)
        };
        Write::PutDocument { document, expect }
    });
    let remove = (select(COLLECTIONS), prop::option::of(select(ETAGS)));
    let remove = remove.prop_map(move |(collection, etag)| Write::RemoveDocument {
        collection: collection.to_owned(),
        name: name.to_owned(),
        etag: etag.map(str::to_owned),
    });
    prop_oneof![3 => put, 1 => remove]
}

fn expectation() -> impl Strategy<Value = Expect> {
    prop_oneof![
        1 => Just(Expect::Absent),
        3 => Just(Expect::Any),
        1 => select(ETAGS).prop_map(|etag| Expect::Etag(etag.to_owned())),
    ]
}

/// Messages to `to`, word for others of what became of them, and for `to` of its own.
fn about_messages(to: &'static str) -> impl Strategy<Value = Write> {
    let add = (
        select(IDS),
        any::<Option<String>>(),
        any::<Vec<u8>>(),
        prop::option::of(-3_i64..12),
        1_u32..4,
    );
    let add = add.prop_map(move |(id, subject, content, expires_at_ms, limit)| {
        let message = Message {
            subject,
            content,
            expires_at_ms,
            ..samples::message(to, id)
        };
        Write::AddMessage { message, limit }
    });
    let remove = select(IDS).prop_map(move |id| Write::RemoveMessage {
        to: to.to_owned(),
        id: id.to_owned(),
    });
    let word = (select(ADDRESSES), select(IDS), any::<u16>(), -3_i64..12);
    let word = word.prop_map(move |(sender, id, code, at_ms)| {
        Write::PutDelivery(Delivery {
            code,
            at_ms,
            ..samples::delivery(sender, id, to)
        })
    });
    let heard = (select(IDS), select(ADDRESSES));
    let heard = heard.prop_map(move |(message, recipient)| Write::RemoveDelivery {
        to: to.to_owned(),
        message: message.to_owned(),
        recipient: recipient.to_owned(),
    });
    prop_oneof![
        6 => add,
        2 => remove,
        1 => (-3_i64..6).prop_map(|now_ms| Write::PurgeMessages { now_ms }),
        4 => word,
        2 => heard,
        1 => (-3_i64..6).prop_map(|before_ms| Write::PurgeDeliveries { before_ms }),
    ]
}
