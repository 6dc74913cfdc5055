//! Documents.

use super::tables::Tables;
use crate::{CommitError, Document, Expect};

impl Tables {
    pub(super) fn put_document(
        &mut self,
        document: &Document,
        expect: &Expect,
    ) -> Result<(), CommitError> {
        let key = (document.collection.clone(), document.name.clone());
        let found = self.documents.get(&key);
        if !expect.holds(found.map(|found| found.etag.as_str())) {
            return Err(changed(&document.collection, &document.name));
        }
        self.set_document(key, Some(document.clone()));
        Ok(())
    }

    pub(super) fn remove_document(
        &mut self,
        collection: &str,
        name: &str,
        expected: Option<&str>,
    ) -> Result<(), CommitError> {
        let key = (collection.to_owned(), name.to_owned());
        let found = self.documents.get(&key);
        if expected.is_some() && found.map(|found| found.etag.as_str()) != expected {
            return Err(changed(collection, name));
        }
        self.set_document(key, None);
        Ok(())
    }
}

fn changed(collection: &str, name: &str) -> CommitError {
    CommitError::DocumentChanged {
        collection: collection.to_owned(),
        name: name.to_owned(),
    }
}
