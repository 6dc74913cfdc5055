//! The escapes of CPIM header values (RFC 3862 section 2.3).

use std::borrow::Cow;

/// Undoes the escapes in a header value.
///
/// `\uD83D\uDE00` makes one character; half a pair becomes U+FFFD. An unknown escape stands for the
/// character after the backslash, and a backslash at the very end for nothing (RFC 3862 section
/// 2.3.1).
pub fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        out.push_str(before);
        let mut chars = after.chars();
        let Some(c) = chars.next() else {
            return Cow::Owned(out);
        };
        rest = chars.as_str();
        match c {
            'b' => out.push('\u{8}'),
            't' => out.push('\t'),
            'n' => out.push('\n'),
            'r' => out.push('\r'),
            'u' => match code_unit(rest) {
                Some((unit, after)) => rest = push_unit(unit, after, &mut out),
                None => out.push('u'),
            },
            c => out.push(c),
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// Escapes what may not stand in a header value: backslashes and control characters.
///
/// Quotes are escaped too if the value is the inside of a quoted string.
pub fn escape(text: &str, in_quotes: bool) -> Cow<'_, str> {
    let special = |c: char| c == '\\' || c.is_ascii_control() || (in_quotes && c == '"');
    if !text.contains(special) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '"' if in_quotes => out.push_str("\\\""),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            c if c.is_ascii_control() => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// Appends the character of `unit`, with its other half if it is half a pair; returns the rest.
fn push_unit<'a>(unit: u16, rest: &'a str, out: &mut String) -> &'a str {
    let pair = rest.strip_prefix("\\u").and_then(code_unit);
    if let Some((low, after)) = pair
        && let Some(Ok(c)) = char::decode_utf16([unit, low]).next()
        && u32::from(c) > 0xffff
    {
        out.push(c);
        return after;
    }
    out.push(char::from_u32(u32::from(unit)).unwrap_or(char::REPLACEMENT_CHARACTER));
    rest
}

/// Exactly four hexadecimal digits.
fn code_unit(text: &str) -> Option<(u16, &str)> {
    let (digits, rest) = text.split_at_checked(4)?;
    if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    Some((u16::from_str_radix(digits, 16).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways() {
        for (plain, escaped) in [
            ("plain", "plain"),
            ("a\\b", r"a\\b"),
            ("\u{8}\t\n\r", r"\b\t\n\r"),
            ("\u{0}\u{1f}\u{7f}", r"\u0000\u001f\u007f"),
            ("gr\u{fc}n", "gr\u{fc}n"),
            ("\"", "\""),
        ] {
            assert_eq!(escape(plain, false), escaped);
            assert_eq!(unescape(escaped), plain);
        }
        assert_eq!(escape("a\"b", true), r#"a\"b"#);
    }

    #[test]
    fn read_only() {
        for (escaped, plain) in [
            (r#"\"\'"#, "\"'"),
            (r"\u00fc\u00FC", "\u{fc}\u{fc}"),
            (r"\uD83D\uDE00!", "\u{1f600}!"),
            (r"\uD83Dx", "\u{fffd}x"),
            (r"\uD83D\u0041", "\u{fffd}A"),
            (r"\uDE00", "\u{fffd}"),
            (r"\u00g0", "u00g0"),
            (r"\u+0a1", "u+0a1"),
            (r"\u12", "u12"),
            (r"\q", "q"),
            (r"end\", "end"),
            (r"\\n", r"\n"),
        ] {
            assert_eq!(unescape(escaped), plain, "{escaped}");
        }
    }
}
