//! `tertulia load options`: what a server can do, asked of itself.

use clap::Args;

use super::lanes::Lane;
use super::template::{INDEX, TRY, Template};
use super::traffic::{self, Play, Requests, Verdict, Ways};
use super::{PADDED, pad};
use crate::complaint::Complaint;
use crate::load::report::Report;
use crate::load::tally::Fault;
use crate::load::target::Ground;

/// OPTIONS of 1.1 kB to the server itself, answered 200: what a request costs that asks nothing of
/// anybody.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) requests: Requests,
}

/// Requests per second, unless asked for otherwise.
const RATE: f64 = 1000.0;

impl Options {
    pub(crate) async fn play(&self, ground: &Ground) -> Result<Report, Complaint> {
        let ways = Ways::open(ground, self.requests.connections).await;
        let tag = ground.tag();
        let write = |lane: &Lane| Template::new(&text(ground, lane, &tag));
        let templates = ways.lanes.iter().map(write).collect();
        let asking = Asking { templates };
        let done = traffic::run(ground, "options", ways, &tag, RATE, asking).await?;
        Ok(done.report)
    }
}

struct Asking {
    /// One for each lane.
    templates: Vec<Template>,
}

impl Play for Asking {
    const DELIVERS: bool = false;

    fn compose(&mut self, way: usize, index: u64, tries: u8, out: &mut Vec<u8>) {
        if let Some(template) = self.templates.get(way) {
            template.fill(index, tries, b"", out);
        }
    }

    fn judge(&mut self, _: usize, _: u64, status: u16, _: &[u8]) -> Verdict {
        match status {
            200..300 => Verdict::Done,
            _ => Verdict::Failed(Fault::Status(status)),
        }
    }

    fn asked(&mut self, _: &str, _: &[u8], _: &mut Vec<u8>) -> bool {
        false
    }
}

fn text(ground: &Ground, lane: &Lane, tag: &str) -> String {
    let common = &ground.common;
    let (domain, user, local) = (&common.domain, common.user(0), lane.local);
    let transport = common.transport;
    let identity = super::identity(common, &user);
    let head = format!(
        "OPTIONS sip:{domain} SIP/2.0\r\n\
         Via: SIP/2.0/{via} {local};rport;branch={tag}{INDEX}{TRY}\r\n\
         Max-Forwards: 70\r\n\
         From: \"A load\" <sip:{user}@{domain}>;tag=f{INDEX}\r\n\
         To: <sip:{domain}>\r\n\
         Call-ID: {INDEX}-{short}@{ip}\r\n\
         CSeq: {TRY} OPTIONS\r\n\
         Contact: <sip:{user}@{local};transport={name}>;+g.oma.sip-im;\
         +sip.instance=\"<urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6>\"\r\n\
         {identity}\
         Accept: application/sdp, application/resource-lists+xml, multipart/mixed, message/cpim\r\n\
         Accept-Contact: *;+g.oma.sip-im;require;explicit\r\n\
         Accept-Language: en, es;q=0.8, de;q=0.5\r\n\
         Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, MESSAGE, SUBSCRIBE, NOTIFY, REFER, UPDATE\r\n\
         Supported: timer, replaces, norefersub, recipient-list-invite, gruu, path, outbound\r\n\
         User-Agent: IM-client/OMA1.0 tertulia-load/{version}\r\n",
        via = transport.via(),
        name = transport.name(),
        short = tag.trim_start_matches("z9hG4bK"),
        ip = local.ip(),
        version = env!("CARGO_PKG_VERSION"),
    );
    let end = "Content-Length: 0\r\n\r\n";
    let subject = pad(PADDED.saturating_sub(head.len() + end.len() + "Subject: \r\n".len()));
    format!("{head}Subject: {subject}\r\n{end}")
}
