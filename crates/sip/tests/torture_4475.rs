//! The torture test messages of RFC 4475, each with what becomes of it here.
//!
//! Where the RFC leaves a choice, the row says which was taken.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod torture;

use sip::{Name, ParseError};
use torture::Answer::{Impossible, Possible};
use torture::Fact::{
    Body, Contacts, Fields, From, Method, Sequence, Status, Target, To, Top, Value, Vias,
};
use torture::Row;
use torture::Want::{Broken, Dropped, Fit, Refused};

#[rustfmt::skip]
const VALID: &[Row] = &[
    // 3.1.1: valid messages.
    ("wsinv", Fit, &[
        Vias(3), Top("UDP", "192.0.2.2", Some("390skdjuw")), Sequence(9), Fields(14), Body(150),
        From(Some(r#"J Rosenberg \""#), "sip:jdrosen@example.com", Some("98asjd8")),
        To(None, "sip:vivekg@chair-dnrc.example.com", Some("1918181833n")),
        Contacts(&["sip:jdrosen@example.com"]), Value(Name::MaxForwards, "0068"), Value(Name::Subject, ""),
        Value(Name::Route, "<sip:services.example.com;lr;unknownwith=value;unknown-no-value>"),
    ]),
    ("intmeth", Fit, &[
        Method("!interesting-Method0123456789_*+`.%indeed'~"), Sequence(139_122_385),
        Target("sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com"),
        // The control characters of the quoted name are not shown.
        To(Some("BEL: NUL: DEL:"), "sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*@example.com", None),
        From(Some("token1~` token2'+_ token3*%!.-"), "sip:mundane@example.com", Some("_token~1'+`*%!-.")),
    ]),
    ("esc01", Fit, &[
        Target("sip:sips%3Auser%40example.com@example.net"), To(None, "sip:%75se%72@example.com", None),
        Contacts(&["sip:cal%6Cer@host5.example.net;%6C%72;n%61me=v%61lue%25%34%31"]),
    ]),
    ("escnull", Fit, &[Contacts(&["sip:%00@host5.example.com", "sip:%00%00@host5.example.com"])]),
    // An escape in a method or a header name is none: neither is REGISTER or Contact.
    ("esc02", Fit, &[
        Method("RE%47IST%45R"), To(Some("%Z%45"), "sip:resource@example.com", None), Fields(10),
        Contacts(&["sip:alias1@host1.example.com", "sip:alias3@host3.example.com"]),
    ]),
    ("lwsdisp", Fit, &[From(Some("caller"), "sip:caller@example.com", Some("323"))]),
    ("longreq", Fit, &[Vias(34), Fields(43), Body(150), Top("TCP", "sip33.example.com", None)]),
    // Octets after the body of a datagram are dropped.
    ("dblreq", Fit, &[Method("REGISTER"), Fields(8), Body(0)]),
    ("semiuri", Fit, &[Target("sip:user;par=u%40example.net@example.com"), Fields(8)]),
    ("transports", Fit, &[Vias(5), Top("UDP", "t1.example.com", Some("z9hG4bKkdjuw"))]),
    ("mpart01", Fit, &[Method("MESSAGE"), Body(553), Value(Name::ContentType, "multipart/mixed;boundary=7a9cbec02ceef655")]),
    ("unreason", Fit, &[Status(200, "= 2**3 * 5**2 но сто девяносто девять - простое")]),
    ("noreason", Fit, &[Status(100, "")]),
];

#[rustfmt::skip]
const INVALID: &[Row] = &[
    // 3.1.2: invalid messages.
    ("badinv01", Refused(400), &[Vias(0), Contacts(&[])]),
    ("clerr", Broken(ParseError::Truncated, Possible), &[]),
    ("ncl", Broken(ParseError::ContentLength, Possible), &[]),
    ("scalar02", Refused(400), &[]),
    ("scalarlg", Dropped, &[Status(503, "Service Unavailable")]),
    ("quotbal", Refused(400), &[]),
    ("ltgtruri", Refused(400), &[Target("<sip:user@example.com>")]),
    ("lwsruri", Refused(400), &[Target("sip:user@example.com; lr")]),
    // Needless blanks between the words of a start line are read over; a copy has none.
    ("lwsstart", Fit, &[Target("sip:user@example.com")]),
    ("trws", Fit, &[Target("sip:remote-target@example.com")]),
    ("escruri", Refused(400), &[]),
    // A Date nobody needs is not looked at.
    ("baddate", Fit, &[Value(Name::Date, "Fri, 01 Jan 2010 16:00:00 EST")]),
    // Fit to be forwarded; a registrar finds no address it could bind.
    ("regbadct", Fit, &[Contacts(&[])]),
    ("badaspec", Refused(400), &[]),
    // The archive leaves out the blank line that ends the head: see baddn_with_its_end.
    ("baddn", Broken(ParseError::NoEnd, Impossible), &[]),
    ("badvers", Refused(505), &[]),
    ("mismatch01", Refused(400), &[Method("OPTIONS")]),
    ("mismatch02", Refused(400), &[Method("NEWMETHOD")]),
    ("bigcode", Broken(ParseError::StartLine, Impossible), &[]),
    // In the archive, but not in the text: no version on the start line.
    ("test", Broken(ParseError::StartLine, Impossible), &[]),
];

#[rustfmt::skip]
const SEMANTICS: &[Row] = &[
    // 3.2: the transaction layer falls back to the matching of RFC 2543.
    ("badbranch", Fit, &[Top("UDP", "192.0.2.1", Some("z9hG4bK"))]),
    // 3.3: the application layer.
    ("insuf", Refused(400), &[Vias(1)]),
    ("unkscm", Refused(416), &[Target("nobodyKnowsThisScheme:totallyopaquecontent")]),
    ("novelsc", Refused(416), &[Target("soap.beep://192.0.2.103:3002")]),
    ("unksm2", Fit, &[
        To(None, "isbn:2983792873", None), From(None, "http://www.example.com", Some("3234233")),
        Contacts(&["name:John_Smith"]),
    ]),
    ("bext01", Fit, &[Value(Name::Require, "nothingSupportsThis, nothingSupportsThisEither")]),
    ("invut", Fit, &[Value(Name::ContentType, "application/unknownformat")]),
    ("regaut01", Fit, &[Value(Name::Authorization, "NoOneKnowsThisScheme opaque-data=here")]),
    ("multi01", Refused(400), &[]),
    ("mcl01", Broken(ParseError::ContentLength, Possible), &[]),
    // Fit to be read: that the second hop is the broadcast address matters to a proxy alone.
    ("bcast", Fit, &[Vias(2), Status(200, "OK")]),
    ("zeromf", Fit, &[Value(Name::MaxForwards, "0")]),
    ("cparam01", Fit, &[Contacts(&["sip:+19725552222@gw1.example.net"])]),
    ("cparam02", Fit, &[Contacts(&["sip:+19725552222@gw1.example.net;unknownparam"])]),
    ("regescrt", Fit, &[Contacts(&["sip:user@example.com?Route=%3Csip:sip.example.com%3E"])]),
    ("sdp01", Fit, &[Value(Name::Accept, "text/nobodyKnowsThis")]),
    // 3.4: RFC 2543.
    ("inv2543", Fit, &[
        Top("UDP", "iftgw.example.com", None), Body(105),
        From(None, "sip:+13035551111@ift.client.example.net;user=phone", None),
        To(None, "sip:+16505552222@ss1.example.net", None),
    ]),
];

#[test]
fn rfc_4475() {
    let Some(messages) = torture::archive::messages("rfc4475") else {
        return;
    };
    torture::compare(&messages, &[VALID, INVALID, SEMANTICS].concat());
}

#[test]
fn baddn_with_its_end() {
    let Some(messages) = torture::archive::messages("rfc4475") else {
        return;
    };
    let (name, message) = messages.iter().find(|(name, _)| name == "baddn").unwrap();
    let whole = [&message[..], b"\r\n"].concat().into();
    // RFC 4475 section 3.1.2.15: an unquoted name with a comma in it.
    torture::compare(
        &[(name.clone(), whole)],
        &[("baddn", Refused(400), &[Sequence(3_923_239)])],
    );
}
