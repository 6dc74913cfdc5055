//! What can be asked on the way of a commit.

use rusqlite::Connection;

use crate::memory::Memory;
use crate::sqlite::document;
use crate::{Document, Trouble};

/// The store as a unit sees it that has been written and is about to be committed.
///
/// To ask here costs less than to ask a [`Reader`](crate::Reader), which has to find out first what
/// has changed, and runs elsewhere.
#[derive(Debug)]
pub struct Inside<'a>(Kind<'a>);

#[derive(Debug)]
enum Kind<'a> {
    Memory(&'a Memory),
    Sqlite(&'a Connection),
}

impl<'a> Inside<'a> {
    pub(crate) fn of_memory(memory: &'a Memory) -> Self {
        Self(Kind::Memory(memory))
    }

    pub(crate) fn of_sqlite(connection: &'a Connection) -> Self {
        Self(Kind::Sqlite(connection))
    }

    /// One document.
    ///
    /// # Errors
    ///
    /// [`Trouble`].
    pub fn document(&self, collection: &str, name: &str) -> Result<Option<Document>, Trouble> {
        match &self.0 {
            Kind::Memory(memory) => Ok(memory.readable()?.document(collection, name)),
            Kind::Sqlite(connection) => Ok(document::find(connection, collection, name)?),
        }
    }
}
