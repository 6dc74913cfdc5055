//! From rules to a document.

use super::{ImRules, Rule};
use crate::escape::push_attribute;
use crate::reader::{COMMON_POLICY, IM_RULES, OMA_COMMON_POLICY};
use crate::shared_group::write::{push_condition, push_foreign, push_line};

pub(super) fn rules(rules: &ImRules) -> String {
    let mut out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<cr:ruleset".to_owned();
    push_attribute(&mut out, "xmlns:cr", COMMON_POLICY);
    push_attribute(&mut out, "xmlns:ocp", OMA_COMMON_POLICY);
    push_attribute(&mut out, "xmlns:im", IM_RULES);
    out.push('>');
    for rule in &rules.rules {
        push_rule(&mut out, rule);
    }
    out.push_str("\r\n</cr:ruleset>");
    out
}

fn push_rule(out: &mut String, rule: &Rule) {
    out.push_str("\r\n<cr:rule");
    push_attribute(out, "id", &rule.id);
    out.push_str(">\r\n<cr:conditions>");
    for condition in &rule.conditions {
        push_condition(out, condition);
    }
    out.push_str("</cr:conditions>\r\n<cr:actions>");
    if let Some(invite) = rule.invite {
        push_line(out, "im:allow-invite", invite.as_str());
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
