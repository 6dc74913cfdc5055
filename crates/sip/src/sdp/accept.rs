//! `a=accept-types` and `a=accept-wrapped-types`: RFC 4975 section 8.6.

/// The most types kept of one list. Clients name fewer than ten.
const MAX_TYPES: usize = 64;

/// The type every IM session carries.
const CPIM: &str = "message/cpim";

/// Whether a list of types covers `wanted`, by name, by `type/*` or by `*`.
///
/// Names are compared without case and without parameters (RFC 4975 8.6: a type with parameters is
/// assumed to match the same type without).
pub fn accepts(list: &[String], wanted: &str) -> bool {
    list.iter().any(|entry| covers(entry, wanted))
}

/// The types that both lists cover, in the order and spelling of `a`, without repetition.
///
/// A wildcard of one list against a name of the other yields the name; two equal wildcards yield
/// the wildcard. At most 64 entries of each list are looked at.
///
/// IM-7.2.1.2-OK-S2a: `message/cpim` is always in the result, because the focus itself reads and
/// writes it whatever the peers say.
pub fn intersection(a: &[String], b: &[String]) -> Vec<String> {
    let a = a.iter().take(MAX_TYPES);
    let mut common: Vec<String> = Vec::new();
    let mut keep = |entry: &String| {
        if !common.iter().any(|known| same(known, entry)) {
            common.push(entry.clone());
        }
    };
    for entry in a {
        for other in b.iter().take(MAX_TYPES) {
            if covers(other, entry) {
                keep(entry);
            } else if covers(entry, other) {
                keep(other);
            }
        }
    }
    if !common.iter().any(|entry| same(entry, CPIM)) {
        common.insert(0, CPIM.to_owned());
    }
    common
}

/// Splits the value of the attribute into its entries.
pub(crate) fn list(value: &str) -> impl Iterator<Item = String> {
    value
        .split_ascii_whitespace()
        .take(MAX_TYPES)
        .map(str::to_owned)
}

fn covers(entry: &str, wanted: &str) -> bool {
    let (entry, wanted) = (bare(entry), bare(wanted));
    if entry == "*" || entry == "*/*" || entry.eq_ignore_ascii_case(wanted) {
        return true;
    }
    let (Some(family), Some((kind, _))) = (entry.strip_suffix("/*"), wanted.split_once('/')) else {
        return false;
    };
    family.eq_ignore_ascii_case(kind)
}

fn same(a: &str, b: &str) -> bool {
    bare(a).eq_ignore_ascii_case(bare(b))
}

/// The type without its parameters.
fn bare(entry: &str) -> &str {
    entry.split(';').next().unwrap_or(entry).trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn types(text: &str) -> Vec<String> {
        list(text).collect()
    }

    #[test]
    fn covering() {
        let table = [
            ("message/cpim", "message/cpim", true),
            ("message/CPIM", "message/cpim", true),
            ("text/plain message/cpim", "Message/Cpim", true),
            ("*", "message/cpim", true),
            ("message/*", "message/cpim", true),
            ("text/*", "message/cpim", false),
            ("text/plain", "text/html", false),
            ("text/plain;charset=utf-8", "text/plain", true),
            ("text/plain", "text/plain;charset=utf-8", true),
            ("text/plain", "text/*", false),
            ("text", "text/plain", false),
            ("", "text/plain", false),
        ];
        for (list, wanted, want) in table {
            assert_eq!(accepts(&types(list), wanted), want, "{list} / {wanted}");
        }
    }

    /// IM-7.2.1.2-OK-S2a
    #[test]
    fn what_both_accept() {
        let table = [
            ("message/cpim text/plain", "message/CPIM", "message/cpim"),
            (
                "message/cpim application/im-iscomposing+xml",
                "application/im-iscomposing+xml message/cpim",
                "message/cpim application/im-iscomposing+xml",
            ),
            ("message/cpim *", "*", "message/cpim *"),
            ("*", "message/cpim text/plain", "message/cpim text/plain"),
            (
                "message/cpim text/*",
                "message/cpim text/html",
                "message/cpim text/html",
            ),
            (
                "message/cpim text/*",
                "message/cpim text/*",
                "message/cpim text/*",
            ),
            ("message/cpim message/CPIM", "*", "message/cpim"),
            // Always there, also if neither side or only one names it.
            ("text/plain", "text/plain", "message/cpim text/plain"),
            ("message/cpim", "text/plain", "message/cpim"),
            ("", "", "message/cpim"),
        ];
        for (a, b, want) in table {
            assert_eq!(
                intersection(&types(a), &types(b)),
                types(want),
                "{a} with {b}"
            );
        }
    }

    #[test]
    fn long_lists_are_cut() {
        let long = "a/b ".repeat(10_000);
        assert_eq!(types(&long).len(), MAX_TYPES);
    }
}
