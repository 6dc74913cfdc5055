//! What those who run the server do with it.

mod access;
mod group;
mod user;

pub use access::{block, blocked, remove_rules, rules, unblock, write_rules};
use group::etag;
pub use group::{
    NewGroup, change_group, group_document, groups, make_group, member_address, remove_group,
    write_group,
};
use user::check_name;
pub use user::{
    AdminError, NewUser, add_user, add_users, enable_user, remove_user, set_number, set_password,
    users,
};
pub use xdm::shared_group::{Member, SharedGroup};
