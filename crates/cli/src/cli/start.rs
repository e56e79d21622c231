//! The arguments for a start from a model.

use super::TaskArgs;
use super::table::UnknownCategory;
use crate::error::{Error, Result};
use clap::{ArgGroup, Args};
use neuralnet::{Dataset, Model, TrainConfig};
use neuralnet_table::ModelOptions;
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("encoded").multiple(true))]
pub(super) struct StartArgs {
    /// Start from the weights of MODEL, and encode the table as its training did; activation, loss and bias are the model's (default: random weights of --seed)
    #[arg(
        long,
        value_name = "MODEL",
        group = "encoded",
        help_heading = "Optimizer",
        conflicts_with_all = ["target", "features", "drop", "classes", "one_hot", "impute", "path"]
    )]
    init: Option<PathBuf>,
    /// What becomes of a category in --validation-data that the training samples lack, or in DATA that the model of --init does not know
    #[arg(
        long,
        value_enum,
        default_value = "error",
        requires = "encoded",
        help_heading = "Table"
    )]
    unknown_category: UnknownCategory,
}

impl StartArgs {
    /// How data are read that are encoded as others were.
    pub(super) fn known_data(&self, task: &TaskArgs) -> ModelOptions {
        ModelOptions {
            unknown_as_zero: self.unknown_category == UnknownCategory::Zero,
            ..task.known_data()
        }
    }

    /// The model to start from, if one is named.
    pub(super) fn model(&self) -> Result<Option<Model>> {
        Ok(self.init.as_deref().map(Model::open).transpose()?)
    }

    /// The settings that suit the samples `dataset` and the network of `model`.
    ///
    /// # Errors
    /// If the arguments ask for another network.
    pub(super) fn suited(
        &self,
        task: &TaskArgs,
        dataset: &Dataset,
        model: &Model,
    ) -> Result<TrainConfig> {
        let layer = model.layer();
        let is_other = |given| given != layer.activation;
        for (flag, is_refused) in [
            ("--activation", task.activation.is_some_and(is_other)),
            ("--bias", task.bias && !layer.bias),
            ("--no-bias", task.no_bias && layer.bias),
        ] {
            if is_refused {
                let reason = "asks for another network than the model of --init; leave it out";
                return Err(Error::setting(flag, reason));
            }
        }
        Ok(TrainConfig {
            activation: layer.activation,
            loss: model.description().config.loss,
            bias: layer.bias,
            ..TrainConfig::suited_to(dataset)
        })
    }
}
