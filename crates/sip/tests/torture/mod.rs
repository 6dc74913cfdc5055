//! What is to become of a message that is hard to read, and the comparison with what does.

#![allow(dead_code)] // every file of tests takes what it needs

pub(crate) mod archive;

use bytes::Bytes;
use sip::header::{
    CSeq, Contact, ContentType, Event, From, NameAddr, ReferTo, Replaces, SessionExpires,
    SubscriptionState, To, Via, Warning,
};
use sip::{Fields, Message, Name, ParseError};

/// A message by name, what becomes of it, and what must be found in it.
pub(crate) type Row = (&'static str, Want, &'static [Fact]);

/// What becomes of a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Want {
    /// It is worked on.
    Fit,
    /// A request that is answered with this status at once.
    Refused(u16),
    /// A response that is dropped.
    Dropped,
    /// It cannot be taken apart; a request that can still be answered (with 400) is.
    Broken(ParseError, Answer),
}

/// Can a broken message be answered?
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Answer {
    Possible,
    Impossible,
}

/// What must be found in a message that was taken apart.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fact {
    /// The method of a request.
    Method(&'static str),
    /// The Request-URI.
    Target(&'static str),
    /// The status and reason of a response.
    Status(u16, &'static str),
    /// How many hops the Via fields name, well-formed ones alone.
    Vias(usize),
    /// Transport, host and branch of the first Via.
    Top(&'static str, &'static str, Option<&'static str>),
    /// Display name, URI and tag of From.
    From(Option<&'static str>, &'static str, Option<&'static str>),
    /// Display name, URI and tag of To.
    To(Option<&'static str>, &'static str, Option<&'static str>),
    /// The URIs of the Contacts, well-formed ones alone.
    Contacts(&'static [&'static str]),
    /// The number of CSeq.
    Sequence(u32),
    /// The value of a header, as read.
    Value(Name, &'static str),
    /// The length of the body.
    Body(usize),
    /// How many header fields there are.
    Fields(usize),
}

/// Compares what becomes of every message with the table.
pub(crate) fn compare(messages: &[(String, Bytes)], table: &[Row]) {
    for (name, bytes) in messages {
        let row = table.iter().find(|row| row.0 == name);
        let (_, want, facts) = row.unwrap_or_else(|| panic!("{name} is not in the table"));
        assert_eq!(verdict(bytes), *want, "{name}");
        let Ok(message) = Message::parse(bytes.clone()) else {
            continue;
        };
        for fact in *facts {
            assert!(holds(&message, fact), "{name}: {fact:?} in {message:?}");
        }
        is_lossless(bytes, &message);
        read_everything(message.fields());
    }
    for (name, ..) in table {
        let found = messages.iter().any(|(message, _)| message == name);
        assert!(found, "there is no message {name}");
    }
}

fn verdict(bytes: &Bytes) -> Want {
    match Message::parse(bytes.clone()) {
        Err(error) => {
            let answer = match Message::salvage(bytes.clone()) {
                Some(_) => Answer::Possible,
                None => Answer::Impossible,
            };
            Want::Broken(error, answer)
        }
        Ok(Message::Request(request)) => match request.fault() {
            Some(fault) => Want::Refused(fault.status),
            None => Want::Fit,
        },
        Ok(Message::Response(response)) => match response.fault() {
            Some(_) => Want::Dropped,
            None => Want::Fit,
        },
    }
}

fn holds(message: &Message, fact: &Fact) -> bool {
    let fields = message.fields();
    match (*fact, message) {
        (Fact::Method(want), Message::Request(request)) => request.method().as_str() == want,
        (Fact::Target(want), Message::Request(request)) => request.uri() == want,
        (Fact::Status(status, reason), Message::Response(response)) => {
            (response.status(), response.reason()) == (status, reason)
        }
        (Fact::Method(_) | Fact::Target(_) | Fact::Status(..), _) => false,
        (Fact::Vias(want), _) => fields.list::<Via<'_>>().flatten().count() == want,
        (Fact::Top(transport, host, branch), _) => {
            let via = fields.first::<Via<'_>>().unwrap().unwrap();
            (via.transport, via.host, via.branch()) == (transport, host, branch)
        }
        (Fact::From(name, uri, tag), _) => {
            is_address(&fields.require::<From<'_>>().unwrap(), (name, uri, tag))
        }
        (Fact::To(name, uri, tag), _) => {
            is_address(&fields.require::<To<'_>>().unwrap(), (name, uri, tag))
        }
        (Fact::Contacts(want), _) => {
            let contacts = fields.list::<Contact<'_>>().flatten();
            contacts.map(|c| c.uri.as_str()).eq(want.iter().copied())
        }
        (Fact::Sequence(want), _) => fields.require::<CSeq<'_>>().unwrap().number == want,
        (Fact::Value(name, want), _) => fields.raw(name) == Some(want),
        (Fact::Body(want), _) => fields.body().len() == want,
        (Fact::Fields(want), _) => fields.iter().count() == want,
    }
}

fn is_address(address: &NameAddr<'_>, want: (Option<&str>, &str, Option<&str>)) -> bool {
    let display = address.display();
    (display.as_deref(), address.uri.as_str(), address.tag()) == want
}

/// Nothing of what came is lost: the buffer is what came, and the fields make up its head.
pub(crate) fn is_lossless(bytes: &Bytes, message: &Message) {
    let fields = message.fields();
    assert!(bytes.starts_with(fields.wire()), "{message:?}");
    let mut again = bytes.slice_ref(fields.wire()).to_vec();
    let head_end = again.len() - fields.body().len();
    again.truncate(head_end);
    let start_line = again.windows(2).position(|two| two == b"\r\n").unwrap() + 2;
    let lines: Vec<u8> = fields
        .iter()
        .flat_map(|f| fields.line(f))
        .copied()
        .collect();
    assert_eq!(&again[start_line..], [&lines[..], b"\r\n"].concat());
}

/// Reads every typed header there is: whatever it holds, nothing may panic.
pub(crate) fn read_everything(fields: &Fields) {
    let _ = fields.get::<ContentType<'_>>();
    let _ = fields.get::<Event<'_>>();
    let _ = fields
        .get::<ReferTo<'_>>()
        .map(|r| r.map(|r| (r.uri.aor(), r.display())));
    let _ = fields.get::<Replaces<'_>>();
    let _ = fields.get::<SessionExpires>();
    let _ = fields.get::<SubscriptionState<'_>>();
    fields.list::<Contact<'_>>().flatten().for_each(|contact| {
        let _ = (
            contact.q(),
            contact.expires(),
            contact.uri.equivalent(&contact.uri),
        );
    });
    fields
        .list::<Warning<'_>>()
        .flatten()
        .for_each(|w| drop(w.to_string()));
    let _ = sip::header::Accept::allows(fields, "application", "sdp");
}
