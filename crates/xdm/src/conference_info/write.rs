//! The server's side: one `<user>` serialised once, spliced into as many documents as needed.

use std::sync::Arc;

use crate::escape::{push_attribute, push_attribute_value, push_text};
use crate::reader::CONFERENCE_INFO;

/// How far a participant has come.
///
/// IM-7.2.2.10-S2c2v: the three values that IM defines. RFC 4575 section 5.7.3 has six more, which
/// a reader must expect ([`super::EndpointStatus`]) and we never send.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Status {
    /// Invited; the client answered 180 and has not accepted yet (IM-7.2.2.10-S2c2D).
    Alerting,
    /// In the conversation (IM-7.2.2.10-S2c2A).
    Connected,
    /// Left since the last notification; not mentioned in later ones (IM-7.2.2.10-S2c2B).
    Disconnected,
}

/// One `<user>` element. Cloning it copies no text.
///
/// It is always the whole of what is told of that person (`state="full"`), so the same element
/// serves full and partial documents.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct UserXml {
    xml: Arc<str>,
    /// Where the attribute that marks the subscriber's own element goes.
    splice: usize,
}

impl UserXml {
    /// Serialises a participant.
    ///
    /// `entity` is the URI under which the others know the person, and the key of the element:
    /// unique in the conversation, equal octet for octet each time. Which URI that is, and that a
    /// hidden person gets an anonymous one (IM-7.2.2.10-S2a1 to S2a4), is decided before.
    /// `display_text` is the nickname that belongs to that URI (IM-7.2.2.10-S2b1).
    pub fn new(entity: &str, display_text: Option<&str>, status: Status) -> Self {
        let mut xml = String::with_capacity(USER_BYTES + entity.len().saturating_mul(2));
        xml.push_str("<user");
        // IM-7.2.2.10-S2a: entity is present. RCS clients fail without state.
        push_attribute(&mut xml, "entity", entity);
        push_attribute(&mut xml, "state", "full");
        let splice = xml.len();
        xml.push('>');
        // IM-7.2.2.10-S2b: display-text may be present. In the schema it comes first.
        if let Some(text) = display_text {
            xml.push_str("<display-text>");
            push_text(&mut xml, text);
            xml.push_str("</display-text>");
        }
        // IM-7.2.2.10-S2c: exactly one endpoint, however many devices the person has.
        // IM-7.2.2.10-S2c1: with an entity. The user's own says nothing more about the person.
        xml.push_str("<endpoint");
        push_attribute(&mut xml, "entity", entity);
        // IM-7.2.2.10-S2c2: with a status.
        xml.push_str("><status>");
        xml.push_str(match status {
            Status::Alerting => "alerting",
            Status::Connected => "connected",
            Status::Disconnected => "disconnected",
        });
        xml.push_str("</status></endpoint></user>");
        Self {
            xml: xml.into(),
            splice,
        }
    }

    /// The element as everybody else sees it.
    pub fn as_str(&self) -> &str {
        &self.xml
    }

    fn push(&self, out: &mut Vec<u8>, own: bool) {
        let (head, tail) = self
            .xml
            .split_at_checked(self.splice)
            .unwrap_or((&self.xml, ""));
        out.extend_from_slice(head.as_bytes());
        if own {
            out.extend_from_slice(OWN.as_bytes());
        }
        out.extend_from_slice(tail.as_bytes());
    }
}

/// A conversation as its documents name it. Cloning it copies no text.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Conference {
    /// The start of every document, up to and including the conference URI.
    head: Arc<str>,
}

impl Conference {
    /// `entity` is the IM Group Identity, or the IM Session Identity of a conversation that has no
    /// stored group (IM-7.2.2.10-S1).
    pub fn new(entity: &str) -> Self {
        let mut head =
            String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<conference-info");
        push_attribute(&mut head, "xmlns", CONFERENCE_INFO);
        head.push_str(" entity=\"");
        push_attribute_value(&mut head, entity);
        Self { head: head.into() }
    }

    /// The most octets that a document takes besides its users.
    pub fn overhead(&self) -> usize {
        self.head.len().saturating_add(ENVELOPE_BYTES)
    }

    /// Everything there is to know: the first document of a subscription, and the answer to each
    /// refresh of it.
    ///
    /// `version` counts within the subscription and grows by one with each document that reports a
    /// change. `own` is the index in `users` of the one who subscribes; an index past the end
    /// marks nobody.
    pub fn full(&self, version: u32, users: &[&UserXml], own: Option<usize>) -> Vec<u8> {
        // RFC 4575 5.2: conference-description and users are there, even empty. Nothing else is
        // defined for IM (IM-7.2.2.10-N2).
        self.document("full", version, DESCRIPTION, users, own)
    }

    /// The beginning of [`Self::full`], which partial documents complete, where one document of
    /// all is too large for the way to the subscriber.
    ///
    /// `of` is how many users there are in all (RFC 4575 section 5.5.1). A reader who has a table
    /// already knows by it that whoever is missing here need not have gone.
    pub fn beginning(
        &self,
        version: u32,
        users: &[&UserXml],
        own: Option<usize>,
        of: usize,
    ) -> Vec<u8> {
        let count = format!(
            "{DESCRIPTION}<conference-state><user-count>{of}</user-count></conference-state>"
        );
        self.document("full", version, &count, users, own)
    }

    /// What changed since the document before: IM-7.2.2.10-S0c.
    ///
    /// `users` are those who changed and no others (IM-7.2.2.10-S2); `version` is the one before
    /// plus one.
    pub fn partial(&self, version: u32, users: &[&UserXml], own: Option<usize>) -> Vec<u8> {
        self.document("partial", version, "", users, own)
    }

    /// The conversation has ended: RFC 4575 section 4.6.
    pub fn deleted(&self, version: u32) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.overhead());
        self.push_head(&mut out, "deleted", version);
        // RFC 4575 4.4: a deleted parent has no children.
        out.extend_from_slice(b"/>");
        out
    }

    fn document(
        &self,
        state: &str,
        version: u32,
        description: &str,
        users: &[&UserXml],
        own: Option<usize>,
    ) -> Vec<u8> {
        let users_bytes: usize = users.iter().map(|user| user.xml.len()).sum();
        let mut out = Vec::with_capacity(self.overhead() + users_bytes);
        self.push_head(&mut out, state, version);
        for piece in [">", description, "<users state=\"", state, "\">"] {
            out.extend_from_slice(piece.as_bytes());
        }
        // IM-7.2.2.10-S2: one element for each participant told of.
        for (index, user) in users.iter().enumerate() {
            // IM-7.2.2.10-S2a5: the subscriber's own element says so, and only to the subscriber.
            user.push(&mut out, own == Some(index));
        }
        out.extend_from_slice(b"</users></conference-info>");
        out
    }

    fn push_head(&self, out: &mut Vec<u8>, state: &str, version: u32) {
        let version = version.to_string();
        for piece in [
            &self.head,
            "\" state=\"",
            state,
            "\" version=\"",
            &version,
            "\"",
        ] {
            out.extend_from_slice(piece.as_bytes());
        }
    }
}

/// Empty, as there is nothing to describe.
const DESCRIPTION: &str = "<conference-description/>";
/// Unqualified, although the schema of RFC 4575 asks for a namespace here: clients look for this.
const OWN: &str = " yourown=\"true\"";
/// What stands around the users at most: about 140 bytes, a count of up to 90, and the mark of the
/// own element.
const ENVELOPE_BYTES: usize = 270;
/// What a user element takes besides its two URIs, with a name of usual length.
const USER_BYTES: usize = 160;

#[cfg(test)]
mod tests {
    use super::*;

    fn text(document: Vec<u8>) -> String {
        String::from_utf8(document).unwrap()
    }

    #[test]
    fn im_7_2_2_10_s2_a_user_element() {
        let rows = [
            (
                UserXml::new("sip:a@h", None, Status::Connected),
                "<user entity=\"sip:a@h\" state=\"full\"><endpoint entity=\"sip:a@h\">\
                 <status>connected</status></endpoint></user>",
            ),
            (
                UserXml::new("sip:a\"@h", Some("<Al>\0"), Status::Disconnected),
                "<user entity=\"sip:a&quot;@h\" state=\"full\"><display-text>&lt;Al&gt;\u{fffd}\
                 </display-text><endpoint entity=\"sip:a&quot;@h\"><status>disconnected</status>\
                 </endpoint></user>",
            ),
            (
                UserXml::new("", Some(""), Status::Alerting),
                "<user entity=\"\" state=\"full\"><display-text></display-text>\
                 <endpoint entity=\"\"><status>alerting</status></endpoint></user>",
            ),
        ];
        for (user, want) in rows {
            assert_eq!(user.as_str(), want);
        }
    }

    #[test]
    fn im_7_2_2_10_s2a5_only_the_own_element_is_marked() {
        let users: Vec<_> = ["sip:a@h", "sip:b@h", "sip:c@h"]
            .iter()
            .map(|uri| UserXml::new(uri, None, Status::Connected))
            .collect();
        let users: Vec<_> = users.iter().collect();
        let conference = Conference::new("sip:c@h");
        for (own, marked) in [
            (None, None),
            (Some(0), Some("a")),
            (Some(2), Some("c")),
            (Some(3), None),
        ] {
            for document in [
                conference.full(0, &users, own),
                conference.partial(1, &users, own),
            ] {
                let document = text(document);
                let want = marked.map(|name| {
                    format!("<user entity=\"sip:{name}@h\" state=\"full\" yourown=\"true\">")
                });
                let count = document.matches("yourown").count();
                assert_eq!(count, usize::from(want.is_some()), "{document}");
                assert!(
                    want.is_none_or(|want| document.contains(&want)),
                    "{document}"
                );
            }
        }
    }

    #[test]
    fn im_7_2_2_10_s1_the_envelope() {
        let head = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n\
                    <conference-info xmlns=\"urn:ietf:params:xml:ns:conference-info\" \
                    entity=\"sip:g@h?a&amp;b\"";
        let conference = Conference::new("sip:g@h?a&b");
        let alice = UserXml::new("sip:a@h", None, Status::Connected);
        let alice_xml = alice.as_str();
        assert_eq!(
            text(conference.full(7, &[&alice], None)),
            format!(
                "{head} state=\"full\" version=\"7\"><conference-description/>\
                 <users state=\"full\">{alice_xml}</users></conference-info>"
            )
        );
        // IM-7.2.2.10-S0c
        assert_eq!(
            text(conference.partial(8, &[&alice], None)),
            format!(
                "{head} state=\"partial\" version=\"8\"><users state=\"partial\">{alice_xml}\
                 </users></conference-info>"
            )
        );
        let last = text(conference.deleted(u32::MAX));
        assert_eq!(
            last,
            format!("{head} state=\"deleted\" version=\"4294967295\"/>")
        );
    }

    #[test]
    fn subscribers_share_one_copy_and_a_document_is_built_in_one_piece() {
        let alice = UserXml::new("sip:a@h", Some("Al"), Status::Connected);
        assert!(Arc::ptr_eq(&alice.xml, &alice.clone().xml));
        let conference = Conference::new("sip:g@h");
        let document = conference.full(u32::MAX, &[&alice, &alice], Some(1));
        let needed = conference.head.len() + 2 * alice.xml.len() + ENVELOPE_BYTES;
        assert!(document.len() <= needed, "{} > {needed}", document.len());
    }
}
