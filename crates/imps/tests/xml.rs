//! XML: what is read besides what is written, and what is refused.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use imps::csp::{ContentData, VersionList};
use imps::{Document, Encoding, FlawKind, MAX_DEPTH, Message, Mode, Primitive, Session, Version};

const NS: &str = "http://www.openmobilealliance.org/DTD/IMPS-CSP1.3";

/// A message of 1.3 with these transactions.
fn document(transactions: &str) -> String {
    format!(
        "<WV-CSP-Message xmlns='{NS}'><Session><SessionDescriptor><SessionType>Inband</SessionType>\
         <SessionID>S1</SessionID></SessionDescriptor>{transactions}</Session></WV-CSP-Message>"
    )
}

fn transaction(id: &str, primitive: &str) -> String {
    format!(
        "<Transaction><TransactionDescriptor><TransactionMode>Request</TransactionMode>\
         <TransactionID>{id}</TransactionID></TransactionDescriptor><TransactionContent>{primitive}\
         </TransactionContent></Transaction>"
    )
}

const STATUS: &str = "<Status><Result><Code>200</Code></Result></Status>";

fn decode(text: &str) -> Message {
    Message::decode(text.as_bytes(), Encoding::Xml).expect(text)
}

fn new_message(content: &str) -> String {
    document(&transaction(
        "t1",
        &format!("<NewMessage><MessageInfo/><ContentData>{content}</ContentData></NewMessage>"),
    ))
}

#[test]
fn documents_that_are_read() {
    let plain = document(&transaction("t1", STATUS));
    let prefixed = plain
        .replace("xmlns=", "xmlns:w=")
        .replace("</", "<|w:")
        .replace("<W", "<w:W")
        .replace("<S", "<w:S")
        .replace("<T", "<w:T")
        .replace("<R", "<w:R")
        .replace("<C", "<w:C")
        .replace("<|w:", "</w:");
    let rows = [
        format!("\u{feff}<?xml version='1.0' encoding='utf-8'?>\r\n{plain}\r\n"),
        format!("<?xml version=\"1.0\"?>\n<!-- phone --> {plain}<!-- end -->"),
        format!(
            "<!DOCTYPE WV-CSP-Message PUBLIC \"-//OMA//DTD IMPS-CSP 1.3//EN\" \
             \"http://www.openmobilealliance.org/DTD/IMPS-CSP.DTD\">{plain}"
        ),
        format!("<!DOCTYPE WV-CSP-Message SYSTEM 'x.dtd'>\n{plain}"),
        plain.replace('>', " >").replace("<?xml >", ""),
        plain.replace("><", ">\n\t<"),
        plain.replace("200", "\n200\n"),
        plain.replace("200", "<!-- two hundred -->2<![CDATA[0]]>&#48;"),
        plain.replace(
            "<Result>",
            "<New a='1'><Code>9</Code>x</New><Result>y<Newer/>",
        ),
        plain
            .replace("<Status>", "<status>")
            .replace("</Status>", "</status>"),
        plain
            .replace("Inband", "INBAND")
            .replace("Request", "request"),
        prefixed,
        plain.replace(NS, &format!(" {} ", NS.to_uppercase())),
    ];
    for text in rows {
        assert_eq!(decode(&text), decode(&plain), "{text}");
    }
    let message = decode(&plain);
    assert_eq!(message.version, Version::V1_3);
    assert_eq!(message.session, Session::Inband("S1".to_owned()));
    let transaction = &message.transactions[0];
    assert_eq!(
        (transaction.mode, transaction.id.as_str()),
        (Mode::Request, "t1")
    );
}

#[test]
fn text_is_kept() {
    let rows = [
        ("  two\nlines ", "  two\nlines "),
        ("&lt;b&gt; &amp; &quot;&apos;", "<b> & \"'"),
        ("<![CDATA[<b>]]> &#x1F600;&#13;", "<b> \u{1F600}\r"),
        ("a\r\nb", "a\nb"),
        ("", ""),
    ];
    for (written, want) in rows {
        let message = decode(&new_message(written));
        let Primitive::NewMessage(new) = &message.transactions[0].primitive else {
            panic!("{written}");
        };
        assert_eq!(new.content, Some(ContentData::from(want)), "{written}");
        // And what is written of it is read the same.
        let again = Message::decode(&message.encode(Encoding::Xml), Encoding::Xml);
        assert_eq!(again.as_ref(), Ok(&message), "{written}");
    }
}

#[test]
fn what_xml_cannot_carry_is_replaced() {
    let mut message = decode(&new_message("x"));
    let Primitive::NewMessage(new) = &mut message.transactions[0].primitive else {
        panic!("a message");
    };
    new.content = Some("a\0b\u{1}\u{fffe}".into());
    let written = message.encode(Encoding::Xml);
    let read = Message::decode(&written, Encoding::Xml).unwrap();
    let Primitive::NewMessage(new) = &read.transactions[0].primitive else {
        panic!("a message");
    };
    assert_eq!(new.content, Some("a\u{fffd}b\u{fffd}\u{fffd}".into()));
}

#[test]
fn documents_that_are_refused() {
    let plain = document(&transaction("t1", STATUS));
    let subset = "<!DOCTYPE a [<!ENTITY x 'y'>]>";
    let deep = "<x>".repeat(MAX_DEPTH);
    let utf16: Vec<u8> = plain.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let rows: Vec<(&str, Vec<u8>, Option<FlawKind>)> = vec![
        (
            "internal subset",
            format!("{subset}{plain}").into(),
            Some(FlawKind::InternalSubset),
        ),
        (
            "UTF-16",
            [&b"\xFF\xFE"[..], &utf16].concat(),
            Some(FlawKind::NotUtf8),
        ),
        ("UTF-16 without a mark", utf16, None),
        (
            "ISO-8859-1",
            b"<WV-CSP-Message>\xE9".to_vec(),
            Some(FlawKind::NotUtf8),
        ),
        (
            "control character",
            plain.replace("S1", "S\u{1}").into(),
            None,
        ),
        ("entity", plain.replace("200", "&code;").into(), None),
        ("NUL", plain.replace("200", "&#0;").into(), None),
        ("surrogate", plain.replace("200", "&#xD800;").into(), None),
        (
            "late document type",
            plain.replace("<Status>", "<!DOCTYPE a><Status>").into(),
            None,
        ),
        ("mismatch", plain.replace("</Code>", "</Cod>").into(), None),
        ("second root", format!("{plain}{plain}").into(), None),
        ("text behind", format!("{plain}x").into(), None),
        ("text before", format!("x{plain}").into(), None),
        ("deep", document(&deep).into(), None),
        (
            "other root",
            plain.replace("WV-CSP-Message", "html").into(),
            Some(FlawKind::NotCsp),
        ),
        (
            "bad session type",
            plain.replace("Inband", "Sideband").into(),
            None,
        ),
        ("nothing", vec![], None),
        ("only a mark", "\u{feff}".into(), None),
    ];
    for (what, bytes, kind) in rows {
        let error = Message::decode(&bytes, Encoding::Xml).expect_err(what);
        assert_eq!(error.status().number(), 400, "{what}: {error}");
        if let Some(kind) = kind {
            assert_eq!(error.flaw.kind, kind, "{what}");
        }
    }
    for end in 1..plain.len() {
        let error = Message::decode(&plain.as_bytes()[..end], Encoding::Xml).unwrap_err();
        assert_eq!(error.status().number(), 400, "{end}: {error}");
    }
}

#[test]
fn versions_follow_the_namespace() {
    let plain = document(&transaction("t1", STATUS));
    for version in Version::ALL {
        let text = plain.replace(NS, version.session_namespace());
        assert_eq!(decode(&text).version, version);
    }
    for namespace in ["http://www.wireless-village.org/CSP1.0", "", "urn:x"] {
        let text = plain.replace(NS, namespace);
        let error = Message::decode(text.as_bytes(), Encoding::Xml).unwrap_err();
        assert_eq!(error.status().number(), 505, "{namespace}");
        assert_eq!(error.version, None);
        assert_eq!(error.session.as_deref(), Some("S1"), "{namespace}");
    }
}

#[test]
fn one_bad_transaction_among_good_ones() {
    let text = document(
        &[
            transaction("t1", STATUS),
            transaction(
                "t2",
                "<Frobnicate-Request><UserID>x</UserID></Frobnicate-Request>",
            ),
            transaction(
                "t3",
                "<JoinGroup-Request><JoinedRequest>T</JoinedRequest></JoinGroup-Request>",
            ),
            transaction(
                "t4",
                "<Status><Result><Code>many</Code><New><Deep/></New></Result></Status>",
            ),
            transaction("t5", ""),
            transaction("t6", "<UserID>wv:ann</UserID>"),
            "<Transaction/>".to_owned(),
            transaction("t7", STATUS).replace("Request</Tr", "Demand</Tr"),
            transaction("t8", STATUS).replace("Request</Tr", "Response</Tr"),
        ]
        .concat(),
    );
    let message = decode(&text);
    let read: Vec<_> = message
        .transactions
        .iter()
        .map(|t| (t.id.as_str(), t.mode))
        .collect();
    assert_eq!(read, [("t1", Mode::Request), ("t8", Mode::Response)]);
    let refused: Vec<_> = message
        .refused
        .iter()
        .map(|refused| (refused.id.as_str(), refused.flaw.status().number()))
        .collect();
    // The id of t7 stands behind its mode, and is not reached.
    let want = [
        ("t2", 501),
        ("t3", 400),
        ("t4", 400),
        ("t5", 400),
        ("t6", 501),
        ("", 400),
        ("", 400),
    ];
    assert_eq!(refused, want);
    assert_eq!(
        message.refused[1].flaw.kind.to_string(),
        "JoinGroup-Request lacks GroupID"
    );
}

#[test]
fn sessions() {
    let rows = [
        (
            "<SessionType>Inband</SessionType><SessionID>S</SessionID>",
            Session::Inband("S".to_owned()),
        ),
        ("<SessionID>S</SessionID>", Session::Inband("S".to_owned())),
        (
            "<SessionType>Inband</SessionType>",
            Session::Inband(String::new()),
        ),
        ("<SessionType>Outband</SessionType>", Session::Outband),
        (
            "<SessionType>Outband</SessionType><SessionID>S</SessionID>",
            Session::Outband,
        ),
        ("", Session::Outband),
    ];
    for (descriptor, want) in rows {
        let text = format!(
            "<WV-CSP-Message xmlns='{NS}'><Session><SessionDescriptor>{descriptor}\
             </SessionDescriptor></Session></WV-CSP-Message>"
        );
        assert_eq!(decode(&text).session, want, "{descriptor}");
    }
}

#[test]
fn polls_of_all_versions() {
    for version in Version::ALL {
        let mut message = decode(&document(&transaction("t1", STATUS)));
        message.version = version;
        message.poll = true;
        message.cir = true;
        for encoding in [Encoding::Xml, Encoding::Wbxml] {
            let read = Message::decode(&message.encode(encoding), encoding).unwrap();
            assert!(read.poll, "{version}");
            assert_eq!(read.cir, version > Version::V1_1, "{version}");
        }
        let text = String::from_utf8(message.encode(Encoding::Xml).to_vec()).unwrap();
        let in_transaction = text.contains("<Poll>T</Poll></TransactionDescriptor>");
        assert_eq!(in_transaction, version == Version::V1_1, "{text}");
    }
}

#[test]
fn version_discovery() {
    let list = format!("<VersionList><SessionNSName>{NS}</SessionNSName></VersionList>");
    for name in ["VersionDiscovery", "NSDiscovery"] {
        let text = format!("<WV-CSP-{name}-Request>{list}</WV-CSP-{name}-Request>");
        let document = Document::decode(text.as_bytes(), Encoding::Xml).expect(name);
        let Document::DiscoveryRequest(request) = &document else {
            panic!("{name}");
        };
        assert_eq!(request.versions.known(), [Version::V1_3]);
        for encoding in [Encoding::Xml, Encoding::Wbxml] {
            let again = Document::decode(&document.encode(encoding), encoding);
            assert_eq!(again.as_ref(), Ok(&document), "{name} {encoding:?}");
        }
        assert!(Message::decode(text.as_bytes(), Encoding::Xml).is_err());
    }
    let versions = VersionList::of(&Version::ALL);
    assert_eq!(versions.known(), Version::ALL);
    let response = imps::csp::VersionDiscoveryResponse {
        versions,
        ..Default::default()
    };
    let document = Document::DiscoveryResponse(response);
    for encoding in [Encoding::Xml, Encoding::Wbxml] {
        let again = Document::decode(&document.encode(encoding), encoding);
        assert_eq!(again.as_ref(), Ok(&document), "{encoding:?}");
    }
}

#[test]
fn media_types() {
    let rows = [
        ("application/vnd.wv.csp.wbxml", Some(Encoding::Wbxml)),
        ("application/vnd.wv.csp+wbxml", Some(Encoding::Wbxml)),
        (
            "Application/vnd.WV.csp.xml; charset=utf-8",
            Some(Encoding::Xml),
        ),
        ("application/vnd.wv.csp+xml", Some(Encoding::Xml)),
        ("text/xml", Some(Encoding::Xml)),
        ("text/plain", None),
        ("", None),
    ];
    for (name, want) in rows {
        assert_eq!(Encoding::of_media_type(name), want, "{name}");
    }
    let message = decode(&document(&transaction("t1", STATUS)));
    for encoding in [Encoding::Xml, Encoding::Wbxml] {
        assert_eq!(Encoding::guess(&message.encode(encoding)), encoding);
    }
}
