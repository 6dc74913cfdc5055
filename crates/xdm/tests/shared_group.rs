//! The shared-group document: what is read, what is refused and why, what is written.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use xdm::Error;
use xdm::shared_group::{
    Condition, Except, Extension, MAX_BYTES, MAX_IDENTITIES, MAX_MEMBERS, MAX_NAME_BYTES,
    MAX_PROPERTIES, MAX_RANKS, MAX_RULES, MAX_TEXT_BYTES, MAX_URI_BYTES, Member, Rank, Rule,
    SharedGroup, Welcome, Who,
};

/// A document with this in its `<group>`.
fn document(inner: &str) -> String {
    format!(
        "<group xmlns='urn:oma:xml:poc:list-service' \
         xmlns:rl='urn:ietf:params:xml:ns:resource-lists' \
         xmlns:c='urn:ietf:params:xml:ns:common-policy' xmlns:o='urn:oma:xml:xdm:common-policy' \
         xmlns:t='urn:tertulia:xml:group' xmlns:x='urn:other'>{inner}</group>"
    )
}

/// What is read of a `<list-service>` with this in it.
fn read(inner: &str) -> Result<SharedGroup, Error> {
    let service = format!("<list-service uri='sip:g@h'>{inner}</list-service>");
    SharedGroup::read(document(&service).as_bytes())
}

fn rule(inner: &str) -> String {
    format!("<c:ruleset><c:rule id='r'>{inner}</c:rule></c:ruleset>")
}

fn conditions(inner: &str) -> String {
    rule(&format!("<c:conditions>{inner}</c:conditions>"))
}

fn actions(inner: &str) -> String {
    rule(&format!("<c:actions>{inner}</c:actions>"))
}

fn imps(inner: &str) -> String {
    format!("<t:imps>{inner}</t:imps>")
}

/// What is wrong, without the place.
fn why(read: Result<SharedGroup, Error>) -> String {
    let text = read.expect_err("an error").to_string();
    text.split(" (at byte").next().unwrap().to_owned()
}

#[test]
fn old_and_new_spellings_say_the_same() {
    let new = "<list-service uri='sip:g@h'><invite-members>true</invite-members><c:ruleset>\
               <c:rule id='r'><c:conditions><is-list-member/></c:conditions><c:actions>\
               <join-handling>true</join-handling><allow-anonymity>false</allow-anonymity>\
               </c:actions></c:rule></c:ruleset></list-service>";
    let want = SharedGroup::read(document(new).as_bytes()).unwrap();
    assert_eq!(want.rules[0].conditions, [Condition::IsListMember(true)]);
    assert!(want.rules[0].actions.join_handling);
    let rows = [
        ("oma:xml:poc:list-service", "oma:params:xml:ns:list-service"),
        ("<is-list-member/>", "<is-list-member>true</is-list-member>"),
        ("<is-list-member/>", "<is-list-member> 1 </is-list-member>"),
        ("<join-handling>true", "<join-handling>allow"),
        ("<join-handling>true", "<join-handling>1"),
        ("<invite-members>true", "<invite-members>\n1\n"),
        ("<allow-anonymity>false", "<allow-anonymity>0"),
        ("<allow-anonymity>false</allow-anonymity>", ""),
    ];
    for (newer, older) in rows {
        let old = document(new).replacen(newer, older, 1);
        assert_ne!(old, document(new));
        assert_eq!(
            SharedGroup::read(old.as_bytes()).as_ref(),
            Ok(&want),
            "{older}"
        );
    }
    let blocked = document(&new.replace("<join-handling>true", "<join-handling>block"));
    let blocked = SharedGroup::read(blocked.as_bytes()).unwrap();
    assert!(!blocked.rules[0].actions.join_handling);
}

#[test]
fn values_are_read_for_what_they_say() {
    let group = read(
        "<display-name xml:lang='en'> The <![CDATA[<G>]]> </display-name>\
         <list><entry uri=' sip:a@h '><rl:display-name>A</rl:display-name></entry>\
         <external anchor='http://x/y'/><entry uri='sip:b@h'><display-name>B</display-name>\
         <x:phone>1</x:phone></entry></list>\
         <invite-members>0</invite-members><max-participant-count>+007</max-participant-count>",
    );
    let group = group.unwrap();
    let name = group.display_name.as_ref().unwrap();
    assert_eq!(
        (name.text.as_str(), name.lang.as_deref()),
        ("The <G>", Some("en"))
    );
    let members: Vec<_> = group
        .members
        .iter()
        .map(|m| {
            (
                m.uri.as_str(),
                m.display_name.as_ref().unwrap().text.as_str(),
            )
        })
        .collect();
    assert_eq!(members, [("sip:a@h", "A"), ("sip:b@h", "B")]);
    let phone = "<x:phone xmlns:x=\"urn:other\">1</x:phone>";
    assert_eq!(group.members[1].other[0].as_str(), phone);
    assert_eq!(group.externals[0].anchor, "http://x/y");
    assert_eq!(
        (group.invite_members, group.max_participants),
        (Some(false), Some(7))
    );
    assert!(group.is_member("sip:a@h") && !group.is_member("sip:A@h"));

    let endless = "<max-participant-count>99999999999</max-participant-count>";
    assert_eq!(read(endless).unwrap().max_participants, Some(u32::MAX));
    let nothing = read("").unwrap();
    assert_eq!(nothing, SharedGroup::new("sip:g@h"));
}

#[test]
fn what_the_schema_does_not_allow_is_named() {
    #[rustfmt::skip]
    let rows = [
        // Order and number.
        ("<list/><display-name/>", "<display-name> stands too late in <list-service>"),
        ("<invite-members>1</invite-members><list/>", "<list> stands too late in <list-service>"),
        ("<max-participant-count>1</max-participant-count><invite-members>1</invite-members>",
            "<invite-members> stands too late in <list-service>"),
        ("<c:ruleset/><list/>", "<list> stands too late in <list-service>"),
        ("<x:y/><invite-members>1</invite-members>", "<invite-members> stands too late in <list-service>"),
        ("<list/><list/>", "a second <list> in <list-service>"),
        ("<c:ruleset/><c:ruleset/>", "a second <ruleset> in <list-service>"),
        ("<t:imps/><t:imps/>", "a second <imps> in <list-service>"),
        ("<list><entry uri='a'><x:y/><rl:display-name/></entry></list>", "<display-name> stands too late in <entry>"),
        // What nobody has defined.
        ("<size>1</size>", "<size> is not allowed in <list-service>"),
        ("<list-service uri='a'/>", "<list-service> is not allowed in <list-service>"),
        ("<rl:list/>", "<rl:list> is not allowed in <list-service>"),
        ("<c:rule id='a'/>", "<c:rule> is not allowed in <list-service>"),
        ("<t:imp/>", "<t:imp> is not allowed in <list-service>"),
        ("<z:y/>", "<z:y> is not allowed in <list-service>"),
        ("<list><x:y/></list>", "<x:y> is not allowed in <list>"),
        ("<list><list/></list>", "<list> is not allowed in <list>"),
        ("<list><entry uri='a'><rl:entry/></entry></list>", "<rl:entry> is not allowed in <entry>"),
        ("<invite-members>1<x:y/></invite-members>", "<x:y> is not allowed in <invite-members>"),
        ("<display-name>a<b/></display-name>", "<b> is not allowed in <display-name>"),
        // Values.
        ("<list><entry/></list>", "<entry> without uri"),
        ("<list><entry uri=' '/></list>", "<entry> without uri"),
        ("<list><entry rl:uri='a'/></list>", "<entry> without uri"),
        ("<invite-members>yes</invite-members>", "\"yes\" in <invite-members> is no boolean"),
        ("<invite-members>TRUE</invite-members>", "\"TRUE\" in <invite-members> is no boolean"),
        ("<invite-members/>", "\"\" in <invite-members> is no boolean"),
        ("<max-participant-count>-1</max-participant-count>", "\"-1\" in <max-participant-count> is no number"),
        ("<max-participant-count>+</max-participant-count>", "\"+\" in <max-participant-count> is no number"),
        ("<max-participant-count/>", "\"\" in <max-participant-count> is no number"),
    ];
    for (inner, want) in rows {
        let got = read(inner);
        assert!(
            matches!(got, Err(Error::Invalid { .. })),
            "{inner}: {got:?}"
        );
        assert_eq!(why(got), want, "{inner}");
    }
}

#[test]
fn what_the_schema_does_not_allow_in_a_rule_is_named() {
    let from = "<c:from>2000-01-01T00:00:00Z</c:from>";
    let until = "<c:until>2001-01-01T00:00:00Z</c:until>";
    #[rustfmt::skip]
    let rows = [
        ("<c:ruleset><x:y/></c:ruleset>".to_owned(), "<x:y> is not allowed in <ruleset>"),
        ("<c:ruleset><c:rule/></c:ruleset>".to_owned(), "<rule> without id"),
        ("<c:ruleset><c:rule id='a'/><c:rule id='a'/></c:ruleset>".to_owned(), "a second <rule> with id \"a\""),
        (rule("<c:actions/><c:conditions/>"), "<conditions> stands too late in <rule>"),
        (rule("<c:transformations/><c:actions/>"), "<actions> stands too late in <rule>"),
        (rule("<c:actions/><c:actions/>"), "a second <actions> in <rule>"),
        (rule("<x:y/>"), "<x:y> is not allowed in <rule>"),
        (conditions("<c:who/>"), "<c:who> is not allowed in <conditions>"),
        (conditions("<is-list-owner/>"), "<is-list-owner> is not allowed in <conditions>"),
        (conditions("<is-list-member>maybe</is-list-member>"), "\"maybe\" in <is-list-member> is no boolean"),
        (conditions("<o:other-identity><x:y/></o:other-identity>"), "<x:y> is not allowed in <other-identity>"),
        (conditions("<c:sphere/>"), "<sphere> without value"),
        (conditions("<c:identity/>"), "an empty <identity>"),
        (conditions("<c:identity><c:one/></c:identity>"), "<one> without id"),
        (conditions("<c:identity><c:one id='a' domain='b'/></c:identity>"), "<one> with id and domain"),
        (conditions("<c:identity><c:except id='a'/></c:identity>"), "<c:except> is not allowed in <identity>"),
        (conditions("<c:identity><c:many><c:except/></c:many></c:identity>"), "<except> without id"),
        (conditions("<c:identity><c:many><c:except id='a' domain='b'/></c:many></c:identity>"), "<except> with id and domain"),
        (conditions("<c:identity><c:many><c:one id='a'/></c:many></c:identity>"), "<c:one> is not allowed in <many>"),
        (conditions("<c:validity/>"), "<from> and <until> not in pairs"),
        (conditions("<c:validity><c:until>2000-01-01T00:00:00Z</c:until></c:validity>"), "<from> and <until> not in pairs"),
        (conditions("<c:validity><c:from>2000-01-01T00:00:00Z</c:from></c:validity>"), "<from> and <until> not in pairs"),
        (conditions(&format!("<c:validity>{from}{until}{from}</c:validity>")), "<from> and <until> not in pairs"),
        (conditions(&format!("<c:validity>{from}{from}{until}</c:validity>")), "<from> and <until> not in pairs"),
        (conditions("<c:validity><c:from>today</c:from></c:validity>"), "\"today\" in <from> is no time"),
        (actions("<allow-everything>1</allow-everything>"), "<allow-everything> is not allowed in <actions>"),
        (actions("<allow-anonymity>allow</allow-anonymity>"), "\"allow\" in <allow-anonymity> is no boolean"),
        (actions("<join-handling>2</join-handling>"), "\"2\" in <join-handling> is no boolean"),
        (actions("<join-handling>1</join-handling><join-handling>1</join-handling>"), "a second <join-handling> in <actions>"),
        (imps("<x:y/>"), "<x:y> is not allowed in <imps>"),
        (imps("<t:topic/>"), "<t:topic> is not allowed in <imps>"),
        (imps("<t:owner/>"), "<owner> without uri"),
        (imps("<t:owner uri='a'/><t:owner uri='a'/>"), "a second <owner> in <imps>"),
        (imps("<t:property/>"), "<property> without name"),
        (imps("<t:rank uri='a'/>"), "<rank> without level"),
        (imps("<t:rank uri='a' level='user'/>"), "\"user\" in <rank> is no level"),
        (imps("<t:welcome/>"), "<welcome> without content-type"),
    ];
    for (inner, want) in rows {
        let got = read(&inner);
        assert!(
            matches!(got, Err(Error::Invalid { .. })),
            "{inner}: {got:?}"
        );
        assert_eq!(why(got), want, "{inner}");
    }
}

#[test]
fn a_document_is_one_group() {
    let service = "<list-service uri='sip:g@h'/>";
    let rows = [
        (document(""), "<group> without <list-service>"),
        (
            document(&service.repeat(2)),
            "a second <list-service> in <group>",
        ),
        (document("<list-service/>"), "<list-service> without uri"),
        (document("<x:y/>"), "<x:y> is not allowed in <group>"),
        (
            service.replace('/', " xmlns='urn:oma:xml:poc:list-service'/"),
            "expected <group>, found <list-service>",
        ),
        (
            "<group xmlns='urn:other'/>".to_owned(),
            "expected <group>, found <group>",
        ),
    ];
    for (document, want) in rows {
        assert_eq!(why(SharedGroup::read(document.as_bytes())), want);
    }
}

/// (so many of something, the most there may be, what is said of one more)
type LimitRow<'a> = (&'a dyn Fn(usize) -> String, usize, &'a str);

#[test]
fn limits_hold_to_the_last_one() {
    let entries = |n: usize| format!("<list>{}</list>", "<entry uri='a'/>".repeat(n));
    let externals = |n: usize| {
        entries(1).replace(
            "</list>",
            &format!("{}</list>", "<external/>".repeat(n - 1)),
        )
    };
    let rules = |n: usize| {
        let rules: String = (0..n).map(|n| format!("<c:rule id='{n}'/>")).collect();
        format!("<c:ruleset>{rules}</c:ruleset>")
    };
    let ones = |n: usize| {
        let ones = "<c:one id='a'/>".repeat(n - 3);
        let many = "<c:many><c:except id='a'/><c:except domain='b'/></c:many>";
        conditions(&format!("<c:identity>{ones}{many}</c:identity>"))
    };
    let properties = |n: usize| imps(&"<t:property name='a'/>".repeat(n));
    let ranks = |n: usize| imps(&"<t:rank uri='a' level='mod'/>".repeat(n));
    let rejected = |n: usize| imps(&"<t:rejected uri='a'/>".repeat(n));
    let name = |n: usize| format!("<display-name>{}</display-name>", "a".repeat(n));
    let uri = |n: usize| format!("<list><entry uri='{}'/></list>", "a".repeat(n));
    let value = |n: usize| {
        imps(&format!(
            "<t:property name='a'>{}</t:property>",
            "a".repeat(n)
        ))
    };
    #[rustfmt::skip]
    let rows: &[LimitRow<'_>] = &[
        (&entries, MAX_MEMBERS, "more than 5000 members"),
        (&externals, MAX_MEMBERS, "more than 5000 members"),
        (&rules, MAX_RULES, "more than 256 rules"),
        (&ones, MAX_IDENTITIES, "more than 1000 identities"),
        (&properties, MAX_PROPERTIES, "more than 64 properties"),
        (&ranks, MAX_RANKS, "more than 256 ranks"),
        (&rejected, MAX_MEMBERS, "more than 5000 rejected people"),
        (&name, MAX_NAME_BYTES, "<display-name> of more than 1024 bytes"),
        (&uri, MAX_URI_BYTES, "uri of <entry> of more than 2048 bytes"),
        (&value, MAX_TEXT_BYTES, "<property> of more than 65536 bytes"),
    ];
    for (inner, limit, want) in rows {
        assert!(read(&inner(*limit)).is_ok(), "{want}");
        assert_eq!(why(read(&inner(limit + 1))), *want);
    }
    let padded = |n: usize| {
        let bare = document("<list-service uri='a'/>");
        format!("{bare}{}", " ".repeat(n - bare.len()))
    };
    assert!(SharedGroup::read(padded(MAX_BYTES).as_bytes()).is_ok());
    let got = SharedGroup::read(padded(MAX_BYTES + 1).as_bytes());
    assert!(matches!(got, Err(Error::TooLarge { .. })), "{got:?}");
}

/// A group of which everything is said.
fn full() -> SharedGroup {
    let others = "<is-list-member/><x:hour o:at='8'/><o:external-list><o:entry anc='http://x'/>\
                  </o:external-list>";
    let kept = read(&format!(
        "<list><external anchor='http://x/y'><x:y/></external></list><x:more>1<x:b/></x:more>{}",
        conditions(others)
    ));
    let mut group = kept.unwrap();
    let mut member = Member::new("sip:a@h?b&c");
    member.other = group.other.clone();
    group.members = vec![member, Member::new("sip:b@h")];
    group.invite_members = Some(true);
    group.max_participants = Some(10);
    let mut guests = Rule::new("guests");
    guests.conditions = vec![Condition::Identity(vec![
        Who::Many {
            domain: Some("h".to_owned()),
            except: vec![Except::Id("sip:e@h".to_owned())],
            other: vec![],
        },
        Who::Unknown(group.other[0].clone()),
    ])];
    guests.actions.join_handling = true;
    guests.other_actions = group.other.clone();
    guests.transformations = group.other.clone();
    group.rules.push(guests);
    group.extension = Extension {
        owner: Some("wv:a@h".to_owned()),
        created: Some("2007-05-01T12:00:00Z".to_owned()),
        properties: vec![("Topic".to_owned(), "<Go>".to_owned())],
        welcome: Some(Welcome {
            content_type: "text/plain".to_owned(),
            encoding: None,
            text: "Hello".to_owned(),
        }),
        ranks: vec![("wv:b@h".to_owned(), Rank::Administrator)],
        rejected: vec!["wv:e@h".to_owned()],
    };
    group
}

#[test]
fn a_document_is_written_in_the_order_of_its_schema() {
    let group = full();
    let written = group.write();
    assert_eq!(
        SharedGroup::read(written.as_bytes()).as_ref(),
        Ok(&group),
        "{written}"
    );
    let order = [
        "<list-service uri=\"sip:g@h\">",
        "<list>",
        "<entry uri=\"sip:a@h?b&amp;c\">",
        "<x:more xmlns:x=\"urn:other\">1<x:b/></x:more></entry>",
        "<external anchor=\"http://x/y\">",
        "<invite-members>true</invite-members>",
        "<max-participant-count>10</max-participant-count>",
        "<t:imps xmlns:t=\"urn:tertulia:xml:group\">",
        "<t:property name=\"Topic\">&lt;Go&gt;</t:property>",
        "<t:welcome content-type=\"text/plain\">Hello</t:welcome>",
        "<t:rank uri=\"wv:b@h\" level=\"admin\"/>",
        "</t:imps>",
        "<x:more xmlns:x=\"urn:other\">1<x:b/></x:more>",
        "<cr:ruleset>",
        "<is-list-member/>",
        "<x:hour xmlns:x=\"urn:other\" xmlns:o=\"urn:oma:xml:xdm:common-policy\" o:at=\"8\"/>",
        "<o:external-list xmlns:o=\"urn:oma:xml:xdm:common-policy\"><o:entry anc=\"http://x\"/>",
        "<cr:many domain=\"h\">",
        "<cr:except id=\"sip:e@h\"/>",
        "<join-handling>true</join-handling>",
        "</cr:ruleset>",
    ];
    let mut rest = written.as_str();
    for piece in order {
        let (_, after) = rest
            .split_once(piece)
            .unwrap_or_else(|| panic!("{piece}: {written}"));
        rest = after;
    }
    let bare = SharedGroup::new("sip:g@h").write();
    assert!(
        !bare.contains("imps") && !bare.contains("<list>") && !bare.contains("<cr:"),
        "{bare}"
    );
}
