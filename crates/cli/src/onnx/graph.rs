//! A graph of ONNX as it is put together: its nodes, constants, inputs and outputs.

use super::proto::Message;

/// The types of tensors, by their values in `TensorProto.DataType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Float = 1,
    String = 8,
    Double = 11,
}

impl Type {
    /// Its name in NumPy, for messages.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Float => "float32",
            Self::String => "text",
            Self::Double => "float64",
        }
    }
}

/// The domain of the operators that map texts to numbers.
pub(super) const ML: &str = "ai.onnx.ml";

/// A graph to which nodes are added in the order in which they run.
#[derive(Default)]
pub(super) struct Graph {
    nodes: Vec<Message>,
    constants: Vec<Message>,
    inputs: Vec<Message>,
    outputs: Vec<Message>,
    /// The name of the output.
    pub(super) output: String,
    /// Names that no value of the graph itself may have: those of its inputs and its output.
    taken: Vec<String>,
    /// The largest difference of a constant from its rounding to f32.
    pub(super) rounding: f64,
    /// The first constant that is beyond f32.
    pub(super) beyond: Option<f64>,
}

impl Graph {
    /// A graph whose inputs have the names `inputs`, and whose output has the name `output`, unless an input has.
    pub(super) fn new(inputs: Vec<String>, output: &str) -> Self {
        let mut graph = Self {
            taken: inputs,
            ..Self::default()
        };
        graph.output = graph.own(output);
        graph.taken.push(graph.output.clone());
        graph
    }

    /// An input (N, `width`) for any N.
    pub(super) fn input(&mut self, name: &str, of: Type, width: usize, doc: &str) {
        self.inputs.push(value(name, of, width, doc));
    }

    /// The output (N, `width`); returns its name, for the node that gives it.
    pub(super) fn output(&mut self, of: Type, width: usize, doc: &str) -> String {
        self.outputs.push(value(&self.output, of, width, doc));
        self.output.clone()
    }

    /// A name for a value of the graph: `name`, unless an input or output has it.
    fn own(&self, name: &str) -> String {
        let mut name = name.to_owned();
        while self.taken.contains(&name) {
            name.push('_');
        }
        name
    }

    /// A constant of f32, rounded from `numbers`; returns its name.
    pub(super) fn floats(&mut self, name: &str, shape: &[usize], numbers: &[f64]) -> String {
        let mut bytes = Vec::with_capacity(4 * numbers.len());
        for number in numbers {
            let rounded = rounded(*number);
            if !rounded.is_finite() && number.is_finite() {
                self.beyond.get_or_insert(*number);
            }
            // A fill may be NaN, which `max` leaves out.
            self.rounding = self.rounding.max((number - f64::from(rounded)).abs());
            bytes.extend(rounded.to_le_bytes());
        }
        self.constant(name, Type::Float, shape, &bytes)
    }

    /// A constant of f64; returns its name.
    pub(super) fn doubles(&mut self, name: &str, shape: &[usize], numbers: &[f64]) -> String {
        let bytes: Vec<u8> = numbers.iter().flat_map(|n| n.to_le_bytes()).collect();
        self.constant(name, Type::Double, shape, &bytes)
    }

    /// `TensorProto`. Its shape is not packed into one field, which is the default of the syntax of `onnx.proto`: a
    /// reader may refuse another encoding.
    fn constant(&mut self, name: &str, of: Type, shape: &[usize], bytes: &[u8]) -> String {
        let name = self.own(name);
        let message = Message::default();
        let message = shape.iter().fold(message, |m, n| m.int(1, *n as u64));
        self.constants
            .push(message.int(2, of as u64).bytes(8, &name).bytes(9, bytes));
        name
    }

    /// Runs `operator` on `inputs`; returns the name of what it gives, `output` unless that is taken.
    pub(super) fn node(&mut self, operator: &str, inputs: &[&str], output: &str) -> String {
        self.node_with(operator, inputs, output, [])
    }

    /// Runs `operator` with `attributes` on `inputs`; returns the name of what it gives, `output` unless that is taken.
    pub(super) fn node_with(
        &mut self,
        operator: &str,
        inputs: &[&str],
        output: &str,
        attributes: impl IntoIterator<Item = Message>,
    ) -> String {
        let output = self.own(output);
        self.node_to(operator, inputs, &output, attributes);
        output
    }

    /// `NodeProto`: runs `operator` on `inputs` to give what is named `output`.
    pub(super) fn node_to(
        &mut self,
        operator: &str,
        inputs: &[&str],
        output: &str,
        attributes: impl IntoIterator<Item = Message>,
    ) {
        let node = Message::default().each(1, inputs).bytes(2, output);
        let node = node.bytes(3, output).bytes(4, operator).each(5, attributes);
        self.nodes.push(match operator {
            "LabelEncoder" => node.bytes(7, ML),
            _ => node,
        });
    }

    /// `GraphProto`
    pub(super) fn finish(self, name: &str, doc: &str) -> Message {
        Message::default()
            .each(1, self.nodes)
            .bytes(2, name)
            .each(5, self.constants)
            .bytes(10, doc)
            .each(11, self.inputs)
            .each(12, self.outputs)
    }
}

#[expect(clippy::cast_possible_truncation, reason = "rounding is the purpose")]
fn rounded(number: f64) -> f32 {
    number as f32
}

/// `ValueInfoProto`: a tensor of shape (N, `width`) with any N.
fn value(name: &str, of: Type, width: usize, doc: &str) -> Message {
    let dimensions = [
        Message::default().bytes(2, "N"),
        Message::default().int(1, width as u64),
    ];
    let shape = Message::default().each(1, dimensions);
    let tensor = Message::default().int(1, of as u64).bytes(2, shape);
    Message::default()
        .bytes(1, name)
        .bytes(2, Message::default().bytes(1, tensor))
        .bytes(3, doc)
}

/// The values of `AttributeProto.AttributeType` that are used.
const INT: u64 = 2;
const INTS: u64 = 7;
const STRINGS: u64 = 8;

/// `AttributeProto` of a whole number.
pub(super) fn int(name: &str, value: u64) -> Message {
    Message::default().bytes(1, name).int(3, value).int(20, INT)
}

/// `AttributeProto` of whole numbers.
pub(super) fn ints(name: &str, values: Vec<u64>) -> Message {
    let message = Message::default().bytes(1, name);
    let message = values.into_iter().fold(message, |m, value| m.int(8, value));
    message.int(20, INTS)
}

/// `AttributeProto` of texts.
pub(super) fn strings(name: &str, values: Vec<&str>) -> Message {
    let message = Message::default().bytes(1, name);
    message.each(9, values).int(20, STRINGS)
}
