//! What happens in nearly every story: people register, one invites, others accept and leave.

use sip::sdp::Description;
use sip::{Message, Name, Request, Response};

use super::ask::{identity, uri};
use super::{Ask, Chat, Incoming, Lab, Phone};

/// Somebody in a conference.
pub struct Guest {
    pub phone: Phone,
    pub invitation: Incoming,
    pub chat: Chat,
}

/// A conference with its inviter and guests in it.
pub struct Conference {
    pub host: Phone,
    pub ok: Response,
    pub chat: Chat,
    pub guests: Vec<Guest>,
    pub identity: String,
}

impl Lab {
    /// A phone on TCP, registered.
    pub fn phone(&self, user: &str) -> Phone {
        let mut phone = Phone::tcp(self, user);
        phone.register();
        phone
    }

    /// alice invites these, who all accept at once.
    pub fn conference(&self, guests: &[&str]) -> Conference {
        self.conference_by(&Ask::guests(guests), guests)
    }

    /// alice asks for this, and these accept in turn.
    pub fn conference_by(&self, ask: &Ask, guests: &[&str]) -> Conference {
        let mut host = self.phone("alice");
        let phones: Vec<_> = guests.iter().map(|user| self.phone(user)).collect();
        let call_id = ask.send(&mut host);
        let guests: Vec<_> = phones
            .into_iter()
            .map(|phone| Guest::joins(phone, ""))
            .collect();
        let ok = host.final_response(&call_id);
        assert_eq!(ok.status(), 200, "{}", ok.reason());
        host.ack(&ok, "");
        let chat = Chat::connect(&ok.body(), "host");
        let identity = identity(&ok);
        Conference {
            host,
            ok,
            chat,
            guests,
            identity,
        }
    }
}

impl Guest {
    /// Accepts the next invitation; `extra` is header lines of the 200.
    pub fn joins(mut phone: Phone, extra: &str) -> Self {
        let invitation = phone.invited();
        phone.accept(&invitation, extra, &Chat::sdp(&phone.user.clone()));
        let chat = Chat::connect(&invitation.sdp(), &phone.user.clone());
        Self {
            phone,
            invitation,
            chat,
        }
    }

    /// Leaves with BYE.
    pub fn leaves(&mut self) {
        let response = self.phone.asks(&self.invitation, "BYE", "", "");
        assert_eq!(response.status(), 200);
    }
}

impl Conference {
    /// The inviter leaves with BYE.
    pub fn host_leaves(&mut self) {
        let response = self.host_asks("BYE", "", "");
        assert_eq!(response.status(), 200);
    }

    /// A request of the inviter inside the dialog: its final response.
    pub fn host_asks(&mut self, method: &str, extra: &str, body: &str) -> Response {
        let cseq = self.host.next_cseq();
        let text = self.host.inside(method, &self.ok, cseq, extra, body);
        self.host.send(text.as_bytes());
        self.host
            .final_response_to(method, self.ok.raw(Name::CallId).unwrap(), cseq)
    }

    /// Everybody hears what the inviter says.
    pub fn all_hear(&mut self, text: &str) {
        let status = self
            .chat
            .say_and_wait("sip:alice@localhost", &self.identity, text);
        assert_eq!(status, 200);
        for guest in &mut self.guests {
            assert_eq!(guest.chat.hear().2, text, "{} listens", guest.phone.user);
        }
    }
}

impl Phone {
    /// Asserts that nothing has come but what was waited for and what `allowed` lets pass: the
    /// server answers an OPTIONS after all that it had to say before.
    pub fn heard_only(&mut self, allowed: impl Fn(&Message) -> bool) {
        let alive = self.request("OPTIONS", "sip:localhost", "", "");
        assert_eq!(alive.status(), 200);
        for message in self.unheard() {
            assert!(allowed(message), "{} got {message:?}", self.user);
        }
    }

    /// Subscribes to who is in a conference: the 200, and the body of the first NOTIFY.
    pub fn watches(&mut self, identity: &str) -> (Response, String) {
        let headers = format!("Contact: {}\r\nEvent: conference\r\n", self.contact());
        let response = self.request("SUBSCRIBE", identity, &headers, "");
        assert_eq!(response.status(), 200, "{}", response.reason());
        (response, self.notified().1)
    }

    /// The next NOTIFY, answered with 200: itself and its body.
    pub fn notified(&mut self) -> (Request, String) {
        let notify = self.incoming("NOTIFY");
        self.answer(&notify, "200 OK", "x", "", "");
        let body = String::from_utf8(notify.body().to_vec()).unwrap();
        (notify, body)
    }

    /// Says 180 to an invitation.
    pub fn rings(&mut self, invitation: &Incoming) {
        let contact = format!("Contact: {}\r\n", self.contact());
        self.answer(
            &invitation.request,
            "180 Ringing",
            &invitation.tag,
            &contact,
            "",
        );
    }

    /// Refuses an invitation, and waits for the ACK.
    pub fn refuses(&mut self, invitation: &Incoming, status: &str) {
        self.answer(&invitation.request, status, &invitation.tag, "", "");
        self.incoming("ACK");
    }

    /// Hears the CANCEL of an invitation, and ends it as RFC 3261 section 9.2 says.
    pub fn is_cancelled(&mut self, invitation: &Incoming) {
        let cancel = self.incoming("CANCEL");
        assert_eq!(cancel.raw(Name::Via), invitation.request.raw(Name::Via));
        self.answer(&cancel, "200 OK", &invitation.tag, "", "");
        self.refuses(invitation, "487 Request Terminated");
    }

    /// Hears a BYE and answers it: the request.
    pub fn is_released(&mut self) -> Request {
        let bye = self.incoming("BYE");
        self.answer(&bye, "200 OK", "x", "", "");
        bye
    }

    /// A request inside the dialog of an invitation that was accepted: its final response.
    pub fn asks(
        &mut self,
        invitation: &Incoming,
        method: &str,
        extra: &str,
        body: &str,
    ) -> Response {
        let (call_id, cseq) = self.tells(invitation, method, extra, body);
        self.final_response_to(method, &call_id, cseq)
    }

    /// The same without waiting: its Call-ID and number.
    pub fn tells(
        &mut self,
        invitation: &Incoming,
        method: &str,
        extra: &str,
        body: &str,
    ) -> (String, u32) {
        let request = &invitation.request;
        let (call_id, cseq) = (
            request.raw(Name::CallId).unwrap().to_owned(),
            self.next_cseq(),
        );
        let routes: String = request
            .raw_all(Name::RecordRoute)
            .map(|route| format!("Route: {route}\r\n"))
            .collect();
        let text = format!(
            "{method} {} SIP/2.0\r\nVia: SIP/2.0/{} {};branch=z9hG4bK{method}{cseq}{call_id};rport\r\n\
             Max-Forwards: 70\r\n{routes}From: {};tag={}\r\nTo: {}\r\nCall-ID: {call_id}\r\n\
             CSeq: {cseq} {method}\r\n{extra}Content-Length: {}\r\n\r\n{body}",
            uri(request.raw(Name::Contact).unwrap()),
            self.transport(),
            self.local,
            request.raw(Name::To).unwrap(),
            invitation.tag,
            request.raw(Name::From).unwrap(),
            body.len(),
        );
        self.send(text.as_bytes());
        (call_id, cseq)
    }

    /// The final response to one request of several in a call.
    pub fn final_response_to(&mut self, method: &str, call_id: &str, cseq: u32) -> Response {
        let wanted = format!("{cseq} {method}");
        let message = self.next(&format!("an answer to {wanted}"), |message| match message {
            Message::Response(response) => {
                response.is_final()
                    && response.raw(Name::CallId) == Some(call_id)
                    && response.raw(Name::CSeq) == Some(&wanted)
            }
            Message::Request(_) => false,
        });
        match message {
            Message::Response(response) => response,
            Message::Request(_) => unreachable!(),
        }
    }

    /// Takes back an INVITE to the factory that got no final response: the answer to the CANCEL.
    pub fn cancels(&mut self, call_id: &str, uri: &str) -> Response {
        let text = self.cancel(call_id, uri);
        self.send(text.as_bytes());
        self.final_response_to("CANCEL", call_id, self.cseq())
    }

    /// The CANCEL of the latest request.
    pub fn cancel(&self, call_id: &str, uri: &str) -> String {
        let branch = format!("z9hG4bK{call_id}{}", self.cseq());
        let (cseq, user) = (self.cseq(), &self.user);
        format!(
            "CANCEL {uri} SIP/2.0\r\nVia: SIP/2.0/{} {};branch={branch};rport\r\nMax-Forwards: 70\r\n\
             From: <sip:{user}@localhost>;tag=f{call_id}\r\nTo: <{uri}>\r\nCall-ID: {call_id}\r\n\
             CSeq: {cseq} CANCEL\r\nContent-Length: 0\r\n\r\n",
            self.transport(),
            self.local,
        )
    }
}

/// The attribute lines of the chat in a description, sorted, without those that name a
/// connection.
pub fn attributes(description: &[u8]) -> Vec<String> {
    let text = std::str::from_utf8(description).unwrap();
    Description::parse(description).unwrap();
    let chat = text.split("m=message").nth(1).unwrap();
    let lines = chat
        .lines()
        .skip(1)
        .take_while(|line| !line.starts_with("m="));
    let mut lines: Vec<_> = lines
        .filter(|line| line.starts_with("a="))
        .filter(|line| !line.starts_with("a=path") && !line.starts_with("a=setup"))
        .map(str::to_owned)
        .collect();
    lines.sort();
    lines
}
