//! The arguments that say what is trained: the data, the network and its loss.

use super::choice::{choice, choice_of};
use super::hardware::HardwareArgs;
use super::table::TableArgs;
use crate::error::{Error, Result};
use crate::report::SampleSettings;
use clap::Args;
use neuralnet::network::{Activation, Hidden};
use neuralnet::{Dataset, Loss, Model, Reduction, TrainConfig};
use neuralnet_table::ModelOptions;
use std::path::Path;

/// The data, the network and its loss. What is not given, the data set decides.
#[derive(Debug, Args)]
pub(crate) struct TaskArgs {
    /// A table (CSV, also .csv.gz and .csv.zst; .npy; .npz with X and y; .parquet; .feather; pictures in the IDX format as MNIST's), `article`, or `synthetic:ROWSxFEATURES[,rule=linear][,noise=0.05][,seed=1]` with the rule linear, xor, circle, spiral or teacher
    #[arg(default_value = "article")]
    data: String,
    /// Updates of the weights; 0 shows the start (default: 10000 for article; otherwise 100 to validate and 1000 to train, or with --hidden and more than 128 rows 10 epochs, and as many more as make 1000)
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(super) iterations: Option<u64>,
    /// Step along the gradient; L-BFGS searches its own (default: 1 for article, 0.01 for Adam and RMSprop, 0.001 for AdamW, otherwise 0.1)
    #[arg(long, value_name = "R", allow_negative_numbers = true)]
    pub(super) learning_rate: Option<f64>,
    /// What turns an output into a prediction (default: softmax for more than two classes, sigmoid for two and for targets in [0, 1], identity for other numbers)
    #[arg(long, value_parser = choice_of(Activation::is_of_outputs))]
    pub(crate) activation: Option<Activation>,
    /// Widths of the hidden layers, first to last, separated by commas (default: none, so that the features are all that a prediction is made of)
    #[arg(long, value_name = "WIDTHS", value_delimiter = ',')]
    pub(super) hidden: Vec<usize>,
    /// Activation of the hidden layers (default: relu)
    #[arg(long, value_parser = choice_of(Activation::is_hidden), requires = "hidden")]
    pub(super) hidden_activation: Option<Activation>,
    /// Loss of one prediction (default: cross-entropy with a softmax, and with a sigmoid unless DATA is article; otherwise squared-error)
    #[arg(long, value_parser = choice::<Loss>())]
    pub(super) loss: Option<Loss>,
    /// Train on standardised features: each less its mean (not with --no-bias), over its standard deviation; with --hidden and --activation identity on standardised targets too, over the deviation of all; the weights and losses printed and saved are those of the table as it is (default: yes for files)
    #[arg(long, overrides_with = "no_standardise")]
    standardise: bool,
    /// Train on the unscaled features and targets
    #[arg(long, overrides_with = "standardise")]
    no_standardise: bool,
    /// How the losses of the samples are reduced; `sum` saturates on large batches (default: sum for article, otherwise mean)
    #[arg(long, value_parser = choice::<Reduction>())]
    reduction: Option<Reduction>,
    /// Give each output and each hidden unit a bias (default: no for article, otherwise yes)
    #[arg(long, overrides_with = "no_bias")]
    pub(super) bias: bool,
    /// Give no output and no hidden unit a bias
    #[arg(long, overrides_with = "bias")]
    pub(super) no_bias: bool,
    /// Seed of the starting weights, as for numpy.random.RandomState, and of the order of batches, of --validation and of --dropout
    #[arg(
        long,
        value_name = "S",
        default_value_t = 1,
        allow_negative_numbers = true
    )]
    pub(super) seed: u32,
    #[command(flatten)]
    pub(super) table: TableArgs,
}

impl TaskArgs {
    /// The file of the data, if they come from one.
    pub(super) fn path(&self) -> &Path {
        Path::new(&self.data)
    }

    /// Whether the data come from a file.
    pub(super) fn is_file(&self) -> bool {
        neuralnet_table::is_file(&self.data)
    }

    /// Opens the data and completes the settings; `iterations` is the default for data other than the article's.
    pub(crate) fn open(
        &self,
        iterations: u64,
        hardware: HardwareArgs,
    ) -> Result<(Dataset, TrainConfig)> {
        let dataset = self.open_data(None)?;
        let suited = suited_to(&dataset, iterations);
        let (dataset, config) = self.complete(dataset, suited, hardware)?;
        Ok((self.weigh_classes(&dataset)?, config))
    }

    /// What the samples weigh.
    pub(crate) fn sample_settings(&self) -> SampleSettings {
        SampleSettings {
            sample_weight: self.table.sample_weight.clone(),
            class_weight: self.table.class_weight.clone(),
            training: None,
        }
    }

    /// The samples of `dataset` with the weights of their classes, to be trained on.
    pub(super) fn weigh_classes(&self, dataset: &Dataset) -> Result<Dataset> {
        match &self.table.class_weight {
            Some(weights) => Ok(dataset.with_class_weights(weights)?),
            None => Ok(dataset.clone()),
        }
    }

    /// Opens the data, with unscaled features, encoded as those of `model` were.
    pub(super) fn open_labelled(&self, model: &Model, options: &ModelOptions) -> Result<Dataset> {
        self.check_class_weight()?;
        Ok(neuralnet_table::open_labelled(model, &self.data, options)?)
    }

    /// Opens the data, with unscaled features, encoded as those suit that are not held back for a `validation`.
    pub(super) fn open_data(&self, validation: Option<f64>) -> Result<Dataset> {
        self.check_class_weight()?;
        Ok(neuralnet_table::open(
            &self.data,
            &self
                .table
                .options(self.no_bias, validation.map(|share| (share, self.seed))),
        )?)
    }

    /// Refuses weights of classes for data that are no file.
    fn check_class_weight(&self) -> Result<()> {
        if self.table.class_weight.is_none() || self.is_file() {
            return Ok(());
        }
        let data = &self.data;
        let reason =
            format!("is for the columns of a file, and `{data}` is not a file; leave it out");
        Err(Error::setting("--class-weight", reason))
    }

    /// Completes `defaults`, the settings that suit `dataset`, and scales and stores its samples accordingly.
    pub(super) fn complete(
        &self,
        dataset: Dataset,
        mut defaults: TrainConfig,
        hardware: HardwareArgs,
    ) -> Result<(Dataset, TrainConfig)> {
        match (self.activation, self.loss) {
            (Some(activation), _) => {
                defaults.activation = activation;
                if !defaults.loss.suits(defaults.activation) {
                    defaults.loss = Loss::usual(defaults.activation);
                }
            }
            // Cross-entropy needs an activation that ends at 0 and 1; targets beyond are refused later.
            (None, Some(Loss::CrossEntropy)) if defaults.activation == Activation::Identity => {
                defaults.activation = Activation::Sigmoid;
            }
            (None, _) => {}
        }
        let config = TrainConfig {
            iterations: self.iterations.unwrap_or(defaults.iterations),
            learning_rate: self.learning_rate.unwrap_or(defaults.learning_rate),
            loss: self.loss.unwrap_or(defaults.loss),
            reduction: self.reduction.unwrap_or(defaults.reduction),
            bias: self.bias || (defaults.bias && !self.no_bias),
            activation: defaults.activation,
            hidden: Hidden {
                widths: match &self.hidden[..] {
                    [] => defaults.hidden.widths.clone(),
                    widths => widths.to_vec(),
                },
                activation: self.hidden_activation.unwrap_or(defaults.hidden.activation),
            },
            seed: self.seed,
            ..defaults
        };
        let standardises = self.standardise || (self.is_file() && !self.no_standardise);
        let dataset = match standardises {
            // Features can be centred only if a bias makes up for their means.
            true => dataset.standardised(config.bias),
            false => dataset,
        };
        // Of one layer the usual optimizer takes targets in any unit.
        let is_linear = config.activation == Activation::Identity;
        let dataset = match standardises && is_linear && !config.hidden.is_empty() {
            true => dataset.targets_standardised(config.bias),
            false => dataset,
        };
        Ok((dataset.stored_as(hardware.storage())?, config))
    }
}

/// The settings that suit `dataset`, with `iterations` for data other than the article's.
pub(super) fn suited_to(dataset: &Dataset, iterations: u64) -> TrainConfig {
    let suited = TrainConfig::suited_to(dataset);
    match dataset.is_article() {
        true => suited,
        false => TrainConfig {
            iterations,
            ..suited
        },
    }
}
