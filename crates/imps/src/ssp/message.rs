//! Documents: what one POST carries.

use bytes::Bytes;

use super::node::Node;
use super::primitive::Primitive;
use super::setup::{LoginRequest, LoginResponse, SendSecretToken};
use super::structure::Part;
use super::writer::Writer;
use super::{Error, NAMESPACE};
use crate::csp::Outcome;
use crate::message::{MAX_TRANSACTIONS, Mode};

/// A message of one server to another.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Message {
    /// A step towards a session.
    Setup {
        /// Whether it asks or answers.
        mode: Mode,
        /// The id, which whoever asks gives.
        transaction_id: String,
        /// What it says.
        body: Setup,
    },
    /// Transactions of a session.
    Session {
        /// The id under which the one who reads this is addressed.
        session_id: String,
        /// The transactions that could be read.
        transactions: Vec<Transaction>,
        /// The transactions that could not. Nothing is written for them.
        refused: Vec<Refused>,
    },
}

/// A step towards a session.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Setup {
    /// One's secret, which the other side has to show to know.
    SendSecretToken(SendSecretToken),
    /// The proof that one knows the other side's secret.
    LoginRequest(LoginRequest),
    /// Whether the login has succeeded.
    LoginResponse(LoginResponse),
    /// It has not. Nobody is known to send this; it is understood.
    Status(Outcome),
}

/// A primitive, and to which other it belongs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Transaction {
    /// Whether it asks or answers.
    pub mode: Mode,
    /// The id, which whoever asks gives.
    pub id: String,
    /// The primitive.
    pub primitive: Primitive,
}

/// A transaction that could not be read, in a message that could. A request is answered with
/// [`Error::status`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Refused {
    /// Whether it asks or answers.
    pub mode: Mode,
    /// The id.
    pub id: String,
    /// What is wrong with it.
    pub error: Error,
}

impl Message {
    /// One transaction of a session.
    pub fn of_session(session_id: impl Into<String>, transaction: Transaction) -> Self {
        Self::Session {
            session_id: session_id.into(),
            transactions: vec![transaction],
            refused: Vec::new(),
        }
    }

    /// Reads a document.
    ///
    /// # Errors
    ///
    /// [`Error`] if the bytes are no message of SSP; to a POST of such the answer is 400. A
    /// transaction of a session that cannot be read is no error: it is among the refused.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let root = Node::parse(bytes)?;
        if !root.is("WV-SSP-Message") {
            return Err(Error::NotSsp);
        }
        // A namespace of another protocol is refused; one that is missing is forgiven.
        if let Some(namespace) = root.attribute("xmlns")
            && !namespace.to_ascii_uppercase().contains("SSP1.")
        {
            return Err(Error::UnknownVersion);
        }
        let setups = root.named("SetupTransaction").map(setup);
        let mut found = setups.chain(root.named("Session").map(session));
        let message = found.next().ok_or(Error::Missing {
            element: "WV-SSP-Message",
            child: "Session",
        })??;
        match found.next() {
            Some(_) => Err(Error::BadValue {
                element: "WV-SSP-Message",
                expected: "one SetupTransaction or one Session",
            }),
            None => Ok(message),
        }
    }

    /// Writes a document.
    pub fn to_xml(&self) -> Bytes {
        let mut to = Writer::new();
        to.open("WV-SSP-Message");
        to.attribute("xmlns", NAMESPACE);
        match self {
            Self::Setup {
                mode,
                transaction_id,
                body,
            } => {
                open(&mut to, "SetupTransaction", *mode, transaction_id);
                body.write(&mut to);
                to.close("SetupTransaction");
            }
            Self::Session {
                session_id,
                transactions,
                ..
            } => {
                to.open("Session");
                to.attribute("sessionID", session_id);
                for transaction in transactions {
                    open(&mut to, "Transaction", transaction.mode, &transaction.id);
                    transaction.primitive.write(&mut to);
                    to.close("Transaction");
                }
                to.close("Session");
            }
        }
        to.close("WV-SSP-Message");
        Bytes::from(to.finish())
    }
}

impl Setup {
    /// The service that speaks, if it says so.
    pub fn service(&self) -> Option<&str> {
        match self {
            Self::SendSecretToken(said) => Some(&said.service),
            Self::LoginRequest(said) => Some(&said.service),
            Self::LoginResponse(_) | Self::Status(_) => None,
        }
    }

    fn read(node: &Node<'_>) -> Result<Self, Error> {
        if node.is("SendSecretToken") {
            Part::read(node, "SendSecretToken").map(Self::SendSecretToken)
        } else if node.is("LoginRequest") {
            Part::read(node, "LoginRequest").map(Self::LoginRequest)
        } else if node.is("LoginResponse") {
            Part::read(node, "LoginResponse").map(Self::LoginResponse)
        } else if node.is("Status") {
            Part::read(node, "Status").map(Self::Status)
        } else {
            Err(Error::UnknownPrimitive)
        }
    }

    fn write(&self, to: &mut Writer) {
        match self {
            Self::SendSecretToken(token) => token.write("SendSecretToken", to),
            Self::LoginRequest(request) => request.write("LoginRequest", to),
            Self::LoginResponse(response) => response.write("LoginResponse", to),
            Self::Status(status) => status.write("Status", to),
        }
    }
}

impl Transaction {
    /// A transaction that asks.
    pub fn request(id: impl Into<String>, primitive: Primitive) -> Self {
        Self {
            mode: Mode::Request,
            id: id.into(),
            primitive,
        }
    }

    /// A transaction that answers the one of this id.
    pub fn response(id: impl Into<String>, primitive: Primitive) -> Self {
        Self {
            mode: Mode::Response,
            id: id.into(),
            primitive,
        }
    }
}

fn open(to: &mut Writer, element: &str, mode: Mode, id: &str) {
    to.open(element);
    let mode = match mode {
        Mode::Request => "Request",
        Mode::Response => "Response",
    };
    to.attribute("mode", mode);
    to.attribute("transactionID", id);
}

fn setup(node: &Node<'_>) -> Result<Message, Error> {
    let element = "SetupTransaction";
    let (mode, transaction_id) = head(node, element)?;
    let body = node.children().iter().map(Setup::read);
    Ok(Message::Setup {
        mode,
        transaction_id,
        body: known(body, element)?,
    })
}

fn session(node: &Node<'_>) -> Result<Message, Error> {
    let session_id = node.attribute("sessionID").ok_or(Error::Missing {
        element: "Session",
        child: "sessionID",
    })?;
    let mut transactions = Vec::new();
    let mut refused = Vec::new();
    for node in node.named("Transaction") {
        let element = "Transaction";
        if transactions.len() + refused.len() >= MAX_TRANSACTIONS {
            return Err(Error::TooLarge {
                what: "transactions",
                limit: MAX_TRANSACTIONS,
            });
        }
        let (mode, id) = head(node, element)?;
        let primitive = node.children().iter().map(Primitive::read);
        match known(primitive, element) {
            Ok(primitive) => transactions.push(Transaction {
                mode,
                id,
                primitive,
            }),
            Err(error) => refused.push(Refused { mode, id, error }),
        }
    }
    Ok(Message::Session {
        session_id: session_id.to_owned(),
        transactions,
        refused,
    })
}

/// The first of the elements that is known, or what is wrong with it.
fn known<T>(
    read: impl Iterator<Item = Result<T, Error>>,
    element: &'static str,
) -> Result<T, Error> {
    let mut unknown = Error::Missing {
        element,
        child: "a primitive",
    };
    for found in read {
        match found {
            Err(Error::UnknownPrimitive) => unknown = Error::UnknownPrimitive,
            found => return found,
        }
    }
    Err(unknown)
}

/// The mode and the id of a transaction.
fn head(node: &Node<'_>, element: &'static str) -> Result<(Mode, String), Error> {
    let missing = |child| Error::Missing { element, child };
    let mode = node.attribute("mode").ok_or(missing("mode"))?;
    let mode = [(Mode::Request, "Request"), (Mode::Response, "Response")]
        .into_iter()
        .find(|(_, name)| name.eq_ignore_ascii_case(mode))
        .map(|(mode, _)| mode)
        .ok_or(Error::BadValue {
            element: "mode",
            expected: "Request or Response",
        })?;
    let id = node
        .attribute("transactionID")
        .filter(|id| !id.is_empty())
        .ok_or(missing("transactionID"))?;
    Ok((mode, id.to_owned()))
}
