//! `aob`, the platform's command line; `docs/platform.md` is the contract it speaks.

pub mod arguments;
pub mod commands;
pub mod definition;
pub mod document;
pub mod failure;
pub mod follow;
pub mod reference;
pub mod run;
pub mod server;
pub mod terminal;
