//! Values by chance, for tests: the same seed gives the same values.

use crate::date::DateTime;
use crate::table::{Element, Kind, value_of};
use crate::version::Version;

/// The source of values that one version can carry.
pub(crate) struct Chance {
    state: u64,
    pub(crate) version: Version,
    /// Texts are plain words: no markup, and no white space.
    pub(crate) plain: bool,
    /// How many more elements there may be; then everything is as small as it can be.
    left: u32,
}

impl Chance {
    pub(crate) fn new(seed: u64, version: Version) -> Self {
        Self {
            state: seed,
            version,
            plain: false,
            left: 60,
        }
    }

    /// Begins a value of its own, which may be as large as the one before.
    pub(crate) fn refill(&mut self) -> &mut Self {
        self.left = 60;
        self
    }

    /// SplitMix64.
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    pub(crate) fn coin(&mut self) -> bool {
        self.next() & 1 == 1
    }

    /// Whether something that may be missing is there.
    pub(crate) fn maybe(&mut self) -> bool {
        self.left = self.left.saturating_sub(1);
        self.left > 0 && self.coin()
    }

    /// How many there are of something.
    pub(crate) fn several(&mut self) -> u64 {
        if self.maybe() { self.below(4) } else { 0 }
    }

    pub(crate) fn number(&mut self) -> u32 {
        let bits = self.below(33);
        (self.next() & ((1 << bits) - 1)) as u32
    }

    pub(crate) fn date(&mut self) -> DateTime {
        let mut small = |from: u8, width: u64| from + self.below(width) as u8;
        let (month, day) = (small(1, 12), small(1, 31));
        let time = (small(0, 24), small(0, 60), small(0, 60));
        let year = if self.plain {
            2001
        } else {
            self.below(4096) as u16
        };
        DateTime::utc((year, month, day), time).expect("a date")
    }

    pub(crate) fn text(&mut self, element: Element) -> String {
        let kind = element.entry().kind;
        if self.plain && kind == Kind::IntegerOrId {
            return self.number().to_string();
        }
        if self.plain {
            let word = self.letters("bcdefghijklm");
            return format!("w{word}");
        }
        match (kind, self.below(4)) {
            (Kind::Token, 0) => {
                let token = self.below(0xC1) as u32;
                value_of(token, element.entry().page, self.version)
                    .unwrap_or("T")
                    .to_owned()
            }
            (Kind::IntegerOrId, 0 | 1) => self.number().to_string(),
            (Kind::Free | Kind::Content, _) => self.letters(" \t\n\r<>&\"'aé\u{2028}𝄞]]>"),
            _ => self.letters("wv:@/~.abZ09<&é+").trim().to_owned(),
        }
    }

    fn letters(&mut self, alphabet: &str) -> String {
        let alphabet: Vec<char> = alphabet.chars().collect();
        let length = self.below(12);
        (0..length)
            .map(|_| alphabet[self.below(alphabet.len() as u64) as usize])
            .collect()
    }
}
