//! The `neuralnet` binary: parse, run, exit code.

mod cli;
mod interrupt;
mod report;

use clap::Parser;
use cli::{Bench, Cli, Command, Convert, Devices, Inspect, Predict, Train, Validate};
use neuralnet::{BackendChoice, Error, Hardware, Model, PredictionFormat, Training, gpu};
use report::{ArticleTable, Failure, Reporter, Run, human, json};
use std::io;
use std::process::ExitCode;

/// Iterations of `train` and `validate` on the user's own data, where nothing was said.
const TRAIN_ITERATIONS: u64 = 1000;
const VALIDATE_ITERATIONS: u64 = 100;

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Train(args) => train(&args),
        Command::Predict(args) => predict(&args),
        Command::Convert(args) => convert(&args),
        Command::Inspect(args) => inspect(&args),
        Command::Validate(args) => validate(&args),
        Command::Bench(args) => bench(&args),
        Command::Devices(args) => devices(&args),
    };
    done.unwrap_or_else(|failure| failure.report())
}

fn train(args: &Train) -> Result<ExitCode, Failure> {
    let output = args.output.path()?;
    let (dataset, config) = args.task.open(TRAIN_ITERATIONS, args.hardware)?;
    let hardware = args.hardware();
    let mut training = Training::start(&dataset, &config, &hardware)?;
    let interrupted = interrupt::handled();
    let mut reporter = Reporter::new(&dataset, &config);
    reporter.backend(&training);
    let mut article = ArticleTable::new(&dataset, &config);
    let mut stops = article.iterations();
    stops.push(config.iterations);
    for iteration in stops {
        training.advance_to(iteration, &mut |progress| {
            reporter.progress(progress);
            interrupted.flow()
        })?;
        if interrupted.flow().is_break() {
            break;
        }
        if article.wants(iteration) {
            let parameters = training.parameters()?;
            article.push(iteration, training.network(), &parameters);
        }
    }
    let trained = training.finish()?;
    reporter.finish(&trained);
    let run = Run::new(&dataset, &config, &hardware);
    let print = if args.json { json::train } else { human::train };
    report::printed(print(&run, &trained, &article))?;
    // What was printed is not lost where the file cannot be written.
    if let Some(path) = output {
        Model::new(&dataset, &config, &trained).save(path)?;
        report::wrote(path);
    }
    if trained.iterations < config.iterations {
        return Ok(ExitCode::from(interrupt::EXIT_CODE));
    }
    Ok(ExitCode::SUCCESS)
}

fn predict(args: &Predict) -> Result<ExitCode, Failure> {
    let output = args.output.path()?;
    output.map(PredictionFormat::of).transpose()?;
    let model = Model::open(&args.model)?;
    let dataset = model.open_data(&args.data)?;
    match output {
        None => {
            let out = &mut io::BufWriter::new(io::stdout().lock());
            report::printed(neuralnet::predict(&model, &dataset, out))?;
        }
        Some(path) => {
            neuralnet::predict_to(&model, &dataset, path)?;
            report::wrote(path);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn convert(args: &Convert) -> Result<ExitCode, Failure> {
    let output = args.output()?;
    let converted = neuralnet::convert(&args.input, args.labels.path.as_deref(), output)?;
    report::converted(output, &converted);
    Ok(ExitCode::SUCCESS)
}

fn inspect(args: &Inspect) -> Result<ExitCode, Failure> {
    let model = Model::open(&args.model)?;
    let print = if args.json {
        json::inspect
    } else {
        human::inspect
    };
    report::printed(print(&model))?;
    Ok(ExitCode::SUCCESS)
}

fn validate(args: &Validate) -> Result<ExitCode, Failure> {
    let (dataset, config) = args.task.open(VALIDATE_ITERATIONS, args.hardware)?;
    let hardware = Hardware {
        backend: BackendChoice::Gpu,
        threads: args.hardware.threads(),
        gpu: args.hardware.gpu(),
    };
    let validation = neuralnet::validate(&dataset, &config, hardware.gpu, hardware.threads)?;
    let run = Run::new(&dataset, &config, &hardware);
    let print = if args.json {
        json::validate
    } else {
        human::validate
    };
    report::printed(print(&run, &validation))?;
    Ok(ExitCode::from(u8::from(!validation.passed())))
}

fn bench(args: &Bench) -> Result<ExitCode, Failure> {
    let (config, hardware) = (args.config(), args.hardware());
    let bench = neuralnet::bench(&config, &hardware, &mut |shape| report::measuring(shape))?;
    let print = if args.json { json::bench } else { human::bench };
    report::printed(print(&bench))?;
    Ok(ExitCode::SUCCESS)
}

fn devices(args: &Devices) -> Result<ExitCode, Failure> {
    let adapters = gpu::adapters();
    let print = if args.json {
        json::devices
    } else {
        human::devices
    };
    report::printed(print(&adapters))?;
    if adapters.is_empty() {
        return Err(Error::no_adapter().into());
    }
    Ok(ExitCode::SUCCESS)
}
