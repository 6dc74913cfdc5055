//! What those who run the server do with it.

mod group;
mod user;

pub use group::{NewGroup, make_group};
use user::check_name;
pub use user::{
    AdminError, NewUser, add_user, add_users, enable_user, remove_user, set_number, set_password,
    users,
};
