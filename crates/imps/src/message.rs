//! Documents: what one HTTP request or response carries.

mod read;

use bytes::Bytes;

use crate::content::Content;
use crate::csp::{SegmentInfo, VersionDiscoveryRequest, VersionDiscoveryResponse};
use crate::error::{Error, Flaw, FlawKind};
use crate::primitive::Primitive;
use crate::table::Element;
use crate::version::Version;
use crate::writer::Writer;

/// The most transactions that are read in one message. Clients offer one or a few.
pub const MAX_TRANSACTIONS: usize = 256;

/// The version that version discovery is written in: the first to have it, whose header everybody
/// who has it understands.
const DISCOVERY: Version = Version::V1_2;

/// How a document is written.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Encoding {
    /// As WBXML, which is binary.
    Wbxml,
    /// As XML.
    Xml,
}

impl Encoding {
    /// The encoding of a media type. Matched loosely, because the names of the versions differ, and
    /// so do the clients: `application/vnd.wv.csp.wbxml`, `application/vnd.wv.csp+xml`, `text/xml`.
    pub fn of_media_type(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        if name.contains("wbxml") {
            Some(Self::Wbxml)
        } else if name.contains("xml") {
            Some(Self::Xml)
        } else {
            None
        }
    }

    /// The encoding of a document whose media type says nothing: WBXML begins with the number of
    /// its version.
    pub fn guess(document: &[u8]) -> Self {
        match document.first() {
            Some(0..=3) => Self::Wbxml,
            _ => Self::Xml,
        }
    }
}

/// What can be at the root of a document.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Document {
    /// A message with transactions.
    Message(Message),
    /// A question about versions.
    DiscoveryRequest(VersionDiscoveryRequest),
    /// The answer to it.
    DiscoveryResponse(VersionDiscoveryResponse),
}

/// A message: transactions of one session.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Message {
    /// The version, which the namespace tells.
    pub version: Version,
    /// The session.
    pub session: Session,
    /// The transactions that could be read.
    pub transactions: Vec<Transaction>,
    /// The transactions that could not. Nothing is written for them.
    pub refused: Vec<Refused>,
    /// More is waiting for the client. CSP 1.1 writes it into every transaction.
    pub poll: bool,
    /// The channel on which the client is told what waits does not work. CSP 1.2 and later.
    pub cir: bool,
}

/// Whether a message belongs to a session.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub enum Session {
    /// It belongs to the session of this id. An empty id was missing.
    Inband(String),
    /// It belongs to none: a login.
    #[default]
    Outband,
}

/// A primitive, and to which other it belongs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Transaction {
    /// Whether it asks or answers.
    pub mode: Mode,
    /// The id, which whoever asks gives. Empty if there is none.
    pub id: String,
    /// Which piece of the whole this is. CSP 1.3.
    pub segment: Option<SegmentInfo>,
    /// The primitive.
    pub primitive: Primitive,
}

/// Whether a transaction asks or answers.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Mode {
    /// It asks.
    #[default]
    Request,
    /// It answers.
    Response,
}

/// A transaction that could not be read, in a message that could. A request is answered with
/// [`Flaw::status`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Refused {
    /// Whether it asks or answers.
    pub mode: Mode,
    /// The id. Empty if there is none.
    pub id: String,
    /// What is wrong with it.
    pub flaw: Flaw,
}

impl Transaction {
    /// A transaction that asks.
    pub fn request(id: impl Into<String>, primitive: impl Into<Primitive>) -> Self {
        Self::new(Mode::Request, id.into(), primitive.into())
    }

    /// A transaction that answers the one of this id.
    pub fn response(id: impl Into<String>, primitive: impl Into<Primitive>) -> Self {
        Self::new(Mode::Response, id.into(), primitive.into())
    }

    fn new(mode: Mode, id: String, primitive: Primitive) -> Self {
        Self {
            mode,
            id,
            segment: None,
            primitive,
        }
    }

    fn write(&self, poll: bool, to: &mut Writer) {
        to.open(Element::Transaction);
        to.open(Element::TransactionDescriptor);
        let mode = match self.mode {
            Mode::Request => "Request",
            Mode::Response => "Response",
        };
        to.text(Element::TransactionMode, mode);
        if !self.id.is_empty() {
            to.text(Element::TransactionId, &self.id);
        }
        if let Some(segment) = &self.segment
            && to.version() == Version::V1_3
        {
            segment.write(Element::SegmentInfo, to);
        }
        if poll {
            to.boolean(Element::Poll, true);
        }
        to.close(Element::TransactionDescriptor);
        to.open(Element::TransactionContent);
        self.primitive.write(to);
        to.close(Element::TransactionContent);
        to.close(Element::Transaction);
    }
}

impl Document {
    /// Reads a document.
    ///
    /// # Errors
    ///
    /// [`Error`] if the bytes are no document of CSP, or of a version that is not spoken here; with
    /// as much of the address of an answer as was read. A transaction that cannot be read is no
    /// error, as long as what follows it can: it is among [`Message::refused`].
    pub fn decode(bytes: &[u8], encoding: Encoding) -> Result<Self, Error> {
        let mut context = read::Context::default();
        read::read(bytes, encoding, &mut context).map_err(|flaw| Error {
            flaw,
            version: context.version,
            session: match context.message.session {
                Session::Inband(id) => Some(id),
                Session::Outband => None,
            },
            transaction: context.transaction,
        })
    }

    /// Writes a document.
    pub fn encode(&self, encoding: Encoding) -> Bytes {
        match self {
            Self::Message(message) => message.encode(encoding),
            Self::DiscoveryRequest(request) => {
                let mut to = writer(encoding, DISCOVERY);
                request.write(Element::VersionDiscoveryRequest, &mut to);
                to.finish()
            }
            Self::DiscoveryResponse(response) => {
                let mut to = writer(encoding, DISCOVERY);
                response.write(Element::VersionDiscoveryResponse, &mut to);
                to.finish()
            }
        }
    }
}

impl Message {
    /// A message with nothing in it yet.
    pub fn new(version: Version, session: Session) -> Self {
        Self {
            version,
            session,
            ..Self::default()
        }
    }

    /// The same message with one more transaction.
    #[must_use]
    pub fn with(mut self, transaction: Transaction) -> Self {
        self.transactions.push(transaction);
        self
    }

    /// Reads a document that is to be a message.
    ///
    /// # Errors
    ///
    /// As [`Document::decode`], and for version discovery as well.
    pub fn decode(bytes: &[u8], encoding: Encoding) -> Result<Self, Error> {
        match Document::decode(bytes, encoding)? {
            Document::Message(message) => Ok(message),
            Document::DiscoveryRequest(_) | Document::DiscoveryResponse(_) => Err(Error {
                flaw: FlawKind::NotCsp.at(0),
                version: None,
                session: None,
                transaction: None,
            }),
        }
    }

    /// Writes the message.
    pub fn encode(&self, encoding: Encoding) -> Bytes {
        let mut writer = writer(encoding, self.version);
        let to = &mut writer;
        to.open(Element::WvCspMessage);
        to.open(Element::Session);
        to.open(Element::SessionDescriptor);
        match &self.session {
            Session::Inband(id) => {
                to.text(Element::SessionType, "Inband");
                to.text(Element::SessionId, id);
            }
            Session::Outband => to.text(Element::SessionType, "Outband"),
        }
        to.close(Element::SessionDescriptor);
        let is_1_1 = self.version == Version::V1_1;
        for transaction in &self.transactions {
            transaction.write(self.poll && is_1_1, to);
        }
        if self.poll && !is_1_1 {
            to.boolean(Element::Poll, true);
        }
        if self.cir && !is_1_1 {
            to.boolean(Element::Cir, true);
        }
        to.close(Element::Session);
        to.close(Element::WvCspMessage);
        writer.finish()
    }
}

fn writer(encoding: Encoding, version: Version) -> Writer {
    match encoding {
        Encoding::Wbxml => Writer::wbxml(version),
        Encoding::Xml => Writer::xml(version),
    }
}
