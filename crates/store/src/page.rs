//! Lists, one page at a time.

/// The most that one page holds, in rows. A reader that asks for more gets this many.
///
/// A thousand bindings are about half a megabyte: little to hold, and few pages even at a
/// million. A document or message may have a megabyte of its own: who reads those asks for few.
pub const PAGE_ROWS_MAX: u32 = 1000;

/// Where a list is to go on: behind a row that was seen.
///
/// It names that row by its key, or by the number it got when it came, and not by a count, so that
/// rows which come or go in between make a reader neither miss nor repeat others.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Cursor {
    pub(crate) first: String,
    pub(crate) second: String,
    /// For lists in the order of arrival, whose numbers begin with 1.
    pub(crate) number: i64,
}

impl Cursor {
    /// Before the first row.
    pub const START: Self = Self {
        first: String::new(),
        second: String::new(),
        number: 0,
    };

    pub(crate) fn new(first: &str, second: &str) -> Self {
        Self {
            first: first.to_owned(),
            second: second.to_owned(),
            number: 0,
        }
    }

    pub(crate) fn numbered(number: i64) -> Self {
        Self {
            number,
            ..Self::START
        }
    }
}

/// A stretch of a list, in the order of its keys' bytes or of its rows' arrival.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Page<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// Where the list goes on; `None` when this was its end.
    pub next: Option<Cursor>,
}

impl<T> Page<T> {
    /// A page of at most `limit` of `rows`, which holds one more if the list goes on.
    pub(crate) fn cut(mut rows: Vec<T>, limit: u32, cursor: fn(&T) -> Cursor) -> Self {
        let limit = rows_of(limit) as usize;
        let next = if rows.len() > limit {
            rows.truncate(limit);
            rows.last().map(cursor)
        } else {
            None
        };
        Self { rows, next }
    }

    /// A page of rows that were read with their numbers, without them.
    pub(crate) fn cut_numbered(rows: Vec<(i64, T)>, limit: u32) -> Self {
        let Page { rows, next } = Page::cut(rows, limit, |(number, _)| Cursor::numbered(*number));
        let rows = rows.into_iter().map(|(_, row)| row).collect();
        Self { rows, next }
    }
}

/// How many rows to read for a page of at most `limit`: one more, to know whether there are more.
pub(crate) fn rows_to_read(limit: u32) -> u32 {
    rows_of(limit) + 1
}

/// How many rows a caller gets who asks for at most `limit`.
pub(crate) fn rows_of(limit: u32) -> u32 {
    limit.clamp(1, PAGE_ROWS_MAX)
}
