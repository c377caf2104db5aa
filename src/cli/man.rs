//! `ssecheck man`

use std::io;
use std::path::{Path, PathBuf};

use clap::{Command, ValueHint};
use clap_mangen::Man;

use super::{complain, exit_code, print_own};

/// Arguments of `man`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Folder to write a page for each command to; the main page goes to standard output when absent
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    folder: Option<PathBuf>,
}

pub(super) fn man(arguments: &Arguments, command: Command) -> u8 {
    // Built, so that a page of a command is named `ssecheck-run` and not `run`.
    let mut command = command.disable_help_subcommand(true);
    command.build();
    match &arguments.folder {
        None => match main_page(&command) {
            Ok(page) => print_own(page.trim_end()),
            Err(error) => complain(&format!("cannot make the manual page: {error}"), exit_code::USAGE),
        },
        Some(folder) => match write_all(&command, folder) {
            Ok(()) => exit_code::PASSED,
            Err(error) => {
                let folder = folder.display();
                let problem = format!("cannot write manual pages to {folder}: {error}; choose another folder");
                complain(&problem, exit_code::USAGE)
            }
        },
    }
}

fn main_page(command: &Command) -> io::Result<String> {
    let mut page = Vec::new();
    page_of(command).render(&mut page)?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}

fn write_all(command: &Command, folder: &Path) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    for command in std::iter::once(command).chain(command.get_subcommands()) {
        page_of(command).generate_to(folder)?;
    }
    Ok(())
}

/// A page that says of which version it is; of a command alone it would not.
fn page_of(command: &Command) -> Man {
    Man::new(command.clone()).source(concat!("ssecheck ", env!("CARGO_PKG_VERSION")))
}
