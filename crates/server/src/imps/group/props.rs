//! The properties of a group, as IMPS names them, and where its document says so.

use imps::csp::{ContentData, GroupProperties, Property, WelcomeNote};
use imps::status::Code;
use xdm::shared_group::{
    Condition, DisplayName, Member, Permissions, Rank, Rule, SharedGroup, Welcome,
};

use super::super::Refused;
use super::{Standing, Stored};

/// A property that is on or off.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Flag {
    /// Its users may whisper.
    PrivateMessaging,
    /// It can be found.
    Searchable,
    /// It goes with its last user.
    AutoDelete,
    /// Only the invited may come in.
    RequireInvitation,
}

impl Flag {
    const ALL: [Self; 4] = [
        Self::PrivateMessaging,
        Self::Searchable,
        Self::AutoDelete,
        Self::RequireInvitation,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::PrivateMessaging => "PrivateMessaging",
            Self::Searchable => "Searchable",
            Self::AutoDelete => "AutoDelete",
            Self::RequireInvitation => "RequireInvitation",
        }
    }

    /// What counts if nobody has said.
    const fn default(self) -> bool {
        matches!(self, Self::PrivateMessaging)
    }
}

/// Texts and other values that are kept as they are.
const KEPT: [&str; 4] = ["Topic", "Validity", "MinimumAge", "Type"];

/// IMPS-9.1.11-S7: the properties of a conversation that has grown, all of them.
pub(in crate::imps) const EXTENDED: [(&str, &str); 6] = [
    // IMPS-9.1.11-S8
    ("Type", "Public"),
    // IMPS-9.1.11-S9
    ("Accesstype", "Open"),
    // IMPS-9.1.11-S10
    ("RequireInvitation", "T"),
    // IMPS-9.1.11-S11
    ("AutoDelete", "T"),
    // IMPS-9.1.11-S12
    ("PrivateMessaging", "F"),
    // IMPS-9.1.11-S13
    ("Searchable", "F"),
];

/// The properties of a conversation that has grown.
pub(in crate::imps) fn extended_properties(
    active: usize,
    welcome: Option<WelcomeNote>,
) -> GroupProperties {
    let fixed = EXTENDED.iter();
    let mut properties: Vec<_> = fixed
        .map(|(name, value)| Property::new(*name, *value))
        .collect();
    properties.push(Property::new("ActiveUsers", active.to_string()));
    GroupProperties {
        properties,
        welcome_note: welcome,
    }
}

/// Whether a property is on.
pub(crate) fn flag(group: &SharedGroup, flag: Flag) -> bool {
    match group.extension.property(flag.name()) {
        Some(value) => value == "T",
        None => flag.default(),
    }
}

/// The properties of a stored group.
pub(super) fn of(stored: &Stored, active: usize) -> GroupProperties {
    let group = &stored.group;
    let mut properties = Vec::new();
    let mut add = |name: &str, value: String| properties.push(Property::new(name, value));
    if let Some(name) = &group.display_name {
        add("Name", name.text.clone());
    }
    let access = if is_open(group) { "Open" } else { "Restricted" };
    add("Accesstype", access.to_owned());
    if let Some(most) = group.max_participants {
        add("MaxActiveUsers", most.to_string());
    }
    for known in Flag::ALL {
        let value = if flag(group, known) { "T" } else { "F" };
        add(known.name(), value.to_owned());
    }
    for name in KEPT {
        let value = group.extension.property(name).map(str::to_owned);
        let value = value.or((name == "Type").then(|| "Private".to_owned()));
        if let Some(value) = value {
            add(name, value);
        }
    }
    add("ActiveUsers", active.to_string());
    GroupProperties {
        properties,
        welcome_note: group.extension.welcome.as_ref().map(note),
    }
}

/// What somebody is in a group, as properties of theirs.
pub(super) fn own(stored: &Stored, who: &room::Address) -> Vec<Property> {
    let standing = stored.standing(who);
    let (level, member) = match standing {
        Standing::Administrator => ("Admin", "T"),
        Standing::Moderator => ("Mod", "T"),
        Standing::Member => ("User", "T"),
        Standing::Stranger => ("User", "F"),
    };
    vec![
        Property::new("IsMember", member),
        Property::new("PrivilegeLevel", level),
    ]
}

/// Changes a group as a request says. What is not named stays.
pub(super) fn set(group: &mut SharedGroup, wanted: &GroupProperties) -> Result<(), Refused> {
    for property in &wanted.properties {
        let value = property.value.as_deref().unwrap_or_default().trim();
        set_one(group, property, value)?;
    }
    if let Some(note) = &wanted.welcome_note {
        group.extension.welcome = welcome(note)?;
    }
    // A group that can be found is found by something.
    if flag(group, Flag::Searchable)
        && group.display_name.is_none()
        && group.extension.property("Topic").is_none_or(str::is_empty)
    {
        return Err(Code::SEARCHABLE_NEEDS_NAME.into());
    }
    Ok(())
}

fn set_one(group: &mut SharedGroup, property: &Property, value: &str) -> Result<(), Refused> {
    if let Some(known) = Flag::ALL
        .into_iter()
        .find(|known| property.is(known.name()))
    {
        let on = truth(value).ok_or_else(|| wrong(property, "T or F"))?;
        let value = if on { "T" } else { "F" };
        group.extension.set_property(known.name(), value);
        return Ok(());
    }
    if property.is("Name") {
        let named = !value.is_empty();
        group.display_name = named.then(|| DisplayName {
            text: value.to_owned(),
            lang: None,
        });
        return Ok(());
    }
    if property.is("Accesstype") {
        match value.to_ascii_lowercase().as_str() {
            "open" => group.rules = vec![rule(None)],
            "restricted" => group.rules = vec![rule(Some(Condition::IsListMember(true)))],
            _ => return Err(wrong(property, "Open or Restricted")),
        }
        return Ok(());
    }
    if property.is("MaxActiveUsers") {
        let most = value.parse::<u32>().ok().filter(|most| *most > 0);
        let most = most.ok_or_else(|| wrong(property, "a number"))?;
        group.max_participants = Some(most);
        return Ok(());
    }
    // Nobody decides about these.
    if property.is("ActiveUsers") {
        return Ok(());
    }
    if property.is("History") {
        return match truth(value) {
            Some(true) => Err(Code::NO_HISTORY.into()),
            _ => Ok(()),
        };
    }
    match KEPT.iter().find(|name| property.is(name)) {
        Some(&"Type") => match value.to_ascii_lowercase().as_str() {
            "public" => group.extension.set_property("Type", "Public"),
            "private" => group.extension.set_property("Type", "Private"),
            _ => return Err(wrong(property, "Public or Private")),
        },
        Some(name) => group.extension.set_property(name, value),
        None => {
            let why = format!("{} is no property of a group", property.name);
            return Err(Refused::because(Code::INVALID_GROUP_PROPERTY, why));
        }
    }
    Ok(())
}

fn wrong(property: &Property, expected: &str) -> Refused {
    let value = property.value.as_deref().unwrap_or_default();
    let why = format!("{} cannot be {value}: {expected}", property.name);
    Refused::because(Code::INVALID_GROUP_PROPERTY, why)
}

/// A value that is on or off, as clients write it.
pub(in crate::imps) fn truth(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "t" | "true" | "yes" | "1" => Some(true),
        "f" | "false" | "no" | "0" => Some(false),
        _ => None,
    }
}

/// The one rule of a group: who may join may do all that users may.
fn rule(condition: Option<Condition>) -> Rule {
    let mut rule = Rule::new("join");
    rule.conditions.extend(condition);
    rule.actions = Permissions {
        allow_conference_state: true,
        allow_invite_users_dynamically: true,
        join_handling: true,
        allow_initiate_conference: true,
        ..Permissions::default()
    };
    rule
}

/// May anybody join?
pub(in crate::imps) fn is_open(group: &SharedGroup) -> bool {
    let stranger = xdm::shared_group::Asker {
        uri: "",
        is_anonymous: false,
        now: None,
    };
    group.permissions(stranger).join_handling
}

/// A new group with its owner in it, open unless it is said otherwise.
pub(super) fn new(uri: &str, owner: &room::Address, created: String) -> SharedGroup {
    let mut group = SharedGroup::new(uri);
    group.members.push(Member::new(owner.as_str()));
    group.invite_members = Some(false);
    group.rules.push(rule(None));
    let extension = &mut group.extension;
    extension.owner = Some(owner.to_string());
    extension.created = Some(created);
    extension.set_rank(owner.as_str(), Some(Rank::Administrator));
    group
}

fn welcome(note: &WelcomeNote) -> Result<Option<Welcome>, Refused> {
    let text = match &note.content {
        ContentData::Text(text) => text.clone(),
        ContentData::Octets(octets) => base64(octets),
    };
    if text.trim().is_empty() {
        return Ok(None);
    }
    if text.len() > xdm::shared_group::MAX_TEXT_BYTES {
        let why = "the welcome note is too long";
        return Err(Refused::because(Code::INVALID_GROUP_PROPERTY, why));
    }
    let content_type = match note.content_type.trim() {
        "" => "text/plain",
        named => named,
    };
    Ok(Some(Welcome {
        content_type: content_type.to_owned(),
        encoding: note.content.encoding().map(str::to_owned),
        text,
    }))
}

fn note(welcome: &Welcome) -> WelcomeNote {
    let mut content = ContentData::Text(welcome.text.clone());
    if welcome.encoding.is_some()
        && let Some(octets) = unbase64(&welcome.text)
    {
        content = ContentData::Octets(octets);
    }
    WelcomeNote {
        content_type: welcome.content_type.clone(),
        encoding: content.encoding().map(str::to_owned),
        content,
    }
}

/// The welcome note of a stored group.
pub(super) fn note_of(stored: &Stored) -> Option<WelcomeNote> {
    stored.group.extension.welcome.as_ref().map(note)
}

fn base64(octets: &[u8]) -> String {
    use base64::Engine;
    base64::prelude::BASE64_STANDARD.encode(octets)
}

fn unbase64(text: &str) -> Option<Vec<u8>> {
    use base64::Engine;
    let dense: String = text.split_ascii_whitespace().collect();
    base64::prelude::BASE64_STANDARD.decode(dense).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group() -> SharedGroup {
        let alice = room::Address::new("sip:alice@localhost");
        new(
            "sip:alice/club@localhost",
            &alice,
            "2026-01-01T00:00:00Z".to_owned(),
        )
    }

    fn wanted(properties: &[(&str, &str)]) -> GroupProperties {
        let property = |(name, value): &(&str, &str)| Property::new(*name, *value);
        GroupProperties {
            properties: properties.iter().map(property).collect(),
            welcome_note: None,
        }
    }

    #[test]
    fn properties_are_written_into_the_document_and_read_from_it() {
        let mut group = group();
        let all = wanted(&[
            ("Name", "Chess"),
            ("AccessType", "restricted"),
            ("MaxActiveUsers", "7"),
            ("PrivateMessaging", "F"),
            ("Searchable", "t"),
            ("AutoDelete", "T"),
            ("RequireInvitation", "F"),
            ("Topic", "Openings"),
            ("Type", "public"),
        ]);
        set(&mut group, &all).unwrap();
        let group = SharedGroup::read(group.write().as_bytes()).unwrap();
        assert_eq!((group.max_participants, is_open(&group)), (Some(7), false));
        let stored = Stored {
            group,
            owner: "sip:alice@localhost".to_owned(),
            etag: String::new(),
        };
        let told = of(&stored, 3).properties;
        let told: Vec<_> = told
            .iter()
            .map(|one| (one.name.as_str(), one.value.as_deref().unwrap()))
            .collect();
        assert_eq!(
            told,
            [
                ("Name", "Chess"),
                ("Accesstype", "Restricted"),
                ("MaxActiveUsers", "7"),
                ("PrivateMessaging", "F"),
                ("Searchable", "T"),
                ("AutoDelete", "T"),
                ("RequireInvitation", "F"),
                ("Topic", "Openings"),
                ("Type", "Public"),
                ("ActiveUsers", "3"),
            ]
        );
    }

    #[test]
    fn what_a_property_cannot_be_is_refused() {
        #[rustfmt::skip]
        let rows = [
            (("Accesstype", "Closed"), Code::INVALID_GROUP_PROPERTY),
            (("MaxActiveUsers", "0"), Code::INVALID_GROUP_PROPERTY),
            (("MaxActiveUsers", "many"), Code::INVALID_GROUP_PROPERTY),
            (("AutoDelete", "perhaps"), Code::INVALID_GROUP_PROPERTY),
            (("Type", "Secret"), Code::INVALID_GROUP_PROPERTY),
            (("Colour", "Blue"), Code::INVALID_GROUP_PROPERTY),
            (("History", "T"), Code::NO_HISTORY),
            (("Searchable", "T"), Code::SEARCHABLE_NEEDS_NAME),
        ];
        for (property, code) in rows {
            let refused = set(&mut group(), &wanted(&[property])).unwrap_err();
            assert_eq!(refused.code, code, "{property:?}");
        }
    }

    #[test]
    fn a_welcome_note_is_kept_as_it_came() {
        for content in [
            ContentData::Text("Hello <all>".to_owned()),
            ContentData::Octets(vec![0, 255, 7]),
        ] {
            let mut group = group();
            let note = WelcomeNote {
                content_type: "text/plain".to_owned(),
                encoding: content.encoding().map(str::to_owned),
                content,
            };
            let wanted = GroupProperties {
                properties: Vec::new(),
                welcome_note: Some(note.clone()),
            };
            set(&mut group, &wanted).unwrap();
            let group = SharedGroup::read(group.write().as_bytes()).unwrap();
            let kept = group.extension.welcome.as_ref().map(super::note);
            assert_eq!(kept, Some(note));
        }
    }
}
