//! From a group to a document, in the order of the schema and in the spelling that was approved.

use super::{Condition, Except, Extension, Foreign, Rank, Rule, SharedGroup, Welcome, Who};
use super::{External, Member};
use crate::escape::{push_attribute, push_text};
use crate::reader::{
    COMMON_POLICY, LIST_SERVICE, OMA_COMMON_POLICY, RESOURCE_LISTS, TERTULIA_GROUP,
};
use crate::resource_lists::push_display_name;

pub(super) fn group(group: &SharedGroup) -> String {
    let entries = group.members.len().saturating_mul(ENTRY_BYTES);
    let mut out = String::with_capacity(entries.saturating_add(HEAD_BYTES));
    out.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<group");
    push_attribute(&mut out, "xmlns", LIST_SERVICE);
    push_attribute(&mut out, "xmlns:rl", RESOURCE_LISTS);
    push_attribute(&mut out, "xmlns:cr", COMMON_POLICY);
    push_attribute(&mut out, "xmlns:ocp", OMA_COMMON_POLICY);
    out.push_str(">\r\n<list-service");
    push_attribute(&mut out, "uri", &group.uri);
    out.push('>');
    if let Some(name) = &group.display_name {
        out.push_str("\r\n");
        push_display_name(&mut out, "display-name", name);
    }
    push_list(&mut out, &group.members, &group.externals);
    if let Some(invite) = group.invite_members {
        push_line(&mut out, "invite-members", &invite.to_string());
    }
    if let Some(limit) = group.max_participants {
        push_line(&mut out, "max-participant-count", &limit.to_string());
    }
    push_extension(&mut out, &group.extension);
    push_foreign(&mut out, &group.other);
    push_ruleset(&mut out, &group.rules);
    out.push_str("\r\n</list-service>\r\n</group>");
    out
}

fn push_list(out: &mut String, members: &[Member], externals: &[External]) {
    if members.is_empty() && externals.is_empty() {
        return;
    }
    out.push_str("\r\n<list>");
    for Member {
        uri,
        display_name,
        other,
    } in members
    {
        out.push_str("\r\n<entry");
        push_attribute(out, "uri", uri);
        out.push('>');
        if let Some(name) = display_name {
            push_display_name(out, "rl:display-name", name);
        }
        push_foreign(out, other);
        out.push_str("</entry>");
    }
    for External {
        anchor,
        display_name,
        other,
    } in externals
    {
        out.push_str("\r\n<external");
        push_attribute(out, "anchor", anchor);
        out.push('>');
        if let Some(name) = display_name {
            push_display_name(out, "rl:display-name", name);
        }
        push_foreign(out, other);
        out.push_str("</external>");
    }
    out.push_str("\r\n</list>");
}

fn push_extension(out: &mut String, extension: &Extension) {
    if extension.is_empty() {
        return;
    }
    out.push_str("\r\n<t:imps");
    push_attribute(out, "xmlns:t", TERTULIA_GROUP);
    out.push('>');
    if let Some(owner) = &extension.owner {
        push_empty(out, "t:owner", &[("uri", owner)]);
    }
    if let Some(created) = &extension.created {
        push_empty(out, "t:created", &[("at", created)]);
    }
    for (name, value) in &extension.properties {
        out.push_str("\r\n<t:property");
        push_attribute(out, "name", name);
        out.push('>');
        push_text(out, value);
        out.push_str("</t:property>");
    }
    if let Some(welcome) = &extension.welcome {
        push_welcome(out, welcome);
    }
    for (uri, rank) in &extension.ranks {
        let level = match rank {
            Rank::Administrator => "admin",
            Rank::Moderator => "mod",
        };
        push_empty(out, "t:rank", &[("uri", uri), ("level", level)]);
    }
    for uri in &extension.rejected {
        push_empty(out, "t:rejected", &[("uri", uri)]);
    }
    out.push_str("\r\n</t:imps>");
}

fn push_welcome(out: &mut String, welcome: &Welcome) {
    out.push_str("\r\n<t:welcome");
    push_attribute(out, "content-type", &welcome.content_type);
    if let Some(encoding) = &welcome.encoding {
        push_attribute(out, "encoding", encoding);
    }
    out.push('>');
    push_text(out, &welcome.text);
    out.push_str("</t:welcome>");
}

fn push_ruleset(out: &mut String, rules: &[Rule]) {
    if rules.is_empty() {
        return;
    }
    out.push_str("\r\n<cr:ruleset>");
    for rule in rules {
        out.push_str("\r\n<cr:rule");
        push_attribute(out, "id", &rule.id);
        out.push('>');
        out.push_str("\r\n<cr:conditions>");
        for condition in &rule.conditions {
            push_condition(out, condition);
        }
        out.push_str("</cr:conditions>\r\n<cr:actions>");
        // RFC 4745 10.2: what a rule does not say is false. Phones show what is said.
        for (name, is_permitted) in rule.actions.named() {
            push_line(out, name, &is_permitted.to_string());
        }
        push_foreign(out, &rule.other_actions);
        out.push_str("</cr:actions>");
        if !rule.transformations.is_empty() {
            out.push_str("\r\n<cr:transformations>");
            push_foreign(out, &rule.transformations);
            out.push_str("</cr:transformations>");
        }
        out.push_str("\r\n</cr:rule>");
    }
    out.push_str("\r\n</cr:ruleset>");
}

pub(crate) fn push_condition(out: &mut String, condition: &Condition) {
    match condition {
        Condition::AnonymousRequest => out.push_str("<ocp:anonymous-request/>"),
        Condition::ExternalList(kept) | Condition::Unknown(kept) => out.push_str(kept.as_str()),
        Condition::Identity(parts) => push_identity(out, parts),
        Condition::IsListMember(true) => out.push_str("<is-list-member/>"),
        // The newer spelling has no word for it.
        Condition::IsListMember(false) => out.push_str("<is-list-member>false</is-list-member>"),
        Condition::OtherIdentity => out.push_str("<ocp:other-identity/>"),
        Condition::Sphere(value) => {
            out.push_str("<cr:sphere");
            push_attribute(out, "value", value);
            out.push_str("/>");
        }
        Condition::Validity(periods) => {
            out.push_str("<cr:validity>");
            for period in periods {
                push_line(out, "cr:from", period.from.as_str());
                push_line(out, "cr:until", period.until.as_str());
            }
            out.push_str("</cr:validity>");
        }
    }
}

fn push_identity(out: &mut String, parts: &[Who]) {
    out.push_str("<cr:identity>");
    for part in parts {
        match part {
            Who::Many {
                domain,
                except,
                other,
            } => {
                out.push_str("\r\n<cr:many");
                if let Some(domain) = domain {
                    push_attribute(out, "domain", domain);
                }
                out.push('>');
                for except in except {
                    let (name, value) = match except {
                        Except::Domain(domain) => ("domain", domain),
                        Except::Id(id) => ("id", id),
                    };
                    push_empty(out, "cr:except", &[(name, value)]);
                }
                push_foreign(out, other);
                out.push_str("</cr:many>");
            }
            Who::One { id, other } => {
                out.push_str("\r\n<cr:one");
                push_attribute(out, "id", id);
                out.push('>');
                push_foreign(out, other);
                out.push_str("</cr:one>");
            }
            Who::Unknown(kept) => out.push_str(kept.as_str()),
        }
    }
    out.push_str("</cr:identity>");
}

pub(crate) fn push_foreign(out: &mut String, elements: &[Foreign]) {
    for element in elements {
        out.push_str("\r\n");
        out.push_str(element.as_str());
    }
}

/// A line with an element that has attributes only.
fn push_empty(out: &mut String, name: &str, attributes: &[(&str, &str)]) {
    out.push_str("\r\n<");
    out.push_str(name);
    for (name, value) in attributes {
        push_attribute(out, name, value);
    }
    out.push_str("/>");
}

/// A line with an element that has text only.
pub(crate) fn push_line(out: &mut String, name: &str, text: &str) {
    out.push_str("\r\n<");
    out.push_str(name);
    out.push('>');
    push_text(out, text);
    out.push_str("</");
    out.push_str(name);
    out.push('>');
}

/// What a document without members takes, about.
const HEAD_BYTES: usize = 1024;
/// What a member with an address and a name of usual length takes, about.
const ENTRY_BYTES: usize = 100;
