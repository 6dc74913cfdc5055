//! SSP on the wire: the login, literally; ExtendConversation, element by element; what is forgiven,
//! what is refused, and what is too much.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use imps::csp::{self, DetailedResult, Outcome};
use imps::ssp::{
    Content, Error, ExtendConversationRequest, ExtendConversationResponse, LoginRequest,
    LoginResponse, Message, MetaInfo, Mode, NAMESPACE, PasswordDigest, Primitive, Secret,
    SendSecretToken, Setup, Transaction,
};
use imps::status::Code;

fn wrapped(inner: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <WV-SSP-Message xmlns=\"{NAMESPACE}\">{inner}</WV-SSP-Message>"
    )
}

fn text(message: &Message) -> String {
    String::from_utf8(message.to_xml().to_vec()).unwrap()
}

fn step(mode: Mode, body: Setup) -> Message {
    Message::Setup {
        mode,
        transaction_id: "TA".to_owned(),
        body,
    }
}

fn token(service: &str, secret: &str) -> Setup {
    Setup::SendSecretToken(SendSecretToken::new(service, Secret::new(secret)))
}

fn login(service: &str, secret: &str) -> Setup {
    Setup::LoginRequest(LoginRequest {
        service: service.to_owned(),
        time_to_live_s: Some(86_400),
        digest: PasswordDigest(Secret::new(secret).digest()),
    })
}

fn logged_in(session: &str) -> Setup {
    Setup::LoginResponse(LoginResponse {
        session: Some(session.to_owned()),
        time_to_live_s: Some(86_400),
        status: Outcome::new(Code::SUCCESSFUL),
        redirect: None,
    })
}

/// The six steps as they stand on the wire. The digests are those of another program:
/// `printf secretB | openssl md5 -binary | base64`.
#[test]
fn the_login() {
    let rows = [
        (
            step(Mode::Request, token("wv:@a.com", "secretA")),
            "<SetupTransaction mode=\"Request\" transactionID=\"TA\">\
             <SendSecretToken serviceID=\"wv:@a.com\" protocol=\"WV-SSP\" protocolVersion=\"1.3\">\
             <SecretToken>secretA</SecretToken></SendSecretToken></SetupTransaction>",
        ),
        (
            step(Mode::Response, token("wv:@b.com", "secretB")),
            "<SetupTransaction mode=\"Response\" transactionID=\"TA\">\
             <SendSecretToken serviceID=\"wv:@b.com\" protocol=\"WV-SSP\" protocolVersion=\"1.3\">\
             <SecretToken>secretB</SecretToken></SendSecretToken></SetupTransaction>",
        ),
        (
            step(Mode::Request, login("wv:@a.com", "secretB")),
            "<SetupTransaction mode=\"Request\" transactionID=\"TA\">\
             <LoginRequest serviceID=\"wv:@a.com\" timeToLive=\"86400\">\
             <PasswordDigest encoding=\"base64\">@B@</PasswordDigest>\
             </LoginRequest></SetupTransaction>",
        ),
        (
            step(Mode::Response, login("wv:@b.com", "secretA")),
            "<SetupTransaction mode=\"Response\" transactionID=\"TA\">\
             <LoginRequest serviceID=\"wv:@b.com\" timeToLive=\"86400\">\
             <PasswordDigest encoding=\"base64\">@A@</PasswordDigest>\
             </LoginRequest></SetupTransaction>",
        ),
        (
            step(Mode::Request, logged_in("n@a.com")),
            "<SetupTransaction mode=\"Request\" transactionID=\"TA\">\
             <LoginResponse sessionID=\"n@a.com\" timeToLive=\"86400\"><Status code=\"200\"/>\
             </LoginResponse></SetupTransaction>",
        ),
        (
            step(Mode::Response, logged_in("m@b.com")),
            "<SetupTransaction mode=\"Response\" transactionID=\"TA\">\
             <LoginResponse sessionID=\"m@b.com\" timeToLive=\"86400\"><Status code=\"200\"/>\
             </LoginResponse></SetupTransaction>",
        ),
    ];
    for (message, xml) in rows {
        let xml = wrapped(&xml.replace("@A@", DIGEST_A).replace("@B@", DIGEST_B));
        assert_eq!(text(&message), xml);
        assert_eq!(Message::parse(xml.as_bytes()), Ok(message), "{xml}");
    }
}

const DIGEST_A: &str = "GeKaI+dm9ir8c9SYggzfOg==";
const DIGEST_B: &str = "GACz/MiEds+QjG79hZhAXA==";

#[test]
fn secrets() {
    let secret = Secret::new("secretA");
    assert!(secret.is_proven_by(DIGEST_A));
    assert!(secret.is_proven_by(&format!("\n {DIGEST_A}\n")));
    assert!(secret.is_proven_by(DIGEST_A.trim_end_matches('=')));
    for wrong in ["", "=", "secretA", DIGEST_B, "AAAA", "é"] {
        assert!(!secret.is_proven_by(wrong), "{wrong}");
    }
    assert_eq!(format!("{secret:?}"), "Secret(..)");
    // Octets that are no plain text travel as BASE64.
    let odd = step(
        Mode::Request,
        Setup::SendSecretToken(SendSecretToken::new(
            "wv:@a.com",
            Secret::new(*b"\x00 \xFF"),
        )),
    );
    assert!(text(&odd).contains("<SecretToken encoding=\"base64\">ACD/</SecretToken>"));
    assert_eq!(Message::parse(&odd.to_xml()), Ok(odd));
}

fn meta() -> MetaInfo {
    MetaInfo::of_user("wv:@a.com", csp::User::new("wv:ann@a.com"))
}

fn request() -> ExtendConversationRequest {
    ExtendConversationRequest {
        subscribe: true,
        meta: meta(),
        users: vec!["wv:cleo@a.com".to_owned(), "wv:dan@c.com".to_owned()],
        peer: "wv:bob@b.com".to_owned(),
        welcome_note: Some(Content::text("hello")),
    }
}

fn response() -> ExtendConversationResponse {
    ExtendConversationResponse {
        group: "wv:/x@b.com".to_owned(),
        meta: meta(),
        status: Outcome::new(Code::SUCCESSFUL).with_details(vec![DetailedResult::of_users(
            Code::RECIPIENT_LACKS_SUPPORT,
            vec!["wv:dan@c.com".to_owned()],
        )]),
    }
}

fn in_session(primitive: Primitive) -> Message {
    Message::of_session("m@b.com", Transaction::request("7", primitive))
}

fn session_xml(primitive: &str) -> String {
    wrapped(&format!(
        "<Session sessionID=\"m@b.com\"><Transaction mode=\"Request\" transactionID=\"7\">\
         {primitive}</Transaction></Session>"
    ))
}

const META: &str = "<MetaInfo clientOriginated=\"Yes\"><Requestor serviceID=\"wv:@a.com\">\
                    <User userID=\"wv:ann@a.com\"/></Requestor></MetaInfo>";

#[test]
fn extend_conversation() {
    let request_xml = format!(
        "<ExtendConversationRequest subscribeNotif=\"Yes\">{META}\
         <UserIDList><UserID userID=\"wv:cleo@a.com\"/><UserID userID=\"wv:dan@c.com\"/>\
         </UserIDList><ExtendConversationUserID><UserID userID=\"wv:bob@b.com\"/>\
         </ExtendConversationUserID><WelcomeNote>\
         <ContentData contentType=\"text/plain\" encoding=\"base64\">aGVsbG8=</ContentData>\
         </WelcomeNote></ExtendConversationRequest>"
    );
    let message = in_session(Primitive::ExtendConversationRequest(request()));
    assert_eq!(text(&message), session_xml(&request_xml));
    let response_xml = format!(
        "<ExtendConversationResponse groupID=\"wv:/x@b.com\">{META}\
         <Status code=\"201\"><DetailedResult code=\"546\"><UserID userID=\"wv:dan@c.com\"/>\
         </DetailedResult></Status></ExtendConversationResponse>"
    );
    let message = in_session(Primitive::ExtendConversationResponse(response()));
    assert_eq!(text(&message), session_xml(&response_xml));
}

/// What is cut out of a message, from the first text to the end of the second; and what is then
/// missing, or `None` if it can be done without.
type Row = (
    &'static str,
    &'static str,
    &'static str,
    Option<(&'static str, &'static str)>,
);

/// Cuts a part out of a message and reads what is left.
fn without(rule: &str, xml: &str, from: &str, to: &str) -> Result<Primitive, Error> {
    let (before, rest) = xml.split_once(from).expect(rule);
    let (_, after) = rest.split_once(to).expect(rule);
    let message = Message::parse(format!("{before}{after}").as_bytes())?;
    let Message::Session {
        mut transactions,
        refused,
        ..
    } = message
    else {
        panic!("{message:?}");
    };
    match refused.first() {
        Some(refused) => Err(refused.error),
        None => Ok(transactions.remove(0).primitive),
    }
}

fn check(message: &Message, rows: &[Row]) {
    let xml = text(message);
    for (rule, from, to, missing) in rows {
        let got = without(rule, &xml, from, to);
        match missing {
            Some((element, child)) => {
                let want = Error::Missing { element, child };
                assert_eq!(got, Err(want), "{rule}");
                assert_eq!(want.to_string(), format!("{element} lacks {child}"));
            }
            None => assert!(got.is_ok(), "{rule}: {got:?}"),
        }
    }
}

#[test]
#[rustfmt::skip]
fn elements_of_the_request() {
    const R: &str = "ExtendConversationRequest";
    let message = in_session(Primitive::ExtendConversationRequest(request()));
    check(&message, &[
        ("SSP-16.X.1.1-E1", "<ExtendConversationRequest", "</ExtendConversationRequest>", Some(("Transaction", "a primitive"))),
        ("SSP-16.X.1.1-E2", "<MetaInfo", "</MetaInfo>", Some((R, "MetaInfo"))),
        ("SSP-16.X.1.1-E3", "<UserIDList>", "</UserIDList>", Some((R, "UserIDList"))),
        // A list without anybody is as good as none.
        ("SSP-16.X.1.1-E3", "<UserID userID=\"wv:cleo@a.com\"/>", "<UserID userID=\"wv:dan@c.com\"/>", Some((R, "UserIDList"))),
        ("SSP-16.X.1.1-E4", "<ExtendConversationUserID>", "</ExtendConversationUserID>", Some((R, "ExtendConversationUserID"))),
        ("SSP-16.X.1.1-E5", " subscribeNotif=", "\"Yes\"", Some((R, "subscribeNotif"))),
        ("SSP-16.X.1.1-E6", "<WelcomeNote>", "</WelcomeNote>", None),
    ]);
    // What was read is what was said.
    let Message::Session { transactions, .. } = Message::parse(&message.to_xml()).unwrap() else {
        panic!("{message:?}");
    };
    let Primitive::ExtendConversationRequest(got) = &transactions[0].primitive else {
        panic!("SSP-16.X.1.1-E1: {transactions:?}");
    };
    assert_eq!(got.meta, meta(), "SSP-16.X.1.1-E2");
    assert_eq!(got.users, ["wv:cleo@a.com", "wv:dan@c.com"], "SSP-16.X.1.1-E3");
    assert_eq!(got.peer, "wv:bob@b.com", "SSP-16.X.1.1-E4");
    assert!(got.subscribe, "SSP-16.X.1.1-E5");
    let note = got.welcome_note.as_ref().and_then(Content::as_text);
    assert_eq!(note, Some("hello"), "SSP-16.X.1.1-E6");
}

#[test]
#[rustfmt::skip]
fn elements_of_the_response() {
    const R: &str = "ExtendConversationResponse";
    let message = in_session(Primitive::ExtendConversationResponse(response()));
    check(&message, &[
        ("SSP-16.X.1.2-E1", "<ExtendConversationResponse", "</ExtendConversationResponse>", Some(("Transaction", "a primitive"))),
        ("SSP-16.X.1.2-E2", "<MetaInfo", "</MetaInfo>", Some((R, "MetaInfo"))),
        ("SSP-16.X.1.2-E3", " groupID=", "\"wv:/x@b.com\"", Some((R, "groupID"))),
        ("SSP-16.X.1.2-E4", "<Status", "</Status>", Some((R, "Status"))),
    ]);
    let Message::Session { transactions, .. } = Message::parse(&message.to_xml()).unwrap() else {
        panic!("{message:?}");
    };
    let Primitive::ExtendConversationResponse(got) = &transactions[0].primitive else {
        panic!("SSP-16.X.1.2-E1: {transactions:?}");
    };
    assert_eq!(got.meta, meta(), "SSP-16.X.1.2-E2");
    assert_eq!(got.group, "wv:/x@b.com", "SSP-16.X.1.2-E3");
    assert_eq!(got.status, response().status, "SSP-16.X.1.2-E4");
}

/// After a failure there is no group, and the attribute is there all the same.
#[test]
fn failures() {
    for code in [Code::TOO_MANY_GROUPS, Code::UNABLE_TO_DELIVER] {
        let failed = Primitive::ExtendConversationResponse(ExtendConversationResponse {
            group: String::new(),
            meta: meta(),
            status: Outcome::new(code),
        });
        let message = in_session(failed);
        let xml = text(&message);
        assert!(xml.contains("groupID=\"\""), "SSP-16.X.1.2-E3: {xml}");
        assert_eq!(
            Message::parse(xml.as_bytes()),
            Ok(message),
            "SSP-16.X.1.2-E3"
        );
    }
}
