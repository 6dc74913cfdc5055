//! Public profiles: what users tell everybody of themselves. CSP 1.3.

use imps::csp::{
    GetPublicProfileRequest, GetPublicProfileResponse, Outcome, Property, PublicProfile, Status,
    UpdatePublicProfileRequest,
};
use imps::status::Code;
use imps::{Primitive, Version};
use room::Address;

use super::desk::Turn;
use super::user::{self, find, wv_of_user};
use super::{Refused, User, presence};
use crate::house::House;

/// The property that says how a user wants to be called.
const FRIENDLY_NAME: &str = "FriendlyName";

/// The most users whose profiles one request asks for.
const USERS_MAX: usize = 50;

/// The most properties of a profile: the field has names for about ten.
const PROPERTIES_MAX: usize = 30;

/// The longest name of a property, in bytes.
const NAME_MAX: usize = 64;

/// The longest value of a property, in bytes.
const VALUE_MAX: usize = 1024;

/// GetPublicProfile-Request. One that names nobody asks for one's own.
pub(super) async fn profiles(
    turn: &Turn<'_>,
    request: GetPublicProfileRequest,
) -> Result<Primitive, Refused> {
    check_version(turn)?;
    let mut users = request.users;
    if users.is_empty() {
        users.push(turn.session.user.wv());
    }
    if users.len() > USERS_MAX {
        let why = format!("a request asks for at most {USERS_MAX} profiles");
        return Err(Refused::because(Code::BAD_PARAMETER, why));
    }
    let (mut profiles, mut unknown) = (Vec::new(), Vec::new());
    let mut last = None;
    for named in users {
        match find(turn.house, &named).await {
            Ok(user) => profiles.push(profile(turn.house, &user).await?),
            Err(refused) => {
                unknown.push((refused.clone(), named));
                last = Some(refused);
            }
        }
    }
    let detail = |(refused, user): (Refused, String)| refused.of_users(vec![user]).details;
    let details: Vec<_> = unknown.into_iter().flat_map(detail).collect();
    if let Some(mut refused) = last.filter(|_| profiles.is_empty()) {
        refused.details = details;
        return Err(refused);
    }
    let outcome = Outcome::new(Code::SUCCESSFUL).with_details(details);
    Ok(GetPublicProfileResponse { outcome, profiles }.into())
}

/// The profile of a user. Whoever has not said how to be called is called as in the account.
async fn profile(house: &House, user: &User) -> Result<PublicProfile, Refused> {
    let mut properties = presence::load(house, &user.address).await?.profile;
    let is_called = properties.iter().any(|property| property.is(FRIENDLY_NAME));
    let display = user.display.as_deref().filter(|_| !is_called);
    properties.extend(display.map(|display| Property::new(FRIENDLY_NAME, display)));
    Ok(PublicProfile {
        user: Some(user.wv()),
        properties,
    })
}

/// What a user is called by others, if the user or the account says anything.
pub(super) async fn friendly_name(house: &House, who: &Address) -> Result<Option<String>, Refused> {
    let kept = presence::load(house, who).await?;
    let named = kept.profile.into_iter().find(|one| one.is(FRIENDLY_NAME));
    if let Some(name) = named.and_then(|named| named.value) {
        return Ok(Some(name));
    }
    match find(house, &wv_of_user(who)).await {
        Ok(user) => Ok(user.display.as_deref().map(str::to_owned)),
        Err(refused) if refused.code == Code::INTERNAL_ERROR => Err(refused),
        Err(_) => Ok(None),
    }
}

/// UpdatePublicProfile-Request: properties that are named replace what was there, and those without
/// a value are taken out.
pub(super) async fn update(
    turn: &Turn<'_>,
    request: UpdatePublicProfileRequest,
) -> Result<Primitive, Refused> {
    check_version(turn)?;
    let own = &turn.session.user;
    let profile = request.profile.unwrap_or_default();
    if let Some(named) = &profile.user
        && !is_own(turn, named)
    {
        let why = format!("the profile of {named} is not {}'s", own.wv());
        return Err(Refused::because(Code::FORBIDDEN, why));
    }
    for property in &profile.properties {
        check(property)?;
    }
    presence::change(turn.house, &own.address, |kept| {
        if request.clear {
            kept.profile.clear();
        }
        for property in &profile.properties {
            put(&mut kept.profile, property);
        }
        if kept.profile.len() > PROPERTIES_MAX {
            let why = format!("a profile has at most {PROPERTIES_MAX} properties");
            return Err(Refused::because(Code::INVALID_USER_PROPERTY, why));
        }
        Ok(())
    })
    .await?;
    Ok(Status::new(Code::SUCCESSFUL).into())
}

fn is_own(turn: &Turn<'_>, named: &str) -> bool {
    match user::named(turn.house, named) {
        Ok(user::Named::Home { name }) => name.eq_ignore_ascii_case(&turn.session.user.name),
        Ok(user::Named::Away { .. }) | Err(_) => false,
    }
}

fn check_version(turn: &Turn<'_>) -> Result<(), Refused> {
    match turn.session.version {
        Version::V1_3 => Ok(()),
        version @ (Version::V1_1 | Version::V1_2) => {
            let why = format!("CSP {version} has no public profiles");
            Err(Refused::because(Code::SERVICE_NOT_SUPPORTED, why))
        }
    }
}

fn check(property: &Property) -> Result<(), Refused> {
    let value = property.value.as_deref().unwrap_or_default();
    let why = match property.name.len() {
        0 => "a property of a profile has a name".to_owned(),
        1..=NAME_MAX if value.len() <= VALUE_MAX => return Ok(()),
        1..=NAME_MAX => format!("a property has at most {VALUE_MAX} bytes"),
        _ => format!("the name of a property has at most {NAME_MAX} bytes"),
    };
    Err(Refused::because(Code::INVALID_USER_PROPERTY, why))
}

/// Puts a property in, in the place of that of the same name.
fn put(profile: &mut Vec<Property>, property: &Property) {
    let has_value = property
        .value
        .as_ref()
        .is_some_and(|value| !value.is_empty());
    let before = profile.iter().position(|one| one.is(&property.name));
    match before.and_then(|at| profile.get_mut(at)) {
        Some(before) if has_value => *before = property.clone(),
        Some(_) => profile.retain(|one| !one.is(&property.name)),
        None if has_value => profile.push(property.clone()),
        None => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_replace_those_of_the_same_name() {
        let mut profile = Vec::new();
        put(&mut profile, &Property::new("City", "Lisbon"));
        put(&mut profile, &Property::new("Hobbies", "chess"));
        put(&mut profile, &Property::new("CITY", "Porto"));
        let want = [
            Property::new("CITY", "Porto"),
            Property::new("Hobbies", "chess"),
        ];
        assert_eq!(profile, want);
        put(&mut profile, &Property::new("city", ""));
        put(
            &mut profile,
            &Property {
                name: "hobbies".to_owned(),
                value: None,
            },
        );
        put(
            &mut profile,
            &Property {
                name: "none".to_owned(),
                value: None,
            },
        );
        assert_eq!(profile, []);
    }

    #[test]
    fn properties_are_bounded() {
        let long = |length| "x".repeat(length);
        #[rustfmt::skip]
        let rows = [
            (long(0),        long(1),         Some(Code::INVALID_USER_PROPERTY)),
            (long(NAME_MAX), long(VALUE_MAX), None),
            (long(65),       long(1),         Some(Code::INVALID_USER_PROPERTY)),
            (long(1),        long(1025),      Some(Code::INVALID_USER_PROPERTY)),
        ];
        for (name, value, want) in rows {
            let got = check(&Property::new(name, value));
            assert_eq!(got.err().map(|refused| refused.code), want);
        }
    }
}
