//! Where the functions, attributes and tests of a file are.

use super::{Kind, Token};

/// A function with a body.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Function<'s> {
    pub(crate) name: &'s str,
    /// The line of the word `fn`.
    pub(crate) first: usize,
    /// The line of the closing brace.
    pub(crate) last: usize,
}

/// What stands between the brackets of `#[…]` or `#![…]`.
#[derive(Debug)]
pub(crate) struct Attribute<'s> {
    pub(crate) line: usize,
    pub(crate) tokens: &'s [Token<'s>],
}

impl Attribute<'_> {
    /// `#[test]`, `#[tokio::test]`, `#[cfg(test)]`, but not `#[cfg(not(test))]`.
    pub(super) fn makes_a_test(&self) -> bool {
        let has = |word| self.tokens.iter().any(|t| t.is(word));
        let is_cfg = self.tokens.first().is_some_and(|t| t.is("cfg"));
        let path = self.tokens.iter().take_while(|t| !t.is("(") && !t.is("="));
        if is_cfg {
            has("test") && !has("not")
        } else {
            path.last().is_some_and(|t| t.is("test"))
        }
    }

    /// The value of `#[name = "value"]`, without its quotes.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        match self.tokens {
            [key, equals, value] if key.is(name) && equals.is("=") => {
                Some(value.text.trim_matches('"'))
            }
            _ => None,
        }
    }
}

/// The functions with a body, in order; nested ones too.
pub(super) fn functions<'s>(code: &'s [Token<'s>]) -> Vec<Function<'s>> {
    let mut functions = Vec::new();
    for (at, window) in code.windows(2).enumerate() {
        let [keyword, name] = window else { continue };
        if !keyword.is("fn") || name.kind != Kind::Word {
            continue;
        }
        let item = code.get(at..).unwrap_or_default();
        if let Some(close) = item
            .get(item_length(item).saturating_sub(1))
            .filter(|t| t.is("}"))
        {
            functions.push(Function {
                name: name.text,
                first: keyword.line,
                last: close.line,
            });
        }
    }
    functions
}

/// The attributes, in order.
pub(super) fn attributes<'s>(code: &'s [Token<'s>]) -> Vec<Attribute<'s>> {
    let mut attributes = Vec::new();
    for at in 0..code.len() {
        let here = code.get(at..).unwrap_or_default();
        if let Some((attribute, _)) = attribute(here) {
            attributes.push(attribute);
        }
    }
    attributes
}

/// Does the file call itself a test, by `#![cfg(test)]`?
pub(super) fn is_test_file(code: &[Token<'_>]) -> bool {
    let inner = |window: &[Token<'_>]| matches!(window, [a, b, ..] if a.is("#") && b.is("!"));
    (0..code.len())
        .filter_map(|at| code.get(at..))
        .filter(|here| inner(here))
        .filter_map(attribute)
        .any(|(attribute, _)| attribute.makes_a_test())
}

/// The line ranges of test modules and test functions, each with the comments and attributes
/// that stand directly above it.
pub(super) fn tests(tokens: &[Token<'_>]) -> Vec<(usize, usize)> {
    let mut tests = Vec::new();
    let mut above = Above::default();
    let mut last_code_line = 0;
    let mut at = 0;
    while let Some(here) = tokens.get(at..).filter(|here| !here.is_empty()) {
        let Some(token) = here.first() else { break };
        if token.kind == Kind::Comment {
            if token.line != last_code_line {
                above.extend(token.line, token.last_line());
            }
            at += 1;
        } else if let Some((attribute, length)) = attribute(here).filter(|_| !is_inner(here)) {
            let last = here.get(length - 1).map_or(token.line, |t| t.line);
            above.extend(token.line, last);
            above.test |= attribute.makes_a_test();
            last_code_line = last;
            at += length;
        } else {
            let length = if above.test { item_length(here) } else { 1 };
            let last = here.get(length - 1).map_or(token.line, Token::last_line);
            if above.test {
                tests.push((above.first, last));
            }
            above = Above::default();
            last_code_line = last;
            at += length;
        }
    }
    tests
}

/// The comments and attributes that stand directly above an item.
#[derive(Default)]
struct Above {
    first: usize,
    last: usize,
    test: bool,
}

impl Above {
    /// A comment that is cut off by an empty line belongs to something else.
    fn extend(&mut self, first: usize, last: usize) {
        if !self.test && (self.first == 0 || first > self.last + 1) {
            self.first = first;
        }
        self.last = last;
    }
}

fn is_inner(here: &[Token<'_>]) -> bool {
    matches!(here, [hash, bang, ..] if hash.is("#") && bang.is("!"))
}

/// The attribute at the start of `here`, and how many tokens it takes. Comments inside count.
fn attribute<'s>(here: &'s [Token<'s>]) -> Option<(Attribute<'s>, usize)> {
    let open = match here {
        [hash, bracket, ..] if hash.is("#") && bracket.is("[") => 1,
        [hash, bang, bracket, ..] if hash.is("#") && bang.is("!") && bracket.is("[") => 2,
        _ => return None,
    };
    let mut depth = 0_usize;
    for (at, token) in here.iter().enumerate().skip(open) {
        if token.is("[") {
            depth += 1;
        } else if token.is("]") {
            depth -= 1;
            if depth == 0 {
                let line = here.first()?.line;
                let tokens = here.get(open + 1..at)?;
                return Some((Attribute { line, tokens }, at + 1));
            }
        }
    }
    None
}

/// How many tokens the item at the start of `here` takes: to its `;`, or to the brace that closes
/// its first block, or to the end of what surrounds it.
fn item_length(here: &[Token<'_>]) -> usize {
    let mut round = 0_usize;
    let mut braces = 0_usize;
    for (at, token) in here.iter().enumerate() {
        match token.text {
            _ if !matches!(token.kind, Kind::Mark) => {}
            "(" | "[" => round += 1,
            ")" | "]" => round = round.saturating_sub(1),
            "{" => braces += 1,
            "}" if braces == 0 => return at,
            "}" => {
                braces -= 1;
                if braces == 0 && round == 0 {
                    return at + 1;
                }
            }
            ";" if braces == 0 && round == 0 => return at + 1,
            _ => {}
        }
    }
    here.len()
}

#[cfg(test)]
mod tests {
    use super::super::tokens::tokens;
    use super::*;

    #[test]
    fn function_lengths() {
        let source = "fn a() {\n}\npub async fn b<T>(x: [u8; 3]) -> T\nwhere\n{ if x { y } \n z }\n\
                      trait T { fn c(); fn d() {} }\ntype F = fn(u8);";
        let tokens = tokens(source);
        let got: Vec<_> = functions(&tokens)
            .iter()
            .map(|f| (f.name, f.first, f.last))
            .collect();
        assert_eq!(got, [("a", 1, 2), ("b", 3, 6), ("d", 7, 7)]);
    }

    #[test]
    fn test_lines() {
        let rows: &[(&str, &[(usize, usize)])] = &[
            ("#[test]\nfn a() {\n}\nfn b() {}", &[(1, 3)]),
            (
                "// why\n/// doc\n#[tokio::test(start_paused = true)]\nasync fn a() {}\n",
                &[(1, 4)],
            ),
            ("// far\n\n// near\n#[test]\nfn a() {}", &[(3, 5)]),
            ("x(); // beside\n#[test]\nfn a() {}", &[(2, 3)]),
            (
                "#[cfg(test)]\n#[allow(x)]\nmod t {\n fn a() {}\n}\nfn b() {}",
                &[(1, 5)],
            ),
            ("#[cfg(all(test, unix))]\nmod t {}", &[(1, 2)]),
            ("#[cfg(not(test))]\nmod t {}", &[]),
            ("#[cfg(feature = \"test\")]\nmod t {}", &[]),
            (
                "proptest! {\n #[test]\n fn a(x in 0..4) {\n }\n}",
                &[(2, 4)],
            ),
            ("#[cfg(test)]\nuse a::b;\nfn c() {}", &[(1, 2)]),
            ("#[derive(Debug)]\nstruct A;\n#[inline]\nfn a() {}", &[]),
        ];
        for (source, want) in rows {
            assert_eq!(tests(&tokens(source)), *want, "{source}");
        }
    }

    #[test]
    fn a_test_file_says_so_inside() {
        assert!(is_test_file(&tokens("#![cfg(test)]\nfn a() {}")));
        assert!(!is_test_file(&tokens("#[cfg(test)]\nfn a() {}")));
    }
}
