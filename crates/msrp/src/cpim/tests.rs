//! Whole CPIM messages, as real peers write them.

use super::*;

const GROUP: &str = "From: Alice <sip:alice@home.example>\r\n\
    To: <sip:room@im.home.example>\r\n\
    DateTime: 2026-11-20T22:00:00Z\r\n\
    NS: imdn <urn:ietf:params:imdn>\r\n\
    imdn.Message-ID: m-0001\r\n\
    imdn.Disposition-Notification: positive-delivery, display\r\n\
    \r\n\
    Content-Type: text/plain; charset=utf-8\r\n\
    Content-Length: 5\r\n\
    \r\n\
    Hello";

fn whole(text: &str) -> Cpim {
    Cpim::parse(&Bytes::copy_from_slice(text.as_bytes()), true)
        .unwrap()
        .unwrap()
}

#[test]
fn a_group_message() {
    let message = whole(GROUP);
    let from = message.from().unwrap();
    assert_eq!(from.name().as_deref(), Some("Alice"));
    assert_eq!(from.uri(), "sip:alice@home.example");
    assert_eq!(
        message.to().map(|to| to.uri()).collect::<Vec<_>>(),
        ["sip:room@im.home.example"]
    );
    assert_eq!(message.date_time(), Some("2026-11-20T22:00:00Z"));
    assert_eq!(message.imdn("Message-ID"), Some("m-0001"));
    assert_eq!(message.imdn("message-id"), None, "names have their case");
    assert_eq!(message.headers().count(), 6);
    let mime = message.mime().unwrap();
    assert_eq!(mime.content_type().unwrap(), "text/plain; charset=utf-8");
    assert_eq!(mime.body(), "Hello");
}

#[test]
fn the_headers_suffice_to_send_it_on() {
    let bytes = Bytes::from_static(GROUP.as_bytes());
    let head = GROUP.find("\r\n\r\n").unwrap() + 4;
    let mime_head = GROUP.rfind("\r\n\r\n").unwrap() + 4;
    for at in 0..=bytes.len() {
        let got = Cpim::parse(&bytes.slice(..at), false).unwrap();
        assert_eq!(got.is_some(), at >= head, "{at}");
        let mime = got.as_ref().and_then(Cpim::mime);
        assert_eq!(mime.is_some(), at >= mime_head, "{at}");
    }
    for at in 0..head {
        let got = Cpim::parse(&bytes.slice(..at), true).map(|_| ());
        assert_eq!(got, Err(CpimError::Incomplete), "{at}");
    }
}

#[test]
fn a_prefix_is_only_a_name() {
    let text = "NS: x <urn:ietf:params:imdn>\r\n\
        NS: y <urn:other>\r\n\
        x.Message-ID: right\r\n\
        y.Message-ID: wrong\r\n\
        NS: y <urn:ietf:params:imdn>\r\n\
        y.Disposition-Notification: display\r\n\
        NS: <urn:other>\r\n\
        From: <sip:a@x>\r\n\
        z.To: <sip:nobody@x>\r\n\
        NS: z <urn:ietf:params:cpim-headers:>\r\n\
        z.To: <sip:b@x>\r\n\
        \r\n\r\n";
    let message = whole(text);
    let ids: Vec<_> = message.values(IMDN_NS, "Message-ID").collect();
    assert_eq!(ids, ["right"]);
    assert_eq!(message.imdn("Disposition-Notification"), Some("display"));
    assert_eq!(message.from().unwrap().uri(), "sip:a@x");
    assert_eq!(
        message.to().map(|to| to.uri()).collect::<Vec<_>>(),
        ["sip:b@x"]
    );
    // Undeclared.
    assert_eq!(
        whole("imdn.Message-ID: m\r\n\r\n").imdn("Message-ID"),
        Some("m")
    );
}

#[test]
fn parameters_and_requirements() {
    let text = "Subject:;lang=fr;x=\"a b\" Objet de message\r\n\
        Require: imdn.Message-ID, Locale.Kanji\r\n\r\n";
    let message = whole(text);
    let subject = message.headers().next().unwrap();
    assert_eq!(subject.parameters, ";lang=fr;x=\"a b\"");
    assert_eq!(subject.value, "Objet de message");
    assert_eq!(
        message.required().collect::<Vec<_>>(),
        ["imdn.Message-ID", "Locale.Kanji"]
    );
}

/// (what is peculiar, message, media type, body)
#[rustfmt::skip]
const REAL: &[(&str, &str, &str, &str)] = &[
    ("inner part with LF", "From: <sip:a@x>\r\n\r\nContent-type: text/plain\nContent-Length: 2\n\nhi", "text/plain", "hi"),
    ("all with LF", "From: <sip:a@x>\n\ncontent-type: text/plain\n\nhi\r\n", "text/plain", "hi\r\n"),
    ("no Content-Length, body starts with blanks", "From: <sip:a@x>\r\n\r\nContent-Type: text/plain\r\n\r\n\r\n  hi", "text/plain", "\r\n  hi"),
    ("no blank line between the blocks", "From: <sip:a@x>\r\nContent-Type: text/plain\r\n\r\nhi", "text/plain", "hi"),
    ("folded MIME header", "From: <sip:a@x>\r\n\r\nContent-Type: a/b;\r\n   name=c\r\n\r\nhi", "a/b; name=c", "hi"),
    ("Content-Length too long", "From: <sip:a@x>\r\n\r\nContent-Type: a/b\r\nContent-Length: 99\r\n\r\nhi", "a/b", "hi"),
    ("Content-Length too short", "From: <sip:a@x>\r\n\r\nContent-Type: a/b\r\nContent-Length: 2\r\n\r\nhi\r\n", "a/b", "hi"),
    ("Content-Length is no number", "From: <sip:a@x>\r\n\r\nContent-Type: a/b\r\nContent-Length: two\r\n\r\nhi", "a/b", "hi"),
    ("no body at all", "From: <sip:a@x>\r\n\r\nContent-Type: a/b\r\n", "a/b", ""),
];

#[test]
fn real_peers() {
    for (what, text, content_type, body) in REAL {
        let message = whole(text);
        let mime = message.mime().unwrap();
        assert_eq!(
            mime.content_type().as_deref(),
            Some(*content_type),
            "{what}"
        );
        assert_eq!(mime.body(), *body, "{what}");
        assert_eq!(message.from().unwrap().uri(), "sip:a@x", "{what}");
    }
}

#[rustfmt::skip]
const REFUSED: &[(&[u8], CpimError)] = &[
    (b"Hello\r\n\r\n", CpimError::Header),
    (b"From <sip:a@x>\r\n\r\n", CpimError::Header),
    (b": <sip:a@x>\r\n\r\n", CpimError::Header),
    (b"From: <sip:a@x>\r\n folded: x\r\n\r\n", CpimError::Header),
    (b"From: <sip:a@x>\rFrom: <sip:b@x>\r\n\r\n", CpimError::Control),
    (b"From: <sip:a@x>\r\nFrom: <sip:b@x>\r\n\r\n", CpimError::Repeated("From")),
    (b"From: <sip:a@x>\nFrom: <sip:b@x>\r\n\r\n", CpimError::Repeated("From")),
    (b"NS: c <urn:ietf:params:cpim-headers:>\r\nFrom: <sip:a@x>\r\nc.From: <sip:b@x>\r\n\r\n", CpimError::Repeated("From")),
    (b"From: <sip:a@x>\r\nContent-Type: a/b\r\nFrom: <sip:b@x>\r\n\r\n", CpimError::Repeated("From")),
    (b"From: Alice\r\n\r\n", CpimError::Address("From")),
    (b"To: \r\n\r\n", CpimError::Address("To")),
    (b"From: <sip:\xff@x>\r\n\r\n", CpimError::NotUtf8),
    (b"From: <sip:a@x>\r\n\r\nContent-Type: \xff\r\n\r\n", CpimError::NotUtf8),
    (b"From: <sip:a@x>\r\n", CpimError::Incomplete),
    (b"", CpimError::Incomplete),
];

#[test]
fn refused() {
    for (bytes, why) in REFUSED {
        let got = Cpim::parse(&Bytes::from_static(bytes), true).map(|_| ());
        assert_eq!(got, Err(*why), "{}", String::from_utf8_lossy(bytes));
    }
}

#[test]
fn limits() {
    let endless = Bytes::from(vec![b'a'; CPIM_HEAD_MAX]);
    assert_eq!(
        Cpim::parse(&endless, false).map(|_| ()),
        Err(CpimError::HeadTooLong)
    );
    let lines = Bytes::from("A: b\r\n".repeat(CPIM_HEAD_MAX / 6 + 1));
    assert_eq!(
        Cpim::parse(&lines, false).map(|_| ()),
        Err(CpimError::HeadTooLong)
    );
    let mime = Bytes::from(format!(
        "A: b\r\n\r\n{}",
        "A: b\r\n".repeat(CPIM_HEAD_MAX / 6 + 1)
    ));
    assert_eq!(
        Cpim::parse(&mime, false).map(|_| ()),
        Err(CpimError::HeadTooLong)
    );
    let many = Bytes::from(format!("{}\r\n", "A: b\r\n".repeat(CPIM_HEADERS_MAX + 1)));
    assert_eq!(
        Cpim::parse(&many, false).map(|_| ()),
        Err(CpimError::TooManyHeaders)
    );
}

#[test]
fn rewriting_leaves_the_rest() {
    let text = "To: <sip:bob@x>\n\
        Odd-Header:;p=q   kept \r\n\
        From: \"Alice\" <sip:alice@x>\n\
        To: <sip:carol@x>\r\n\
        \r\n\
        Content-type: text/plain\n\nFrom: <sip:alice@x>\n";
    let message = whole(text);
    let new = message.rewrite(
        Some((Some("Some \"one\""), "sip:anonymous@anonymous.invalid")),
        None,
    );
    let want = text.replacen(
        "From: \"Alice\" <sip:alice@x>\n",
        "From: \"Some \\\"one\\\"\" <sip:anonymous@anonymous.invalid>\n",
        1,
    );
    assert_eq!([&new.head[..], &new.rest[..]].concat(), want.as_bytes());
    assert_eq!(new.shift, want.len() as i64 - text.len() as i64);
    assert_eq!(
        new.rest.as_ptr(),
        message.bytes[message.head_end..].as_ptr(),
        "shared"
    );

    let new = message.rewrite(None, Some((None, "sip:room@x")));
    let want =
        text.replacen("<sip:bob@x>", "<sip:room@x>", 1)
            .replacen("To: <sip:carol@x>\r\n", "", 1);
    assert_eq!([&new.head[..], &new.rest[..]].concat(), want.as_bytes());
}

#[test]
fn rewriting_adds_what_is_missing() {
    let message = whole("DateTime: now\r\n\r\nContent-Type: a/b\r\n\r\nhi");
    let new = message.rewrite(Some((None, "sip:a@x")), Some((None, "sip:b@x")));
    assert_eq!(
        new.head,
        "From: <sip:a@x>\r\nTo: <sip:b@x>\r\nDateTime: now\r\n"
    );
    assert_eq!(new.rest, "\r\nContent-Type: a/b\r\n\r\nhi");
    assert_eq!(new.shift, 32);
}

#[test]
fn rewriting_without_a_blank_line_between_the_blocks() {
    let message = whole("From: <sip:a@x>\r\nContent-Type: a/b;\r\n  c=d\r\n\r\nhi");
    assert_eq!(message.mime().unwrap().content_type().unwrap(), "a/b; c=d");
    let new = message.rewrite(Some((None, "sip:verified@x")), None);
    assert_eq!(
        new.head,
        "From: <sip:verified@x>\r\nContent-Type: a/b;\r\n  c=d\r\n"
    );
    assert_eq!(new.rest, "\r\nhi");
}

#[test]
fn composed_values_stay_on_their_line() {
    let bytes = NewCpim {
        from: (Some("Al\r\nice"), "sip:a@x"),
        to: (None, "sip:b@x"),
        date_time: None,
        namespaces: &[("", "urn:x")],
        headers: &[("Subject", "two\nlines \\ and more")],
        content_type: "text/plain\r\n\r\nsmuggled",
        mime_headers: &[("Content-Disposition", "notification")],
    }
    .write(b" body");
    let message = Cpim::parse(&bytes, true).unwrap().unwrap();
    assert_eq!(message.from().unwrap().name().unwrap(), "Al\r\nice");
    let subject = message.value(CORE_NS, "Subject").unwrap();
    assert_eq!(unescape(subject), "two\nlines \\ and more");
    let mime = message.mime().unwrap();
    assert_eq!(mime.header("content-disposition").unwrap(), "notification");
    assert_eq!(mime.body(), " body");
}
