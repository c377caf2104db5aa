//! What people and machines read of a run. Every report is a reader of the same events and results.

mod curl;
#[cfg(test)]
mod curl_tests;
mod describe;
mod difference;
mod families;
mod format;
mod html;
mod junit;
mod printable;
mod proof;
mod shell;
mod terminal;

pub use curl::{curl, curl_script};
pub use describe::describe;
pub use difference::difference_as_text;
pub use families::families_as_markdown;
pub use format::{RenderError, RunFormat};
pub use html::{HtmlError, html};
pub use junit::{JunitError, junit};
pub use printable::printable;
pub use proof::{ProofProgress, proof_as_json, proof_as_text};
pub use terminal::Terminal;
