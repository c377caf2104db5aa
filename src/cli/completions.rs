//! `ssecheck completions`

use clap::Command;
use clap_complete::Shell;

use super::print_own;

/// Arguments of `completions`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub(super) struct Arguments {
    /// Shell to write the script for
    #[arg(value_name = "SHELL", value_enum)]
    shell: Shell,
}

const AFTER: &str = "\
Where the script goes, for one user:

  bash        ssecheck completions bash > ~/.local/share/bash-completion/completions/ssecheck
  zsh         ssecheck completions zsh > ~/.zfunc/_ssecheck           # with ~/.zfunc in $fpath before compinit
  fish        ssecheck completions fish > ~/.config/fish/completions/ssecheck.fish
  elvish      ssecheck completions elvish >> ~/.config/elvish/rc.elv
  powershell  ssecheck completions powershell >> $PROFILE";

pub(super) fn completions(arguments: &Arguments, mut command: Command) -> u8 {
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, name, &mut script);
    print_own(String::from_utf8_lossy(&script).trim_end())
}
