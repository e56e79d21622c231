//! Why a command fails: an error of the libraries, told in flags, or one of the command line alone.

use neuralnet::error::{Remedy, alternatives};

/// The result of every fallible step of a command.
pub(crate) type Result<T> = std::result::Result<T, Error>;

/// Why a command fails.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The library refuses, or fails.
    #[error("{}", in_flags(.0))]
    Library(#[from] neuralnet::Error),
    /// A table cannot be read or written.
    #[error("{}", table_in_flags(.0))]
    Table(neuralnet_table::Error),
    /// A flag cannot be used as it stands.
    #[error("{flag}: {reason}")]
    Setting {
        /// The flag, or the name of an argument.
        flag: &'static str,
        /// What is wrong and what to do.
        reason: String,
    },
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
}

/// An error of the library, its settings told as flags.
fn in_flags(error: &neuralnet::Error) -> String {
    let statement = match error {
        neuralnet::Error::Setting {
            setting, reason, ..
        } => format!("{}: {reason}", flag(setting)),
        error => error.statement(),
    };
    let remedies = error.remedies();
    if remedies.is_empty() {
        return statement;
    }
    let remedies = alternatives(remedies.iter().map(remedy_in_flags));
    format!("{statement}; {remedies}")
}

/// An error of a table, its settings told as flags.
fn table_in_flags(error: &neuralnet_table::Error) -> String {
    use neuralnet_table::Error;
    let (statement, remedies) = match error {
        Error::File { .. } => {
            return format!(
                "{error}; DATA is a table (CSV, .npy, .npz, .parquet, .feather, or IDX), `article`, or `synthetic:ROWSxFEATURES`"
            );
        }
        Error::Table {
            place,
            reason,
            remedies,
            ..
        } => (format!("{place}: {reason}"), remedies),
        Error::Setting {
            setting,
            reason,
            remedies,
        } => (format!("{}: {reason}", flag(setting)), remedies),
        other => return other.to_string(),
    };
    let told = remedies
        .iter()
        .map(|remedy| format!("; {} {}", typed(remedy), remedy.effect));
    statement + &told.collect::<String>()
}

/// A remedy of a table as what to type.
fn typed(remedy: &neuralnet_table::Remedy) -> String {
    let flag = flag(remedy.setting);
    match (remedy.setting, remedy.value.as_str()) {
        ("header", "false") => "--no-header".to_owned(),
        ("unknown_as_zero", "true") => format!("{flag} zero"),
        (_, "true") => flag,
        // Not a value, but the choice of them.
        ("impute", choice) => format!("{flag} {choice}"),
        // A value that begins with a minus would be read as a flag.
        (_, value) if value.starts_with('-') => format!("{flag}={}", quoted(value)),
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
pub(crate) fn remedy_in_flags(remedy: &Remedy) -> String {
    match remedy {
        Remedy::Set(setting, "true") => format!("take {}", flag(setting)),
        Remedy::Set(setting, value) => format!("take {} {value}", flag(setting)),
        Remedy::Lower(setting) => format!("take a smaller {}", flag(setting)),
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

#[cfg(test)]
mod tests {
    use super::Error;
    use neuralnet::network::Activation;
    use neuralnet::{Dataset, Hardware, TrainConfig, Training};

    #[test]
    fn settings_of_the_library_are_told_as_flags() {
        let dataset = Dataset::article();
        let config = TrainConfig {
            batch_size: Some(4),
            ..TrainConfig::default()
        };
        let refused = Training::start(&dataset, &config, &Hardware::cpu()).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "`batch_size`: 4 rows are more than the 3 there are; take fewer, or leave it out"
        );
        assert_eq!(
            Error::from(refused).to_string(),
            "--batch-size: 4 rows are more than the 3 there are; take fewer, or leave it out"
        );
        let lbfgs = TrainConfig {
            batch_size: Some(2),
            ..TrainConfig::lbfgs()
        };
        let refused = Training::start(&dataset, &lbfgs, &Hardware::cpu()).unwrap_err();
        assert!(Error::from(refused).to_string().ends_with(
            "leave it out, or take --optimizer gradient-descent, momentum, adam or adamw"
        ));
        let softmax = TrainConfig {
            activation: Activation::Softmax,
            ..TrainConfig::default()
        };
        let refused = Training::start(&dataset, &softmax, &Hardware::cpu()).unwrap_err();
        assert!(
            Error::from(refused)
                .to_string()
                .ends_with("there is one; take --classes, or take --activation sigmoid")
        );
    }
}
