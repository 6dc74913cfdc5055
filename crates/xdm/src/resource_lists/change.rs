//! Changing a stored document, and what must stay true of it.

use std::collections::BTreeSet;

use super::{Entry, Item, List, ResourceLists};
use crate::Error;
use crate::error::excerpt;

impl ResourceLists {
    /// The outer list of this name, to be changed.
    pub fn list_mut(&mut self, name: &str) -> Option<&mut List> {
        self.lists
            .iter_mut()
            .find(|list| list.name.as_deref() == Some(name))
    }

    /// Removes the outer list of this name, and returns it.
    pub fn remove_list(&mut self, name: &str) -> Option<List> {
        let is_it = |list: &List| list.name.as_deref() == Some(name);
        let at = self.lists.iter().position(is_it)?;
        Some(self.lists.remove(at))
    }

    /// Checks that whatever is referred to by a key is the only one of that key beside its like:
    /// lists by their name, entries by their URI, references by their target. Keys are compared
    /// octet by octet.
    ///
    /// # Errors
    ///
    /// [`Error::NotUnique`] names the first that is not.
    pub fn check_unique(&self) -> Result<(), Error> {
        let mut names = Keys::of("list", "name");
        for list in &self.lists {
            names.take(list.name.as_deref())?;
            list.check_unique()?;
        }
        Ok(())
    }
}

impl List {
    /// Puts an entry: in the place of the one with the same URI, which is returned, or at the end.
    pub fn put_entry(&mut self, entry: Entry) -> Option<Entry> {
        let mut entries = self.items.iter_mut().filter_map(|item| match item {
            Item::Entry(entry) => Some(entry),
            Item::EntryRef(_) | Item::External(_) | Item::List(_) => None,
        });
        if let Some(old) = entries.find(|old| old.uri == entry.uri) {
            return Some(std::mem::replace(old, entry));
        }
        self.items.push(Item::Entry(entry));
        None
    }

    /// Removes the entry with this URI, and returns it. Lists in the list are left as they are.
    pub fn remove_entry(&mut self, uri: &str) -> Option<Entry> {
        let is_it = |item: &Item| matches!(item, Item::Entry(entry) if entry.uri == uri);
        let at = self.items.iter().position(is_it)?;
        match self.items.remove(at) {
            Item::Entry(entry) => Some(entry),
            Item::EntryRef(_) | Item::External(_) | Item::List(_) => None,
        }
    }

    /// The recursion is as deep as the lists are in each other, which the reader bounds.
    fn check_unique(&self) -> Result<(), Error> {
        // RFC 4826 3.4.5: unique amongst all others of the kind within the same parent.
        let mut uris = Keys::of("entry", "uri");
        let mut refs = Keys::of("entry-ref", "ref");
        let mut anchors = Keys::of("external", "anchor");
        let mut names = Keys::of("list", "name");
        for item in &self.items {
            match item {
                Item::Entry(entry) => uris.take(Some(&entry.uri))?,
                Item::EntryRef(reference) => refs.take(Some(&reference.target))?,
                Item::External(reference) => {
                    // The schema lets an external list name none.
                    let anchor = Some(reference.target.as_str()).filter(|a| !a.is_empty());
                    anchors.take(anchor)?;
                }
                Item::List(list) => {
                    names.take(list.name.as_deref())?;
                    list.check_unique()?;
                }
            }
        }
        Ok(())
    }
}

/// The keys of one kind that have been seen beside each other.
struct Keys<'d> {
    element: &'static str,
    attribute: &'static str,
    seen: BTreeSet<&'d str>,
}

impl<'d> Keys<'d> {
    fn of(element: &'static str, attribute: &'static str) -> Self {
        Self {
            element,
            attribute,
            seen: BTreeSet::new(),
        }
    }

    fn take(&mut self, key: Option<&'d str>) -> Result<(), Error> {
        let Some(key) = key else {
            return Ok(());
        };
        if self.seen.insert(key) {
            return Ok(());
        }
        Err(Error::NotUnique {
            element: self.element,
            attribute: self.attribute,
            value: excerpt(key),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::Reference;
    use super::*;

    fn list(name: Option<&str>, items: Vec<Item>) -> List {
        List {
            name: name.map(str::to_owned),
            items,
            ..List::default()
        }
    }

    fn entry(uri: &str) -> Item {
        Item::Entry(Entry::new(uri))
    }

    fn reference(target: &str) -> Reference {
        Reference {
            target: target.to_owned(),
            display_name: None,
        }
    }

    #[test]
    fn keys_are_unique_beside_each_other() {
        let inner = |name, uri| Item::List(list(Some(name), vec![entry(uri)]));
        let external = |anchor| Item::External(reference(anchor));
        let entry_ref = |target| Item::EntryRef(reference(target));
        let unnamed = || Item::List(list(None, vec![]));
        // (items, the element that is not unique)
        let rows = [
            (vec![entry("a"), entry("b"), entry("A")], None),
            (vec![entry("a"), entry("b"), entry("a")], Some("entry")),
            (vec![entry("a"), inner("x", "a"), inner("y", "a")], None),
            (vec![inner("x", "a"), inner("x", "b")], Some("list")),
            (vec![unnamed(), unnamed()], None),
            (vec![entry_ref("a"), entry("a"), external("a")], None),
            (vec![entry_ref("a"), entry_ref("a")], Some("entry-ref")),
            (vec![external("a"), external("a")], Some("external")),
            (vec![external(""), external("")], None),
            (
                vec![Item::List(list(None, vec![entry("a"), entry("a")]))],
                Some("entry"),
            ),
        ];
        for (items, want) in rows {
            let lists = vec![list(Some("x"), items.clone()), list(Some("y"), items)];
            let lists = ResourceLists { lists };
            let got = match lists.check_unique() {
                Ok(()) => None,
                Err(Error::NotUnique { element, .. }) => Some(element),
                Err(other) => panic!("{other}"),
            };
            assert_eq!(got, want, "{lists:?}");
        }
        let twice = ResourceLists {
            lists: vec![list(Some("x"), vec![]), list(Some("x"), vec![])],
        };
        let text = "two <list> beside each other with name \"x\"";
        assert_eq!(twice.check_unique().unwrap_err().to_string(), text);
    }

    #[test]
    fn an_entry_is_put_and_removed_by_its_uri() {
        let inner = || Item::List(list(Some("in"), vec![entry("c")]));
        let mut friends = list(Some("friends"), vec![entry("a"), inner(), entry("b")]);
        let mut named = Entry::new("a");
        named.count = Some(2);
        assert_eq!(friends.put_entry(named.clone()), Some(Entry::new("a")));
        assert_eq!(friends.put_entry(Entry::new("c")), None);
        let want = [Item::Entry(named.clone()), inner(), entry("b"), entry("c")];
        assert_eq!(friends.items, want);
        assert_eq!(friends.remove_entry("a"), Some(named));
        assert_eq!(friends.remove_entry("a"), None);
        assert_eq!(friends.items, [inner(), entry("b"), entry("c")]);
    }

    #[test]
    fn a_list_is_found_and_removed_by_its_name() {
        let mut lists = ResourceLists {
            lists: vec![list(None, vec![]), list(Some("x"), vec![])],
        };
        lists.list_mut("x").unwrap().put_entry(Entry::new("a"));
        assert_eq!(lists.list_mut("y"), None);
        assert_eq!(lists.remove_list("y"), None);
        let removed = lists.remove_list("x").unwrap();
        assert_eq!(removed.items, [entry("a")]);
        assert_eq!((lists.lists.len(), lists.list("x")), (1, None));
    }
}
