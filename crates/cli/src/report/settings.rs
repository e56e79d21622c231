//! The settings of a training as one line for people.

use super::format::{iterations, name, rate};
use super::metrics;
use neuralnet::network::Activation;
use neuralnet::{Loss, Optimizer, Reduction, Schedule, TrainConfig};

/// The line, with whether the features and the targets are standardised.
pub(super) fn settings(train: &TrainConfig, features: bool, targets: bool) -> String {
    let reduction = match train.reduction {
        Reduction::Sum => "sum",
        Reduction::Mean => "mean",
    };
    let loss = match train.loss {
        Loss::SquaredError => "squared error",
        Loss::CrossEntropy => "cross-entropy",
    };
    let bias = if train.bias { "with bias" } else { "no bias" };
    let is_usual = (train.activation, train.loss) == (Activation::Sigmoid, Loss::CrossEntropy);
    let activation = (!is_usual).then(|| name(&train.activation));
    let mut settings = vec![format!("{reduction} of {loss}")];
    if !train.hidden.is_empty() {
        let widths: Vec<String> = train.hidden.widths.iter().map(usize::to_string).collect();
        let activation = name(&train.hidden.activation);
        settings.push(format!("hidden {} {activation}", widths.join(", ")));
    }
    settings.extend(activation);
    settings.extend(penalties(train));
    settings.push(updates(train));
    settings
        .extend((train.warm_up > 0).then(|| format!("warm-up of {}", iterations(train.warm_up))));
    let clip = train.clip_norm.map(rate);
    settings.extend(clip.map(|norm| format!("gradients of norm {norm} at most")));
    let dropout = (train.dropout > 0.0).then(|| format!("dropout {}", rate(train.dropout)));
    settings.extend(dropout);
    let average = train.average_decay.map(rate);
    settings.extend(average.map(|share| format!("weights averaged by {share}")));
    settings.push(bias.to_owned());
    settings.push(format!(
        "{}{}",
        match train.optimizer {
            Optimizer::LBfgs => "up to ",
            _ => "",
        },
        iterations(train.iterations)
    ));
    settings.extend(train.batch_size.map(|size| format!("batches of {size}")));
    settings.extend(train.init.map(|init| format!("{} start", name(&init))));
    settings.push(format!("seed {}", train.seed));
    let standardised = match (features, targets) {
        (true, true) => "features and targets standardised",
        (true, false) => "features standardised",
        (false, true) => "targets standardised",
        (false, false) => return settings.join(", "),
    };
    settings.push(standardised.to_owned());
    settings.join(", ")
}

/// The optimizer and its learning rate.
fn updates(train: &TrainConfig) -> String {
    let rate = rate(train.learning_rate);
    let rate = match train.schedule {
        Schedule::Constant => format!("learning rate {rate}"),
        Schedule::Step { every, factor } => {
            format!(
                "learning rate {rate} times {factor} every {}",
                iterations(every)
            )
        }
        Schedule::Cosine => format!("learning rate {rate} to 0 along a cosine"),
        Schedule::Inverse => format!("learning rate {rate} by 1/t"),
    };
    match train.optimizer {
        Optimizer::GradientDescent => rate,
        Optimizer::Momentum => format!("momentum {}, {rate}", train.momentum),
        Optimizer::Nesterov => format!("Nesterov {}, {rate}", train.momentum),
        Optimizer::RmsProp => format!("RMSprop, {rate}"),
        Optimizer::Adam => format!("Adam, {rate}"),
        Optimizer::AdamW => format!(
            "AdamW, weight decay {}, {rate}",
            self::rate(train.weight_decay)
        ),
        Optimizer::LBfgs if train.l1 > 0.0 => "L-BFGS (OWL-QN)".to_owned(),
        Optimizer::LBfgs => "L-BFGS".to_owned(),
    }
}

/// The penalties that are not 0; `None` without any.
fn penalties(train: &TrainConfig) -> Option<String> {
    let named = [("L1", train.l1), ("L2", train.l2)];
    let there = named.iter().filter(|(_, penalty)| *penalty > 0.0);
    let each: Vec<String> = there
        .map(|(name, penalty)| {
            let exactly = rate(*penalty);
            match exactly.len() {
                ..=8 => format!("{name} {exactly}"),
                _ => format!("{name} {}", metrics::digits(*penalty)),
            }
        })
        .collect();
    (!each.is_empty()).then(|| format!("plus {}", each.join(" and ")))
}
