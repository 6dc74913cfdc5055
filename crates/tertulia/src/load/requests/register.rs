//! `tertulia load register`: users who come, and say so again and again.

use clap::Args;

use super::lanes::Lane;
use super::people::People;
use super::secrets::Login;
use super::template::{INDEX, MORE, TRY, Template};
use super::traffic::{self, Play, Requests, Verdict, Ways, ask};
use crate::complaint::Complaint;
use crate::load::report::Report;
use crate::load::tally::Fault;
use crate::load::target::Ground;

/// REGISTER of one user after the other, each with the nonce that the server gave last. A challenge
/// is part of the operation that met with it.
#[derive(Args, Clone, Debug)]
pub(crate) struct Register {
    #[command(flatten)]
    pub(crate) requests: Requests,
}

/// Registrations per second, unless asked for otherwise.
const RATE: f64 = 500.0;

impl Register {
    pub(crate) async fn play(&self, ground: &Ground) -> Result<Report, Complaint> {
        let ways = Ways::open(ground, self.requests.connections).await;
        let tag = ground.tag();
        let users = 0..ground.common.users;
        let coming = Coming {
            uri: registrar(ground),
            devices: People::new(&ways.lanes, users, |lane, user| {
                Device::new(ground, lane, user, &tag)
            }),
            challenged: 0,
        };
        let done = traffic::run(ground, "register", ways, &tag, RATE, coming).await?;
        let mut report = done.report;
        report.count("challenged", "challenges met with", done.play.challenged);
        Ok(report)
    }
}

/// The address at which users register.
fn registrar(ground: &Ground) -> String {
    format!("sip:{}", ground.common.domain)
}

struct Coming {
    uri: String,
    devices: People<Device>,
    challenged: u64,
}

/// One user's way to register.
pub(super) struct Device {
    login: Login,
    template: Template,
    trusted: bool,
}

impl Device {
    pub(super) fn new(ground: &Ground, lane: &Lane, user: u32, tag: &str) -> Self {
        Self {
            login: Login::new(&ground.common, user),
            template: Template::new(&text(ground, lane, user, tag)),
            trusted: ground.common.trusted,
        }
    }

    fn compose(&mut self, uri: &str, index: u64, tries: u8, out: &mut Vec<u8>) {
        let more = if self.trusted {
            String::new()
        } else {
            self.login.answer("Authorization", "REGISTER", uri)
        };
        self.template.fill(index, tries, more.as_bytes(), out);
    }

    /// Registers while nothing else goes on, so that messages find the user. `number`: one that no
    /// other has.
    ///
    /// # Errors
    ///
    /// The server says no, or nothing.
    pub(super) async fn register(
        mut self,
        ground: &Ground,
        lane: &Lane,
        number: u64,
    ) -> Result<(), Fault> {
        let uri = registrar(ground);
        for tries in 1..=2 {
            let mut request = Vec::new();
            self.compose(&uri, number, tries, &mut request);
            let answer = ask(ground, lane, &request).await?;
            let status = answer
                .get(8..11)
                .and_then(|status| std::str::from_utf8(status).ok());
            match status.and_then(|status| status.parse().ok()) {
                Some(200..300) => return Ok(()),
                Some(401) if tries == 1 && self.login.learn(&answer) => {}
                Some(status) => return Err(Fault::Status(status)),
                None => return Err(Fault::Malformed),
            }
        }
        Err(Fault::Status(401))
    }
}

impl Play for Coming {
    const DELIVERS: bool = false;

    fn compose(&mut self, way: usize, index: u64, tries: u8, out: &mut Vec<u8>) {
        if let Some(device) = self.devices.of(way, index) {
            device.compose(&self.uri, index, tries, out);
        }
    }

    fn judge(&mut self, way: usize, index: u64, status: u16, answer: &[u8]) -> Verdict {
        match status {
            200..300 => Verdict::Done,
            401 => {
                self.challenged += 1;
                let device = self.devices.of(way, index);
                if device.is_some_and(|device| device.login.learn(answer)) {
                    Verdict::Again
                } else {
                    Verdict::Failed(Fault::Status(status))
                }
            }
            _ => Verdict::Failed(Fault::Status(status)),
        }
    }

    fn asked(&mut self, _: &str, _: &[u8], _: &mut Vec<u8>) -> bool {
        false
    }
}

fn text(ground: &Ground, lane: &Lane, user: u32, tag: &str) -> String {
    let common = &ground.common;
    let (domain, local) = (&common.domain, lane.local);
    let user = common.user(user);
    format!(
        "REGISTER sip:{domain} SIP/2.0\r\n\
         Via: SIP/2.0/{via} {local};rport;branch={tag}{INDEX}{TRY}\r\n\
         Max-Forwards: 70\r\n\
         From: <sip:{user}@{domain}>;tag=f{INDEX}\r\n\
         To: <sip:{user}@{domain}>\r\n\
         Call-ID: {INDEX}-{short}-{user}\r\n\
         CSeq: {TRY} REGISTER\r\n\
         Contact: <sip:{user}@{local};transport={name}>;+g.oma.sip-im;expires=3600\r\n\
         {identity}{MORE}\
         Supported: path, outbound, gruu\r\n\
         User-Agent: IM-client/OMA1.0 tertulia-load/{version}\r\n\
         Content-Length: 0\r\n\r\n",
        via = common.transport.via(),
        name = common.transport.name(),
        short = tag.trim_start_matches("z9hG4bK"),
        identity = super::identity(common, &user),
        version = env!("CARGO_PKG_VERSION"),
    )
}
