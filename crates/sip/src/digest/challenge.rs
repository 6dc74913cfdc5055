//! `WWW-Authenticate` and `Proxy-Authenticate`: what a server asks for.

use std::fmt;

use super::{
    Algorithm, DigestError,
    params::{Params, Writer},
};

/// One challenge (RFC 7616 3.3). A parsed one can always be answered by [`super::respond`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Challenge {
    /// Whose passwords are meant.
    pub realm: String,
    /// What the answer has to be computed over.
    pub nonce: String,
    /// To be handed back unchanged.
    pub opaque: Option<String>,
    /// The password was right, only the nonce too old: answer again without asking the user.
    pub stale: bool,
    /// The hash to use.
    pub algorithm: Algorithm,
    /// The qualities of protection offered, verbatim. Empty only from servers of RFC 2069;
    /// otherwise `auth` is among them.
    pub qop: Vec<String>,
    /// The URIs the challenge covers, verbatim.
    pub domain: Option<String>,
    /// The server can read hashed user names. We never send one.
    pub userhash: bool,
}

impl Challenge {
    /// A server's challenge with `qop=auth`, which RFC 8760 2.6 makes mandatory.
    pub fn new(realm: &str, nonce: &str, algorithm: Algorithm) -> Self {
        Self {
            realm: realm.to_owned(),
            nonce: nonce.to_owned(),
            opaque: None,
            stale: false,
            algorithm,
            qop: vec!["auth".to_owned()],
            domain: None,
            userhash: false,
        }
    }

    /// Reads the value of one header field. SIP never joins challenges with commas (RFC 3261
    /// 7.3.1).
    ///
    /// # Errors
    ///
    /// [`DigestError`] says what is malformed or not spoken here. RFC 8760 2.4: a client ignores
    /// such a challenge and looks at the next; [`super::choose`] does so.
    pub fn parse(value: &str) -> Result<Self, DigestError> {
        let mut params = Params::parse(value)?;
        let algorithm = Algorithm::parse(params.take("algorithm").as_deref())?;
        let qop: Vec<String> = params
            .take("qop")
            .iter()
            .flat_map(|list| list.split(','))
            .map(|item| item.trim().to_owned())
            .filter(|item| !item.is_empty())
            .collect();
        if !qop.is_empty() && !qop.iter().any(|item| item.eq_ignore_ascii_case("auth")) {
            return Err(DigestError::Qop(qop.join(",")));
        }
        Ok(Self {
            realm: params.require("realm")?,
            nonce: params.require("nonce")?,
            opaque: params.take("opaque"),
            stale: params.flag("stale"),
            algorithm,
            qop,
            domain: params.take("domain"),
            userhash: params.flag("userhash"),
        })
    }
}

impl fmt::Display for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut list = Writer::start(f)?;
        list.quoted("realm", &self.realm)?;
        list.quoted("nonce", &self.nonce)?;
        if let Some(domain) = &self.domain {
            list.quoted("domain", domain)?;
        }
        if let Some(opaque) = &self.opaque {
            list.quoted("opaque", opaque)?;
        }
        if self.stale {
            list.bare("stale", "true")?;
        }
        list.bare("algorithm", self.algorithm)?;
        if !self.qop.is_empty() {
            list.quoted("qop", &self.qop.join(","))?;
        }
        if self.userhash {
            list.bare("userhash", "true")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn as_a_server_writes_it() {
        let mut challenge = Challenge::new("localhost", "n1", Algorithm::Sha256);
        challenge.stale = true;
        assert_eq!(
            challenge.to_string(),
            r#"Digest realm="localhost", nonce="n1", stale=true, algorithm=SHA-256, qop="auth""#
        );
    }

    #[test]
    fn as_others_write_it() {
        // The SHA-256 challenge of RFC 7616 3.9.1.
        let text = r#"Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=SHA-256,
            nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe""#;
        let challenge = Challenge::parse(text).unwrap();
        assert_eq!(challenge.realm, "http-auth@example.org");
        assert_eq!(challenge.algorithm, Algorithm::Sha256);
        assert_eq!(challenge.qop, ["auth", "auth-int"]);
        assert_eq!(challenge.opaque.as_deref(), Some("FQhe"));
        assert!(!challenge.stale);

        let loose =
            Challenge::parse(r#"digest NONCE="x",Realm="y",STALE="TRUE",algorithm="md5",qop=auth"#);
        let loose = loose.unwrap();
        assert!(loose.stale);
        assert_eq!(loose.algorithm, Algorithm::Md5);
    }

    #[test]
    fn refusals() {
        let table = [
            (r#"Digest nonce="n""#, DigestError::Missing("realm")),
            (r#"Digest realm="r""#, DigestError::Missing("nonce")),
            (
                r#"Digest realm="r", nonce="n", qop="auth-int""#,
                DigestError::Qop("auth-int".to_owned()),
            ),
            (
                r#"Digest realm="r", nonce="n", algorithm=MD5-sess"#,
                DigestError::Algorithm("MD5-sess".to_owned()),
            ),
        ];
        for (text, want) in table {
            assert_eq!(Challenge::parse(text), Err(want), "{text}");
        }
    }

    proptest! {
        #[test]
        fn writing_then_reading(
            realm in "[^\\p{Cc}]{0,20}",
            nonce in "[^\\p{Cc}]{0,40}",
            opaque in proptest::option::of("[^\\p{Cc}]{0,20}"),
            domain in proptest::option::of("[^\\p{Cc}]{0,20}"),
            stale: bool,
            userhash: bool,
            md5: bool,
        ) {
            let algorithm = if md5 { Algorithm::Md5 } else { Algorithm::Sha256 };
            let mut challenge = Challenge::new(&realm, &nonce, algorithm);
            challenge.opaque = opaque;
            challenge.domain = domain;
            challenge.stale = stale;
            challenge.userhash = userhash;
            prop_assert_eq!(Challenge::parse(&challenge.to_string()), Ok(challenge));
        }

        #[test]
        fn anything_at_all(text in "\\PC*") {
            let _ = Challenge::parse(&text);
            let _ = Challenge::parse(&format!("Digest {text}"));
        }

        #[test]
        fn nothing_escapes_the_line(realm in any::<String>()) {
            let text = Challenge::new(&realm, "n", Algorithm::Md5).to_string();
            prop_assert!(!text.contains(['\r', '\n', '\0']));
        }
    }
}
