//! From bytes to rules.

use std::collections::BTreeSet;

use super::{ImRules, Invite, MAX_BYTES, MAX_NAME_BYTES, MAX_RULES, Rule};
use crate::Error;
use crate::reader::{Element, Ns, Reader};
use crate::shared_group::model::{
    ACTIONS_OF_INVITE, CONDITIONS_OF_INVITE, RULE, RULESET, TRANSFORMATIONS,
};
use crate::shared_group::read::rules::{conditions, others};
use crate::shared_group::value::{at_most, required, text};

pub(super) fn rules(input: &[u8]) -> Result<ImRules, Error> {
    let (mut reader, root) = Reader::open(input, MAX_BYTES, Ns::CommonPolicy, "ruleset")?;
    let (mut rules, mut ids) = (Vec::new(), BTreeSet::new());
    let mut inside = RULESET.inside();
    while let Some((_, child)) = inside.next(&mut reader, &root)? {
        at_most(&reader, rules.len() + 1, MAX_RULES, "rules")?;
        let rule = rule(&mut reader, &child)?;
        // RFC 4745 6.1: no two rules have the same identifier.
        if !ids.insert(rule.id.clone()) {
            return Err(reader.invalid(&format!("a second <rule> with id \"{}\"", rule.id)));
        }
        rules.push(rule);
    }
    reader.finish()?;
    Ok(ImRules { rules })
}

fn rule(reader: &mut Reader<'_>, element: &Element) -> Result<Rule, Error> {
    let mut rule = Rule {
        id: required(reader, element, "id", MAX_NAME_BYTES)?,
        conditions: Vec::new(),
        invite: None,
        other_actions: Vec::new(),
        transformations: Vec::new(),
    };
    let mut inside = RULE.inside();
    while let Some((name, child)) = inside.next(reader, element)? {
        match name {
            "conditions" => rule.conditions = conditions(reader, &child, &CONDITIONS_OF_INVITE)?,
            "actions" => actions(reader, &child, &mut rule)?,
            _ => {
                let mut inside = TRANSFORMATIONS.inside();
                rule.transformations = others(reader, &child, &mut inside)?;
            }
        }
    }
    Ok(rule)
}

fn actions(reader: &mut Reader<'_>, element: &Element, rule: &mut Rule) -> Result<(), Error> {
    let mut inside = ACTIONS_OF_INVITE.inside();
    while let Some((name, child)) = inside.next(reader, element)? {
        if name == "allow-invite" {
            rule.invite = Some(invite(reader, &child)?);
        } else if child.name == "allow-invite" {
            // Passed over, it would let in whom it is to keep out.
            let why = "<allow-invite> in a namespace that is none of OMA's";
            return Err(reader.invalid(why));
        } else {
            rule.other_actions.push(reader.keep(&child)?);
        }
    }
    Ok(())
}

fn invite(reader: &mut Reader<'_>, element: &Element) -> Result<Invite, Error> {
    let text = text(reader, element, MAX_NAME_BYTES)?;
    let known = Invite::NAMED.iter().find(|(name, _)| *name == text);
    known.map(|(_, invite)| *invite).ok_or_else(|| {
        reader.invalid(&format!(
            "\"{text}\" in <allow-invite> is none of accept, pass and reject"
        ))
    })
}
