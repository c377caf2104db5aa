//! Text that came from elsewhere (an endpoint, a record, a file, a file's name), as each format may hold it.
//!
//! Every format has its function here, and no report or command writes such text without it. HTML is escaped by the formatter of its
//! templates, by way of [`printable`].

pub mod annotation;
mod character;
pub mod markdown;
mod printable;
pub mod shell;
pub mod tap;
pub mod xml;

pub use printable::{in_a_log, json, one_line, printable};
