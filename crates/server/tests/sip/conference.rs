//! The main job: three plain phones hold an ad-hoc conference (7.2.1.2, 7.2.2.2, 7.2.2.10).

use crate::lab::ask::identity;
use crate::lab::{Ask, Chat, Guest, Lab, Phone};

fn hold_a_conference(lab: &Lab, open: impl Fn(&Lab, &str) -> Phone) {
    let [mut alice, mut bob, carol] = ["alice", "bob", "carol"].map(|user| {
        let mut phone = open(lab, user);
        phone.register();
        phone
    });
    let call_id = Ask::guests(&["bob", "carol"]).send(&mut alice);

    let to_bob = bob.invited();
    bob.rings(&to_bob);
    let ringing = loop {
        let response = alice.response(&call_id);
        if response.status() == 180 {
            break response;
        }
        assert_eq!(response.status(), 100);
    };
    bob.accept(&to_bob, "", &Chat::sdp("bob"));
    let mut bobs = Chat::connect(&to_bob.sdp(), "bob");
    let ok = alice.final_response(&call_id);
    assert_eq!(ok.status(), 200);
    let conference = identity(&ok);
    assert_eq!(conference, identity(&ringing));
    alice.ack(&ok, "");
    let mut chat = Chat::connect(&ok.body(), "host");
    let mut carol = Guest::joins(carol, "");

    // Messages go both ways, wrapped in CPIM.
    let status = chat.say_and_wait("sip:alice@localhost", &conference, "hello");
    assert_eq!(status, 200);
    let said = |who: &str, text: &str| {
        (
            format!("sip:{who}@localhost"),
            conference.clone(),
            text.to_owned(),
        )
    };
    assert_eq!(bobs.hear(), said("alice", "hello"));
    assert_eq!(carol.chat.hear(), said("alice", "hello"));
    bobs.say("sip:bob@localhost", &conference, "hi");
    assert_eq!(chat.hear(), said("bob", "hi"));
    assert_eq!(carol.chat.hear(), said("bob", "hi"));

    // Carol leaves, and the others go on.
    carol.leaves();
    assert_eq!(
        chat.say_and_wait("sip:alice@localhost", &conference, "without carol"),
        200
    );
    assert_eq!(bobs.hear(), said("alice", "without carol"));

    // Alice leaves, then bob: the conference is over and nothing is left of it.
    let bye = alice.inside("BYE", &ok, 100, "", "");
    alice.send(bye.as_bytes());
    assert_eq!(alice.final_response(&call_id).status(), 200);
    assert_eq!(bob.asks(&to_bob, "BYE", "", "").status(), 200);
    lab.settled();
}

#[test]
fn three_phones_hold_a_conference_over_udp() {
    let lab = Lab::start();
    hold_a_conference(&lab, Phone::udp);
}

#[test]
fn three_phones_hold_a_conference_over_tcp() {
    let lab = Lab::start();
    hold_a_conference(&lab, Phone::tcp);
}
