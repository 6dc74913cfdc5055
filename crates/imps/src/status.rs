//! Status codes: how a request ended.

use std::fmt;

/// A status code, as in `Result`. Any number that fits is kept, named or not.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Code(u16);

impl Code {
    /// The code of this number.
    pub const fn new(number: u16) -> Self {
        Self(number)
    }

    /// The number on the wire.
    pub const fn number(self) -> u16 {
        self.0
    }

    /// 1xx and 2xx: nothing went wrong, or not all of it.
    pub const fn is_success(self) -> bool {
        self.0 < 300
    }

    /// A short text for people, in English. Empty for a code without a name.
    pub fn description(self) -> &'static str {
        NAMED
            .binary_search_by_key(&self, |(code, _)| *code)
            .ok()
            .and_then(|at| NAMED.get(at))
            .map_or("", |(_, description)| description)
    }
}

/// 200.
impl Default for Code {
    fn default() -> Self {
        Self::SUCCESSFUL
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The codes with a name, each with its number, its text and what it says.
macro_rules! codes {
    ($($name:ident $number:literal $description:literal $says:literal;)*) => {
        impl Code {
            $(
                #[doc = $says]
                pub const $name: Self = Self($number);
            )*
        }

        const NAMED: &[(Code, &str)] = &[$((Code($number), $description),)*];
    };
}

#[rustfmt::skip]
codes! {
    CONTINUE 100 "Continue" "The request is understood so far.";
    QUEUED 101 "Queued" "The answer comes later.";
    STARTED 102 "Started" "The work has begun.";
    SUCCESSFUL 200 "Successful" "All of it was done.";
    PARTIALLY_SUCCESSFUL 201 "Partially successful" "Some of it was done; the detailed results name what was not.";
    ACCEPTED 202 "Accepted" "Taken, and not yet done.";
    BAD_REQUEST 400 "Bad request" "It cannot be understood.";
    UNAUTHORIZED 401 "Unauthorized" "Log in first; in a four-way login the answer that carries the nonce.";
    BAD_PARAMETER 402 "Bad parameter" "One of the values is not acceptable.";
    FORBIDDEN 403 "Forbidden" "Not for this user.";
    NOT_FOUND 404 "Not found" "There is no such thing.";
    SERVICE_NOT_SUPPORTED 405 "Service not supported" "Known, and not offered here.";
    REQUEST_TIMEOUT 408 "Request timeout" "The rest of the request did not come in time.";
    INVALID_PASSWORD 409 "Invalid password" "The password or the digest is wrong.";
    UNABLE_TO_DELIVER 410 "Unable to deliver" "The recipient cannot be reached.";
    UNSUPPORTED_MEDIA_TYPE 415 "Unsupported media type" "The content is of a type that cannot be handled.";
    INVALID_TRANSACTION 420 "Invalid transaction" "The transaction id is unknown, or in use already.";
    CLIENT_MISMATCH 422 "User and client do not match" "The client id belongs to another user or session.";
    INVALID_INVITATION 423 "Invalid invitation" "No such invitation is open.";
    INVALID_SEARCH 424 "Invalid search" "No such search is open.";
    INVALID_SEARCH_INDEX 425 "Invalid search index" "The results do not reach that far.";
    INVALID_MESSAGE 426 "Invalid message" "No such message is kept.";
    INVALID_SENDER 427 "Invalid sender" "The sender is missing, or is not the user of the session.";
    MISSING_GROUP 429 "Missing group" "The request names no group.";
    UNAUTHORIZED_MEMBERSHIP 431 "Unauthorized group membership" "The user may not be a member.";
    RESPONSE_TOO_LARGE 432 "Response too large" "The client could not take the answer.";
    MISSING_APPLICATION 450 "Missing application" "The invitation names no application.";
    INTERNAL_ERROR 500 "Internal error" "The server or its network failed.";
    NOT_IMPLEMENTED 501 "Not implemented" "The primitive is not known here.";
    NO_RECOVERY 502 "Session not recovered" "The session could not be taken up again.";
    SERVICE_UNAVAILABLE 503 "Service unavailable" "Try again later.";
    TIMEOUT 504 "Timeout" "Somebody further on did not answer in time.";
    VERSION_NOT_SUPPORTED 505 "Version not supported" "Another version of CSP is spoken here.";
    SERVICE_NOT_AGREED 506 "Service not agreed" "The function was not agreed in this session.";
    QUEUE_FULL 507 "Message queue is full" "The recipient can keep no more.";
    DOMAIN_NOT_SUPPORTED 516 "Domain not supported" "That domain cannot be reached from here.";
    UNRESPONDED_PRESENCE 521 "Unresponded presence request" "The other domain did not answer about presence.";
    UNRESPONDED_GROUP 522 "Unresponded group request" "The other domain did not answer about the group.";
    UNKNOWN_USER 531 "Unknown user" "There is no such user.";
    BLOCKED 532 "Recipient blocked the sender" "The recipient does not want to hear from the sender.";
    RECIPIENT_NOT_LOGGED_IN 533 "Recipient not logged in" "The recipient has no session.";
    RECIPIENT_UNAUTHORIZED 534 "Recipient unauthorized" "The recipient may not receive this.";
    SEARCH_TIMEOUT 535 "Search timed out" "The search took too long.";
    TOO_MANY_HITS 536 "Too many hits" "More was found than can be told.";
    TOO_BROAD 537 "Too broad search" "The search needs more conditions.";
    MESSAGE_REJECTED 538 "Message has been rejected" "The recipient refused it.";
    HEADER_ENCODING 540 "Header encoding not supported" "The encoding of the header cannot be handled.";
    MESSAGE_FORWARDED 541 "Message has been forwarded" "It is with somebody else now.";
    MESSAGE_EXPIRED 542 "Message has expired" "Its validity ran out before it could be delivered.";
    NO_DIGEST 543 "No matching digest" "None of the client's digest schemas is supported.";
    // IMPS-11.3.22-S1
    RECIPIENT_LACKS_SUPPORT 546 "Recipient does not support the requested functionality" "The client on the other side cannot do this (CSP 1.3 11.3.22).";
    INVALID_ADVANCED_SEARCH 562 "Invalid search criteria" "The search expression cannot be understood.";
    SESSION_EXPIRED 600 "Session expired" "The session's time to live ran out.";
    FORCED_LOGOUT 601 "Forced logout" "The server ended the session.";
    ALREADY_LOGGED_IN 603 "Already logged in" "This client has a session.";
    INVALID_SESSION 604 "Invalid session" "No session, or not one of this user.";
    VALUE_NOT_ACCEPTED 605 "New value not accepted" "The time to live stays as it was.";
    UNKNOWN_CONTACT_LIST 700 "Contact list does not exist" "There is no such list.";
    CONTACT_LIST_EXISTS 701 "Contact list already exists" "A list of this name is there.";
    INVALID_USER_PROPERTY 702 "Invalid user property" "A property of the user is unknown or wrong.";
    INVALID_PRESENCE_ATTRIBUTE 750 "Invalid presence attribute" "An attribute is unknown or not supported.";
    INVALID_PRESENCE_VALUE 751 "Invalid presence value" "An attribute has a value that it cannot have.";
    INVALID_LIST_PROPERTY 752 "Invalid contact list property" "A property of the list is unknown or wrong.";
    TOO_MANY_CONTACT_LISTS 753 "Too many contact lists" "The user has as many lists as are allowed.";
    TOO_MANY_CONTACTS 754 "Too many contacts" "The list has as many contacts as are allowed.";
    TOO_MANY_ATTRIBUTE_LISTS 755 "Too many attribute lists" "The user has as many as are allowed.";
    NO_AUTOMATIC_SUBSCRIPTION 760 "Automatic subscription not supported" "Subscribe to each contact instead.";
    UNKNOWN_GROUP 800 "Group does not exist" "There is no such group.";
    GROUP_EXISTS 801 "Group already exists" "A group of this id is there.";
    GROUP_OPEN 802 "Group is open" "The request makes sense for a restricted group only.";
    GROUP_RESTRICTED 803 "Group is restricted" "The request makes sense for an open group only.";
    GROUP_PUBLIC 804 "Group is public" "The request makes sense for a private group only.";
    GROUP_PRIVATE 805 "Group is private" "The request makes sense for a public group only.";
    INVALID_GROUP_PROPERTY 806 "Invalid group property" "A property of the group is unknown or wrong.";
    ALREADY_JOINED 807 "Group already joined" "The user is in the group.";
    NOT_JOINED 808 "Group not joined" "The user is not in the group.";
    REJECTED 809 "Rejected from the group" "The user is on the group's reject list.";
    NOT_A_MEMBER 810 "Not a group member" "Only members may do this.";
    SCREEN_NAME_IN_USE 811 "Screen name in use" "Somebody in the group has this name.";
    PRIVATE_MESSAGING_DISABLED 812 "Private messaging disabled" "The group does not allow messages between two of its users.";
    PRIVATE_MESSAGING_REFUSED 813 "Private messaging refused" "The recipient takes no private messages in this group.";
    TOO_MANY_GROUPS_OF_USER 814 "Too many groups of this user" "The user has as many groups as are allowed.";
    TOO_MANY_GROUPS 815 "Too many groups" "The server has as many groups as are allowed.";
    INSUFFICIENT_PRIVILEGES 816 "Insufficient group privileges" "The user's rights in the group do not reach that far.";
    GROUP_FULL 817 "Group is full" "As many users have joined as are allowed.";
    NO_HISTORY 821 "History not supported" "The group keeps no messages for those who join.";
    SEARCHABLE_NEEDS_NAME 822 "Name or topic missing" "A group that can be found needs one of them.";
    MULTIPLE_ERRORS 900 "Multiple errors" "The detailed results tell them apart.";
    ADDRESS_ERROR 901 "Address error" "An address cannot be used.";
    NO_CREDIT 902 "Not enough credit" "The user's account does not allow it.";
    HIGHER_CLASS 903 "Higher class of service needed" "The user's contract does not include this.";
    MSISDN_ERROR 920 "Telephone number error" "The number in the request does not belong to the user.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_texts() {
        assert!(NAMED.is_sorted_by_key(|(code, _)| *code));
        // IMPS-11.3.22-S1
        let lacks = Code::RECIPIENT_LACKS_SUPPORT;
        assert_eq!(
            (lacks.number(), lacks.description()),
            (
                546,
                "Recipient does not support the requested functionality"
            )
        );
        assert_eq!(Code::new(299).description(), "");
        assert!(Code::PARTIALLY_SUCCESSFUL.is_success());
        assert!(!Code::BAD_REQUEST.is_success());
    }
}
