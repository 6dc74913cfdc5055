//! Private messages (RFC 7701 section 6.2).

use room::Claim;

use super::*;

#[test]
fn whispers_reach_one_person_only() {
    // (to, who hears it)
    for (to, hears) in [
        ("sip:ben@home.example", BEN),
        ("sip:Ben@HOME.example", LegId(0)),
        ("sip:ben@HOME.example;gr=urn:x", BEN),
        ("sip:anonymous1@anonymous.invalid", DAVE),
    ] {
        let mut parlour = Parlour::new();
        let message = cpim("<sip:alice@home.example>", &format!("<{to}>"), "psst");
        assert!(parlour.say(ALICE, &whole("m1xx", &message)).is_empty());
        for leg in [BEN, CLEO, DAVE] {
            let heard = parlour.heard(leg);
            assert_eq!(heard.len(), usize::from(leg == hears), "{to}");
            // To stays as it was: the recipient sees that it is private.
            assert!(heard.iter().all(|frame| frame.body == message.as_bytes()));
        }
    }
}

const TO_BEN: &str = "<sip:ben@home.example>";
/// Ben's other device.
const TABLET: LegId = LegId(5);

/// A parlour in which Ben has two devices.
fn two_devices() -> Parlour {
    let mut parlour = Parlour::new();
    let address = Address::new(PEOPLE[1].0);
    let event = Event::Entered {
        address,
        leg: TABLET,
        hidden: false,
        nick: None,
        claim: Claim::default(),
    };
    let now = parlour.now;
    parlour.room.handle(event, now, &mut Vec::new()).unwrap();
    parlour.sit(PEOPLE[1].0, TABLET);
    parlour
}

/// RFC 7701 6.2: it goes to every device of the recipient, but to none that would take it for a
/// message to all; if no other is left it is refused.
#[test]
fn rfc_7701_6_2_devices_that_take_private_messages() {
    // (Ben's phone and tablet take them, the answer, which of the two hear it)
    for (able, code, hear) in [
        ([true, true], 200, [1, 1]),
        ([true, false], 200, [1, 0]),
        ([false, true], 200, [0, 1]),
        ([false, false], 428, [0, 0]),
    ] {
        let mut parlour = two_devices();
        for (leg, able) in [BEN, TABLET].into_iter().zip(able) {
            parlour.change(leg, |voice| voice.whispers = able);
        }
        let message = cpim("<sip:alice@home.example>", TO_BEN, "psst");
        assert!(parlour.say(ALICE, &whole("m1xx", &message)).is_empty());
        assert_eq!(parlour.codes(ALICE), [code], "{able:?}");
        let heard = [BEN, TABLET].map(|leg| parlour.heard(leg).len());
        assert_eq!(heard, hear, "{able:?}");
        assert!(parlour.wire(CLEO).is_empty() && parlour.speech.mouths.is_empty());
        // RFC 7701 6.1: what is said to all goes there all the same.
        let message = to_all(PEOPLE[0].0, "Hello");
        assert!(parlour.say(ALICE, &whole("m2xx", &message)).is_empty());
        let heard = [BEN, TABLET].map(|leg| parlour.heard(leg).len());
        assert_eq!(heard, [1, 1], "{able:?}");
    }
}

/// To oneself there may be no other device.
#[test]
fn a_whisper_to_oneself_is_for_the_others_of_ones_devices() {
    for (able, code, hears) in [(true, 200, 1), (false, 428, 0)] {
        let mut parlour = two_devices();
        parlour.change(TABLET, |voice| voice.whispers = able);
        let message = cpim(TO_BEN, TO_BEN, "remember");
        assert!(parlour.say(BEN, &whole("m1xx", &message)).is_empty());
        assert_eq!(parlour.codes(BEN), [code]);
        assert_eq!(parlour.heard(TABLET).len(), hears);
        let message = cpim("<sip:cleo@home.example>", "<sip:cleo@home.example>", "hm");
        assert!(parlour.say(CLEO, &whole("m1xx", &message)).is_empty());
        assert_eq!(parlour.codes(CLEO), [200]);
    }
}

fn notification(content_type: &str) -> String {
    format!(
        "From: <sip:alice@home.example>\r\nTo: {TO_BEN}\r\n\r\n\
         Content-Type: {content_type}\r\n\r\n<imdn/>"
    )
}

/// RFC 5438: what became of a message is told to its sender, whatever their client declares.
#[test]
fn a_notification_is_no_private_message() {
    for (content_type, code) in [
        ("message/imdn+xml", 200),
        ("Message/IMDN+xml; charset=utf-8", 200),
        ("text/plain", 428),
        ("application/im-iscomposing+xml", 428),
        ("", 428),
    ] {
        for step in [usize::MAX, 1] {
            let mut parlour = Parlour::new();
            parlour.change(BEN, |voice| voice.whispers = false);
            let frame = whole("m1xx", &notification(content_type));
            assert!(parlour.say_in_steps(ALICE, &frame, step).is_empty());
            assert_eq!(parlour.codes(ALICE), [code], "{content_type} {step}");
            let heard: usize = parlour
                .heard(BEN)
                .iter()
                .map(|frame| frame.body.len())
                .sum();
            let want = notification(content_type).len() * usize::from(code == 200);
            assert_eq!(heard, want, "{content_type} {step}");
            assert!(parlour.speech.mouths.is_empty());
        }
    }
}

/// Where it does not matter what is wrapped, nobody waits for it.
#[test]
fn rfc_7701_6_1_it_goes_on_as_soon_as_it_is_known_to_whom() {
    let message = notification("text/plain");
    let (head, _) = message.split_at(message.find("Content-Type").unwrap());
    for (able, codes, hears) in [(true, &[200][..], 1), (false, &[200], 0)] {
        let mut parlour = Parlour::new();
        parlour.change(BEN, |voice| voice.whispers = able);
        let chunk = send("m1xx", CPIM, head.as_bytes(), '+');
        assert!(parlour.say(ALICE, &chunk).is_empty());
        assert_eq!(
            (parlour.codes(ALICE).as_slice(), parlour.heard(BEN).len()),
            (codes, hears)
        );
    }
}
