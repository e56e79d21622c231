//! Results as text for people, on stdout.

use super::article::ArticleTable;
use super::format::{counted, duration, iterations, name, number};
use super::metrics;
use super::run::Run;
use super::settings::settings;
use crate::bench::Bench;
use indicatif::{HumanBytes, HumanCount};
use neuralnet::network::Layer;
use neuralnet::train::WarmStart;
use neuralnet::validate::StorageEffect;
use neuralnet::{Adapter, Metrics, Model, Proof, StopReason, Storage, Trained};
use std::io::{self, Write};

/// Weights of an output that are shown; JSON has all.
const SHOWN_WEIGHTS: usize = 10;

pub(crate) fn train(
    run: &Run,
    trained: &Trained,
    article: &ArticleTable,
    holdout: Option<&Metrics>,
) -> io::Result<()> {
    let out = &mut io::stdout().lock();
    write_run(out, run)?;
    writeln!(out, "{:<8} {}", trained.backend, trained.adapter)?;
    write_article(out, article)?;
    writeln!(out)?;
    write_weights(
        out,
        (&run.dataset.inputs, &run.dataset.targets),
        trained.network.layer(),
        &trained.parameters,
    )?;
    writeln!(
        out,
        "loss     {}{}",
        number(trained.loss),
        data_loss(run, trained)
    )?;
    write_end(out, trained)?;
    match holdout {
        Some(metrics) => metrics::print_holdout(metrics),
        None => Ok(()),
    }
}

/// Writes the article's predictions beside those reached, if the training is the article's.
fn write_article(out: &mut impl Write, article: &ArticleTable) -> io::Result<()> {
    if article.rows.is_empty() {
        return Ok(());
    }
    writeln!(out, "\niterations  prediction for [1, 0, 1]  the article's")?;
    for row in &article.rows {
        writeln!(
            out,
            "{:>10}  {:<24.8}  {}",
            HumanCount(row.iterations).to_string(),
            row.prediction,
            row.article
        )?;
    }
    Ok(())
}

/// Writes the held-out loss, why the training stopped, its warm start and its speed.
fn write_end(out: &mut impl Write, trained: &Trained) -> io::Result<()> {
    if let Some(loss) = trained.validation {
        let kept = trained.kept.filter(|kept| *kept != trained.iterations);
        let after = kept.map(|kept| {
            format!(
                ", the lowest, after {}; these weights are kept",
                iterations(kept)
            )
        });
        writeln!(
            out,
            "held     {}{}",
            number(loss),
            after.unwrap_or_default()
        )?;
    }
    if trained.stop != StopReason::Iterations {
        writeln!(
            out,
            "stopped  {}",
            stopped(trained.iterations, Some(trained.stop))
        )?;
    }
    if let Some(WarmStart { rows, evaluations }) = trained.warm_start {
        writeln!(
            out,
            "begun    on {}, {} evaluations",
            counted(rows, "row"),
            HumanCount(evaluations),
        )?;
    }
    if let Some(rate) = trained.bytes_per_second {
        let each = trained.seconds / trained.iterations as f64;
        writeln!(
            out,
            "time     {:.3} s, {} an iteration, {:.2} GB/s of inputs and targets",
            trained.seconds,
            duration(each),
            rate / 1e9
        )?;
    }
    Ok(())
}

/// The loss without the penalties, as an addition to the line of the loss; empty without penalties.
fn data_loss(run: &Run, trained: &Trained) -> String {
    let train = &run.config.train;
    if train.l1 == 0.0 && train.l2 == 0.0 {
        return String::new();
    }
    format!(", of which the data's {}", number(trained.summary.loss))
}

/// After how many iterations a training ended, and why if that is known.
fn stopped(n: u64, reason: Option<StopReason>) -> String {
    match reason {
        Some(reason) => format!("after {}: {reason}", iterations(n)),
        None => format!("after {}", iterations(n)),
    }
}

/// Writes the first weights of each output, and its bias.
fn write_weights(
    out: &mut impl Write,
    (features, targets): (&[String], &[String]),
    layer: Layer,
    parameters: &[f64],
) -> io::Result<()> {
    let (weight, bias) = layer.split(parameters);
    for (o, weight) in weight.chunks_exact(layer.n_inputs).enumerate() {
        let bias = bias.map(|bias| ("bias", bias[o]));
        let features = features.iter().map(String::as_str);
        let named = features.zip(weight.iter().copied());
        writeln!(out, "weights of {}", targets[o])?;
        for (name, value) in named.take(SHOWN_WEIGHTS).chain(bias) {
            writeln!(out, "  {:>14}  {name}", number(value))?;
        }
        if layer.n_inputs > SHOWN_WEIGHTS {
            writeln!(
                out,
                "  and {} more; --json prints all",
                layer.n_inputs - SHOWN_WEIGHTS
            )?;
        }
    }
    Ok(())
}

pub(crate) fn inspect(model: &Model) -> io::Result<()> {
    let out = &mut io::stdout().lock();
    let description = model.description();
    writeln!(
        out,
        "model    {}, {}, {}",
        counted(description.features.len(), "input"),
        counted(description.targets.len(), "output"),
        name(&description.activation),
    )?;
    writeln!(
        out,
        "data     {}: {}",
        description.source,
        counted(description.n_samples, "sample"),
    )?;
    writeln!(
        out,
        "setting  {}",
        settings(&description.config, description.scaling.is_some())
    )?;
    if description.iterations < description.config.iterations {
        let stopped = stopped(description.iterations, description.stop);
        writeln!(out, "stopped  {stopped}")?;
    }
    writeln!(out, "{:<8} {}\n", description.backend, description.adapter)?;
    write_weights(
        out,
        (&description.features, &description.targets),
        model.layer(),
        model.parameters(),
    )?;
    writeln!(out, "loss     {}", number(description.loss))
}

pub(crate) fn validate(run: &Run, validation: &Proof) -> io::Result<()> {
    let out = &mut io::stdout().lock();
    write_run(out, run)?;
    writeln!(out, "gpu      {}", validation.adapter)?;
    writeln!(out, "cpu      {}, float64\n", validation.reference)?;
    writeln!(
        out,
        "iteration  quantity                 values      error      bound  error/bound"
    )?;
    for check in &validation.checks {
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
    let distance = validation.distance;
    writeln!(
        out,
        "\nafter {}, each on its own: parameters differ by {:.2e} at most, {:.2e} of the largest",
        iterations(distance.iterations),
        distance.absolute,
        distance.relative
    )?;
    if let Some(rounding) = &validation.rounding {
        write_rounding(out, run, rounding)?;
    }
    let exceeded = validation
        .checks
        .iter()
        .filter(|check| !check.within)
        .count();
    if exceeded > 0 {
        writeln!(
            out,
            "FAILED: {exceeded} of {} checks exceed their bound",
            validation.checks.len()
        )
    } else if validation.passed() {
        writeln!(out, "passed: every error is within its bound")
    } else {
        writeln!(out, "FAILED: the parameters reached are not finite")
    }
}

pub(crate) fn bench(bench: &Bench) -> io::Result<()> {
    let out = &mut io::stdout().lock();
    writeln!(out, "{:<8} {}", bench.backend, bench.adapter)?;
    writeln!(
        out,
        "reading  {:.1} GB/s, {} and nothing else\n",
        bench.ceiling.bytes_per_second / 1e9,
        HumanBytes(bench.ceiling.bytes)
    )?;
    writeln!(
        out,
        "{:<18} {:>12} {:>23} {:>10} {:>11}",
        "shape", "an iteration", "from … to", "GB/s", "of reading"
    )?;
    for shape in &bench.shapes {
        let (least, most) = spread(&shape.seconds);
        writeln!(
            out,
            "{:<18} {:>12} {:>23} {:>10.2} {:>11.2}{}",
            shape.shape,
            duration(shape.median),
            format!("{} … {}", duration(least), duration(most)),
            shape.bytes_per_second / 1e9,
            shape.share_of_ceiling,
            if shape.fits_in_cache {
                "  (fits in the cache)"
            } else {
                ""
            }
        )?;
    }
    let article = &bench.article;
    let each = |seconds: f64| duration(seconds / f64::from(article.iterations));
    let (least, most) = spread(&article.seconds);
    writeln!(
        out,
        "{:<18} {:>12} {:>23}",
        "article",
        each(article.median),
        format!("{} … {}", each(least), each(most)),
    )
}

/// The least and the most of `seconds`.
fn spread(seconds: &[f64]) -> (f64, f64) {
    let least = seconds.iter().copied().fold(f64::INFINITY, f64::min);
    (least, seconds.iter().copied().fold(0.0, f64::max))
}

/// Writes how storing the inputs in fewer bits changed them and the loss.
fn write_rounding(out: &mut impl Write, run: &Run, rounding: &StorageEffect) -> io::Result<()> {
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

pub(crate) fn devices(adapters: &[Adapter]) -> io::Result<()> {
    let out = &mut io::stdout().lock();
    for adapter in adapters {
        let [least, most] = adapter.subgroup_size;
        let subgroups = match adapter.subgroups {
            false => "none".to_owned(),
            true if least == most => format!("{least} invocations"),
            true => format!("{least} to {most} invocations"),
        };
        writeln!(out, "{}", adapter.name)?;
        for (what, value) in [
            ("kind", adapter.kind.to_string()),
            ("api", adapter.api.clone()),
            ("driver", adapter.driver.clone()),
            ("subgroups", subgroups),
            (
                "one binding",
                HumanBytes(adapter.max_binding_bytes).to_string(),
            ),
            (
                "one buffer",
                HumanBytes(adapter.max_buffer_bytes).to_string(),
            ),
            (
                "workgroups",
                format!("{} in each dimension", adapter.max_workgroups),
            ),
            (
                "a workgroup",
                format!(
                    "{} invocations, {}",
                    adapter.max_invocations,
                    HumanBytes(adapter.max_workgroup_bytes.into())
                ),
            ),
        ] {
            writeln!(out, "  {what:<12} {value}")?;
        }
    }
    Ok(())
}

/// Writes the lines on data, reading and settings.
fn write_run(out: &mut impl Write, run: &Run) -> io::Result<()> {
    let (data, train) = (&run.dataset, &run.config.train);
    writeln!(
        out,
        "data     {}: {}, {}, {}{}",
        data.source,
        counted(data.n_samples, "sample"),
        counted(data.n_inputs, "input"),
        counted(data.n_outputs, "output"),
        match run.config.storage {
            Storage::F32 => String::new(),
            storage => format!(", inputs stored as {}", name(&storage)),
        },
    )?;
    if let Some(reading) = data.reading {
        let bytes = reading.bytes as f64;
        writeln!(
            out,
            "reading  {} in {}, {:.0} MB/s",
            match reading.bytes {
                0..1_000_000 => format!("{:.1} kB", bytes / 1e3),
                _ => format!("{:.1} MB", bytes / 1e6),
            },
            duration(reading.seconds),
            bytes / reading.seconds / 1e6
        )?;
    }
    writeln!(out, "setting  {}", settings(train, run.config.standardise))
}
