//! REFER to a conference (IM 7.1.1.7 as the server sees it; RFC 3515, RFC 4488, RFC 5368, RFC 4579
//! sections 5.5 and 5.11).

use sip::{Name, Request, Response};

use crate::lab::ask::{entries, list, multipart};
use crate::lab::{Ask, Chat, Conference, Guest, Lab, Phone};

/// The header lines of a REFER out of any dialog.
fn headers(phone: &Phone, refer_to: &str, extra: &str) -> String {
    format!(
        "Contact: {}\r\nRefer-To: {refer_to}\r\n{extra}",
        phone.contact()
    )
}

/// A REFER of the inviter of a conference.
fn refer(conference: &mut Conference, refer_to: &str, extra: &str) -> Response {
    let headers = headers(&conference.host, refer_to, extra);
    let identity = conference.identity.clone();
    conference.host.request("REFER", &identity, &headers, "")
}

/// The list of a REFER to several, and the lines that say so.
fn several(phone: &Phone, users: &[&str], extra: &str) -> (String, String) {
    let body = list(&entries(users));
    let extra = format!(
        "Require: multiple-refer, norefersub\r\nContent-ID: <list@h>\r\n\
         Content-Disposition: recipient-list\r\n\
         Content-Type: application/resource-lists+xml\r\n{extra}"
    );
    (headers(phone, "<cid:list@h>", &extra), body)
}

fn warning(response: &Response) -> String {
    let warnings: Vec<_> = response.raw_all(Name::Warning).collect();
    warnings.join(", ")
}

/// The next NOTIFY about a REFER: its state and the status line in it.
fn told(phone: &mut Phone) -> (Request, String, String) {
    let (notify, body) = phone.notified();
    let state = notify.raw(Name::SubscriptionState).unwrap().to_owned();
    assert!(notify.raw(Name::Event).unwrap().starts_with("refer"));
    let content_type = notify.raw(Name::ContentType).unwrap();
    assert!(
        content_type.starts_with("message/sipfrag"),
        "{content_type}"
    );
    (notify, state, body.lines().next().unwrap().to_owned())
}

const NO_SUB: &str = "Refer-Sub: false\r\nSupported: norefersub\r\n";

/// RFC 4488 section 4: nothing is told when nothing is wanted, and whoever is named is called.
#[test]
fn one_more_is_called() {
    let lab = Lab::start();
    let mut conference = lab.conference(&["bob"]);
    let carol = lab.phone("carol");
    let accepted = refer(&mut conference, "<sip:carol@localhost>", NO_SUB);
    assert_eq!(accepted.status(), 202);
    assert_eq!(accepted.raw(Name::ReferSub), Some("false"));
    assert!(
        accepted
            .raw(Name::Contact)
            .unwrap()
            .contains(&conference.identity)
    );
    let carol = Guest::joins(carol, "");
    let by = carol.invitation.request.raw(Name::ReferredBy).unwrap();
    assert!(by.contains("sip:alice@localhost"), "{by}");
    conference.guests.push(carol);
    conference.all_hear("now we are three");
    conference.host.heard_only(|_| false);
}

/// Whoever is in may refer, and is named as the one who did.
#[test]
fn a_guest_refers_and_says_so() {
    let lab = Lab::start();
    let mut conference = lab.conference(&["bob"]);
    let mut carol = lab.phone("carol");
    let bob = &mut conference.guests[0].phone;
    let headers = headers(bob, "<sip:carol@localhost>", NO_SUB);
    let accepted = bob.request("REFER", &conference.identity, &headers, "");
    assert_eq!(accepted.status(), 202);
    let invitation = carol.invited();
    let by = invitation.request.raw(Name::ReferredBy).unwrap();
    assert!(by.contains("sip:bob@localhost"), "{by}");
}

/// RFC 5368: several by one REFER. The lists that Refer-Sub true comes with are answered false.
#[test]
fn several_are_called_at_once() {
    for extra in ["Refer-Sub: false\r\n", "Refer-Sub: true\r\n", ""] {
        let lab = Lab::start();
        let mut conference = lab.conference(&["bob"]);
        let [carol, dave] = ["carol", "dave"].map(|user| lab.phone(user));
        let (headers, body) = several(&conference.host, &["carol", "dave", "bob"], extra);
        let identity = conference.identity.clone();
        let accepted = conference.host.request("REFER", &identity, &headers, &body);
        assert_eq!(accepted.status(), 202, "{extra} {}", accepted.reason());
        assert_eq!(accepted.raw(Name::ReferSub), Some("false"), "{extra}");
        conference
            .guests
            .extend([carol, dave].map(|phone| Guest::joins(phone, "")));
        conference.all_hear("now we are four");
        conference.host.heard_only(|_| false);
    }
}

/// The list as one part of several.
#[test]
fn the_list_is_found_by_its_id() {
    let lab = Lab::start();
    let mut conference = lab.conference(&["bob"]);
    let mut carol = lab.phone("carol");
    let lists = [list(&entries(&["dave"])), list(&entries(&["carol"]))];
    let part = |id: &str| format!("Content-ID: <{id}>\r\nContent-Disposition: recipient-list\r\n");
    let kind = "application/resource-lists+xml";
    let body = multipart(&[
        (kind, &part("other@h"), &lists[0]),
        (kind, &part("this@h"), &lists[1]),
    ]);
    let extra = "Require: multiple-refer, norefersub\r\nRefer-Sub: false\r\n\
                 Content-Type: multipart/mixed;boundary=b1\r\n";
    let headers = headers(&conference.host, "<cid:this%40h>", extra);
    let identity = conference.identity.clone();
    let accepted = conference.host.request("REFER", &identity, &headers, &body);
    assert_eq!(accepted.status(), 202, "{}", accepted.reason());
    carol.invited();
}

/// RFC 3515 section 2.4.4, 2.4.5: told at once, and told what came of it.
#[test]
fn whoever_wants_to_know_is_told() {
    let lab = Lab::start();
    let mut conference = lab.conference(&["bob"]);
    let carol = lab.phone("carol");
    let accepted = refer(&mut conference, "<sip:carol@localhost>", "");
    assert_eq!(accepted.status(), 202);
    assert_eq!(accepted.raw(Name::ReferSub), None);
    let (first, state, line) = told(&mut conference.host);
    assert_eq!(first.raw(Name::CallId), accepted.raw(Name::CallId));
    assert!(state.starts_with("active;expires="), "{state}");
    assert_eq!(line, "SIP/2.0 100 Trying");
    conference.guests.push(Guest::joins(carol, ""));
    let (_, state, line) = told(&mut conference.host);
    assert_eq!(state, "terminated;reason=noresource");
    assert_eq!(line, "SIP/2.0 200 OK");
    conference.all_hear("here she is");
    // Nothing is left of the REFER.
    conference.host_leaves();
    for mut guest in conference.guests {
        guest.leaves();
    }
    lab.settled();
}

/// Inside the dialog of the session, in which the NOTIFYs then come.
#[test]
fn a_refer_inside_the_session() {
    let lab = Lab::start();
    let mut conference = lab.conference(&["bob"]);
    let mut carol = lab.phone("carol");
    let extra = "Refer-To: <sip:carol@localhost>\r\n";
    let accepted = conference.host_asks("REFER", extra, "");
    assert_eq!(accepted.status(), 202, "{}", accepted.reason());
    let (first, _, line) = told(&mut conference.host);
    assert_eq!(first.raw(Name::CallId), conference.ok.raw(Name::CallId));
    assert!(first.raw(Name::Event).unwrap().starts_with("refer;id="));
    assert_eq!(line, "SIP/2.0 100 Trying");
    let invitation = carol.invited();
    carol.refuses(&invitation, "486 Busy Here");
    let (_, state, line) = told(&mut conference.host);
    assert_eq!(state, "terminated;reason=noresource");
    assert_eq!(line, "SIP/2.0 486 Busy Here");
    conference.all_hear("busy");
}

/// Who is in already counts as having come.
#[test]
fn somebody_who_is_in_is_not_called() {
    let lab = Lab::start();
    let mut conference = lab.conference(&["bob"]);
    let accepted = refer(&mut conference, "<sip:bob@localhost>", "");
    assert_eq!(accepted.status(), 202);
    let lines = [told(&mut conference.host).2, told(&mut conference.host).2];
    assert!(lines.contains(&"SIP/2.0 200 OK".to_owned()), "{lines:?}");
    conference.guests[0].phone.heard_only(|_| false);
}

/// A stranger may not refer, and learns nothing; nor may anybody to a session that is not there.
#[test]
fn only_who_is_in_may_refer() {
    let lab = Lab::start();
    let conference = lab.conference(&["bob"]);
    let (mut dave, mut carol) = (lab.phone("dave"), lab.phone("carol"));
    let headers = headers(&dave, "<sip:carol@localhost>", NO_SUB);
    let refused = dave.request("REFER", &conference.identity, &headers, "");
    assert_eq!(refused.status(), 403);
    assert!(warning(&refused).contains("127 Service not authorised"));
    let unknown = format!("sip:{}@localhost", "a2".repeat(14));
    assert_eq!(dave.request("REFER", &unknown, &headers, "").status(), 404);
    carol.heard_only(|_| false);
}

/// What a REFER cannot be.
#[test]
fn a_refer_that_makes_no_sense() {
    let lab = Lab::start();
    let mut conference = lab.conference(&["bob"]);
    let carol = "Refer-To: <sip:carol@localhost>\r\n";
    #[rustfmt::skip]
    let rows = [
        (String::new(),                                                       400),
        (format!("{carol}{carol}"),                                           400),
        ("Refer-To: <mailto:carol@localhost>\r\n".to_owned(),                 416),
        ("Refer-To: <sip:carol@localhost;method=MESSAGE>\r\n".to_owned(),     501),
        ("Refer-To: <cid:nothing@h>\r\n".to_owned(),                          400),
        (format!("{carol}Refer-Sub: perhaps\r\n"),                            400),
        (format!("{carol}Require: 100rel\r\n"),                               420),
        ("Refer-To: <sip:alice@localhost>\r\n".to_owned(),                    400),
    ];
    for (lines, status) in rows {
        let headers = format!("Contact: {}\r\n{lines}", conference.host.contact());
        let identity = conference.identity.clone();
        let refused = conference.host.request("REFER", &identity, &headers, "");
        assert_eq!(refused.status(), status, "{lines}");
    }
    let identity = conference.identity.clone();
    let no_contact = format!("{carol}Refer-Sub: false\r\n");
    let refused = conference.host.request("REFER", &identity, &no_contact, "");
    assert_eq!(refused.status(), 400);
    conference.all_hear("still here");
}

/// RFC 5363: the limits of lists hold for those who are brought in one by one, too.
#[test]
fn the_limits_hold() {
    let lab = Lab::with(|_, policy| policy.focus.max_adhoc_group_size = 1);
    let mut conference = lab.conference(&["bob"]);
    let mut carol = lab.phone("carol");
    let refused = refer(&mut conference, "<sip:carol@localhost>", NO_SUB);
    assert_eq!(refused.status(), 486);
    assert!(warning(&refused).contains("102 too many participants"));
    carol.heard_only(|_| false);
    let lab = Lab::with(|_, policy| policy.focus.fan_out_credit = 1);
    let mut conference = lab.conference(&["bob"]);
    let mut phones = ["carol", "dave"].map(|user| lab.phone(user));
    let (headers, body) = several(&conference.host, &["carol", "dave"], "");
    let identity = conference.identity.clone();
    let refused = conference.host.request("REFER", &identity, &headers, &body);
    assert_eq!(refused.status(), 403);
    assert!(warning(&refused).contains("too many invitations under way"));
    for phone in &mut phones {
        phone.heard_only(|_| false);
    }
    // One is within the credit, and it comes back when the invitation is over.
    let (one, other) = (&mut conference, &mut phones);
    for phone in other {
        let to = format!("<sip:{}@localhost>", phone.user);
        assert_eq!(refer(one, &to, "").status(), 202);
        assert_eq!(told(&mut one.host).2, "SIP/2.0 100 Trying");
        let invitation = phone.invited();
        phone.refuses(&invitation, "480 Not Here");
        assert!(told(&mut one.host).2.contains("480"));
    }
}

/// Hiding has to be allowed; then nobody is named.
#[test]
fn a_hidden_referrer() {
    let lab = Lab::with(|_, policy| policy.focus.allow_anonymity = false);
    let mut conference = lab.conference(&["bob"]);
    let hidden = format!("{NO_SUB}Privacy: id\r\n");
    let refused = refer(&mut conference, "<sip:carol@localhost>", &hidden);
    assert_eq!(refused.status(), 403);
    assert!(warning(&refused).contains("119 Anonymity not allowed"));
    let lab = Lab::with(|_, policy| policy.focus.allow_anonymity = true);
    let mut conference = lab.conference(&["bob"]);
    let mut carol = lab.phone("carol");
    let accepted = refer(&mut conference, "<sip:carol@localhost>", &hidden);
    assert_eq!(accepted.status(), 202);
    let invitation = carol.invited();
    assert_eq!(invitation.request.raw(Name::ReferredBy), None);
    assert!(!crate::lab::names(
        &String::from_utf8_lossy(&carol.heard),
        "alice"
    ));
}

/// RFC 4579 section 5.11: the inviter takes somebody out, who does not come back.
#[test]
fn the_inviter_takes_somebody_out() {
    let lab = Lab::start();
    let mut conference = lab.conference(&["bob", "carol"]);
    let out = "<sip:bob@localhost;method=BYE>";
    let accepted = refer(&mut conference, out, "");
    assert_eq!(accepted.status(), 202);
    let lines = [told(&mut conference.host).2, told(&mut conference.host).2];
    assert_eq!(lines, ["SIP/2.0 100 Trying", "SIP/2.0 200 OK"]);
    let bye = conference.guests[0].phone.is_released();
    assert!(bye.raw(Name::Reason).unwrap().contains("Removed"));
    let ask = Ask {
        uri: conference.identity.clone(),
        body: Some(("application/sdp".to_owned(), Chat::sdp("bob"))),
        list: String::new(),
        ..Ask::guests(&[])
    };
    let refused = ask.ask(&mut conference.guests[0].phone);
    assert_eq!(refused.status(), 403);
    assert!(warning(&refused).contains("127 Service not authorised"));
    // Nor is the removed one called again.
    assert_eq!(
        refer(&mut conference, "<sip:bob@localhost>", NO_SUB).status(),
        403
    );
}

/// A guest takes nobody out but themselves, and does not learn who is not there.
#[test]
fn a_guest_takes_nobody_out() {
    let lab = Lab::start();
    let mut conference = lab.conference(&["bob", "carol"]);
    let identity = conference.identity.clone();
    for (whom, status) in [("carol", 403), ("alice", 403), ("dave", 403), ("bob", 202)] {
        let bob = &mut conference.guests[0].phone;
        let to = format!("<sip:{whom}@localhost;method=BYE>");
        let headers = headers(bob, &to, NO_SUB);
        assert_eq!(
            bob.request("REFER", &identity, &headers, "").status(),
            status,
            "{whom}"
        );
    }
    conference.guests[0].phone.is_released();
    let out = refer(&mut conference, "<sip:dave@localhost;method=BYE>", NO_SUB);
    assert_eq!(out.status(), 404);
    conference.guests.remove(0);
    conference.all_hear("without bob");
}

/// Whoever does not answer a NOTIFY, or answers it with 481, is told no more.
#[test]
fn who_does_not_want_to_know_after_all() {
    let lab = Lab::start();
    let mut conference = lab.conference(&["bob"]);
    let mut carol = lab.phone("carol");
    assert_eq!(
        refer(&mut conference, "<sip:carol@localhost>", "").status(),
        202
    );
    let notify = conference.host.incoming("NOTIFY");
    conference.host.answer(&notify, "481 What", "x", "", "");
    let invitation = carol.invited();
    carol.refuses(&invitation, "486 Busy Here");
    conference.all_hear("never mind");
    conference.host.heard_only(|_| false);
}
