//! What the recipients may learn of each other: the recipient-history list of RFC 5364.

use std::collections::BTreeMap;

use super::{CopyControl, Entry};

/// What stands for every recipient that must not be named: RFC 5364 section 4.
pub const ANONYMOUS: &str = "sip:anonymous@anonymous.invalid";

/// The entries of the `recipient-list-history` body that every recipient of `recipients` gets.
///
/// - A `to` or `cc` entry is kept, with its level.
/// - One that asks for `anonymize` becomes [`ANONYMOUS`]; those of a level are one entry with a
///   count, where the first of them stood.
/// - A `bcc` entry, and one without a copy level, is left out, whatever it says on `anonymize`.
/// - Entries with the same URI are one, at the highest of their levels.
///
/// URIs are compared as strings. A server first merges what its URI comparison finds equal
/// ([`Entry::merge_duplicate`]). The header part of a SIP URI is not copied: it is an instruction
/// to the server, and a `Replaces` in it would hand one person's dialog to all the others.
///
/// An empty result means that the invitations carry no such body.
pub fn history(recipients: &[Entry]) -> Vec<Entry> {
    let mut history = Vec::new();
    // Where the anonymous entry of each level stands.
    let (mut anonymous_to, mut anonymous_cc) = (None, None);
    for mut entry in merged(recipients) {
        let anonymous: &mut Option<usize> = match entry.copy_control {
            // RFC 5364 4: bcc is the default, and beats anonymize.
            None | Some(CopyControl::Bcc) => continue,
            Some(CopyControl::To) => &mut anonymous_to,
            Some(CopyControl::Cc) => &mut anonymous_cc,
        };
        if !entry.anonymize {
            entry.count = None;
            history.push(entry);
            continue;
        }
        match anonymous.and_then(|at| history.get_mut(at)) {
            Some(Entry { count, .. }) => *count = count.map(|n| n.saturating_add(1)),
            None => {
                *anonymous = Some(history.len());
                history.push(Entry {
                    copy_control: entry.copy_control,
                    count: Some(1),
                    ..Entry::new(ANONYMOUS)
                });
            }
        }
    }
    history
}

/// One entry for each URI, in the order of their first mention.
fn merged(recipients: &[Entry]) -> Vec<Entry> {
    let mut merged: Vec<Entry> = Vec::with_capacity(recipients.len());
    let mut place: BTreeMap<&str, usize> = BTreeMap::new();
    for entry in recipients {
        let uri = without_headers(&entry.uri);
        match place.get(uri).and_then(|at| merged.get_mut(*at)) {
            Some(earlier) => earlier.merge_duplicate(entry),
            None => {
                place.insert(uri, merged.len());
                merged.push(Entry {
                    uri: uri.to_owned(),
                    ..entry.clone()
                });
            }
        }
    }
    merged
}

/// A SIP or SIPS URI up to its header part.
fn without_headers(uri: &str) -> &str {
    let is_sip = ["sip:", "sips:"].iter().any(|scheme| {
        uri.get(..scheme.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    });
    if !is_sip {
        return uri;
    }
    // RFC 3261 25.1: the user part may hold a "?" itself, but nothing before its end an "@".
    let host = uri.find('@').unwrap_or(0);
    match uri.get(host..).and_then(|rest| rest.find('?')) {
        Some(at) => uri.get(..host + at).unwrap_or(uri),
        None => uri,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `to+sip:a@h`: the copy level, `+` for anonymize, the URI.
    fn entry(text: &str) -> Entry {
        let (level, uri) = text.split_once(['+', ' ']).unwrap();
        Entry {
            copy_control: match level {
                "to" => Some(CopyControl::To),
                "cc" => Some(CopyControl::Cc),
                "bcc" => Some(CopyControl::Bcc),
                _ => None,
            },
            anonymize: text.contains('+'),
            ..Entry::new(uri)
        }
    }

    fn shown(entry: &Entry) -> String {
        let count = entry.count.map(|n| format!(" x{n}")).unwrap_or_default();
        format!("{:?} {}{count}", entry.copy_control.unwrap(), entry.uri)
    }

    #[test]
    fn recipients_learn_what_the_sender_wants_them_to() {
        let rows: &[(&str, &[&str], &[&str])] = &[
            ("nobody", &[], &[]),
            (
                "levels are kept",
                &["to sip:a", "cc sip:b"],
                &["To sip:a", "Cc sip:b"],
            ),
            (
                "bcc and no level are not shown",
                &["bcc sip:a", "- sip:b"],
                &[],
            ),
            ("bcc beats anonymize", &["bcc+sip:a", "-+sip:b"], &[]),
            (
                "the anonymous are counted for each level",
                &["to+sip:a", "cc+sip:b", "to sip:c", "to+sip:d"],
                &[
                    "To sip:anonymous@anonymous.invalid x2",
                    "Cc sip:anonymous@anonymous.invalid x1",
                    "To sip:c",
                ],
            ),
            (
                "the highest level wins",
                &["- sip:a", "bcc sip:a", "cc sip:a"],
                &["Cc sip:a"],
            ),
            (
                "in any order",
                &["to sip:a", "cc sip:a", "bcc sip:a"],
                &["To sip:a"],
            ),
            (
                "once anonymous, always anonymous",
                &["to sip:a", "cc+sip:a"],
                &["To sip:anonymous@anonymous.invalid x1"],
            ),
            (
                "an instruction to the server is not copied",
                &[
                    "to sip:a@h;p=1?Replaces=c%3Bto-tag%3D1",
                    "to SIPS:a?b@h?Subject=x",
                    "cc sip:h?a=b",
                ],
                &["To sip:a@h;p=1", "To SIPS:a?b@h", "Cc sip:h"],
            ),
            (
                "which hides no duplicate",
                &["cc sip:a@h?x=y", "to sip:a@h"],
                &["To sip:a@h"],
            ),
            (
                "other schemes stay",
                &["to http://h/?q"],
                &["To http://h/?q"],
            ),
        ];
        for (why, recipients, want) in rows {
            let recipients: Vec<_> = recipients.iter().map(|text| entry(text)).collect();
            let got: Vec<_> = history(&recipients).iter().map(shown).collect();
            assert_eq!(got, *want, "{why}");
        }
    }
}
