//! The arguments for a start from a model.

use super::TaskArgs;
use super::choice::named;
use super::table::UnknownCategory;
use crate::error::{Error, Result};
use clap::{ArgGroup, Args};
use neuralnet::network::Init;
use neuralnet::{Model, TrainConfig};
use std::path::PathBuf;

#[derive(Debug, Args)]
// A table is then encoded as others were, whose categories it may lack. `--init he` is let through as well: it is no
// harm.
#[command(group = ArgGroup::new("known_categories").multiple(true))]
pub(super) struct StartArgs {
    /// Where the weights start: `numpy` between −1 and 1, `he` between ±√(6 / I) and `glorot` between ±√(6 / (I + O)) for the I inputs and O outputs of a layer, or a MODEL: then the table is encoded as for its training, and layers and loss are its own (default: numpy without hidden layers; otherwise for each layer what suits its activation)
    #[arg(
        long,
        value_name = "numpy|he|glorot|MODEL",
        value_parser = start,
        group = "known_categories",
        help_heading = "Optimizer"
    )]
    init: Option<Start>,
    /// What becomes of a category in --validation-data that the training samples lack, or in DATA that the model of --init does not know
    #[arg(
        long,
        value_enum,
        default_value = "error",
        requires = "known_categories",
        help_heading = "Table"
    )]
    pub(super) unknown_category: UnknownCategory,
}

/// Where the weights start.
#[derive(Clone, Debug)]
enum Start {
    Drawn(Init),
    Model(PathBuf),
}

fn start(text: &str) -> std::result::Result<Start, std::convert::Infallible> {
    let drawn = named::<Init>(text).map(Start::Drawn);
    Ok(drawn.unwrap_or_else(|| Start::Model(text.into())))
}

impl StartArgs {
    /// How the weights are drawn, if that is said.
    pub(super) fn drawn(&self) -> Option<Init> {
        match &self.init {
            Some(Start::Drawn(init)) => Some(*init),
            _ => None,
        }
    }

    /// The file of the model to start from, if one is named.
    pub(super) fn path(&self) -> Option<&PathBuf> {
        match &self.init {
            Some(Start::Model(path)) => Some(path),
            _ => None,
        }
    }

    /// The model to start from, if one is named.
    pub(super) fn model(&self, task: &TaskArgs) -> Result<Option<Model>> {
        let Some(path) = self.path() else {
            return Ok(None);
        };
        if !path.exists() {
            let path = path.display();
            let reason = format!(
                "`{path}` is none of numpy, he and glorot, nor a file that exists; name one of them, or a model file"
            );
            return Err(Error::setting("--init", reason));
        }
        if let Some(flag) = task.table.encoding() {
            let reason = "the model of --init says how its tables are encoded; leave it out";
            return Err(Error::setting(flag, reason));
        }
        Ok(Some(Model::open(path)?))
    }

    /// The `usual` settings with the network of `model`.
    pub(super) fn suited(
        &self,
        task: &TaskArgs,
        usual: TrainConfig,
        model: &Model,
    ) -> Result<TrainConfig> {
        let (layer, config) = (model.network().output_layer(), &model.description().config);
        let is_other = |given| given != layer.activation;
        let is_other_hidden = |given| given != config.hidden.activation;
        for (flag, is_refused) in [
            ("--activation", task.activation.is_some_and(is_other)),
            ("--loss", task.loss.is_some_and(|loss| loss != config.loss)),
            (
                "--hidden",
                !task.hidden.is_empty() && task.hidden != config.hidden.widths,
            ),
            (
                "--hidden-activation",
                task.hidden_activation.is_some_and(is_other_hidden),
            ),
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
            loss: config.loss,
            bias: layer.bias,
            hidden: config.hidden.clone(),
            ..usual
        })
    }
}
