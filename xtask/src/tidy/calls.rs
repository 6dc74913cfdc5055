//! Calls that reach the outside where they may not, and `select!` without an order.

use super::PURE;
use crate::finding::Finding;
use crate::rust::{Source, in_crate_folder};
use crate::tree::crate_of;

/// What a pure crate never names outside its tests.
const PURE_FORBIDDEN: &[&str] = &[
    "Instant::now",
    "SystemTime::now",
    "TcpListener",
    "TcpStream",
    "Timestamp::now",
    "UdpSocket",
    "UnixStream",
    "env::var",
    "getrandom",
    "thread::scope",
    "thread::spawn",
    "thread_local",
    "thread_rng",
];

/// The crates that do I/O, and reach the outside through `world` alone.
const THROUGH_WORLD: &[&str] = &["client", "server", "sim"];

/// What these never name outside their tests: the simulation could not steer it.
const WORLD_FORBIDDEN: &[&str] = &[
    "Instant::now",
    "SystemTime::now",
    "Timestamp::now",
    "Zoned::now",
    "getrandom",
    "spawn_blocking",
    "task::spawn",
    "thread::scope",
    "thread::spawn",
    "thread_rng",
    "tokio::spawn",
];

/// Checks every crate.
pub(super) fn check(sources: &[Source<'_>]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources {
        let Some(name) = crate_of(source.path) else {
            continue;
        };
        if in_crate_folder(source.path, "src") && PURE.contains(&name) {
            let why = format!("{name} is pure: time, chance and bytes are arguments");
            findings.extend(forbidden(source, PURE_FORBIDDEN, &why));
        }
        if in_crate_folder(source.path, "src") && THROUGH_WORLD.contains(&name) {
            let why = "the outside is reached through `world` alone, or no simulation can steer it";
            findings.extend(forbidden(source, WORLD_FORBIDDEN, why));
        }
        if PURE.contains(&name) && source.path.ends_with("/src/lib.rs") {
            findings.extend(unsafe_allowed(source));
        }
        findings.extend(unordered_selects(source));
    }
    findings
}

fn forbidden(source: &Source<'_>, paths: &[&str], why: &str) -> Vec<Finding> {
    // The whole of `sim` is a test, but it is what has to be repeatable.
    let in_sim = crate_of(source.path) == Some("sim");
    let mut findings = Vec::new();
    for path in paths {
        for line in source.lines_with(&pattern(path)) {
            if in_sim || !source.is_test(line) {
                findings.push(Finding::new(source.path, line, format!("{path}: {why}")));
            }
        }
    }
    findings
}

/// `a::b` as the words and marks that stand one after the other.
fn pattern(path: &str) -> Vec<&str> {
    path.split("::")
        .flat_map(|word| [":", ":", word])
        .skip(2)
        .collect()
}

fn unsafe_allowed(source: &Source<'_>) -> Option<Finding> {
    let forbid = ["#", "!", "[", "forbid", "(", "unsafe_code", ")", "]"];
    source.lines_with(&forbid).is_empty().then(|| {
        let what = "a pure crate says #![forbid(unsafe_code)]: it reads what strangers send";
        Finding::new(source.path, 1, what)
    })
}

/// Without `biased;` tokio polls the branches in random order, and a seed gives no second run.
fn unordered_selects(source: &Source<'_>) -> Vec<Finding> {
    let is = |at: usize, word: &str| source.code.get(at).is_some_and(|token| token.is(word));
    let mut findings = Vec::new();
    for (at, token) in source.code.iter().enumerate() {
        let is_select = token.is("select") && is(at + 1, "!") && !is(at + 2, "=");
        if is_select && !(is(at + 3, "biased") && is(at + 4, ";")) {
            let what = "select! starts with `biased;`: a random order cannot be simulated twice";
            findings.push(Finding::new(source.path, token.line, what));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rust;
    use crate::tree::Tree;

    fn found(path: &str, text: &str) -> Vec<(usize, String)> {
        let tree = Tree::of(&[(path, text)]);
        check(&rust::sources(&tree))
            .into_iter()
            .map(|f| (f.line, f.what))
            .collect()
    }

    #[test]
    fn calls_that_reach_the_outside() {
        let rows: &[(&str, &str, &[usize])] = &[
            ("crates/sip/src/a.rs", "let now = Instant::now();", &[1]),
            (
                "crates/sip/src/a.rs",
                "fn a(now: Instant) {}\nuse std::net::UdpSocket;",
                &[2],
            ),
            (
                "crates/sip/src/a.rs",
                "// Instant::now\n\"Instant::now\";",
                &[],
            ),
            (
                "crates/sip/src/a.rs",
                "#[test]\nfn a() { Instant::now(); }",
                &[],
            ),
            (
                "crates/sip/src/a.rs",
                "#[cfg(not(test))]\nfn a() { Instant::now(); }",
                &[2],
            ),
            ("crates/sip/benches/a.rs", "Instant::now();", &[]),
            (
                "crates/server/src/a.rs",
                "tokio::spawn(x);\nworld.tasks.spawn(x);",
                &[1],
            ),
            (
                "crates/server/src/a.rs",
                "tokio::task::spawn_blocking(x);",
                &[1],
            ),
            ("crates/server/src/a.rs", "std::thread::spawn(x);", &[1]),
            ("crates/world/src/a.rs", "tokio::spawn(x);", &[]),
            ("crates/sim/src/a.rs", "let now = SystemTime::now();", &[1]),
            (
                "crates/tertulia/src/a.rs",
                "let now = SystemTime::now();",
                &[],
            ),
        ];
        for (path, text, want) in rows {
            let lines: Vec<usize> = found(path, text)
                .into_iter()
                .map(|(line, _)| line)
                .collect();
            assert_eq!(lines, *want, "{path}: {text}");
        }
    }

    #[test]
    fn selects() {
        let rows = [
            ("tokio::select! { biased; x = y => {} }", 0),
            ("tokio::select! { x = y => {} }", 1),
            ("select!(x = y => {})", 1),
            ("if select != x {}", 0),
        ];
        for (text, want) in rows {
            assert_eq!(found("crates/server/src/a.rs", text).len(), want, "{text}");
        }
    }

    #[test]
    fn unsafe_code() {
        assert_eq!(found("crates/sip/src/lib.rs", "//! Words.\n").len(), 1);
        assert_eq!(
            found("crates/sip/src/lib.rs", "#![forbid(unsafe_code)]\n").len(),
            0
        );
        assert_eq!(found("crates/server/src/lib.rs", "//! I/O.\n").len(), 0);
    }
}
