//! All that is printed: results on stdout, for people or as JSON; notices, progress and errors on stderr.
#![expect(clippy::print_stderr, reason = "this is where notices are printed")]

use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressStyle};
use neuralnet::train::SATURATED;
use neuralnet::validate::{Check, Distance};
use neuralnet::{
    Adapter, BackendChoice, Dataset, Error, Hardware, Network, Progress, TrainConfig, Trained,
    Training, Validation,
};
use serde::Serialize;
use std::io::{self, Write};
use std::process::ExitCode;

/// Weights that people are shown; JSON has all.
const SHOWN_WEIGHTS: usize = 10;

/// Why a command ended early.
#[derive(Debug)]
pub(crate) enum Failure {
    Error(Error),
    /// Writing to stdout failed.
    Output(io::Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self::Output(error.into())
    }
}

impl Failure {
    /// Prints the failure and gives the exit code. Who closes the pipe has read enough: no error.
    pub(crate) fn report(&self) -> ExitCode {
        match self {
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
            Self::Output(error) => {
                eprintln!("neuralnet: stdout: {error}");
                ExitCode::from(2)
            }
            Self::Error(error) => {
                eprintln!("neuralnet: {error}");
                ExitCode::from(match error {
                    Error::Diverged { .. } => 1,
                    error if error.is_device() => 3,
                    _ => 2,
                })
            }
        }
    }
}

/// What is told while a training runs: notices, and a progress bar where stderr is a terminal.
pub(crate) struct Reporter {
    bar: ProgressBar,
    bytes: f64,
    loss: neuralnet::Loss,
    said_saturated: bool,
}

impl Reporter {
    pub(crate) fn new(dataset: &Dataset, config: &TrainConfig) -> Self {
        let style = ProgressStyle::with_template(
            "{bar:30} {human_pos}/{human_len} iterations, {msg}, {eta} left",
        )
        .expect("the template is fixed");
        Self {
            bar: ProgressBar::new(config.iterations).with_style(style),
            bytes: dataset.bytes() as f64,
            loss: config.loss,
            said_saturated: false,
        }
    }

    /// Says where the work is done, and why there.
    pub(crate) fn backend(&self, training: &Training<'_>) {
        let backend = training.backend();
        let why = training
            .notice()
            .map(|why| format!(" ({why})"))
            .unwrap_or_default();
        self.notice(&format!(
            "training on the {}: {}{why}",
            backend.name().to_uppercase(),
            backend.adapter()
        ));
    }

    pub(crate) fn progress(&mut self, progress: &Progress) {
        let rate = self.bytes * progress.iteration as f64 / progress.seconds;
        self.bar.set_position(progress.iteration);
        self.bar.set_message(format!(
            "loss {:.6}, {:.2} GB/s",
            progress.pass.loss,
            rate / 1e9
        ));
        self.saturation(progress.pass.saturation, progress.iteration);
    }

    pub(crate) fn finish(&mut self, trained: &Trained) {
        self.saturation(trained.pass.saturation, trained.iterations);
        self.bar.finish_and_clear();
    }

    fn saturation(&mut self, saturation: f64, iteration: u64) {
        if saturation >= SATURATED || self.said_saturated {
            return;
        }
        self.said_saturated = true;
        let consequence = match self.loss {
            neuralnet::Loss::SquaredError => {
                "the gradient of the squared error vanishes with it and learning all but stops"
            }
            neuralnet::Loss::CrossEntropy => "predictions are all but certain, right or wrong",
        };
        self.notice(&format!(
            "saturated by iteration {iteration}: mean y(1-y) is {saturation:.1e}; {consequence}; if the loss is not low, take a smaller --learning-rate or --reduction mean"
        ));
    }

    fn notice(&self, text: &str) {
        self.bar.suspend(|| eprintln!("neuralnet: {text}"));
    }
}

/// The article's three predictions for [1, 0, 1], beside ours.
pub(crate) struct ArticleTable {
    wanted: Vec<(u64, &'static str)>,
    rows: Vec<ArticleRow>,
}

#[derive(Serialize)]
pub(crate) struct ArticleRow {
    iterations: u64,
    prediction: f64,
    article: &'static str,
}

impl ArticleTable {
    const INPUT: [f32; 3] = [1.0, 0.0, 1.0];
    /// As printed there.
    const FIGURES: [(u64, &'static str); 3] = [
        (10, "0.65980921"),
        (100, "0.87680541"),
        (10_000, "0.9897704"),
    ];

    /// The figures that a run will pass; none where it is not the article's.
    pub(crate) fn new(dataset: &Dataset, config: &TrainConfig) -> Self {
        let settings = TrainConfig {
            iterations: config.iterations,
            ..TrainConfig::article()
        };
        let articles_own = dataset.is_article() && *config == settings;
        Self {
            wanted: Self::FIGURES
                .into_iter()
                .filter(|(iterations, _)| articles_own && *iterations <= config.iterations)
                .collect(),
            rows: Vec::new(),
        }
    }

    pub(crate) fn iterations(&self) -> Vec<u64> {
        self.wanted
            .iter()
            .map(|(iterations, _)| *iterations)
            .collect()
    }

    pub(crate) fn push(&mut self, iterations: u64, network: &Network, parameters: &[f64]) {
        let article = self.wanted[self.rows.len()].1;
        self.rows.push(ArticleRow {
            iterations,
            prediction: network.predict(parameters, &Self::INPUT)[0],
            article,
        });
    }
}

/// What a run was asked to do.
#[derive(Debug, Serialize)]
pub(crate) struct Run {
    dataset: DatasetJson,
    config: ConfigJson,
}

#[derive(Debug, Serialize)]
struct DatasetJson {
    source: String,
    n_samples: usize,
    n_inputs: usize,
    n_outputs: usize,
    inputs: Vec<String>,
    targets: Vec<String>,
}

/// Every effective setting.
#[derive(Debug, Serialize)]
struct ConfigJson {
    #[serde(flatten)]
    train: TrainConfig,
    backend: &'static str,
    threads: Option<usize>,
    max_chunk_bytes: Option<u64>,
    no_subgroups: bool,
}

impl Run {
    pub(crate) fn new(dataset: &Dataset, config: &TrainConfig, hardware: &Hardware) -> Self {
        Self {
            dataset: DatasetJson {
                source: dataset.source().to_owned(),
                n_samples: dataset.n_samples(),
                n_inputs: dataset.n_inputs(),
                n_outputs: dataset.n_outputs(),
                inputs: dataset.input_names().to_vec(),
                targets: dataset.target_names().to_vec(),
            },
            config: ConfigJson {
                train: config.clone(),
                backend: match hardware.backend {
                    BackendChoice::Auto => "auto",
                    BackendChoice::Gpu => "gpu",
                    BackendChoice::Cpu => "cpu",
                },
                threads: hardware.threads,
                max_chunk_bytes: hardware.gpu.max_chunk_bytes,
                no_subgroups: hardware.gpu.without_subgroups,
            },
        }
    }

    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let (data, train) = (&self.dataset, &self.config.train);
        writeln!(
            out,
            "data     {}: {}, {}, {}",
            data.source,
            counted(data.n_samples, "sample"),
            counted(data.n_inputs, "input"),
            counted(data.n_outputs, "output"),
        )?;
        writeln!(
            out,
            "setting  {} of {}, learning rate {}, {}, {}, seed {}",
            match train.reduction {
                neuralnet::Reduction::Sum => "sum",
                neuralnet::Reduction::Mean => "mean",
            },
            match train.loss {
                neuralnet::Loss::SquaredError => "squared error",
                neuralnet::Loss::CrossEntropy => "cross-entropy",
            },
            train.learning_rate,
            if train.bias { "with bias" } else { "no bias" },
            iterations(train.iterations),
            train.seed,
        )
    }
}

fn counted(n: usize, what: &str) -> String {
    format!(
        "{} {what}{}",
        HumanCount(n as u64),
        if n == 1 { "" } else { "s" }
    )
}

fn iterations(n: u64) -> String {
    format!(
        "{} iteration{}",
        HumanCount(n),
        if n == 1 { "" } else { "s" }
    )
}

#[derive(Serialize)]
struct TrainJson<'a> {
    backend: &'static str,
    adapter: &'a str,
    #[serde(flatten)]
    run: &'a Run,
    iterations: u64,
    loss: f64,
    layers: Vec<LayerJson<'a>>,
    seconds: f64,
    bytes_per_second: Option<f64>,
    saturation: f64,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    predictions: &'a [ArticleRow],
}

#[derive(Serialize)]
struct LayerJson<'a> {
    /// (O, I)
    weight: Vec<&'a [f64]>,
    /// (O)
    bias: Option<&'a [f64]>,
}

pub(crate) fn train_json(
    run: &Run,
    trained: &Trained,
    article: &ArticleTable,
) -> Result<(), Failure> {
    let layer = trained.network.layer();
    let (weight, bias) = layer.split(&trained.parameters);
    print_json(&TrainJson {
        backend: trained.backend,
        adapter: &trained.adapter,
        run,
        iterations: trained.iterations,
        loss: trained.pass.loss,
        layers: vec![LayerJson {
            weight: weight.chunks_exact(layer.n_inputs).collect(),
            bias,
        }],
        seconds: trained.seconds,
        bytes_per_second: trained.bytes_per_second,
        saturation: trained.pass.saturation,
        predictions: &article.rows,
    })
}

pub(crate) fn train(run: &Run, trained: &Trained, article: &ArticleTable) -> io::Result<()> {
    let out = &mut io::stdout().lock();
    run.write(out)?;
    writeln!(out, "{:<8} {}", trained.backend, trained.adapter)?;
    if !article.rows.is_empty() {
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
    }
    writeln!(out)?;
    write_weights(out, run, trained)?;
    writeln!(out, "loss     {:.8}", trained.pass.loss)?;
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

fn write_weights(out: &mut impl Write, run: &Run, trained: &Trained) -> io::Result<()> {
    let layer = trained.network.layer();
    let (weight, bias) = layer.split(&trained.parameters);
    for (o, weight) in weight.chunks_exact(layer.n_inputs).enumerate() {
        let bias = bias.map(|bias| ("bias", bias[o]));
        let named = run
            .dataset
            .inputs
            .iter()
            .map(String::as_str)
            .zip(weight.iter().copied());
        writeln!(out, "weights of {}", run.dataset.targets[o])?;
        for (name, value) in named.take(SHOWN_WEIGHTS).chain(bias) {
            writeln!(out, "  {value:>14.8}  {name}")?;
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

fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 1e-6 => format!("{:.1} ns", s * 1e9),
        s if s < 1e-3 => format!("{:.2} µs", s * 1e6),
        s if s < 1.0 => format!("{:.2} ms", s * 1e3),
        s => format!("{s:.2} s"),
    }
}

#[derive(Serialize)]
struct ValidateJson<'a> {
    backend: &'static str,
    adapter: &'a str,
    reference: &'a str,
    #[serde(flatten)]
    run: &'a Run,
    checks: &'a [Check],
    distance: Distance,
    passed: bool,
}

pub(crate) fn validate_json(run: &Run, validation: &Validation) -> Result<(), Failure> {
    print_json(&ValidateJson {
        backend: "gpu",
        adapter: &validation.adapter,
        reference: &validation.reference,
        run,
        checks: &validation.checks,
        distance: validation.distance,
        passed: validation.passed(),
    })
}

pub(crate) fn validate(run: &Run, validation: &Validation) -> io::Result<()> {
    let out = &mut io::stdout().lock();
    run.write(out)?;
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

pub(crate) fn devices_json(adapters: &[Adapter]) -> Result<(), Failure> {
    print_json(&adapters)
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

fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    serde_json::to_writer(&mut out, value)?;
    writeln!(out)?;
    Ok(())
}
