//! What describes the command line to shells and to `man`, made from the command line itself.

use super::Cli;
use clap::error::ErrorKind;
use clap::{Args, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;
use std::io::{self, Write};

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  neuralnet completions bash > neuralnet.bash")]
pub(crate) struct CompletionsArgs {
    /// The shell that is to read the script
    #[arg(value_enum)]
    shell: Shell,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  neuralnet man > neuralnet.1\n  neuralnet man train > neuralnet-train.1"
)]
pub(crate) struct ManArgs {
    /// The command to describe (default: the whole program)
    command: Option<String>,
}

impl CompletionsArgs {
    /// Prints the script.
    pub(crate) fn print(&self) -> io::Result<()> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "neuralnet", &mut script);
        io::stdout().write_all(&script)
    }
}

impl ManArgs {
    /// Prints the page. An unknown command ends the process as bad usage does.
    pub(crate) fn print(&self) -> io::Result<()> {
        let mut program = Cli::command();
        // Gives the commands their whole names, and the flags that all of them take.
        program.build();
        let described = match &self.command {
            None => program,
            Some(name) => match program.find_subcommand(name) {
                Some(command) => command.clone(),
                None => program
                    .error(
                        ErrorKind::InvalidValue,
                        format!("there is no command `{name}`"),
                    )
                    .exit(),
            },
        };
        let mut page = Vec::new();
        let source = concat!("neuralnet ", env!("CARGO_PKG_VERSION"));
        Man::new(described).source(source).render(&mut page)?;
        io::stdout().write_all(&page)
    }
}
