//! Reading documents, as far as it goes.

use super::{Document, Encoding, MAX_TRANSACTIONS, Message, Mode, Refused, Session, Transaction};
use crate::content::Content;
use crate::csp::{SegmentInfo, VersionDiscoveryRequest, VersionDiscoveryResponse};
use crate::error::{Flaw, FlawKind};
use crate::primitive::Primitive;
use crate::reader::{Reader, Root, Value};
use crate::table::Element;
use crate::version::Version;

/// What has been read so far, in case that reading ends early.
#[derive(Default)]
pub(super) struct Context {
    pub(super) version: Option<Version>,
    /// The message, if it is one, as far as it goes.
    pub(super) message: Message,
    /// The transaction in which reading ended.
    pub(super) transaction: Option<String>,
}

pub(super) fn read(
    bytes: &[u8],
    encoding: Encoding,
    context: &mut Context,
) -> Result<Document, Flaw> {
    let (mut from, root) = match encoding {
        Encoding::Wbxml => Reader::wbxml(bytes)?,
        Encoding::Xml => Reader::xml(bytes)?,
    };
    let aside = read_root(&root, &mut from, context)?;
    from.finish()?;
    let message = || Document::Message(std::mem::take(&mut context.message));
    Ok(aside.unwrap_or_else(message))
}

/// Reads a message into the context, or what is none.
fn read_root(
    root: &Root,
    from: &mut Reader<'_>,
    context: &mut Context,
) -> Result<Option<Document>, Flaw> {
    match root.element {
        Element::WvCspMessage => {
            context.version = root.version;
            let unknown = from.flaw(FlawKind::UnknownVersion);
            let read = read_message(from, context);
            // A version that is not known has been read as if it were, for the sake of the answer.
            match root.version {
                Some(_) => read.map(|()| None),
                None => Err(unknown),
            }
        }
        Element::VersionDiscoveryRequest => {
            let request = VersionDiscoveryRequest::read(root.element, from)?;
            Ok(Some(Document::DiscoveryRequest(request)))
        }
        Element::VersionDiscoveryResponse => {
            let response = VersionDiscoveryResponse::read(root.element, from)?;
            Ok(Some(Document::DiscoveryResponse(response)))
        }
        _ => Err(from.flaw(FlawKind::NotCsp)),
    }
}

fn read_message(from: &mut Reader<'_>, context: &mut Context) -> Result<(), Flaw> {
    context.message.version = from.version();
    let mut found = false;
    while let Some(child) = from.child()? {
        if child == Element::Session && !found {
            found = true;
            read_session(from, context)?;
        } else {
            from.skip()?;
        }
    }
    if !found {
        let (element, child) = (Element::WvCspMessage.name(), Element::Session.name());
        return Err(from.flaw(FlawKind::Missing { element, child }));
    }
    Ok(())
}

fn read_session(from: &mut Reader<'_>, context: &mut Context) -> Result<(), Flaw> {
    let mut transactions = 0;
    while let Some(child) = from.child()? {
        match child {
            Element::SessionDescriptor => context.message.session = read_session_descriptor(from)?,
            Element::Transaction => {
                transactions += 1;
                if transactions > MAX_TRANSACTIONS {
                    return Err(from.flaw(FlawKind::TooLarge {
                        what: "transactions",
                        limit: MAX_TRANSACTIONS,
                    }));
                }
                read_transaction(from, context)?;
            }
            Element::Poll => context.message.poll |= bool::read(child, from)?,
            Element::Cir => context.message.cir |= bool::read(child, from)?,
            _ => from.skip()?,
        }
    }
    Ok(())
}

fn read_session_descriptor(from: &mut Reader<'_>) -> Result<Session, Flaw> {
    let mut inband = None;
    let mut id = None;
    while let Some(child) = from.child()? {
        match child {
            Element::SessionType => {
                inband = one_of(["Outband", "Inband"], from)?;
                if inband.is_none() {
                    return Err(from.bad_value(child, "Inband or Outband"));
                }
            }
            Element::SessionId => id = Some(String::read(child, from)?),
            _ => from.skip()?,
        }
    }
    Ok(match (inband, id) {
        (Some(false), _) | (None, None) => Session::Outband,
        (Some(true) | None, id) => Session::Inband(id.unwrap_or_default()),
    })
}

/// Reads a word, and says whether it is the second of the two. `None`: it is neither.
fn one_of(words: [&str; 2], from: &mut Reader<'_>) -> Result<Option<bool>, Flaw> {
    let Value::Text(word) = from.value()? else {
        return Ok(None);
    };
    let is = |known: &&str| word.trim().eq_ignore_ascii_case(known);
    Ok(words.iter().position(is).map(|at| at == 1))
}

/// Reads a transaction into those that could be read or those that could not.
fn read_transaction(from: &mut Reader<'_>, context: &mut Context) -> Result<(), Flaw> {
    let message = &mut context.message;
    let outside = from.depth().saturating_sub(1);
    let mut draft = Draft::default();
    context.transaction = None;
    let read = draft.read(from);
    message.poll |= draft.poll;
    let flaw = match read {
        Ok(()) => match draft.primitive.take() {
            Some(primitive) => {
                // Most messages have one: room for four would be some kilobytes.
                if message.transactions.is_empty() {
                    message.transactions.reserve_exact(1);
                }
                message.transactions.push(Transaction {
                    mode: draft.mode,
                    id: draft.id,
                    segment: draft.segment,
                    primitive,
                });
                return Ok(());
            }
            None => from.flaw(FlawKind::Missing {
                element: Element::Transaction.name(),
                child: Element::TransactionContent.name(),
            }),
        },
        Err(flaw) => flaw,
    };
    context.transaction = Some(draft.id.clone());
    if !flaw.is_local() {
        return Err(flaw);
    }
    from.leave_to(outside)?;
    context.transaction = None;
    let Draft { mode, id, .. } = draft;
    message.refused.push(Refused { mode, id, flaw });
    Ok(())
}

/// What has been read of a transaction.
#[derive(Default)]
struct Draft {
    mode: Mode,
    id: String,
    segment: Option<SegmentInfo>,
    poll: bool,
    primitive: Option<Primitive>,
}

impl Draft {
    fn read(&mut self, from: &mut Reader<'_>) -> Result<(), Flaw> {
        while let Some(child) = from.child()? {
            match child {
                Element::TransactionDescriptor => self.read_descriptor(from)?,
                Element::TransactionContent if self.primitive.is_none() => {
                    if let Some(element) = from.child()? {
                        self.primitive = Some(Primitive::read(element, from)?);
                        // Only one is allowed.
                        while from.child()?.is_some() {
                            from.skip()?;
                        }
                    }
                }
                _ => from.skip()?,
            }
        }
        Ok(())
    }

    fn read_descriptor(&mut self, from: &mut Reader<'_>) -> Result<(), Flaw> {
        while let Some(child) = from.child()? {
            match child {
                Element::TransactionMode => {
                    self.mode = match one_of(["Request", "Response"], from)? {
                        Some(false) => Mode::Request,
                        Some(true) => Mode::Response,
                        None => return Err(from.bad_value(child, "Request or Response")),
                    };
                }
                Element::TransactionId => self.id = String::read(child, from)?,
                Element::SegmentInfo => self.segment = Some(SegmentInfo::read(child, from)?),
                Element::Poll => self.poll |= bool::read(child, from)?,
                _ => from.skip()?,
            }
        }
        Ok(())
    }
}
