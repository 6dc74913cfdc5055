use std::collections::BTreeSet;
use std::time::Duration;

use super::*;

#[test]
fn an_empty_file_is_the_default() {
    let config = Config::load("").unwrap();
    assert_eq!(config, Config::default());
    assert_eq!(config.split(), (Setup::default(), Policy::default()));
    assert_eq!(config.problems(), []);
    assert_eq!(Config::dev().problems(), []);
}

#[test]
fn the_commented_default_is_the_default() {
    let text = Config::commented_default();
    assert_eq!(Config::load(&text), Ok(Config::default()));
    // Those that have no value by default work too.
    let all = text
        .replace("\n#advertise", "\nadvertise")
        .replace("\n#pcap", "\npcap")
        .replace("\n#public_url", "\npublic_url")
        .replace("\n#welcome", "\nwelcome")
        .replace("\n#notice", "\nnotice")
        .replace("\n#secret", "\nsecret")
        .replace("\n#certificate", "\ncertificate")
        .replace("\n#key", "\nkey")
        .replace("\n#authorities", "\nauthorities");
    let config = Config::load(&all).unwrap();
    assert_eq!(config.changes(&Config::default()).len(), 9);
    for key in KEYS {
        let name = key.name.rsplit('.').next().unwrap();
        assert!(all.contains(&format!("\n{name} = ")), "{name}");
    }
}

/// Every key of the file is in the table, and there only once.
#[test]
fn every_key_is_documented() {
    let mut config = Config::default();
    for key in KEYS {
        if let Some(example) = key.example {
            config.set(&format!("{}={example}", key.name)).unwrap();
        }
    }
    let mut written = BTreeSet::new();
    for (name, value) in config.table() {
        match value.as_table() {
            Some(section) => written.extend(section.keys().map(|key| format!("{name}.{key}"))),
            None => drop(written.insert(name)),
        }
    }
    let documented: Vec<String> = KEYS.iter().map(|key| key.name.to_owned()).collect();
    assert_eq!(documented.len(), written.len());
    assert_eq!(documented.into_iter().collect::<BTreeSet<_>>(), written);
}

/// (the file, what the error says, the text it points at, the help)
#[rustfmt::skip]
const WRONG: &[(&str, &str, &str, Option<&str>)] = &[
    ("domian = \"x\"", "unknown field `domian`", "domian", None),
    ("[focus]\nring = 5", "unknown field `ring`", "ring", None),
    ("[imps]\nextend_s = 1", "unknown field `extend_s`", "extend_s", None),
    ("[focus]\nring_s = 0", "0 is not between 1 and 3600", "0", Some("focus.ring_s takes 1 to 3600 (seconds)")),
    ("[focus]\n\n# later\n[ focus ]\n", "duplicate key", "focus", None),
    ("[focus]\nring_s = -7", "-7 is not between", "-7", Some("focus.ring_s takes 1 to 3600 (seconds)")),
    ("[focus]\nring_s = \"5\"", "invalid type: string \"5\"", "\"5\"", Some("focus.ring_s takes 1 to 3600 (seconds)")),
    ("[focus]\nanswer = \"soon\"", "there is no answer \"soon\"", "\"soon\"",
     Some("focus.answer takes \"confirmed\" or \"immediate\"")),
    ("[focus]\nunknown_session = 410", "410 is neither 403 nor 404", "410", Some("focus.unknown_session takes 403 or 404")),
    ("[focus]\nallowed_senders = [\"alice\"]", "\"alice\" is not an address such as sip:alice@localhost", "[\"alice\"]",
     Some("focus.allowed_senders takes a list of addresses such as \"sip:alice@localhost\"; empty is every user")),
    ("[focus]\nsession_interval_s = 89", "89 is not between 90 and 86400", "89",
     Some("focus.session_interval_s takes 90 to 86400 (seconds)")),
    ("[core]\nmode = \"ims\"", "comes in a later version", "\"ims\"", Some("core.mode takes \"embedded\"")),
    ("[core]\nmode = \"cloud\"", "there is no mode \"cloud\"", "\"cloud\"", Some("core.mode takes \"embedded\"")),
    ("[core]\ndigest = []", "without an algorithm nobody can log in", "[]",
     Some("core.digest takes a list of one or more of \"SHA-256\" and \"MD5\", each once")),
    ("[core]\ndigest = [\"MD5\", \"SHA-1\"]", "there is no digest algorithm \"SHA-1\"", "[\"MD5\", \"SHA-1\"]",
     Some("core.digest takes a list of one or more of \"SHA-256\" and \"MD5\", each once")),
    ("[core]\ndigest = [\"MD5\", \"md5\"]", "MD5 is listed twice", "[\"MD5\", \"md5\"]",
     Some("core.digest takes a list of one or more of \"SHA-256\" and \"MD5\", each once")),
    ("[sip]\nudp = false", "invalid type: boolean", "false",
     Some("sip.udp takes \"IP:PORT\", port 0 takes any that is free; or \"off\"")),
    ("[sip]\ntcp = \"localhost:5060\"", "is neither an IP address with a port nor \"off\"", "\"localhost:5060\"",
     Some("sip.tcp takes \"IP:PORT\", port 0 takes any that is free; or \"off\"")),
    ("[msrp]\ntcp = \"off\"", "invalid socket address", "\"off\"",
     Some("msrp.tcp takes \"IP:PORT\"; port 0 takes any that is free")),
    ("[dns]\nservers = [\"192.0.2.53\"]", "invalid socket address", "\"192.0.2.53\"",
     Some("dns.servers takes a list of \"IP:PORT\"; empty is the servers that the machine asks")),
    ("[ssp]\npeers = [{ domain = \"b.example\", url = \"b.example\" }]", "is not of the form https://host:port/ssp", "\"b.example\"",
     Some("ssp.peers takes a list of { domain, url, secret, tls }; url, such as https://host:port/ssp, may be left out")),
    ("domain = \"a b\"", "\"a b\" is not a domain name", "\"a b\"", Some("domain takes a domain name")),
    ("domain = ", "string values must be quoted", "", Some("domain takes a domain name")),
];

#[test]
fn errors_say_what_where_and_what_instead() {
    for (text, message, at, help) in WRONG {
        let error = Config::load(text).unwrap_err();
        assert!(error.message.contains(message), "{text}: {error:?}");
        let span = error.span.clone().unwrap();
        assert_eq!(&text[span], *at, "{text}: {error:?}");
        assert_eq!(error.help.as_deref(), *help, "{text}");
    }
}

/// (the assignment, the same as a file)
#[rustfmt::skip]
const ASSIGNMENTS: &[(&str, &str)] = &[
    ("focus.ring_s=5", "[focus]\nring_s = 5"),
    (" focus.ring_s = 5 ", "[focus]\nring_s = 5"),
    ("focus.answer=immediate", "[focus]\nanswer = \"immediate\""),
    ("focus.answer=\"immediate\"", "[focus]\nanswer = \"immediate\""),
    ("focus.allow_anonymity=false", "[focus]\nallow_anonymity = false"),
    ("focus.recipient_list_history=true", "[focus]\nrecipient_list_history = true"),
    ("focus.unknown_session=404", "[focus]\nunknown_session = 404"),
    ("focus.allowed_senders=sip:a@EXAMPLE.org, sips:b@c", "[focus]\nallowed_senders = [\"sip:a@example.org\", \"sip:b@c\"]"),
    ("sip.udp=off", "[sip]\nudp = \"off\""),
    ("sip.udp=127.0.0.1:0", "[sip]\nudp = \"127.0.0.1:0\""),
    ("sip.tcp=[::1]:5070", "[sip]\ntcp = \"[::1]:5070\""),
    ("domain=EXAMPLE.org", "domain = \"example.org\""),
    ("domain=10.0.0.1", "domain = \"10.0.0.1\""),
    ("node=1", "node = \"1\""),
    ("advertise=192.0.2.7", "advertise = \"192.0.2.7\""),
    ("advertise=", ""),
    ("core.trusted_peers=", ""),
    ("core.trusted_peers=10.0.0.1,::1", "[core]\ntrusted_peers = [\"10.0.0.1\", \"::1\"]"),
    ("core.trusted_peers=[\"10.0.0.1\"]", "[core]\ntrusted_peers = [\"10.0.0.1\"]"),
    ("core.digest=MD5", "[core]\ndigest = [\"MD5\"]"),
    ("core.digest=md5, sha-256", "[core]\ndigest = [\"MD5\", \"SHA-256\"]"),
    ("core.digest=[\"SHA-256\"]", "[core]\ndigest = [\"SHA-256\"]"),
    ("core.digest=SHA-256,MD5", ""),
    ("dns.servers=127.0.0.1:5353", "[dns]\nservers = [\"127.0.0.1:5353\"]"),
    ("dns.servers=192.0.2.53:53, [::1]:53", "[dns]\nservers = [\"192.0.2.53:53\", \"[::1]:53\"]"),
    ("dns.servers=", ""),
    ("store.path=/var/lib/t.db", "[store]\npath = \"/var/lib/t.db\""),
    ("trace.pcap=a=b", "[trace]\npcap = \"a=b\""),
];

#[test]
fn an_assignment_is_a_file_of_one_key() {
    for (assignment, file) in ASSIGNMENTS {
        let mut config = Config::default();
        config.set(assignment).unwrap();
        assert_eq!(config, Config::load(file).unwrap(), "{assignment}");
    }
}

#[test]
fn an_assignment_that_fails_changes_nothing_and_names_what_is_allowed() {
    #[rustfmt::skip]
    let rows = [
        ("focus.ring_s", "is no assignment", "focus.ring_s=5"),
        ("focus.ring=5", "there is no key focus.ring", "focus.ring_s, "),
        ("focus.ring_s=soon", "focus.ring_s cannot be soon: ", "focus.ring_s takes 1 to 3600 (seconds)"),
        ("focus.ring_s=", "focus.ring_s cannot be : ", "focus.ring_s takes 1 to 3600 (seconds)"),
        ("focus.ring_s=3601", "3601 is not between 1 and 3600", "focus.ring_s takes"),
        ("focus.ring_s=5\n[sip]", "focus.ring_s cannot be", "focus.ring_s takes"),
        ("focus.unknown_session=0", "neither 403 nor 404", "403 or 404"),
        ("core.mode=ims", "comes in a later version", "core.mode takes \"embedded\""),
        ("core.trusted_peers=all", "core.trusted_peers cannot be all", "a list of IP addresses"),
        ("core.digest=", "core.digest cannot be : without an algorithm nobody can log in", "\"SHA-256\" and \"MD5\""),
        ("core.digest=[]", "core.digest cannot be []: without an algorithm nobody can log in", "core.digest takes"),
        ("core.digest=MD5-sess", "there is no digest algorithm \"MD5-sess\"", "core.digest takes"),
    ];
    for (assignment, message, help) in rows {
        let mut config = Config::dev();
        let error = config.set(assignment).unwrap_err();
        assert!(error.message.contains(message), "{error:?}");
        assert!(error.help.as_deref().unwrap().contains(help), "{error:?}");
        assert_eq!(config, Config::dev());
    }
}

#[test]
fn every_key_reaches_setup_or_policy() {
    let mut config = Config::default();
    // Neither counts without the other.
    config.tls.certificate = Some("before.pem".into());
    config.tls.key = Some("before.pem".into());
    #[rustfmt::skip]
    let other = [
        "domain=example.org", "node=n2", "advertise=192.0.2.1", "dns.servers=192.0.2.53:53", "sip.udp=off", "sip.tcp=127.0.0.1:7", "sip.t1_ms=100",
        "sip.shards=3", "msrp.tcp=127.0.0.1:8", "msrp.connect_to=10.0.0.9", "core.trusted_peers=10.0.0.8", "core.digest=MD5",
        "registrar.default_expires_s=600", "registrar.min_expires_s=30", "registrar.max_expires_s=900",
        "registrar.max_contacts=2", "focus.factory=f", "focus.max_adhoc_group_size=3", "focus.answer=immediate",
        "focus.ring_s=5", "focus.media_s=5", "focus.allow_anonymity=false", "focus.allowed_senders=sip:a@example.org",
        "focus.recipient_list_history=true", "focus.unknown_session=404", "focus.session_interval_s=1000",
        "focus.min_session_interval_s=100", "focus.fan_out_credit=4", "notify.min_interval_ms=0", "trace.pcap=t.pcap",
        "http.listen=127.0.0.1:9", "http.public_url=http://im.example.org", "imps.cir_tcp=off", "imps.cir_udp=off",
        "imps.cir_to=10.0.0.7", "imps.gateways=10.0.0.6", "imps.service_name=Talk", "imps.extend_timeout_s=5",
        "imps.max_groups=5", "imps.max_groups_per_user=5", "imps.max_group_size=5", "imps.max_sessions=5",
        "imps.max_sessions_per_user=4", "imps.session_s=60", "imps.max_session_s=90", "imps.poll_min_s=0",
        "imps.max_waiting=5", "imps.keep_s=60", "imps.max_message=1000", "imps.welcome=Hello", "imps.notice=Closed on Sunday",
        "sip.peers=[{ domain = \"b.example\", host = \"10.0.0.5:5070\", transport = \"tcp\" }]",
        "http.tls=127.0.0.1:10", "tls.certificate=c", "tls.authorities=a", "tls.key=k",
        "ssp.secret=a", "ssp.peers=[{ domain = \"b.example\", url = \"http://b.example:8080/ssp\", secret = \"b\" }]",
    ];
    for assignment in other {
        let before = config.clone();
        config.set(assignment).unwrap();
        let [change] = before.changes(&config).try_into().unwrap();
        let (from, to) = (before.split(), config.split());
        let (setup, policy) = (from.0 != to.0, from.1 != to.1);
        assert_eq!(
            (setup, policy),
            (!change.at_once, change.at_once),
            "{assignment}"
        );
    }
    // All but these three: whose store and whose key it is, and the one mode there is.
    assert_eq!(other.len(), KEYS.len() - 3);
    let (setup, policy) = config.split();
    assert_eq!(setup.t1, Duration::from_millis(100));
    assert_eq!((setup.shards, setup.sip_udp), (3, None));
    assert_eq!(policy.focus.ring, Duration::from_secs(5));
    assert_eq!(policy.registrar.max_contacts, 2);
}

#[test]
fn changes_name_both_values() {
    let from = Config::default();
    let mut to = from.clone();
    to.set("focus.ring_s=5").unwrap();
    to.set("trace.pcap=x").unwrap();
    let text = |change: &Change| format!("{} {:?} {:?}", change.key, change.from, change.to);
    let changes: Vec<String> = from.changes(&to).iter().map(text).collect();
    assert_eq!(
        changes,
        [
            r#"focus.ring_s Some("120") Some("5")"#,
            r#"trace.pcap None Some("\"x\"")"#
        ]
    );
}

/// (assignments, the weight and key of each problem)
type Row = (&'static [&'static str], &'static [(Weight, &'static str)]);

#[rustfmt::skip]
const PROBLEMS: &[Row] = &[
    (&["sip.udp=0.0.0.0:5060", "domain=example.org"], &[(Weight::Caution, "advertise")]),
    (&["sip.udp=0.0.0.0:5060"], &[(Weight::Caution, "domain"), (Weight::Caution, "advertise")]),
    (&["sip.tcp=off", "sip.udp=0.0.0.0:5060", "msrp.tcp=0.0.0.0:2855", "http.listen=0.0.0.0:8080", "imps.cir_tcp=0.0.0.0:3717",
       "imps.cir_udp=0.0.0.0:3717", "domain=example.org", "advertise=192.0.2.1"], &[]),
    (&["advertise=0.0.0.0"], &[(Weight::Mistake, "advertise")]),
    (&["advertise=224.0.0.1"], &[(Weight::Mistake, "advertise")]),
    (&["sip.udp=off", "advertise=192.0.2.1"],
     &[(Weight::Caution, "sip.tcp"), (Weight::Caution, "msrp.tcp"), (Weight::Caution, "http.listen"), (Weight::Caution, "imps.cir_tcp"), (Weight::Caution, "imps.cir_udp")]),
    (&["sip.udp=off", "sip.tcp=[fd00::1]:5060", "msrp.tcp=10.0.0.1:2855", "domain=example.org", "advertise=10.0.0.1",
       "http.listen=off", "imps.cir_tcp=off", "imps.cir_udp=off"], &[(Weight::Caution, "sip.tcp")]),
    (&["sip.udp=off", "sip.tcp=off"], &[(Weight::Mistake, "sip.udp")]),
    (&["msrp.tcp=127.0.0.1:5060"], &[(Weight::Mistake, "msrp.tcp")]),
    (&["msrp.tcp=127.0.0.1:5060", "sip.tcp=off"], &[]),
    (&["msrp.tcp=127.0.0.2:5060"], &[]),
    (&["msrp.tcp=127.0.0.1:0", "sip.tcp=127.0.0.1:0"], &[]),
    (&["http.listen=127.0.0.1:5060"], &[(Weight::Mistake, "http.listen")]),
    (&["imps.cir_tcp=127.0.0.1:8080"], &[(Weight::Mistake, "imps.cir_tcp")]),
    (&["imps.cir_udp=127.0.0.1:8080"], &[]),
    (&["http.listen=off"], &[(Weight::Caution, "http.listen")]),
    (&["http.listen=off", "imps.cir_tcp=off", "imps.cir_udp=off"], &[]),
    (&["imps.gateways=0.0.0.0"], &[(Weight::Mistake, "imps.gateways")]),
    (&["imps.cir_to=224.0.0.1"], &[(Weight::Mistake, "imps.cir_to")]),
    (&["imps.max_session_s=60"], &[(Weight::Mistake, "imps.session_s")]),
    (&["ssp.peers=[{ domain = \"b.example\", url = \"http://b.example/ssp\" }]"], &[(Weight::Caution, "ssp.peers")]),
    (&["ssp.peers=[{ domain = \"b.example\" }]"], &[(Weight::Caution, "ssp.peers")]),
    (&["ssp.peers=[{ domain = \"b.example\", secret = \"s\" }]"], &[]),
    (&["tls.key=k", "tls.certificate=c", "http.tls=127.0.0.1:8443", "tls.authorities=a",
       "ssp.peers=[{ domain = \"b.example\", tls = true }, { domain = \"c.example\", url = \"https://c/ssp\" }]", "http.listen=off",
       "imps.cir_tcp=off", "imps.cir_udp=off"], &[]),
    (&["tls.key=k", "tls.certificate=c", "http.tls=127.0.0.1:8443", "tls.authorities=a",
       "ssp.peers=[{ domain = \"b.example\", tls = true, url = \"http://c/ssp\" }]"], &[(Weight::Mistake, "ssp.peers")]),
    (&["tls.key=k", "tls.certificate=c", "http.tls=127.0.0.1:8443", "tls.authorities=a",
       "ssp.peers=[{ domain = \"b.example\", tls = true }, { domain = \"c.example\", tls = true, url = \"http://c/ssp\" }]"],
     &[(Weight::Mistake, "ssp.peers")]),
    (&["tls.key=k", "tls.certificate=c", "http.tls=127.0.0.1:8443",
       "ssp.peers=[{ domain = \"b.example\", tls = true }]"], &[(Weight::Mistake, "ssp.peers")]),
    (&["tls.key=k", "tls.certificate=c", "tls.authorities=a",
       "ssp.peers=[{ domain = \"b.example\", tls = true }]"], &[(Weight::Mistake, "ssp.peers")]),
    (&["tls.key=k", "tls.certificate=c", "http.tls=127.0.0.1:8080"], &[(Weight::Mistake, "http.tls")]),
    (&["http.tls=127.0.0.1:8443"], &[(Weight::Mistake, "http.tls")]),
    (&["tls.key=k"], &[(Weight::Mistake, "tls.certificate")]),
    (&["tls.certificate=c"], &[(Weight::Mistake, "tls.key")]),
    (&["ssp.peers=[{ domain = \"10.0.0.1\", secret = \"s\" }]"], &[(Weight::Mistake, "ssp.peers")]),
    (&["ssp.peers=[{ domain = \"localhost\", url = \"http://b.example/ssp\", secret = \"s\" }]"],
     &[(Weight::Mistake, "ssp.peers")]),
    (&["ssp.peers=[{ domain = \"b.example\", url = \"http://b/ssp\", secret = \"s\" },
        { domain = \"B.example\", url = \"http://c/ssp\", secret = \"s\" }]"], &[(Weight::Mistake, "ssp.peers")]),
    (&["http.listen=off", "imps.cir_tcp=off", "imps.cir_udp=off",
       "ssp.peers=[{ domain = \"b.example\", url = \"http://b/ssp\", secret = \"s\" }]"],
     &[(Weight::Mistake, "ssp.peers")]),
    (&["sip.peers=[{ domain = \"b.example\" }, { domain = \"c.example\", host = \"[::1]:5070\" }]"], &[]),
    (&["sip.peers=[{ domain = \"b.example\" }]", "sip.udp=off"], &[]),
    (&["sip.peers=[{ domain = \"b.example\", transport = \"tcp\" }]", "sip.udp=off"], &[]),
    (&["sip.peers=[{ domain = \"b.example\", transport = \"udp\" }]", "sip.udp=off"], &[(Weight::Mistake, "sip.peers")]),
    (&["sip.peers=[{ domain = \"localhost\" }]"], &[(Weight::Mistake, "sip.peers")]),
    (&["sip.peers=[{ domain = \"b.example\" }, { domain = \"B.example\" }]"], &[(Weight::Mistake, "sip.peers")]),
    (&["imps.key_file=tertulia.db"], &[(Weight::Mistake, "imps.key_file")]),
    (&["dns.servers=192.0.2.53:53,[::1]:5353"], &[]),
    (&["dns.servers=192.0.2.53:53,0.0.0.0:53"], &[(Weight::Mistake, "dns.servers")]),
    (&["dns.servers=192.0.2.53:0"], &[(Weight::Mistake, "dns.servers")]),
    (&["msrp.connect_to=0.0.0.0"], &[(Weight::Mistake, "msrp.connect_to")]),
    (&["trace.pcap=tertulia.db"], &[(Weight::Mistake, "trace.pcap")]),
    (&["core.trusted_peers=0.0.0.0"], &[(Weight::Mistake, "core.trusted_peers")]),
    (&["core.trusted_peers=8.8.8.8"], &[(Weight::Caution, "core.trusted_peers")]),
    (&["core.trusted_peers=8.8.8.8", "sip.udp=off"], &[]),
    (&["core.trusted_peers=10.0.0.1,100.64.0.1,fd00::1,127.0.0.1"], &[]),
    (&["focus.min_session_interval_s=1801"], &[(Weight::Mistake, "focus.min_session_interval_s")]),
    (&["focus.min_session_interval_s=1800"], &[]),
    (&["focus.ring_s=100", "focus.session_interval_s=90"], &[(Weight::Caution, "focus.ring_s")]),
    (&["focus.ring_s=181"], &[(Weight::Caution, "focus.ring_s")]),
    (&["registrar.min_expires_s=3601"], &[(Weight::Mistake, "registrar.min_expires_s")]),
    (&["registrar.max_expires_s=3599"], &[(Weight::Mistake, "registrar.default_expires_s")]),
    (&["focus.fan_out_credit=99"], &[(Weight::Caution, "focus.fan_out_credit")]),
    (&["focus.allowed_senders=sip:alice@localhost"], &[]),
    (&["focus.allowed_senders=sip:alice@example.org"], &[(Weight::Caution, "focus.allowed_senders")]),
    (&["focus.allowed_senders=sip:alice@example.org", "core.trusted_peers=10.0.0.1"], &[]),
];

#[test]
fn problems() {
    for (assignments, want) in PROBLEMS {
        let mut config = Config::default();
        for assignment in *assignments {
            config.set(assignment).unwrap();
        }
        let problems = config.problems();
        let got: Vec<_> = problems.iter().map(|p| (p.weight, p.key)).collect();
        assert_eq!(got, *want, "{assignments:?}: {problems:?}");
    }
}
