//! Which settings can be used, together and on the data.

use super::TrainConfig;
use crate::data::{Dataset, FEATURES_ALONE, Scaling, TargetScaling};
use crate::error::{Error, LEAVE_OUT, Remedy, Result};
use crate::network::{Activation, Hidden};
use crate::objective::Loss;
use crate::optimizer::{Optimizer, Schedule};
use std::fmt::Display;

const FIRST_ORDER: Remedy = Remedy::Set(
    "optimizer",
    "gradient-descent, momentum, nesterov, rmsprop, adam or adamw",
);

impl TrainConfig {
    pub(super) fn check(&self, dataset: &Dataset) -> Result<()> {
        self.check_numbers()?;
        self.check_layers()?;
        self.check_rows(dataset.n_samples())?;
        self.check_batches()?;
        self.check_optimizer()?;
        self.check_objective(dataset)?;
        self.check_reach(dataset)
    }

    fn check_numbers(&self) -> Result<()> {
        const POSITIVE: &str = "must be positive and finite";
        const NOT_NEGATIVE: &str = "must be finite and not negative";
        let (every, factor) = match self.schedule {
            Schedule::Step { every, factor } => (every, factor),
            _ => (1, 1.0),
        };
        for (setting, value, rule) in [
            ("learning_rate", self.learning_rate, POSITIVE),
            ("schedule_factor", factor, POSITIVE),
            ("l1", self.l1, NOT_NEGATIVE),
            ("l2", self.l2, NOT_NEGATIVE),
            (
                "gradient_tolerance",
                self.gradient_tolerance.unwrap_or(0.0),
                NOT_NEGATIVE,
            ),
            (
                "loss_tolerance",
                self.loss_tolerance.unwrap_or(0.0),
                NOT_NEGATIVE,
            ),
            ("weight_decay", self.weight_decay, NOT_NEGATIVE),
            ("clip_norm", self.clip_norm.unwrap_or(1.0), POSITIVE),
            ("max_seconds", self.max_seconds.unwrap_or(0.0), NOT_NEGATIVE),
        ] {
            let holds = (value > 0.0 || value == 0.0 && rule == NOT_NEGATIVE) && value.is_finite();
            require(holds, setting, format_args!("{value} {rule}"), &[])?;
        }
        for (setting, share) in [
            ("momentum", self.momentum),
            ("average_decay", self.average_decay.unwrap_or(0.0)),
            ("dropout", self.dropout),
        ] {
            let reason = format_args!("{share} must be at least 0 and below 1");
            require((0.0..1.0).contains(&share), setting, reason, &[])?;
        }
        let early_stopping = self.early_stopping.map_or(1, u64::from);
        for (setting, count) in [
            ("schedule_every", every),
            ("validation_every", self.validation_every.unwrap_or(1)),
            ("early_stopping", early_stopping),
            ("batch_size", self.batch_size.map_or(1, |size| size as u64)),
        ] {
            require(count > 0, setting, "0 must be at least 1", &[])?;
        }
        Ok(())
    }

    fn check_rows(&self, n_samples: usize) -> Result<()> {
        for (setting, rows) in [
            ("batch_size", self.batch_size),
            ("warm_start_rows", self.warm_start_rows),
        ] {
            let rows = rows.unwrap_or(0);
            let reason = format_args!("{rows} rows are more than the {n_samples} there are");
            let remedies = &[Remedy::Do("take fewer"), LEAVE_OUT];
            require(rows <= n_samples, setting, reason, remedies)?;
        }
        Ok(())
    }

    fn check_batches(&self) -> Result<()> {
        const SEARCHES: &str = "L-BFGS searches its steps itself";
        const NOISY: &str = "what one batch shows is too noisy for it";
        const STOP_EARLY: &[Remedy] = &[
            LEAVE_OUT,
            Remedy::Set("early_stopping", "10 with held-out samples"),
        ];
        let searches = self.optimizer == Optimizer::LBfgs;
        for (setting, is_given, reason) in [
            (
                "batch_size",
                self.batch_size.is_some(),
                "L-BFGS needs all rows for its steps",
            ),
            (
                "dropout",
                self.dropout > 0.0,
                "L-BFGS needs all units for its steps",
            ),
            ("clip_norm", self.clip_norm.is_some(), SEARCHES),
            ("average_decay", self.average_decay.is_some(), SEARCHES),
            ("warm_up", self.warm_up > 0, SEARCHES),
            ("schedule", self.schedule != Schedule::Constant, SEARCHES),
        ] {
            let remedies = &[LEAVE_OUT, FIRST_ORDER];
            require(!is_given || !searches, setting, reason, remedies)?;
        }
        if self.average_decay.is_some() {
            let reason = "is one of the last parameters, and the training ends with their mean";
            self.refuse_tolerances(reason, &[LEAVE_OUT])?;
        }
        let noisy = match (self.batch_size, self.dropout > 0.0) {
            (Some(_), _) => NOISY,
            (None, true) => "what an update with dropout shows is too noisy for it",
            (None, false) => return Ok(()),
        };
        self.refuse_tolerances(noisy, STOP_EARLY)
    }

    fn refuse_tolerances(&self, reason: &str, remedies: &'static [Remedy]) -> Result<()> {
        let (gradient, loss) = (self.gradient_tolerance, self.loss_tolerance);
        require(gradient.is_none(), "gradient_tolerance", reason, remedies)?;
        require(loss.is_none(), "loss_tolerance", reason, remedies)
    }

    fn check_optimizer(&self) -> Result<()> {
        let is_lbfgs = self.optimizer == Optimizer::LBfgs;
        let keeps_zeros = matches!(
            self.optimizer,
            Optimizer::GradientDescent | Optimizer::Momentum | Optimizer::LBfgs
        );
        require(
            self.warm_start_rows.is_none() || is_lbfgs,
            "warm_start_rows",
            "is where L-BFGS begins",
            &[Remedy::Set("optimizer", "lbfgs"), LEAVE_OUT],
        )?;
        require(
            self.l1 == 0.0 || keeps_zeros,
            "l1",
            "this optimizer's steps keep no weight at 0",
            &[
                Remedy::Set("optimizer", "lbfgs, momentum or gradient-descent"),
                Remedy::Set("l2", "0.001 instead"),
            ],
        )?;
        require(
            self.gradient_tolerance.is_none() || is_lbfgs || self.hidden.is_empty(),
            "gradient_tolerance",
            "is held against the curvature, which of hidden layers L-BFGS alone finds out",
            &[
                Remedy::Set("optimizer", "lbfgs"),
                Remedy::Set("loss_tolerance", "1e-6"),
                Remedy::Set("early_stopping", "10 with held-out samples"),
            ],
        )?;
        require(
            self.optimizer == Optimizer::AdamW || self.weight_decay == 0.0,
            "weight_decay",
            "is a setting of AdamW",
            &[Remedy::Set("optimizer", "adamw"), LEAVE_OUT],
        )
    }

    /// Checks the widths and the activations.
    pub(crate) fn check_layers(&self) -> Result<()> {
        const LAYERS: usize = 64;
        const UNITS: usize = 8192;
        let Hidden { widths, activation } = &self.hidden;
        let depth = widths.len();
        let reason = format_args!("{depth} layers are more than {LAYERS}");
        require(
            depth <= LAYERS,
            "hidden",
            reason,
            &[Remedy::Do("take fewer")],
        )?;
        for width in widths {
            let reason = format_args!("a layer of {width} units must have from 1 to {UNITS}");
            require((1..=UNITS).contains(width), "hidden", reason, &[])?;
        }
        require(
            self.dropout == 0.0 || depth > 0,
            "dropout",
            "takes units of hidden layers, and there are none",
            &[Remedy::Set("hidden", "128"), LEAVE_OUT],
        )?;
        require(
            activation.is_hidden(),
            "hidden_activation",
            "is one of the last layer",
            &[Remedy::Set("hidden_activation", "relu")],
        )?;
        require(
            self.activation.is_of_outputs(),
            "activation",
            "is one of hidden layers",
            &[
                Remedy::Set("activation", "sigmoid, softmax, identity or tanh"),
                LEAVE_OUT,
            ],
        )
    }

    fn check_objective(&self, dataset: &Dataset) -> Result<()> {
        const SIGMOID: Remedy = Remedy::Set("activation", "sigmoid");
        const CLASSES: &[Remedy] = &[Remedy::Set("classes", "true"), SIGMOID];
        let is_softmax = self.activation == Activation::Softmax;
        let (reason, remedies): (_, &[_]) = match is_softmax {
            true => (
                "a softmax is trained towards cross-entropy",
                &[Remedy::Set("loss", "cross-entropy"), SIGMOID],
            ),
            false => (
                "numbers are trained towards the squared error",
                &[Remedy::Set("loss", "squared-error")],
            ),
        };
        require(self.loss.suits(self.activation), "loss", reason, remedies)?;
        let reason = "a softmax needs a target for each of at least two classes, and there is one";
        // Two classes are one target, which a sigmoid is for.
        let is_of_two = dataset.classes().is_some() || dataset.targets_are_binary();
        let remedies = if is_of_two { &CLASSES[1..] } else { CLASSES };
        require(
            !is_softmax || dataset.n_outputs() >= 2,
            "activation",
            reason,
            remedies,
        )?;
        let targets = dataset.target_scaling();
        for (what, is_centered) in [
            (
                "features",
                dataset.scaling().is_some_and(Scaling::is_centered),
            ),
            ("targets", targets.is_some_and(TargetScaling::is_centered)),
        ] {
            require(
                self.bias || !is_centered,
                "bias",
                format_args!(
                    "the {what} are centred, and without a bias nothing makes up for that"
                ),
                &[
                    Remedy::Set("bias", "true"),
                    Remedy::Do("standardise them without centring"),
                ],
            )?;
        }
        require(
            targets.is_none() || self.activation == Activation::Identity,
            "activation",
            "the targets are standardised, and the identity alone predicts such",
            &[
                Remedy::Set("activation", "identity"),
                Remedy::Do("leave the targets as they are"),
            ],
        )?;
        if dataset.n_outputs() == 0 {
            return Err(Error::Dataset {
                source_name: dataset.source().to_owned(),
                reason: FEATURES_ALONE.to_owned(),
            });
        }
        let outside = dataset.target_outside_unit();
        if let Some((row, output, value)) = outside.filter(|_| self.loss == Loss::CrossEntropy) {
            let place = dataset.target_place(row, output);
            return Err(match is_softmax {
                true => no_shares(place, format_args!("target {value} lies outside [0, 1]")),
                false => Error::Target { place, value },
            });
        }
        match is_softmax && dataset.classes().is_none() {
            true => check_shares(dataset),
            false => Ok(()),
        }
    }

    /// Checks that predictions reach the targets: a squared error from one that they do not reach saturates the outputs.
    fn check_reach(&self, dataset: &Dataset) -> Result<()> {
        let (lowest, name) = match self.activation {
            Activation::Sigmoid => (0.0, "a sigmoid"),
            Activation::Tanh => (-1.0, "tanh"),
            _ => return Ok(()),
        };
        if dataset.target_outside_unit().is_none() {
            return Ok(());
        }
        let (n_outputs, width) = (dataset.n_outputs(), dataset.target_width());
        let beyond = dataset.find_in_leaves(|leaf| {
            let mut rows = leaf.rows.zip(leaf.targets.chunks_exact(width));
            rows.find_map(|(row, targets)| {
                let mut targets = targets[..n_outputs].iter().enumerate();
                let (output, target) = targets.find(|(_, t)| !(lowest..=1.0).contains(*t))?;
                Some((row, output, f64::from(*target)))
            })
        });
        let Some((row, output, target)) = beyond else {
            return Ok(());
        };
        let offset = dataset.target_offsets().get(output).copied();
        let [target, lowest, highest] =
            [target, lowest.into(), 1.0].map(|it: f64| it + offset.unwrap_or(0.0));
        Err(Error::Input {
            place: dataset.target_place(row, output),
            reason: format!(
                "target {target} lies outside [{lowest}, {highest}], where the predictions of {name} lie"
            ),
            remedies: &[
                Remedy::Do("rescale it"),
                Remedy::Set("activation", "identity"),
            ],
        })
    }
}

/// The error that `setting` cannot be used, unless the rule `holds`.
pub(in crate::train) fn require(
    holds: bool,
    setting: &'static str,
    reason: impl Display,
    remedies: &'static [Remedy],
) -> Result<()> {
    match holds {
        true => Ok(()),
        false => Err(Error::Setting {
            setting,
            reason: reason.to_string(),
            remedies,
        }),
    }
}

/// Checks that the targets of each row add up to 1, to within the roundings of an f32 sum.
fn check_shares(dataset: &Dataset) -> Result<()> {
    let (n_outputs, width) = (dataset.n_outputs(), dataset.target_width());
    let wrong_sum = dataset.find_in_leaves(|leaf| {
        let sums = leaf.targets.chunks_exact(width).map(|targets| {
            let shares = targets[..n_outputs].iter();
            shares.map(|t| f64::from(*t)).sum::<f64>()
        });
        let mut sums = leaf.rows.zip(sums);
        sums.find(|(_, sum)| (sum - 1.0).abs() > 1e-6 * n_outputs as f64)
    });
    match wrong_sum {
        None => Ok(()),
        Some((row, sum)) => {
            let reason = format_args!("the targets of this row sum to {sum}");
            Err(no_shares(dataset.target_place(row, 0), reason))
        }
    }
}

/// The error that targets are no shares.
fn no_shares(place: String, reason: impl Display) -> Error {
    Error::Input {
        place,
        reason: format!("{reason}, and a softmax needs shares that sum to 1"),
        remedies: &[
            Remedy::Do("divide each row by its sum"),
            Remedy::Set("activation", "identity"),
        ],
    }
}
