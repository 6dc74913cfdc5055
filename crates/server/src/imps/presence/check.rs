//! Which values attributes can have, and how large they may be.

use imps::csp::{PresenceSubList, UpdatePresenceRequest};
use imps::status::Code;
use imps::{Encoding, Message, Session, Transaction, Version};

use super::super::Refused;
use super::kinds::{CLIENTS_MAX, Kind, Kinds};

/// The most bytes of one attribute, written out: a text of some screens of a handset.
const ATTRIBUTE_MAX: usize = 2048;

/// The most bytes of a picture, a sound or a business card, written out.
const CONTENT_MAX: usize = 16 << 10;

const AVAILABILITIES: &[&str] = &["AVAILABLE", "NOT_AVAILABLE", "DISCREET"];

const MOODS: &[&str] = &[
    "HAPPY",
    "SAD",
    "ANGRY",
    "JEALOUS",
    "ASHAMED",
    "INVINCIBLE",
    "IN_LOVE",
    "SLEEPY",
    "BORED",
    "EXCITED",
    "ANXIOUS",
];

const CLIENT_TYPES: &[&str] = &["MOBILE_PHONE", "COMPUTER", "PDA", "CLI", "OTHER"];

const YES_OR_NO: &[&str] = &["T", "F"];

/// Checks a list that a user publishes, and writes its words as others are to read them.
///
/// # Errors
///
/// 750 for a list in which nothing is known, or what the version does not have; 751 for a value
/// that its attribute cannot have.
pub(super) fn check(list: &mut PresenceSubList, version: Version) -> Result<(), Refused> {
    let named = Kinds::named(list);
    if named.is_empty() {
        let why = "the list names no attribute that is known here";
        return Err(Refused::because(Code::INVALID_PRESENCE_ATTRIBUTE, why));
    }
    let foreign = named
        .iter()
        .find(|kind| Kinds::of_version(version).both([*kind].into_iter().collect()) == Kinds::NONE);
    if let Some(kind) = foreign {
        let why = format!("CSP {version} has no {}", kind.name());
        return Err(Refused::because(Code::INVALID_PRESENCE_ATTRIBUTE, why));
    }
    words(list)?;
    for kind in named.iter() {
        if kind.count(list) > CLIENTS_MAX {
            let why = format!("{} has at most {CLIENTS_MAX} values", kind.name());
            return Err(Refused::because(Code::INVALID_PRESENCE_VALUE, why));
        }
    }
    sizes(list)
}

/// Refuses a list with an attribute that is too large.
pub(super) fn sizes(list: &PresenceSubList) -> Result<(), Refused> {
    for kind in Kinds::named(list).iter() {
        let limit = match kind {
            Kind::StatusContent | Kind::ContactInfo => CONTENT_MAX,
            _ => ATTRIBUTE_MAX,
        };
        let size = size(&Kinds::of([kind].into_iter().collect(), list));
        if size > limit {
            let why = format!("{} has at most {limit} bytes written out", kind.name());
            return Err(Refused::because(Code::INVALID_PRESENCE_VALUE, why));
        }
    }
    Ok(())
}

/// How many bytes a list has, written out, besides what is around it.
pub(super) fn size(list: &PresenceSubList) -> usize {
    let length = |list: PresenceSubList| {
        let attributes = Box::new(list);
        let transaction = Transaction::request("", UpdatePresenceRequest { attributes });
        let message = Message::new(Version::V1_3, Session::Outband).with(transaction);
        message.encode(Encoding::Xml).len()
    };
    let around = length(PresenceSubList::default());
    length(list.clone()).saturating_sub(around)
}

/// Checks the words of attributes that have only certain words.
fn words(list: &mut PresenceSubList) -> Result<(), Refused> {
    let flags = list.online_status.iter_mut().map(|one| &mut one.value);
    for value in flags {
        word(Kind::OnlineStatus, value, YES_OR_NO)?;
    }
    for one in &mut list.registration {
        word(Kind::Registration, &mut one.value, YES_OR_NO)?;
    }
    for one in &mut list.client_info {
        word(Kind::ClientInfo, &mut one.client_type, CLIENT_TYPES)?;
    }
    if let Some(one) = &mut list.user_availability {
        word(Kind::UserAvailability, &mut one.value, AVAILABILITIES)?;
    }
    if let Some(one) = &mut list.status_mood {
        word(Kind::StatusMood, &mut one.value, MOODS)?;
    }
    for place in &list.geo_location {
        let numbers = [&place.longitude, &place.latitude, &place.altitude];
        for number in numbers.into_iter().flatten() {
            if !is_degrees(number) {
                let why = format!("GeoLocation cannot be {number}");
                return Err(Refused::because(Code::INVALID_PRESENCE_VALUE, why));
            }
        }
    }
    Ok(())
}

/// Refuses another word than these; letter case is forgiven. Nothing at all takes a value away.
fn word(kind: Kind, value: &mut Option<String>, words: &[&str]) -> Result<(), Refused> {
    let Some(written) = value.as_deref().filter(|written| !written.is_empty()) else {
        *value = None;
        return Ok(());
    };
    let known = words.iter().find(|word| word.eq_ignore_ascii_case(written));
    let Some(known) = known else {
        let shown: String = written.chars().take(40).collect();
        let why = format!("{} cannot be {shown}", kind.name());
        return Err(Refused::because(Code::INVALID_PRESENCE_VALUE, why));
    };
    *value = Some((*known).to_owned());
    Ok(())
}

/// A number or degrees, as clients write them: `12.5`, `-3`, `48 12 30N`.
fn is_degrees(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"+-., '\"".contains(&b);
    text.len() <= 32 && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use imps::csp::{Attribute, ClientInfo, CommC, CommCap, GeoLocation, InfoLink, StatusContent};

    use super::*;

    type Spoil = fn(&mut PresenceSubList);

    #[test]
    fn what_can_be_published() {
        #[rustfmt::skip]
        let rows: &[(Version, Spoil, Option<u16>)] = &[
            (Version::V1_1, |_| {},                                                          None),
            (Version::V1_1, |l| *l = PresenceSubList::default(),                             Some(750)),
            (Version::V1_1, |l| l.info_link = Some(InfoLink::default()),                     Some(750)),
            (Version::V1_2, |l| l.info_link = Some(InfoLink::default()),                     None),
            (Version::V1_3, |l| l.user_availability = Some(Attribute::new("discreet")),      None),
            (Version::V1_3, |l| l.user_availability = Some(Attribute::new("GONE")),          Some(751)),
            (Version::V1_3, |l| l.user_availability = Some(Attribute::default()),            None),
            (Version::V1_3, |l| l.status_mood = Some(Attribute::new("IN_LOVE")),             None),
            (Version::V1_3, |l| l.status_mood = Some(Attribute::new("MEH")),                 Some(751)),
            (Version::V1_3, |l| l.online_status = vec![Attribute::new("maybe")],             Some(751)),
            (Version::V1_3, |l| l.registration = vec![Attribute::new("t")],                  None),
            (Version::V1_3, |l| l.registration = vec![Attribute::new("yes")],                Some(751)),
            (Version::V1_3, |l| l.client_info = vec![of_type("pda")],                        None),
            (Version::V1_3, |l| l.client_info = vec![of_type("TOASTER")],                    Some(751)),
            (Version::V1_3, |l| l.geo_location = vec![at("48 12 30N")],                      None),
            (Version::V1_3, |l| l.geo_location = vec![at("<here>")],                         Some(751)),
            (Version::V1_3, |l| l.status_text = Some(Attribute::new("x".repeat(1900))),      None),
            (Version::V1_3, |l| l.status_text = Some(Attribute::new("x".repeat(2100))),      Some(751)),
            (Version::V1_3, |l| l.comm_cap = vec![ways(100)],                                Some(751)),
            (Version::V1_3, |l| l.status_content = Some(picture(15_000)),                    None),
            (Version::V1_3, |l| l.status_content = Some(picture(17_000)),                    Some(751)),
            (Version::V1_3, |l| l.plmn = vec![Attribute::new("26201"); 9],                   Some(751)),
        ];
        for (number, (version, spoil, want)) in rows.iter().enumerate() {
            let mut list = PresenceSubList {
                status_text: Some(Attribute::new("here")),
                ..PresenceSubList::default()
            };
            spoil(&mut list);
            let got = check(&mut list, *version).map_err(|refused| {
                assert!(refused.why.is_some(), "row {number} says no reason");
                refused.code.number()
            });
            assert_eq!(got.err(), *want, "row {number}: {list:?}");
        }
    }

    #[test]
    fn words_are_written_as_others_read_them() {
        let mut list = PresenceSubList {
            user_availability: Some(Attribute::new("not_Available")),
            ..PresenceSubList::default()
        };
        check(&mut list, Version::V1_1).unwrap();
        let want = Some(Attribute::new("NOT_AVAILABLE"));
        assert_eq!(list.user_availability, want);
    }

    fn of_type(client_type: &str) -> ClientInfo {
        ClientInfo {
            client_type: Some(client_type.to_owned()),
            ..ClientInfo::default()
        }
    }

    fn at(latitude: &str) -> GeoLocation {
        GeoLocation {
            latitude: Some(latitude.to_owned()),
            ..GeoLocation::default()
        }
    }

    fn ways(count: usize) -> CommCap {
        let way = CommC {
            cap: "CALL".to_owned(),
            status: "OPEN".to_owned(),
            ..CommC::default()
        };
        CommCap {
            ways: vec![way; count],
            ..CommCap::default()
        }
    }

    fn picture(bytes: usize) -> StatusContent {
        StatusContent {
            direct: Some("x".repeat(bytes)),
            ..StatusContent::default()
        }
    }
}
