//! The `neuralnet` binary: parse, run, exit code.

mod bench;
mod cli;
mod error;
mod interrupt;
mod onnx;
mod report;

use clap::Parser;
use cli::{
    BenchArgs, Cli, ColorArgs, Command, ConvertArgs, DevicesArgs, EvaluateArgs, ExportArgs,
    InspectArgs, PredictArgs, Task, TrainArgs, ValidateArgs, check_unread, writable,
};
use error::{Error, Result};
use neuralnet::backend::BackendKind;
use neuralnet::{
    BackendChoice, Dataset, Model, Predictor, Progress, StopReason, TrainConfig, Training, gpu,
};
use report::{
    ArticleRow, EvaluateResult, ModelResult, Reporter, Run, TrainResult, ValidateResult, html,
};
use std::io;
use std::iter;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::ExitCode;

/// The default of `validate --iterations` for data other than the article's.
const VALIDATE_ITERATIONS: u64 = 100;

fn main() -> ExitCode {
    ColorArgs::choose(std::env::args_os());
    let done = run(Cli::parse().command);
    done.unwrap_or_else(|error| report::failed(&error, &Cli::asked()))
}

fn run(command: Command) -> Result<ExitCode> {
    interrupt::handle()?;
    command.start_threads()?;
    match command {
        Command::Train(args) => return train(&args),
        Command::Predict(args) => predict(&args),
        Command::Evaluate(args) => evaluate(&args),
        Command::Convert(args) => convert(&args),
        Command::Inspect(args) => inspect(&args),
        Command::Export(args) => export(&args),
        Command::Validate(args) => return validate(&args),
        Command::Bench(args) => bench(&args),
        Command::Devices(args) => devices(&args),
        Command::Completions(args) => report::printed(args.print()),
        Command::Man(args) => report::printed(args.print()),
    }?;
    Ok(ExitCode::SUCCESS)
}

fn train(args: &TrainArgs) -> Result<ExitCode> {
    args.check_files()?;
    let Task {
        training: dataset,
        samples,
        holdout,
        config,
        init,
    } = args.open()?;
    report::notices(dataset.notices(), dataset.source());
    if let (Some(_), Some(holdout)) = (&args.holdout.validation_data, &holdout) {
        report::notices(holdout.notices(), holdout.source());
    }
    let hardware = args.hardware.with(args.backend, args.precision);
    let mut training = Training::start(&dataset, &config, &hardware)?;
    if let Some(holdout) = &holdout {
        training.set_holdout(holdout, hardware.threads)?;
    }
    if let Some(model) = &init {
        training.set_start(model.parameters())?;
    }
    args.checkpoint.prepare(&mut training)?;
    let mut reporter = Reporter::new(&dataset, &config);
    training.on_checkpoint_failure(reporter.checkpoint_failure());
    interrupt::end_training(reporter.interrupted());
    reporter.data(&dataset, args.task.activation.is_some() || init.is_some());
    reporter.backend(&training);
    let article = iterate(&mut training, &dataset, &config, |progress| {
        reporter.progress(progress);
        interrupt::flow()
    })?;
    let trained = training.finish()?;
    reporter.finish(&trained);
    if let Some(why) = &trained.loss_failure {
        report::tell(&format!("the loss is that of the last update: {why}"));
    }
    let run = Run::new(&dataset, &config, &hardware, args.sample_settings());
    let model = Model::new(&dataset, &config, &trained);
    // Before anything that takes time, which a second Ctrl-C may cut off.
    let saved = args.output.as_ref();
    let saved = saved.map(|path| model.save(args.destination(path)).map(|()| path));
    let holdout = holdout.as_ref().map(|holdout| model.measure(holdout));
    let holdout = holdout.transpose()?;
    let notes = holdout.iter().flat_map(|metrics| &metrics.notes);
    notes.for_each(|note| report::tell(note));
    let useless = holdout.as_ref();
    let standardised = dataset.target_scaling().is_some();
    let useless = useless.and_then(|it| report::useless(it, config.optimizer, standardised));
    useless.iter().for_each(|notice| report::tell(notice));
    let parameters = model.table_parameters();
    let result = TrainResult::new(&run, &trained, &parameters, &article, holdout.as_ref());
    let printed = report::print(&result, args.json);
    let saved = saved.map_or(Ok(()), |saved| {
        report::wrote(saved?);
        Ok(())
    });
    let reported = args.report.as_ref().map_or(Ok(()), |path| {
        let page = html::Page {
            run: &run,
            trained: &trained,
            model: &model,
            training: &model.measure(&samples)?,
            holdout: holdout.as_ref(),
        };
        html::write(&page, args.destination(path))?;
        report::wrote(path);
        Ok(())
    });
    let kept = trained.checkpoint_failure.map(Error::Checkpoint);
    // One that cannot be told or written costs none of the others.
    let mut failed = [printed, saved, reported, kept.map_or(Ok(()), Err)]
        .into_iter()
        .filter_map(Result::err);
    if let Some(first) = failed.next() {
        for error in failed {
            report::failed(&error, &Cli::asked());
        }
        return Err(first);
    }
    if trained.stop == StopReason::Interrupted {
        return Ok(ExitCode::from(interrupt::EXIT_CODE));
    }
    Ok(ExitCode::SUCCESS)
}

/// Trains until a stop rule holds or `observe` breaks off, and collects the predictions beside the article's on the way.
fn iterate(
    training: &mut Training<'_>,
    dataset: &Dataset,
    config: &TrainConfig,
    mut observe: impl FnMut(&Progress) -> ControlFlow<()>,
) -> Result<Vec<ArticleRow>> {
    let mut rows = Vec::new();
    for (iteration, article) in report::figures(dataset, config, training.iteration()) {
        training.advance_to(iteration, &mut observe)?;
        let stop = training.stop();
        if stop.is_some_and(|stop| stop != StopReason::Iterations) {
            return Ok(rows);
        }
        rows.push(ArticleRow::reached(training, article)?);
    }
    if training.iteration() < config.iterations {
        training.advance_to(config.iterations, &mut observe)?;
    }
    Ok(rows)
}

fn predict(args: &PredictArgs) -> Result<()> {
    let mut output = None;
    if let Some(path) = &args.output {
        neuralnet_table::check_output(path)?;
        check_unread(path, "--output", [Path::new(&args.data), &args.model])?;
        output = Some(writable(path, "--output", args.force)?);
    }
    let model = Model::open(&args.model)?;
    let options = args.table.options();
    let mut data = neuralnet_table::stream(&model, &args.data, &args.id, &options)?;
    report::notices(&data.take_notices(), data.source());
    let first = data.first().expect("a table has rows");
    let mut predictor = Predictor::open(&model, first, args.backend)?;
    report::predictor(&predictor);
    match output {
        None => {
            let out = &mut io::BufWriter::new(io::stdout().lock());
            report::printed(neuralnet_table::predict(&mut predictor, &mut data, out)?)?;
        }
        Some(file) => neuralnet_table::predict_to(&mut predictor, &mut data, file)?,
    }
    report::notices(&data.take_notices(), data.source());
    if let Some(file) = output {
        report::wrote(file.path);
    }
    Ok(())
}

fn evaluate(args: &EvaluateArgs) -> Result<()> {
    let model = Model::open(&args.model)?;
    let dataset = neuralnet_table::open_labelled(&model, &args.data, &args.options())?;
    report::notices(dataset.notices(), dataset.source());
    let mut predictor = Predictor::open(&model, &dataset, args.backend)?;
    report::predictor(&predictor);
    let metrics = predictor.measure(&dataset)?;
    metrics.notes.iter().for_each(|note| report::tell(note));
    let result = EvaluateResult {
        model: &args.model,
        source: dataset.source(),
        metrics: &metrics,
    };
    report::print(&result, args.json)
}

fn export(args: &ExportArgs) -> Result<()> {
    check_unread(&args.output, "OUT.onnx", [&*args.model])?;
    let file = writable(&args.output, "OUT.onnx", args.force)?;
    let exported = onnx::export(&Model::open(&args.model)?, file)?;
    report::exported(&exported);
    report::wrote(file.path);
    Ok(())
}

fn convert(args: &ConvertArgs) -> Result<()> {
    let labels = args.labels.path.as_deref();
    let read = iter::once(&*args.input).chain(labels);
    check_unread(&args.output, "OUT", read)?;
    let output = writable(&args.output, "OUT", args.force)?;
    let converted = neuralnet_table::convert(&args.input, labels, &args.text.options(), output)?;
    report::converted(output.path, &converted);
    Ok(())
}

fn inspect(args: &InspectArgs) -> Result<()> {
    let model = Model::open(&args.model)?;
    // JSON has the weights that the file has, which belong to its offsets, and the text those of a table's own columns.
    let parameters = match args.json {
        true => model.parameters(),
        false => &model.table_parameters(),
    };
    report::print(&ModelResult::new(&model, parameters), args.json)
}

fn validate(args: &ValidateArgs) -> Result<ExitCode> {
    let (dataset, config) = args.open(VALIDATE_ITERATIONS)?;
    report::notices(dataset.notices(), dataset.source());
    let hardware = args.hardware.with(BackendChoice::Gpu, None);
    let proof = neuralnet::validate(
        &dataset,
        &config,
        hardware.gpu,
        hardware.threads,
        args.reference,
    )?;
    let run = Run::new(&dataset, &config, &hardware, args.task.sample_settings());
    let result = ValidateResult {
        backend: BackendKind::Gpu.name(),
        proof: &proof,
        run: &run,
        passed: proof.passed(),
    };
    report::print(&result, args.json)?;
    Ok(ExitCode::from(u8::from(!result.passed)))
}

fn bench(args: &BenchArgs) -> Result<()> {
    args.check()?;
    let hardware = args.hardware()?;
    let bench = bench::bench(args, &hardware, &mut |shape| {
        report::tell(&format!("measuring {shape}"));
    })?;
    report::print(&bench, args.json)
}

fn devices(args: &DevicesArgs) -> Result<()> {
    let adapters = gpu::adapters()?;
    report::print(&adapters, args.json)?;
    if adapters.is_empty() {
        return Err(neuralnet::Error::no_adapter().into());
    }
    Ok(())
}
