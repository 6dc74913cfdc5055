//! Secrets of the server.

use store::{CommitError, Flaw, NAME_BYTES_MAX, SECRET_BYTES_MAX};

use crate::{Bench, Case};

pub(crate) const CASES: &[Case] = &[
    ("the first secret of a name stays", first_stays),
    ("every handle gets the same secret", same_for_all),
    ("a secret is not empty and not endless", is_bounded),
];

fn first_stays(bench: &mut Bench) {
    assert_eq!(bench.reader.secret("nonce"), Ok(None));
    assert_eq!(bench.store.keep_secret("nonce", &[0, 1]), Ok(vec![0, 1]));
    assert_eq!(bench.store.keep_secret("nonce", &[2]), Ok(vec![0, 1]));
    assert_eq!(bench.store.keep_secret("other", &[3]), Ok(vec![3]));
    assert_eq!(bench.reader.secret("nonce"), Ok(Some(vec![0, 1])));
}

fn same_for_all(bench: &mut Bench) {
    let mut other = bench.store.reopen().unwrap();
    assert_eq!(other.keep_secret("nonce", &[1]), Ok(vec![1]));
    assert_eq!(bench.store.keep_secret("nonce", &[2]), Ok(vec![1]));
}

fn is_bounded(bench: &mut Bench) {
    let longest = vec![7; SECRET_BYTES_MAX];
    let name = "n".repeat(NAME_BYTES_MAX);
    assert_eq!(bench.store.keep_secret(&name, &longest), Ok(longest));
    for (name, secret) in [
        ("", vec![1]),
        ("nonce", vec![]),
        ("nonce", vec![7; SECRET_BYTES_MAX + 1]),
        (&*"n".repeat(NAME_BYTES_MAX + 1), vec![1]),
    ] {
        let refused = bench.store.keep_secret(name, &secret);
        assert!(
            matches!(
                refused,
                Err(CommitError::Flaw(Flaw::Empty { .. } | Flaw::TooLong { .. }))
            ),
            "{refused:?}"
        );
    }
    assert_eq!(bench.reader.secret("nonce"), Ok(None));
}
