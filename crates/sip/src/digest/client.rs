//! The client's side: which challenge to answer, and how.

use super::{Challenge, Credentials, DigestError, Proof, ha1, response};

/// Picks the challenge to answer among the header values of a 401 or 407, in order.
///
/// # Errors
///
/// If none can be answered: what was wrong with the last, or [`DigestError::NoChallenge`].
pub fn choose<'a>(values: impl IntoIterator<Item = &'a str>) -> Result<Challenge, DigestError> {
    let mut why = DigestError::NoChallenge;
    for value in values {
        // RFC 8760 2.4: the topmost that we support; those not understood are ignored.
        match Challenge::parse(value) {
            Ok(challenge) => return Ok(challenge),
            Err(error) => why = error,
        }
    }
    Err(why)
}

/// What a client knows of the account.
#[derive(Clone, Copy)]
pub enum Secret<'a> {
    /// The password itself.
    Password(&'a str),
    /// The result of [`ha1`] for the challenge's realm and algorithm.
    Ha1(&'a str),
}

/// Answers a challenge for one request.
///
/// `cnonce` is a fresh random text of the client; `nc` counts the requests sent with this nonce,
/// from 1. To a challenge without `qop` (RFC 2069) both stay unused.
pub fn respond(
    challenge: &Challenge,
    user: &str,
    secret: Secret<'_>,
    method: &str,
    uri: &str,
    cnonce: &str,
    nc: u32,
) -> Credentials {
    let algorithm = challenge.algorithm;
    let ha1 = match secret {
        Secret::Password(password) => ha1(user, &challenge.realm, password, algorithm),
        Secret::Ha1(ha1) => ha1.to_owned(),
    };
    let proof = (!challenge.qop.is_empty()).then(|| Proof {
        cnonce: cnonce.to_owned(),
        nc,
    });
    let nonce = &challenge.nonce;
    Credentials {
        username: user.to_owned(),
        realm: challenge.realm.clone(),
        nonce: nonce.clone(),
        uri: uri.to_owned(),
        response: response(algorithm, &ha1, nonce, proof.as_ref(), method, uri),
        algorithm,
        proof,
        opaque: challenge.opaque.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Algorithm;

    #[test]
    fn the_topmost_we_understand() {
        let md5 = r#"Digest realm="r", nonce="1", qop="auth", algorithm=MD5"#;
        let sha256 = r#"Digest realm="r", nonce="2", qop="auth", algorithm=SHA-256"#;
        let sha512 = r#"Digest realm="r", nonce="3", qop="auth", algorithm=SHA-512-256"#;
        let aka = r#"Digest realm="r", nonce="4", qop="auth", algorithm=AKAv1-MD5"#;
        let table: [(&[&str], _); 5] = [
            (&[sha256, md5], Ok(Algorithm::Sha256)),
            (&[sha512, sha256, md5], Ok(Algorithm::Sha256)),
            (&["Basic realm=\"r\"", md5], Ok(Algorithm::Md5)),
            (
                &[sha512, aka],
                Err(DigestError::Algorithm("AKAv1-MD5".to_owned())),
            ),
            (&[], Err(DigestError::NoChallenge)),
        ];
        for (values, want) in table {
            let got = choose(values.iter().copied()).map(|challenge| challenge.algorithm);
            assert_eq!(got, want, "{values:?}");
        }
    }

    #[test]
    fn answers_are_those_of_rfc_7616_3_9_1() {
        let mut challenge = Challenge::new(
            "http-auth@example.org",
            "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
            Algorithm::Md5,
        );
        challenge.opaque = Some("FQhe".to_owned());
        let ha1 = ha1("Mufasa", &challenge.realm, "Circle of Life", Algorithm::Md5);
        for secret in [Secret::Password("Circle of Life"), Secret::Ha1(&ha1)] {
            let cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
            let uri = "/dir/index.html";
            let credentials = respond(&challenge, "Mufasa", secret, "GET", uri, cnonce, 1);
            assert_eq!(credentials.response, "8ca523f5e9506fed4657c9700eebdbec");
            assert_eq!(credentials.opaque.as_deref(), Some("FQhe"));
        }
    }

    #[test]
    fn without_qop_the_old_form() {
        let challenge = Challenge::parse(r#"Digest realm="r", nonce="n""#).unwrap();
        let got = respond(
            &challenge,
            "u",
            Secret::Password("p"),
            "REGISTER",
            "sip:h",
            "c",
            1,
        );
        assert_eq!(got.proof, None);
        // md5(md5("u:r:p") ":n:" md5("REGISTER:sip:h")), computed with md5sum.
        assert_eq!(got.response, "f7949f33797a7abbe390eaa95b1ca294");
    }
}
