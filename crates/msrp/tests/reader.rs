//! The frame reader against whole, cut, lying and broken input.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use bytes::{Bytes, BytesMut};
use msrp::{
    BODY_MAX, Flag, FrameError, HEAD_MAX, HEADERS_MAX, Kind, Method, PIECE_MAX, Piece, Reader,
};
use proptest::prelude::*;

const PATHS: &str = "To-Path: msrp://b.example:2/y;tcp\r\nFrom-Path: msrp://a.example:1/x;tcp\r\n";

fn send(headers: &str, body: &[u8], end: &str) -> Vec<u8> {
    let mut frame = format!("MSRP tid1 SEND\r\n{PATHS}{headers}\r\n").into_bytes();
    frame.extend_from_slice(body);
    frame.extend_from_slice(end.as_bytes());
    frame
}

/// All pieces of `input`, which arrives in parts that end at `cuts`.
fn read(input: &[u8], cuts: &[usize]) -> Result<Vec<Piece>, FrameError> {
    let (mut reader, mut buf, mut pieces) = (Reader::new(), BytesMut::new(), Vec::new());
    let mut from = 0;
    for &cut in cuts.iter().chain([&input.len()]) {
        buf.extend_from_slice(&input[from..cut]);
        from = cut;
        while let Some(piece) = reader.next(&mut buf)? {
            pieces.push(piece);
        }
    }
    assert!(buf.len() <= HEAD_MAX, "nothing more may stay behind");
    Ok(pieces)
}

/// What a frame says, however it was cut.
#[derive(Debug, PartialEq)]
struct Frame {
    head: Bytes,
    offset: u64,
    body: Vec<u8>,
    end: Option<Flag>,
}

fn frames(pieces: Vec<Piece>) -> Vec<Frame> {
    let mut frames: Vec<Frame> = Vec::new();
    for piece in pieces {
        assert!(piece.data.len() <= PIECE_MAX);
        if piece.first {
            assert!(frames.last().is_none_or(|frame| frame.end.is_some()));
            frames.push(Frame {
                head: piece.head.as_bytes().clone(),
                offset: piece.offset,
                body: piece.data.to_vec(),
                end: piece.end,
            });
            continue;
        }
        let frame = frames.last_mut().expect("a first piece comes first");
        assert_eq!(frame.end, None, "nothing follows the end");
        assert_eq!(piece.offset, frame.offset + frame.body.len() as u64);
        assert_eq!(piece.head.as_bytes(), &frame.head);
        assert!(!piece.data.is_empty(), "only a first piece may be empty");
        frame.body.extend_from_slice(&piece.data);
        frame.end = piece.end;
    }
    frames
}

/// (what is peculiar, rest of a SEND after its paths, body, flag)
#[rustfmt::skip]
const BODIES: &[(&str, &[u8])] = &[
    ("plain", b"Hello"),
    ("one octet", b"x"),
    ("empty", b""),
    ("line ends", b"\r\n\r\n"),
    ("ends in CR", b"x\r"),
    ("hyphens", b"-------"),
    ("hyphens on a line", b"a\r\n-------\r\nb"),
    ("another transaction", b"a\r\n-------tid2$\r\nb"),
    ("longer transaction", b"a\r\n-------tid11$\r\nb"),
    ("shorter transaction", b"a\r\n-------tid$\r\nb"),
    ("no such flag", b"a\r\n-------tid1*\r\nb"),
    ("an end that goes on", b"a\r\n-------tid1$x\r\n"),
    ("an end with LF only", b"a\r\n-------tid1$\nb"),
    ("an end with CR only", b"a\r\n-------tid1$\r-b"),
    ("eight hyphens", b"a\r\n--------tid1$\r\nb"),
    ("LF before the hyphens", b"a\n-------tid1$\r\nb"),
    ("nested beginnings", b"\r\r\n\r\n-\r\n------\r\n-------\r\n-------t\r\n-------tid1\r\n-------tid1"),
    ("another frame", b"MSRP tid1 SEND\r\nTo-Path: x\r\n\r\nMSRP tid1 200 OK\r\n"),
];

#[test]
fn every_body_at_every_cut() {
    for (what, body) in BODIES {
        let headers = "Message-ID: m1\r\nByte-Range: 11-*/*\r\nContent-Type: a/b\r\n";
        let mut input = send(headers, body, "\r\n-------tid1+\r\n");
        let whole = frames(read(&input, &[]).unwrap());
        assert_eq!(whole.len(), 1, "{what}");
        assert_eq!(whole[0].body, *body, "{what}");
        assert_eq!(
            (whole[0].offset, whole[0].end),
            (10, Some(Flag::More)),
            "{what}"
        );
        // Whatever is in it, the next frame is found.
        input.extend_from_slice(format!("MSRP tid9 200 OK\r\n{PATHS}-------tid9$\r\n").as_bytes());
        for cut in 0..=input.len() {
            let cut = frames(read(&input, &[cut]).unwrap());
            assert_eq!(cut.len(), 2, "{what}");
            assert_eq!(cut[0], whole[0], "{what}");
        }
        let all: Vec<usize> = (0..input.len()).collect();
        let drip = frames(read(&input, &all).unwrap());
        assert_eq!((drip.len(), &drip[0]), (2, &whole[0]), "{what}");
    }
}

#[test]
fn a_frame_at_hand_is_one_piece() {
    let input = send("Content-Type: a/b\r\n", b"Hello", "\r\n-------tid1$\r\n").repeat(3);
    let pieces = read(&input, &[]).unwrap();
    assert_eq!(pieces.len(), 3);
    for piece in &pieces {
        assert!(piece.first);
        assert_eq!(
            (&piece.data[..], piece.end),
            (&b"Hello"[..], Some(Flag::Complete))
        );
    }
}

#[test]
fn a_body_goes_on_as_it_arrives() {
    let input = send("Content-Type: a/b\r\n", &[b'x'; 100], "");
    let pieces = read(&input, &[]).unwrap();
    assert_eq!(pieces.len(), 1);
    // One is kept back, so that the last piece will not be empty.
    assert_eq!((pieces[0].data.len(), pieces[0].end), (99, None));
}

#[test]
fn large_bodies_come_in_bounded_pieces() {
    for length in [PIECE_MAX - 1, PIECE_MAX, PIECE_MAX + 1, 3 * PIECE_MAX + 7] {
        let body = vec![b'\r'; length];
        let input = send("Content-Type: a/b\r\n", &body, "\r\n-------tid1$\r\n");
        let pieces = read(&input, &[]).unwrap();
        assert_eq!(pieces.len(), length.div_ceil(PIECE_MAX), "{length}");
        assert_eq!(frames(pieces)[0].body, body);
    }
}

#[test]
fn without_body() {
    let text = format!("MSRP tid1 SEND\r\n{PATHS}Message-ID: m1\r\n-------tid1$\r\n");
    let pieces = read(text.as_bytes(), &[]).unwrap();
    assert_eq!(pieces.len(), 1);
    let head = &pieces[0].head;
    assert_eq!(head.kind(), Kind::Request(Method::Send));
    assert_eq!((head.message_id(), head.content_type()), (Some("m1"), None));
    assert_eq!(pieces[0].end, Some(Flag::Complete));
}

#[test]
fn an_empty_body_without_its_line_end() {
    let input = send("Content-Type: a/b\r\n", b"", "-------tid1$\r\n");
    for cut in 0..input.len() {
        let frames = frames(read(&input, &[cut]).unwrap());
        assert_eq!((frames.len(), frames[0].body.len()), (1, 0), "{cut}");
        assert_eq!(frames[0].end, Some(Flag::Complete));
    }
}

#[test]
fn responses_and_headers() {
    let text = format!(
        "\r\n\r\nMSRP 6aef 425 Nickname r\u{e9}served\r\n{PATHS}use-nickname: \"A\"\r\n\
         X-Odd:  kept \r\nExpires: 900\r\nStatus: 000 413 Stop\r\nFailure-Report: NO\r\n\
         Success-Report: yes\r\n-------6aef$\r\n"
    );
    let pieces = read(text.as_bytes(), &[]).unwrap();
    let head = &pieces[0].head;
    assert_eq!(head.kind(), Kind::Response(425));
    assert_eq!(
        (head.method_name(), head.comment()),
        ("425", "Nickname r\u{e9}served")
    );
    assert_eq!(head.transaction_id(), "6aef");
    assert_eq!(head.to_path().unwrap().first().host(), "b.example");
    assert_eq!(head.from_path().unwrap().last().session_id(), Some("x"));
    assert_eq!(head.use_nickname().as_deref(), Some("A"));
    assert_eq!(head.header("x-odd"), Some("kept"));
    assert_eq!(head.expires(), Some(900));
    assert_eq!(head.status().unwrap().code, 413);
    assert!(head.success_report());
    assert_eq!(head.failure_report(), msrp::FailureReport::No);
    assert_eq!(head.headers().count(), 8);
}

#[test]
fn a_lying_byte_range_is_a_hint_only() {
    for (range, offset) in [
        ("1-2/2", 0),
        ("1-99999/99999", 0),
        ("5-3/8", 0),
        ("1-9/8", 0),
        ("99999999999999999999-*/*", 0),
        ("7-*/*", 6),
        ("18446744073709551615-*/*", u64::MAX - 1),
    ] {
        let headers = format!("Byte-Range: {range}\r\nContent-Type: a/b\r\n");
        let input = send(&headers, b"Hello world", "\r\n-------tid1$\r\n");
        // Cut in two, so that the offset of a later piece is seen as well.
        let pieces = read(&input, &[input.len() - 20]).unwrap();
        assert_eq!(pieces[0].offset, offset, "{range}");
        let total: usize = pieces.iter().map(|piece| piece.data.len()).sum();
        assert_eq!(total, 11, "{range}");
        assert!(pieces.iter().all(|piece| piece.offset >= offset));
    }
}

#[rustfmt::skip]
const REFUSED: &[(&[u8], FrameError)] = &[
    (b"GET / HTTP/1.1", FrameError::NotMsrp),
    (b"\x16\x03\x01", FrameError::NotMsrp),
    (b"msrp tid1", FrameError::NotMsrp),
    (b"\rM", FrameError::NotMsrp),
    (b"MSRP tid1\r\n", FrameError::StartLine),
    (b"MSRP tid1 \r\n", FrameError::StartLine),
    (b"MSRP  tid1 SEND\r\n", FrameError::TransactionId),
    (b"MSRP tid SEND\r\n", FrameError::TransactionId),
    (b"MSRP -tid1 SEND\r\n", FrameError::TransactionId),
    (b"MSRP tid_1 SEND\r\n", FrameError::TransactionId),
    (b"MSRP a12345678901234567890123456789012 SEND\r\n", FrameError::TransactionId),
    (b"MSRP tid1 Send\r\n", FrameError::Method),
    (b"MSRP tid1 SEND now\r\n", FrameError::Method),
    (b"MSRP tid1 20 OK\r\n", FrameError::StatusCode),
    (b"MSRP tid1 2000 OK\r\n", FrameError::StatusCode),
    (b"MSRP tid1 2x0 OK\r\n", FrameError::StatusCode),
    (b"MSRP tid1 SEND\n", FrameError::Control),
    (b"MSRP tid1 SEND\r\nTo-Path: a\n", FrameError::Control),
    (b"MSRP tid1 SEND\r\nTo-Path: a\rb\r\n", FrameError::Control),
    (b"MSRP tid1 SEND\r\nTo-Path: a\0\r\n", FrameError::Control),
    (b"MSRP tid1 SEND\r\nFrom-Path: a\r\n", FrameError::ToPath),
    (b"MSRP tid1 SEND\r\n\r\n", FrameError::ToPath),
    (b"MSRP tid1 SEND\r\n-------tid1$\r\n", FrameError::ToPath),
    (b"MSRP tid1 SEND\r\nTo-Path: a\r\nMessage-ID: m\r\n", FrameError::FromPath),
    (b"MSRP tid1 SEND\r\nTo-Path: a\r\nTo-Path: a\r\n", FrameError::FromPath),
    (b"MSRP tid1 SEND\r\nTo-Path: a\r\n-------tid1$\r\n", FrameError::FromPath),
    (b"MSRP tid1 SEND\r\nTo-Path: a\r\nFrom-Path: b\r\nTo-Path: c\r\n", FrameError::Repeated),
    (b"MSRP tid1 SEND\r\nTo-Path: a\r\nFrom-Path: b\r\nByte-Range: 1-1/1\r\nbyte-range: 2-2/2\r\n", FrameError::Repeated),
    (b"MSRP tid1 SEND\r\nTo-Path: a\r\nFrom-Path: b\r\nno colon\r\n", FrameError::Header),
    (b"MSRP tid1 SEND\r\nTo-Path: a\r\nFrom-Path: b\r\n: x\r\n", FrameError::Header),
    (b"MSRP tid1 SEND\r\nTo-Path: a\r\nFrom-Path: b\r\n folded: x\r\n", FrameError::Header),
    (b"MSRP tid1 SEND\r\nTo-Path: a\r\nFrom-Path: b\r\n-------tid1*\r\n", FrameError::EndLine),
    (b"MSRP tid1 SEND\r\nTo-Path: a\r\nFrom-Path: b\r\n-------tid1\r\n", FrameError::EndLine),
    (b"MSRP tid1 SEND\r\nTo-Path: a\r\nFrom-Path: b\r\n-------tid2$\r\n", FrameError::EndLine),
    (b"MSRP tid1 SEND\r\nTo-Path: a\r\nFrom-Path: b\r\n-------\r\n", FrameError::EndLine),
    (b"MSRP tid1 SEND\r\nTo-Path: a\r\nFrom-Path: b\r\nX: \xff\xfe\r\n-------tid1$\r\n", FrameError::NotUtf8),
];

#[test]
fn refused() {
    for (input, why) in REFUSED {
        let what = String::from_utf8_lossy(input);
        assert_eq!(read(input, &[]).map(|_| ()), Err(*why), "{what}");
        for cut in 0..input.len() {
            assert_eq!(
                read(input, &[cut]).map(|_| ()),
                Err(*why),
                "{what} cut at {cut}"
            );
        }
    }
}

#[test]
fn a_refusal_stays() {
    let (mut reader, mut buf) = (Reader::new(), BytesMut::from(&b"nonsense"[..]));
    assert_eq!(reader.next(&mut buf).unwrap_err(), FrameError::NotMsrp);
    let good = send("Content-Type: a/b\r\n", b"x", "\r\n-------tid1$\r\n");
    let mut buf = BytesMut::from(&good[..]);
    assert_eq!(reader.next(&mut buf).unwrap_err(), FrameError::NotMsrp);
}

#[test]
fn limits() {
    let endless = format!("MSRP tid1 SEND\r\nTo-Path: {}", "a".repeat(HEAD_MAX));
    assert_eq!(
        read(endless.as_bytes(), &[]).unwrap_err(),
        FrameError::HeadTooLong
    );
    let long = format!("{endless}\r\n-------tid1$\r\n");
    assert_eq!(
        read(long.as_bytes(), &[]).unwrap_err(),
        FrameError::HeadTooLong
    );
    let many = "X: y\r\n".repeat(HEADERS_MAX - 1);
    let input = format!("MSRP tid1 SEND\r\n{PATHS}{many}");
    assert_eq!(
        read(input.as_bytes(), &[]).unwrap_err(),
        FrameError::TooManyHeaders
    );

    // RFC 4975 7.1: only the body of a SEND may be of any size.
    let longest = usize::try_from(BODY_MAX).unwrap();
    for (length, fits) in [(longest, true), (longest + 1, false)] {
        let report = format!(
            "MSRP tid1 REPORT\r\n{PATHS}\r\n{}\r\n-------tid1$\r\n",
            "x".repeat(length)
        );
        assert_eq!(read(report.as_bytes(), &[]).is_ok(), fits, "{length}");
    }
}

proptest! {
    #[test]
    fn any_bytes_never_panic(
        input in prop::collection::vec(any::<u8>(), 0..600),
        cut in 0..600usize,
    ) {
        let _ = read(&input, &[cut.min(input.len())]);
    }

    #[test]
    fn any_text_of_frames_never_panics(
        words in prop::collection::vec(prop::sample::select(&[
            "MSRP tid1 SEND\r\n", "MSRP tid1 200 OK\r\n", PATHS, "\r\n", "-------tid1$\r\n", "\r",
            "\n", "-------", "tid1", "+", "Byte-Range: 5-3/1\r\n", "X: y\r\n", "\u{e9}", "MSRP ",
        ][..]), 0..30),
    ) {
        let input = words.concat();
        let all: Vec<usize> = (0..input.len()).collect();
        let whole = read(input.as_bytes(), &[]).map(|pieces| pieces.len() > 99);
        let drip = read(input.as_bytes(), &all).map(|pieces| pieces.len() > 99);
        // The same is refused, and for the same reason, however it arrives.
        prop_assert_eq!(whole.err(), drip.err());
    }

    #[test]
    fn any_body_survives_any_cut(
        // Few characters, so that beginnings of end-lines are common.
        body in prop::collection::vec(prop::sample::select(&b"\r\n-tid1+$#x"[..]), 0..200),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let text = String::from_utf8_lossy(&body);
        prop_assume!(["$", "+", "#"].iter().all(|f| !text.contains(&format!("-------tid1{f}"))));
        let input = send("Content-Type: a/b\r\n", &body, "\r\n-------tid1#\r\n");
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(input.len())).collect();
        cuts.sort_unstable();
        let frames = frames(read(&input, &cuts).unwrap());
        prop_assert_eq!(frames.len(), 1);
        prop_assert_eq!(&frames[0].body, &body);
        prop_assert_eq!(frames[0].end, Some(Flag::Abort));
    }
}
