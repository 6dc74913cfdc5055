//! The keys, for people.

/// What there is to say about one key.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Its name, with the section it is in.
    pub name: &'static str,
    /// What it decides.
    pub about: &'static str,
    /// The values it takes.
    pub takes: &'static str,
    /// A value to show for a key that has none by default.
    pub example: Option<&'static str>,
    /// Whether a change counts at once when the file is read again; else at the next start.
    pub at_once: bool,
}

const fn fixed(name: &'static str, takes: &'static str, about: &'static str) -> Key {
    Key {
        name,
        about,
        takes,
        example: None,
        at_once: false,
    }
}

const fn at_once(name: &'static str, takes: &'static str, about: &'static str) -> Key {
    Key {
        at_once: true,
        ..fixed(name, takes, about)
    }
}

const fn absent(key: Key, example: &'static str) -> Key {
    Key {
        example: Some(example),
        ..key
    }
}

/// An address to listen on.
const LISTEN: &str = "\"IP:PORT\"; port 0 takes any that is free";
const LISTEN_OR_OFF: &str = "\"IP:PORT\", port 0 takes any that is free; or \"off\"";
const ADDRESSES: &str = "a list of IP addresses";
const TEXT: &str = "a text on one line";
const YES_NO: &str = "true or false";

/// Every key, in the order of the file.
pub const KEYS: &[Key] = &[
    fixed(
        "domain",
        "a domain name",
        "The domain whose users and conferences live here. It is the realm of passwords too: after\n\
         a change all passwords have to be set again.",
    ),
    fixed(
        "node",
        "1 to 64 characters: letters, digits, '-', '_' and '.'",
        "The name of this server among several on one store.",
    ),
    absent(
        fixed(
            "advertise",
            "an IP address",
            "The address by which peers reach this server, when it is not the one listened on:\n\
             behind NAT, or when listening on 0.0.0.0.",
        ),
        "192.0.2.1",
    ),
    fixed(
        "store.path",
        "a path; a relative one begins where the server is started",
        "The SQLite file with accounts, registrations and conferences.",
    ),
    fixed(
        "dns.servers",
        "a list of \"IP:PORT\"; empty is the servers that the machine asks",
        "The DNS servers that are asked for addresses and services of other hosts. Names that\n\
         /etc/hosts has are not asked for.",
    ),
    fixed("sip.udp", LISTEN_OR_OFF, "Where SIP over UDP listens."),
    fixed("sip.tcp", LISTEN_OR_OFF, "Where SIP over TCP listens."),
    fixed(
        "sip.t1_ms",
        "10 to 10000 (milliseconds)",
        "The round trip that SIP over UDP expects (timer T1 of RFC 3261). All its time-outs grow\n\
         with it.",
    ),
    fixed(
        "sip.shards",
        "0 to 256; 0 is one for each core",
        "Into how many tasks the SIP core is split.",
    ),
    fixed(
        "sip.peers",
        "a list of { domain, host, transport }; host may have a port, and it and transport may be left out",
        "The other domains whose users and conferences are reached over SIP, and whose servers are\n\
         believed about their own users. Without a host the domain is looked up (RFC 3263).\n\
         The transport is \"udp\" or \"tcp\". Without it, it is what DNS says, and \"udp\" where that\n\
         says nothing; requests of more than 1300 bytes go over TCP all the same, unless it is refused.\n\
         Whoever can send from the address of such a server can be anybody of its domain.",
    ),
    fixed("msrp.tcp", LISTEN, "Where MSRP over TCP listens."),
    fixed(
        "msrp.connect_to",
        ADDRESSES,
        "Clients that may ask this server to connect to them. All others connect to it.",
    ),
    fixed(
        "core.mode",
        "\"embedded\"",
        "Who registers users and routes requests: \"embedded\" is this server itself.",
    ),
    at_once(
        "core.trusted_peers",
        ADDRESSES,
        "Peers whose word about a sender (P-Asserted-Identity) is believed without a password.\n\
         Whoever can send from one of these addresses can be anybody.",
    ),
    at_once(
        "core.digest",
        "a list of one or more of \"SHA-256\" and \"MD5\", each once",
        "The digest algorithms that users may log in with, in the order in which they are offered.\n\
         Older clients know MD5 alone, and some of them look no further than the first offer.",
    ),
    at_once(
        "registrar.default_expires_s",
        "1 to 604800 (seconds)",
        "How long a registration lasts that names no time.",
    ),
    at_once(
        "registrar.min_expires_s",
        "1 to 604800 (seconds)",
        "Registrations for less are refused (423).",
    ),
    at_once(
        "registrar.max_expires_s",
        "1 to 604800 (seconds)",
        "Registrations for more are cut to this.",
    ),
    at_once(
        "registrar.max_contacts",
        "1 to 100",
        "The most devices of one user.",
    ),
    at_once(
        "focus.factory",
        "1 to 64 characters: letters, digits, '-', '_', '.' and '+'",
        "The user part of the address at which conferences are made.",
    ),
    at_once(
        "focus.max_adhoc_group_size",
        "1 to 5000",
        "The most users that one conference may invite, the inviter not counted.",
    ),
    at_once(
        "focus.answer",
        "\"confirmed\" or \"immediate\"",
        "When the inviter is answered: when the first invited user has accepted, or at once.",
    ),
    at_once(
        "focus.ring_s",
        "1 to 3600 (seconds)",
        "How long an invited device may ring, and a session of two waits for one whose connection\n\
         is lost.",
    ),
    at_once(
        "focus.media_s",
        "1 to 86400 (seconds)",
        "How long a participant may be without an MSRP connection before the session is ended.",
    ),
    at_once(
        "focus.allow_anonymity",
        YES_NO,
        "May the inviter of a conference stay anonymous?",
    ),
    at_once(
        "focus.allowed_senders",
        "a list of addresses such as \"sip:alice@localhost\"; empty is every user",
        "Who may make conferences.",
    ),
    at_once(
        "focus.recipient_list_history",
        YES_NO,
        "Do invitations tell who else is invited? RCS clients like to know.",
    ),
    at_once(
        "focus.unknown_session",
        "403 or 404",
        "The answer to who rejoins a conference that is gone. OMA says 403; some RCS clients\n\
         begin a new conference on 404 alone.",
    ),
    at_once(
        "focus.session_interval_s",
        "90 to 86400 (seconds)",
        "How long a session lives without a refresh (RFC 4028), when the client does not say.",
    ),
    at_once(
        "focus.min_session_interval_s",
        "90 to 86400 (seconds)",
        "Clients that want to refresh more often are asked to do it this seldom (422).",
    ),
    at_once(
        "focus.fan_out_credit",
        "1 to 1000000",
        "The most invitations that one user may have running, over all conferences; the users of\n\
         another domain (sip.peers, ssp.peers) have as many together.",
    ),
    at_once(
        "notify.min_interval_ms",
        "0 to 60000 (milliseconds)",
        "The least time between two notices about who is in a conference, per participant.",
    ),
    fixed(
        "http.listen",
        LISTEN_OR_OFF,
        "Where HTTP listens: IMPS at /csp, and SSP at /ssp.",
    ),
    fixed(
        "http.tls",
        LISTEN_OR_OFF,
        "Where HTTP over TLS listens, for the same; with the certificate of tls.certificate.",
    ),
    absent(
        fixed(
            "http.public_url",
            "a URL such as \"http://im.example.org\"",
            "The URL by which clients reach http.listen, when it is not the one they used: behind a\n\
             proxy.",
        ),
        "http://im.example.org",
    ),
    fixed(
        "imps.cir_tcp",
        LISTEN_OR_OFF,
        "Where handsets connect to be told that something waits for them (CIR over TCP).",
    ),
    fixed(
        "imps.cir_udp",
        LISTEN_OR_OFF,
        "Where the datagrams come from by which handsets are told so (CIR over UDP, WAP push).",
    ),
    at_once(
        "imps.cir_to",
        ADDRESSES,
        "Hosts that handsets may name for such datagrams. Otherwise they go to where a login came\n\
         from, and nowhere else.",
    ),
    fixed(
        "imps.key_file",
        "a path; a relative one begins where the server is started",
        "The key under which the passwords of IMPS users are sealed in the store; made at the first\n\
         start. Without it nobody can log in with a digest: keep it, and apart from the store.",
    ),
    at_once(
        "imps.gateways",
        ADDRESSES,
        "WAP gateways whose word about a caller's number (MSISDN) is believed without a password.\n\
         Whoever can send from one of these addresses can be anybody who has a number.",
    ),
    at_once(
        "imps.service_name",
        TEXT,
        "What the service calls itself to handsets.",
    ),
    at_once(
        "imps.extend_timeout_s",
        "1 to 3600 (seconds)",
        "How long the peer may take to join when a conversation of two grows (ExtendConversation).",
    ),
    at_once(
        "imps.max_groups",
        "0 to 1000000",
        "The most groups there may be. Conversations that grow are groups too.",
    ),
    at_once(
        "imps.max_groups_per_user",
        "0 to 10000",
        "The most groups that one user may own.",
    ),
    at_once(
        "imps.max_group_size",
        "2 to 5000",
        "The most users who may be in one group.",
    ),
    at_once(
        "imps.max_sessions",
        "1 to 1000000",
        "The most sessions of handsets there may be.",
    ),
    at_once(
        "imps.max_sessions_per_user",
        "1 to 100",
        "The most sessions of one user. When there are more the oldest ends.",
    ),
    at_once(
        "imps.session_s",
        "10 to 86400 (seconds)",
        "How long a session lives without a sign of life, when the handset does not say.",
    ),
    at_once(
        "imps.max_session_s",
        "10 to 604800 (seconds)",
        "Handsets that want more get this.",
    ),
    at_once(
        "imps.poll_min_s",
        "0 to 3600 (seconds)",
        "How long handsets are asked to wait between two polls.",
    ),
    at_once(
        "imps.max_waiting",
        "1 to 100000",
        "The most messages kept for one user who does not fetch them.",
    ),
    at_once(
        "imps.keep_s",
        "60 to 31536000 (seconds)",
        "How long messages are kept for a user, when the sender does not say less.",
    ),
    at_once(
        "imps.max_message",
        "1000 to 1000000 (bytes)",
        "The largest content of a message.",
    ),
    absent(
        at_once(
            "imps.welcome",
            TEXT,
            "What whoever joins a conversation that has grown is told, when its user said nothing.",
        ),
        "Welcome!",
    ),
    absent(
        at_once(
            "imps.notice",
            TEXT,
            "What every handset is told that logs in, and all that are logged in when this changes.",
        ),
        "The service rests on Sunday.",
    ),
    absent(
        fixed(
            "ssp.secret",
            TEXT,
            "The secret by which other domains know this server over SSP (IMPS between servers). Without\n\
             it one is made up at each start, which only peers take that have none configured for us.",
        ),
        "a long random text",
    ),
    fixed(
        "ssp.peers",
        "a list of { domain, url, secret, tls }; url, such as https://host:port/ssp, may be left out",
        "The other domains whose users and groups are reached over SSP: at url, or without one where\n\
         the SRV records _imps-server._tcp.DOMAIN lead, at /ssp there. A peer without a secret is\n\
         believed if it answers there. With tls = true, or a url of https, both servers show each\n\
         other certificates (tls.authorities), and nothing passes between them without: ours comes\n\
         in at http.tls. A peer without is posted to in the clear: put a tunnel around it.",
    ),
    absent(
        fixed(
            "tls.certificate",
            "a path to a file of PEM",
            "The certificate of this server, followed by those between it and its authority. Other\n\
             domains look for the name of this domain in it.",
        ),
        "tertulia.pem",
    ),
    absent(
        fixed(
            "tls.key",
            "a path to a file of PEM",
            "The private key of that certificate.",
        ),
        "tertulia-key.pem",
    ),
    absent(
        fixed(
            "tls.authorities",
            "a path to a file of PEM",
            "The authorities by whose certificates the servers of other domains are believed; no\n\
             others are.",
        ),
        "authorities.pem",
    ),
    absent(
        fixed(
            "trace.pcap",
            "a path; the file is replaced at start",
            "Writes all that is sent and received to a file for Wireshark. It holds all that is\n\
             said: keep it as you keep the store.",
        ),
        "tertulia.pcap",
    ),
];

impl Key {
    /// The key of that name.
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        KEYS.iter().find(|key| key.name == name)
    }

    /// The section of the file, and the name in it.
    pub(super) fn parts(&self) -> (&'static str, &'static str) {
        self.name.split_once('.').unwrap_or(("", self.name))
    }
}
