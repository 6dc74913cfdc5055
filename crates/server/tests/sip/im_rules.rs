//! Who is called at all: the block list and the access rules of whoever is invited (IM XDM,
//! RFC 4745), looked at for every invitation by list, by group and by REFER.

use server::admin::{NewGroup, block, make_group, remove_rules, unblock, write_rules};
use sip::{Method, Name};
use store::{Document, Expect, Fence, Store, Write};
use xdm::im_rules;
use xdm::resource_lists::{AUID, Entry, GRANTED_CONTACTS, Item, List, ResourceLists};

use crate::groups::{FRIENDS, join};
use crate::lab::{Ask, Guest, Lab, Phone, store};

/// A lab, and the door by which its operator changes things meanwhile.
fn lab() -> (Lab, Store) {
    let mut store = store();
    let friends = NewGroup {
        name: "friends",
        display: None,
        members: &["alice", "bob", "carol"],
        public: false,
        invites: true,
        max: None,
        anonymity: false,
    };
    make_group(&mut store, "localhost", friends, 0).unwrap();
    let on = store.reopen().unwrap();
    let lab = Lab::on(on, |_, policy| policy.focus.allow_anonymity = true);
    (lab, store)
}

/// The access rules of bob: conditions and value of each.
fn bob_wants(store: &mut Store, rules: &[(&str, &str)]) {
    let rule = |(id, (conditions, value)): (usize, &(&str, &str))| {
        format!(
            "<rule id='r{id}'><conditions>{conditions}</conditions>\
             <actions><poc:allow-invite>{value}</poc:allow-invite></actions></rule>"
        )
    };
    let rules: String = rules.iter().enumerate().map(rule).collect();
    let document = format!(
        "<ruleset xmlns='urn:ietf:params:xml:ns:common-policy' \
         xmlns:o='urn:oma:xml:xdm:common-policy' xmlns:poc='urn:oma:xml:poc:poc-rules'>{rules}\
         </ruleset>"
    );
    write_rules(store, "localhost", "bob", document.as_bytes(), 0).unwrap();
}

/// Writes a document of bob's as it is.
fn put(store: &mut Store, auid: &str, name: &str, body: Vec<u8>) {
    let document = Document {
        collection: auid.to_owned(),
        name: format!("users/sip:bob@localhost/{name}"),
        owner: "sip:bob@localhost".to_owned(),
        etag: format!("{:x}", body.len()),
        body,
        changed_at_ms: 0,
    };
    let expect = Expect::Any;
    let put = Write::PutDocument { document, expect };
    store.commit(&[put], Fence::Unfenced).unwrap();
}

/// The users whom bob grants, and no others.
fn bob_grants(store: &mut Store, users: &[&str]) {
    let entry = |user: &&str| Item::Entry(Entry::new(format!("sip:{user}@localhost")));
    let list = List {
        name: Some(GRANTED_CONTACTS.to_owned()),
        items: users.iter().map(entry).collect(),
        ..List::default()
    };
    let lists = ResourceLists { lists: vec![list] };
    put(store, AUID, "index", lists.write_stored().into_bytes());
}

const HIDDEN: &str = "Privacy: id\r\n";

/// What becomes of an invitation of bob alone, who rings if he is to be asked: 0 for that.
fn invited(inviter: &mut Phone, bob: &mut Phone, extra: &str) -> u16 {
    let ask = Ask::guests(&["bob"]).with(extra);
    let call_id = ask.send(inviter);
    let answer = loop {
        if bob.has_heard(&Method::Invite) {
            let invitation = bob.invited();
            bob.refuses(&invitation, "486 Busy Here");
            let refused = inviter.final_response(&call_id);
            inviter.ack_failure(&refused, &ask.uri);
            assert_eq!(refused.status(), 486);
            return 0;
        }
        if let Some(response) = inviter.final_by_now(&call_id) {
            break response;
        }
    };
    inviter.ack_failure(&answer, &ask.uri);
    bob.heard_only(|_| false);
    answer.status()
}

/// Whoever is blocked reaches nobody, and hears what they would if nobody were there.
#[test]
fn a_blocked_inviter_does_not_learn_it() {
    let (lab, mut store) = lab();
    let (mut alice, mut carol) = (lab.phone("alice"), lab.phone("carol"));
    let away = {
        let ask = Ask::guests(&["bob"]);
        ask.ask(&mut alice)
    };
    let mut bob = lab.phone("bob");
    block(&mut store, "localhost", "bob", &["alice"], 0).unwrap();
    let blocked = Ask::guests(&["bob"]).ask(&mut alice);
    assert_eq!((away.status(), blocked.status()), (480, 480));
    assert_eq!(away.reason(), blocked.reason());
    let names = |fields: &sip::Response| -> Vec<Option<String>> {
        [Name::Warning, Name::Server, Name::RetryAfter]
            .map(|name| fields.raw(name).map(str::to_owned))
            .to_vec()
    };
    assert_eq!(names(&away), names(&blocked));
    bob.heard_only(|_| false);
    // Who hides is blocked all the same; others are not.
    assert_eq!(invited(&mut alice, &mut bob, HIDDEN), 480);
    assert_eq!(invited(&mut carol, &mut bob, ""), 0);
    // The next invitation finds what is there then.
    unblock(&mut store, "localhost", "bob", &["alice"], 0).unwrap();
    assert_eq!(invited(&mut alice, &mut bob, ""), 0);
}

/// A list of the granted lets in whoever stands on it, and nobody else.
#[test]
fn others_than_the_granted_reach_nobody() {
    let (lab, mut store) = lab();
    let [mut alice, mut bob, mut carol] = ["alice", "bob", "carol"].map(|user| lab.phone(user));
    bob_grants(&mut store, &["alice"]);
    assert_eq!(invited(&mut alice, &mut bob, ""), 0);
    assert_eq!(invited(&mut alice, &mut bob, HIDDEN), 0);
    assert_eq!(invited(&mut carol, &mut bob, ""), 480);
}

/// (bob's rules, what becomes of alice's invitation, of that when she hides, of carol's)
type Row = (&'static [(&'static str, &'static str)], [u16; 3]);

const ALICE: &str = "<identity><one id='sip:alice@localhost'/></identity>";
const HOME: &str = "<identity><many domain='localhost'/></identity>";
const ANONYMOUS: &str = "<o:anonymous-request/>";
const OTHERS: &str = "<o:other-identity/>";

#[rustfmt::skip]
const RULES: &[Row] = &[
    (&[],                                       [0, 0, 0]),
    (&[("", "reject")],                         [403, 403, 403]),
    (&[(ALICE, "reject")],                      [403, 403, 0]),
    (&[(HOME, "reject")],                       [403, 403, 403]),
    (&[(ANONYMOUS, "reject")],                  [0, 403, 0]),
    (&[(ALICE, "pass"), (OTHERS, "reject")],    [0, 0, 403]),
    // RFC 4745 10.2: the most permissive of those that apply.
    (&[(ALICE, "accept"), (HOME, "reject")],    [0, 0, 403]),
    (&[(HOME, "pass"), (ANONYMOUS, "reject")],  [0, 0, 0]),
    // What is not known is not met.
    (&[("<sphere value='home'/>", "reject")],   [0, 0, 0]),
];

/// The rules are those of the document as it is when somebody invites.
#[test]
fn rules_say_who_is_rejected() {
    let (lab, mut store) = lab();
    let [mut alice, mut bob, mut carol] = ["alice", "bob", "carol"].map(|user| lab.phone(user));
    for (rules, want) in RULES {
        bob_wants(&mut store, rules);
        let got = [
            invited(&mut alice, &mut bob, ""),
            invited(&mut alice, &mut bob, HIDDEN),
            invited(&mut carol, &mut bob, ""),
        ];
        assert_eq!(got, *want, "{rules:?}");
    }
    bob_wants(&mut store, &[("", "reject")]);
    assert_eq!(invited(&mut alice, &mut bob, ""), 403);
    remove_rules(&mut store, "localhost", "bob").unwrap();
    assert_eq!(invited(&mut alice, &mut bob, ""), 0);
}

/// A rule is the same for somebody who is there and for somebody who is not.
#[test]
fn a_rejection_does_not_tell_who_is_there() {
    let (lab, mut store) = lab();
    let mut alice = lab.phone("alice");
    bob_wants(&mut store, &[(ALICE, "reject")]);
    assert_eq!(Ask::guests(&["bob"]).ask(&mut alice).status(), 403);
    assert_eq!(Ask::guests(&["nobody"]).ask(&mut alice).status(), 404);
}

/// Others who are invited in the same breath are called.
#[test]
fn only_the_one_who_blocks_is_left_out() {
    let (lab, mut store) = lab();
    let [mut alice, mut bob, carol] = ["alice", "bob", "carol"].map(|user| lab.phone(user));
    block(&mut store, "localhost", "bob", &["alice"], 0).unwrap();
    let call_id = Ask::guests(&["bob", "carol"]).send(&mut alice);
    let _carol = Guest::joins(carol, "");
    assert_eq!(alice.final_response(&call_id).status(), 200);
    bob.heard_only(|_| false);
}

/// The same where a group calls its members: who starts it counts, or the group as a whole.
#[test]
fn members_of_a_group_are_asked_as_anybody() {
    for whom in ["alice", "friends"] {
        let (lab, mut store) = lab();
        let [mut alice, mut bob, carol] = ["alice", "bob", "carol"].map(|user| lab.phone(user));
        block(&mut store, "localhost", "bob", &[whom], 0).unwrap();
        let call_id = join(FRIENDS, "alice").send(&mut alice);
        let _carol = Guest::joins(carol, "");
        assert_eq!(alice.final_response(&call_id).status(), 200, "{whom}");
        bob.heard_only(|_| false);
    }
}

/// Of a REFER whoever refers is the one who invites, and hears what came of it.
#[test]
fn whoever_refers_is_the_inviter() {
    let (lab, mut store) = lab();
    let mut conference = lab.conference(&["carol", "dave"]);
    let mut bob = lab.phone("bob");
    bob_wants(
        &mut store,
        &[(
            "<identity><one id='sip:carol@localhost'/></identity>",
            "reject",
        )],
    );
    let identity = conference.identity.clone();
    let mut outcomes = Vec::new();
    for guest in &mut conference.guests {
        let phone = &mut guest.phone;
        let headers = format!(
            "Contact: {}\r\nRefer-To: <sip:bob@localhost>\r\n",
            phone.contact()
        );
        let accepted = phone.request("REFER", &identity, &headers, "");
        assert_eq!(accepted.status(), 202);
        if phone.user == "dave" {
            let invitation = bob.invited();
            bob.refuses(&invitation, "486 Busy Here");
        }
        let told = loop {
            let (_, body) = phone.notified();
            if !body.contains("100") {
                break body;
            }
        };
        outcomes.push(told.split(' ').nth(1).unwrap().to_owned());
        bob.heard_only(|_| false);
    }
    assert_eq!(outcomes, ["403", "486"]);
}

/// A document that cannot be read may forbid it: nobody is called.
#[test]
fn what_cannot_be_read_may_forbid_it() {
    for (auid, name) in [(AUID, "index"), (im_rules::AUID, "rules")] {
        let (lab, mut store) = lab();
        let (mut alice, mut bob) = (lab.phone("alice"), lab.phone("bob"));
        put(&mut store, auid, name, b"<ruleset>".to_vec());
        assert_eq!(invited(&mut alice, &mut bob, ""), 480, "{name}");
    }
}
