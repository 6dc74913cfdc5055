//! Rooms and their members.

use store::{CommitError, Flaw, Member, MemberState, Partition, Role, Room, RoomKind, Write};

use crate::bench::all;
use crate::samples::{member, room};
use crate::{Bench, Case};

pub(crate) const CASES: &[Case] = &[
    ("a room comes back as it went", comes_back),
    ("an open room is not opened again", is_opened_once),
    (
        "a closed room may be opened anew, without its members",
        is_opened_anew,
    ),
    ("host and subject may change", may_change),
    ("a room closes once", closes_once),
    ("what is not there cannot change", absent_cannot_change),
    (
        "a room is written under its own partition only",
        own_partition_only,
    ),
    (
        "members are written and listed, in pages",
        members_are_listed,
    ),
    (
        "a person's rooms are the open ones that know them",
        rooms_of_a_person,
    ),
    (
        "closed rooms are purged with their members",
        closed_are_purged,
    ),
];

const ROOM: &str = "sip:aax7@localhost";

fn comes_back(bench: &mut Bench) {
    let group = Room {
        kind: RoomKind::Group,
        group: Some("sip:friends@localhost".to_owned()),
        subject: None,
        ..room("sip:friends@localhost")
    };
    let public = Room {
        kind: RoomKind::Public,
        subject: Some(String::new()),
        ..room("sip:lobby@localhost")
    };
    for room in [room(ROOM), group, public] {
        open(bench, &room);
        assert_eq!(bench.reader.room(&room.identity), Ok(Some(room)));
    }
    assert_eq!(bench.reader.room("sip:none@localhost"), Ok(None));
    let listed = all(2, |after, limit| bench.reader.open_rooms(after, limit));
    let listed: Vec<_> = listed.iter().map(|room| room.kind).collect();
    assert_eq!(listed, [RoomKind::AdHoc, RoomKind::Group, RoomKind::Public]);
}

fn is_opened_once(bench: &mut Bench) {
    open(bench, &room(ROOM));
    let other = Room {
        subject: None,
        ..room(ROOM)
    };
    let identity = ROOM.to_owned();
    assert_eq!(
        bench.write(Write::OpenRoom(other)),
        Err(CommitError::RoomIsOpen { identity })
    );
    assert_eq!(bench.reader.room(ROOM), Ok(Some(room(ROOM))));
}

fn is_opened_anew(bench: &mut Bench) {
    open(bench, &room(ROOM));
    put(bench, &member(ROOM, "sip:bob@localhost"));
    close(bench, ROOM, 5);
    let anew = Room {
        created_at_ms: 6,
        ..room(ROOM)
    };
    open(bench, &anew);
    assert_eq!(bench.reader.room(ROOM), Ok(Some(anew)));
    assert_eq!(members(bench, ROOM, 10), []);
}

fn may_change(bench: &mut Bench) {
    open(bench, &room(ROOM));
    let (host, subject) = ("sip:bob@localhost".to_owned(), None);
    bench.write(change(&host, subject)).unwrap();
    let changed = Room {
        host,
        subject: None,
        ..room(ROOM)
    };
    assert_eq!(bench.reader.room(ROOM), Ok(Some(changed)));
}

fn closes_once(bench: &mut Bench) {
    open(bench, &room(ROOM));
    put(bench, &member(ROOM, "sip:bob@localhost"));
    close(bench, ROOM, 5);
    close(bench, ROOM, 9);
    let closed = Room {
        closed_at_ms: Some(5),
        ..room(ROOM)
    };
    assert_eq!(bench.reader.room(ROOM), Ok(Some(closed)));
    let listed = all(10, |after, limit| bench.reader.open_rooms(after, limit));
    assert_eq!(listed, []);
    assert_eq!(members(bench, ROOM, 10).len(), 1);
}

fn absent_cannot_change(bench: &mut Bench) {
    let identity = ROOM.to_owned();
    let writes = [
        change("sip:bob@localhost", None),
        Write::CloseRoom {
            identity: identity.clone(),
            at_ms: 5,
        },
        Write::PutMember(member(ROOM, "sip:bob@localhost")),
    ];
    for write in writes {
        let identity = identity.clone();
        assert_eq!(
            bench.write(write),
            Err(CommitError::NoSuchRoom { identity })
        );
    }
    assert_eq!(members(bench, ROOM, 10), []);
}

fn own_partition_only(bench: &mut Bench) {
    // A room may live in any partition: the one its identity begins with, say.
    let home = Partition::from_label("aa").unwrap();
    let room = Room {
        partition: home,
        ..room(ROOM)
    };
    open(bench, &room);
    let wrong = Partition::of(ROOM);
    assert_ne!(home, wrong);
    for write in [
        change("sip:bob@localhost", None),
        Write::CloseRoom {
            identity: ROOM.to_owned(),
            at_ms: 5,
        },
        Write::PutMember(member(ROOM, "sip:bob@localhost")),
        Write::OpenRoom(Room {
            partition: wrong,
            ..room.clone()
        }),
    ] {
        let fenced = wrong;
        assert_eq!(
            bench.write(write),
            Err(CommitError::Flaw(Flaw::Misplaced { home, fenced }))
        );
    }
    assert_eq!(bench.reader.room(ROOM), Ok(Some(room)));
    assert_eq!(members(bench, ROOM, 10), []);
}

fn members_are_listed(bench: &mut Bench) {
    open(bench, &room(ROOM));
    open(bench, &room("sip:aax8@localhost"));
    put(bench, &member("sip:aax8@localhost", "sip:bob@localhost"));
    let states = [
        (MemberState::Invited, Role::Guest, "sip:anna@localhost"),
        (MemberState::Joined, Role::Host, "sip:bert@localhost"),
        (MemberState::Left, Role::Guest, "sip:célia@localhost"),
        (MemberState::Removed, Role::Guest, "wv:dora@localhost"),
    ];
    let expected = states.map(|(state, role, address)| Member {
        state,
        role,
        display: None,
        hidden: role == Role::Host,
        ..member(ROOM, address)
    });
    for member in expected.iter().rev() {
        put(
            bench,
            &Member {
                state: MemberState::Invited,
                ..member.clone()
            },
        );
        put(bench, member);
    }
    for limit in [1, 3, 4, 5] {
        assert_eq!(members(bench, ROOM, limit), expected, "limit {limit}");
    }
}

fn rooms_of_a_person(bench: &mut Bench) {
    let bob = "sip:bob@localhost";
    let identities = ["sip:r1@localhost", "sip:r2@localhost", "sip:r3@localhost"];
    for identity in identities {
        open(bench, &room(identity));
        put(bench, &member(identity, bob));
    }
    open(bench, &room("sip:r4@localhost"));
    put(bench, &member("sip:r4@localhost", "sip:bob2@localhost"));
    close(bench, identities[1], 5);
    let expected = [identities[0], identities[2]].map(|id| (room(id), member(id, bob)));
    for limit in [1, 2, 3] {
        let listed = all(limit, |after, limit| {
            bench.reader.rooms_of(bob, after, limit)
        });
        assert_eq!(listed, expected, "limit {limit}");
    }
}

fn closed_are_purged(bench: &mut Bench) {
    let bob = "sip:bob@localhost";
    let rooms = [
        ("sip:r1@localhost", Some(99)),
        ("sip:r2@localhost", Some(100)),
        ("sip:r3@localhost", Some(101)),
        ("sip:r4@localhost", None),
    ];
    for (identity, closed_at_ms) in rooms {
        open(bench, &room(identity));
        put(bench, &member(identity, bob));
        if let Some(at_ms) = closed_at_ms {
            close(bench, identity, at_ms);
        }
    }
    let closed_by_ms = 100;
    bench.write(Write::PurgeRooms { closed_by_ms }).unwrap();
    for (identity, closed_at_ms) in rooms {
        let kept = closed_at_ms.is_none_or(|at_ms| at_ms > closed_by_ms);
        let found = bench.reader.room(identity).unwrap();
        assert_eq!(found.is_some(), kept, "{identity}");
        assert_eq!(members(bench, identity, 10).len(), usize::from(kept));
    }
}

fn open(bench: &mut Bench, room: &Room) {
    bench.write(Write::OpenRoom(room.clone())).unwrap();
}

fn close(bench: &mut Bench, identity: &str, at_ms: i64) {
    let identity = identity.to_owned();
    bench.write(Write::CloseRoom { identity, at_ms }).unwrap();
}

fn put(bench: &mut Bench, member: &Member) {
    bench.write(Write::PutMember(member.clone())).unwrap();
}

fn change(host: &str, subject: Option<String>) -> Write {
    Write::ChangeRoom {
        identity: ROOM.to_owned(),
        host: host.to_owned(),
        subject,
    }
}

fn members(bench: &Bench, room: &str, limit: u32) -> Vec<Member> {
    all(limit, |after, limit| {
        bench.reader.members(room, after, limit)
    })
}
