//! What is written is read back, whatever the primitive.

use proptest::prelude::*;

use super::structure::Part;
use super::{
    LoginRequest, LoginResponse, Message, Mode, Primitive, SendSecretToken, Setup, Transaction,
};
use crate::chance::Chance;
use crate::version::Version;

/// What it costs to hand a message on.
#[test]
fn sizes() {
    let sizes = [
        size_of::<Primitive>(),
        size_of::<Transaction>(),
        size_of::<Setup>(),
    ];
    assert!(sizes.iter().all(|size| *size <= 640), "{sizes:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_primitive(seed: u64) {
        let mut chance = Chance::new(seed, Version::V1_3);
        let mode = [Mode::Request, Mode::Response][(seed % 2) as usize];
        for primitive in Primitive::all(&mut chance) {
            let name = primitive.name();
            let sent = Message::of_session("S<1>&\"2\"\n3", Transaction {
                mode,
                id: "t'1".to_owned(),
                primitive,
            });
            let bytes = sent.to_xml();
            let got = Message::parse(&bytes);
            prop_assert_eq!(got.as_ref(), Ok(&sent), "{} {:?}", name, bytes);
        }
    }

    #[test]
    fn every_step(seed: u64) {
        let mut chance = Chance::new(seed, Version::V1_3);
        let bodies = [
            Setup::SendSecretToken(SendSecretToken::any(&mut chance)),
            Setup::LoginRequest(LoginRequest::any(&mut chance)),
            Setup::LoginResponse(LoginResponse::any(&mut chance)),
            Setup::Status(Part::any(&mut chance)),
        ];
        for body in bodies {
            let sent = Message::Setup {
                mode: Mode::Request,
                transaction_id: "t1".to_owned(),
                body,
            };
            let bytes = sent.to_xml();
            let got = Message::parse(&bytes);
            prop_assert_eq!(got.as_ref(), Ok(&sent), "{:?}", bytes);
        }
    }
}
