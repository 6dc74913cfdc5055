//! Who may do what: the rules of a group applied to somebody.
//!
//! Whatever cannot be decided here is decided against whoever asks: rules permit and never forbid
//! (RFC 4745 section 4), so nothing is lost but a permission.

use super::domain::{domain_of, is_comparable, is_same_domain};
use super::{Condition, Except, SharedGroup, Who};

/// Somebody who asks for something.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Asker<'a> {
    /// The authenticated address, in the form that documents have; empty if there is none. It is
    /// the true one also of somebody who stays hidden.
    pub uri: &'a str,
    /// Whether the person wants to stay hidden from the others.
    pub is_anonymous: bool,
    /// The time, in seconds since the start of 1970 in UTC. Without it no period is now.
    pub now: Option<i64>,
}

/// What somebody may do in a group.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Permissions {
    /// May take part without being known to the others.
    pub allow_anonymity: bool,
    /// May be told who is in the conversation.
    pub allow_conference_state: bool,
    /// May start the conversation.
    pub allow_initiate_conference: bool,
    /// May invite others into the conversation.
    pub allow_invite_users_dynamically: bool,
    /// Is the one without whom the conversation does not go on.
    pub is_key_participant: bool,
    /// May join the conversation.
    pub join_handling: bool,
}

impl Permissions {
    /// Each with the name of its element, in the order in which they are written.
    pub(super) fn named(self) -> [(&'static str, bool); 6] {
        [
            ("allow-conference-state", self.allow_conference_state),
            (
                "allow-invite-users-dynamically",
                self.allow_invite_users_dynamically,
            ),
            ("join-handling", self.join_handling),
            ("allow-initiate-conference", self.allow_initiate_conference),
            ("allow-anonymity", self.allow_anonymity),
            ("is-key-participant", self.is_key_participant),
        ]
    }

    /// The one whose element has this name.
    pub(super) fn by_name(&mut self, name: &str) -> Option<&mut bool> {
        match name {
            "allow-anonymity" => Some(&mut self.allow_anonymity),
            "allow-conference-state" => Some(&mut self.allow_conference_state),
            "allow-initiate-conference" => Some(&mut self.allow_initiate_conference),
            "allow-invite-users-dynamically" => Some(&mut self.allow_invite_users_dynamically),
            "is-key-participant" => Some(&mut self.is_key_participant),
            "join-handling" => Some(&mut self.join_handling),
            _ => None,
        }
    }

    fn or(self, other: Self) -> Self {
        Self {
            allow_anonymity: self.allow_anonymity || other.allow_anonymity,
            allow_conference_state: self.allow_conference_state || other.allow_conference_state,
            allow_initiate_conference: self.allow_initiate_conference
                || other.allow_initiate_conference,
            allow_invite_users_dynamically: self.allow_invite_users_dynamically
                || other.allow_invite_users_dynamically,
            is_key_participant: self.is_key_participant || other.is_key_participant,
            join_handling: self.join_handling || other.join_handling,
        }
    }
}

impl SharedGroup {
    /// What `who` may do. Where no rule applies, nothing.
    pub fn permissions(&self, who: Asker<'_>) -> Permissions {
        let facts = self.facts(who);
        let matching = self
            .rules
            .iter()
            .filter(|rule| facts.meet_all(&rule.conditions));
        // RFC 4745 10.2: true if at least one matching rule says so; what a rule does not say is
        // false.
        matching.fold(Permissions::default(), |all, rule| all.or(rule.actions))
    }

    fn facts<'a>(&self, who: Asker<'a>) -> Facts<'a> {
        let is_member = Some(self.is_member(who.uri));
        let conditions = self.rules.iter().flat_map(|rule| &rule.conditions);
        Facts::gather(who, is_member, conditions)
    }
}

/// What is known of whoever asks.
pub(crate) struct Facts<'a> {
    who: Asker<'a>,
    /// Whether on the list of members, if there is one.
    is_member: Option<bool>,
    /// Whether any rule of the document may be about this person in particular.
    is_named: bool,
}

impl<'a> Facts<'a> {
    /// `conditions` are those of all rules of the document.
    pub(crate) fn gather<'c>(
        who: Asker<'a>,
        is_member: Option<bool>,
        mut conditions: impl Iterator<Item = &'c Condition>,
    ) -> Self {
        let mut facts = Self {
            who,
            is_member,
            is_named: false,
        };
        facts.is_named = conditions.any(|condition| facts.may_be_named_by(condition));
        facts
    }

    /// RFC 4745 10.1: a rule matches if all its conditions are true.
    pub(crate) fn meet_all(&self, conditions: &[Condition]) -> bool {
        conditions.iter().all(|condition| self.meet(condition))
    }

    fn meet(&self, condition: &Condition) -> bool {
        // RFC 4745 7.1.1: only authenticated entities can be matched.
        let is_somebody = !self.who.uri.is_empty();
        match condition {
            Condition::AnonymousRequest => self.who.is_anonymous,
            // RFC 4745 7.1.1: one of them is enough.
            Condition::Identity(parts) => is_somebody && parts.iter().any(|p| self.are(p)),
            Condition::IsListMember(wanted) => is_somebody && self.is_member == Some(*wanted),
            Condition::OtherIdentity => is_somebody && !self.is_named,
            // RFC 4745 7.4: from the one on, and until the other.
            Condition::Validity(periods) => self.who.now.is_some_and(|now| {
                let is_now = |from: i64, until: i64| (from..until).contains(&now);
                periods
                    .iter()
                    .any(|p| is_now(p.from.epoch_seconds(), p.until.epoch_seconds()))
            }),
            // RFC 4745 7: what is not known or not supported is false.
            Condition::ExternalList(_) | Condition::Sphere(_) | Condition::Unknown(_) => false,
        }
    }

    fn are(&self, part: &Who) -> bool {
        match part {
            Who::One { id, other } => id == self.who.uri && other.is_empty(),
            Who::Many {
                domain,
                except,
                other,
            } => self.are_of(domain.as_deref(), except) && other.is_empty(),
            // RFC 4745 7.1.1: what is not known is false.
            Who::Unknown(_) => false,
        }
    }

    fn are_of(&self, domain: Option<&str>, except: &[Except]) -> bool {
        let own = domain_of(self.who.uri);
        let is_of = |domain: &str| own.is_some_and(|own| is_same_domain(own, domain));
        // RFC 4745 7.1.3: an exception is enough.
        let is_excepted = except.iter().any(|except| match except {
            Except::Domain(domain) => is_of(domain) || !is_comparable(domain),
            Except::Id(id) => id == self.who.uri,
        });
        domain.is_none_or(is_of) && !is_excepted
    }

    fn may_be_named_by(&self, condition: &Condition) -> bool {
        match condition {
            Condition::ExternalList(_) => true,
            Condition::Identity(parts) => parts.iter().any(|part| match part {
                Who::One { id, .. } => id == self.who.uri,
                Who::Many { domain, except, .. } => {
                    let named = |e: &Except| matches!(e, Except::Id(id) if id == self.who.uri);
                    self.are_of(domain.as_deref(), except) || except.iter().any(named)
                }
                Who::Unknown(_) => true,
            }),
            Condition::IsListMember(wanted) => self.is_member == Some(*wanted),
            Condition::AnonymousRequest
            | Condition::OtherIdentity
            | Condition::Sphere(_)
            | Condition::Unknown(_)
            | Condition::Validity(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::SharedGroup;
    use super::*;

    /// A group with two members, whose one rule has these conditions and permits to join.
    fn group(conditions: &str) -> SharedGroup {
        with_rules(&format!(
            "<c:rule id='1'><c:conditions>{conditions}</c:conditions>\
             <c:actions><join-handling>true</join-handling></c:actions></c:rule>"
        ))
    }

    fn with_rules(rules: &str) -> SharedGroup {
        let document = format!(
            "<group xmlns='urn:oma:xml:poc:list-service' \
             xmlns:c='urn:ietf:params:xml:ns:common-policy' \
             xmlns:o='urn:oma:xml:xdm:common-policy' xmlns:x='urn:other'>\
             <list-service uri='sip:g@h'><list><entry uri='sip:a@h'/><entry uri='tel:+1'/></list>\
             <c:ruleset>{rules}</c:ruleset></list-service></group>"
        );
        SharedGroup::read(document.as_bytes()).unwrap()
    }

    /// Which of these may join: two members, two others, nobody in particular, one who hides.
    fn joiners(group: &SharedGroup) -> String {
        let may_join = |(uri, is_anonymous)| {
            let now = Some(1_000);
            let who = Asker {
                uri,
                is_anonymous,
                now,
            };
            group.permissions(who).join_handling
        };
        let people = [
            ("a", ("sip:a@h", false)),
            ("t", ("tel:+1", false)),
            ("e", ("sip:e@Evil.example:5060;x=y", false)),
            ("f", ("sip:f@h2", false)),
            ("-", ("", false)),
            ("?", ("sip:e@evil.example", true)),
        ];
        let may = people.iter().filter(|(_, who)| may_join(*who));
        may.map(|(name, _)| *name).collect()
    }

    #[test]
    fn a_rule_applies_if_all_its_conditions_are_met() {
        #[rustfmt::skip]
        let rows = [
            ("", "atef-?"),
            ("<is-list-member/>", "at"),
            ("<is-list-member>true</is-list-member>", "at"),
            ("<is-list-member>0</is-list-member>", "ef?"),
            ("<o:anonymous-request/>", "?"),
            ("<is-list-member/><o:anonymous-request/>", ""),
            // RFC 4745 7.1.2
            ("<c:identity><c:one id='sip:a@h'/></c:identity>", "a"),
            ("<c:identity><c:one id='sip:A@h'/></c:identity>", ""),
            ("<c:identity><c:one id='sip:a@h'/><c:one id='tel:+1'/></c:identity>", "at"),
            ("<c:identity><c:one id='sip:a@h'><x:y/></c:one></c:identity>", ""),
            ("<c:identity><x:y/></c:identity>", ""),
            ("<c:identity><x:y/><c:one id='sip:a@h'/></c:identity>", "a"),
            // RFC 4745 7.1.3.1
            ("<c:identity><c:many/></c:identity>", "atef?"),
            ("<c:identity><c:many><x:y/></c:many></c:identity>", ""),
            // RFC 4745 7.1.3.2
            ("<c:identity><c:many><c:except domain='h'/></c:many></c:identity>", "tef?"),
            ("<c:identity><c:many><c:except id='sip:a@h'/></c:many></c:identity>", "tef?"),
            ("<c:identity><c:many><c:except domain='h'/><c:except domain='evil.example'/></c:many>\
              </c:identity>", "tf"),
            ("<c:identity><c:many><c:except domain='EVIL%2eexample'/></c:many></c:identity>", "atf"),
            ("<c:identity><c:many><c:except domain='é.example'/></c:many></c:identity>", ""),
            // RFC 4745 7.1.3.3
            ("<c:identity><c:many domain='h'/></c:identity>", "a"),
            ("<c:identity><c:many domain='Evil.Example'/></c:identity>", "e?"),
            ("<c:identity><c:many domain='h'><c:except id='sip:a@h'/></c:many></c:identity>", ""),
            ("<c:identity><c:many domain='h%32'/></c:identity>", "f"),
            ("<c:identity><c:many domain=''/></c:identity>", ""),
            // RFC 4745 7.4
            (&period("00:16:40Z", "00:16:41Z"), "atef-?"),
            (&period("00:16:41Z", "00:16:42Z"), ""),
            (&period("00:16:39Z", "00:16:40Z"), ""),
            (&period("00:16:39.5Z", "00:16:40.5Z"), "atef-?"),
            (&period("01:16:40+01:00", "01:17:40+01:00"), "atef-?"),
            (&(period("00:16:40Z", "00:16:41Z") + "<is-list-member/>"), "at"),
            (&(period("00:16:40Z", "00:16:41Z") + &period("00:16:41Z", "00:16:42Z")), ""),
            // RFC 4745 7.3 and 7
            ("<c:sphere value='work'/>", ""),
            ("<x:y/>", ""),
            ("<o:external-list><o:entry anc='http://x'/></o:external-list>", ""),
            ("<o:other-things/>", ""),
            ("<is-list-member/><x:y/>", ""),
        ];
        for (conditions, want) in rows {
            assert_eq!(joiners(&group(conditions)), want, "{conditions}");
        }
    }

    fn period(from: &str, until: &str) -> String {
        format!(
            "<c:validity><c:from>1970-01-01T{from}</c:from><c:until>1970-01-01T{until}</c:until>\
             </c:validity>"
        )
    }

    #[test]
    fn without_a_clock_no_period_is_now() {
        let group = group(&period("00:00:00Z", "23:00:00Z"));
        let asked = |now| {
            let who = Asker {
                uri: "sip:a@h",
                is_anonymous: false,
                now,
            };
            group.permissions(who).join_handling
        };
        assert_eq!((asked(Some(5)), asked(None)), (true, false));
    }

    #[test]
    fn the_others_are_those_whom_no_rule_names() {
        // (conditions of another rule, who may join as one of the others)
        #[rustfmt::skip]
        let rows = [
            ("", "atef?"),
            ("<is-list-member/>", "ef?"),
            ("<c:identity><c:one id='sip:f@h2'/></c:identity>", "ate?"),
            ("<c:identity><c:many domain='h'/></c:identity>", "tef?"),
            ("<c:identity><c:many domain='x'><c:except id='sip:a@h'/></c:many></c:identity>", "tef?"),
            ("<c:identity><c:many/></c:identity>", ""),
            // Whom these name is not known: it could be anybody.
            ("<c:identity><x:y/></c:identity>", ""),
            ("<o:external-list/>", ""),
            // These name nobody.
            ("<o:anonymous-request/><x:y/><c:sphere value='a'/>", "atef?"),
        ];
        for (conditions, want) in rows {
            let group = with_rules(&format!(
                "<c:rule id='1'><c:conditions>{conditions}</c:conditions></c:rule>\
                 <c:rule id='2'><c:conditions><o:other-identity/></c:conditions>\
                 <c:actions><join-handling>1</join-handling></c:actions></c:rule>"
            ));
            assert_eq!(joiners(&group), want, "{conditions}");
        }
    }

    #[test]
    fn permissions_of_matching_rules_are_added() {
        let rule = |id: usize, condition: &str, actions: &str| {
            format!(
                "<c:rule id='{id}'><c:conditions>{condition}</c:conditions>\
                 <c:actions>{actions}</c:actions></c:rule>"
            )
        };
        let names = Permissions::default().named().map(|(name, _)| name);
        let rules: String = names
            .iter()
            .enumerate()
            .map(|(id, name)| rule(id, "<is-list-member/>", &format!("<{name}>1</{name}>")))
            .chain([rule(
                9,
                "",
                "<join-handling>false</join-handling><allow-anonymity>true</allow-anonymity>",
            )])
            .collect();
        let group = with_rules(&rules);
        let named = |uri| {
            let who = Asker {
                uri,
                is_anonymous: false,
                now: None,
            };
            group.permissions(who).named()
        };
        // RFC 4745 10.2: one rule that says true is enough, whatever another says.
        assert_eq!(named("sip:a@h"), names.map(|name| (name, true)));
        let others = names.map(|name| (name, name == "allow-anonymity"));
        assert_eq!(named("sip:e@h"), others);
        assert_eq!(
            with_rules("").permissions(Asker {
                uri: "sip:a@h",
                is_anonymous: false,
                now: None
            }),
            Permissions::default()
        );
    }
}
