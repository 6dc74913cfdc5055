//! A handset logs in, says something and hears something.

use crate::lab::{Handset, Lab};

#[test]
fn two_handsets_talk() {
    let lab = Lab::start();
    let mut alice = Handset::on(&lab, "alice");
    let mut bob = Handset::on(&lab, "bob");
    let sent = alice.send("bob", "hello");
    assert_eq!(sent.outcome.code.number(), 200);
    let heard = bob.hear_message();
    assert_eq!(heard.content.unwrap().as_text(), Some("hello"));
    assert_eq!(heard.info.id, sent.message);
}
