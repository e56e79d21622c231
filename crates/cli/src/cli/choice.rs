//! The library's enums as values on the command line, by the names that serde gives them.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use neuralnet::network::{Activation, Init};
use neuralnet::{
    BackendChoice, Loss, Optimizer, Precision, Reduction, ReferenceChoice, Schedule, Storage,
};
use neuralnet_table::Impute;
use serde::de::value::StrDeserializer;
use serde::de::{DeserializeOwned, IntoDeserializer};
use std::fmt::Display;

/// An enum of unit variants, one of which is chosen by its name.
pub(super) trait Choice: DeserializeOwned + Clone + Send + Sync + 'static {
    /// What `--help` says of the variant, where its name does not say it all.
    fn help(&self) -> Option<&'static str> {
        None
    }
}

/// Parses a name into the variant of `T`, and lists all names with their help.
pub(super) fn choice<T: Choice>() -> impl TypedValueParser<Value = T> {
    choice_of(|_| true)
}

/// Parses the name of a variant of `T` that `suits`, and lists these with their help.
pub(super) fn choice_of<T: Choice>(suits: impl Fn(T) -> bool) -> impl TypedValueParser<Value = T> {
    let names = variants::<T>().iter();
    let values = names.filter_map(|name| {
        let variant: T = value(name);
        let help = variant.help();
        suits(variant).then(|| possible(name, help))
    });
    PossibleValuesParser::new(values.collect::<Vec<_>>()).map(|name| value(&name))
}

/// Takes the name of a schedule. The settings of `step` are flags of their own.
pub(super) fn schedule_name() -> PossibleValuesParser {
    let values = variants::<Schedule>().iter().map(|name| {
        let help = match *name {
            "step" => Some("Times --schedule-factor every --schedule-every updates"),
            "cosine" => Some("To 0 over the iterations"),
            "inverse" => Some("Divided by the number of the update"),
            _ => None,
        };
        possible(name, help)
    });
    PossibleValuesParser::new(values)
}

fn possible(name: &'static str, help: Option<&'static str>) -> PossibleValue {
    let value = PossibleValue::new(name);
    match help {
        Some(help) => value.help(help),
        None => value,
    }
}

/// The variant of `T` called `name`, which is one of `variants::<T>()`.
pub(super) fn value<T: DeserializeOwned>(name: &str) -> T {
    let name: StrDeserializer<'_, Names> = name.into_deserializer();
    T::deserialize(name).expect("clap has compared the name with those of the unit variants")
}

/// The variant of `T` called `name`, if there is one.
pub(super) fn named<T: Choice>(name: &str) -> Option<T> {
    variants::<T>().contains(&name).then(|| value(name))
}

/// The names of the variants of the enum `T`.
fn variants<T: DeserializeOwned>() -> &'static [&'static str] {
    // No variant is called that, so the error names those there are.
    let nothing: StrDeserializer<'_, Names> = "".into_deserializer();
    T::deserialize(nothing).err().map_or(&[], |names| names.0)
}

/// The error of a name that no variant has; it holds those that variants have.
#[derive(Debug, thiserror::Error)]
#[error("no such variant")]
struct Names(&'static [&'static str]);

impl serde::de::Error for Names {
    fn custom<T: Display>(_: T) -> Self {
        Self(&[])
    }

    fn unknown_variant(_: &str, names: &'static [&'static str]) -> Self {
        Self(names)
    }
}

impl Choice for Loss {
    fn help(&self) -> Option<&'static str> {
        Some(match self {
            Self::SquaredError => "½ (t − y)²",
            Self::CrossEntropy => "−t ln y − (1 − t) ln(1 − y), for targets in [0, 1]",
        })
    }
}

impl Choice for Activation {
    fn help(&self) -> Option<&'static str> {
        Some(self.formula())
    }
}

impl Choice for Init {}

impl Choice for Reduction {}

impl Choice for BackendChoice {}

impl Choice for Precision {}

impl Choice for Optimizer {
    fn help(&self) -> Option<&'static str> {
        Some(match self {
            Self::GradientDescent => {
                "The article's: each weight falls by its gradient times the learning rate"
            }
            Self::Momentum => "Gradient descent with a memory of its past steps",
            Self::Nesterov => "Momentum that looks ahead",
            Self::RmsProp => "A step for each weight, from the mean square of its gradient",
            Self::Adam => "A step for each weight, from two moments of its gradient",
            Self::AdamW => "Adam, and weights decay by --weight-decay",
            Self::LBfgs => {
                "Quasi-Newton, needs no learning rate; with --l1 it is OWL-QN; `train` alone takes it"
            }
        })
    }
}

impl Choice for Storage {
    fn help(&self) -> Option<&'static str> {
        Some(match self {
            Self::F32 => "In full",
            Self::F16 => "Half precision: 11 significant bits, magnitudes from 6.1e-5 to 65504",
            Self::U8 => "256 equal steps from the smallest to the largest value of each column",
        })
    }
}

impl Choice for ReferenceChoice {
    fn help(&self) -> Option<&'static str> {
        Some(match self {
            Self::Fast => "The CPU backend that also trains",
            Self::Plain => "Loops over the definition, many times slower",
        })
    }
}

impl Choice for Impute {
    fn help(&self) -> Option<&'static str> {
        Some(match self {
            Self::Mean => "The mean of the column's other cells",
            Self::Median => "Their median",
            Self::Zero => "0",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Choice, value, variants};
    use neuralnet::network::{Activation, Init};
    use neuralnet::{
        BackendChoice, Loss, Optimizer, Precision, Reduction, ReferenceChoice, Schedule, Storage,
    };
    use neuralnet_table::Impute;

    /// Each variant is found by each of its names, and no two are the same.
    fn assert_chosen<T: Choice + PartialEq + std::fmt::Debug>(names: &[&str]) {
        assert_eq!(variants::<T>(), names);
        let values: Vec<T> = names.iter().map(|name| value(name)).collect();
        for (at, found) in values.iter().enumerate() {
            assert!(!values[..at].contains(found), "{found:?} has two names");
        }
    }

    #[test]
    fn names_are_those_of_the_json() {
        assert_chosen::<Loss>(&["squared-error", "cross-entropy"]);
        assert_chosen::<Activation>(&[
            "sigmoid",
            "softmax",
            "identity",
            "tanh",
            "relu",
            "leaky-relu",
            "gelu",
            "silu",
        ]);
        assert_chosen::<Init>(&["numpy", "he", "glorot"]);
        assert_chosen::<Reduction>(&["sum", "mean"]);
        assert_chosen::<Optimizer>(&[
            "gradient-descent",
            "momentum",
            "nesterov",
            "rmsprop",
            "adam",
            "adamw",
            "lbfgs",
        ]);
        assert_chosen::<Storage>(&["f32", "f16", "u8"]);
        assert_chosen::<Impute>(&["mean", "median", "zero"]);
        assert_chosen::<ReferenceChoice>(&["fast", "plain"]);
        assert_chosen::<BackendChoice>(&["auto", "gpu", "cpu"]);
        assert_chosen::<Precision>(&["f64", "f32"]);
        let schedules = ["constant", "step", "cosine", "inverse"];
        assert_eq!(variants::<Schedule>(), schedules);
    }
}
