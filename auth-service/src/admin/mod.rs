//! What administrators do: a file for each noun below `/admin`.

pub mod audit;
pub mod clients;
pub mod keys;
pub mod page;
pub mod sessions;
pub mod users;
