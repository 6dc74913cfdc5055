//! Cutting Rust source into tokens, each with its line.

/// What a token is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    /// `// …` or `/* … */`, doc comments too.
    Comment,
    /// `'a`.
    Lifetime,
    /// One character of punctuation.
    Mark,
    /// A string, byte string or character literal, quotes included.
    Text,
    /// A keyword, a name or a number.
    Word,
}

/// A piece of source. Its text is a slice of the file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Token<'t> {
    pub(crate) kind: Kind,
    pub(crate) text: &'t str,
    /// The line it starts on, counted from 1.
    pub(crate) line: usize,
}

impl Token<'_> {
    /// Is it this word or mark? A string that reads the same is not.
    pub(crate) fn is(&self, text: &str) -> bool {
        matches!(self.kind, Kind::Word | Kind::Mark) && self.text == text
    }

    /// The line it ends on.
    pub(crate) fn last_line(&self) -> usize {
        self.line + self.text.matches('\n').count()
    }
}

/// Cuts a file into its tokens. Never fails: what is not Rust comes out as marks.
pub(crate) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = text;
    let mut line = 1;
    while let Some(first) = rest.chars().next() {
        let (kind, length) = if first.is_whitespace() {
            (None, first.len_utf8())
        } else {
            let (kind, length) = measure(rest, first);
            (Some(kind), length)
        };
        let (text, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
        if let Some(kind) = kind {
            tokens.push(Token { kind, text, line });
        }
        line += text.matches('\n').count();
        rest = after;
    }
    tokens
}

/// The kind and the length in bytes of the token at the start of `rest`.
fn measure(rest: &str, first: char) -> (Kind, usize) {
    if rest.starts_with("//") {
        (Kind::Comment, rest.find('\n').unwrap_or(rest.len()))
    } else if rest.starts_with("/*") {
        (Kind::Comment, block_comment(rest))
    } else if let Some(length) = literal(rest) {
        (Kind::Text, length)
    } else if first == '\'' {
        (Kind::Lifetime, 1 + word(rest.get(1..).unwrap_or("")))
    } else if is_word(first) {
        (Kind::Word, word(rest))
    } else {
        (Kind::Mark, first.len_utf8())
    }
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

fn word(rest: &str) -> usize {
    rest.find(|c| !is_word(c)).unwrap_or(rest.len())
}

/// Block comments nest.
fn block_comment(rest: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(here) = rest.get(at..).filter(|here| !here.is_empty()) {
        if here.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if here.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += here.chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

/// The length of the literal in quotes at the start of `rest`, with its prefix, if there is one.
fn literal(rest: &str) -> Option<usize> {
    let prefix = ["br", "cr", "b", "c", "r"]
        .into_iter()
        .find(|p| {
            rest.strip_prefix(p)
                .is_some_and(|after| after.starts_with(['"', '#', '\'']))
        })
        .unwrap_or("");
    let body = rest.strip_prefix(prefix)?;
    let hashes = body.len() - body.trim_start_matches('#').len();
    let raw = prefix.ends_with('r');
    if raw && body.get(hashes..)?.starts_with('"') {
        let end = format!("\"{}", "#".repeat(hashes));
        let inner = body.get(hashes + 1..)?;
        let length = inner.find(&end).map_or(inner.len(), |at| at + end.len());
        Some(prefix.len() + hashes + 1 + length)
    } else if !raw && body.starts_with('"') {
        Some(prefix.len() + quoted(body, '"'))
    } else if (prefix.is_empty() || prefix == "b") && is_character(body) {
        Some(prefix.len() + quoted(body, '\''))
    } else {
        None
    }
}

/// `'a'` and `'\n'` are characters, `'a` is a lifetime.
fn is_character(body: &str) -> bool {
    let mut chars = body.chars();
    chars.next() == Some('\'')
        && match chars.next() {
            Some('\\') => true,
            Some(_) => chars.next() == Some('\''),
            None => false,
        }
}

/// The length of a quoted run, both quotes included; a backslash hides what follows it.
fn quoted(body: &str, quote: char) -> usize {
    let mut hidden = false;
    for (at, c) in body.char_indices().skip(1) {
        if hidden {
            hidden = false;
        } else if c == '\\' {
            hidden = true;
        } else if c == quote {
            return at + c.len_utf8();
        }
    }
    body.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds() {
        use Kind::{Comment, Lifetime, Mark, Text, Word};
        let rows: &[(&str, &[(Kind, &str)])] = &[
            (
                "a::b",
                &[(Word, "a"), (Mark, ":"), (Mark, ":"), (Word, "b")],
            ),
            ("x // y", &[(Word, "x"), (Comment, "// y")]),
            (
                "/* a /* b */ c */ d",
                &[(Comment, "/* a /* b */ c */"), (Word, "d")],
            ),
            ("/* open", &[(Comment, "/* open")]),
            (r#""a \" // b" c"#, &[(Text, r#""a \" // b""#), (Word, "c")]),
            (
                r##"r#"a " b"# c"##,
                &[(Text, r##"r#"a " b"#"##), (Word, "c")],
            ),
            (
                "b\"a\" br\"\\\" c",
                &[(Text, "b\"a\""), (Text, "br\"\\\""), (Word, "c")],
            ),
            ("'a' 'b", &[(Text, "'a'"), (Lifetime, "'b")]),
            (
                r"'\'' b'{' '\u{7f}'",
                &[(Text, r"'\''"), (Text, "b'{'"), (Text, r"'\u{7f}'")],
            ),
            (
                "&'static str",
                &[(Mark, "&"), (Lifetime, "'static"), (Word, "str")],
            ),
            ("r#type", &[(Word, "r"), (Mark, "#"), (Word, "type")]),
            ("\"open", &[(Text, "\"open")]),
            ("'é' é", &[(Text, "'é'"), (Word, "é")]),
        ];
        for (source, want) in rows {
            let got: Vec<_> = tokens(source).iter().map(|t| (t.kind, t.text)).collect();
            assert_eq!(got, *want, "{source}");
        }
    }

    #[test]
    fn lines() {
        let got: Vec<_> = tokens("a\n\"x\ny\" b\n/*\n*/ c")
            .iter()
            .map(|t| (t.line, t.last_line()))
            .collect();
        assert_eq!(got, [(1, 1), (2, 3), (3, 3), (4, 5), (5, 5)]);
    }
}
