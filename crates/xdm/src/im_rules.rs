//! The access rules of a user: who may invite them to a conversation (OMA IM XDM, RFC 4745).
//!
//! One `<ruleset>` of common policy, whose rules have one action, `allow-invite`: `accept`, `pass`
//! or `reject`. Conditions are those of a [shared group](crate::shared_group), but for being on its
//! list. The action is read in every namespace of OMA, since those of IM and of PoC are both in
//! use, and written in `urn:oma:xml:im:im-rules`. Other actions say nothing here and are kept; an
//! `allow-invite` of any other namespace is an error, since whoever wrote it meant this one.
//!
//! Where several rules apply, the most permissive value counts: RFC 4745 section 10.2 takes the
//! highest of ordered values, and the order is `reject` < `pass` < `accept`. So a rule that rejects
//! somebody is no use beside one that lets everybody pass: whom no rule mentions need not be
//! mentioned, because where no rule applies the document says nothing.
//!
//! ```
//! use xdm::im_rules::{Asker, ImRules, Invite};
//!
//! let rules = ImRules::read(
//!     br#"<ruleset xmlns="urn:ietf:params:xml:ns:common-policy"
//!                  xmlns:im="urn:oma:xml:im:im-rules">
//!           <rule id="a">
//!             <conditions><identity><many domain="spam.example"/></identity></conditions>
//!             <actions><im:allow-invite>reject</im:allow-invite></actions>
//!           </rule>
//!         </ruleset>"#,
//! )?;
//! let asker = |uri| Asker { uri, is_anonymous: false, now: None };
//! assert_eq!(rules.verdict(asker("sip:eve@spam.example")), Some(Invite::Reject));
//! assert_eq!(rules.verdict(asker("sip:bob@home.example")), None);
//! # Ok::<(), xdm::Error>(())
//! ```

mod read;
mod write;

pub use crate::shared_group::{
    Asker, Condition, DateTime, Except, Foreign, MAX_IDENTITIES, MAX_NAME_BYTES, MAX_RULES,
    MAX_URI_BYTES, Period, Who,
};

use crate::Error;
use crate::shared_group::permit::Facts;

/// The application unique id of these documents in XCAP.
pub const AUID: &str = "org.openmobilealliance.im-rules";
/// The media type of these documents.
pub const MIME: &str = "application/auth-policy+xml";

/// The most bytes of a document: a thousand people by name, twice. It is read whenever somebody
/// invites the user.
pub const MAX_BYTES: usize = 128 * 1024;

/// The rules of a user.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ImRules {
    /// In document order, which means nothing.
    pub rules: Vec<Rule>,
}

/// One `<rule>`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Rule {
    /// Its handle, unique in the document (RFC 4745 section 6.1).
    pub id: String,
    /// What must be so for the rule to apply: all of it. Without conditions it applies to all.
    pub conditions: Vec<Condition>,
    /// What becomes of an invitation, if the rule says so.
    pub invite: Option<Invite>,
    /// Actions that are not known here.
    pub other_actions: Vec<Foreign>,
    /// Transformations, none of which is known here.
    pub transformations: Vec<Foreign>,
}

/// What becomes of an invitation. The order is that of permissiveness: the greatest counts.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Invite {
    /// The user is not to hear of it.
    Reject,
    /// The user is asked.
    Pass,
    /// It may be accepted on the user's behalf.
    Accept,
}

impl Invite {
    /// Each with the text of its element.
    const NAMED: [(&'static str, Self); 3] = [
        ("accept", Self::Accept),
        ("pass", Self::Pass),
        ("reject", Self::Reject),
    ];

    /// The text of its element.
    fn as_str(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Pass => "pass",
            Self::Reject => "reject",
        }
    }
}

impl ImRules {
    /// Reads an `application/auth-policy+xml` document.
    ///
    /// # Errors
    ///
    /// Any of [`Error`] but [`Error::NotUnique`] and [`Error::TooMany`]. [`Error::Invalid`] says
    /// where the document breaks its schema.
    pub fn read(input: &[u8]) -> Result<Self, Error> {
        read::rules(input)
    }

    /// Writes the document.
    ///
    /// [`Self::read`] gives back the same rules, if they are some that it could have given.
    pub fn write(&self) -> String {
        write::rules(self)
    }

    /// What becomes of an invitation by `who`; `None` if no rule says so.
    pub fn verdict(&self, who: Asker<'_>) -> Option<Invite> {
        let conditions = self.rules.iter().flat_map(|rule| &rule.conditions);
        let facts = Facts::gather(who, None, conditions);
        let matching = self
            .rules
            .iter()
            .filter(|rule| facts.meet_all(&rule.conditions));
        // RFC 4745 10.2: the highest of what the matching rules say.
        matching.filter_map(|rule| rule.invite).max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(rules: &str) -> String {
        format!(
            "<ruleset xmlns='urn:ietf:params:xml:ns:common-policy' \
             xmlns:o='urn:oma:xml:xdm:common-policy' xmlns:im='urn:oma:xml:im:im-rules' \
             xmlns:poc='urn:oma:xml:poc:poc-rules' xmlns:ls='urn:oma:xml:poc:list-service' \
             xmlns:x='urn:other'>{rules}</ruleset>"
        )
    }

    fn read(rules: &str) -> Result<ImRules, Error> {
        ImRules::read(document(rules).as_bytes())
    }

    /// One rule after another: conditions, and the value of the action.
    fn rules(rows: &[(&str, &str)]) -> ImRules {
        let rule = |(id, (conditions, value)): (usize, &(&str, &str))| {
            format!(
                "<rule id='r{id}'><conditions>{conditions}</conditions>\
                 <actions><im:allow-invite>{value}</im:allow-invite></actions></rule>"
            )
        };
        let text: String = rows.iter().enumerate().map(rule).collect();
        read(&text).unwrap()
    }

    /// What becomes of the invitations of bob, of eve of elsewhere, of eve who hides, of nobody.
    fn verdicts(rules: &ImRules) -> String {
        let people = [
            ("sip:bob@h", false),
            ("sip:eve@evil.example", false),
            ("sip:eve@evil.example", true),
            ("", false),
        ];
        let verdict = |(uri, is_anonymous)| {
            let now = Some(1_000);
            rules.verdict(Asker {
                uri,
                is_anonymous,
                now,
            })
        };
        let letter = |verdict| match verdict {
            None => '-',
            Some(Invite::Reject) => 'r',
            Some(Invite::Pass) => 'p',
            Some(Invite::Accept) => 'a',
        };
        people.map(|who| letter(verdict(who))).iter().collect()
    }

    #[test]
    fn the_most_permissive_of_the_matching_rules_counts() {
        let bob = "<identity><one id='sip:bob@h'/></identity>";
        let evil = "<identity><many domain='Evil.example'/></identity>";
        let others = "<o:other-identity/>";
        let past = "<validity><from>1970-01-01T00:00:00Z</from>\
                    <until>1970-01-01T00:10:00Z</until></validity>";
        let now = past.replace("10:00Z", "20:00Z");
        #[rustfmt::skip]
        let rows: &[(&[(&str, &str)], &str)] = &[
            (&[], "----"),
            (&[("", "reject")], "rrrr"),
            (&[("", " pass ")], "pppp"),
            (&[(bob, "reject")], "r---"),
            (&[(evil, "reject")], "-rr-"),
            (&[("<identity><many><except domain='h'/></many></identity>", "reject")], "-rr-"),
            (&[("<identity><many><except id='sip:bob@h'/></many></identity>", "reject")], "-rr-"),
            (&[("<o:anonymous-request/>", "reject")], "--r-"),
            (&[(evil, "reject"), ("<o:anonymous-request/>", "pass")], "-rp-"),
            // Everybody but one: other-identity is whom no rule names.
            (&[(bob, "accept"), (others, "reject")], "arr-"),
            (&[(bob, "pass"), (evil, "pass"), (others, "reject")], "ppp-"),
            // The order of the rules means nothing, that of the values does.
            (&[(bob, "reject"), (bob, "pass")], "p---"),
            (&[(bob, "pass"), (bob, "reject")], "p---"),
            (&[(bob, "accept"), (bob, "pass"), (bob, "reject")], "a---"),
            (&[("", "pass"), (evil, "reject")], "pppp"),
            (&[(past, "reject")], "----"),
            (&[(&now, "reject")], "rrrr"),
            // What is not known is not met, whatever the value.
            (&[("<sphere value='work'/>", "reject")], "----"),
            (&[("<x:y><x:z/></x:y>", "accept")], "----"),
            (&[("<o:later/>", "accept")], "----"),
            (&[("<o:external-list><o:entry anc='http://x'/></o:external-list>", "accept")], "----"),
            (&[("<ls:is-list-member/>", "accept")], "----"),
            (&[("<ls:is-list-member>false</ls:is-list-member>", "accept")], "----"),
            (&[("<x:y/>", "accept"), (bob, "reject")], "r---"),
        ];
        for (written, want) in rows {
            let rules = rules(written);
            assert_eq!(verdicts(&rules), *want, "{written:?}");
            assert_eq!(ImRules::read(rules.write().as_bytes()), Ok(rules));
        }
    }

    #[test]
    fn the_action_is_read_in_every_namespace_of_oma() {
        #[rustfmt::skip]
        let rows = [
            ("<actions><im:allow-invite>reject</im:allow-invite></actions>", "rrrr"),
            ("<actions><poc:allow-invite>reject</poc:allow-invite></actions>", "rrrr"),
            ("<actions><o:allow-invite>reject</o:allow-invite></actions>", "rrrr"),
            ("<actions><ls:allow-invite>reject</ls:allow-invite></actions>", "rrrr"),
            ("<actions><allow-invite xmlns='urn:oma:xml:im:rules'>accept</allow-invite></actions>", "aaaa"),
            // Other actions say nothing, and neither does a rule without any.
            ("<actions><x:y>reject</x:y><im:allow-it>reject</im:allow-it></actions>", "----"),
            ("<actions><x:y/><im:allow-invite>pass</im:allow-invite><ls:join-handling/></actions>", "pppp"),
            ("<actions/>", "----"),
            ("", "----"),
            ("<conditions/><actions><im:allow-invite>pass</im:allow-invite></actions>\
              <transformations><x:y/></transformations>", "pppp"),
        ];
        for (inner, want) in rows {
            let rules = read(&format!("<rule id='a'>{inner}</rule>")).unwrap();
            assert_eq!(verdicts(&rules), want, "{inner}");
            let written = rules.write();
            assert_eq!(ImRules::read(written.as_bytes()), Ok(rules), "{written}");
        }
    }

    #[test]
    fn what_is_no_document_is_refused_and_why() {
        let action = |inner: &str| format!("<rule id='a'><actions>{inner}</actions></rule>");
        let condition =
            |inner: &str| format!("<rule id='a'><conditions>{inner}</conditions></rule>");
        let many = |count, what: &str| what.repeat(count);
        let ids: String = (0..=MAX_RULES)
            .map(|id| format!("<rule id='{id}'/>"))
            .collect();
        #[rustfmt::skip]
        let rows = [
            ("<rule/>".to_owned(), "<rule> without id"),
            ("<rule id='a'/><rule id='a'/>".to_owned(), "a second <rule> with id \"a\""),
            ("<x:rule id='a'/>".to_owned(), "<x:rule> is not allowed in <ruleset>"),
            ("<rule id='a'><actions/><conditions/></rule>".to_owned(), "too late in <rule>"),
            ("<rule id='a'><actions/><actions/></rule>".to_owned(), "a second <actions>"),
            (action("<im:allow-invite/>"), "\"\" in <allow-invite> is none of"),
            (action("<im:allow-invite>Reject</im:allow-invite>"), "\"Reject\" in <allow-invite>"),
            (action("<im:allow-invite>true</im:allow-invite>"), "accept, pass and reject"),
            (action("<im:allow-invite><x:y/></im:allow-invite>"), "<x:y> is not allowed"),
            (action("<im:allow-invite>pass</im:allow-invite><poc:allow-invite>pass</poc:allow-invite>"), "a second <allow-invite>"),
            (action("<allow-invite>reject</allow-invite>"), "<allow-invite> is not allowed in <actions>"),
            (action("<x:allow-invite>reject</x:allow-invite>"), "<allow-invite> in a namespace that is none of OMA's"),
            (action("<allow-invite xmlns=''>reject</allow-invite>"), "none of OMA's"),
            (action("<q:allow-invite>reject</q:allow-invite>"), "is not allowed"),
            (condition("<identity/>"), "an empty <identity>"),
            (condition("<identity><one/></identity>"), "<one> without id"),
            (condition("<one id='sip:a@h'/>"), "<one> is not allowed in <conditions>"),
            (condition("<validity><from>noon</from></validity>"), "\"noon\" in <from> is no time"),
            (ids, "more than 256 rules"),
            (condition(&format!("<identity>{}</identity>", many(MAX_IDENTITIES + 1, "<one id='a'/>"))), "more than 1000 identities"),
            (condition(&many(20, "<x:y>")), "more than 16 elements inside each other"),
            (condition(&format!("<identity><one id='{}'/></identity>", many(MAX_URI_BYTES + 1, "a"))), "of more than 2048 bytes"),
            (condition(&format!("<x:y>{}</x:y>", many(MAX_BYTES, "a"))), "where 131072 are accepted"),
            (condition("&boom;"), "unknown reference"),
        ];
        for (rules, want) in rows {
            let why = read(&rules).unwrap_err().to_string();
            assert!(why.contains(want), "{why}\n{rules:.200}");
        }
    }

    #[test]
    fn a_document_type_and_other_documents_are_refused() {
        let bare = document("");
        assert_eq!(ImRules::read(bare.as_bytes()), Ok(ImRules::default()));
        let declared = format!("<!DOCTYPE ruleset [<!ENTITY a 'b'>]>{bare}");
        let refused = ImRules::read(declared.as_bytes());
        assert!(matches!(refused, Err(Error::Doctype { .. })), "{refused:?}");
        let others = [
            String::new(),
            "<ruleset/>".to_owned(),
            "<group xmlns='urn:oma:xml:poc:list-service'/>".to_owned(),
            bare.replace("common-policy'", "pres-rules'"),
            format!("{bare}{bare}"),
            bare.replace("</ruleset>", ""),
        ];
        for other in others {
            assert!(ImRules::read(other.as_bytes()).is_err(), "{other}");
        }
        assert!(ImRules::read(b"<ruleset \xff/>").is_err());
    }

    #[test]
    fn each_value_is_read_as_it_is_written() {
        for (name, invite) in Invite::NAMED {
            assert_eq!(invite.as_str(), name);
        }
    }
}
