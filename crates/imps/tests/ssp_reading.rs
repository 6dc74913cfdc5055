//! Reading SSP: what is forgiven, what is refused, what is too much; and that no bytes panic.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use std::fmt::Write;

use imps::csp::{Attribute, ClientId, Outcome, PresenceSubList, User};
use imps::ssp::{
    Content, Error, GetGroupSubStatusResponse, JoinGroupRequest, LogoutRequest, MAX_ATTRIBUTES,
    MAX_TRANSACTIONS, Message, MetaInfo, Mode, Party, PresenceNotification, PresenceValue,
    Primitive, Secret, SendMessageRequest, Setup, Transaction,
};
use imps::status::Code;
use imps::{MAX_BYTES, MAX_DEPTH, MAX_ELEMENTS};
use proptest::prelude::*;

fn session(inner: &str) -> String {
    format!("<WV-SSP-Message><Session sessionID='s'>{inner}</Session></WV-SSP-Message>")
}

fn request(primitive: &str) -> String {
    session(&format!(
        "<Transaction mode='Request' transactionID='1'>{primitive}</Transaction>"
    ))
}

fn parse(xml: &str) -> Result<Message, Error> {
    Message::parse(xml.as_bytes())
}

/// The one primitive of a message, or what is wrong with it.
fn primitive(xml: &str) -> Result<Primitive, Error> {
    let Message::Session {
        mut transactions,
        refused,
        ..
    } = parse(xml)?
    else {
        panic!("{xml}");
    };
    match refused.first() {
        Some(refused) => Err(refused.error),
        None => Ok(transactions.remove(0).primitive),
    }
}

const META: &str = "<MetaInfo clientOriginated='Yes'><Requestor serviceID='wv:@a.com'>\
                    <User userID='wv:ann@a.com'/></Requestor></MetaInfo>";

fn join() -> JoinGroupRequest {
    JoinGroupRequest {
        group: "wv:bob/club@b.com".to_owned(),
        joined_list: true,
        subscribe: false,
        meta: MetaInfo::of_user("wv:@a.com", User::new("wv:ann@a.com")),
        screen_name: None,
        own_properties: Vec::new(),
    }
}

#[test]
fn forms_that_mean_the_same() {
    let rows = [
        format!(
            "<JoinGroupRequest groupID='wv:bob/club@b.com' joinedListRequest='Yes' subscribeNotif='No'>{META}</JoinGroupRequest>"
        ),
        format!(
            "<JoinGroupRequest subscribeNotif='F' joinedListRequest='true' groupID=' wv:bob/club@b.com '>{META}</JoinGroupRequest>"
        ),
        format!(
            "<joingrouprequest GROUPID='wv:bob/club@b.com' joinedlistrequest='yes'>\n{META}\n</joingrouprequest>"
        ),
        format!(
            "<x:JoinGroupRequest xmlns:x='u' x:groupID='wv:bob/club@b.com' joinedListRequest='1' other='2'><Strange><MetaInfo/></Strange>{META}</x:JoinGroupRequest>"
        ),
        format!(
            "<JoinGroupRequest joinedListRequest='T'>{META}<GroupID>wv:bob/club@b.com</GroupID></JoinGroupRequest>"
        ),
        format!(
            "<!-- c --><Unknown/><JoinGroupRequest joinedListRequest='T' groupID='wv:bob/&#99;lub@b.com'>{META}</JoinGroupRequest>"
        ),
    ];
    for row in rows {
        let got = primitive(&request(&row));
        assert_eq!(got, Ok(Primitive::JoinGroupRequest(join())), "{row}");
    }
}

/// What one implementation is known to write.
#[test]
fn a_peer_that_misspells() {
    let xml = "<?xml version='1.0'?>\n<WV-SSP-Message xmlns=\"http://www.openmobilealliance.org/DTD/WV-SSP1.3\">\n \
        <SetupTransaction mode=\"Request\" transactionID=\"12\">\n <SendSecretToken serviceID=\"wv:@a.com\" protocol=\"WV-SSP\"\n\
        procotolVersion=\"1.3\">\n<SecretToken>\n0123abc\n</SecretToken> \n</SendSecretToken> \n</SetupTransaction> \n</WV-SSP-Message> \n";
    let Ok(Message::Setup {
        mode: Mode::Request,
        transaction_id,
        body: Setup::SendSecretToken(token),
    }) = parse(xml)
    else {
        panic!("{:?}", parse(xml));
    };
    assert_eq!(
        (transaction_id.as_str(), token.service.as_str()),
        ("12", "wv:@a.com")
    );
    assert_eq!(token.version.as_deref(), Some("1.3"));
    assert!(token.token.is(&Secret::new("0123abc")));

    let status = primitive(&request("<Status><Code>200</Code></Status>"));
    assert_eq!(status, Ok(Primitive::status(Code::SUCCESSFUL)));
    // An application inside of a client that is none.
    let user = "<User userID='ann@a.com'><ClientID url=''><ApplicationID applicationID='chess'/></ClientID></User>";
    let xml = request(&format!(
        "<InviteRequest inviteID='i' inviteType='EC'>{META}<Inviting>{user}</Inviting><Invited><GroupID groupID='g'/></Invited></InviteRequest>"
    ));
    let Ok(Primitive::InviteRequest(invite)) = primitive(&xml) else {
        panic!("{:?}", primitive(&xml));
    };
    let Party::User(user) = invite.inviting else {
        panic!("{:?}", invite.inviting);
    };
    assert_eq!(
        (user.application.as_deref(), user.client),
        (Some("chess"), None)
    );
    assert_eq!(invite.invited, Party::Group("g".to_owned()));
}

#[test]
fn addresses_get_their_scheme() {
    let mut join = join();
    join.group = "bob/club@b.com".to_owned();
    join.meta.requestor.user = Some(User {
        client: Some(ClientId {
            url: Some("u".to_owned()),
            msisdn: None,
        }),
        ..User::new("WV:ann@a.com")
    });
    let transaction = Transaction::response("1", Primitive::JoinGroupRequest(join));
    let xml = Message::of_session("s", transaction).to_xml();
    let xml = str::from_utf8(&xml).unwrap();
    assert!(xml.contains("groupID=\"wv:bob/club@b.com\""), "{xml}");
    assert!(
        xml.contains("<User userID=\"WV:ann@a.com\"><ClientID url=\"u\"/></User>"),
        "{xml}"
    );
    assert!(xml.contains("mode=\"Response\""), "{xml}");
}

/// Presence attributes are those of CSP: what one face hands over, the other can write.
#[test]
fn presence_passes_through() {
    let attributes = PresenceSubList {
        user_availability: Some(Attribute::new("AVAILABLE")),
        status_text: Some(Attribute::new("at <home> & \"busy\"")),
        ..PresenceSubList::default()
    };
    let notification = PresenceNotification {
        meta: MetaInfo::of_service("wv:@a.com"),
        recipients: vec![User::new("wv:bob@b.com")],
        values: vec![PresenceValue {
            user: "wv:ann@a.com".to_owned(),
            attributes: vec![Box::new(attributes)],
        }],
    };
    let primitive = Primitive::PresenceNotification(notification);
    let message = Message::of_session("s", Transaction::request("1", primitive));
    let xml = message.to_xml();
    let text = str::from_utf8(&xml).unwrap();
    let list = "<PresenceValue userID=\"wv:ann@a.com\">\
                <PresenceSubList xmlns=\"http://www.openmobilealliance.org/DTD/IMPS-PA1.3\">";
    assert!(text.contains(list), "{text}");
    assert_eq!(text.matches("<?xml").count(), 1, "{text}");
    assert_eq!(Message::parse(&xml), Ok(message));
    let bad = request(&format!(
        "<SubscribeRequest>{META}<AttributeList><PresenceSubList><OnlineStatus><Qualifier>perhaps</Qualifier></OnlineStatus></PresenceSubList></AttributeList></SubscribeRequest>"
    ));
    assert!(
        matches!(self::primitive(&bad), Err(Error::Presence(_))),
        "{:?}",
        self::primitive(&bad)
    );
}

#[test]
fn any_octets_as_content() {
    let octets: Vec<u8> = (0..=255).collect();
    let content = Content {
        content_type: "image/x".to_owned(),
        data: octets,
    };
    let primitive = Primitive::SendMessageRequest(SendMessageRequest {
        meta: MetaInfo::of_service("wv:@a.com"),
        content: Some(content),
        info: imps::ssp::MessageInfo {
            sender: imps::ssp::Sender::User(User::new("wv:ann@a.com")),
            ..Default::default()
        },
        ..SendMessageRequest::default()
    });
    let message = Message::of_session("s", Transaction::request("1", primitive));
    assert_eq!(Message::parse(&message.to_xml()), Ok(message));
    // Text that says nothing of an encoding, and what is said to be BASE64 and is not.
    let note = |attributes: &str, data: &str| {
        self::primitive(&request(&format!(
            "<JoinGroupResponse><Status code='200'/><WelcomeNote><ContentData{attributes}>{data}</ContentData></WelcomeNote></JoinGroupResponse>"
        )))
    };
    let Ok(Primitive::JoinGroupResponse(response)) = note("", " hi ") else {
        panic!("{:?}", note("", " hi "));
    };
    assert_eq!(response.welcome_note, Some(Content::text("hi")));
    let want = Error::BadValue {
        element: "ContentData",
        expected: "BASE64",
    };
    assert_eq!(note(" encoding='BASE64'", "h!"), Err(want));
}

/// One transaction that cannot be read does not spoil the others.
#[test]
fn a_bad_transaction_among_good_ones() {
    let xml = session(
        "<Transaction mode='Request' transactionID='1'><Dance/></Transaction>\
         <Transaction mode='Request' transactionID='2'><LogoutRequest/></Transaction>\
         <Transaction mode='Response' transactionID='3'><Status code='x'/></Transaction>\
         <Transaction mode='Request' transactionID='4'><GetGroupSubStatusResponse/></Transaction>",
    );
    let Ok(Message::Session {
        session_id,
        transactions,
        refused,
    }) = parse(&xml)
    else {
        panic!("{:?}", parse(&xml));
    };
    assert_eq!(session_id, "s");
    let logout = Primitive::LogoutRequest(LogoutRequest {});
    assert_eq!(transactions, [Transaction::request("2", logout)]);
    let got: Vec<_> = refused
        .iter()
        .map(|one| (one.id.as_str(), one.error.status()))
        .collect();
    let want = [
        ("1", Code::NOT_IMPLEMENTED),
        ("3", Code::BAD_REQUEST),
        ("4", Code::BAD_REQUEST),
    ];
    assert_eq!(got, want);
}

#[test]
fn what_is_no_message() {
    let missing = |element, child| Error::Missing { element, child };
    let rows = [
        ("<a/>", Error::NotSsp),
        ("<WV-SSP-Message/>", missing("WV-SSP-Message", "Session")),
        (
            "<WV-SSP-Message xmlns='http://www.openmobilealliance.org/DTD/IMPS-CSP1.3'/>",
            Error::UnknownVersion,
        ),
        (
            "<WV-SSP-Message><Session/></WV-SSP-Message>",
            missing("Session", "sessionID"),
        ),
        (
            "<WV-SSP-Message><SetupTransaction mode='Request' transactionID='1'/></WV-SSP-Message>",
            missing("SetupTransaction", "a primitive"),
        ),
        (
            "<WV-SSP-Message><SetupTransaction mode='Request' transactionID='1'><Dance/></SetupTransaction></WV-SSP-Message>",
            Error::UnknownPrimitive,
        ),
        (
            "<WV-SSP-Message><SetupTransaction mode='Ask' transactionID='1'/></WV-SSP-Message>",
            Error::BadValue {
                element: "mode",
                expected: "Request or Response",
            },
        ),
        (
            "<WV-SSP-Message><SetupTransaction mode='Request' transactionID=''/></WV-SSP-Message>",
            missing("SetupTransaction", "transactionID"),
        ),
        (
            "<WV-SSP-Message><Session sessionID='s'/><Session sessionID='s'/></WV-SSP-Message>",
            Error::BadValue {
                element: "WV-SSP-Message",
                expected: "one SetupTransaction or one Session",
            },
        ),
    ];
    for (xml, want) in rows {
        assert_eq!(parse(xml), Err(want), "{xml}");
    }
}

#[test]
fn what_is_no_document() {
    let rows = [
        (
            "<WV-SSP-Message><Session sessionID='s'></WV-SSP-Message>",
            Error::Syntax("tags that do not match"),
        ),
        ("<WV-SSP-Message><Session sessionID='s'>", Error::Truncated),
        ("", Error::Syntax("no element at all")),
        (
            "<!DOCTYPE a [<!ENTITY b 'c'>]><WV-SSP-Message/>",
            Error::InternalSubset,
        ),
        (
            "<WV-SSP-Message>&b;</WV-SSP-Message>",
            Error::Syntax("an entity that is not predefined"),
        ),
        (
            "<WV-SSP-Message a='&b;'/>",
            Error::Syntax("an entity that is not predefined"),
        ),
        (
            "<WV-SSP-Message a='&#1;'/>",
            Error::Syntax("a character that XML does not allow"),
        ),
        (
            "<WV-SSP-Message a='<!DOCTYPE'><!DOCTYPE a></WV-SSP-Message>",
            Error::Syntax("a document type inside the document"),
        ),
        (
            "<WV-SSP-Message/><b/>",
            Error::Syntax("something follows the root element"),
        ),
        (
            "x<WV-SSP-Message/>",
            Error::Syntax("text before the root element"),
        ),
        (
            "<WV-SSP-Message a/>",
            Error::Syntax("an attribute that is not of the form name=\"value\""),
        ),
        (
            "\u{1}",
            Error::Syntax("a character that XML does not allow"),
        ),
    ];
    for (xml, want) in rows {
        assert_eq!(parse(xml), Err(want), "{xml}");
    }
    assert_eq!(Message::parse(b"<\xFF/>"), Err(Error::NotUtf8));
    // A document type that defines nothing in place is passed over, and so is a byte order mark.
    let fine = format!(
        "\u{feff}<?xml version='1.0'?><!DOCTYPE WV-SSP-Message SYSTEM 'WV-SSP1.3.DTD'>{}",
        request("<LogoutRequest/>")
    );
    assert!(parse(&fine).is_ok(), "{:?}", parse(&fine));
}

#[test]
fn limits() {
    let too_large = |what, limit| Err(Error::TooLarge { what, limit });
    let bytes = " ".repeat(MAX_BYTES + 1);
    assert_eq!(parse(&bytes), too_large("bytes", MAX_BYTES));
    let deep = request(&format!(
        "{}{}",
        "<a>".repeat(MAX_DEPTH),
        "</a>".repeat(MAX_DEPTH)
    ));
    assert_eq!(
        parse(&deep),
        too_large("elements inside each other", MAX_DEPTH)
    );
    let many = request(&"<a/>".repeat(MAX_ELEMENTS));
    assert_eq!(parse(&many), too_large("elements", MAX_ELEMENTS));
    let mut wide = String::new();
    for number in 0..=MAX_ATTRIBUTES {
        write!(wide, " a{number}=''").unwrap();
    }
    assert_eq!(
        parse(&format!("<a{wide}/>")),
        too_large("attributes", MAX_ATTRIBUTES)
    );
    let one = "<Transaction mode='Request' transactionID='1'><LogoutRequest/></Transaction>";
    assert!(parse(&session(&one.repeat(MAX_TRANSACTIONS))).is_ok());
    let busy = session(&one.repeat(MAX_TRANSACTIONS + 1));
    assert_eq!(parse(&busy), too_large("transactions", MAX_TRANSACTIONS));
}

/// Much of what a message can have, to be damaged.
fn rich() -> Vec<u8> {
    let response = Primitive::GetGroupSubStatusResponse(GetGroupSubStatusResponse {
        group: "wv:bob/club@b.com".to_owned(),
        subscribed: true,
        status: Outcome::described(Code::BAD_PARAMETER),
    });
    let mut message = Message::of_session("s", Transaction::request("1", response));
    if let Message::Session { transactions, .. } = &mut message {
        let join = Primitive::JoinGroupRequest(join());
        transactions.push(Transaction::request("2", join));
    }
    message.to_xml().to_vec()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = Message::parse(&bytes);
    }

    #[test]
    fn any_markup(text in "[<>/&;!\\[\\]A-Za-z \"'=#x0-9-]{0,200}") {
        let _ = parse(&text);
        let _ = parse(&request(&text));
        let _ = parse(&format!("<WV-SSP-Message {text}>"));
    }

    /// A message with some octets exchanged is a message or none, and what is read of it can be
    /// written and read again.
    #[test]
    fn damaged_messages(damage in proptest::collection::vec((any::<usize>(), any::<u8>()), 1..6)) {
        let mut bytes = rich();
        let length = bytes.len();
        for (at, byte) in &damage {
            bytes[at % length] = *byte;
        }
        if let Ok(message) = Message::parse(&bytes) {
            let again = Message::parse(&message.to_xml());
            prop_assert!(again.is_ok(), "{:?}", again);
        }
    }
}
