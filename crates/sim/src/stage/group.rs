//! The stored groups on a stage.

use server::admin::{NewGroup, change_group, make_group};
use xdm::shared_group::Member;

use super::Stage;
use super::people::aor;
use crate::scenario::{Group, GroupChange};

impl Stage {
    /// Stores a group.
    ///
    /// # Errors
    ///
    /// What the store says.
    pub fn make_group(&mut self, group: &Group) -> Result<(), String> {
        let members: Vec<_> = group.members.iter().map(|name| aor(name)).collect();
        let members: Vec<_> = members.iter().map(String::as_str).collect();
        let new = NewGroup {
            name: &group.name,
            display: None,
            members: &members,
            public: group.public,
            invites: group.calling,
            max: None,
            anonymity: false,
        };
        let now_ms = self.unix_ms();
        make_group(&mut self.store, &self.setup.domain, new, now_ms)
            .map_err(|error| error.to_string())
    }

    /// Changes the document of a stored group, of which the server has to find out.
    ///
    /// # Errors
    ///
    /// If there is nothing to change, and what the store says.
    pub fn change_group(&mut self, group: &str, change: &GroupChange) -> Result<(), String> {
        let now_ms = self.unix_ms();
        let domain = self.setup.domain.as_str();
        let mut is_changed = false;
        let changed = change_group(&mut self.store, domain, group, now_ms, |document| {
            let before = document.members.len();
            match change {
                GroupChange::Gains { whom } => {
                    let member = Member::new(aor(whom));
                    if !document.is_member(&member.uri) {
                        document.members.push(member);
                    }
                }
                GroupChange::Loses { whom } => {
                    let uri = aor(whom);
                    document.members.retain(|member| member.uri != uri);
                }
            }
            is_changed = document.members.len() != before;
        });
        changed.map_err(|error| error.to_string())?;
        match is_changed {
            true => Ok(()),
            false => Err("it is so already".to_owned()),
        }
    }

    fn unix_ms(&self) -> i64 {
        i64::try_from(self.clock().unix().as_millis()).unwrap_or(i64::MAX)
    }
}
