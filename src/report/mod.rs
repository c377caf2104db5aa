//! What people and machines read of a run. Every report is a reader of the same events and results.

mod badge;
mod curl;
#[cfg(test)]
mod curl_tests;
#[cfg(test)]
mod dependent_tests;
mod describe;
mod difference;
mod families;
mod format;
mod github;
mod html;
mod junit;
mod limits;
mod markdown;
mod proof;
mod tap;
mod terminal;
mod text;

pub use badge::badge;
pub use curl::{curl, curl_script};
pub use describe::describe;
pub use difference::difference_as_text;
pub use families::{families_as_markdown, one_run_of_families};
pub use format::{RenderError, RunFormat};
pub use github::github;
pub use html::{HtmlError, html};
pub use junit::{JunitError, junit};
pub use markdown::markdown;
pub use proof::{ProofProgress, proof_as_json, proof_as_text, survey_as_json, survey_as_text};
pub use tap::tap;
pub use terminal::Terminal;
pub use text::shell::shell_word;
pub use text::{in_a_log, json as safe_json, one_line, printable};
