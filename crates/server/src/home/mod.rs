//! What the home of a user does for them: the participating function of SIMPLE IM.

pub(crate) mod access;
