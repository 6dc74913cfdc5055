//! What those who run the server do with it.

mod group;
mod user;

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
