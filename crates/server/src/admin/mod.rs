//! What those who run the server do with it.

mod user;

pub use user::{
    AdminError, NewUser, add_user, add_users, enable_user, remove_user, set_password, users,
};
