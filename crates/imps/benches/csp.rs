//! What it costs to read and to write one message: a SendMessage-Request of CSP 1.3 to a group.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use imps::csp::{Group, MessageInfo, Recipient, SendMessageRequest, Sender, User};
use imps::{DateTime, Encoding, Message, Session, Transaction, Version};

fn send_message() -> Message {
    let info = MessageInfo {
        content_type: Some("text/plain".to_owned()),
        content_size: 40,
        recipient: Recipient {
            groups: vec![Group::Id("wv:ec-7f3a@im.example.com".to_owned())],
            ..Recipient::default()
        },
        sender: Some(Sender::User(User::new("wv:ann@im.example.com"))),
        date: DateTime::utc((2026, 1, 1), (12, 1, 2)),
        ..MessageInfo::default()
    };
    let request = SendMessageRequest {
        delivery_report: true,
        info,
        content: Some("Shall we meet at the station at seven?  ".into()),
    };
    Message::new(Version::V1_3, Session::Inband("4711-0815".to_owned()))
        .with(Transaction::request("c-42", request))
}

fn messages(c: &mut Criterion) {
    let message = send_message();
    for (name, encoding) in [("wbxml", Encoding::Wbxml), ("xml", Encoding::Xml)] {
        let bytes = message.encode(encoding);
        c.bench_function(&format!("{name}/decode"), |b| {
            b.iter(|| Message::decode(black_box(&bytes), encoding));
        });
        c.bench_function(&format!("{name}/encode"), |b| {
            b.iter(|| black_box(&message).encode(encoding));
        });
    }
}

criterion_group!(benches, messages);
criterion_main!(benches);
