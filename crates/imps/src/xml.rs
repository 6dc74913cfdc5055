//! The textual encoding.

mod reader;
mod writer;

pub(crate) use reader::Source;
pub(crate) use writer::Writer;
