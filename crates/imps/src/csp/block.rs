//! Whom one does not want to hear from, and from whom alone one does.

use super::ScreenName;
use crate::record::record;

record! {
    /// Users, groups and whatever else can be blocked, granted or rejected.
    EntityList {
        /// Users.
        users: * String = UserId,
        /// Names in groups.
        screen_names: * ScreenName = ScreenName,
        /// Groups.
        groups: * String = GroupId,
        /// Contact lists. CSP 1.3.
        contact_lists: * String = ContactList @V13,
        /// Applications. CSP 1.3.
        applications: * String = ApplicationId,
    }
}

record! {
    /// A block list, a grant list, or what is to be changed in one.
    BlockList {
        /// Whether the list counts. CSP 1.1 and 1.2 say it here; see [`BlockEntityRequest`].
        in_use: ? bool = InUse,
        /// All that is on the list.
        entities: ? EntityList = EntityList,
        /// What to put on the list.
        add: ? EntityList = AddList,
        /// What to take off the list.
        remove: ? EntityList = RemoveList,
    }
}

/// Wherever both lists are: CSP 1.3 says beside them whether they count, the older versions inside.
macro_rules! lists {
    ($($(#[$meta:meta])* $name:ident)*) => {
        $(
            record! {
                $(#[$meta])*
                $name {
                    /// Nothing from these.
                    block: ? BlockList = BlockList,
                    /// Whether the block list counts.
                    block_in_use: ? bool = BlockListInUse,
                    /// From these alone.
                    grant: ? BlockList = GrantList,
                    /// Whether the grant list counts.
                    grant_in_use: ? bool = GrantListInUse,
                }
                then settle
            }

            impl $name {
                /// Both lists, as every version writes them.
                pub fn new(
                    (block, block_in_use): (BlockList, bool),
                    (grant, grant_in_use): (BlockList, bool),
                ) -> Self {
                    let mut lists = Self {
                        block: Some(block),
                        block_in_use: Some(block_in_use),
                        grant: Some(grant),
                        grant_in_use: Some(grant_in_use),
                    };
                    lists.settle();
                    lists
                }

                /// Whatever the version, both places say the same.
                fn settle(&mut self) {
                    agree(&mut self.block, &mut self.block_in_use);
                    agree(&mut self.grant, &mut self.grant_in_use);
                }
            }
        )*
    };
}

fn agree(list: &mut Option<BlockList>, in_use: &mut Option<bool>) {
    let inside = list.as_ref().and_then(|list| list.in_use);
    *in_use = in_use.or(inside);
    if let Some(list) = list {
        list.in_use = *in_use;
    }
}

lists! {
    /// Changes the lists (`BlockUser-Request` in CSP 1.1). What is not there stays as it is. For
    /// an older version it has to be said inside a list whether it counts.
    BlockEntityRequest

    /// The lists.
    GetBlockedListResponse
}

record! {
    /// Asks for the lists.
    GetBlockedListRequest {}
}
