//! A server to try things with: `tertulia serve --dev`.

use std::fmt::Write;

use server::admin::{AdminError, NewGroup, NewUser, add_user, make_group};
use server::config::Config;
use server::{Addresses, Sealer};
use store::{CommitError, Store};

use crate::complaint::Complaint;

const USERS: [&str; 5] = ["alice", "bob", "carol", "dave", "erin"];
const PASSWORD: &str = "password";
const GROUPS: [NewGroup<'_>; 2] = [
    NewGroup {
        name: "friends",
        display: Some("Friends"),
        members: &["alice", "bob", "carol"],
        public: false,
        invites: true,
        max: None,
        anonymity: false,
    },
    NewGroup {
        name: "lobby",
        display: Some("Lobby"),
        members: &[],
        public: true,
        invites: false,
        max: None,
        anonymity: false,
    },
];

/// Everybody knows the passwords: a server for this machine alone.
pub(crate) fn loopback_only(config: &Config) -> Result<(), Complaint> {
    let listens = [
        config.sip.udp,
        config.sip.tcp,
        Some(config.msrp.tcp),
        config.http.listen,
        config.http.tls,
        config.imps.cir_tcp,
        config.imps.cir_udp,
    ];
    match listens
        .into_iter()
        .flatten()
        .find(|at| !at.ip().is_loopback())
    {
        None => Ok(()),
        Some(at) => Err(Complaint::wrong(
            format!("{at} can be reached by others, and everybody knows the passwords of --dev"),
            "listen on 127.0.0.1, or leave --dev out and make users with `tertulia user add`",
        )),
    }
}

/// Makes the users and groups that are not there yet.
pub(crate) fn people(
    store: &mut Store,
    domain: &str,
    sealer: &mut Sealer,
    now_ms: i64,
) -> Result<(), AdminError> {
    for name in USERS {
        let user = NewUser {
            name,
            password: PASSWORD,
            display: None,
            msisdn: None,
            imps: true,
        };
        match add_user(store, domain, user, Some(sealer), now_ms) {
            Ok(()) | Err(AdminError::Commit(CommitError::AccountExists { .. })) => {}
            Err(error) => return Err(error),
        }
    }
    for group in GROUPS {
        match make_group(store, domain, group, now_ms) {
            Ok(()) | Err(AdminError::Taken(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// What there is and what to try next. `fleeting`: the store goes with the server.
pub(crate) fn greeting(config: &Config, addresses: &Addresses, fleeting: bool) -> String {
    let domain = &config.domain;
    let mut text = format!(
        "  users           {}, password: {PASSWORD}\n",
        USERS.join(" ")
    );
    let _ = writeln!(
        text,
        "  conferences     sip:{}@{domain}",
        config.focus.factory
    );
    if let Some(at) = addresses.http {
        let _ = writeln!(
            text,
            "  IMPS            http://{at}/csp, users wv:alice@{domain} ..."
        );
        let groups = GROUPS.map(|group| format!("wv:/{}@{domain}", group.name));
        let _ = writeln!(text, "  groups          {}", groups.join(" "));
    }
    let path = config.store.path.display();
    let fate = if fleeting {
        " (until it stops; --data DIR keeps it)"
    } else {
        ""
    };
    let _ = writeln!(text, "  store           {path}{fate}");
    text.push_str("try next:\n");
    let server = match (addresses.sip_tcp, addresses.sip_udp) {
        // What the client assumes needs not be said.
        (Some(at), _) if at.port() == 5060 => String::new(),
        (Some(at), _) => format!(" --server {at}"),
        (None, Some(at)) => format!(" --server {at} --transport udp"),
        (None, None) => String::new(),
    };
    let program = program();
    let _ = writeln!(text, "  {program} chat --as bob --auto-accept{server}");
    let _ = write!(text, "  {program} chat --as alice{server} bob");
    text
}

/// How we were called.
fn program() -> String {
    std::env::args()
        .next()
        .unwrap_or_else(|| "tertulia".to_owned())
}
