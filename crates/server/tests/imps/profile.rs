//! Public profiles of CSP 1.3.

use imps::csp::{
    GetPublicProfileRequest, GetPublicProfileResponse, Property, PublicProfile,
    UpdatePublicProfileRequest,
};
use imps::{Encoding, Primitive, Version};

use crate::lab::handset::{properties, wv};
use crate::lab::presence::{addresses, fresh_store};
use crate::lab::{Handset, Lab};

fn put(all: &[(&str, &str)], clear: bool) -> UpdatePublicProfileRequest {
    UpdatePublicProfileRequest {
        clear,
        profile: Some(PublicProfile {
            user: None,
            properties: properties(all),
        }),
    }
}

fn ask(handset: &mut Handset, names: &[&str]) -> GetPublicProfileResponse {
    let users = addresses(names);
    match handset.ask(GetPublicProfileRequest { users }) {
        Primitive::GetPublicProfileResponse(response) => response,
        other => panic!("{other:?}"),
    }
}

fn of(handset: &mut Handset, name: &str) -> Vec<Property> {
    let response = ask(handset, &[name]);
    assert_eq!(response.outcome.code.number(), 200, "{response:?}");
    assert_eq!(response.profiles[0].user, Some(wv(name)));
    response.profiles[0].properties.clone()
}

#[test]
fn everybody_sees_what_a_user_tells() {
    let store = fresh_store();
    let again = store.reopen().unwrap();
    let lab = Lab::on(store, |_, _| {});
    let (mut alice, mut bob) = (Handset::on(&lab, "alice"), Handset::on(&lab, "bob"));
    assert_eq!(of(&mut bob, "alice"), []);
    alice.done(put(&[("City", "Lisbon"), ("FriendlyName", "Al")], false));
    alice.done(put(&[("city", "Porto"), ("Hobbies", "chess")], false));
    let want = [
        ("city", "Porto"),
        ("FriendlyName", "Al"),
        ("Hobbies", "chess"),
    ];
    assert_eq!(of(&mut bob, "alice"), properties(&want));
    // One's own, if nobody is named.
    assert_eq!(ask(&mut alice, &[]).profiles[0].user, Some(wv("alice")));
    drop(lab);
    let lab = Lab::on(again, |_, _| {});
    let (mut alice, mut bob) = (Handset::on(&lab, "alice"), Handset::on(&lab, "bob"));
    assert_eq!(of(&mut bob, "alice"), properties(&want));
    alice.done(put(&[("Gender", "F")], true));
    assert_eq!(of(&mut bob, "alice"), properties(&[("Gender", "F")]));
    // Whoever has not said how to be called is called as in the account.
    let erin = [("FriendlyName", "Erin of the Account")];
    assert_eq!(of(&mut bob, "erin"), properties(&erin));
}

#[test]
fn what_is_refused() {
    let lab = Lab::start();
    let mut alice = Handset::on(&lab, "alice");
    let long = "x".repeat(2000);
    let many: Vec<String> = (0..31).map(|number| number.to_string()).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|name| (name.as_str(), "x")).collect();
    #[rustfmt::skip]
    let rows = [
        (put(&[("City", &long)], false), 702),
        (put(&[(&long, "x")], false),    702),
        (put(&[("", "x")], false),       702),
        (put(&many, false),              702),
        (put(&many[..30], false),        200),
        (put(&[("one more", "x")], false), 702),
        (put(&[("one more", "x")], true),  200),
    ];
    for (number, (request, want)) in rows.into_iter().enumerate() {
        assert_eq!(alice.code(request), want, "row {number}");
    }
    let mut others = put(&[("City", "Lisbon")], false);
    others.profile.as_mut().unwrap().user = Some(wv("bob"));
    assert_eq!(alice.code(others), 403);
    let unknown = ask(&mut alice, &["nobody"]).outcome;
    assert_eq!(unknown.code.number(), 531);
    assert_eq!(unknown.details[0].users, [wv("nobody")]);
    let some = ask(&mut alice, &["nobody", "bob"]);
    assert_eq!((some.outcome.code.number(), some.profiles.len()), (201, 1));
    let crowd = vec!["bob"; 51];
    assert_eq!(ask(&mut alice, &crowd).outcome.code.number(), 402);
    let mut old = Handset::speaking(&lab, "bob", Version::V1_2, Encoding::Xml);
    assert_eq!(old.code(put(&[("City", "Lisbon")], false)), 405);
}
