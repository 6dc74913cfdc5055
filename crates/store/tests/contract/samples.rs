//! Good records, for cases to spoil.

use store::{
    Account, Binding, Credentials, Delivery, Document, Member, MemberState, Message, Partition,
    Role, Room, RoomKind,
};

pub(crate) fn account(name: &str) -> Account {
    Account {
        name: name.to_owned(),
        domain: "localhost".to_owned(),
        display_name: Some("Alice Å 🌊".to_owned()),
        msisdn: None,
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

pub(crate) fn document(collection: &str, name: &str) -> Document {
    Document {
        collection: collection.to_owned(),
        name: name.to_owned(),
        owner: "sip:alice@localhost".to_owned(),
        etag: "v1".to_owned(),
        body: "<group>Zoë\0</group>".into(),
        changed_at_ms: 1_700_000_000_000,
    }
}

pub(crate) fn message(to: &str, id: &str) -> Message {
    Message {
        to: to.to_owned(),
        id: id.to_owned(),
        from: "sip:alice@localhost".to_owned(),
        display: Some("Alice Å 🌊".to_owned()),
        subject: Some("明日の予定".to_owned()),
        content_type: "text/plain;charset=UTF-8".to_owned(),
        content: vec![0, 255, 10, 13],
        extra: "Priority: urgent".into(),
        sent_at_ms: 1_700_000_000_000,
        expires_at_ms: Some(1_700_086_400_000),
        report: true,
    }
}

pub(crate) fn delivery(to: &str, message: &str, recipient: &str) -> Delivery {
    Delivery {
        to: to.to_owned(),
        message: message.to_owned(),
        recipient: recipient.to_owned(),
        code: 200,
        at_ms: 1_700_000_000_000,
        extra: vec![0, 255, 10, 13],
    }
}
