//! Whatever comes in: an answer, in bounded time, and never a panic.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use imps::csp::{ExtendConversationRequest, ExtendConversationUser, WelcomeNote};
use imps::id::Address;
use imps::{DateTime, Document, Encoding, Message, Session, Transaction, Version};
use proptest::prelude::*;

/// A message that has much of what a message can have.
fn message() -> Message {
    let request = ExtendConversationRequest {
        id: Some("ec-1".to_owned()),
        users: vec!["wv:carol@im.com".to_owned(), "wv:dave@im.com".to_owned()],
        peer: ExtendConversationUser {
            user: "wv:bob@im.com".to_owned(),
            client: None,
        },
        subscribe: true,
        welcome_note: Some(WelcomeNote::text("hello <all> & sundry")),
        screen_name: None,
    };
    Message::new(Version::V1_3, Session::Inband("S1".to_owned()))
        .with(Transaction::request("t1", request))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        for encoding in [Encoding::Xml, Encoding::Wbxml] {
            let _ = Document::decode(&bytes, encoding);
        }
        let wbxml = [b"\x03\x12\x6A\x00\xC9\x0B\x031.3\x00\x01\x6D\x72\x73", &bytes[..]].concat();
        let _ = Document::decode(&wbxml, Encoding::Wbxml);
    }

    #[test]
    fn any_text(text in "[<>/&;!\\[\\]A-Za-z \"'=#x0-9-]{0,200}") {
        let _ = Document::decode(text.as_bytes(), Encoding::Xml);
        let _ = Address::parse(&text);
        let _ = DateTime::parse(&text);
    }

    /// A message with some octets exchanged is a message or none, and what is read of it can be
    /// written again.
    #[test]
    fn damaged_messages(damage in proptest::collection::vec((any::<usize>(), any::<u8>()), 1..6)) {
        for encoding in [Encoding::Xml, Encoding::Wbxml] {
            let mut bytes = message().encode(encoding).to_vec();
            let length = bytes.len();
            for (at, byte) in &damage {
                bytes[at % length] = *byte;
            }
            if let Ok(document) = Document::decode(&bytes, encoding) {
                for encoding in [Encoding::Xml, Encoding::Wbxml] {
                    let again = Document::decode(&document.encode(encoding), encoding);
                    prop_assert!(again.is_ok(), "{:?}", again);
                }
            }
        }
    }

    #[test]
    fn any_address(text in "\\PC{0,40}") {
        if let Ok(address) = Address::parse(&text) {
            let again = Address::parse(&address.to_string());
            prop_assert_eq!(again.as_ref(), Ok(&address), "{}", text);
        }
    }
}
