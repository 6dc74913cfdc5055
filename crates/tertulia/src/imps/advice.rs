//! What a failure means: what to end with, and what can be done about it.

use client::imps::{Code, Failure};

use crate::agent::End;

/// Says why something failed, and what to do. Returns what to end with.
pub(super) fn complain(failure: &Failure) -> End {
    eprintln!("error: {failure}");
    if let Some(advice) = advice(failure) {
        eprintln!("help: {advice}");
    }
    end(failure)
}

/// What a failure means for whoever waits for the exit code.
fn end(failure: &Failure) -> End {
    match failure {
        Failure::Authentication { .. } => End::Authentication,
        Failure::Malformed { .. }
        | Failure::Network { .. }
        | Failure::NotLoggedIn
        | Failure::SessionLost { .. }
        | Failure::Stopped => End::Network,
        Failure::NoAddress { .. } => End::Usage,
        // The server, or what was agreed with it, stands against it.
        _ => End::Refused,
    }
}

/// What can be done about a failure.
pub(crate) fn advice(failure: &Failure) -> Option<&'static str> {
    match failure {
        Failure::Authentication { .. } => {
            Some("check --as and --password, or TERTULIA_PASSWORD; the account has to be for IMPS")
        }
        Failure::Http { .. } | Failure::Malformed { .. } => {
            Some("check that --server and --path are where CSP is spoken")
        }
        Failure::Network { .. } => Some("check that the server runs, and that --server is right"),
        Failure::NoAddress { .. } => Some("write bob, bob@DOMAIN or /GROUP"),
        Failure::NotAgreed { .. } => {
            Some("leave out --legacy and --no-notices; take --version 1.3")
        }
        Failure::NotLoggedIn | Failure::SessionLost { .. } => Some("log in again"),
        Failure::Refused(refused) => of_code(refused.code),
        _ => None,
    }
}

/// What can be done about a refusal with this code.
pub(super) fn of_code(code: u16) -> Option<&'static str> {
    let advice = match Code::new(code) {
        Code::FORBIDDEN => "ask who runs the server: the account may not do this",
        Code::SERVICE_NOT_SUPPORTED | Code::NOT_IMPLEMENTED => {
            "do without it: this server does not have it"
        }
        Code::UNABLE_TO_DELIVER | Code::RECIPIENT_NOT_LOGGED_IN => {
            "try again when they are logged in, or send a message: it waits for them"
        }
        Code::UNSUPPORTED_MEDIA_TYPE => "send plain text",
        Code::INVALID_INVITATION => "ask to be invited again: it was answered, or is over",
        Code::INVALID_MESSAGE => "list those that wait with `messages`",
        Code::VERSION_NOT_SUPPORTED => "take another --version",
        Code::SERVICE_NOT_AGREED => "leave out --legacy and --no-notices; take --version 1.3",
        Code::QUEUE_FULL => "try again when they have read what waits for them",
        Code::DOMAIN_NOT_SUPPORTED => "check the domain: this server reaches its own alone",
        Code::UNKNOWN_USER => "check the name; a name without a domain is one of --domain",
        Code::BLOCKED => "nothing helps but to be unblocked by them",
        Code::NO_DIGEST => "take --login 2way",
        Code::RECIPIENT_LACKS_SUPPORT => {
            "make a group and invite them: their client cannot go on in one by itself"
        }
        Code::SERVICE_UNAVAILABLE | Code::TIMEOUT => "try again later",
        Code::UNKNOWN_CONTACT_LIST => "list them with `lists`, or make it",
        Code::UNKNOWN_GROUP => "check its name; it is written /NAME",
        Code::GROUP_EXISTS => "join it, or take another name",
        Code::NOT_JOINED => "join it first",
        Code::NOT_A_MEMBER | Code::INSUFFICIENT_PRIVILEGES => {
            "ask who runs the group to let you, or to invite you"
        }
        Code::SCREEN_NAME_IN_USE => "take another name",
        Code::PRIVATE_MESSAGING_DISABLED => "say it to the group, or to them outside it",
        _ => return None,
    };
    Some(advice)
}

/// A code with what it means.
pub(super) fn named(code: u16) -> String {
    match Code::new(code).description() {
        "" => code.to_string(),
        phrase => format!("{code} {phrase}"),
    }
}

#[cfg(test)]
mod tests {
    use client::imps::Refused;

    use super::*;

    #[test]
    fn failures_end_with_their_code_and_say_what_helps() {
        let user = "wv:alice@localhost".to_owned();
        let why = String::new();
        let refused = |code| {
            Failure::Refused(Refused {
                code,
                description: String::new(),
                details: Vec::new(),
            })
        };
        for (failure, want, helps) in [
            (
                Failure::Authentication { user, code: 409 },
                End::Authentication,
                true,
            ),
            (Failure::Network { why }, End::Network, true),
            (Failure::NotLoggedIn, End::Network, true),
            (Failure::NotAgreed { function: "EXCON" }, End::Refused, true),
            (Failure::NoInvitation, End::Refused, false),
            (refused(531), End::Refused, true),
            (refused(999), End::Refused, false),
        ] {
            assert_eq!(end(&failure), want, "{failure}");
            assert_eq!(advice(&failure).is_some(), helps, "{failure}");
        }
    }

    #[test]
    fn codes_are_named() {
        assert_eq!(named(410), "410 Unable to deliver");
        assert_eq!(named(999), "999");
    }
}
