//! Who is hidden stays hidden.

use super::*;

/// All octets that the others get, in lower case.
fn all_octets(parlour: &mut Parlour) -> String {
    [ALICE, BEN, CLEO]
        .map(|leg| String::from_utf8_lossy(&parlour.wire(leg)).to_lowercase())
        .concat()
}

/// What a hidden sender may write into From.
const FROMS: &[&str] = &[
    "<sip:dave@home.example>",
    "\"Dave\" <sip:dave@home.example>",
    "Dave <sip:dave@HOME.example;gr=dave-phone>",
    "sip:dave@home.example",
    "\"Dave\" <sip:anonymous@anonymous.invalid>",
    "Dave <sip:anonymous1@anonymous.invalid>",
];

#[test]
fn im_7_2_2_2_ok_s3c_the_hidden_leak_nowhere() {
    for from in FROMS {
        for to in [ROOM, verify::ANONYMOUS, "sip:ben@home.example"] {
            for (chunk, step) in [(1000, 1000), (40, 1000), (7, 3), (200, 1)] {
                let mut parlour = Parlour::new();
                let message = cpim(from, &format!("<{to}>"), "Hello");
                let mut frames = Vec::new();
                let count = message.len().div_ceil(chunk);
                for (n, body) in message.as_bytes().chunks(chunk).enumerate() {
                    let headers = format!("Byte-Range: {}-*/*\r\n{CPIM}", n * chunk + 1);
                    let flag = if n + 1 == count { '$' } else { '+' };
                    frames.extend(send("dave", &headers, body, flag));
                }
                assert!(parlour.say_in_steps(DAVE, &frames, step).is_empty());
                assert!(
                    parlour.codes(DAVE).iter().all(|code| *code == 200),
                    "{from}"
                );
                let octets = all_octets(&mut parlour);
                assert!(!octets.contains("dave"), "{from} {to} {chunk}: {octets}");
                assert!(octets.contains("from: <sip:anonymous1@anonymous.invalid>\r\n"));
            }
        }
    }
}

/// A head that is sent a second time would show who wrote it.
#[test]
fn im_7_2_2_2_ok_s3c_octets_of_the_head_are_not_passed_on_again() {
    let message = to_all("sip:dave@home.example", "Hello");
    for start in 0..message.len() {
        let mut parlour = Parlour::new();
        let mut frames = send("dave", CPIM, message.as_bytes(), '+');
        let headers = format!("Byte-Range: {}-*/*\r\n{CPIM}", start + 1);
        frames.extend(send("dave", &headers, &message.as_bytes()[start..], '$'));
        assert!(parlour.say(DAVE, &frames).is_empty());
        assert_eq!(parlour.codes(DAVE), [200, 200]);
        let frames = parlour.heard(BEN);
        assert_eq!(frames.len(), 2);
        // Both copies say the same about the same place.
        let at = frames[1].range.unwrap().offset() as usize;
        assert_eq!(frames[0].body[at..], frames[1].body, "{start}");
        assert!(!all_octets(&mut parlour).contains("dave"), "{start}");
    }
}

#[test]
fn the_hidden_may_not_take_another_name() {
    for from in [
        "<sip:anonymous2@anonymous.invalid>",
        "<sip:ben@home.example>",
    ] {
        let mut parlour = Parlour::new();
        let message = cpim(from, &format!("<{ROOM}>"), "Hello");
        assert!(parlour.say(DAVE, &whole("m1xx", &message)).is_empty());
        assert_eq!(parlour.codes(DAVE), [403], "{from}");
    }
}

/// RCS clients write no From of their own: we do.
#[test]
fn an_open_from_is_filled_in() {
    for from in [
        "From: <sip:anonymous@anonymous.invalid>\r\n",
        "From: Al <SIP:anonymous@Anonymous.invalid>\r\n",
        "",
    ] {
        let mut parlour = Parlour::new();
        let rest = "\r\nContent-Type: text/plain\r\n\r\nHello";
        let to = format!("To: <{}>\r\n", verify::ANONYMOUS);
        assert!(
            parlour
                .say(ALICE, &whole("m1xx", &format!("{from}{to}{rest}")))
                .is_empty()
        );
        assert_eq!(parlour.codes(ALICE), [200], "{from}");
        let [heard] = &parlour.heard(BEN)[..] else {
            panic!("one frame");
        };
        let want = format!("From: <sip:alice@home.example>\r\n{to}{rest}");
        assert_eq!(String::from_utf8_lossy(&heard.body), want);
        assert_eq!(heard.range, Some(ByteRange::whole(want.len() as u64)));
    }
}
