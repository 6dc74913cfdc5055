//! Two servers of two domains in one universe, and a link between them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use imps::service::{Function, Functions};
use server::config::SspPeer;
use server::{Policy, Setup, TlsFiles};
use world::Table;

use super::{Handset, SimLab};

/// The other domain. The first one is `localhost`.
pub const AWAY: &str = "b.example";

/// The host of its server.
pub const THERE: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));

/// A host of which nothing is heard.
pub const SILENT: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 9));

pub struct Two {
    // The second one lives in the universe of the first.
    there: SimLab,
    here: SimLab,
}

fn peer(domain: &str, host: u8, secret: &str) -> SspPeer {
    SspPeer {
        domain: domain.to_owned(),
        url: Some(format!("http://10.0.0.{host}:8080/ssp")),
        secret: Some(secret.to_owned()),
        tls: false,
    }
}

impl Two {
    pub fn start() -> Self {
        Self::with(|_| {})
    }

    /// With other rules in the other domain.
    pub fn with(change: impl FnOnce(&mut Policy)) -> Self {
        Self::new(change, peer(AWAY, 2, "b's"), |_| {})
    }

    /// The secret of the other domain, and the one that ours takes for it.
    pub fn with_secrets(theirs: &str, known: &str) -> Self {
        assert_ne!(theirs, known);
        Self::new(|_| {}, peer(AWAY, 2, known), |_| {})
    }

    /// The other domain is found by DNS, which says this.
    pub fn by_dns(names: impl FnOnce(&Table)) -> Self {
        let mut there = peer(AWAY, 2, "b's");
        there.url = None;
        Self::new(|_| {}, there, names)
    }

    /// Each shows a certificate, and asks for the other's.
    pub fn over_tls(here: TlsFiles, there: TlsFiles) -> Self {
        let secure = |host: u8, files: TlsFiles, peer: SspPeer| {
            move |setup: &mut Setup| {
                setup.http_tls = Some(SocketAddr::from(([10, 0, 0, host], 8443)));
                setup.tls = Some(files);
                setup.ssp_peers = vec![SspPeer {
                    url: peer
                        .url
                        .map(|url| url.replace("http://", "https://").replace("8080", "8443")),
                    ..peer
                }];
            }
        };
        let here = secure(1, here, peer(AWAY, 2, "b's"));
        let there = secure(2, there, peer("localhost", 1, "a's"));
        Self::between(here, |setup, _| there(setup), |_| {})
    }

    fn new(change: impl FnOnce(&mut Policy), known: SspPeer, names: impl FnOnce(&Table)) -> Self {
        let here = |setup: &mut Setup| setup.ssp_peers = vec![known];
        Self::between(here, |_, policy| change(policy), names)
    }

    fn between(
        here_is: impl FnOnce(&mut Setup),
        there_is: impl FnOnce(&mut Setup, &mut Policy),
        names: impl FnOnce(&Table),
    ) -> Self {
        let here = SimLab::with(|setup, _| {
            setup.ssp_secret = Some("a's".to_owned());
            here_is(setup);
        });
        names(here.names());
        // Nobody answers there, not even with a refusal.
        here.part_from(SILENT, true);
        let there = here.beside(THERE, AWAY, |setup, policy| {
            setup.ssp_secret = Some("b's".to_owned());
            setup.ssp_peers = vec![peer("localhost", 1, "a's")];
            there_is(setup, policy);
        });
        let two = Self { there, here };
        // Whoever dials first finds nobody, and is called when the other one is there.
        two.pass(Duration::from_secs(1));
        two
    }

    /// A handset of our domain that has agreed on everything.
    pub fn here(&self, user: &str) -> Handset {
        let mut handset = self.here.handset(user);
        handset.anew = true;
        handset
    }

    /// A handset of the other domain that has agreed on everything.
    pub fn there(&self, user: &str) -> Handset {
        self.there_without(user, &[])
    }

    /// The same without some functions.
    pub fn there_without(&self, user: &str, functions: &[Function]) -> Handset {
        let mut handset = self.there_off(user);
        handset.log_in();
        let all = Functions::all(imps::Version::V1_3);
        handset.agree(match functions {
            [] => Functions::NONE,
            these => all.without(Functions::of(these)),
        });
        handset
    }

    /// A handset of the other domain that has not logged in.
    pub fn there_off(&self, user: &str) -> Handset {
        let mut handset = self.there.handset_off(&format!("wv:{user}@{AWAY}"));
        handset.anew = true;
        handset
    }

    pub fn pass(&self, time: Duration) {
        self.here.pass(time);
    }

    /// Cuts the way between the two servers, or heals it.
    pub fn cut(&self, is_cut: bool) {
        self.here.part_from(THERE, is_cut);
    }
}
