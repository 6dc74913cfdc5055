//! Structs from lists of attributes and elements.
//!
//! Every primitive, and every element with parts, is listed once; reading and writing follow from
//! the list. Its order is that in which the parts are written. A reader takes any order, and passes
//! over what it does not know.
//!
//! ```text
//!   structure! {
//!       /// What it is.
//!       JoinGroupRequest {
//!           /// An attribute.
//!           group: ! String = @ "groupID",
//!           /// An element.
//!           meta: ! MetaInfo = "MetaInfo",
//!           /// Elements in an element.
//!           own_properties: * Property = "OwnProperties" > "Property",
//!       }
//!   }
//! ```
//!
//! The mark says how often: `!` exactly once; `~` once, but a reader forgives its absence and takes
//! the default; `?` at most once; `*` any number; `+` at least one. `"A" @ "b"` is the attribute b
//! of an element A. Attributes of the element itself stand first in the list.

use std::borrow::Cow;

use super::Error;
use super::node::Node;
use super::writer::Writer;

/// A value that fills one element.
pub(crate) trait Part: Sized {
    /// Reads what is in `node`, which the sender means to be an `element`.
    fn read(node: &Node<'_>, element: &'static str) -> Result<Self, Error>;

    /// Writes an `element` with this in it.
    fn write(&self, element: &'static str, to: &mut Writer);

    /// Some value.
    #[cfg(test)]
    fn any(chance: &mut crate::chance::Chance) -> Self;
}

/// A value that fills one attribute.
pub(crate) trait Word: Sized {
    /// What it has to be, for people.
    const EXPECTED: &'static str;

    /// Reads it. White space around it is gone.
    fn parse(word: &str) -> Option<Self>;

    /// The text on the wire.
    fn text(&self) -> Cow<'_, str>;

    /// Some value.
    #[cfg(test)]
    fn any(chance: &mut crate::chance::Chance) -> Self;
}

/// The elements at the end of a path; those of an empty path are the one it begins at.
fn ends<'n, 'i>(node: &'n Node<'i>, path: &[&'static str]) -> Vec<&'n Node<'i>> {
    path.iter().fold(vec![node], |nodes, name| {
        nodes.iter().flat_map(|node| node.named(name)).collect()
    })
}

/// Reads elements, each of which is one value.
pub(crate) fn parts<T: Part>(node: &Node<'_>, path: &[&'static str]) -> Result<Vec<T>, Error> {
    let element = path.last().copied().unwrap_or_default();
    let read = |node| T::read(node, element);
    ends(node, path).into_iter().map(read).collect()
}

/// Reads an attribute of elements. An element that has text instead of the attribute is taken.
pub(crate) fn words<T: Word>(
    node: &Node<'_>,
    path: &[&'static str],
    attribute: &'static str,
) -> Result<Vec<T>, Error> {
    let mut found = Vec::new();
    for node in ends(node, path) {
        let text = Some(node.text()).filter(|text| !path.is_empty() && !text.is_empty());
        if let Some(word) = node.attribute(attribute).or(text) {
            found.push(T::parse(word).ok_or(Error::BadValue {
                element: attribute,
                expected: T::EXPECTED,
            })?);
        }
    }
    Ok(found)
}

/// Writes elements, each of which is one value; the elements around them are written once.
pub(crate) fn write_parts<T: Part>(values: &[T], path: &[&'static str], to: &mut Writer) {
    if let Some((element, around)) = path.split_last()
        && !values.is_empty()
    {
        around.iter().for_each(|element| to.open(element));
        values.iter().for_each(|value| value.write(element, to));
        around.iter().rev().for_each(|element| to.close(element));
    }
}

/// Writes an attribute, of the element that is open or of elements that have nothing else.
pub(crate) fn write_words<T: Word>(
    values: &[T],
    path: &[&'static str],
    attribute: &'static str,
    to: &mut Writer,
) {
    let Some((element, around)) = path.split_last() else {
        return values
            .iter()
            .for_each(|value| to.attribute(attribute, &value.text()));
    };
    if values.is_empty() {
        return;
    }
    around.iter().for_each(|element| to.open(element));
    for value in values {
        to.open(element);
        to.attribute(attribute, &value.text());
        to.close(element);
    }
    around.iter().rev().for_each(|element| to.close(element));
}

/// What must be there and is not.
pub(crate) fn missing(
    element: &'static str,
    path: &[&'static str],
    attribute: &'static str,
) -> Error {
    Error::Missing {
        element,
        child: path.first().copied().unwrap_or(attribute),
    }
}

/// See the module.
macro_rules! structure {
    (
        $(#[$meta:meta])*
        $name:ident {
            $(
                $(#[$field_meta:meta])*
                $field:ident : $card:tt $ty:ty = $($path:literal)>* $(@ $attribute:literal)?
            ),* $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Default, Eq, PartialEq)]
        pub struct $name {
            $(
                $(#[$field_meta])*
                pub $field: $crate::ssp::structure::structure!(@type $card $ty),
            )*
        }

        impl $crate::ssp::structure::Part for $name {
            #[allow(unused_variables, reason = "a structure may have no mandatory parts")]
            fn read(
                node: &$crate::ssp::node::Node<'_>,
                element: &'static str,
            ) -> Result<Self, $crate::ssp::Error> {
                $(
                    let values: Vec<$ty> = $crate::ssp::structure::structure!(
                        @read node, [$($path),*] $($attribute)?
                    );
                    let $field = $crate::ssp::structure::structure!(
                        @done $card values,
                        $crate::ssp::structure::missing(
                            element,
                            &[$($path),*],
                            concat!($($attribute)?),
                        )
                    );
                )*
                Ok(Self { $($field),* })
            }

            fn write(&self, element: &'static str, to: &mut $crate::ssp::writer::Writer) {
                to.open(element);
                $(
                    $crate::ssp::structure::structure!(
                        @write $crate::ssp::structure::structure!(@slice $card self.$field),
                        to, [$($path),*] $($attribute)?
                    );
                )*
                to.close(element);
            }

            #[cfg(test)]
            #[allow(unused_variables, reason = "a structure may have no parts")]
            fn any(chance: &mut $crate::chance::Chance) -> Self {
                Self {
                    $($field: $crate::ssp::structure::structure!(
                        @any $card $ty, chance $(, $attribute)?
                    ),)*
                }
            }
        }
    };

    (@type ! $ty:ty) => { $ty };
    (@type ~ $ty:ty) => { $ty };
    (@type ? $ty:ty) => { Option<$ty> };
    (@type * $ty:ty) => { Vec<$ty> };
    (@type + $ty:ty) => { Vec<$ty> };

    (@read $node:ident, $path:tt) => { $crate::ssp::structure::parts($node, &$path)? };
    (@read $node:ident, $path:tt $attribute:literal) => {
        $crate::ssp::structure::words($node, &$path, $attribute)?
    };

    (@done ! $values:ident, $absent:expr) => {
        $values.into_iter().next().ok_or_else(|| $absent)?
    };
    (@done ~ $values:ident, $absent:expr) => { $values.into_iter().next().unwrap_or_default() };
    (@done ? $values:ident, $absent:expr) => { $values.into_iter().next() };
    (@done * $values:ident, $absent:expr) => { $values };
    (@done + $values:ident, $absent:expr) => {
        if $values.is_empty() {
            return Err($absent);
        } else {
            $values
        }
    };

    (@slice ! $value:expr) => { std::slice::from_ref(&$value) };
    (@slice ~ $value:expr) => { std::slice::from_ref(&$value) };
    (@slice ? $value:expr) => { $value.as_slice() };
    (@slice * $value:expr) => { $value.as_slice() };
    (@slice + $value:expr) => { $value.as_slice() };

    (@write $values:expr, $to:ident, $path:tt) => {
        $crate::ssp::structure::write_parts($values, &$path, $to)
    };
    (@write $values:expr, $to:ident, $path:tt $attribute:literal) => {
        $crate::ssp::structure::write_words($values, &$path, $attribute, $to)
    };

    (@any ! $ty:ty, $chance:ident $(, $attribute:literal)?) => {
        $crate::ssp::structure::structure!(@one $ty, $chance $(, $attribute)?)
    };
    (@any ~ $ty:ty, $chance:ident $(, $attribute:literal)?) => {
        $crate::ssp::structure::structure!(@one $ty, $chance $(, $attribute)?)
    };
    (@any ? $ty:ty, $chance:ident $(, $attribute:literal)?) => {
        $chance.maybe().then(|| {
            $crate::ssp::structure::structure!(@one $ty, $chance $(, $attribute)?)
        })
    };
    (@any * $ty:ty, $chance:ident $(, $attribute:literal)?) => {
        (0..$chance.several())
            .map(|_| $crate::ssp::structure::structure!(@one $ty, $chance $(, $attribute)?))
            .collect()
    };
    (@any + $ty:ty, $chance:ident $(, $attribute:literal)?) => {
        (0..1 + $chance.several())
            .map(|_| $crate::ssp::structure::structure!(@one $ty, $chance $(, $attribute)?))
            .collect()
    };
    (@one $ty:ty, $chance:ident) => {
        <$ty as $crate::ssp::structure::Part>::any($chance)
    };
    (@one $ty:ty, $chance:ident, $attribute:literal) => {
        <$ty as $crate::ssp::structure::Word>::any($chance)
    };
}
pub(crate) use structure;
