//! Elements that are not understood, kept so that they survive a change of what is around them.

use super::{Element, MAX_ATTRIBUTES, Reader, Token};
use crate::Error;
use crate::escape::{push_attribute, push_text};

/// An element of a namespace that is not known here, with all that stands in it.
///
/// It is kept as XML that means the same wherever it is put: names, prefixes, attributes and text
/// as they were, and the namespace declarations from outside that its names need. Comments and
/// processing instructions are left out. A prefix that stands in a value only, as in
/// `xsi:type="p:name"`, keeps its meaning if it is declared inside or a name uses it too.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Foreign {
    xml: String,
}

impl Foreign {
    /// The XML, from the first `<` to the last `>`.
    pub fn as_str(&self) -> &str {
        &self.xml
    }
}

impl Reader<'_> {
    /// Keeps `element`, which [`Reader::child`] has just returned.
    ///
    /// It is written again rather than copied: the parser lets through names, comments and raw
    /// characters that others would refuse, and nobody else is to get them from us.
    pub(crate) fn keep(&mut self, element: &Element) -> Result<Foreign, Error> {
        let mut needs = Needs::of(element.depth);
        let attributes = self.kept_attributes(element, &mut needs)?;
        let mut inner = String::new();
        let mut open = vec![element.written.clone()];
        // Whether the ">" of the last start tag is still to come: it may become "/>".
        let mut is_tag_open = true;
        while let Some(name) = open.last() {
            match self.next()? {
                Token::Start(child) => {
                    close_tag(&mut inner, &mut is_tag_open);
                    inner.push('<');
                    inner.push_str(&child.written);
                    inner.push_str(&self.kept_attributes(&child, &mut needs)?);
                    open.push(child.written);
                    is_tag_open = true;
                }
                Token::Text(text) if text.is_empty() => {}
                Token::Text(text) => {
                    close_tag(&mut inner, &mut is_tag_open);
                    push_text(&mut inner, &text);
                }
                Token::End if is_tag_open => {
                    inner.push_str("/>");
                    is_tag_open = false;
                    open.pop();
                }
                Token::End => {
                    inner.push_str("</");
                    inner.push_str(name);
                    inner.push('>');
                    open.pop();
                }
                Token::Eof => break,
            }
        }
        let mut xml = format!("<{}", element.written);
        for (prefix, ns) in &needs.outside {
            push_declaration(&mut xml, prefix, ns);
        }
        xml.push_str(&attributes);
        xml.push_str(&inner);
        // A thousand elements can need one long declaration that stands outside.
        self.keepable = self
            .keepable
            .checked_sub(xml.len())
            .ok_or_else(|| self.malformed("too much in namespaces that are not known here"))?;
        Ok(Foreign { xml })
    }

    /// The declarations and attributes of `element`, as they stand in its start tag.
    fn kept_attributes(&self, element: &Element, needs: &mut Needs) -> Result<String, Error> {
        let mut tag = String::new();
        let mut count = element.attributes.len();
        for own in self.declared.iter().filter(|d| d.depth == element.depth) {
            if own.ns.is_empty() && !own.prefix.is_empty() {
                // Namespaces in XML 1.0: only the default can be taken back.
                return Err(self.malformed("a prefix of no namespace"));
            }
            count += 1;
            push_declaration(&mut tag, &own.prefix, &own.ns);
        }
        self.need(&element.written, true, needs)?;
        let mut names = Vec::with_capacity(element.attributes.len());
        for attribute in &element.attributes {
            let ns = self.need(&attribute.written, false, needs)?;
            if names.contains(&(ns, attribute.name())) {
                return Err(self.malformed("an attribute twice, by different prefixes"));
            }
            names.push((ns, attribute.name()));
            push_attribute(&mut tag, &attribute.written, &attribute.value);
        }
        if element.depth == needs.depth {
            needs.attributes = count;
        }
        if needs.attributes + needs.outside.len() > MAX_ATTRIBUTES {
            return Err(Error::TooManyAttributes {
                position: self.position(),
            });
        }
        let inside = self.declared.iter().filter(|d| d.depth >= needs.depth);
        if inside.count() + needs.outside.len() > MAX_DECLARATIONS {
            return Err(self.malformed("too many namespaces in one element"));
        }
        Ok(tag)
    }

    /// The namespace of the name `written`. Notes what the name needs from outside.
    fn need(&self, written: &str, is_element: bool, needs: &mut Needs) -> Result<&str, Error> {
        let (prefix, local) = match written.split_once(':') {
            Some((prefix, local)) if is_name(prefix) => (prefix, local),
            Some(_) => return Err(self.malformed("a name that XML does not allow")),
            None => ("", written),
        };
        if !is_name(local) {
            return Err(self.malformed("a name that XML does not allow"));
        }
        // Namespaces in XML 1.0: the default is not for attributes, and `xml` is always there.
        if prefix == "xml" {
            return Ok("xml");
        }
        if prefix.is_empty() && !is_element {
            return Ok("");
        }
        let found = self.declared.iter().rev().find(|d| d.prefix == prefix);
        let ns = found.map_or("", |declared| &declared.ns);
        if ns.is_empty() && !prefix.is_empty() {
            return Err(self.malformed("a prefix that nothing declares"));
        }
        let is_outside = found.is_none_or(|declared| declared.depth < needs.depth);
        if is_outside && !needs.outside.iter().any(|(known, _)| known == prefix) {
            needs.outside.push((prefix.to_owned(), ns.to_owned()));
        }
        Ok(ns)
    }
}

/// What an element needs in order to mean the same elsewhere.
struct Needs {
    /// How deep it stands here.
    depth: usize,
    /// How many attributes it has, declarations counted.
    attributes: usize,
    /// The prefixes that it uses and does not declare, with their namespaces.
    outside: Vec<(String, String)>,
}

impl Needs {
    fn of(depth: usize) -> Self {
        Self {
            depth,
            attributes: 0,
            outside: Vec::new(),
        }
    }
}

fn push_declaration(out: &mut String, prefix: &str, ns: &str) {
    if prefix.is_empty() {
        push_attribute(out, "xmlns", ns);
    } else if prefix != "xml" {
        push_attribute(out, &format!("xmlns:{prefix}"), ns);
    }
}

fn close_tag(out: &mut String, is_tag_open: &mut bool) {
    if std::mem::take(is_tag_open) {
        out.push('>');
    }
}

/// A name without a colon: XML 1.0 section 2.3.
fn is_name(text: &str) -> bool {
    let is_start = |c| {
        matches!(c, 'A'..='Z' | '_' | 'a'..='z' | '\u{c0}'..='\u{d6}' | '\u{d8}'..='\u{f6}'
            | '\u{f8}'..='\u{2ff}' | '\u{370}'..='\u{37d}' | '\u{37f}'..='\u{1fff}'
            | '\u{200c}'..='\u{200d}' | '\u{2070}'..='\u{218f}' | '\u{2c00}'..='\u{2fef}'
            | '\u{3001}'..='\u{d7ff}' | '\u{f900}'..='\u{fdcf}' | '\u{fdf0}'..='\u{fffd}'
            | '\u{10000}'..='\u{effff}')
    };
    let is_inner = |c| {
        matches!(c, '-' | '.' | '0'..='9' | '\u{b7}' | '\u{300}'..='\u{36f}'
            | '\u{203f}'..='\u{2040}')
    };
    text.starts_with(is_start) && text.chars().all(|c| is_start(c) || is_inner(c))
}

/// How many namespaces may be declared in an element that is kept, or needed from outside. With
/// those that our documents declare around it, they stay within what can be read again.
const MAX_DECLARATIONS: usize = MAX_ATTRIBUTES / 2;

#[cfg(test)]
mod tests {
    use super::super::Ns;
    use super::*;

    /// What is kept of the children of a `<g:group>` that declares `declared`.
    fn kept(declared: &str, inner: &str) -> Result<Vec<String>, Error> {
        let document =
            format!("<g:group xmlns:g='urn:oma:xml:poc:list-service' {declared}>{inner}</g:group>");
        let (mut reader, root) =
            Reader::open(document.as_bytes(), 10_000, Ns::ListService, "group")?;
        let mut kept = Vec::new();
        while let Some(child) = reader.child(&root)? {
            kept.push(reader.keep(&child)?.xml);
        }
        reader.finish()?;
        Ok(kept)
    }

    #[test]
    fn an_element_takes_along_what_it_needs() {
        // (declared around it, the element, what is kept)
        let rows = [
            ("", "<a/>", "<a xmlns=\"\"/>"),
            ("xmlns='u'", "<a></a>", "<a xmlns=\"u\"/>"),
            ("xmlns:p='u'", "<p:a/>", "<p:a xmlns:p=\"u\"/>"),
            ("xmlns:p='u' xmlns:q='v'", "<p:a/>", "<p:a xmlns:p=\"u\"/>"),
            ("xmlns:p='u'", "<p:a xmlns:p='v'/>", "<p:a xmlns:p=\"v\"/>"),
            (
                "xmlns:p='&quot;&amp;'",
                "<p:a/>",
                "<p:a xmlns:p=\"&quot;&amp;\"/>",
            ),
            (
                "xmlns:p='u' xmlns:q='v'",
                "<p:a b='1'><q:c/>x<p:d q:e='2'/></p:a>",
                "<p:a xmlns:p=\"u\" xmlns:q=\"v\" b=\"1\"><q:c/>x<p:d q:e=\"2\"/></p:a>",
            ),
            (
                "xmlns='u'",
                "<a xmlns='v'><b xmlns=''/><c/></a>",
                "<a xmlns=\"v\"><b xmlns=\"\"/><c/></a>",
            ),
            (
                "xmlns='u' xmlns:p='v'",
                "<p:a><q:b xmlns:q='w'><q:c/></q:b><d/></p:a>",
                "<p:a xmlns:p=\"v\" xmlns=\"u\"><q:b xmlns:q=\"w\"><q:c/></q:b><d/></p:a>",
            ),
            (
                "",
                "<p:a xmlns:p='u' xml:lang='en'> <!-- x --><?y?>&lt;<![CDATA[&]]>&#13;\r\n</p:a>",
                "<p:a xmlns:p=\"u\" xml:lang=\"en\"> &lt;&amp;&#13;\n</p:a>",
            ),
        ];
        for (declared, element, want) in rows {
            let got = kept(declared, element);
            assert_eq!(
                got.as_deref(),
                Ok([want.to_owned()].as_slice()),
                "{element}"
            );
            // What is kept needs nothing more, wherever it is put.
            for around in ["", "xmlns='x' xmlns:p='y' xmlns:q='z'"] {
                assert_eq!(kept(around, want), got, "{want}");
            }
        }
    }

    #[test]
    fn what_nobody_else_would_read_is_not_kept() {
        let many = |n: usize| -> String { (0..n).map(|n| format!(" xmlns:p{n}='u'")).collect() };
        let attributes: String = (0..MAX_ATTRIBUTES).map(|n| format!(" a{n}=''")).collect();
        let rows = [
            ("an undeclared prefix", "", "<p:a/>".to_owned()),
            ("one of an attribute", "", "<a p:b=''/>".to_owned()),
            ("one further in", "", "<a><b><p:c/></b></a>".to_owned()),
            ("a prefix of nothing", "", "<a xmlns:p=''/>".to_owned()),
            ("a name", "", "<1a/>".to_owned()),
            ("a prefix", "xmlns:p='u'", "<:a/>".to_owned()),
            ("a local name", "xmlns:p='u'", "<p:/>".to_owned()),
            ("two colons", "xmlns:p='u'", "<p:a:b/>".to_owned()),
            ("the name of an attribute", "", "<a b$=''/>".to_owned()),
            (
                "an attribute twice",
                "xmlns:p='u' xmlns:q='u'",
                "<a p:b='' q:b=''/>".to_owned(),
            ),
            ("namespaces", "", format!("<a{}/>", many(MAX_DECLARATIONS))),
            ("attributes", "", format!("<a{attributes}/>")),
            ("the end", "", "<a>".to_owned()),
        ];
        for (why, declared, element) in rows {
            let got = kept(declared, &element);
            assert!(
                matches!(
                    got,
                    Err(Error::Malformed { .. } | Error::TooManyAttributes { .. })
                ),
                "{why}: {got:?}"
            );
        }
        // One less, and it is.
        let most = format!("<a{}/>", many(MAX_DECLARATIONS - 1));
        assert!(kept("", &most).is_ok());
        let most = attributes.replace(" a0=''", "");
        assert!(kept("", &format!("<a{most}/>")).is_ok());
    }

    #[test]
    fn a_declaration_that_many_need_does_not_multiply() {
        let long = format!("xmlns:p='{}'", "u".repeat(1000));
        assert!(kept(&long, &"<p:a/>".repeat(9)).is_ok());
        let got = kept(&long, &"<p:a/>".repeat(10));
        assert!(matches!(got, Err(Error::Malformed { .. })), "{got:?}");
    }
}
