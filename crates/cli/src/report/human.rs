//! Results as text for people.

use super::Report;
use super::format::{counted, duration, iterations, name, number, shown};
use super::metrics;
use super::results::{EvaluateResult, LayerResult, ModelResult, TrainResult, ValidateResult};
use super::run::Run;
use super::settings::settings;
use indicatif::{HumanBytes, HumanCount};
use neuralnet::train::WarmStart;
use neuralnet::validate::{StorageEffect, Vacuous};
use neuralnet::{Adapter, StopReason, Storage};
use std::fmt::Display;
use std::io::{self, Write};

/// Weights of an output that are shown; JSON has all.
const SHOWN_WEIGHTS: usize = 10;

/// Writes one line: what it is about, in eight letters at most, then `text` in a column of its own.
pub(super) fn line(out: &mut dyn Write, about: &str, text: impl Display) -> io::Result<()> {
    writeln!(out, "{about:<8} {text}")
}

impl Report for TrainResult<'_> {
    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        write_run(out, self.run)?;
        line(out, self.backend, self.adapter)?;
        self.write_article(out)?;
        writeln!(out)?;
        let data = &self.run.dataset;
        write_weights(out, &data.inputs, &data.targets, &self.layers)?;
        let train = &self.run.config.train;
        let of_which = match train.l1 == 0.0 && train.l2 == 0.0 {
            true => String::new(),
            false => format!(", of which the data's {}", number(self.data_loss)),
        };
        line(out, "loss", number(self.loss) + &of_which)?;
        self.write_end(out)?;
        match self.validation {
            Some(metrics) => metrics::write_holdout(out, metrics),
            None => Ok(()),
        }
    }
}

impl TrainResult<'_> {
    /// Writes the article's predictions beside those reached, if the training is the article's.
    fn write_article(&self, out: &mut dyn Write) -> io::Result<()> {
        if !self.predictions.is_empty() {
            writeln!(out, "\niterations  prediction for [1, 0, 1]  the article's")?;
        }
        for row in self.predictions {
            let n = HumanCount(row.iterations).to_string();
            writeln!(out, "{n:>10}  {:<24.8}  {}", row.prediction, row.article)?;
        }
        Ok(())
    }

    /// What the next step would take from the loss, if what ended the training leaves that open.
    fn promised(&self) -> String {
        let is_open = [StopReason::Rounding, StopReason::Stalled].contains(&self.stop);
        match self.promised_decrease {
            Some(share) if is_open => format!(", of about {share:.0e} of it"),
            _ => String::new(),
        }
    }

    /// Writes the held-out loss, why the training stopped, its warm start and its speed.
    fn write_end(&self, out: &mut dyn Write) -> io::Result<()> {
        if let Some(loss) = self.validation_loss {
            let kept = self.kept_iteration.filter(|kept| *kept != self.iterations);
            let after =
                kept.map(|n| format!(", the lowest, {}; these weights are kept", kept_at(n)));
            line(out, "held out", number(loss) + &after.unwrap_or_default())?;
        }
        if self.stop != StopReason::Iterations {
            let stopped = stopped(self.iterations, Some(self.stop));
            line(out, "stopped", stopped + &self.promised())?;
        }
        if let Some(WarmStart { rows, evaluations }) = self.warm_start {
            let (rows, n) = (counted(rows, "row"), counted(evaluations, "evaluation"));
            line(out, "start", format!("warm, on {rows}: {n}"))?;
        }
        if let Some(rate) = self.bytes_per_second {
            let each = duration(self.seconds / self.iterations as f64);
            let rate = format!("{:.2} GB/s of inputs and targets", rate / 1e9);
            let text = format!("{:.3} s, {each} an iteration, {rate}", self.seconds);
            line(out, "time", text)?;
        }
        Ok(())
    }
}

/// After how many iterations a training ended, and why if that is known.
pub(super) fn stopped(n: u64, reason: Option<StopReason>) -> String {
    let why = reason.map_or(String::new(), |reason| format!(": {reason}"));
    format!("after {}{why}", iterations(n))
}

/// When a training had the weights that it keeps.
pub(super) fn kept_at(n: u64) -> String {
    match n {
        0 => "before the first iteration".to_owned(),
        n => format!("after {}", iterations(n)),
    }
}

/// Writes the shapes of several layers, their parameters and their activations.
fn write_layers(out: &mut dyn Write, layers: &[LayerResult<'_>]) -> io::Result<()> {
    writeln!(out, "layer  inputs  outputs  parameters  activation")?;
    let mut all = 0;
    for (at, layer) in layers.iter().enumerate() {
        let (n_inputs, n_outputs) = (layer.weight[0].len(), layer.weight.len());
        let n_parameters = n_inputs * n_outputs + layer.bias.map_or(0, <[f64]>::len);
        all += n_parameters as u64;
        let n_parameters = HumanCount(n_parameters as u64).to_string();
        let activation = name(&layer.activation);
        writeln!(
            out,
            "{at:>5}  {n_inputs:>6}  {n_outputs:>7}  {n_parameters:>10}  {activation}"
        )?;
    }
    let all = HumanCount(all).to_string();
    writeln!(out, "{:>5}  {:>6}  {:>7}  {all:>10}", "all", "", "")
}

/// Writes the first weights of each output, and its bias; of several layers their shapes.
fn write_weights(
    out: &mut dyn Write,
    features: &[String],
    targets: &[String],
    layers: &[LayerResult<'_>],
) -> io::Result<()> {
    let [layer] = layers else {
        return write_layers(out, layers);
    };
    for (o, weight) in layer.weight.iter().enumerate() {
        let bias = layer.bias.map(|bias| ("bias", &bias[o]));
        let named = features.iter().map(String::as_str).zip(*weight);
        writeln!(out, "weights of {}", shown(&targets[o]))?;
        for (name, value) in named.take(SHOWN_WEIGHTS).chain(bias) {
            writeln!(out, "  {:>14}  {}", number(*value), shown(name))?;
        }
        if let Some(more @ 1..) = weight.len().checked_sub(SHOWN_WEIGHTS) {
            writeln!(out, "  and {more} more; --json prints all")?;
        }
    }
    Ok(())
}

/// The first of some names, and how many more there are.
fn listed(names: &[String]) -> String {
    let first = names.iter().take(SHOWN_WEIGHTS).map(|name| shown(name));
    let first = first.collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(SHOWN_WEIGHTS) {
        0 => first,
        more => format!("{first} and {more} more; --json prints all"),
    }
}

impl Report for ModelResult<'_> {
    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        let description = &self.description;
        let inputs = counted(description.features.len(), "input");
        let outputs = counted(description.targets.len(), "output");
        let activation = name(&description.activation);
        line(out, "model", format!("{inputs}, {outputs}, {activation}"))?;
        let samples = counted(description.n_samples, "sample");
        line(out, "data", format!("{}: {samples}", description.source))?;
        let (features, targets) = (&description.scaling, &description.target_scaling);
        let settings = settings(&description.config, features.is_some(), targets.is_some());
        line(out, "setting", settings)?;
        if description.iterations < description.config.iterations {
            let stopped = stopped(description.iterations, description.stop);
            let kept = description.kept_iteration;
            let kept = kept.map(|n| format!("; the weights are those {}", kept_at(n)));
            line(out, "stopped", stopped + &kept.unwrap_or_default())?;
        }
        line(out, &description.backend, &description.adapter)?;
        let (features, targets) = (&description.features, &description.targets);
        if self.layers.len() > 1 {
            line(out, "features", listed(features))?;
        }
        writeln!(out)?;
        write_weights(out, features, targets, &self.layers)?;
        line(out, "loss", number(description.loss))
    }
}

impl Report for EvaluateResult<'_> {
    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        let metrics = self.metrics;
        line(out, "model", self.model.display())?;
        let weights = match metrics.total_weight {
            None => String::new(),
            Some(weight) => format!(", of weight {} in all", metrics::amount(weight)),
        };
        let samples = counted(metrics.n_samples, "sample");
        line(out, "data", format!("{}: {samples}{weights}", self.source))?;
        line(out, "loss", number(metrics.loss))?;
        metrics::write(out, metrics)
    }
}

impl Report for ValidateResult<'_> {
    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        let proof = self.proof;
        write_run(out, self.run)?;
        line(out, "gpu", &proof.adapter)?;
        line(out, "cpu", format!("{}, float64\n", proof.reference))?;
        writeln!(
            out,
            "iteration  quantity                 values      error      bound  error/bound"
        )?;
        for check in &proof.checks {
            writeln!(
                out,
                "{:>9}  {:<19} {:>11}  {:>9.2e}  {:>9.2e}  {:>11.4}{}",
                HumanCount(check.iteration).to_string(),
                check.quantity,
                HumanCount(check.n_values).to_string(),
                check.error,
                check.bound,
                check.ratio,
                if check.within { "" } else { "  EXCEEDED" }
            )?;
        }
        write_vacuous(out, &proof.vacuous)?;
        let distance = proof.distance;
        writeln!(
            out,
            "\nafter {}, each on its own: parameters differ by {:.2e} at most, {:.2e} of the largest",
            iterations(distance.iterations),
            distance.absolute,
            distance.relative
        )?;
        if let Some(rounding) = &proof.rounding {
            write_rounding(out, self.run, rounding)?;
        }
        let n_checks = proof.checks.len();
        let exceeded = proof.checks.iter().filter(|check| !check.within).count();
        if exceeded > 0 {
            writeln!(
                out,
                "FAILED: {exceeded} of {n_checks} checks exceed their bound"
            )
        } else if self.passed {
            writeln!(out, "passed: every error is within its bound")
        } else {
            writeln!(out, "FAILED: the parameters reached are not finite")
        }
    }
}

/// Writes which bounds promise nothing.
fn write_vacuous(out: &mut dyn Write, all: &[Vacuous]) -> io::Result<()> {
    for (number, one) in all.iter().enumerate() {
        let same = |other: &&Vacuous| other.quantity == one.quantity;
        if all[..number].iter().any(|other| same(&other)) {
            continue;
        }
        let iterations = all.iter().filter(same).map(|it| HumanCount(it.iteration));
        let iterations: Vec<String> = iterations.map(|it| it.to_string()).collect();
        writeln!(
            out,
            "{}: at iteration {} its bound, {:.2e} at first, exceeds the values, up to {:.2e}, and promises nothing; the stages do",
            one.quantity,
            iterations.join(", "),
            one.bound,
            one.value
        )?;
    }
    Ok(())
}

/// Writes how storing the inputs in fewer bits changed them and the loss.
fn write_rounding(out: &mut dyn Write, run: &Run, rounding: &StorageEffect) -> io::Result<()> {
    let storage = name(&run.config.storage);
    let inputs = rounding.inputs;
    let n_values = HumanCount(inputs.n_values);
    if inputs.n_changed == 0 {
        return writeln!(
            out,
            "{storage} holds each of the {n_values} inputs exactly: nothing was rounded"
        );
    }
    let (original, stored) = (rounding.loss_of_original, rounding.loss_of_stored);
    writeln!(
        out,
        "{storage} rounded {} of {n_values} inputs, by {:.2e} at most, {:.2e} of a column's range; loss {} on the data as they came, {} on those stored ({:+.1e})",
        HumanCount(inputs.n_changed),
        inputs.absolute,
        inputs.relative,
        number(original),
        number(stored),
        stored - original
    )
}

impl Report for Vec<Adapter> {
    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        for (number, adapter) in self.iter().enumerate() {
            let [least, most] = adapter.subgroup_size;
            let subgroups = match adapter.subgroups {
                false => "none".to_owned(),
                true if least == most => format!("{least} invocations"),
                true => format!("{least} to {most} invocations"),
            };
            let workgroups = format!("{} in each dimension", adapter.max_workgroups);
            let invocations = adapter.max_invocations;
            let memory = HumanBytes(adapter.max_workgroup_bytes.into());
            let a_workgroup = format!("{invocations} invocations, {memory}");
            writeln!(out, "{}", adapter.name)?;
            for (what, value) in [
                ("number", &number as &dyn Display),
                ("kind", &adapter.kind),
                ("api", &adapter.api),
                ("driver", &adapter.driver),
                ("subgroups", &subgroups),
                ("one binding", &HumanBytes(adapter.max_binding_bytes)),
                ("one buffer", &HumanBytes(adapter.max_buffer_bytes)),
                ("workgroups", &workgroups),
                ("a workgroup", &a_workgroup),
            ] {
                writeln!(out, "  {what:<12} {value}")?;
            }
        }
        Ok(())
    }
}

/// Writes the lines on data, reading and settings.
fn write_run(out: &mut dyn Write, run: &Run) -> io::Result<()> {
    let data = &run.dataset;
    let stored = match run.config.storage {
        Storage::F32 => String::new(),
        storage => format!(", inputs stored as {}", name(&storage)),
    };
    let samples = counted(data.n_samples, "sample");
    let (inputs, outputs) = (
        counted(data.n_inputs, "input"),
        counted(data.n_outputs, "output"),
    );
    let text = format!("{}: {samples}, {inputs}, {outputs}{stored}", data.source);
    line(out, "data", text)?;
    if let Some(reading) = data.reading {
        let bytes = reading.bytes as f64;
        let size = match reading.bytes {
            0..1_000_000 => format!("{:.1} kB", bytes / 1e3),
            _ => format!("{:.1} MB", bytes / 1e6),
        };
        let (time, rate) = (duration(reading.seconds), bytes / reading.seconds / 1e6);
        line(out, "reading", format!("{size} in {time}, {rate:.0} MB/s"))?;
    }
    let config = &run.config;
    let settings = settings(
        &config.train,
        config.standardise,
        config.standardise_targets,
    );
    line(out, "setting", settings + &run.config.samples.told())
}
