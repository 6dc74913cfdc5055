//! What is written is read back, for any message and any receiver.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use bytes::{Bytes, BytesMut};
use msrp::{
    ByteRange, CHUNK_MAX, Chunk, FailureReport, Flag, Kind, Method, PathLines, Piece, Reader,
    Report, SendHead, Tid, cpim::Cpim, respond, write_nickname, write_report,
};
use proptest::prelude::*;

fn read(bytes: &[u8]) -> Vec<Piece> {
    let (mut reader, mut buf, mut pieces) = (Reader::new(), BytesMut::from(bytes), Vec::new());
    while let Some(piece) = reader.next(&mut buf).unwrap() {
        pieces.push(piece);
    }
    assert!(buf.is_empty());
    pieces
}

#[test]
fn responses_go_one_hop_and_others_all_the_way() {
    let (to, from) = ("msrp://b:2/y;tcp", "msrp://r:9/z;tcp msrp://a:1/x;tcp");
    for (method, back) in [("SEND", "msrp://r:9/z;tcp"), ("AUTH", from)] {
        let request =
            format!("MSRP tid1 {method}\r\nTo-Path: {to}\r\nFrom-Path: {from}\r\n-------tid1$\r\n");
        for (code, comment, line) in [
            (200, "OK", "200 OK"),
            (413, "", "413"),
            (481, "a\r\nb", "481 a  b"),
        ] {
            let mut out = BytesMut::new();
            respond(&read(request.as_bytes())[0].head, code, comment, &mut out);
            let want = format!(
                "MSRP tid1 {line}\r\nTo-Path: {back}\r\nFrom-Path: {to}\r\n-------tid1$\r\n"
            );
            assert_eq!(out, want);
            assert_eq!(read(&out)[0].head.kind(), Kind::Response(code));
        }
    }
}

#[test]
fn reports_and_nicknames_are_read_back() {
    let paths = PathLines::new("msrp://r:9/z;tcp msrp://a:1/x;tcp", "msrp://b:2/y;tcp");
    let report = Report {
        message_id: "msg1",
        range: ByteRange::whole(u64::MAX),
        code: 413,
        comment: "too large",
    };
    let mut out = BytesMut::new();
    write_report(&report, Tid::new(5), &paths, &mut out);
    write_nickname("a \"b\" \\ \u{e9}", Tid::new(6), &paths, &mut out);
    let pieces = read(&out);
    let head = &pieces[0].head;
    assert_eq!(head.kind(), Kind::Request(Method::Report));
    assert_eq!(head.byte_range(), Ok(Some(ByteRange::whole(u64::MAX))));
    let status = head.status().unwrap();
    assert_eq!(
        (status.namespace, status.code, status.comment),
        (0, 413, "too large")
    );
    assert_eq!(head.to_path().unwrap().len(), 2);
    // RFC 4975 7.1.2: neither of the report headers is in a report.
    assert!(head.header("Failure-Report").is_none() && head.header("Success-Report").is_none());
    assert_eq!(pieces[1].head.use_nickname().unwrap(), "a \"b\" \\ \u{e9}");
}

/// RFC 7701 section 7.1: a method without report headers, and a nickname of 1 to 1023 octets; 7.3:
/// or of none.
#[test]
fn rfc_7701_7_1_the_length_of_a_nickname() {
    let paths = PathLines::new("msrp://r:9/z;tcp", "msrp://b:2/y;tcp");
    for (nickname, is_read) in [
        (String::new(), true),
        ("a".repeat(1023), true),
        ("\u{e9}".repeat(511), true),
        // Octets count, those that had to be escaped once.
        ("\"".repeat(1023), true),
        ("a".repeat(1024), false),
        ("\u{e9}".repeat(512), false),
    ] {
        let mut out = BytesMut::new();
        write_nickname(&nickname, Tid::new(6), &paths, &mut out);
        let head = &read(&out)[0].head;
        assert_eq!(head.kind(), Kind::Request(Method::Nickname));
        assert_eq!(head.headers().count(), 3, "{head:?}");
        let want = is_read.then_some(nickname);
        assert_eq!(head.use_nickname(), want);
    }
}

fn any_flag() -> impl Strategy<Value = Flag> {
    prop::sample::select(vec![Flag::Complete, Flag::More, Flag::Abort])
}

proptest! {
    #[test]
    fn rfc_7701_7_1_whatever_stands_for_a_nickname_is_read_or_not(
        value in "[\"\\\\ \\ta\u{e9}\u{1f600}]{0,12}|\\PC{0,20}",
    ) {
        let frame = format!(
            "MSRP tid1 NICKNAME\r\nTo-Path: msrp://a:1/x;tcp\r\nFrom-Path: msrp://b:2/y;tcp\r\n\
             Use-Nickname: {value}\r\n-------tid1$\r\n"
        );
        let mut buffer = BytesMut::from(frame.as_bytes());
        let piece = Reader::new().next(&mut buffer).unwrap().unwrap();
        let nickname = piece.head.use_nickname();
        prop_assert!(nickname.is_none_or(|it| it.len() <= value.len().saturating_sub(2)));
    }

    #[test]
    fn a_chunk_is_read_back(
        lead in prop::collection::vec(any::<u8>(), 0..300),
        body in prop::collection::vec(any::<u8>(), 0..9000),
        offset in 0..1_000_000u64,
        flag in any_flag(),
        success_report: bool,
        failure in prop::sample::select(vec![
            FailureReport::Yes, FailureReport::No, FailureReport::Partial,
        ]),
        random: u64,
    ) {
        let head = SendHead {
            message_id: "msg1",
            offset,
            total: None,
            success_report,
            failure_report: failure,
            extra: &[("Content-Disposition", "render")],
            content_type: Some("message/cpim"),
        };
        let whole = [&lead[..], &body[..]].concat();
        let chunk = Chunk::new(&head, &lead, Bytes::from(body), flag, random);
        for receiver in ["msrp://a:1/x;tcp", "msrps://r:9/z;tcp msrp://c:3/w;tcp"] {
            let paths = PathLines::new(receiver, "msrp://b:2/y;tcp");
            let mut out: Vec<Bytes> = Vec::new();
            chunk.write_to(&paths, &mut out);
            let bytes = out.concat();
            prop_assert_eq!(bytes.len(), chunk.frame_len(&paths));
            let pieces = read(&bytes);
            prop_assert_eq!(pieces.len(), 1);
            let piece = &pieces[0];
            prop_assert_eq!(&piece.data[..], &whole[..]);
            prop_assert_eq!((piece.offset, piece.end), (offset, Some(flag)));
            let head = &piece.head;
            prop_assert_eq!(Tid::parse(head.transaction_id()), Some(chunk.tid()));
            prop_assert_eq!(head.to_path_text(), receiver);
            prop_assert_eq!(head.failure_report(), failure);
            prop_assert_eq!(head.success_report(), success_report);
            prop_assert_eq!(head.content_type(), Some("message/cpim"));
            prop_assert_eq!(head.headers().last().unwrap().0, "Content-Type");
            let range = head.byte_range().unwrap().unwrap();
            let end = (whole.len() <= CHUNK_MAX).then_some(offset + whole.len() as u64);
            prop_assert_eq!(range, ByteRange { start: offset + 1, end, total: None });
        }
    }

    #[test]
    fn any_cpim_never_panics(
        text in prop::collection::vec(prop::sample::select(&[
            "From: ", "To: ", "NS: ", "<sip:a@x>", "imdn", ".", "\r\n", "\n", "\r", "\"", "\\", "\\u",
            "00e9", ";lang=", " ", "Content-Type: ", "Content-Length: ", "99", "urn:ietf:params:imdn",
            "<", ">", "\u{e9}", "x",
        ][..]), 0..40),
        whole: bool,
    ) {
        let bytes = Bytes::from(text.concat());
        if let Ok(Some(message)) = Cpim::parse(&bytes, whole) {
            let rewritten = message.rewrite(Some((None, "sip:new@x")), Some((Some("N"), "sip:to@x")));
            let again = Bytes::from([&rewritten.head[..], &rewritten.rest[..]].concat());
            prop_assert_eq!(again.len() as i64, bytes.len() as i64 + rewritten.shift);
            // The peer sees the sender that was written, and only that one.
            let again = Cpim::parse(&again, whole).unwrap().unwrap();
            prop_assert_eq!(again.from().unwrap().uri(), "sip:new@x");
            prop_assert_eq!(again.to().map(|to| to.uri()).collect::<Vec<_>>(), ["sip:to@x"]);
            prop_assert_eq!(
                again.mime().map(|mime| mime.body()),
                message.mime().map(|mime| mime.body())
            );
        }
    }

    #[test]
    fn any_cpim_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), whole: bool) {
        let _ = Cpim::parse(&Bytes::from(bytes), whole);
    }
}
