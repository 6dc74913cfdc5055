//! The values that WBXML can write as one token.
//!
//! A reader takes any token anywhere, with one exception: 0x3D and 0x68 mean two things each. A
//! writer chooses by version and by the code page that is in force, because some tokens belong to
//! the primitives about access and others to those about presence.

use self::Scope::{Access, Anywhere, Presence};
use crate::version::Version::{self, V1_1, V1_2, V1_3};

/// Where a token is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Scope {
    /// On the code pages of access and of client capabilities.
    Access,
    /// On every page.
    Anywhere,
    /// On the code pages of presence, and on the common one, where its values are.
    Presence,
}

/// Token, value, scope, and the first and the last version that has it. In the order of the
/// values' lengths, and of the values.
#[rustfmt::skip]
const VALUES: &[(u8, &str, Scope, Version, Version)] = &[
    (0xBC, "C", Anywhere, V1_3, V1_3),
    (0x0B, "F", Anywhere, V1_1, V1_3),
    (0x0C, "G", Anywhere, V1_1, V1_3),
    (0x17, "N", Anywhere, V1_1, V1_3),
    (0x1F, "P", Anywhere, V1_1, V1_3),
    (0xC0, "R", Anywhere, V1_3, V1_3),
    (0x25, "S", Anywhere, V1_1, V1_3),
    (0x2C, "T", Anywhere, V1_1, V1_3),
    (0x2E, "U", Anywhere, V1_1, V1_3),
    (0x52, "AC", Anywhere, V1_3, V1_3),
    (0x68, "AP", Anywhere, V1_3, V1_3),
    (0xA0, "EC", Anywhere, V1_3, V1_3),
    (0xBA, "EG", Anywhere, V1_3, V1_3),
    (0x57, "GC", Anywhere, V1_3, V1_3),
    (0x58, "GD", Anywhere, V1_3, V1_3),
    (0x32, "GM", Anywhere, V1_2, V1_3),
    (0x0D, "GR", Anywhere, V1_1, V1_3),
    (0xA2, "IA", Anywhere, V1_3, V1_3),
    (0xA3, "IC", Anywhere, V1_3, V1_3),
    (0x12, "IM", Anywhere, V1_1, V1_3),
    (0x68, "IM", Presence, V1_1, V1_2),
    (0x9F, "IR", Anywhere, V1_3, V1_3),
    (0x1A, "PR", Anywhere, V1_1, V1_3),
    (0x26, "SC", Anywhere, V1_1, V1_3),
    (0x2F, "US", Anywhere, V1_1, V1_3),
    (0x3C, "ANC", Anywhere, V1_3, V1_3),
    (0x51, "AND", Anywhere, V1_3, V1_3),
    (0x5A, "ANU", Anywhere, V1_3, V1_3),
    (0x53, "BLC", Anywhere, V1_3, V1_3),
    (0x7B, "Big", Anywhere, V1_3, V1_3),
    (0x91, "CLC", Anywhere, V1_3, V1_3),
    (0x56, "CLD", Anywhere, V1_3, V1_3),
    (0x62, "CLI", Presence, V1_1, V1_3),
    (0x59, "GLC", Anywhere, V1_3, V1_3),
    (0xA8, "GMG", Anywhere, V1_3, V1_3),
    (0xA9, "GMR", Anywhere, V1_3, V1_3),
    (0xAA, "GMU", Anywhere, V1_3, V1_3),
    (0x6E, "MMS", Presence, V1_1, V1_3),
    (0x14, "Mod", Anywhere, V1_1, V1_3),
    (0xAD, "OEU", Anywhere, V1_3, V1_3),
    (0x72, "PDA", Presence, V1_1, V1_3),
    (0x3A, "PPU", Anywhere, V1_3, V1_3),
    (0x85, "Red", Anywhere, V1_3, V1_3),
    (0x73, "SAD", Presence, V1_1, V1_3),
    (0x43, "SMS", Access, V1_1, V1_3),
    (0x75, "SMS", Presence, V1_1, V1_3),
    (0x3B, "SPA", Anywhere, V1_3, V1_3),
    (0x4F, "WSP", Access, V1_1, V1_3),
    (0x90, "ATCL", Anywhere, V1_3, V1_3),
    (0x8F, "Aqua", Anywhere, V1_3, V1_3),
    (0x54, "BLUC", Anywhere, V1_3, V1_3),
    (0x8D, "Blue", Anywhere, V1_3, V1_3),
    (0x7D, "Bold", Anywhere, V1_3, V1_3),
    (0x61, "CALL", Presence, V1_1, V1_3),
    (0x55, "CLCR", Anywhere, V1_3, V1_3),
    (0xA1, "GLUC", Anywhere, V1_3, V1_3),
    (0xA7, "GMAU", Anywhere, V1_3, V1_3),
    (0x82, "Gray", Anywhere, V1_3, V1_3),
    (0x42, "HTTP", Access, V1_1, V1_3),
    (0x7C, "Huge", Anywhere, V1_3, V1_3),
    (0x89, "Lime", Anywhere, V1_3, V1_3),
    (0x15, "Name", Anywhere, V1_1, V1_3),
    (0x8C, "Navy", Anywhere, V1_3, V1_3),
    (0x16, "None", Anywhere, V1_1, V1_3),
    (0x18, "Open", Anywhere, V1_1, V1_3),
    (0xA4, "SSMS", Access, V1_3, V1_3),
    (0x44, "STCP", Access, V1_1, V1_3),
    (0x45, "SUDP", Access, V1_1, V1_3),
    (0x8E, "Teal", Anywhere, V1_3, V1_3),
    (0x39, "Tiny", Anywhere, V1_3, V1_3),
    (0x2D, "Type", Anywhere, V1_1, V1_3),
    (0x5B, "ANGRY", Presence, V1_1, V1_3),
    (0x02, "Admin", Anywhere, V1_1, V1_3),
    (0x60, "BORED", Presence, V1_1, V1_3),
    (0x80, "Black", Anywhere, V1_3, V1_3),
    (0x65, "EMAIL", Presence, V1_1, V1_3),
    (0x88, "Green", Anywhere, V1_3, V1_3),
    (0x67, "HAPPY", Presence, V1_1, V1_3),
    (0x71, "OTHER", Presence, V1_1, V1_3),
    (0x8A, "Olive", Anywhere, V1_3, V1_3),
    (0xA5, "SHTTP", Access, V1_3, V1_3),
    (0x79, "Small", Anywhere, V1_3, V1_3),
    (0x2B, "Topic", Anywhere, V1_1, V1_3),
    (0x83, "White", Anywhere, V1_3, V1_3),
    (0x27, "text/", Anywhere, V1_1, V1_3),
    (0x07, "BASE64", Anywhere, V1_1, V1_3),
    (0x08, "Closed", Anywhere, V1_1, V1_3),
    (0x34, "DENIED", Anywhere, V1_2, V1_3),
    (0xAB, "DETECT", Anywhere, V1_3, V1_3),
    (0x11, "Inband", Anywhere, V1_1, V1_3),
    (0x7E, "Italic", Anywhere, V1_3, V1_3),
    (0x84, "Maroon", Anywhere, V1_3, V1_3),
    (0x7A, "Medium", Anywhere, V1_3, V1_3),
    (0xAF, "PP_AGE", Access, V1_3, V1_3),
    (0x1E, "Public", Anywhere, V1_1, V1_3),
    (0x86, "Purple", Anywhere, V1_3, V1_3),
    (0x9C, "REJECT", Access, V1_3, V1_3),
    (0x74, "SLEEPY", Presence, V1_1, V1_3),
    (0x37, "ShowID", Anywhere, V1_2, V1_3),
    (0x81, "Silver", Anywhere, V1_3, V1_3),
    (0x4D, "WAPSMS", Access, V1_1, V1_3),
    (0x4E, "WAPUDP", Access, V1_1, V1_3),
    (0x8B, "Yellow", Anywhere, V1_3, V1_3),
    (0x10, "image/", Anywhere, V1_1, V1_3),
    (0x5C, "ANXIOUS", Presence, V1_1, V1_3),
    (0x5D, "ASHAMED", Presence, V1_1, V1_3),
    (0x09, "Default", Anywhere, V1_1, V1_3),
    (0x66, "EXCITED", Presence, V1_1, V1_3),
    (0xAC, "FORKALL", Anywhere, V1_3, V1_3),
    (0x87, "Fuchsia", Anywhere, V1_3, V1_3),
    (0x35, "GRANTED", Anywhere, V1_2, V1_3),
    (0x3D, "History", Anywhere, V1_3, V1_3),
    (0x6B, "IN_LOVE", Presence, V1_1, V1_3),
    (0x6D, "JEALOUS", Presence, V1_1, V1_3),
    (0x19, "Outband", Anywhere, V1_1, V1_3),
    (0x36, "PENDING", Anywhere, V1_2, V1_3),
    (0xB0, "PP_CITY", Access, V1_3, V1_3),
    (0x1B, "Private", Anywhere, V1_1, V1_3),
    (0x20, "Request", Anywhere, V1_1, V1_3),
    (0x49, "USER_ID", Access, V1_1, V1_3),
    (0x0E, "http://", Anywhere, V1_1, V1_3),
    (0x06, "AutoJoin", Anywhere, V1_1, V1_3),
    (0x63, "COMPUTER", Presence, V1_1, V1_3),
    (0x64, "DISCREET", Presence, V1_1, V1_3),
    (0x3D, "GROUP_ID", Access, V1_1, V1_3),
    (0x21, "Response", Anywhere, V1_1, V1_3),
    (0x33, "Validity", Anywhere, V1_2, V1_3),
    (0x0F, "https://", Anywhere, V1_1, V1_3),
    (0x5F, "AVAILABLE", Presence, V1_1, V1_3),
    (0x6A, "IM_ONLINE", Presence, V1_1, V1_2),
    (0xB4, "PP_GENDER", Access, V1_3, V1_3),
    (0x9E, "SENDSTORE", Access, V1_3, V1_3),
    (0x93, "USER_CITY", Access, V1_3, V1_3),
    (0x7F, "Underline", Anywhere, V1_3, V1_3),
    (0x5E, "AUDIO_CALL", Presence, V1_1, V1_2),
    (0x00, "AccessType", Anywhere, V1_1, V1_3),
    (0x31, "AutoDelete", Anywhere, V1_2, V1_3),
    (0x3E, "GROUP_NAME", Access, V1_1, V1_3),
    (0x69, "IM_OFFLINE", Presence, V1_1, V1_2),
    (0x6C, "INVINCIBLE", Presence, V1_1, V1_3),
    (0xBB, "MinimumAge", Anywhere, V1_3, V1_3),
    (0xB1, "PP_COUNTRY", Access, V1_3, V1_3),
    (0x22, "Restricted", Anywhere, V1_1, V1_3),
    (0x9D, "SENDREJECT", Access, V1_3, V1_3),
    (0x23, "ScreenName", Anywhere, V1_1, V1_3),
    (0x24, "Searchable", Anywhere, V1_1, V1_3),
    (0x46, "USER_ALIAS", Access, V1_1, V1_3),
    (0x76, "VIDEO_CALL", Presence, V1_1, V1_2),
    (0x28, "text/plain", Anywhere, V1_1, V1_3),
    (0x01, "ActiveUsers", Anywhere, V1_1, V1_3),
    (0x0A, "DisplayName", Anywhere, V1_1, V1_3),
    (0xA6, "DoNotNotify", Anywhere, V1_3, V1_3),
    (0x3F, "GROUP_TOPIC", Access, V1_1, V1_3),
    (0xAE, "SERVERLOGIC", Anywhere, V1_3, V1_3),
    (0x96, "USER_GENDER", Access, V1_3, V1_3),
    (0x6F, "MOBILE_PHONE", Presence, V1_1, V1_3),
    (0xB3, "PP_FREE_TEXT", Access, V1_3, V1_3),
    (0xB5, "PP_INTENTION", Access, V1_3, V1_3),
    (0xB6, "PP_INTERESTS", Access, V1_3, V1_3),
    (0xB8, "USER_AGE_MAX", Access, V1_3, V1_3),
    (0xB9, "USER_AGE_MIN", Access, V1_3, V1_3),
    (0x94, "USER_COUNTRY", Access, V1_3, V1_3),
    (0x77, "VIDEO_STREAM", Presence, V1_1, V1_2),
    (0x03, "application/", Anywhere, V1_1, V1_3),
    (0x2A, "text/x-vCard", Anywhere, V1_1, V1_3),
    (0x70, "NOT_AVAILABLE", Presence, V1_1, V1_3),
    (0x9B, "PRIORITYSTORE", Access, V1_3, V1_3),
    (0x13, "MaxActiveUsers", Anywhere, V1_1, V1_3),
    (0x9A, "PRIORITYREJECT", Access, V1_3, V1_3),
    (0x1D, "PrivilegeLevel", Anywhere, V1_1, V1_3),
    (0x97, "USER_INTENTION", Access, V1_3, V1_3),
    (0x4A, "USER_LAST_NAME", Access, V1_1, V1_3),
    (0xBF, "PRESENCE_ACCESS", Anywhere, V1_3, V1_3),
    (0x48, "USER_FIRST_NAME", Access, V1_1, V1_3),
    (0xB2, "PP_FRIENDLY_NAME", Access, V1_3, V1_3),
    (0x1C, "PrivateMessaging", Anywhere, V1_1, V1_3),
    (0x29, "text/x-vCalendar", Anywhere, V1_1, V1_3),
    (0xBE, "FORMER_SUBSCRIBER", Anywhere, V1_3, V1_3),
    (0xB7, "PP_MARITAL_STATUS", Access, V1_3, V1_3),
    (0x38, "RequireInvitation", Anywhere, V1_3, V1_3),
    (0x05, "application/x-sms", Anywhere, V1_1, V1_3),
    (0xBD, "CURRENT_SUBSCRIBER", Anywhere, V1_3, V1_3),
    (0x47, "USER_EMAIL_ADDRESS", Access, V1_1, V1_3),
    (0x95, "USER_FRIENDLY_NAME", Access, V1_3, V1_3),
    (0x4B, "USER_MOBILE_NUMBER", Access, V1_1, V1_3),
    (0x4C, "USER_ONLINE_STATUS", Access, V1_1, V1_3),
    (0x41, "GROUP_USER_ID_OWNER", Access, V1_1, V1_3),
    (0x99, "USER_MARITAL_STATUS", Access, V1_3, V1_3),
    (0x40, "GROUP_USER_ID_JOINED", Access, V1_1, V1_3),
    (0x50, "GROUP_USER_ID_AUTOJOIN", Access, V1_2, V1_3),
    (0x98, "USER_INTERESTS_HOBBIES", Access, V1_3, V1_3),
    (0x30, "www.wireless-village.org", Anywhere, V1_1, V1_3),
    (0x78, "www.openmobilealliance.org", Anywhere, V1_3, V1_3),
    (0x04, "application/vnd.wap.mms-message", Anywhere, V1_1, V1_3),
];

/// How long the longest value is, in bytes.
const LONGEST: usize = 31;

/// The value that `token` stands for on a code page.
pub(crate) fn value_of(token: u32, page: u8, version: Version) -> Option<&'static str> {
    match token {
        0x3D if is_access(page) || version < V1_3 => Some("GROUP_ID"),
        0x3D => Some("History"),
        0x68 if version < V1_3 => Some("IM"),
        0x68 => Some("AP"),
        _ => {
            let token = usize::try_from(token).ok()?;
            BY_TOKEN.get(token).copied().flatten()
        }
    }
}

/// The token that `value` has on a code page, if it has one.
pub(crate) fn value_token(value: &str, page: u8, version: Version) -> Option<u8> {
    if value.len() > LONGEST {
        return None;
    }
    let before = |row: &str| (row.len(), row) < (value.len(), value);
    let from = VALUES.partition_point(|row| before(row.1));
    VALUES
        .get(from..)?
        .iter()
        .take_while(|row| row.1 == value)
        .filter(|row| row.3 <= version && version <= row.4)
        // Where a token means something else, it cannot be written.
        .filter(|row| value_of(u32::from(row.0), page, version) == Some(value))
        // A token of its own on this page comes before one for all pages.
        .filter_map(|row| rank(row.2, page).map(|rank| (rank, row.0)))
        .min()
        .map(|(_, token)| token)
}

fn rank(scope: Scope, page: u8) -> Option<u8> {
    match scope {
        Access if is_access(page) => Some(0),
        Presence if is_presence(page) => Some(0),
        Anywhere => Some(1),
        Presence if page == 0 => Some(2),
        Access | Presence => None,
    }
}

fn is_access(page: u8) -> bool {
    matches!(page, 0x01 | 0x03 | 0x0A)
}

fn is_presence(page: u8) -> bool {
    matches!(page, 0x04 | 0x05)
}

static BY_TOKEN: [Option<&str>; 0x100] = by_token();

#[allow(
    clippy::indexing_slicing,
    reason = "runs in the compiler, which stops at an index outside"
)]
const fn by_token() -> [Option<&'static str>; 0x100] {
    let mut table = [None; 0x100];
    let mut at = 0;
    while at < VALUES.len() {
        table[VALUES[at].0 as usize] = Some(VALUES[at].1);
        at += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_leads_back_to_itself() {
        let pages = [0x00, 0x01, 0x03, 0x04, 0x05, 0x06, 0x07, 0x09, 0x0A];
        let mut found = 0;
        for (_, value, ..) in VALUES {
            for page in pages {
                for version in Version::ALL {
                    if let Some(token) = value_token(value, page, version) {
                        let back = value_of(u32::from(token), page, version);
                        assert_eq!(back, Some(*value), "{token:#x} on {page:#x} in {version}");
                        found += 1;
                    }
                }
            }
        }
        assert!(found > VALUES.len(), "{found}");
        assert!(VALUES.iter().all(|row| row.1.len() <= LONGEST));
        assert!(VALUES.is_sorted_by_key(|row| (row.1.len(), row.1)));
    }

    #[test]
    fn tokens_that_depend_on_the_place() {
        let rows = [
            ("SMS", 0x03, V1_3, Some(0x43)),
            ("SMS", 0x05, V1_3, Some(0x75)),
            ("IM", 0x01, V1_1, Some(0x12)),
            ("IM", 0x05, V1_2, Some(0x68)),
            ("IM", 0x05, V1_3, Some(0x12)),
            ("AP", 0x01, V1_3, Some(0x68)),
            ("AP", 0x01, V1_2, None),
            ("GROUP_ID", 0x01, V1_3, Some(0x3D)),
            ("History", 0x00, V1_3, Some(0x3D)),
            ("History", 0x00, V1_2, None),
            ("History", 0x01, V1_3, None),
            ("AVAILABLE", 0x00, V1_1, Some(0x5F)),
            ("AVAILABLE", 0x07, V1_1, None),
            ("Accesstype", 0x00, V1_3, None),
            ("", 0x00, V1_3, None),
        ];
        for (value, page, version, want) in rows {
            assert_eq!(
                value_token(value, page, version),
                want,
                "{value} {page} {version}"
            );
        }
        assert_eq!(value_of(0x92, 0, V1_3), None);
        assert_eq!(value_of(0x1_00, 0, V1_3), None);
        assert_eq!(value_of(u32::MAX, 0, V1_3), None);
    }
}
