//! Nothing that is derived from who a hidden person is reaches anybody else, by whatever way they
//! came in hidden and whatever they do there.

use proptest::test_runner::{Config, TestRunner};
use sip::{Name, Response};

use crate::lab::ask::{entries, list};
use crate::lab::{Ask, Chat, Incoming, Lab, Phone, names};

/// How erin comes to be hidden.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Way {
    /// She invites with Privacy: id.
    Inviter,
    /// Her 200 has Privacy: id.
    Guest,
    /// bob's list has her as bcc.
    Bcc,
    /// bob's list has her with anonymize.
    Anonymized,
    /// She has declined, and comes later by herself, with Privacy: id.
    Comes,
}

/// What she does then.
#[derive(Clone, Copy, Debug)]
enum Doing {
    Says,
    IsComposing,
    Whispers,
    /// An IMDN to whoever spoke last.
    Reports,
    TakesAName,
    Refreshes,
    BringsATablet,
    RefersDave,
    LeavesAndComesBack,
}

const WAYS: [Way; 5] = [
    Way::Inviter,
    Way::Guest,
    Way::Bcc,
    Way::Anonymized,
    Way::Comes,
];

const DOINGS: [Doing; 9] = [
    Doing::Says,
    Doing::IsComposing,
    Doing::Whispers,
    Doing::Reports,
    Doing::TakesAName,
    Doing::Refreshes,
    Doing::BringsATablet,
    Doing::RefersDave,
    Doing::LeavesAndComesBack,
];

const PRIVACY: &str = "Privacy: id\r\n";

/// Somebody at a phone, and where they talk.
struct Person {
    phone: Phone,
    dialog: Dialog,
    chat: Chat,
}

enum Dialog {
    Out(Response),
    In(Incoming),
}

/// erin in a conference with bob and carol, and what else she has taken there.
struct Story {
    lab: Lab,
    erin: Person,
    bob: Person,
    carol: Person,
    identity: String,
    /// Her other phones, and the marks of those that are gone.
    tablets: Vec<(Phone, Chat)>,
    marks: Vec<String>,
    dave: Option<Phone>,
}

/// An offer or answer of hers, by whose name she would be known.
fn sdp() -> String {
    Chat::sdp("zqerinzq")
}

fn accepts(mut phone: Phone, extra: &str, sdp: &str) -> Person {
    let invitation = phone.invited();
    phone.accept(&invitation, extra, sdp);
    let id = if sdp.contains("zqerinzq") {
        "zqerinzq"
    } else {
        "other"
    };
    let chat = Chat::connect(&invitation.sdp(), id);
    Person {
        phone,
        dialog: Dialog::In(invitation),
        chat,
    }
}

fn comes(phone: &mut Phone, ask: &Ask, id: &str) -> (Response, Chat) {
    let ok = ask.ask(phone);
    assert_eq!(ok.status(), 200, "{:?}", ok.raw(Name::Warning));
    phone.ack(&ok, "");
    let chat = Chat::connect(&ok.body(), id);
    (ok, chat)
}

/// An INVITE of hers to the session, hidden.
fn hidden(identity: &str) -> Ask {
    let ask = Ask {
        uri: identity.to_owned(),
        from: "\"Zaphod\" <sip:erin@localhost>".to_owned(),
        list: String::new(),
        body: Some(("application/sdp".to_owned(), sdp())),
        ..Ask::guests(&[])
    };
    ask.with(PRIVACY)
}

impl Story {
    fn begin(way: Way) -> Self {
        let lab = Lab::with(|_, policy| policy.focus.allow_anonymity = true);
        let [mut erin, mut bob, carol] = ["erin", "bob", "carol"].map(|user| lab.phone(user));
        let tagged = match way {
            Way::Bcc => "cp:copyControl=\"bcc\"",
            Way::Anonymized => "cp:copyControl=\"to\" cp:anonymize=\"true\"",
            Way::Inviter | Way::Guest | Way::Comes => "cp:copyControl=\"to\"",
        };
        if way == Way::Inviter {
            let ask = Ask {
                from: "\"Zaphod\" <sip:erin@localhost>".to_owned(),
                ..Ask::guests(&["bob", "carol"])
                    .with_sdp(&sdp())
                    .with(PRIVACY)
            };
            let call_id = ask.send(&mut erin);
            let bob = accepts(bob, "", &Chat::sdp("other"));
            let carol = accepts(carol, "", &Chat::sdp("other"));
            let ok = erin.final_response(&call_id);
            erin.ack(&ok, "");
            let chat = Chat::connect(&ok.body(), "zqerinzq");
            let identity = crate::lab::ask::identity(&ok);
            let erin = Person {
                phone: erin,
                dialog: Dialog::Out(ok),
                chat,
            };
            return Self::with(lab, (erin, bob, carol), identity);
        }
        let erins = format!("<entry uri=\"sip:erin@localhost\" {tagged}/>");
        let ask = Ask {
            list: list(&format!("{}{erins}", entries(&["carol"]))),
            ..Ask::guests(&[])
        };
        let call_id = ask.send(&mut bob);
        let carol = accepts(carol, "", &Chat::sdp("other"));
        let ok = bob.final_response(&call_id);
        bob.ack(&ok, "");
        let chat = Chat::connect(&ok.body(), "host");
        let identity = crate::lab::ask::identity(&ok);
        let bob = Person {
            phone: bob,
            dialog: Dialog::Out(ok),
            chat,
        };
        let erin = match way {
            Way::Comes => {
                let invitation = erin.invited();
                erin.refuses(&invitation, "486 Busy Here");
                let (ok, chat) = comes(&mut erin, &hidden(&identity), "zqerinzq");
                Person {
                    phone: erin,
                    dialog: Dialog::Out(ok),
                    chat,
                }
            }
            Way::Guest => accepts(erin, PRIVACY, &sdp()),
            Way::Bcc | Way::Anonymized | Way::Inviter => accepts(erin, "", &sdp()),
        };
        Self::with(lab, (erin, bob, carol), identity)
    }

    fn with(lab: Lab, (erin, bob, carol): (Person, Person, Person), identity: String) -> Self {
        let mut story = Self {
            lab,
            erin,
            bob,
            carol,
            identity,
            tablets: Vec::new(),
            marks: Vec::new(),
            dave: None,
        };
        story.carol.phone.watches(&story.identity);
        story.bob.phone.watches(&story.identity);
        story
    }

    fn does(&mut self, doing: Doing) {
        let (own, there) = ("sip:erin@localhost", self.identity.clone());
        match doing {
            Doing::Says => {
                assert_eq!(
                    self.erin.chat.say_and_wait(own, &there, "good evening"),
                    200
                );
            }
            Doing::IsComposing => {
                let body = "<isComposing xmlns=\"urn:ietf:params:xml:ns:im-iscomposing\">\
                            <state>active</state></isComposing>";
                self.cpim(&there, "application/im-iscomposing+xml", "", body);
            }
            Doing::Whispers => {
                let status = self
                    .erin
                    .chat
                    .say_and_wait(own, "sip:carol@localhost", "psst");
                assert_eq!(status, 200);
            }
            Doing::Reports => {
                let body = "<imdn xmlns=\"urn:ietf:params:xml:ns:imdn\"><message-id>1</message-id>\
                            <delivery-notification><status><delivered/></status>\
                            </delivery-notification></imdn>";
                let disposition = "Content-Disposition: notification\r\n";
                self.cpim("sip:carol@localhost", "message/imdn+xml", disposition, body);
            }
            Doing::TakesAName => {
                let line = "Use-Nickname: \"Ghost\"\r\n";
                let tid = self.erin.chat.frame("NICKNAME", line, "", '$');
                loop {
                    let (of, status) = self.erin.chat.answer();
                    if of == tid {
                        assert!(matches!(status, 200 | 425), "{status}");
                        break;
                    }
                }
            }
            Doing::Refreshes => {
                let headers = format!("Contact: {}\r\n", self.erin.phone.contact());
                assert_eq!(self.inside("UPDATE", &headers).status(), 200);
            }
            Doing::BringsATablet if self.tablets.len() < 3 => {
                let mut tablet = self.lab.phone("erin");
                let (_, chat) = comes(&mut tablet, &hidden(&there), "zqerinzq");
                self.tablets.push((tablet, chat));
            }
            Doing::BringsATablet => {}
            Doing::RefersDave => {
                let dave = self.dave.get_or_insert_with(|| self.lab.phone("dave"));
                let headers = format!(
                    "Contact: {}\r\nRefer-To: <sip:dave@localhost>\r\nRefer-Sub: false\r\n{PRIVACY}",
                    self.erin.phone.contact()
                );
                let accepted = self.erin.phone.request("REFER", &there, &headers, "");
                assert_eq!(accepted.status(), 202);
                let invitation = dave.invited();
                dave.refuses(&invitation, "486 Busy Here");
            }
            Doing::LeavesAndComesBack => {
                self.marks.extend(marks(&self.erin.phone));
                assert_eq!(self.inside("BYE", "").status(), 200);
                let (ok, chat) = comes(&mut self.erin.phone, &hidden(&there), "zqerinzq");
                self.erin.dialog = Dialog::Out(ok);
                self.erin.chat = chat;
            }
        }
    }

    fn cpim(&mut self, to: &str, kind: &str, extra: &str, body: &str) {
        let cpim = format!(
            "From: Zaphod <sip:erin@localhost>\r\nTo: <{to}>\r\n\
             DateTime: 2026-11-21T00:00:00Z\r\n\r\nContent-Type: {kind}\r\n{extra}\r\n{body}"
        );
        let headers = format!(
            "Byte-Range: 1-{0}/{0}\r\nContent-Type: message/cpim\r\n",
            cpim.len()
        );
        let tid = self.erin.chat.send_frame("", &headers, &cpim);
        while self.erin.chat.answer().0 != tid {}
    }

    fn inside(&mut self, method: &str, extra: &str) -> Response {
        let phone = &mut self.erin.phone;
        match &self.erin.dialog {
            Dialog::In(invitation) => phone.asks(invitation, method, extra, ""),
            Dialog::Out(ok) => {
                let cseq = phone.next_cseq();
                let text = phone.inside(method, ok, cseq, extra, "");
                phone.send(text.as_bytes());
                phone.final_response_to(method, ok.raw(Name::CallId).unwrap(), cseq)
            }
        }
    }

    /// Whoever is not to know has heard nothing of her.
    fn keeps_hidden(mut self, way: Way) {
        // What the server had to say before it has said when it answers this.
        let said = self
            .bob
            .chat
            .say_and_wait("sip:bob@localhost", &self.identity, "the end");
        assert_eq!(said, 200);
        while self.carol.chat.hear().2 != "the end" {}
        for person in [&mut self.bob, &mut self.carol] {
            let alive = person.phone.request("OPTIONS", "sip:localhost", "", "");
            assert_eq!(alive.status(), 200);
        }
        let mut marks: Vec<_> = std::mem::take(&mut self.marks);
        marks.extend(self::marks(&self.erin.phone));
        marks.extend(
            self.tablets
                .iter()
                .flat_map(|(phone, _)| self::marks(phone)),
        );
        let mut heard = vec![
            ("carol", &self.carol.phone.heard),
            ("carol's chat", &self.carol.chat.heard),
            ("bob's chat", &self.bob.chat.heard),
        ];
        if let Some(dave) = &self.dave {
            heard.push(("dave", &dave.heard));
        }
        if way == Way::Inviter || way == Way::Guest {
            heard.push(("bob", &self.bob.phone.heard));
        }
        for (who, bytes) in heard {
            let text = String::from_utf8_lossy(bytes);
            for name in ["erin", "Erin", "Zaphod", "zqerinzq"] {
                assert!(!names(&text, name), "{who} heard {name}: {text}");
            }
            for mark in &marks {
                assert!(!text.contains(mark.as_str()), "{who} heard {mark}: {text}");
            }
        }
    }
}

/// What tells a phone from all others: where it is, and how it names its calls.
fn marks(phone: &Phone) -> Vec<String> {
    let port = phone.local.port();
    vec![
        format!(":{port}"),
        format!("-{port}"),
        format!("t{}{port}", phone.user),
    ]
}

#[test]
fn who_hides_is_hidden() {
    let config = Config {
        cases: 40,
        failure_persistence: None,
        ..Config::default()
    };
    let story = (
        proptest::sample::select(&WAYS[..]),
        proptest::collection::vec(proptest::sample::select(&DOINGS[..]), 1..8),
    );
    let mut runner = TestRunner::new(config);
    let result = runner.run(&story, |(way, doings)| {
        let mut story = Story::begin(way);
        for doing in doings {
            story.does(doing);
        }
        story.keeps_hidden(way);
        Ok(())
    });
    result.unwrap();
}
