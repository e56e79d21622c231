//! What follows the pre-activations of the first layer.

use super::graph::{Graph, Type, int};
use neuralnet::Model;
use neuralnet::model::Description;
use neuralnet::network::Activation;

/// The pre-activations of the last layer, from those of the first.
pub(super) fn later(graph: &mut Graph, model: &Model, mut sums: String) -> String {
    let layers = model.network().layers();
    for (at, (layer, range)) in model.network().parts().enumerate().skip(1) {
        let inputs = hidden(graph, layers[at - 1].activation, &sums, at - 1);
        let (weight, bias) = layer.split(&model.parameters()[range]);
        let shape = [layer.n_outputs, layer.n_inputs];
        let weight = graph.floats(&format!("layers.{at}.weight"), &shape, weight);
        let bias = bias.map(|bias| {
            let name = format!("layers.{at}.bias");
            graph.floats(&name, &shape[..1], bias)
        });
        let operands = [&inputs, &weight].into_iter().chain(&bias);
        let operands: Vec<&str> = operands.map(String::as_str).collect();
        let transposed = [int("transB", 1)];
        sums = graph.node_with("Gemm", &operands, &format!("dense.{at}"), transposed);
    }
    sums
}

/// The activations of hidden layer `at`, from its pre-activations `z`.
fn hidden(graph: &mut Graph, activation: Activation, z: &str, at: usize) -> String {
    let name = |what: &str| format!("{what}.{at}");
    let gated = |graph: &mut Graph, inner: &str| {
        let gate = graph.node("Sigmoid", &[inner], &name("gate"));
        graph.node("Mul", &[z, &gate], &name("activations"))
    };
    match activation {
        Activation::Silu => gated(graph, z),
        Activation::Gelu => {
            // ½ (1 + tanh u) is the sigmoid of 2u.
            let scale = 2.0 * (2.0 / std::f64::consts::PI).sqrt();
            let cubic = graph.floats(&name("cubic"), &[1], &[0.044_715 * scale]);
            let linear = graph.floats(&name("linear"), &[1], &[scale]);
            let mut node = |operator: &str, inputs: [&str; 2], what: &str| {
                graph.node(operator, &inputs, &name(what))
            };
            let square = node("Mul", [z, z], "square");
            let slope = node("Mul", [&square, &cubic], "scaled_square");
            let slope = node("Add", [&slope, &linear], "slope");
            let inner = node("Mul", [z, &slope], "inner");
            gated(graph, &inner)
        }
        // ONNX calls its operators as the variants are called, and the leak of a LeakyRelu is its own.
        other => graph.node(&format!("{other:?}"), &[z], &name("activations")),
    }
}

/// The activation of the sums, and the offsets of the targets.
pub(super) fn finish(graph: &mut Graph, description: &Description, sums: &str) {
    let (activation, offsets) = (description.activation, &description.target_offsets);
    let n_outputs = description.targets.len();
    let classes = description.classes.as_ref();
    let of_two = classes.filter(|_| n_outputs == 1);
    // Of two classes there is one output, that of the second.
    let names = of_two.map_or(description.targets.clone(), |two| {
        two.probability_names().split_off(1)
    });
    let doc = format!("Predictions of: {}", names.join(", "));
    // ONNX calls its operators as the variants are called.
    let operator = format!("{activation:?}");
    // The axis of the outputs; 0 is that of the samples.
    let axis = (activation == Activation::Softmax).then(|| int("axis", 1));
    if offsets.is_empty() {
        let output = graph.output(Type::Float, n_outputs, &doc);
        return graph.node_to(&operator, &[sums], &output, axis);
    }
    let output = graph.output(Type::Double, n_outputs, &doc);
    let values = graph.node_with(&operator, &[sums], "activations", axis);
    let to = int("to", Type::Double as u64);
    let values = graph.node_with("Cast", &[&values], "differences_of_targets", [to]);
    let offsets = graph.doubles("offsets_of_targets", &[1, n_outputs], offsets);
    graph.node_to("Add", &[&values, &offsets], &output, []);
}
