//! From bytes to a group.

pub(crate) mod rules;

use super::model::{ENTRY, EXTERNAL, GROUP, IMPS, Inside, LIST, LIST_SERVICE};
use super::value::{at_most, boolean, display_name, number, optional, required, text, uri};
use super::{DisplayName, Extension, External, Foreign, Member, Rank, SharedGroup, Welcome};
use super::{
    MAX_BYTES, MAX_MEMBERS, MAX_NAME_BYTES, MAX_PROPERTIES, MAX_RANKS, MAX_REJECTED,
    MAX_TEXT_BYTES, MAX_URI_BYTES,
};
use crate::Error;
use crate::reader::{Element, Ns, Reader};

pub(super) fn group(input: &[u8]) -> Result<SharedGroup, Error> {
    let (mut reader, root) = Reader::open(input, MAX_BYTES, Ns::ListService, "group")?;
    let mut inside = GROUP.inside();
    let mut group = None;
    while let Some((_, child)) = inside.next(&mut reader, &root)? {
        group = Some(list_service(&mut reader, &child)?);
    }
    reader.finish()?;
    group.ok_or_else(|| reader.invalid("<group> without <list-service>"))
}

fn list_service(reader: &mut Reader<'_>, element: &Element) -> Result<SharedGroup, Error> {
    let mut group = SharedGroup::new(uri(reader, element, "uri")?);
    let mut inside = LIST_SERVICE.inside();
    while let Some((name, child)) = inside.next(reader, element)? {
        match name {
            "display-name" => group.display_name = Some(display_name(reader, &child)?),
            "imps" => group.extension = extension(reader, &child)?,
            "invite-members" => group.invite_members = Some(boolean(reader, &child)?),
            "list" => list(reader, &child, &mut group)?,
            "max-participant-count" => group.max_participants = Some(number(reader, &child)?),
            "ruleset" => group.rules = rules::ruleset(reader, &child)?,
            _ => group.other.push(reader.keep(&child)?),
        }
    }
    Ok(group)
}

fn list(reader: &mut Reader<'_>, element: &Element, group: &mut SharedGroup) -> Result<(), Error> {
    let mut inside = LIST.inside();
    while let Some((name, child)) = inside.next(reader, element)? {
        let count = group.members.len() + group.externals.len() + 1;
        at_most(reader, count, MAX_MEMBERS, "members")?;
        if name == "entry" {
            let uri = uri(reader, &child, "uri")?;
            let (display_name, other) = named(reader, &child, ENTRY.inside())?;
            group.members.push(Member {
                uri,
                display_name,
                other,
            });
        } else {
            let anchor = optional(reader, &child, "anchor", MAX_URI_BYTES)?.unwrap_or_default();
            let (display_name, other) = named(reader, &child, EXTERNAL.inside())?;
            group.externals.push(External {
                anchor,
                display_name,
                other,
            });
        }
    }
    Ok(())
}

/// What stands in an entry, or in a reference to a list.
fn named(
    reader: &mut Reader<'_>,
    element: &Element,
    mut inside: Inside,
) -> Result<(Option<DisplayName>, Vec<Foreign>), Error> {
    let (mut display, mut other) = (None, Vec::new());
    while let Some((name, child)) = inside.next(reader, element)? {
        match name {
            "display-name" => display = Some(display_name(reader, &child)?),
            _ => other.push(reader.keep(&child)?),
        }
    }
    Ok((display, other))
}

fn extension(reader: &mut Reader<'_>, element: &Element) -> Result<Extension, Error> {
    let mut found = Extension::default();
    let mut inside = IMPS.inside();
    while let Some((name, child)) = inside.next(reader, element)? {
        match name {
            "created" => found.created = Some(required(reader, &child, "at", MAX_NAME_BYTES)?),
            "owner" => found.owner = Some(uri(reader, &child, "uri")?),
            "property" => {
                let name = required(reader, &child, "name", MAX_NAME_BYTES)?;
                let value = text(reader, &child, MAX_TEXT_BYTES)?;
                found.properties.push((name, value));
                at_most(reader, found.properties.len(), MAX_PROPERTIES, "properties")?;
            }
            "rank" => {
                let who = uri(reader, &child, "uri")?;
                found.ranks.push((who, rank(reader, &child)?));
                at_most(reader, found.ranks.len(), MAX_RANKS, "ranks")?;
            }
            "rejected" => {
                found.rejected.push(uri(reader, &child, "uri")?);
                at_most(
                    reader,
                    found.rejected.len(),
                    MAX_REJECTED,
                    "rejected people",
                )?;
            }
            _ => found.welcome = Some(welcome(reader, &child)?),
        }
    }
    Ok(found)
}

fn rank(reader: &Reader<'_>, element: &Element) -> Result<Rank, Error> {
    match required(reader, element, "level", MAX_NAME_BYTES)?.as_str() {
        "admin" => Ok(Rank::Administrator),
        "mod" => Ok(Rank::Moderator),
        other => Err(reader.invalid(&format!("\"{other}\" in <rank> is no level"))),
    }
}

fn welcome(reader: &mut Reader<'_>, element: &Element) -> Result<Welcome, Error> {
    Ok(Welcome {
        content_type: required(reader, element, "content-type", MAX_NAME_BYTES)?,
        encoding: optional(reader, element, "encoding", MAX_NAME_BYTES)?,
        text: text(reader, element, MAX_TEXT_BYTES)?,
    })
}
