//! The lexical ground of SIP: tokens, quoted strings, lists (RFC 3261 section 25.1).

use std::borrow::Cow;
use std::fmt::{self, Write as _};

/// Is this a non-empty `token`?
pub(crate) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_token_byte)
}

/// May this byte stand in a `token`?
pub(crate) fn is_token_byte(byte: u8) -> bool {
    is_in(&TOKEN, byte)
}

/// One answer a byte: every label and parameter name is looked at byte by byte.
const TOKEN: [bool; 256] = table(b"-.!%*_+`'~");

/// Is the byte in the table?
pub(crate) fn is_in(table: &[bool; 256], byte: u8) -> bool {
    table.get(usize::from(byte)).is_some_and(|yes| *yes)
}

/// A table of the letters, the digits, and some marks.
#[expect(
    clippy::indexing_slicing,
    reason = "in a constant: out of bounds does not compile"
)]
pub(crate) const fn table(marks: &[u8]) -> [bool; 256] {
    let mut table = [false; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        table[byte as usize] = byte.is_ascii_alphanumeric();
        byte += 1;
    }
    let mut rest = marks;
    while let [mark, after @ ..] = rest {
        table[*mark as usize] = true;
        rest = after;
    }
    table
}

/// What stands before the first `mark`, an ASCII character, and what stands behind it.
///
/// As `str::split_once`, which takes four times as long over texts as short as these.
pub(crate) fn cut(text: &str, mark: u8) -> Option<(&str, &str)> {
    let (before, after) = cut_at(text, mark)?;
    Some((before, after.get(1..)?))
}

/// What stands before the first `mark`, and the rest, which begins with it or is empty.
pub(crate) fn cut_before(text: &str, mark: u8) -> (&str, &str) {
    cut_at(text, mark).unwrap_or((text, ""))
}

fn cut_at(text: &str, mark: u8) -> Option<(&str, &str)> {
    let at = memchr::memchr(mark, text.as_bytes())?;
    text.split_at_checked(at)
}

/// The text without the blanks and tabs around it.
pub(crate) fn trim(text: &str) -> &str {
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let bytes = text.as_bytes();
    // Mostly there are none.
    match (bytes.first(), bytes.last()) {
        (Some(first), Some(last)) if is_blank(first) || is_blank(last) => {
            text.trim_matches([' ', '\t'])
        }
        _ => text,
    }
}

/// Is the whole text one complete quoted string?
pub(crate) fn is_quoted(text: &str) -> bool {
    text.len() >= 2 && quoted_end(text) == Some(text.len())
}

/// The length of the quoted string that `text` begins with, both quotes included.
pub(crate) fn quoted_end(text: &str) -> Option<usize> {
    let mut bytes = text.bytes().enumerate();
    if bytes.next()?.1 != b'"' {
        return None;
    }
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'\\' => {
                bytes.next()?;
            }
            b'"' => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// Removes the quotes and escapes of a quoted string; other text is returned as it is.
pub(crate) fn unquote(text: &str) -> Cow<'_, str> {
    let Some(inner) = text.strip_prefix('"').and_then(|t| t.strip_suffix('"')) else {
        return Cow::Borrowed(text);
    };
    if !inner.contains('\\') {
        return Cow::Borrowed(inner);
    }
    let mut plain = String::with_capacity(inner.len());
    let mut escaped = false;
    for c in inner.chars() {
        if c == '\\' && !escaped {
            escaped = true;
        } else {
            plain.push(c);
            escaped = false;
        }
    }
    Cow::Owned(plain)
}

/// Writes text as a quoted string.
pub fn quote(text: &str) -> String {
    Quoted(text).to_string()
}

/// Text that is written as a quoted string; control characters are left out.
pub(crate) struct Quoted<'a>(pub(crate) &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for c in self.0.chars().filter(|c| !c.is_control()) {
            if matches!(c, '"' | '\\') {
                f.write_char('\\')?;
            }
            f.write_char(c)?;
        }
        f.write_char('"')
    }
}

/// Where the `)` stands that closes a comment whose `(` has been taken off; comments may nest.
pub(crate) fn find_closing(text: &str) -> Option<usize> {
    let (mut open, mut escaped) = (1_usize, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'(' => open = open.saturating_add(1),
            b')' if open == 1 => return Some(at),
            b')' => open = open.saturating_sub(1),
            _ => {}
        }
    }
    None
}

/// Where `wanted` stands first outside quoted strings.
pub(crate) fn find_unquoted(text: &str, wanted: u8) -> Option<usize> {
    let mut from = 0;
    loop {
        let rest = text.get(from..)?;
        let at = memchr::memchr2(wanted, b'"', rest.as_bytes())?;
        if rest.as_bytes().get(at) == Some(&wanted) {
            return Some(from.saturating_add(at));
        }
        let quoted = quoted_end(rest.get(at..)?)?;
        from = from.saturating_add(at).saturating_add(quoted);
    }
}

/// The members of a comma-separated list; commas in quotes and in `<>` do not separate.
///
/// Empty members are skipped where they stand (RFC 3261 forbids them, real peers send them).
pub(crate) fn members(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            if rest.is_empty() {
                return None;
            }
            let end = member_end(rest);
            let (one, after) = rest.split_at_checked(end)?;
            rest = after.strip_prefix(',').unwrap_or(after);
            let one = trim(one);
            if !one.is_empty() {
                return Some(one);
            }
        }
    })
}

fn member_end(text: &str) -> usize {
    let (mut quoted, mut escaped, mut angle) = (false, false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' if !angle => quoted = !quoted,
            b'<' if !quoted => angle = true,
            b'>' if !quoted => angle = false,
            b',' if !quoted && !angle => return at,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_split_at_its_own_commas() {
        let list = r#""a, \"b" <sip:x,y@h>;q=1 , <sip:z@h>,, token"#;
        let got: Vec<_> = members(list).collect();
        assert_eq!(got, [r#""a, \"b" <sip:x,y@h>;q=1"#, "<sip:z@h>", "token"]);
    }

    #[test]
    fn marks_are_found_where_they_stand() {
        #[rustfmt::skip]
        let rows = [
            // text, cut at ':', cut before ';', first ';' that is not quoted
            ("", None, ("", ""), None),
            ("a", None, ("a", ""), None),
            ("a:b;c:d", Some(("a", "b;c:d")), ("a:b", ";c:d"), Some(3)),
            (":;", Some(("", ";")), (":", ";"), Some(1)),
            ("é:", Some(("é", "")), ("é:", ""), None),
            ("\";\\\";\";:", Some(("\";\\\";\";", "")), ("\"", ";\\\";\";:"), Some(6)),
            ("a\";", None, ("a\"", ";"), None),
            ("\"\"\";\"\\;", None, ("\"\"\"", ";\"\\;"), Some(6)),
        ];
        for (text, at, before, unquoted) in rows {
            assert_eq!(cut(text, b':'), at, "{text}");
            assert_eq!(cut_before(text, b';'), before, "{text}");
            assert_eq!(find_unquoted(text, b';'), unquoted, "{text}");
        }
        for blank in ["", " ", "\t \t"] {
            assert_eq!(trim(&format!("{blank}a b{blank}")), "a b");
            assert_eq!(trim(blank), "");
        }
    }

    #[test]
    fn quotes_come_and_go() {
        for plain in ["", "a", "a \"b\" \\c", "é, ;<>"] {
            let quoted = quote(plain);
            assert!(is_quoted(&quoted), "{quoted}");
            assert_eq!(unquote(&quoted), plain);
        }
        assert!(!is_quoted("\"a\\\""));
    }
}
