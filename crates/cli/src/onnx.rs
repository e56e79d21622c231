//! Writes a model as ONNX, which other programs run. Its graph maps `inputs` (N, I) to `predictions` (N, O), both f32.
//!
//! The graph is a `Gemm` with the weight (O, I), which it transposes, and any bias, followed by `Sigmoid`, `Softmax` or
//! nothing. The description of the model is in `metadata_props`, each value as JSON.

mod proto;

use neuralnet::network::Activation;
use neuralnet::{Error, Model, Result, atomic_file};
use prost::Message;
use proto::{
    AttributeProto, DimensionProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto,
    StringStringEntryProto, TensorProto, TensorShapeProto, TensorTypeProto, TypeProto,
    ValueInfoProto,
};
use serde::Serialize;
use std::io::{self, Write};
use std::path::Path;

/// The version of the file format, from 2020, which every runtime reads.
const IR_VERSION: i64 = 7;
/// The version of the set of operators, from 2020, which every runtime has.
const OPSET: i64 = 13;

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
    match path.extension() {
        Some(extension) if extension.eq_ignore_ascii_case("onnx") => {}
        _ => {
            return Err(Error::Write {
                path: path.to_owned(),
                source: invalid("the name of an ONNX file ends in .onnx".to_owned()),
            });
        }
    }
    let parameters = model.parameters();
    let rounded: Vec<f32> = parameters.iter().map(|number| rounded(*number)).collect();
    if let Some(at) = rounded.iter().position(|number| !number.is_finite()) {
        return Err(Error::Write {
            path: path.to_owned(),
            source: invalid(format!(
                "the parameter {:e} is beyond f32, in which the file holds them; train on rescaled columns",
                parameters[at]
            )),
        });
    }
    let bytes = message(model, &rounded).encode_to_vec();
    atomic_file::replace(path, |mut file| file.write_all(&bytes))?;
    let differences = std::iter::zip(parameters, &rounded).map(|(a, b)| (a - f64::from(*b)).abs());
    Ok(differences.fold(0.0, f64::max))
}

/// The error of a model or a path that cannot be written.
fn invalid(reason: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, reason)
}

#[expect(clippy::cast_possible_truncation, reason = "rounding is the purpose")]
fn rounded(number: f64) -> f32 {
    number as f32
}

fn message(model: &Model, parameters: &[f32]) -> ModelProto {
    let description = model.description();
    ModelProto {
        ir_version: IR_VERSION,
        producer_name: "neuralnet".to_owned(),
        producer_version: env!("CARGO_PKG_VERSION").to_owned(),
        doc_string: format!(
            "{} from {} features. Trained on {}, {} samples, for {} iterations. Parameters are rounded from float64.",
            description.targets.join(", "),
            description.features.len(),
            description.source,
            description.n_samples,
            description.iterations
        ),
        graph: Some(graph(model, parameters)),
        opset_import: vec![OperatorSetIdProto {
            domain: String::new(),
            version: OPSET,
        }],
        metadata_props: vec![
            entry("features", &description.features),
            entry("targets", &description.targets),
            // JSON's null if the targets are not classes.
            entry("classes", &description.classes),
            entry("activation", &description.activation),
            entry("config", &description.config),
            entry("loss", &description.loss),
            entry("source", &description.source),
        ],
    }
}

fn entry(key: &str, value: &impl Serialize) -> StringStringEntryProto {
    StringStringEntryProto {
        key: key.to_owned(),
        value: serde_json::to_string(value).expect("strings and numbers"),
    }
}

fn graph(model: &Model, parameters: &[f32]) -> GraphProto {
    let layer = model.layer();
    let (weight, bias) = parameters.split_at(layer.n_weights());
    let shape = [layer.n_outputs, layer.n_inputs].map(length);
    let mut initializer = vec![tensor(WEIGHT, &shape, weight)];
    if layer.bias {
        initializer.push(tensor(BIAS, &shape[..1], bias));
    }
    let description = model.description();
    GraphProto {
        node: nodes(layer.activation, layer.bias),
        name: "neuralnet".to_owned(),
        initializer,
        doc_string: "predictions = activation(inputs weightᵀ + bias)".to_owned(),
        input: vec![value(
            INPUTS,
            layer.n_inputs,
            format!(
                "Features, in this order: {}",
                description.features.join(", ")
            ),
        )],
        output: vec![value(
            PREDICTIONS,
            layer.n_outputs,
            format!("Predictions of: {}", description.targets.join(", ")),
        )],
    }
}

fn nodes(activation: Activation, bias: bool) -> Vec<NodeProto> {
    // ONNX calls its operators as the variants are called.
    let operator = match activation {
        Activation::Identity => None,
        other => Some(format!("{other:?}")),
    };
    let mut input = vec![INPUTS.to_owned(), WEIGHT.to_owned()];
    if bias {
        input.push(BIAS.to_owned());
    }
    let dense = NodeProto {
        input,
        output: vec![
            operator
                .as_ref()
                .map_or(PREDICTIONS, |_| PRE_ACTIVATIONS)
                .to_owned(),
        ],
        name: "dense".to_owned(),
        op_type: "Gemm".to_owned(),
        attribute: vec![AttributeProto::int("transB", 1)],
    };
    let activation = operator.map(|operator| NodeProto {
        input: vec![PRE_ACTIVATIONS.to_owned()],
        output: vec![PREDICTIONS.to_owned()],
        name: "activation".to_owned(),
        // The axis of the outputs; 0 is that of the samples.
        attribute: (activation == Activation::Softmax)
            .then(|| AttributeProto::int("axis", 1))
            .into_iter()
            .collect(),
        op_type: operator,
    });
    [dense].into_iter().chain(activation).collect()
}

fn tensor(name: &str, shape: &[i64], numbers: &[f32]) -> TensorProto {
    TensorProto {
        dims: shape.to_vec(),
        data_type: proto::FLOAT,
        name: name.to_owned(),
        raw_data: numbers
            .iter()
            .flat_map(|number| number.to_le_bytes())
            .collect(),
    }
}

/// An input or output of the graph, of shape (N, `width`) with any N.
fn value(name: &str, width: usize, doc_string: String) -> ValueInfoProto {
    let dim = vec![
        DimensionProto {
            dim_param: Some("N".to_owned()),
            ..DimensionProto::default()
        },
        DimensionProto {
            dim_value: Some(length(width)),
            ..DimensionProto::default()
        },
    ];
    ValueInfoProto {
        name: name.to_owned(),
        r#type: Some(TypeProto {
            tensor_type: Some(TensorTypeProto {
                elem_type: proto::FLOAT,
                shape: Some(TensorShapeProto { dim }),
            }),
        }),
        doc_string,
    }
}

fn length(n: usize) -> i64 {
    i64::try_from(n).expect("as long as something in memory")
}
