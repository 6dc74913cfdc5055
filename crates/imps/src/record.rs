//! Structs from lists of elements.
//!
//! Every primitive, and every element with parts, is listed once: what its parts are called, of
//! what type, in which element, how often, and in which versions. Reading and writing follow from
//! the list. The order of the list is the order of the document type definition, in which a part is
//! written; a reader takes any order, and passes over elements that it does not know.
//!
//! ```text
//!   record! {
//!       /// What it is.
//!       JoinGroupResponse {
//!           /// The part.
//!           welcome_note: ? WelcomeNote = WelcomeNote,
//!       }
//!   }
//! ```
//!
//! The mark says how often: `!` exactly once; `~` once, but a reader forgives its absence and takes
//! the default; `?` at most once; `*` any number; `+` at least one. After the type comes the
//! element. `A / B` is element B within an element A of its own. Several forms are parted by `|`. A
//! version writes those whose elements it has; `A @V12` keeps a form for the versions of that name,
//! and `A @READ` is never written. A list under `early` holds what older versions write before the
//! rest, because their order is another one; `then` names a method that is called on what was read.

use crate::error::{Flaw, FlawKind};
use crate::reader::Reader;
use crate::table::Element;
use crate::version::{Span, Version};

pub(crate) const V11: Span = Span::new(Version::V1_1, Version::V1_1);
pub(crate) const V12: Span = Span::new(Version::V1_2, Version::V1_2);
pub(crate) const V13: Span = Span::new(Version::V1_3, Version::V1_3);
pub(crate) const V11_12: Span = Span::new(Version::V1_1, Version::V1_2);
pub(crate) const V12_13: Span = Span::new(Version::V1_2, Version::V1_3);
pub(crate) const ALL: Span = Span::new(Version::V1_1, Version::V1_3);
/// No version at all: the form is read only.
pub(crate) const READ: Span = Span::new(Version::V1_3, Version::V1_1);

/// Reads the elements at the end of `path`, which begins in the element that is open. With an empty
/// path that element itself is meant.
pub(crate) fn each(
    element: Element,
    path: &[Element],
    from: &mut Reader<'_>,
    take: &mut dyn FnMut(Element, &mut Reader<'_>) -> Result<(), Flaw>,
) -> Result<(), Flaw> {
    let Some((next, rest)) = path.split_first() else {
        return take(element, from);
    };
    while let Some(child) = from.child()? {
        if child == *next {
            each(child, rest, from, take)?;
        } else {
            from.skip()?;
        }
    }
    Ok(())
}

/// Whether a version writes the form whose elements are `path`: it has them all, and the form is
/// not kept for other versions.
pub(crate) fn written(version: Version, span: Span, path: &[Element]) -> bool {
    let known = |element: &Element| element.entry().span.contains(version);
    span.contains(version) && path.iter().all(known)
}

/// The part of `element` that was to be in `child` is missing.
pub(crate) fn missing(from: &Reader<'_>, element: Element, child: Element) -> Flaw {
    from.flaw(FlawKind::Missing {
        element: element.name(),
        child: child.name(),
    })
}

/// See the module.
macro_rules! record {
    (
        $(#[$meta:meta])*
        $name:ident {
            $(
                $(#[$field_meta:meta])*
                $field:ident : $card:tt $ty:ty
                    = $($first:ident $(/ $rest:ident)* $(@ $span:ident)?)|+
            ),* $(,)?
        }
        $(early {
            $(
                $early:ident : $early_card:tt $early_ty:ty
                    = $($early_first:ident $(/ $early_rest:ident)* $(@ $early_span:ident)?)|+
            ),* $(,)?
        })?
        $(then $settle:ident)?
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Default, Eq, PartialEq)]
        pub struct $name {
            $(
                $(#[$field_meta])*
                pub $field: $crate::record::record!(@type $card $ty),
            )*
        }

        impl $crate::content::Content for $name {
            #[allow(
                unused_imports,
                unused_mut,
                unused_variables,
                reason = "a record may have no parts"
            )]
            fn read(
                element: $crate::table::Element,
                from: &mut $crate::reader::Reader<'_>,
            ) -> Result<Self, $crate::error::Flaw> {
                use $crate::table::Element;
                $(let mut $field: $crate::record::record!(@slot $card $ty) = Default::default();)*
                while let Some(child) = from.child()? {
                    match child {
                        $($(
                            Element::$first => $crate::record::record!(
                                @read $card $ty, $field, child, from, [$(Element::$rest),*]
                            ),
                        )+)*
                        _ => from.skip()?,
                    }
                }
                let mut value = Self {
                    $($field: $crate::record::record!(
                        @done $card $field, element, from, [$(Element::$first),+]
                    ),)*
                };
                $(value.$settle();)?
                Ok(value)
            }

            fn write(&self, element: $crate::table::Element, to: &mut $crate::writer::Writer) {
                to.open(element);
                $($($(
                    if $crate::record::record!(
                        @written to.version(), [$early_first $($early_rest)*] $($early_span)?
                    ) {
                        $crate::record::record!(
                            @write $early_card self.$early, to, [$early_first $($early_rest)*]
                        );
                    }
                )+)*)?
                $($(
                    if $crate::record::record!(
                        @written to.version(), [$first $($rest)*] $($span)?
                    ) {
                        $crate::record::record!(
                            @write $card self.$field, to, [$first $($rest)*]
                        );
                    }
                )+)*
                to.close(element);
            }

            #[cfg(test)]
            #[allow(unused_variables, unused_mut, reason = "a record may have no parts")]
            fn any(
                element: $crate::table::Element,
                chance: &mut $crate::chance::Chance,
            ) -> Self {
                let mut value = Self::default();
                $($($(
                    if $crate::record::record!(
                        @written chance.version, [$early_first $($early_rest)*] $($early_span)?
                    ) {
                        let leaf = $crate::record::record!(@leaf [$early_first $($early_rest)*]);
                        $crate::record::record!(
                            @any $early_card $early_ty, value.$early, leaf, chance
                        );
                    }
                )+)*)?
                $($(
                    if $crate::record::record!(
                        @written chance.version, [$first $($rest)*] $($span)?
                    ) {
                        let leaf = $crate::record::record!(@leaf [$first $($rest)*]);
                        $crate::record::record!(@any $card $ty, value.$field, leaf, chance);
                    }
                )+)*
                $(value.$settle();)?
                value
            }
        }
    };

    (@type ! $ty:ty) => { $ty };
    (@type ~ $ty:ty) => { $ty };
    (@type ? $ty:ty) => { Option<$ty> };
    (@type * $ty:ty) => { Vec<$ty> };
    (@type + $ty:ty) => { Vec<$ty> };

    (@slot * $ty:ty) => { Vec<$ty> };
    (@slot + $ty:ty) => { Vec<$ty> };
    (@slot $card:tt $ty:ty) => { Option<$ty> };

    (@written $version:expr, [$($path:ident)+]) => {
        $crate::record::written($version, $crate::record::ALL, &[
            $($crate::table::Element::$path),+
        ])
    };
    (@written $version:expr, [$($path:ident)+] $span:ident) => {
        $crate::record::written($version, $crate::record::$span, &[
            $($crate::table::Element::$path),+
        ])
    };

    (@leaf [$leaf:ident]) => { $crate::table::Element::$leaf };
    (@leaf [$outer:ident $($rest:ident)+]) => { $crate::record::record!(@leaf [$($rest)+]) };

    (@read $card:tt $ty:ty, $field:ident, $child:ident, $from:ident, []) => {
        $crate::record::record!(
            @keep $card $field,
            <$ty as $crate::content::Content>::read($child, $from)?
        )
    };
    (@read $card:tt $ty:ty, $field:ident, $child:ident, $from:ident, [$($rest:expr),+]) => {
        $crate::record::each($child, &[$($rest),+], $from, &mut |leaf, from| {
            $crate::record::record!(
                @keep $card $field,
                <$ty as $crate::content::Content>::read(leaf, from)?
            );
            Ok(())
        })?
    };

    (@keep * $field:ident, $value:expr) => { $field.push($value) };
    (@keep + $field:ident, $value:expr) => { $field.push($value) };
    (@keep $card:tt $field:ident, $value:expr) => { $field = Some($value) };

    (@done ! $field:ident, $element:ident, $from:ident, [$first:expr $(, $more:expr)*]) => {
        $field.ok_or_else(|| $crate::record::missing($from, $element, $first))?
    };
    (@done + $field:ident, $element:ident, $from:ident, [$first:expr $(, $more:expr)*]) => {
        if $field.is_empty() {
            return Err($crate::record::missing($from, $element, $first));
        } else {
            $field
        }
    };
    (@done ~ $field:ident, $element:ident, $from:ident, $firsts:tt) => {
        $field.unwrap_or_default()
    };
    (@done $card:tt $field:ident, $element:ident, $from:ident, $firsts:tt) => { $field };

    (@write ! $value:expr, $to:ident, $path:tt) => {
        $crate::record::record!(@one $value, $to, $path)
    };
    (@write ~ $value:expr, $to:ident, $path:tt) => {
        $crate::record::record!(@one $value, $to, $path)
    };
    (@write ? $value:expr, $to:ident, $path:tt) => {
        if let Some(value) = &$value {
            $crate::record::record!(@one *value, $to, $path);
        }
    };
    (@write * $value:expr, $to:ident, [$element:ident]) => {
        for value in &$value {
            $crate::record::record!(@one *value, $to, [$element]);
        }
    };
    (@write * $value:expr, $to:ident, [$($path:ident)+]) => {
        if !$value.is_empty() {
            $crate::record::record!(@many $value, $to, [$($path)+]);
        }
    };
    (@write + $value:expr, $to:ident, $path:tt) => {
        $crate::record::record!(@many $value, $to, $path)
    };

    (@one $value:expr, $to:ident, [$element:ident]) => {
        $crate::content::Content::write(&$value, $crate::table::Element::$element, $to)
    };
    (@one $value:expr, $to:ident, [$outer:ident $($rest:ident)+]) => {{
        $to.open($crate::table::Element::$outer);
        $crate::record::record!(@one $value, $to, [$($rest)+]);
        $to.close($crate::table::Element::$outer);
    }};
    (@many $value:expr, $to:ident, [$element:ident]) => {
        for value in &$value {
            $crate::record::record!(@one *value, $to, [$element]);
        }
    };
    (@many $value:expr, $to:ident, [$outer:ident $($rest:ident)+]) => {{
        $to.open($crate::table::Element::$outer);
        $crate::record::record!(@many $value, $to, [$($rest)+]);
        $to.close($crate::table::Element::$outer);
    }};

    (@any ? $ty:ty, $value:expr, $leaf:ident, $chance:ident) => {
        if $chance.maybe() {
            $value = Some(<$ty as $crate::content::Content>::any($leaf, $chance));
        }
    };
    (@any * $ty:ty, $value:expr, $leaf:ident, $chance:ident) => {
        for _ in 0..$chance.several() {
            $value.push(<$ty as $crate::content::Content>::any($leaf, $chance));
        }
    };
    (@any + $ty:ty, $value:expr, $leaf:ident, $chance:ident) => {
        for _ in 0..1 + $chance.several() {
            $value.push(<$ty as $crate::content::Content>::any($leaf, $chance));
        }
    };
    (@any $card:tt $ty:ty, $value:expr, $leaf:ident, $chance:ident) => {
        $value = <$ty as $crate::content::Content>::any($leaf, $chance)
    };
}
pub(crate) use record;
