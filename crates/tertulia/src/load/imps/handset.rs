//! A handset: its session, and what it says in it.

use bytes::Bytes;
use imps::csp::{
    CapabilityList, CirMethod, ClientId, LoginRequest, MessageDelivered, MessageInfo, NewMessage,
    PollingRequest, Recipient, SendMessageRequest, Sender, User,
};
use imps::service::Functions;
use imps::{Encoding, Message, Primitive, Session, Transaction, Version};

use super::link::Link;
use crate::load::tally::Fault;
use crate::load::target::Ground;

/// A handset that has logged in.
pub(super) struct Handset {
    link: Link,
    session: Session,
    /// Its address.
    pub(super) wv: String,
    /// The poll, which is the same each time: it has no answer that it could be told apart by.
    poll: Bytes,
    /// Requests so far.
    count: u64,
}

impl Handset {
    /// Connects and logs in as a user, who asks for everything in one step.
    pub(super) async fn log_in(ground: &Ground, user: u32) -> Result<Self, Fault> {
        let grace = ground.common.grace;
        let beginning = ground.world.clock.timeout(grace, Self::begin(ground, user));
        beginning.await.unwrap_or(Err(Fault::TimedOut))
    }

    async fn begin(ground: &Ground, user: u32) -> Result<Self, Fault> {
        let mut link = Link::open(ground, usize::try_from(user).unwrap_or_default()).await?;
        let common = &ground.common;
        let wv = format!("wv:{}@{}", common.user(user), common.domain);
        let login = LoginRequest {
            user: wv.clone(),
            client: Some(ClientId {
                url: Some(format!("handset{user}@load")),
                msisdn: None,
            }),
            password: Some(common.password.clone()),
            // Longer than any run that is looked at.
            time_to_live_s: Some(3600),
            session_cookie: Some(format!("cookie{user}")),
            functions: Some(Functions::all(Version::V1_3)),
            capabilities: Some(Box::new(capabilities())),
            ..LoginRequest::default()
        };
        let asked = Message::new(Version::V1_3, Session::Outband)
            .with(Transaction::request("login", login));
        let answer = link.post(&asked.encode(Encoding::Wbxml)).await?;
        let answer = read(&answer)?.ok_or(Fault::Malformed)?;
        let session = match answer {
            Transaction {
                primitive: Primitive::LoginResponse(response),
                ..
            } if response.outcome.code.is_success() => response.session.ok_or(Fault::Malformed)?,
            other => return Err(refused(&other.primitive)),
        };
        let session = Session::Inband(session);
        let poll = Message::new(Version::V1_3, session.clone())
            .with(Transaction::request("poll", PollingRequest {}))
            .encode(Encoding::Wbxml);
        Ok(Self {
            link,
            session,
            wv,
            poll,
            count: 0,
        })
    }

    /// Polls where nothing waits.
    pub(super) async fn poll_in_vain(&mut self) -> Result<(), Fault> {
        match self.link.post(&self.poll).await? {
            nothing if nothing.is_empty() => Ok(()),
            _ => Err(Fault::Other("something waits")),
        }
    }

    /// Sends a text to another user. Returns the id that the message got.
    pub(super) async fn send(&mut self, to: &str, text: &str) -> Result<String, Fault> {
        let request = SendMessageRequest {
            delivery_report: false,
            info: MessageInfo {
                content_type: Some("text/plain".to_owned()),
                content_size: u32::try_from(text.len()).unwrap_or_default(),
                recipient: Recipient {
                    users: vec![User::new(to)],
                    ..Recipient::default()
                },
                sender: Some(Sender::User(User::new(self.wv.clone()))),
                ..MessageInfo::default()
            },
            content: Some(text.into()),
        };
        self.count += 1;
        let transaction = Transaction::request(self.count.to_string(), request);
        let answer = self.say(transaction).await?.ok_or(Fault::Malformed)?;
        match answer.primitive {
            Primitive::SendMessageResponse(response) if response.outcome.code.is_success() => {
                response.message.ok_or(Fault::Malformed)
            }
            other => Err(refused(&other)),
        }
    }

    /// Polls for a message, and says that it has come.
    pub(super) async fn receive(&mut self) -> Result<NewMessage, Fault> {
        let told = read(&self.link.post(&self.poll).await?)?;
        let told = told.ok_or(Fault::Other("nothing waits"))?;
        let Primitive::NewMessage(message) = told.primitive else {
            return Err(Fault::Other("not a message"));
        };
        let id = message.info.id.clone().ok_or(Fault::Malformed)?;
        let delivered = MessageDelivered { message: id };
        match self.say(Transaction::response(told.id, delivered)).await? {
            None => Ok(message),
            Some(_) => Err(Fault::Other("something more waits")),
        }
    }

    async fn say(&mut self, transaction: Transaction) -> Result<Option<Transaction>, Fault> {
        let said = Message::new(Version::V1_3, self.session.clone()).with(transaction);
        read(&self.link.post(&said.encode(Encoding::Wbxml)).await?)
    }
}

/// What a handset of its time can take. It is told over a connection of its own that something
/// waits, which it never opens here.
fn capabilities() -> CapabilityList {
    CapabilityList {
        multi_trans: Some(1),
        multi_trans_per_message: Some(1),
        any_content: Some(true),
        parser_size: Some(32_768),
        push_length: Some(16_384),
        pull_length: Some(16_384),
        cir_methods: vec![CirMethod::StandaloneTcp],
        ..CapabilityList::default()
    }
}

/// The one transaction of an answer, if it has any.
fn read(answer: &[u8]) -> Result<Option<Transaction>, Fault> {
    if answer.is_empty() {
        return Ok(None);
    }
    let message = Message::decode(answer, Encoding::Wbxml).map_err(|_| Fault::Malformed)?;
    Ok(message.transactions.into_iter().next())
}

/// What is wrong, if this is not the answer that was hoped for.
fn refused(answer: &Primitive) -> Fault {
    let outcome = match answer {
        Primitive::Status(status) => &status.outcome,
        Primitive::LoginResponse(response) => &response.outcome,
        Primitive::SendMessageResponse(response) => &response.outcome,
        _ => return Fault::Malformed,
    };
    Fault::Status(outcome.code.number())
}
