//! From a `<ruleset>` to rules: RFC 4745 section 13.

use std::collections::BTreeSet;

use super::super::model::{
    ACTIONS, CONDITIONS, IDENTITY, Inside, MANY, Model, ONE, RULE, RULESET, TRANSFORMATIONS,
    VALIDITY,
};
use super::super::value::{action, at_most, condition, optional, required, text, uri};
use super::super::{Condition, DateTime, Except, Foreign, Period, Rule, Who};
use super::super::{MAX_IDENTITIES, MAX_NAME_BYTES, MAX_RULES, MAX_URI_BYTES};
use crate::Error;
use crate::reader::{Element, Reader};

pub(super) fn ruleset(reader: &mut Reader<'_>, element: &Element) -> Result<Vec<Rule>, Error> {
    let mut rules = Vec::new();
    let mut ids = BTreeSet::new();
    let mut inside = RULESET.inside();
    while let Some((_, child)) = inside.next(reader, element)? {
        at_most(reader, rules.len() + 1, MAX_RULES, "rules")?;
        let rule = rule(reader, &child)?;
        // RFC 4745 6.1: no two rules have the same identifier.
        if !ids.insert(rule.id.clone()) {
            return Err(reader.invalid(&format!("a second <rule> with id \"{}\"", rule.id)));
        }
        rules.push(rule);
    }
    Ok(rules)
}

fn rule(reader: &mut Reader<'_>, element: &Element) -> Result<Rule, Error> {
    let mut rule = Rule::new(required(reader, element, "id", MAX_NAME_BYTES)?);
    let mut inside = RULE.inside();
    while let Some((name, child)) = inside.next(reader, element)? {
        match name {
            "conditions" => rule.conditions = conditions(reader, &child, &CONDITIONS)?,
            "actions" => actions(reader, &child, &mut rule)?,
            _ => {
                let mut inside = TRANSFORMATIONS.inside();
                rule.transformations = others(reader, &child, &mut inside)?;
            }
        }
    }
    Ok(rule)
}

/// What stands in a `<conditions>` that has this model.
pub(crate) fn conditions(
    reader: &mut Reader<'_>,
    element: &Element,
    model: &'static Model,
) -> Result<Vec<Condition>, Error> {
    let mut conditions = Vec::new();
    let mut inside = model.inside();
    while let Some((name, child)) = inside.next(reader, element)? {
        conditions.push(match name {
            "anonymous-request" => {
                empty(reader, &child)?;
                Condition::AnonymousRequest
            }
            "external-list" => Condition::ExternalList(reader.keep(&child)?),
            "identity" => Condition::Identity(identity(reader, &child)?),
            "is-list-member" => Condition::IsListMember(condition(reader, &child)?),
            "other-identity" => {
                empty(reader, &child)?;
                Condition::OtherIdentity
            }
            "sphere" => {
                let value = required(reader, &child, "value", MAX_NAME_BYTES)?;
                empty(reader, &child)?;
                Condition::Sphere(value)
            }
            "validity" => Condition::Validity(validity(reader, &child)?),
            _ => Condition::Unknown(reader.keep(&child)?),
        });
    }
    Ok(conditions)
}

fn identity(reader: &mut Reader<'_>, element: &Element) -> Result<Vec<Who>, Error> {
    let (mut parts, mut count) = (Vec::new(), 0);
    let mut inside = IDENTITY.inside();
    while let Some((name, child)) = inside.next(reader, element)? {
        count += 1;
        at_most(reader, count, MAX_IDENTITIES, "identities")?;
        parts.push(match name {
            "many" => many(reader, &child, &mut count)?,
            "one" => Who::One {
                id: single(reader, &child)?,
                other: others(reader, &child, &mut ONE.inside())?,
            },
            _ => Who::Unknown(reader.keep(&child)?),
        });
    }
    if parts.is_empty() {
        return Err(reader.invalid("an empty <identity>"));
    }
    Ok(parts)
}

/// `count` are the people and domains of the whole condition so far.
fn many(reader: &mut Reader<'_>, element: &Element, count: &mut usize) -> Result<Who, Error> {
    let domain = optional(reader, element, "domain", MAX_URI_BYTES)?;
    let (mut except, mut other) = (Vec::new(), Vec::new());
    let mut inside = MANY.inside();
    while let Some((name, child)) = inside.next(reader, element)? {
        *count += 1;
        at_most(reader, *count, MAX_IDENTITIES, "identities")?;
        match name {
            "except" => {
                except.push(self::except(reader, &child)?);
                empty(reader, &child)?;
            }
            _ => other.push(reader.keep(&child)?),
        }
    }
    Ok(Who::Many {
        domain,
        except,
        other,
    })
}

fn except(reader: &Reader<'_>, element: &Element) -> Result<Except, Error> {
    let Some(domain) = optional(reader, element, "domain", MAX_URI_BYTES)? else {
        return Ok(Except::Id(single(reader, element)?));
    };
    if element.plain("id").is_some() {
        // RFC 4745 7.2: a person and a domain exclude each other.
        return Err(reader.invalid("<except> with id and domain"));
    }
    Ok(Except::Domain(domain))
}

/// The `id` of one person.
fn single(reader: &Reader<'_>, element: &Element) -> Result<String, Error> {
    if element.plain("domain").is_some() {
        // RFC 4745 7.2: a single-user entity has no domain.
        return Err(reader.invalid(&format!("<{}> with id and domain", element.name)));
    }
    uri(reader, element, "id")
}

fn validity(reader: &mut Reader<'_>, element: &Element) -> Result<Vec<Period>, Error> {
    let (mut periods, mut from) = (Vec::new(), None);
    let mut inside = VALIDITY.inside();
    while let Some((name, child)) = inside.next(reader, element)? {
        let time = date_time(reader, &child)?;
        match (name, from.take()) {
            ("from", None) => from = Some(time),
            ("until", Some(from)) => periods.push(Period { from, until: time }),
            // RFC 4745 7.4: they come in pairs.
            _ => return Err(reader.invalid("<from> and <until> not in pairs")),
        }
    }
    if periods.is_empty() || from.is_some() {
        return Err(reader.invalid("<from> and <until> not in pairs"));
    }
    Ok(periods)
}

fn date_time(reader: &mut Reader<'_>, element: &Element) -> Result<DateTime, Error> {
    let text = text(reader, element, MAX_NAME_BYTES)?;
    DateTime::parse(&text)
        .ok_or_else(|| reader.invalid(&format!("\"{text}\" in <{}> is no time", element.name)))
}

fn actions(reader: &mut Reader<'_>, element: &Element, rule: &mut Rule) -> Result<(), Error> {
    let mut inside = ACTIONS.inside();
    while let Some((name, child)) = inside.next(reader, element)? {
        match rule.actions.by_name(name) {
            Some(permission) => *permission = action(reader, &child)?,
            None => rule.other_actions.push(reader.keep(&child)?),
        }
    }
    Ok(())
}

/// What stands in an element of which nothing is known here.
pub(crate) fn others(
    reader: &mut Reader<'_>,
    element: &Element,
    inside: &mut Inside,
) -> Result<Vec<Foreign>, Error> {
    let mut others = Vec::new();
    while let Some((_, child)) = inside.next(reader, element)? {
        others.push(reader.keep(&child)?);
    }
    Ok(others)
}

/// Reads to the end of an element in which nothing stands.
fn empty(reader: &mut Reader<'_>, element: &Element) -> Result<(), Error> {
    reader.only_text(element).map(|_| ())
}
