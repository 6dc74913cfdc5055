//! IM 7.2.2.10: what a document of ours says, as a reader sees it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use xdm::conference_info::{
    Conference, ConferenceInfo, EndpointStatus, MAX_BYTES, State, Status, UserXml, read,
};

/// (rule, whether the full and the partial document for Bob obey it)
type Row = (&'static str, fn(&ConferenceInfo, &ConferenceInfo) -> bool);

#[rustfmt::skip]
const RULES: &[Row] = &[
    ("IM-7.2.2.10-S0c", |full, news| full.state == State::Full && news.state == State::Partial),
    ("IM-7.2.2.10-S0c", |_, news| news.users.as_ref().unwrap().state == State::Partial),
    ("IM-7.2.2.10-S0c", |_, news| entities(news) == ["sip:bob@h", "sip:cleo@h"]),
    ("IM-7.2.2.10-S0d", |full, news| full.version == Some(4) && news.version == Some(5)),
    ("IM-7.2.2.10-S1", |full, news| [full, news].iter().all(|d| d.entity.as_deref() == Some("sip:g@h"))),
    ("IM-7.2.2.10-S2", |full, _| entities(full) == ["sip:alice@h", "sip:bob@h", "sip:cleo@h"]),
    ("IM-7.2.2.10-S2a", |full, news| !entities(full).contains(&"") && !entities(news).contains(&"")),
    ("IM-7.2.2.10-S2a5", |full, news| own(full) == ["sip:bob@h"] && own(news) == ["sip:bob@h"]),
    ("IM-7.2.2.10-S2b", |full, _| users(full)[1].display_text.as_deref() == Some("Bob")),
    ("IM-7.2.2.10-S2b", |full, _| users(full)[0].display_text.is_none()),
    ("IM-7.2.2.10-S2c", |full, news| [full, news].iter().all(|d| users(d).iter().all(|u| u.endpoints.len() == 1))),
    ("IM-7.2.2.10-S2c1", |full, _| users(full).iter().all(|u| !u.endpoints[0].entity.is_empty())),
    ("IM-7.2.2.10-S2c2", |full, _| users(full).iter().all(|u| u.endpoints[0].status.is_some())),
    ("IM-7.2.2.10-S2c2A", |full, _| users(full)[0].endpoints[0].status == Some(EndpointStatus::Connected)),
    ("IM-7.2.2.10-S2c2B", |_, news| users(news)[1].endpoints[0].status == Some(EndpointStatus::Disconnected)),
    ("IM-7.2.2.10-S2c2D", |full, _| users(full)[2].endpoints[0].status == Some(EndpointStatus::Alerting)),
];

#[test]
fn documents_obey_the_clause() {
    let alice = UserXml::new("sip:alice@h", None, Status::Connected);
    let bob = UserXml::new("sip:bob@h", Some("Bob"), Status::Connected);
    let cleo_rings = UserXml::new("sip:cleo@h", None, Status::Alerting);
    let cleo_is_gone = UserXml::new("sip:cleo@h", None, Status::Disconnected);
    let conference = Conference::new("sip:g@h");
    let full = conference.full(4, &[&alice, &bob, &cleo_rings], Some(1));
    let news = conference.partial(5, &[&bob, &cleo_is_gone], Some(0));
    let full = read(&full, MAX_BYTES).unwrap();
    let news = read(&news, MAX_BYTES).unwrap();
    for (rule, obeyed) in RULES {
        assert!(obeyed(&full, &news), "{rule}: {full:#?} {news:#?}");
    }
}

fn users(document: &ConferenceInfo) -> &[xdm::conference_info::User] {
    &document.users.as_ref().unwrap().users
}

fn entities(document: &ConferenceInfo) -> Vec<&str> {
    users(document).iter().map(|u| u.entity.as_str()).collect()
}

fn own(document: &ConferenceInfo) -> Vec<&str> {
    let own = users(document).iter().filter(|u| u.yourown);
    own.map(|u| u.entity.as_str()).collect()
}
