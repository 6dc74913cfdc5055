//! How people, groups and lists are named at a command line.

use client::imps::To;

/// By whom names are typed: what is missing of an address follows from it.
pub(super) struct Names {
    /// Our user.
    pub(super) me: String,
    /// The domain of names without one.
    pub(super) domain: String,
}

impl Names {
    /// The address of a user or of a group, as it was typed.
    pub(super) fn address(&self, name: &str) -> String {
        address(name, &self.domain)
    }

    pub(super) fn addresses<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
        names.into_iter().map(|name| self.address(name)).collect()
    }

    /// The address of a group, where only a group can be meant: the slash may be missing.
    pub(super) fn group(&self, name: &str) -> String {
        let address = self.address(name);
        if address.contains('/') {
            return address;
        }
        let rest = address.strip_prefix("wv:").unwrap_or(&address);
        format!("wv:/{rest}")
    }

    /// The address of one of our contact lists: `friends`, `~friends`, or all of it.
    pub(super) fn list(&self, name: &str) -> String {
        if name.contains('/') {
            return self.address(name);
        }
        let name = name.strip_prefix('~').unwrap_or(name);
        let own = self.me.strip_prefix("wv:").unwrap_or(&self.me);
        let (user, domain) = own.split_once('@').unwrap_or((own, &self.domain));
        format!("wv:{user}/~{name}@{domain}")
    }

    /// Whom an address stands for.
    pub(super) fn to(&self, name: &str) -> To {
        if name.starts_with('~') {
            return To::ContactList(self.list(name));
        }
        let address = self.address(name);
        match address.split_once('/') {
            Some((_, list)) if list.starts_with('~') => To::ContactList(address),
            Some(_) => To::Group(address),
            None => To::User(address),
        }
    }
}

/// The address of a name: itself, with what is missing.
pub(super) fn address(name: &str, domain: &str) -> String {
    let rest = match name.get(..3) {
        Some(scheme) if scheme.eq_ignore_ascii_case("wv:") => name.get(3..).unwrap_or_default(),
        _ => name,
    };
    match rest.contains('@') {
        true => format!("wv:{rest}"),
        false => format!("wv:{rest}@{domain}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_addresses() {
        for (name, want) in [
            ("bob", "wv:bob@localhost"),
            ("bob@im.com", "wv:bob@im.com"),
            ("WV:bob", "wv:bob@localhost"),
            ("/lobby", "wv:/lobby@localhost"),
            ("alice/club@im.com", "wv:alice/club@im.com"),
        ] {
            assert_eq!(address(name, "localhost"), want);
        }
    }

    #[test]
    fn what_an_address_stands_for() {
        let names = Names {
            me: "wv:alice@im.com".to_owned(),
            domain: "im.com".to_owned(),
        };
        for (name, want) in [
            ("bob", To::User("wv:bob@im.com".to_owned())),
            ("/lobby", To::Group("wv:/lobby@im.com".to_owned())),
            ("~work", To::ContactList("wv:alice/~work@im.com".to_owned())),
            (
                "wv:bob/~work",
                To::ContactList("wv:bob/~work@im.com".to_owned()),
            ),
        ] {
            assert_eq!(names.to(name), want);
        }
        assert_eq!(names.group("lobby"), "wv:/lobby@im.com");
        assert_eq!(names.group("bob/club"), "wv:bob/club@im.com");
        assert_eq!(names.list("work"), "wv:alice/~work@im.com");
    }
}
