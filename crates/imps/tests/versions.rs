//! What the versions write differently, and read all the same.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use imps::csp::*;
use imps::{Encoding, Message, Primitive, Session, Transaction, Version};

/// A primitive, and what stands in its element in each version; the last two may be as before.
type Row = (Primitive, &'static str, &'static str, &'static str);

/// The same as in the version before.
const SAME: &str = "=";

fn inside(primitive: &Primitive, version: Version) -> String {
    let message =
        Message::new(version, Session::Outband).with(Transaction::request("t1", primitive.clone()));
    let text = String::from_utf8(message.encode(Encoding::Xml).to_vec()).unwrap();
    // Both encodings are read as the same message.
    let read = [Encoding::Xml, Encoding::Wbxml]
        .map(|encoding| Message::decode(&message.encode(encoding), encoding).expect(&text));
    assert_eq!(read[0], read[1], "{text}");
    let (_, rest) = text.split_once("<TransactionContent").unwrap();
    let (_, rest) = rest.split_once("><").unwrap();
    let (rest, _) = rest.split_once("</TransactionContent>").unwrap();
    format!("<{rest}")
}

fn check(rows: &[Row]) {
    for (primitive, in_1_1, in_1_2, in_1_3) in rows {
        let mut want = *in_1_1;
        for (version, text) in Version::ALL.into_iter().zip([in_1_1, in_1_2, in_1_3]) {
            want = if *text == SAME { want } else { text };
            let got = inside(primitive, version);
            let name = primitive.name();
            let inner = got.strip_prefix(&format!("<{name}>")).unwrap_or(&got);
            let inner = inner.strip_suffix(&format!("</{name}>")).unwrap_or(inner);
            assert_eq!(inner, want, "{version}");
        }
    }
}

#[test]
fn lists_of_users() {
    let user = User {
        client: Some(ClientId {
            url: Some("c".to_owned()),
            msisdn: None,
        }),
        friendly_name: Some("Ann".to_owned()),
        ..User::new("ann")
    };
    let plain = "<User><UserID>ann</UserID><ClientID><URL>c</URL></ClientID></User>";
    check(&[
        (
            UnsubscribePresenceRequest {
                users: vec![user.clone()],
                contact_lists: vec!["l".to_owned()],
            }
            .into(),
            concat!(
                "<User><UserID>ann</UserID><ClientID><URL>c</URL></ClientID></User>",
                "<ContactList>l</ContactList>"
            ),
            SAME,
            concat!(
                "<UserIDList><UserID>ann</UserID></UserIDList>",
                "<ContactListIDList><ContactList>l</ContactList></ContactListIDList>"
            ),
        ),
        (
            AddGroupMembersRequest {
                group: "g".to_owned(),
                users: vec![User::new("ann"), User::new("bob")],
            }
            .into(),
            "<GroupID>g</GroupID><UserList><User><UserID>ann</UserID></User><User><UserID>bob</UserID></User></UserList>",
            SAME,
            "<GroupID>g</GroupID><UserIDList><UserID>ann</UserID><UserID>bob</UserID></UserIDList>",
        ),
        (
            DeleteAttributeListRequest {
                users: vec!["ann".to_owned()],
                default_list: true,
                ..Default::default()
            }
            .into(),
            "<UserID>ann</UserID><DefaultList>T</DefaultList>",
            SAME,
            "<UserIDList><UserID>ann</UserID></UserIDList><DefaultList>T</DefaultList>",
        ),
    ]);
    let info = MessageInfo {
        sender: Some(Sender::User(user)),
        ..Default::default()
    };
    let notification = MessageNotification { info }.into();
    assert!(inside(&notification, Version::V1_2).contains(plain));
    let named = "<User><UserID>ann</UserID><FriendlyName>Ann</FriendlyName>";
    assert!(inside(&notification, Version::V1_3).contains(named));
}

#[test]
fn people_in_groups() {
    let people = vec![
        Participant::new("Ann", "ann"),
        Participant {
            screen_name: "X".to_owned(),
            user: None,
        },
    ];
    let names = "<ScreenName><SName>Ann</SName><GroupID>g</GroupID></ScreenName>\
                 <ScreenName><SName>X</SName><GroupID>g</GroupID></ScreenName>";
    let mappings = "<UserMapList><UserMapping><Mapping><SName>Ann</SName><UserID>ann</UserID>\
                    </Mapping><Mapping><SName>X</SName></Mapping></UserMapping></UserMapList>";
    let participants = Participants::new("g", people);
    let join = JoinGroupResponse {
        participants: Some(participants.clone()),
        screen_name: Some(ScreenName {
            name: "Ann".to_owned(),
            group: "g".to_owned(),
        }),
        welcome_note: None,
    };
    let join = Primitive::from(join);
    let own = "<ScreenName><SName>Ann</SName><GroupID>g</GroupID></ScreenName>";
    for (version, want) in [
        (Version::V1_1, format!("<UserList>{names}</UserList>")),
        (Version::V1_2, mappings.to_owned()),
        (Version::V1_3, format!("<Joined>{mappings}</Joined>{own}")),
    ] {
        let want = format!("<JoinGroup-Response>{want}</JoinGroup-Response>");
        assert_eq!(inside(&join, version), want);
    }
    let notice = GroupChangeNotice {
        group: "g".to_owned(),
        joined: Some(participants.clone()),
        left: Some(participants),
        ..Default::default()
    };
    let notice = Primitive::from(notice);
    for (version, joined, left) in [
        (Version::V1_1, names.to_owned(), names.to_owned()),
        (
            Version::V1_2,
            mappings.to_owned(),
            format!("<UserList>{names}</UserList>"),
        ),
        (
            Version::V1_3,
            mappings.to_owned(),
            format!("<UserList>{names}</UserList>"),
        ),
    ] {
        let want = format!("<GroupID>g</GroupID><Joined>{joined}</Joined><Left>{left}</Left>");
        let want = format!("<GroupChangeNotice>{want}</GroupChangeNotice>");
        assert_eq!(inside(&notice, version), want);
    }
}

#[test]
fn block_lists() {
    let block = BlockList {
        add: Some(EntityList {
            users: vec!["eve".to_owned()],
            ..Default::default()
        }),
        ..Default::default()
    };
    let mut request = BlockEntityRequest::new((block, true), (BlockList::default(), false));
    request.grant = None;
    request.grant_in_use = None;
    let request = Primitive::from(request);
    let old = "<BlockList><InUse>T</InUse><AddList><UserID>eve</UserID></AddList></BlockList>";
    let new = "<BlockList><AddList><UserID>eve</UserID></AddList></BlockList>\
               <BlockListInUse>T</BlockListInUse>";
    for (version, name, want) in [
        (Version::V1_1, "BlockUser-Request", old),
        (Version::V1_2, "BlockEntity-Request", old),
        (Version::V1_3, "BlockEntity-Request", new),
    ] {
        let text = inside(&request, version);
        assert_eq!(text, format!("<{name}>{want}</{name}>"));
        // Wherever it stands, both fields say it.
        let read = read(version, &text);
        assert_eq!(read, request, "{version}");
    }
}

#[test]
fn capabilities() {
    let list = CapabilityList {
        content_types: vec![AcceptedContentType::new("text/plain")],
        charsets: vec![106],
        content_length: Some(1000),
        push_length: Some(2000),
        client_type: Some("MOBILE_PHONE".to_owned()),
        initial_delivery_method: Some(DeliveryMethod::Push),
        parser_size: Some(4000),
        cir_methods: vec![CirMethod::StandaloneTcp],
        tcp_port: Some(3716),
        ..Default::default()
    };
    let agreed = AgreedCapabilityList {
        cir_http_url: Some("http://im.com/cir".to_owned()),
        cir_methods: vec![CirMethod::StandaloneHttp],
        server_poll_min_s: Some(10),
        multi_trans: Some(1),
        ..Default::default()
    };
    check(&[
        (
            ClientCapabilityRequest {
                client: None,
                capabilities: Some(Box::new(list)),
            }
            .into(),
            "<CapabilityList><ClientType>MOBILE_PHONE</ClientType>\
             <InitialDeliveryMethod>P</InitialDeliveryMethod>\
             <AcceptedCharset>106</AcceptedCharset>\
             <AcceptedContentType>text/plain</AcceptedContentType>\
             <AcceptedContentLength>1000</AcceptedContentLength><ParserSize>4000</ParserSize>\
             <SupportedCIRMethod>STCP</SupportedCIRMethod><TCPPort>3716</TCPPort>\
             </CapabilityList>",
            "<CapabilityList><ClientType>MOBILE_PHONE</ClientType>\
             <InitialDeliveryMethod>P</InitialDeliveryMethod>\
             <AcceptedCharset>106</AcceptedCharset>\
             <AcceptedContentType>text/plain</AcceptedContentType>\
             <AcceptedContentLength>1000</AcceptedContentLength><ParserSize>4000</ParserSize>\
             <SupportedCIRMethod>STCP</SupportedCIRMethod></CapabilityList>",
            "<CapabilityList><AcceptedContentType><ContentType>text/plain</ContentType>\
             </AcceptedContentType><PlainTextCharset>106</PlainTextCharset>\
             <AcceptedPushLength>2000</AcceptedPushLength><ClientType>MOBILE_PHONE</ClientType>\
             <InitialDeliveryMethod>P</InitialDeliveryMethod><ParserSize>4000</ParserSize>\
             <SupportedCIRMethod>STCP</SupportedCIRMethod><TCPPort>3716</TCPPort>\
             </CapabilityList>",
        ),
        (
            ClientCapabilityResponse {
                agreed: Some(Box::new(agreed)),
                ..Default::default()
            }
            .into(),
            // What 1.1 answers is a CapabilityList.
            "<ClientCapability-Response/>",
            "<AgreedCapabilityList><SupportedCIRMethod>SHTTP</SupportedCIRMethod>\
             <ServerPollMin>10</ServerPollMin><CIRURL><URL>http://im.com/cir</URL></CIRURL>\
             </AgreedCapabilityList>",
            "<AgreedCapabilityList><CIRHTTPAddress><URL>http://im.com/cir</URL></CIRHTTPAddress>\
             <MultiTrans>1</MultiTrans><ServerPollMin>10</ServerPollMin>\
             <SupportedCIRMethod>SHTTP</SupportedCIRMethod></AgreedCapabilityList>",
        ),
    ]);
}

#[test]
fn wrappings() {
    let info = MessageInfo {
        id: Some("m".to_owned()),
        ..Default::default()
    };
    let inner = "<MessageInfo><MessageID>m</MessageID><ContentSize>0</ContentSize><Recipient/></MessageInfo>";
    let list = GetMessageListResponse {
        messages: vec![info],
        total: Some(1),
    };
    let list = Primitive::from(list);
    for (version, want) in [
        (Version::V1_2, inner.to_owned()),
        (
            Version::V1_3,
            format!(
                "<MessageInfoList>{inner}</MessageInfoList><MessageTotalCount>1</MessageTotalCount>"
            ),
        ),
    ] {
        let want = format!("<GetMessageList-Response>{want}</GetMessageList-Response>");
        assert_eq!(inside(&list, version), want);
    }
    let members = UserList {
        users: vec![User::new("ann")],
        ..Default::default()
    };
    check(&[
        (
            MemberAccessRequest {
                group: "g".to_owned(),
                users: Some(members),
                ..Default::default()
            }
            .into(),
            "<GroupID>g</GroupID><Users><UserList><User><UserID>ann</UserID></User></UserList></Users>",
            SAME,
            "<GroupID>g</GroupID><UserList><User><UserID>ann</UserID></User></UserList>",
        ),
        (
            GetWatcherListResponse {
                watchers: vec![Watcher {
                    user: User::new("ann"),
                    friendly_name: Some("Ann".to_owned()),
                    status: Some("CURRENT_SUBSCRIBER".to_owned()),
                }],
                users: vec![User::new("ann")],
                ..Default::default()
            }
            .into(),
            "<User><UserID>ann</UserID></User>",
            "<Watcher><User><UserID>ann</UserID></User><WatcherStatus>CURRENT_SUBSCRIBER\
             </WatcherStatus></Watcher>",
            "<Watcher><UserID>ann</UserID><FriendlyName>Ann</FriendlyName>\
             <WatcherStatus>CURRENT_SUBSCRIBER</WatcherStatus></Watcher>",
        ),
    ]);
}

/// Reads what stands in a transaction.
fn read(version: Version, primitive: &str) -> Primitive {
    let text = format!(
        "<WV-CSP-Message xmlns='{}'><Session><Transaction><TransactionContent>{primitive}\
         </TransactionContent></Transaction></Session></WV-CSP-Message>",
        version.session_namespace()
    );
    let message = Message::decode(text.as_bytes(), Encoding::Xml).expect(&text);
    assert_eq!(message.refused, [], "{text}");
    message.transactions[0].primitive.clone()
}

/// What a client of 1.3 may send in the old way, and what orders and spellings have been seen.
#[test]
fn forms_that_are_read_besides() {
    #[rustfmt::skip]
    let rows = [
        ("<GetPresence-Request><User><UserID>a</UserID></User></GetPresence-Request>",
         "<GetPresence-Request><UserIDList><UserID>a</UserID></UserIDList></GetPresence-Request>"),
        ("<AddGroupMembers-Request><UserList><User><UserID>a</UserID></User></UserList><GroupID>g</GroupID></AddGroupMembers-Request>",
         "<AddGroupMembers-Request><GroupID>g</GroupID><UserIDList><UserID>a</UserID></UserIDList></AddGroupMembers-Request>"),
        ("<GetList-Response><ContactList>l</ContactList></GetList-Response>",
         "<GetList-Response><ContactListIDList><ContactList>l</ContactList></ContactListIDList></GetList-Response>"),
        ("<BlockUser-Request><BlockList><InUse>F</InUse></BlockList></BlockUser-Request>",
         "<BlockEntity-Request><BlockList/><BlockListInUse>F</BlockListInUse></BlockEntity-Request>"),
        ("<ClientCapability-Request><CapabilityList><AcceptedContentType>text/plain</AcceptedContentType><AcceptedCharSet>106</AcceptedCharSet></CapabilityList></ClientCapability-Request>",
         "<ClientCapability-Request><CapabilityList><AcceptedContentType><ContentType>text/plain</ContentType></AcceptedContentType><PlainTextCharset>106</PlainTextCharset></CapabilityList></ClientCapability-Request>"),
        ("<JoinGroup-Response><UserMapList><UserMapping><Mapping><SName>A</SName></Mapping></UserMapping></UserMapList></JoinGroup-Response>",
         "<JoinGroup-Response><Joined><UserMapList><UserMapping><Mapping><SName>A</SName></Mapping></UserMapping></UserMapList></Joined></JoinGroup-Response>"),
        // A client is known to take the mappings for children of the list.
        ("<JoinGroup-Response><UserMapList><Mapping><SName>A</SName></Mapping></UserMapList></JoinGroup-Response>",
         "<JoinGroup-Response><Joined><UserMapList><UserMapping><Mapping><SName>A</SName></Mapping></UserMapping></UserMapList></Joined></JoinGroup-Response>"),
        ("<Search-Request><SearchPairList><SearchPair><SearchElement>USER_ID</SearchElement><SearchString>a</SearchString></SearchPair><SearchPair><SearchElement>USER_ALIAS</SearchElement><SearchString>b</SearchString></SearchPair></SearchPairList></Search-Request>",
         "<Search-Request><SearchPairList><SearchElement>USER_ID</SearchElement><SearchString>a</SearchString></SearchPairList><SearchPairList><SearchElement>USER_ALIAS</SearchElement><SearchString>b</SearchString></SearchPairList></Search-Request>"),
        ("<Search-Request><SearchPairList><SearchElement>USER_ID</SearchElement><SearchString>a</SearchString><SearchElement>USER_ALIAS</SearchElement><SearchString>b</SearchString></SearchPairList></Search-Request>",
         "<Search-Request><SearchPairList><SearchElement>USER_ID</SearchElement><SearchString>a</SearchString></SearchPairList><SearchPairList><SearchElement>USER_ALIAS</SearchElement><SearchString>b</SearchString></SearchPairList></Search-Request>"),
        ("<Login-Request><UserID>a</UserID><DigestSchema>PWD,SHA,MD5</DigestSchema></Login-Request>",
         "<Login-Request><UserID>a</UserID><DigestSchema>PWD</DigestSchema><DigestSchema>SHA</DigestSchema><DigestSchema>MD5</DigestSchema></Login-Request>"),
        ("<JoinGroup-Request><JoinedRequest>true</JoinedRequest><GroupID>\n g\n</GroupID></JoinGroup-Request>",
         "<JoinGroup-Request><GroupID>g</GroupID><JoinedRequest>T</JoinedRequest><SubscribeNotification>F</SubscribeNotification></JoinGroup-Request>"),
        ("<ExtendConversation-Request><UserIDList><UserID>a</UserID></UserIDList><ExtendConversationUser><UserID>b</UserID></ExtendConversationUser></ExtendConversation-Request>",
         "<ExtendConversation-Request><UserIDList><UserID>a</UserID></UserIDList><ExtendConversationUser><UserID>b</UserID></ExtendConversationUser><SubscribeNotification>F</SubscribeNotification></ExtendConversation-Request>"),
    ];
    for (seen, usual) in rows {
        assert_eq!(
            read(Version::V1_3, seen),
            read(Version::V1_3, usual),
            "{seen}"
        );
    }
}

#[test]
fn what_is_in_which_version() {
    let rows = [
        (
            "<ExtendConversation-Response><Result><Code>410</Code></Result></ExtendConversation-Response>",
            [false, false, true],
        ),
        ("<VerifyID-Request/>", [false, true, true]),
        (
            "<CancelAuth-Request><UserID>a</UserID></CancelAuth-Request>",
            [true, true, false],
        ),
        ("<Polling-Request/>", [true, true, true]),
        ("<BlockUser-Request/>", [true, true, true]),
    ];
    for (text, want) in rows {
        let primitive = read(Version::V1_3, text);
        assert_eq!(
            Version::ALL.map(|version| primitive.is_in(version)),
            want,
            "{text}"
        );
    }
}
