//! Feature parameters: what a contact can do and a caller asks for (RFC 3840 section 9).
//!
//! A tag without value is true; `"TRUE"` and `"FALSE"` say so; other values are quoted lists, or
//! one string in `"<>"`.

use crate::Params;

/// Is the feature there, and not `"FALSE"`?
pub(crate) fn is_true(params: &Params<'_>, tag: &str) -> bool {
    params.has(tag) && !is_false(params.get(tag))
}

/// Is `member` in the value of the feature?
pub(crate) fn holds(params: &Params<'_>, tag: &str, member: &str) -> bool {
    params
        .get(tag)
        .is_some_and(|value| members(value).any(|one| same(one, member)))
}

/// Does what a contact says of one feature meet what is asked of it (RFC 3841 section 7.2.4)?
///
/// Values meet when they share a member; `!member` asks for anything else.
pub(crate) fn meets(has: Option<&str>, asked: Option<&str>) -> bool {
    let has = has.unwrap_or("TRUE");
    members(asked.unwrap_or("TRUE")).any(|want| match want.strip_prefix('!') {
        Some(unwanted) => members(has).any(|one| !same(one, unwanted)),
        None => members(has).any(|one| same(one, want)),
    })
}

/// Tags of RFC 3840 section 9; anything else is a feature if it begins with `+`.
pub(crate) fn is_feature(tag: &str) -> bool {
    const BASE: [&str; 18] = [
        "actor",
        "application",
        "audio",
        "automata",
        "class",
        "control",
        "data",
        "description",
        "duplex",
        "events",
        "extensions",
        "isfocus",
        "language",
        "methods",
        "mobility",
        "priority",
        "schemes",
        "type",
    ];
    tag.starts_with('+')
        || tag.eq_ignore_ascii_case("video")
        || BASE.iter().any(|base| base.eq_ignore_ascii_case(tag))
}

fn is_false(value: Option<&str>) -> bool {
    value.is_some_and(|value| members(value).any(|one| one.eq_ignore_ascii_case("FALSE")))
}

/// The members of a value. A string in `<>` is one member, commas and all.
fn members(value: &str) -> impl Iterator<Item = &str> {
    let inner = value.strip_prefix('"').and_then(|v| v.strip_suffix('"'));
    let inner = inner.unwrap_or(value);
    let separator = if inner.starts_with('<') { '\0' } else { ',' };
    inner.split(separator).map(str::trim_ascii)
}

/// RFC 3841 section 7.2.4: tokens are compared without case, strings (in `<>`) with it.
fn same(a: &str, b: &str) -> bool {
    if a.starts_with('<') {
        a == b
    } else {
        a.eq_ignore_ascii_case(b)
    }
}
