//! Writes a model as ONNX, which other programs run. Its graph takes the columns of a table as the table holds them, and
//! gives what `predict` gives:
//!
//! ```text
//! numbers (N, C) ─ less their offsets ─ gaps filled ─ less their centers ─ Gemm with weight and bias ─┐
//! texts (N, 1) of each column ─ LabelEncoder ─ Gather of what each category adds to the sums ──────── Sum
//!         activation ─ Gemm and activation of each later layer ─ plus the offsets of the targets ─────┘
//! ```
//!
//! A step that would change nothing is left out. The numbers are one input, `inputs`, if there are no texts; otherwise
//! each column is an input (N, 1) of its own name. The output is `predictions`, unless an input has that name. Inputs are
//! f32; they are f64 where a column has an offset, since f32 has too few digits for it, and so is the output where a
//! target has one. Centers, which are means of training data, are taken before the multiplication, so that large numbers
//! do not cancel in f32. The description of the model is in `metadata_props`, each value as JSON.

mod graph;
mod layers;
mod proto;

use graph::{Graph, ML, Type, int, ints, strings};
use neuralnet::atomic_file::{self, Destination};
use neuralnet::data::{Column, Time};
use neuralnet::model::Description;
use neuralnet::network::Layer;
use neuralnet::{Error, Model, Result};
use proto::Message;
use serde::Serialize;
use std::io::{self, Write};

/// The version of the file format, from 2020, which every runtime reads.
const IR_VERSION: u64 = 7;
/// The version of the set of operators, from 2020, which every runtime has.
const OPSET: u64 = 13;
/// The version of the operators on texts, from 2019.
const ML_OPSET: u64 = 2;

/// The name of the input of a model without texts.
const INPUTS: &str = "inputs";
const PREDICTIONS: &str = "predictions";

/// What the user of an exported model should know.
#[derive(Debug, PartialEq)]
pub(crate) struct Exported {
    /// The largest difference of a parameter from its rounding to f32.
    pub(crate) rounding: f64,
    /// The inputs and the output of the graph, if they are not one array of float32 each.
    pub(crate) inputs: Option<String>,
}

/// Writes `model` into `file`, its parameters rounded to f32. An existing file is replaced only once the new
/// one is complete.
///
/// # Errors
/// If the file cannot be written, its name does not end in `.onnx`, or a parameter overflows f32.
pub(crate) fn export(model: &Model, file: Destination<'_>) -> Result<Exported> {
    let invalid = |reason: String| Error::Write {
        path: file.path.to_owned(),
        source: io::Error::new(io::ErrorKind::InvalidInput, reason),
    };
    let extension = file.path.extension().unwrap_or_default();
    if !extension.eq_ignore_ascii_case("onnx") {
        return Err(invalid("the name of an ONNX file ends in .onnx".to_owned()));
    }
    let graph = graph(model);
    if let Some(number) = graph.beyond {
        return Err(invalid(format!(
            "the parameter {number:e} is beyond f32, in which the file holds them; train on rescaled columns"
        )));
    }
    let exported = Exported {
        rounding: graph.rounding,
        inputs: described_inputs(&model.description().columns, &graph.output),
    };
    let message = message(model.description(), graph);
    atomic_file::replace(file, |mut file| file.write_all(message.as_ref()))?;
    Ok(exported)
}

/// The type of the numbers of `columns`.
fn number_type(columns: &[Column]) -> Type {
    match columns.iter().any(|column| column.offset.abs() > 0.0) {
        true => Type::Double,
        false => Type::Float,
    }
}

/// The inputs of the graph in words, if they are not one array of float32, and what else is not as usual.
fn described_inputs(columns: &[Column], output: &str) -> Option<String> {
    let numbers = number_type(columns).name();
    if !has_texts(columns) {
        return (number_type(columns) != Type::Float).then(|| {
            format!(
                "`{INPUTS}` are {numbers}, as float32 has too few digits for some of the columns"
            )
        });
    }
    let mut told = format!("each column is an input (N, 1) of its own name: {numbers}, or text");
    if output != PREDICTIONS {
        told += &format!("; the output is `{output}`, as a column is `{PREDICTIONS}`");
    }
    for column in columns {
        let has_empty = categories(column).any(|(text, _)| text.is_empty());
        if has_empty && column.fill.is_some() {
            let name = &column.name;
            told += &format!("; the empty text of `{name}` is a missing cell, not the category");
        }
    }
    Some(told)
}

/// The name of a column, and what its numbers count if the table of the training had dates or times there.
fn described(column: &Column) -> String {
    let counts = match column.time {
        None => "",
        Some(Time::Date) => " (days since 1970)",
        Some(Time::Timestamp) => " (seconds since 1970)",
        Some(Time::TimeOfDay | Time::Duration) => " (seconds)",
    };
    format!("{}{counts}", column.name)
}

/// The texts of a column and their places; none for a column of numbers.
fn categories(column: &Column) -> impl Iterator<Item = (&str, u64)> {
    let categories = column.categories.iter().flatten();
    categories.map(String::as_str).zip(0..)
}

fn has_texts(columns: &[Column]) -> bool {
    columns.iter().any(|column| column.categories.is_some())
}

/// `ModelProto`: the versions, the graph, and the description of the model.
fn message(description: &Description, graph: Graph) -> Message {
    let doc_string = format!(
        "{} from {} features. Trained on {}, {} samples, for {} iterations. Parameters are rounded from float64.",
        description.targets.join(", "),
        description.features.len(),
        description.source,
        description.n_samples,
        description.iterations
    );
    let texts =
        has_texts(&description.columns).then(|| Message::default().bytes(1, ML).int(2, ML_OPSET));
    let operators = [Message::default().int(2, OPSET)].into_iter().chain(texts);
    let metadata = [
        entry("features", &description.features),
        entry("columns", &description.columns),
        entry("targets", &description.targets),
        // JSON's null if the targets are not classes.
        entry("classes", &description.classes),
        entry("activation", &description.activation),
        entry("config", &description.config),
        entry("loss", &description.loss),
        entry("source", &description.source),
    ];
    let graph = graph.finish(
        "neuralnet",
        "predictions = activation(features weightᵀ + bias), of layer after layer",
    );
    Message::default()
        .int(1, IR_VERSION)
        .bytes(2, "neuralnet")
        .bytes(3, env!("CARGO_PKG_VERSION"))
        .bytes(6, doc_string)
        .bytes(7, graph)
        .each(8, operators)
        .each(14, metadata)
}

/// `StringStringEntryProto`
fn entry(key: &str, value: &impl Serialize) -> Message {
    let value = serde_json::to_string(value).expect("strings and numbers");
    Message::default().bytes(1, key).bytes(2, value)
}

/// A column, and the place of its first feature among those of the model.
struct Placed<'m> {
    column: &'m Column,
    first: usize,
}

/// The graph of `model`, from the columns of a table to predictions.
fn graph(model: &Model) -> Graph {
    let description = model.description();
    let mut first = 0;
    let columns = description.columns.iter().map(|column| {
        first += column.n_features();
        Placed {
            column,
            first: first - column.n_features(),
        }
    });
    let (texts, numbers): (Vec<_>, Vec<_>) =
        columns.partition(|placed| placed.column.categories.is_some());
    let names = description.columns.iter().map(|column| column.name.clone());
    let inputs = match has_texts(&description.columns) {
        true => names.collect(),
        false => vec![INPUTS.to_owned()],
    };
    let mut graph = Graph::new(inputs, PREDICTIONS);
    let encoded = encoded_numbers(&mut graph, &description.columns, &numbers);
    let dense = dense(&mut graph, model, &numbers, encoded);
    let of_texts: Vec<String> = texts
        .iter()
        .enumerate()
        .map(|(number, placed)| of_categories(&mut graph, model, placed, number))
        .collect();
    let terms: Vec<&str> = dense.iter().chain(&of_texts).map(String::as_str).collect();
    let sums = match terms.as_slice() {
        [only] => (*only).to_owned(),
        several => graph.node("Sum", several, "pre_activations"),
    };
    let sums = layers::later(&mut graph, model, sums);
    layers::finish(&mut graph, description, &sums);
    graph
}

/// The numbers (N, C) of a table as features: less their offsets, and what is missing filled.
fn encoded_numbers(
    graph: &mut Graph,
    columns: &[Column],
    numbers: &[Placed<'_>],
) -> Option<String> {
    let of = number_type(columns);
    let width = numbers.len();
    let mut encoded = if has_texts(columns) {
        for column in columns {
            let of = if column.categories.is_some() {
                Type::String
            } else {
                of
            };
            let (column, told) = (&column.name, described(column));
            let doc = format!("{told} of the table; the empty text, or NaN, for a missing cell");
            graph.input(column, of, 1, &doc);
        }
        let names: Vec<&str> = numbers
            .iter()
            .map(|placed| placed.column.name.as_str())
            .collect();
        match names.as_slice() {
            [] => return None,
            [only] => (*only).to_owned(),
            names => graph.node_with("Concat", names, "numbers", [int("axis", 1)]),
        }
    } else {
        let names: Vec<String> = columns.iter().map(described).collect();
        let doc = format!("Columns of the table, in this order: {}", names.join(", "));
        graph.input(INPUTS, of, width, &doc);
        INPUTS.to_owned()
    };
    if of == Type::Double {
        let offsets: Vec<f64> = numbers.iter().map(|placed| placed.column.offset).collect();
        let offsets = graph.doubles("offsets", &[1, width], &offsets);
        let differences = graph.node("Sub", &[&encoded, &offsets], "differences");
        let to = int("to", Type::Float as u64);
        encoded = graph.node_with("Cast", &[&differences], "rounded", [to]);
    }
    if numbers.iter().any(|placed| placed.column.fill.is_some()) {
        // NaN where nothing fills a missing cell: the prediction is then NaN as well.
        let fill = numbers.iter().map(|placed| {
            let fill = placed.column.fill.as_deref();
            fill.map_or(f64::NAN, |fill| fill[0].into())
        });
        let fill = graph.floats("fill", &[1, width], &fill.collect::<Vec<_>>());
        let is_missing = graph.node("IsNaN", &[&encoded], "is_missing");
        encoded = graph.node("Where", &[&is_missing, &fill, &encoded], "filled");
    }
    Some(encoded)
}

/// The first layer, its weight (O, I) and its bias (O).
fn first_layer(model: &Model) -> (Layer, &[f64], Option<&[f64]>) {
    let layer = model.network().layers()[0];
    let (weight, bias) = layer.split(&model.parameters()[..layer.n_parameters()]);
    (layer, weight, bias)
}

/// A number in f32 near those of each feature that is a number; empty if the model knows none.
#[expect(
    clippy::cast_possible_truncation,
    reason = "what the graph takes is what the bias makes up for"
)]
fn centers(description: &Description, numbers: &[Placed<'_>]) -> Vec<f64> {
    let centers = description.centers();
    let places = numbers.iter().map(|placed| placed.first);
    places
        .filter_map(|at| centers.get(at))
        .map(|center| f64::from(*center as f32))
        .collect()
}

/// The sums (N, O) of the features that are numbers, and of the bias: taken from each number its center, which the bias
/// makes up for. `None` if there are neither.
fn dense(
    graph: &mut Graph,
    model: &Model,
    numbers: &[Placed<'_>],
    encoded: Option<String>,
) -> Option<String> {
    let (layer, weight, bias) = first_layer(model);
    let Some(mut encoded) = encoded else {
        return Some(graph.floats("layers.0.bias", &[1, layer.n_outputs], bias?));
    };
    let weight: Vec<f64> = weight
        .chunks_exact(layer.n_inputs)
        .flat_map(|row| numbers.iter().map(|placed| row[placed.first]))
        .collect();
    let mut bias = bias.map(<[f64]>::to_vec);
    let centers = centers(model.description(), numbers);
    if centers.iter().any(|center| center.abs() > 0.0) {
        let bias = bias.get_or_insert_with(|| vec![0.0; layer.n_outputs]);
        for (bias, row) in bias.iter_mut().zip(weight.chunks_exact(numbers.len())) {
            let terms = row.iter().zip(&centers).map(|(w, center)| w * center);
            *bias += terms.sum::<f64>();
        }
        let centers = graph.floats("centers", &[1, numbers.len()], &centers);
        encoded = graph.node("Sub", &[&encoded, &centers], "centered");
    }
    let shape = [layer.n_outputs, numbers.len()];
    let weight = graph.floats("layers.0.weight", &shape, &weight);
    let bias = bias.map(|bias| graph.floats("layers.0.bias", &[layer.n_outputs], &bias));
    let inputs: Vec<&str> = [&encoded, &weight]
        .into_iter()
        .chain(&bias)
        .map(String::as_str)
        .collect();
    Some(graph.node_with("Gemm", &inputs, "dense", [int("transB", 1)]))
}

/// What each text of a column adds to the sums (N, O): the weights of its category, nothing for a text that is not
/// known, and for the empty one those of the features that fill a missing cell, or NaN if nothing does.
fn of_categories(graph: &mut Graph, model: &Model, placed: &Placed<'_>, number: usize) -> String {
    let (layer, weight, _) = first_layer(model);
    let n_categories = placed.column.n_features();
    let of = |o: usize, category: usize| weight[o * layer.n_inputs + placed.first + category];
    let mut table: Vec<f64> = (0..n_categories)
        .flat_map(|category| (0..layer.n_outputs).map(move |o| of(o, category)))
        .collect();
    table.extend(vec![0.0; layer.n_outputs]);
    let fill = placed.column.fill.as_deref();
    table.extend((0..layer.n_outputs).map(|o| {
        fill.map_or(f64::NAN, |fill| {
            let terms = fill.iter().enumerate();
            terms
                .map(|(category, fill)| f64::from(*fill) * of(o, category))
                .sum()
        })
    }));
    let n_rows = table.len() / layer.n_outputs;
    let table = graph.floats(
        &format!("categories.{number}"),
        &[n_rows, layer.n_outputs],
        &table,
    );
    let unknown = n_categories as u64;
    // A key may stand there once: the empty text is a missing cell, unless it is a category and nothing fills gaps.
    let has_empty = fill.is_none() && categories(placed.column).any(|(text, _)| text.is_empty());
    let known = categories(placed.column).filter(|(text, _)| has_empty || !text.is_empty());
    let missing = (!has_empty).then_some(("", unknown + 1));
    let (texts, places): (Vec<_>, Vec<_>) = known.chain(missing).unzip();
    let attributes = [
        strings("keys_strings", texts),
        ints("values_int64s", places),
        int("default_int64", unknown),
    ];
    let name = placed.column.name.as_str();
    let place = graph.node_with(
        "LabelEncoder",
        &[name],
        &format!("place.{number}"),
        attributes,
    );
    let rows = graph.node("Gather", &[&table, &place], &format!("rows.{number}"));
    graph.node_with(
        "Flatten",
        &[&rows],
        &format!("terms.{number}"),
        [int("axis", 1)],
    )
}
