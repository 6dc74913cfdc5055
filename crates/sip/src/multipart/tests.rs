//! Bodies whole, as peers send them and as they should not.

use proptest::prelude::*;

use super::*;

fn read(content_type: &str, body: &str) -> Result<Vec<Part>, MultipartError> {
    let headers = BodyHeaders {
        content_type,
        ..BodyHeaders::default()
    };
    parts(&headers, &Bytes::copy_from_slice(body.as_bytes()))
}

const MIXED: &str = "multipart/mixed;boundary=b";

#[test]
fn an_invitation_with_a_list() {
    let body = "preamble\r\n--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n\r\n--b  \r\n\
        content-type:application/resource-lists+xml;\r\n\tcharset=\"utf-8\"\r\n\
        Content-Disposition: recipient-list-history; handling=optional\r\n\
        Content-ID: <l@h>\r\nX-Other: 1\r\n\r\n<r/>\r\n--b--\r\nepilogue";
    let parts = read(MIXED, body).unwrap();
    assert_eq!(parts.len(), 2);
    assert_eq!(parts[0].body, "v=0\r\n");
    assert!(!parts[0].is_optional());
    assert_eq!(parts[1].body, "<r/>");
    assert_eq!(parts[1].content_type.param("charset"), Some("utf-8"));
    assert!(parts[1].is_optional());
    assert_eq!(parts[1].id.as_deref(), Some("l@h"));
}

#[test]
fn the_body_is_not_copied() {
    let body = Bytes::from_static(b"--b\r\n\r\nhello\r\n--b--");
    let headers = BodyHeaders {
        content_type: MIXED,
        ..BodyHeaders::default()
    };
    let parts = parts(&headers, &body).unwrap();
    assert_eq!(parts[0].body.as_ptr(), body[7..].as_ptr());
}

/// (body, the parts' bodies or what is wrong)
type Row = (
    &'static str,
    Result<&'static [&'static str], MultipartError>,
);

#[test]
fn bodies() {
    #[rustfmt::skip]
    let table: [Row; 18] = [
        ("--b\r\n\r\none\r\n--b--", Ok(&["one"])),
        ("--b\n\none\n--b--\n", Ok(&["one"])),
        ("--b\r\n\r\n\r\n--b--", Ok(&[""])),
        ("--b\r\n\r\n--b--", Ok(&[""])),
        ("--b\r\n--b--", Ok(&[""])),
        ("--b\r\nContent-Type: a/b\r\n--b--", Ok(&[""])),
        ("--b\r\n\r\none\r\n\r\n--b\r\n\r\ntwo\n\r\n--b--", Ok(&["one\r\n", "two\n"])),
        // A boundary inside a line, or longer than ours, is content.
        ("--b\r\n\r\nx --b\r\n--bb\r\n--b-\r\n--b--", Ok(&["x --b\r\n--bb\r\n--b-"])),
        ("--b\r\n\r\none\r\n--b-- \t\r\n--b\r\nnot read", Ok(&["one"])),
        ("", Err(MultipartError::NoDelimiter)),
        ("--c\r\n\r\n--c--", Err(MultipartError::NoDelimiter)),
        ("--b", Err(MultipartError::NoDelimiter)),
        ("--b--", Err(MultipartError::Empty)),
        ("--b\r\n\r\none", Err(MultipartError::NotClosed)),
        ("--b\r\n\r\none\r\n--b\r\n", Err(MultipartError::NotClosed)),
        ("--b\r\nno colon\r\n\r\n--b--", Err(MultipartError::Malformed("part header"))),
        (
            "--b\r\nContent-Type: a/b\r\nContent-type: a/b\r\n\r\n--b--",
            Err(MultipartError::Duplicate("Content-Type")),
        ),
        (
            "--b\r\nContent-Transfer-Encoding: base64\r\n\r\neA==\r\n--b--",
            Err(MultipartError::Encoding("base64".to_owned())),
        ),
    ];
    for (body, want) in table {
        let got = read(MIXED, body).map(|parts| {
            let bodies = parts.iter().map(|part| part.body.clone());
            bodies.collect::<Vec<_>>()
        });
        let want = want.map(|bodies| bodies.iter().map(|body| Bytes::from(*body)).collect());
        assert_eq!(got, want, "{body:?}");
    }
}

/// What a focus has to find in the request for an ad-hoc conference.
#[test]
fn from_an_invite_to_its_chat_and_its_guests() {
    let body = "--b\r\nContent-Type: application/sdp\r\n\r\n\
        v=0\r\no=- 1 1 IN IP4 192.0.2.11\r\ns=-\r\nc=IN IP4 192.0.2.11\r\nt=0 0\r\n\
        m=message 2855 TCP/MSRP *\r\na=accept-types:message/cpim\r\n\
        a=path:msrp://192.0.2.11:2855/a1b2;tcp\r\na=setup:actpass\r\na=sendrecv\r\n\r\n\
        --b\r\nContent-Type: application/resource-lists+xml\r\n\
        Content-Disposition: recipient-list\r\n\r\n<resource-lists/>\r\n--b--\r\n";
    let parts = read(MIXED, body).unwrap();
    let sdp = find(&parts, "application/sdp", None).unwrap();
    let description = crate::sdp::Description::parse(&sdp.body).unwrap();
    let (_, chat) = description.msrp().unwrap();
    assert!(chat.accepts("message/cpim"));
    let list = find(
        &parts,
        "application/resource-lists+xml",
        Some("recipient-list"),
    );
    assert_eq!(list.unwrap().body, "<resource-lists/>");
}

#[test]
fn encodings_that_change_nothing() {
    for encoding in ["7bit", "8BIT", "binary"] {
        let body = format!("--b\r\nContent-Transfer-Encoding: {encoding}\r\n\r\nx\r\n--b--");
        assert_eq!(read(MIXED, &body).unwrap()[0].body, "x");
    }
}

#[test]
fn a_part_says_text_plain_by_saying_nothing() {
    let parts = read(MIXED, "--b\r\n\r\nx\r\n--b--").unwrap();
    assert!(parts[0].content_type.is("Text/Plain"));
}

/// Clients send a description alone in either form; the receiver sees no difference.
#[test]
fn one_part_alone() {
    let multipart = read(
        MIXED,
        "--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--b--",
    );
    let alone = read("application/sdp", "v=0");
    assert_eq!(alone, multipart);

    let headers = BodyHeaders {
        content_type: "application/resource-lists+xml",
        disposition: Some("recipient-list"),
        id: Some("<list1@home.example>"),
        encoding: None,
    };
    let parts = parts(&headers, &Bytes::from_static(b"<r/>")).unwrap();
    let list = "application/resource-lists+xml";
    assert!(find(&parts, list, Some("recipient-list")).is_some());
    assert!(find_by_id(&parts, "list1@home.example").is_some());
}

#[test]
fn multipart_types() {
    let body = "--b\r\n\r\nx\r\n--b--";
    let table = [
        ("multipart/mixed; boundary=\"b\"", None),
        ("Multipart/Related;type=a/b;boundary=b", None),
        ("multipart/unheard-of;boundary=b", None),
        ("multipart/mixed", Some(MultipartError::NoBoundary)),
        (
            "multipart/mixed;boundary=",
            Some(MultipartError::BadBoundary),
        ),
        (
            "multipart/mixed;boundary=\"b",
            Some(MultipartError::Malformed("Content-Type")),
        ),
        ("nonsense", Some(MultipartError::Malformed("Content-Type"))),
    ];
    for (content_type, want) in table {
        assert_eq!(read(content_type, body).err(), want, "{content_type}");
    }
}

/// Wraps a body into `depth` multiparts.
fn nested(depth: usize) -> (String, String) {
    let mut content_type = "application/sdp".to_owned();
    let mut body = "v=0".to_owned();
    for level in 0..depth {
        // Boundaries of which one begins like the other have to be told apart.
        let boundary = format!("b{}", "b".repeat(level));
        body =
            format!("--{boundary}\r\nContent-Type: {content_type}\r\n\r\n{body}\r\n--{boundary}--");
        content_type = format!("multipart/mixed;boundary={boundary}");
    }
    (content_type, body)
}

#[test]
fn found_wherever_it_stands() {
    for depth in 0..=MAX_DEPTH {
        let (content_type, body) = nested(depth);
        let parts = read(&content_type, &body).unwrap();
        let found = find(&parts, "application/sdp", None).unwrap();
        assert_eq!(found.body, "v=0", "{depth}");
    }
    let (content_type, body) = nested(MAX_DEPTH + 1);
    assert_eq!(read(&content_type, &body), Err(MultipartError::TooDeep));
}

#[test]
fn found_by_what_it_is_for() {
    let list = |disposition: &str, body: &str| {
        format!("--b\r\nContent-Type: a/l\r\nContent-Disposition: {disposition}\r\n\r\n{body}\r\n")
    };
    let body = list("recipient-list-history", "1") + &list("Recipient-List", "2");
    let body = body + &list("session", "3") + "--b--";
    let parts = read(MIXED, &body).unwrap();
    let table = [
        (Some("recipient-list"), Some("2")),
        (Some("recipient-list-history"), Some("1")),
        (None, Some("3")),
        (Some("icon"), None),
    ];
    for (disposition, want) in table {
        let found = find(&parts, "a/l", disposition);
        let found = found.map(|part| str::from_utf8(&part.body).unwrap());
        assert_eq!(found, want, "{disposition:?}");
    }
    assert!(find(&parts, "a/b", None).is_none());
}

#[test]
fn limits() {
    let many = |count| "--b\r\n\r\nx\r\n".repeat(count) + "--b--";
    assert_eq!(read(MIXED, &many(MAX_PARTS)).unwrap().len(), MAX_PARTS);
    assert_eq!(
        read(MIXED, &many(MAX_PARTS + 1)),
        Err(MultipartError::TooMany)
    );

    // Sixteen in all, not sixteen in each.
    let inner = "--i\r\n\r\nx\r\n".repeat(10) + "--i--";
    let part = format!("--b\r\nContent-Type: multipart/mixed;boundary=i\r\n\r\n{inner}\r\n");
    assert!(read(MIXED, &(part.clone() + "--b--")).is_ok());
    assert_eq!(
        read(MIXED, &(part.repeat(2) + "--b--")),
        Err(MultipartError::TooMany)
    );

    let long = format!("--b\r\nX: {}\r\n\r\n--b--", "x".repeat(MAX_PART_HEADERS));
    assert_eq!(read(MIXED, &long), Err(MultipartError::TooLong));
}

#[test]
fn a_megabyte_of_delimiters_that_are_none() {
    let body = "--b-".repeat(262_144);
    assert_eq!(read(MIXED, &body), Err(MultipartError::NoDelimiter));
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        bodies in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..60), 1..8),
        id in proptest::option::of("[a-z0-9@.]{1,20}"),
    ) {
        let boundary = "aBcDeFgHiJkLmNoP";
        let new: Vec<NewPart<'_>> = bodies
            .iter()
            .map(|body| NewPart {
                content_type: "application/octet-stream",
                disposition: Some("attachment;x=\"y\""),
                id: id.as_deref(),
                body,
            })
            .collect();
        let (content_type, written) = write(&new, boundary).unwrap();
        let headers = BodyHeaders { content_type: &content_type, ..BodyHeaders::default() };
        let read = parts(&headers, &written).unwrap();
        prop_assert_eq!(read.len(), bodies.len());
        for (part, body) in read.iter().zip(&bodies) {
            prop_assert_eq!(&part.body[..], &body[..]);
            prop_assert_eq!(&part.id, &id);
        }
    }

    #[test]
    fn anything_at_all(content_type in any::<String>(), body in any::<Vec<u8>>()) {
        let body = Bytes::from(body);
        let headers = BodyHeaders {
            content_type: &content_type,
            disposition: Some(&content_type),
            id: Some(&content_type),
            encoding: None,
        };
        let _ = parts(&headers, &body);
    }

    #[test]
    fn any_pieces_at_all(pieces in proptest::collection::vec(
        prop_oneof![
            Just("--b"), Just("--b--"), Just("\r\n"), Just("\n"), Just("\r"), Just(" "),
            Just("Content-Type: multipart/mixed;boundary=b"), Just("Content-Type:"), Just("x"),
        ],
        0..40,
    )) {
        let _ = read(MIXED, &pieces.concat());
    }
}
