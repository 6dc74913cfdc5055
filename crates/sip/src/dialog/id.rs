//! What names a dialog, and how a message finds it (RFC 3261 section 12).

use std::borrow::Borrow;

use crate::header::tag;
use crate::{Fields, Malformed, Name, Request, Response};

/// The name of a dialog: its Call-ID and the two tags, as this side sees them.
///
/// A map with this key is searched without an allocation: write the key of a message into a
/// buffer with [`Self::key_of_request`] and look that up.
///
/// ```
/// use std::collections::HashMap;
/// use sip::dialog::DialogId;
///
/// let dialogs = HashMap::from([(DialogId::new("call", "mine", "theirs"), 1)]);
/// let mut key = String::new();
/// DialogId::new("call", "mine", "theirs").write(&mut key);
/// assert_eq!(dialogs.get(key.as_str()), Some(&1));
/// ```
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct DialogId(Box<str>);

/// Separates the parts of a key: no header value holds it.
const SEPARATOR: char = '\n';

impl DialogId {
    /// Names a dialog. A peer from before RFC 3261 has no tag: its `remote_tag` is empty.
    pub fn new(call_id: &str, local_tag: &str, remote_tag: &str) -> Self {
        let mut key = String::new();
        write(&mut key, call_id, local_tag, remote_tag);
        Self(key.into_boxed_str())
    }

    /// Writes the key of the dialog a received request belongs to, in place of what `key` held.
    /// The request is outside any dialog if its To has no tag.
    ///
    /// # Errors
    ///
    /// [`Malformed`] when Call-ID, From or To is missing or cannot be read.
    pub fn key_of_request(request: &Request, key: &mut String) -> Result<(), Malformed> {
        let (call_id, from, to) = parts(request)?;
        write(key, call_id, to, from);
        Ok(())
    }

    /// The same for a received response.
    ///
    /// # Errors
    ///
    /// [`Malformed`] when Call-ID, From or To is missing or cannot be read.
    pub fn key_of_response(response: &Response, key: &mut String) -> Result<(), Malformed> {
        let (call_id, from, to) = parts(response)?;
        write(key, call_id, from, to);
        Ok(())
    }

    /// The dialog a received request belongs to.
    ///
    /// # Errors
    ///
    /// As [`Self::key_of_request`].
    pub fn of_request(request: &Request) -> Result<Self, Malformed> {
        let mut key = String::new();
        Self::key_of_request(request, &mut key)?;
        Ok(Self(key.into_boxed_str()))
    }

    /// The dialog a received response belongs to.
    ///
    /// # Errors
    ///
    /// As [`Self::key_of_response`].
    pub fn of_response(response: &Response) -> Result<Self, Malformed> {
        let mut key = String::new();
        Self::key_of_response(response, &mut key)?;
        Ok(Self(key.into_boxed_str()))
    }

    /// Writes this name as a key, in place of what `key` held.
    pub fn write(&self, key: &mut String) {
        key.clear();
        key.push_str(&self.0);
    }

    /// The Call-ID.
    pub fn call_id(&self) -> &str {
        self.part(0)
    }

    /// This side's tag.
    pub fn local_tag(&self) -> &str {
        self.part(1)
    }

    /// The peer's tag; empty if it has none.
    pub fn remote_tag(&self) -> &str {
        self.part(2)
    }

    fn part(&self, n: usize) -> &str {
        self.0.split(SEPARATOR).nth(n).unwrap_or_default()
    }
}

impl Borrow<str> for DialogId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

fn write(key: &mut String, call_id: &str, local_tag: &str, remote_tag: &str) {
    key.clear();
    key.push_str(call_id);
    key.push(SEPARATOR);
    key.push_str(local_tag);
    key.push(SEPARATOR);
    key.push_str(remote_tag);
}

/// The Call-ID and the tags of From and To; a tag that is not there is empty.
fn parts(fields: &Fields) -> Result<(&str, &str, &str), Malformed> {
    let call_id = fields.raw(Name::CallId).filter(|id| !id.is_empty());
    let call_id = call_id.ok_or(Malformed("there is no Call-ID"))?;
    let from = fields
        .raw(Name::From)
        .ok_or(Malformed("there is no From"))?;
    let to = fields.raw(Name::To).ok_or(Malformed("there is no To"))?;
    let (from, to) = (tag(from)?, tag(to)?);
    Ok((call_id, from.unwrap_or_default(), to.unwrap_or_default()))
}
