//! Enumerations: of elements that exclude each other, and of words.

/// An enumeration of which one stands in an element, each in an element of its own.
macro_rules! choice {
    (
        $(#[$meta:meta])*
        $name:ident {
            $($(#[$variant_meta:meta])* $variant:ident($ty:ty) = $element:ident),* $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Eq, PartialEq)]
        pub enum $name {
            $($(#[$variant_meta])* $variant($ty),)*
        }

        impl $crate::content::Content for $name {
            fn read(
                element: $crate::table::Element,
                from: &mut $crate::reader::Reader<'_>,
            ) -> Result<Self, $crate::error::Flaw> {
                use $crate::table::Element;
                let mut found = None;
                while let Some(child) = from.child()? {
                    match child {
                        $(Element::$element => {
                            let value = <$ty as $crate::content::Content>::read(child, from)?;
                            found.get_or_insert(Self::$variant(value));
                        })*
                        _ => from.skip()?,
                    }
                }
                let wanted = [$(Element::$element),*];
                let first = wanted.first().copied().unwrap_or(element);
                found.ok_or_else(|| $crate::record::missing(from, element, first))
            }

            fn write(&self, element: $crate::table::Element, to: &mut $crate::writer::Writer) {
                to.open(element);
                match self {
                    $(Self::$variant(value) => $crate::content::Content::write(
                        value,
                        $crate::table::Element::$element,
                        to,
                    ),)*
                }
                to.close(element);
            }

            #[cfg(test)]
            fn any(_: $crate::table::Element, chance: &mut $crate::chance::Chance) -> Self {
                let mut all = [$(
                    Self::$variant(<$ty as $crate::content::Content>::any(
                        $crate::table::Element::$element,
                        chance,
                    )),
                )*].to_vec();
                let at = chance.below(all.len() as u64) as usize;
                all.swap_remove(at)
            }
        }
    };
}
pub(crate) use choice;

/// An enumeration of words of the protocol, and of whatever else a peer may write.
macro_rules! words {
    (
        $(#[$meta:meta])*
        $name:ident {
            $($(#[$variant_meta:meta])* $variant:ident $word:literal),* $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
        pub enum $name {
            $($(#[$variant_meta])* $variant,)*
            /// Another word, verbatim.
            Other(String),
        }

        impl $name {
            /// The word on the wire.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $word,)*
                    Self::Other(word) => word,
                }
            }

            /// Reads a word. Letter case is forgiven.
            pub fn parse(word: &str) -> Self {
                let word = word.trim();
                $(
                    if word.eq_ignore_ascii_case($word) {
                        return Self::$variant;
                    }
                )*
                Self::Other(word.to_owned())
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl $crate::content::Content for $name {
            fn read(
                element: $crate::table::Element,
                from: &mut $crate::reader::Reader<'_>,
            ) -> Result<Self, $crate::error::Flaw> {
                match from.value()? {
                    $crate::reader::Value::Text(word) => Ok(Self::parse(&word)),
                    $crate::reader::Value::Opaque(_) => Err(from.bad_value(element, "a word")),
                }
            }

            fn write(&self, element: $crate::table::Element, to: &mut $crate::writer::Writer) {
                to.text(element, self.as_str());
            }

            #[cfg(test)]
            fn any(element: $crate::table::Element, chance: &mut $crate::chance::Chance) -> Self {
                let words = [$($word),*];
                match words.get(chance.below(1 + words.len() as u64) as usize) {
                    Some(word) => Self::parse(word),
                    None => Self::parse(&chance.text(element)),
                }
            }
        }
    };
}
pub(crate) use words;
