//! What is sent validates against the schemas that the RFCs print, as another program reads them:
//! conference-info (RFC 4575 section 6), and resource-lists with copyControl (RFC 4826 section
//! 3.3, RFC 5364 section 5). See `interop/README.md`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sip::Name;

use crate::lab::ask::{entries, list};
use crate::lab::{Ask, Chat, Guest, Lab, Phone};

/// The texts of the RFCs, if there are any and xmllint is wanted.
fn texts() -> Option<PathBuf> {
    if std::env::var_os("TERTULIA_INTEROP").is_none() {
        println!("skipped: no interop");
        return None;
    }
    let texts = std::env::var_os("TERTULIA_RFC_DIR").map(PathBuf::from);
    if texts.is_none() {
        println!("skipped: no RFC texts");
    }
    texts
}

/// The schema that an RFC prints for a namespace, without what stands between its pages.
fn schema(texts: &Path, rfc: &str, namespace: &str) -> String {
    let text = fs::read_to_string(texts.join(rfc)).unwrap();
    let lines = text.lines().filter(|line| {
        let is_foot = line.ends_with(']') && line.contains("[Page ");
        let is_head = line.starts_with("RFC ");
        !(is_foot || is_head || line.contains('\u{c}'))
    });
    let text: Vec<&str> = lines.collect();
    let text = text.join("\n");
    let end = "</xs:schema>";
    text.split("<xs:schema")
        .skip(1)
        .filter_map(|schema| schema.split_once(end))
        .map(|(schema, _)| format!("<xs:schema{schema}{end}"))
        .find(|schema| schema.contains(&format!("targetNamespace=\"{namespace}\"")))
        .unwrap()
}

/// What the schemas take from elsewhere: the language of a text, and the attributes of recipients.
fn xml_namespace(attributes: &str) -> String {
    format!(
        "<xs:schema xmlns:xs=\"http://www.w3.org/2001/XMLSchema\" \
         targetNamespace=\"http://www.w3.org/XML/1998/namespace\">{attributes}</xs:schema>"
    )
}

/// Makes a schema of an RFC find the one of XML itself beside it: nothing is fetched.
fn local(schema: &str) -> String {
    let mut parts = schema.split("schemaLocation=\"");
    let mut out = parts.next().unwrap().to_owned();
    for part in parts {
        let (_, rest) = part.split_once('"').unwrap();
        out.push_str("schemaLocation=\"xml.xsd\"");
        out.push_str(rest);
    }
    out
}

/// xmllint finds nothing wrong with any of the documents.
fn validate(folder: &Path, schema: &str, documents: &[String]) {
    let language = "<xs:attribute name=\"lang\" type=\"xs:language\"/>";
    fs::write(folder.join("xml.xsd"), xml_namespace(language)).unwrap();
    fs::write(folder.join("schema.xsd"), local(schema)).unwrap();
    assert!(!documents.is_empty());
    for (number, document) in documents.iter().enumerate() {
        let file = folder.join(format!("{number}.xml"));
        fs::write(&file, document).unwrap();
        let output = Command::new("xmllint")
            .args(["--nonet", "--noout", "--schema"])
            .arg(folder.join("schema.xsd"))
            .arg(&file)
            .output()
            .expect("xmllint is installed");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}\n{document}");
    }
}

/// The bodies of all NOTIFYs that have come, which are answered.
fn notified(phone: &mut Phone, bodies: &mut Vec<String>, count: usize) {
    for _ in 0..count {
        bodies.push(phone.notified().1);
    }
}

#[test]
fn conference_info_is_what_rfc_4575_has() {
    let Some(texts) = texts() else { return };
    let lab = Lab::with(|_, policy| policy.focus.allow_anonymity = true);
    let mut host = lab.phone("alice");
    let phones = ["bob", "carol", "dave"].map(|user| lab.phone(user));
    let entry = |user: &str, extra: &str| format!("<entry uri=\"sip:{user}@localhost\" {extra}/>");
    let people = [
        entry("bob", "cp:copyControl=\"to\""),
        entry("carol", "cp:copyControl=\"bcc\""),
        entry("dave", "cp:copyControl=\"cc\" cp:anonymize=\"true\""),
    ];
    let ask = Ask {
        list: list(&people.concat()),
        from: "\"A &amp; <B>\" <sip:alice@localhost>".to_owned(),
        ..Ask::guests(&[])
    };
    let call_id = ask.send(&mut host);
    let [bob, carol, mut dave] = phones;
    let to_dave = dave.invited();
    dave.rings(&to_dave);
    let mut bob = Guest::joins(bob, "");
    let ok = host.final_response(&call_id);
    host.ack(&ok, "");
    let mut chat = Chat::connect(&ok.body(), "host");
    let identity = crate::lab::ask::identity(&ok);
    let mut bodies = vec![host.watches(&identity).1, bob.phone.watches(&identity).1];
    let mut carol = Guest::joins(carol, "");
    notified(&mut host, &mut bodies, 1);
    let tid = chat.frame("NICKNAME", "Use-Nickname: \"Q<>&\"\r\n", "", '$');
    assert_eq!(chat.answer(), (tid, 200));
    notified(&mut host, &mut bodies, 1);
    dave.refuses(&to_dave, "486 Busy Here");
    notified(&mut host, &mut bodies, 1);
    carol.leaves();
    notified(&mut host, &mut bodies, 1);
    bodies.push(bob.phone.watches(&identity).1);
    assert!(bodies.iter().any(|body| body.contains(" yourown=\"true\"")));
    let bodies: Vec<String> = bodies
        .iter()
        // The one attribute that OMA has put there and the schema does not know.
        .map(|body| body.replace(" yourown=\"true\"", ""))
        .collect();
    assert!(bodies.iter().any(|body| body.contains("state=\"partial\"")));
    let schema = schema(
        &texts,
        "rfc4575.txt",
        "urn:ietf:params:xml:ns:conference-info",
    );
    let folder = tempfile::tempdir().unwrap();
    validate(folder.path(), &schema, &bodies);
}

#[test]
fn resource_lists_are_what_rfc_4826_has() {
    let Some(texts) = texts() else { return };
    let lab = Lab::with(|_, policy| policy.focus.recipient_list_history = true);
    let mut alice = lab.phone("alice");
    let mut bob = lab.phone("bob");
    let hidden = "<entry uri=\"sip:dave@localhost\" cp:copyControl=\"to\" cp:anonymize=\"true\"/>";
    let ask = Ask {
        list: list(&format!("{}{hidden}", entries(&["bob", "carol"]))),
        ..Ask::guests(&[])
    };
    ask.send(&mut alice);
    let invitation = bob.invited();
    let headers = sip::multipart::BodyHeaders {
        content_type: invitation.request.raw(Name::ContentType).unwrap(),
        ..Default::default()
    };
    let parts = sip::multipart::parts(&headers, &invitation.request.body()).unwrap();
    let kind = "application/resource-lists+xml";
    let history = sip::multipart::find(&parts, kind, Some("recipient-list-history")).unwrap();
    let history = String::from_utf8(history.body.to_vec()).unwrap();
    assert!(history.contains("copyControl"), "{history}");
    let schema = schema(
        &texts,
        "rfc4826.txt",
        "urn:ietf:params:xml:ns:resource-lists",
    );
    let folder = tempfile::tempdir().unwrap();
    validate(folder.path(), &schema, &[history]);
}
