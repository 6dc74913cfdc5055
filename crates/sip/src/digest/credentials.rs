//! `Authorization` and `Proxy-Authorization`: what a client answers.

use std::fmt;

use super::{
    Algorithm, DigestError,
    params::{Params, Writer},
};

/// One answer to a challenge (RFC 7616 3.4).
///
/// Parsing checks the form alone; [`super::verify`] checks the password and [`super::Nonces`] the
/// nonce. An IMS client sends one with empty `nonce` and `response` before it was ever challenged
/// (RFC 8760 2.7): it reads well and verifies never, so it is simply challenged.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Credentials {
    /// Who claims to ask.
    pub username: String,
    /// In whose eyes.
    pub realm: String,
    /// The nonce of the challenge.
    pub nonce: String,
    /// The Request-URI as the client saw it.
    pub uri: String,
    /// The hash, in hexadecimal.
    pub response: String,
    /// The hash used.
    pub algorithm: Algorithm,
    /// What `qop=auth` adds. A server accepts no credentials without it.
    pub proof: Option<Proof>,
    /// As in the challenge.
    pub opaque: Option<String>,
}

/// The client's part in `qop=auth`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Proof {
    /// The client's own nonce.
    pub cnonce: String,
    /// How many requests the client has sent with this nonce, this one included; see
    /// [`super::advance`].
    pub nc: u32,
}

impl Credentials {
    /// Reads the value of one header field.
    ///
    /// # Errors
    ///
    /// [`DigestError`] says what is malformed or not spoken here. A server answers 400 to
    /// malformed ones and a new challenge to the others.
    pub fn parse(value: &str) -> Result<Self, DigestError> {
        let mut params = Params::parse(value)?;
        let algorithm = Algorithm::parse(params.take("algorithm").as_deref())?;
        // Our challenges do not offer either form of RFC 7616 3.4.
        if params.take("username*").is_some() {
            return Err(DigestError::Username("username*"));
        }
        if params.flag("userhash") {
            return Err(DigestError::Username("userhash"));
        }
        let username = params.require("username")?;
        let realm = params.require("realm")?;
        let nonce = params.require("nonce")?;
        let uri = params.require("uri")?;
        let response = params.require("response")?;
        if !response.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(DigestError::Malformed("response"));
        }
        Ok(Self {
            proof: proof(&mut params)?,
            opaque: params.take("opaque"),
            username,
            realm,
            nonce,
            uri,
            response,
            algorithm,
        })
    }
}

fn proof(params: &mut Params) -> Result<Option<Proof>, DigestError> {
    match params.take("qop") {
        None => return Ok(None),
        Some(qop) if qop.eq_ignore_ascii_case("auth") => {}
        Some(qop) => return Err(DigestError::Qop(qop)),
    }
    let cnonce = params.require("cnonce")?;
    let nc = params.require("nc")?;
    // RFC 7616 3.5: exactly eight hexadecimal digits. The hash is over those digits.
    if nc.len() != 8 || !nc.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(DigestError::Malformed("nc"));
    }
    let nc = u32::from_str_radix(&nc, 16).map_err(|_| DigestError::Malformed("nc"))?;
    Ok(Some(Proof { cnonce, nc }))
}

impl fmt::Display for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut list = Writer::start(f)?;
        list.quoted("username", &self.username)?;
        list.quoted("realm", &self.realm)?;
        list.quoted("nonce", &self.nonce)?;
        list.quoted("uri", &self.uri)?;
        list.quoted("response", &self.response)?;
        list.bare("algorithm", self.algorithm)?;
        if let Some(proof) = &self.proof {
            list.quoted("cnonce", &proof.cnonce)?;
            list.bare("qop", "auth")?;
            list.bare("nc", format_args!("{:08x}", proof.nc))?;
        }
        if let Some(opaque) = &self.opaque {
            list.quoted("opaque", opaque)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GOOD: &str = "Digest username=\"bob\", realm=\"r\", nonce=\"n\", uri=\"sip:h\", \
        response=\"0f\", algorithm=MD5, cnonce=\"c\", qop=auth, nc=0000000a, opaque=\"o\"";

    #[test]
    fn reads_and_writes() {
        let credentials = Credentials::parse(GOOD).unwrap();
        assert_eq!(credentials.proof.as_ref().unwrap().nc, 10);
        assert_eq!(credentials.to_string(), GOOD);
    }

    #[test]
    fn before_any_challenge() {
        let text = r#"Digest username="a@ims", realm="ims", nonce="", uri="sip:ims", response="""#;
        let credentials = Credentials::parse(text).unwrap();
        assert!(credentials.nonce.is_empty() && credentials.proof.is_none());
    }

    #[test]
    fn spoiled_one_way_each() {
        let table = [
            ("username=\"bob\"", "x=1", DigestError::Missing("username")),
            (
                "username=\"bob\"",
                "username*=UTF-8''b%C3%B6b",
                DigestError::Username("username*"),
            ),
            (
                "opaque=\"o\"",
                "userhash=true",
                DigestError::Username("userhash"),
            ),
            ("realm=\"r\"", "x=1", DigestError::Missing("realm")),
            ("nonce=\"n\"", "x=1", DigestError::Missing("nonce")),
            ("uri=\"sip:h\"", "x=1", DigestError::Missing("uri")),
            ("response=\"0f\"", "x=1", DigestError::Missing("response")),
            (
                "response=\"0f\"",
                "response=\"0g\"",
                DigestError::Malformed("response"),
            ),
            ("cnonce=\"c\", ", "", DigestError::Missing("cnonce")),
            (", nc=0000000a", "", DigestError::Missing("nc")),
            ("nc=0000000a", "nc=a", DigestError::Malformed("nc")),
            ("nc=0000000a", "nc=+000000a", DigestError::Malformed("nc")),
            (
                "qop=auth",
                "qop=auth-int",
                DigestError::Qop("auth-int".to_owned()),
            ),
            (
                "algorithm=MD5",
                "algorithm=MD5-sess",
                DigestError::Algorithm("MD5-sess".to_owned()),
            ),
            (
                "opaque=\"o\"",
                "nonce=\"m\"",
                DigestError::Duplicate("nonce".to_owned()),
            ),
        ];
        for (from, to, want) in table {
            let text = GOOD.replacen(from, to, 1);
            assert_ne!(text, GOOD, "{from}");
            assert_eq!(Credentials::parse(&text), Err(want), "{text}");
        }
    }

    proptest! {
        #[test]
        fn writing_then_reading(
            username in "[^\\p{Cc}]{0,20}",
            uri in "[^\\p{Cc}]{0,40}",
            response in "[0-9a-f]{0,64}",
            cnonce in "[^\\p{Cc}]{0,20}",
            nc: u32,
            with_proof: bool,
        ) {
            let credentials = Credentials {
                username,
                realm: "r".to_owned(),
                nonce: "n".to_owned(),
                uri,
                response,
                algorithm: Algorithm::Sha256,
                proof: with_proof.then_some(Proof { cnonce, nc }),
                opaque: None,
            };
            prop_assert_eq!(Credentials::parse(&credentials.to_string()), Ok(credentials));
        }

        #[test]
        fn anything_at_all(text in any::<String>()) {
            let _ = Credentials::parse(&text);
            let _ = Credentials::parse(&format!("Digest {text}"));
        }
    }
}
