//! What an inviter asks of the conference factory, and what can be wrong with it.

use std::fmt::Write as _;

use sip::{Name, Response};

use super::{Chat, Phone};

/// The address of the factory of every lab.
pub const FACTORY: &str = "sip:conference-factory@localhost";

/// An INVITE to the factory. [`Ask::guests`] is a good one; a test spoils what it is about.
#[derive(Clone, Debug)]
pub struct Ask {
    /// The Request-URI.
    pub uri: String,
    /// Display name and URI of From; empty: the address of the phone's user.
    pub from: String,
    /// The session description; empty for none.
    pub sdp: String,
    /// The URI list, a whole document; empty for none.
    pub list: String,
    /// Whole header lines beside the usual ones.
    pub extra: String,
    /// The value of Contact, if it is not to be the phone's own; empty for none.
    pub contact: Option<String>,
    /// Does the phone know session timers?
    pub timer: bool,
    /// The value of Allow; empty for none.
    pub allow: String,
    /// Content-Type and body, if they are not to be made of `sdp` and `list`.
    pub body: Option<(String, String)>,
}

impl Ask {
    /// Invites these users, with a chat.
    pub fn guests(users: &[&str]) -> Self {
        Self {
            uri: FACTORY.to_owned(),
            from: String::new(),
            sdp: Chat::sdp("host"),
            list: list(&entries(users)),
            extra: String::new(),
            contact: None,
            timer: true,
            allow: "INVITE, ACK, BYE, CANCEL, UPDATE, NOTIFY".to_owned(),
            body: None,
        }
    }

    /// With another offer.
    pub fn with_sdp(mut self, sdp: &str) -> Self {
        self.sdp = sdp.to_owned();
        self
    }

    /// With other entries.
    pub fn with_entries(mut self, entries: &str) -> Self {
        self.list = list(entries);
        self
    }

    /// With further header lines.
    pub fn with(mut self, lines: &str) -> Self {
        self.extra.push_str(lines);
        self
    }

    fn text(&self, phone: &mut Phone, call_id: &str, credentials: &str) -> String {
        let contact = self.contact.clone().unwrap_or_else(|| phone.contact());
        let mut headers = match contact.as_str() {
            "" => String::new(),
            contact => format!("Contact: {contact}\r\n"),
        };
        if self.timer {
            headers.push_str("Supported: timer\r\n");
        }
        if !self.allow.is_empty() {
            let _ = write!(headers, "Allow: {}\r\n", self.allow);
        }
        if !self.list.is_empty() {
            headers.push_str("Require: recipient-list-invite\r\n");
        }
        headers.push_str(&self.extra);
        headers.push_str(credentials);
        let (content_type, body) = self.content();
        if !content_type.is_empty() {
            let _ = write!(headers, "Content-Type: {content_type}\r\n");
        }
        let text = phone.write("INVITE", &self.uri, call_id, &headers, &body);
        if self.from.is_empty() {
            return text;
        }
        let usual = format!("From: <sip:{}@localhost>", phone.user);
        text.replace(&usual, &format!("From: {}", self.from))
    }

    fn content(&self) -> (String, String) {
        if let Some(body) = &self.body {
            return body.clone();
        }
        let mut parts = Vec::new();
        if !self.sdp.is_empty() {
            parts.push(("application/sdp", "", self.sdp.as_str()));
        }
        if !self.list.is_empty() {
            let disposition = "Content-Disposition: recipient-list\r\n";
            parts.push((
                "application/resource-lists+xml",
                disposition,
                self.list.as_str(),
            ));
        }
        match parts.as_slice() {
            [] => (String::new(), String::new()),
            _ => ("multipart/mixed;boundary=b1".to_owned(), multipart(&parts)),
        }
    }

    /// Sends it, and does not wait: the call it makes.
    pub fn send_once(&self, phone: &mut Phone) -> String {
        let call_id = phone.call_id();
        let text = self.text(phone, &call_id, "");
        phone.send(text.as_bytes());
        call_id
    }

    /// Sends it, with credentials when they are asked for: the call it makes.
    pub fn send(&self, phone: &mut Phone) -> String {
        let call_id = self.send_once(phone);
        let challenge = phone.final_response(&call_id);
        assert_eq!(challenge.status(), 407, "{challenge:?}");
        phone.ack_failure(&challenge, &self.uri);
        let credentials = phone.credentials(&challenge, "INVITE", &self.uri, "password");
        let text = self.text(phone, &call_id, &credentials);
        phone.send(text.as_bytes());
        call_id
    }

    /// Sends it with credentials, and a CANCEL in the same breath: the call it makes.
    pub fn send_cancelled(&self, phone: &mut Phone) -> String {
        let call_id = phone.call_id();
        let text = self.text(phone, &call_id, "");
        phone.send(text.as_bytes());
        let challenge = phone.final_response(&call_id);
        phone.ack_failure(&challenge, &self.uri);
        let credentials = phone.credentials(&challenge, "INVITE", &self.uri, "password");
        let mut text = self.text(phone, &call_id, &credentials);
        text.push_str(&phone.cancel(&call_id, &self.uri));
        phone.send(text.as_bytes());
        call_id
    }

    /// Sends it and waits for the end of it; a failure is acknowledged.
    pub fn ask(&self, phone: &mut Phone) -> Response {
        let call_id = self.send(phone);
        let response = phone.final_response(&call_id);
        if response.status() >= 300 {
            phone.ack_failure(&response, &self.uri);
        }
        response
    }
}

/// A body of several parts: (type, further header lines, content).
pub fn multipart(parts: &[(&str, &str, &str)]) -> String {
    let mut body = String::new();
    for (content_type, headers, content) in parts {
        let _ = write!(
            body,
            "--b1\r\nContent-Type: {content_type}\r\n{headers}\r\n{content}\r\n"
        );
    }
    body + "--b1--\r\n"
}

/// A list of recipients with these entries.
pub fn list(entries: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n\
         <resource-lists xmlns=\"urn:ietf:params:xml:ns:resource-lists\" \
         xmlns:cp=\"urn:ietf:params:xml:ns:copycontrol\"><list>{entries}</list></resource-lists>"
    )
}

/// One entry for each user of our domain.
pub fn entries(users: &[&str]) -> String {
    users
        .iter()
        .map(|user| format!("<entry uri=\"sip:{user}@localhost\" cp:copyControl=\"to\"/>"))
        .collect()
}

/// The URI in a Contact or the like.
pub fn uri(value: &str) -> String {
    value.split(['<', '>']).nth(1).unwrap().to_owned()
}

/// The conference URI in a response or request of a focus.
pub fn identity(fields: &sip::Fields) -> String {
    uri(fields.raw(Name::Contact).unwrap())
}
