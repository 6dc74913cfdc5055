//! Messages kept outside this repository: the flows of ExtendConversation, byte for byte.
//!
//! The tests run when `TERTULIA_VECTORS_DIR` names the folder that holds them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use std::path::PathBuf;

use imps::{Encoding, Message};

/// The messages of the flow, each in both encodings.
const FLOW: &[&str] = &[
    "01_C2_ExtendConversation-Request",
    "02_S_Status_200",
    "02b_S_Status_546",
    "03_S_InviteUser-Request_EC_to_C1",
    "04_C1_Status_200",
    "05_C1_JoinGroup-Request",
    "06_S_JoinGroup-Response",
    "07_S_ExtendConversation-Response_200",
    "07b_S_ExtendConversation-Response_partial",
    "07c_S_ExtendConversation-Response_timeout",
    "08_C2_Status_200",
    "09_S_InviteUser-Request_EC_to_C3",
    "10_S_GroupChangeNotice",
    "11_C2_SendMessage-Request_to_group",
    "12_C_Service-Request_EXCON",
];

fn vector(name: &str) -> Option<Vec<u8>> {
    let Some(folder) = std::env::var_os("TERTULIA_VECTORS_DIR") else {
        println!("skipped: no vectors");
        return None;
    };
    let path = PathBuf::from(folder).join("extend-conversation").join(name);
    Some(std::fs::read(path).expect(name))
}

#[test]
fn the_flow_is_read_and_written_byte_for_byte() {
    for name in FLOW {
        let (Some(xml), Some(wbxml)) = (
            vector(&format!("{name}.xml")),
            vector(&format!("{name}.wbxml")),
        ) else {
            return;
        };
        let message = Message::decode(&xml, Encoding::Xml).expect(name);
        assert_eq!(
            Message::decode(&wbxml, Encoding::Wbxml).as_ref(),
            Ok(&message),
            "{name}"
        );
        assert_eq!(message.refused, [], "{name}");
        assert_eq!(message.transactions.len(), 1, "{name}");
        let written = message.encode(Encoding::Xml);
        assert_eq!(
            String::from_utf8_lossy(&written),
            String::from_utf8_lossy(&xml),
            "{name}"
        );
        assert_eq!(message.encode(Encoding::Wbxml), wbxml, "{name}");
    }
}
