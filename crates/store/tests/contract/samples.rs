//! Good records, for cases to spoil.

use store::{Account, Binding, Credentials, Member, MemberState, Partition, Role, Room, RoomKind};

pub(crate) fn account(name: &str) -> Account {
    Account {
        name: name.to_owned(),
        domain: "localhost".to_owned(),
        display_name: Some("Alice Å 🌊".to_owned()),
        credentials: Credentials {
            ha1_md5: Some("0123456789abcdef".repeat(2)),
            ha1_sha256: Some("fedcba9876543210".repeat(4)),
            imps_secret: Some(vec![0, 255, 10, 13]),
        },
        enabled: true,
        created_at_ms: 1_700_000_000_123,
    }
}

pub(crate) fn binding(aor: &str, key: &str) -> Binding {
    Binding {
        aor: aor.to_owned(),
        key: key.to_owned(),
        contact: "sip:alice@192.0.2.1:5060;transport=tcp".to_owned(),
        params: ";+g.oma.sip-im;+sip.instance=\"<urn:uuid:1>\"".to_owned(),
        path: vec!["<sip:edge-1;lr>".to_owned(), "<sip:edge-2;lr>".to_owned()],
        call_id: "a84b4c76e66710".to_owned(),
        cseq: u32::MAX,
        q: 1000,
        instance: Some("<urn:uuid:1>".to_owned()),
        reg_id: Some(1),
        node: "node-1".to_owned(),
        flow: "tcp/17".to_owned(),
        user_agent: Some("Zoë's phone".to_owned()),
        expires_at_ms: 1_700_003_600_000,
        created_at_ms: 1_700_000_000_000,
        updated_at_ms: 1_700_000_000_001,
    }
}

pub(crate) fn room(identity: &str) -> Room {
    Room {
        identity: identity.to_owned(),
        partition: Partition::of(identity),
        kind: RoomKind::AdHoc,
        group: None,
        host: "sip:alice@localhost".to_owned(),
        subject: Some("明日の予定".to_owned()),
        created_at_ms: 1_700_000_000_000,
        closed_at_ms: None,
    }
}

pub(crate) fn member(room: &str, address: &str) -> Member {
    Member {
        room: room.to_owned(),
        address: address.to_owned(),
        display: Some("Bob".to_owned()),
        role: Role::Guest,
        hidden: false,
        state: MemberState::Invited,
        changed_at_ms: 1_700_000_000_000,
    }
}
