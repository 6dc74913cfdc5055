//! Text on its way into a document.

/// Appends `text` so that it can stand as element content.
pub(crate) fn push_text(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            // Only "]]>" must not stand in content; escaping each '>' is simpler and always right.
            '>' => out.push_str("&gt;"),
            // XML 1.0 section 2.11: a reader turns a literal carriage return into a line feed.
            '\r' => out.push_str("&#13;"),
            c => out.push(carried(c)),
        }
    }
}

/// Appends ` name="value"`. The name is ours and is not escaped.
pub(crate) fn push_attribute(out: &mut String, name: &str, value: &str) {
    out.push(' ');
    out.push_str(name);
    out.push_str("=\"");
    push_attribute_value(out, value);
    out.push('"');
}

/// Appends `value` so that it can stand between the quotes of an attribute.
pub(crate) fn push_attribute_value(out: &mut String, value: &str) {
    for c in value.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // XML 1.0 section 3.3.3: a reader turns literal white space into plain spaces.
            '\t' => out.push_str("&#9;"),
            '\n' => out.push_str("&#10;"),
            '\r' => out.push_str("&#13;"),
            c => out.push(carried(c)),
        }
    }
}

/// Whether XML 1.0 (section 2.2) lets a document hold this character, written in any way.
pub(crate) fn is_xml_char(c: char) -> bool {
    match c {
        '\t' | '\n' | '\r' => true,
        '\u{fffe}' | '\u{ffff}' => false,
        c => c >= ' ',
    }
}

fn carried(c: char) -> char {
    if is_xml_char(c) {
        c
    } else {
        char::REPLACEMENT_CHARACTER
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_and_what_xml_cannot_carry_are_replaced() {
        // (raw, as content, as attribute)
        let rows = [
            ("plain ü 💬", "plain ü 💬", "plain ü 💬"),
            ("<a&b>", "&lt;a&amp;b&gt;", "&lt;a&amp;b&gt;"),
            ("]]>", "]]&gt;", "]]&gt;"),
            ("\"'", "\"'", "&quot;'"),
            ("\t\n\r", "\t\n&#13;", "&#9;&#10;&#13;"),
            (
                "\0\u{1b}\u{fffe}",
                "\u{fffd}\u{fffd}\u{fffd}",
                "\u{fffd}\u{fffd}\u{fffd}",
            ),
        ];
        for (raw, content, attribute) in rows {
            let mut out = String::new();
            push_text(&mut out, raw);
            assert_eq!(out, content, "{raw:?}");
            out.clear();
            push_attribute(&mut out, "a", raw);
            assert_eq!(out, format!(" a=\"{attribute}\""), "{raw:?}");
        }
    }
}
