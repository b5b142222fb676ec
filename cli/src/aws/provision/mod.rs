//! `ilock provision door`: gives a door station what it needs to reach a deployment, and takes it back.

mod certificate;
mod command;
mod files;
mod revoke;
mod thing;
mod token;

pub use command::Provision;
