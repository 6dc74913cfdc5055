//! `tertulia load message`: one user to another, and the other's answer back.

use std::ops::Range;

use clap::Args;

use super::lanes::Lane;
use super::people::People;
use super::register::Device;
use super::scan;
use super::secrets::Login;
use super::template::{INDEX, MORE, TRY, Template};
use super::traffic::{self, Play, Requests, Verdict, Ways};
use super::{PADDED, pad};
use crate::complaint::Complaint;
use crate::load::report::Report;
use crate::load::tally::Fault;
use crate::load::target::Ground;

/// MESSAGE of 1.1 kB from the first half of the users to the second, who are registered and whose
/// devices the load plays: two transactions each, and one operation, from the MESSAGE to its 200.
#[derive(Args, Clone, Debug)]
pub(crate) struct Message {
    #[command(flatten)]
    pub(crate) requests: Requests,
}

/// Messages per second, unless asked for otherwise.
const RATE: f64 = 1000.0;

impl Message {
    pub(crate) async fn play(&self, ground: &Ground) -> Result<Report, Complaint> {
        let common = &ground.common;
        if common.users < 2 {
            let what = "--users 1: somebody has to listen";
            return Err(Complaint::wrong(what, "take 2 or more"));
        }
        let mut ways = Ways::open(ground, self.requests.connections).await;
        let tag = ground.tag();
        let senders = common.users / 2;
        if ways.fault.is_none() {
            let listeners = senders..common.users;
            ways.fault = register(ground, &ways.lanes, listeners).await.err();
        }
        if ways.fault.is_some() {
            // Nobody would hear.
            ways.lanes.clear();
        }
        let talking = Talking {
            senders: People::new(&ways.lanes, 0..senders, |lane, user| {
                Sender::new(ground, lane, user, user + senders, &tag)
            }),
            tag: tag.clone(),
            challenged: 0,
        };
        let done = traffic::run(ground, "message", ways, &tag, RATE, talking).await?;
        let mut report = done.report;
        report.count("delivered", "heard by the other user", done.delivered);
        report.count("challenged", "challenges met with", done.play.challenged);
        Ok(report)
    }
}

/// Registers those who listen, each on a lane.
async fn register(ground: &Ground, lanes: &[Lane], users: Range<u32>) -> Result<(), Fault> {
    // Not that of the run: a late answer must not be taken for one to a message.
    let tag = ground.tag();
    for (user, lane) in users.zip(lanes.iter().cycle()) {
        let device = Device::new(ground, lane, user, &tag);
        let registered = device.register(ground, lane, u64::from(user)).await;
        if let Err(fault) = registered {
            eprintln!("{} cannot register: {fault}", ground.common.user(user));
            return Err(fault);
        }
    }
    Ok(())
}

struct Talking {
    senders: People<Sender>,
    tag: String,
    challenged: u64,
}

/// One who sends, always to the same one.
struct Sender {
    login: Login,
    template: Template,
    to: String,
    trusted: bool,
}

impl Sender {
    fn new(ground: &Ground, lane: &Lane, user: u32, to: u32, tag: &str) -> Self {
        let common = &ground.common;
        let to = format!("sip:{}@{}", common.user(to), common.domain);
        let text = text(ground, lane, &common.user(user), &to, tag);
        Self {
            login: Login::new(common, user),
            template: Template::new(&text),
            to,
            trusted: common.trusted,
        }
    }
}

impl Play for Talking {
    const DELIVERS: bool = true;

    fn compose(&mut self, way: usize, index: u64, tries: u8, out: &mut Vec<u8>) {
        let Some(sender) = self.senders.of(way, index) else {
            return;
        };
        let more = if sender.trusted {
            String::new()
        } else {
            sender
                .login
                .answer("Proxy-Authorization", "MESSAGE", &sender.to)
        };
        sender.template.fill(index, tries, more.as_bytes(), out);
    }

    fn judge(&mut self, way: usize, index: u64, status: u16, answer: &[u8]) -> Verdict {
        match status {
            200..300 => Verdict::Done,
            401 | 407 => {
                self.challenged += 1;
                let sender = self.senders.of(way, index);
                if sender.is_some_and(|sender| sender.login.learn(answer)) {
                    Verdict::Again
                } else {
                    Verdict::Failed(Fault::Status(status))
                }
            }
            _ => Verdict::Failed(Fault::Status(status)),
        }
    }

    fn asked(&mut self, method: &str, request: &[u8], out: &mut Vec<u8>) -> bool {
        scan::accept(request, &self.tag, out);
        method == "MESSAGE"
    }
}

fn text(ground: &Ground, lane: &Lane, from: &str, to: &str, tag: &str) -> String {
    let common = &ground.common;
    let (domain, local) = (&common.domain, lane.local);
    let head = format!(
        "MESSAGE {to} SIP/2.0\r\n\
         Via: SIP/2.0/{via} {local};rport;branch={tag}{INDEX}{TRY}\r\n\
         Max-Forwards: 70\r\n\
         From: \"A load\" <sip:{from}@{domain}>;tag=f{INDEX}\r\n\
         To: <{to}>\r\n\
         Call-ID: {INDEX}-{short}@{ip}\r\n\
         CSeq: {TRY} MESSAGE\r\n\
         {identity}{MORE}\
         Accept-Contact: *;+g.oma.sip-im;require;explicit\r\n\
         User-Agent: IM-client/OMA1.0 tertulia-load/{version}\r\n\
         Content-Type: text/plain;charset=UTF-8\r\n",
        via = common.transport.via(),
        short = tag.trim_start_matches("z9hG4bK"),
        ip = local.ip(),
        identity = super::identity(common, from),
        version = env!("CARGO_PKG_VERSION"),
    );
    // What answers a challenge comes on top, as it does for others.
    let body = pad(PADDED.saturating_sub(head.len() + "Content-Length: 100\r\n\r\n".len()));
    format!("{head}Content-Length: {}\r\n\r\n{body}", body.len())
}
