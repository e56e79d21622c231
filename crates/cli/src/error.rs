//! Why a command fails: an error of the libraries, told in flags, or one of the command line alone.

use clap::Command;
use neuralnet::error::{Remedy, alternatives};
use std::io;

/// The result of every fallible step of a command.
pub(crate) type Result<T> = std::result::Result<T, Error>;

/// What helps where the system grants no thread.
const MORE_THREADS: &str = "end other programs, or raise the limit of processes (ulimit -u)";

/// Why a command fails.
#[derive(Debug)]
pub(crate) enum Error {
    /// The library refuses, or fails.
    Library(neuralnet::Error),
    /// A table cannot be read or written.
    Table(neuralnet_table::Error),
    /// A flag cannot be used as it stands.
    Setting {
        /// The flag, or the name of an argument.
        flag: &'static str,
        /// What is wrong and what to do.
        reason: String,
    },
    /// Writing to stdout failed.
    Output(io::Error),
    /// The last checkpoint could not be written.
    Checkpoint(String),
    /// Signals cannot be handled, for this reason.
    Signals(String),
    /// Threads cannot be started, for this reason.
    Threads(rayon::ThreadPoolBuildError),
}

impl From<neuralnet::Error> for Error {
    fn from(error: neuralnet::Error) -> Self {
        Self::Library(error)
    }
}

impl From<neuralnet_table::Error> for Error {
    fn from(error: neuralnet_table::Error) -> Self {
        match error {
            neuralnet_table::Error::Library(error) => Self::Library(error),
            error => Self::Table(error),
        }
    }
}

impl Error {
    /// The flag, or the argument, that cannot be used as it stands, and why.
    pub(crate) fn setting(flag: &'static str, reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self::Setting { flag, reason }
    }

    /// The exit code: 1 where training diverged, 3 where the device is the cause, otherwise 2.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Library(neuralnet::Error::Diverged { .. }) => 1,
            Self::Library(error) if error.is_device() => 3,
            _ => 2,
        }
    }

    /// What went wrong and what to do about it, settings told as the arguments of `command`, which is the one that
    /// failed.
    pub(crate) fn told(&self, command: &Command) -> String {
        match self {
            Self::Library(error) => library_told(error, command),
            Self::Table(error) => table_told(error, command),
            Self::Setting { flag, reason } => format!("{flag}: {reason}"),
            Self::Output(error) => format!("stdout: {error}"),
            Self::Checkpoint(why) => why.clone(),
            Self::Signals(why) => format!("Ctrl-C could not be handled: {why}; {MORE_THREADS}"),
            Self::Threads(why) => format!("threads could not be started: {why}; {MORE_THREADS}"),
        }
    }
}

/// An error of the library. A remedy whose flag the command lacks is left out.
fn library_told(error: &neuralnet::Error, command: &Command) -> String {
    let statement = match error {
        neuralnet::Error::Setting {
            setting, reason, ..
        } => format!("{}: {reason}", argument(setting, command)),
        error => error.statement(),
    };
    let is_there = |remedy: &&Remedy| match remedy {
        Remedy::Set(setting, _) | Remedy::Lower(setting) | Remedy::Raise(setting) => {
            has(command, &flag(setting))
        }
        Remedy::Do(_) => true,
    };
    let remedies = error.remedies().iter().filter(is_there);
    match alternatives(remedies.map(remedy_told)) {
        none if none.is_empty() => statement,
        remedies => format!("{statement}; {remedies}"),
    }
}

/// An error of a table.
fn table_told(error: &neuralnet_table::Error, command: &Command) -> String {
    use neuralnet_table::Error;
    let (statement, remedies) = match error {
        Error::File { path, .. } => {
            let takes_data = command.get_positionals().any(|it| it.get_id() == "data");
            let remedy = match takes_data {
                _ if path == "-" => "standard input is the file /dev/stdin",
                true => {
                    "DATA is a table (CSV, .npy, .npz, .parquet, .feather, or IDX), `article`, or `synthetic:ROWSxFEATURES`"
                }
                false => "name a file that can be read",
            };
            return format!("{error}; {remedy}");
        }
        Error::Table {
            place,
            reason,
            remedies,
            ..
        } => (format!("{place}: {reason}"), remedies),
        Error::Setting { setting, reason } => {
            return format!("{}: {reason}", argument(setting, command));
        }
        other => return other.to_string(),
    };
    let told = remedies
        .iter()
        .map(|remedy| format!("; {} {}", table_remedy_told(remedy), remedy.effect));
    statement + &told.collect::<String>()
}

/// A remedy of a table as what to type.
fn table_remedy_told(remedy: &neuralnet_table::Remedy) -> String {
    let flag = flag(remedy.setting);
    match (remedy.setting, remedy.value.as_str()) {
        ("header", "false") => "--no-header".to_owned(),
        ("unknown_as_zero", "true") => format!("{flag} zero"),
        (_, "true") => flag,
        // Not a value, but the choice of them.
        ("impute", choice) => format!("{flag} {choice}"),
        // A value that begins with a minus would be read as a flag, and an empty one has to be seen.
        (_, value) if value.is_empty() || value.starts_with('-') => {
            format!("{flag}={}", quoted(value))
        }
        (_, value) => format!("{flag} {}", quoted(value)),
    }
}

/// A word as a shell needs it.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "._-,=:/%+@".contains(c);
    match word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

/// A remedy of the library as what to type.
pub(crate) fn remedy_told(remedy: &Remedy) -> String {
    match remedy {
        Remedy::Set(setting, "true") => format!("take {}", flag(setting)),
        // Its value is an option, which only this spelling tells from the next argument.
        Remedy::Set(setting @ "early_stopping", value) => {
            format!("take {}={value}", flag(setting))
        }
        Remedy::Set(setting, value) => format!("take {} {value}", flag(setting)),
        Remedy::Lower(setting) => format!("take a smaller {}", flag(setting)),
        Remedy::Raise(setting) => format!("take a larger {}", flag(setting)),
        Remedy::Do(what) => (*what).to_owned(),
    }
}

/// The flag that sets `setting`.
fn flag(setting: &str) -> String {
    let name = match setting {
        "targets" => "target",
        "unknown_as_zero" => "unknown-category",
        "passed" => "id",
        name => name,
    };
    format!("--{}", name.replace('_', "-"))
}

/// The argument of `command` that sets `setting`: its flag, or else the word that stands for it, such as OUT.
fn argument(setting: &str, command: &Command) -> String {
    let flag = flag(setting);
    let mut words = command.get_positionals();
    match words.find(|word| word.get_id() == setting && !has(command, &flag)) {
        Some(word) => word.get_value_names().unwrap_or_default().concat(),
        None => flag,
    }
}

/// Whether `command` has the flag `flag`.
fn has(command: &Command, flag: &str) -> bool {
    let mut names = command.get_arguments().filter_map(|arg| arg.get_long());
    names.any(|name| flag.strip_prefix("--") == Some(name))
}

#[cfg(test)]
mod tests {
    use super::Error;
    use crate::cli::Cli;
    use clap::CommandFactory;
    use neuralnet::network::Activation;
    use neuralnet::{Dataset, Hardware, TrainConfig, Training};

    /// What the program's command `name` says of `error`.
    fn told(error: impl Into<Error>, name: &str) -> String {
        let program = Cli::command();
        error.into().told(program.find_subcommand(name).unwrap())
    }

    fn refused(config: &TrainConfig) -> neuralnet::Error {
        Training::start(&Dataset::article(), config, &Hardware::cpu()).unwrap_err()
    }

    #[test]
    fn settings_of_the_library_are_told_as_flags() {
        let config = TrainConfig {
            batch_size: Some(4),
            ..TrainConfig::default()
        };
        assert_eq!(
            refused(&config).to_string(),
            "`batch_size`: 4 rows are more than the 3 there are; take fewer, or leave it out"
        );
        assert_eq!(
            told(refused(&config), "train"),
            "--batch-size: 4 rows are more than the 3 there are; take fewer, or leave it out"
        );
        let lbfgs = TrainConfig {
            batch_size: Some(2),
            ..TrainConfig::lbfgs()
        };
        assert!(told(refused(&lbfgs), "train").ends_with(
            "leave it out, or take --optimizer gradient-descent, momentum, nesterov, rmsprop, adam or adamw"
        ));
        let softmax = TrainConfig {
            activation: Activation::Softmax,
            ..TrainConfig::default()
        };
        assert!(
            told(refused(&softmax), "train").ends_with("there is one; take --activation sigmoid")
        );
    }

    #[test]
    fn a_command_is_told_of_its_own_arguments_alone() {
        let no_adapter = || neuralnet::Error::no_adapter();
        let install = "(Debian and Ubuntu: mesa-vulkan-drivers)";
        for (command, end) in [
            ("train", format!("{install}, or take --backend cpu")),
            ("validate", install.to_owned()),
            ("devices", install.to_owned()),
        ] {
            let told = told(no_adapter(), command);
            assert!(told.ends_with(&end), "{command}: {told}");
        }
        let target = || neuralnet::Error::Target {
            place: "y".to_owned(),
            value: 2.0,
        };
        assert!(told(target(), "train").ends_with("; rescale it, or take --activation identity"));
        assert!(told(target(), "evaluate").ends_with("; rescale it"));
        let output = || neuralnet_table::Error::Setting {
            setting: "output",
            reason: "no".to_owned(),
        };
        assert_eq!(told(output(), "predict"), "--output: no");
        assert_eq!(told(output(), "convert"), "OUT: no");
        let file = |path: &str| neuralnet_table::Error::File {
            path: path.into(),
            source: std::io::ErrorKind::NotFound.into(),
        };
        assert!(told(file("nowhere"), "train").contains("; DATA is a table"));
        assert!(told(file("nowhere"), "convert").ends_with("; name a file that can be read"));
        assert!(told(file("-"), "predict").ends_with("; standard input is the file /dev/stdin"));
    }
}
