//! Writes a model as ONNX, which other programs run. Its graph maps `inputs` (N, I) to `predictions` (N, O), both f32.
//!
//! The graph is a `Gemm` with the weight (O, I), which it transposes, and any bias, followed by `Sigmoid`, `Softmax` or
//! nothing. The description of the model is in `metadata_props`, each value as JSON.

mod proto;

use neuralnet::network::Activation;
use neuralnet::{Error, Model, Result, atomic_file};
use proto::Message;
use serde::Serialize;
use std::io::{self, Write};
use std::path::Path;

/// The version of the file format, from 2020, which every runtime reads.
const IR_VERSION: u64 = 7;
/// The version of the set of operators, from 2020, which every runtime has.
const OPSET: u64 = 13;
/// The value of `TensorProto.DataType.FLOAT`.
const FLOAT: u64 = 1;

/// The name of the graph's input; the names of its other values follow.
const INPUTS: &str = "inputs";
const WEIGHT: &str = "layers.0.weight";
const BIAS: &str = "layers.0.bias";
const PRE_ACTIVATIONS: &str = "pre_activations";
const PREDICTIONS: &str = "predictions";

/// Writes `model` into the file `path`, its parameters rounded to f32, and returns the largest rounding error. An
/// existing file is replaced only once the new one is complete.
///
/// # Errors
/// If the file cannot be written, its name does not end in `.onnx`, or a parameter overflows f32.
pub(crate) fn export(model: &Model, path: &Path) -> Result<f64> {
    let invalid = |reason: String| Error::Write {
        path: path.to_owned(),
        source: io::Error::new(io::ErrorKind::InvalidInput, reason),
    };
    let extension = path.extension().unwrap_or_default();
    if !extension.eq_ignore_ascii_case("onnx") {
        return Err(invalid("the name of an ONNX file ends in .onnx".to_owned()));
    }
    if let Some(name) = with_offset(model) {
        return Err(invalid(format!(
            "f32, in which the graph takes and gives numbers, has too few digits for column `{name}`; subtract a number near its mean in the table, and train again"
        )));
    }
    let parameters = model.parameters();
    let rounded: Vec<f32> = parameters.iter().map(|number| rounded(*number)).collect();
    if let Some(at) = rounded.iter().position(|number| !number.is_finite()) {
        return Err(invalid(format!(
            "the parameter {:e} is beyond f32, in which the file holds them; train on rescaled columns",
            parameters[at]
        )));
    }
    let message = message(model, &rounded);
    atomic_file::replace(path, |mut file| file.write_all(message.as_ref()))?;
    let differences = std::iter::zip(parameters, &rounded).map(|(a, b)| (a - f64::from(*b)).abs());
    Ok(differences.fold(0.0, f64::max))
}

/// The first feature or target that is kept as its difference from an offset.
fn with_offset(model: &Model) -> Option<&str> {
    let description = model.description();
    let columns = description
        .columns
        .iter()
        .map(|column| (&column.name, column.offset));
    let targets = description
        .targets
        .iter()
        .zip(description.target_offsets.iter().copied());
    let mut all = columns.chain(targets);
    let (name, _) = all.find(|(_, offset)| offset.abs() > 0.0)?;
    Some(name)
}

#[expect(clippy::cast_possible_truncation, reason = "rounding is the purpose")]
fn rounded(number: f64) -> f32 {
    number as f32
}

/// `ModelProto`: the versions, the graph, and the description of the model.
fn message(model: &Model, parameters: &[f32]) -> Message {
    let description = model.description();
    let doc_string = format!(
        "{} from {} features. Trained on {}, {} samples, for {} iterations. Parameters are rounded from float64.",
        description.targets.join(", "),
        description.features.len(),
        description.source,
        description.n_samples,
        description.iterations
    );
    let operators = Message::default().int(2, OPSET);
    let metadata = [
        entry("features", &description.features),
        entry("targets", &description.targets),
        // JSON's null if the targets are not classes.
        entry("classes", &description.classes),
        entry("activation", &description.activation),
        entry("config", &description.config),
        entry("loss", &description.loss),
        entry("source", &description.source),
    ];
    Message::default()
        .int(1, IR_VERSION)
        .bytes(2, "neuralnet")
        .bytes(3, env!("CARGO_PKG_VERSION"))
        .bytes(6, doc_string)
        .bytes(7, graph(model, parameters))
        .bytes(8, operators)
        .each(14, metadata)
}

/// `StringStringEntryProto`
fn entry(key: &str, value: &impl Serialize) -> Message {
    let value = serde_json::to_string(value).expect("strings and numbers");
    Message::default().bytes(1, key).bytes(2, value)
}

/// `GraphProto`: the nodes, the parameters, the input and the output.
fn graph(model: &Model, parameters: &[f32]) -> Message {
    let layer = model.layer();
    let (weight, bias) = parameters.split_at(layer.n_weights());
    let (n_outputs, n_inputs) = (layer.n_outputs as u64, layer.n_inputs as u64);
    let weight = tensor(WEIGHT, &[n_outputs, n_inputs], weight);
    let bias = layer.bias.then(|| tensor(BIAS, &[n_outputs], bias));
    let description = model.description();
    let features = description.features.join(", ");
    let features = format!("Features, in this order: {features}");
    let targets = format!("Predictions of: {}", description.targets.join(", "));
    Message::default()
        .each(1, nodes(layer.activation, layer.bias))
        .bytes(2, "neuralnet")
        .each(5, [weight].into_iter().chain(bias))
        .bytes(10, "predictions = activation(inputs weightᵀ + bias)")
        .bytes(11, value(INPUTS, n_inputs, &features))
        .bytes(12, value(PREDICTIONS, n_outputs, &targets))
}

/// `NodeProto`s: the layer, and its activation unless that is the identity.
fn nodes(activation: Activation, bias: bool) -> Vec<Message> {
    let inputs = [INPUTS, WEIGHT].into_iter().chain(bias.then_some(BIAS));
    let dense = |output| {
        Message::default()
            .each(1, inputs)
            .bytes(2, output)
            .bytes(3, "dense")
            .bytes(4, "Gemm")
            .bytes(5, attribute("transB", 1))
    };
    if activation == Activation::Identity {
        return vec![dense(PREDICTIONS)];
    }
    // The axis of the outputs; 0 is that of the samples.
    let axis = (activation == Activation::Softmax).then(|| attribute("axis", 1));
    let activation = Message::default()
        .bytes(1, PRE_ACTIVATIONS)
        .bytes(2, PREDICTIONS)
        .bytes(3, "activation")
        // ONNX calls its operators as the variants are called.
        .bytes(4, format!("{activation:?}"))
        .each(5, axis);
    vec![dense(PRE_ACTIVATIONS), activation]
}

/// `AttributeProto` of a whole number.
fn attribute(name: &str, value: u64) -> Message {
    const INT: u64 = 2;
    Message::default().bytes(1, name).int(3, value).int(20, INT)
}

/// `TensorProto`. Its shape is not packed into one field, which is the default of the syntax of `onnx.proto`: a reader
/// may refuse another encoding.
fn tensor(name: &str, shape: &[u64], numbers: &[f32]) -> Message {
    let numbers: Vec<u8> = numbers
        .iter()
        .flat_map(|number| number.to_le_bytes())
        .collect();
    let shape = shape
        .iter()
        .fold(Message::default(), |message, n| message.int(1, *n));
    shape.int(2, FLOAT).bytes(8, name).bytes(9, numbers)
}

/// `ValueInfoProto`: an input or output of the graph, of shape (N, `width`) with any N.
fn value(name: &str, width: u64, doc_string: &str) -> Message {
    let dimensions = [
        Message::default().bytes(2, "N"),
        Message::default().int(1, width),
    ];
    let shape = Message::default().each(1, dimensions);
    let tensor = Message::default().int(1, FLOAT).bytes(2, shape);
    Message::default()
        .bytes(1, name)
        .bytes(2, Message::default().bytes(1, tensor))
        .bytes(3, doc_string)
}
