//! What kind of handset a verb is to be.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use clap::{Args, ValueEnum};
use client::imps::{Cir, Config, DeliveryMethod, DigestSchema, Encoding, Login, Version};

use super::names::address;
use crate::agent::Who;

/// Above these options in the help.
pub(crate) const HEADING: &str = "IMPS";

/// The options for IMPS. Each but the first is of no use without it.
#[derive(Args)]
pub(crate) struct Handset {
    /// Speak IMPS (CSP over HTTP), and not SIP.
    #[arg(help_heading = HEADING, long)]
    pub(crate) imps: bool,
    /// The version of CSP.
    #[arg(help_heading = HEADING, long, value_enum, default_value = "1.3", requires = "imps")]
    version: Spoken,
    /// Write documents as XML.
    #[arg(help_heading = HEADING, long, requires = "imps", conflicts_with = "wbxml")]
    xml: bool,
    /// Write documents as WBXML, as is done without either.
    #[arg(help_heading = HEADING, long, requires = "imps")]
    wbxml: bool,
    /// How to hear that something waits: by a line over a connection, by datagrams, by asking over
    /// HTTP whether it is worth it, or by asking for it (poll).
    #[arg(help_heading = HEADING, long, value_enum, default_value = "tcp", requires = "imps")]
    cir: Way,
    /// How often to ask, with --cir poll and http, and while no other way works.
    #[arg(help_heading = HEADING, long, value_name = "SECONDS", default_value_t = 5, requires = "imps",
          value_parser = clap::value_parser!(u64).range(1..=3600))]
    poll: u64,
    /// Be a handset that does not know ExtendConversation, and takes one transaction at a time.
    #[arg(help_heading = HEADING, long, visible_alias = "no-excon", requires = "imps")]
    legacy: bool,
    /// Do without notices of who comes into a group and who leaves it.
    #[arg(help_heading = HEADING, long, requires = "imps")]
    no_notices: bool,
    /// How to prove who one is: by the password itself, or by a digest.
    #[arg(help_heading = HEADING, long, value_enum, default_value = "4way", requires = "imps")]
    login: Proof,
    /// Whether messages come by themselves, or are announced and fetched.
    #[arg(help_heading = HEADING, long, value_enum, default_value = "push", requires = "imps")]
    delivery: Delivery,
    /// The path that is posted to.
    #[arg(help_heading = HEADING, long, default_value = "/csp", requires = "imps")]
    path: String,
    /// The address by which the server tells the clients of one user apart. Otherwise each process
    /// is a client of its own.
    #[arg(help_heading = HEADING, long, value_name = "URL", requires = "imps")]
    client: Option<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Spoken {
    #[value(name = "1.1")]
    V1_1,
    #[value(name = "1.2")]
    V1_2,
    #[value(name = "1.3")]
    V1_3,
}

#[derive(Clone, Copy, ValueEnum)]
enum Way {
    Tcp,
    Udp,
    Http,
    Poll,
}

#[derive(Clone, Copy, ValueEnum)]
enum Proof {
    #[value(name = "2way")]
    TwoWay,
    #[value(name = "4way")]
    FourWay,
}

#[derive(Clone, Copy, ValueEnum)]
enum Delivery {
    Push,
    Notify,
}

/// Where HTTP is spoken, unless the command line says otherwise.
const SERVER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

impl Handset {
    /// Does it want to hear who comes into a group and who leaves it?
    pub(super) fn notices(&self) -> bool {
        !self.no_notices
    }

    /// What the agent of this user is told.
    pub(super) fn config(&self, who: &Who) -> Result<Config, String> {
        let user = address(&who.user, &who.domain);
        let server = who.server.unwrap_or(SERVER);
        let new = if self.legacy {
            Config::legacy
        } else {
            Config::new
        };
        let mut config = new(&user, &who.password()?, server);
        if self.no_notices {
            config = config.without_notices();
        }
        config.version = match self.version {
            Spoken::V1_1 => Version::V1_1,
            Spoken::V1_2 => Version::V1_2,
            Spoken::V1_3 => Version::V1_3,
        };
        config.encoding = match self.xml {
            true => Encoding::Xml,
            false => Encoding::Wbxml,
        };
        let every = Duration::from_secs(self.poll);
        config.poll = every;
        config.cir = match self.cir {
            Way::Tcp => Cir::Tcp,
            Way::Udp => Cir::Udp { port: 0 },
            Way::Http => Cir::Http,
            Way::Poll => Cir::Poll { every },
        };
        config.login = match self.login {
            Proof::TwoWay => Login::TwoWay,
            Proof::FourWay => Login::FourWay(vec![DigestSchema::Md5, DigestSchema::Sha]),
        };
        config.delivery = match self.delivery {
            Delivery::Push => DeliveryMethod::Push,
            Delivery::Notify => DeliveryMethod::Notify,
        };
        config.path.clone_from(&self.path);
        let own = || format!("http://localhost/tertulia/{}", std::process::id());
        config.client = self.client.clone().unwrap_or_else(own);
        config.screen_name.clone_from(&who.display);
        Ok(config)
    }
}
