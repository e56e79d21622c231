// small_network: updates of a network whose parameters, and whose values for the rows of an update, fit into workgroup
// memory; the rows of each are one leaf.                                            (parameters with -=)
// updates.list says of each of updates.n_updates what it depends on. Inputs as in common/inputs_*.wgsl, targets as in
// common/output_errors.wgsl, parameters and what the method keeps as in common/update_rule.wgsl, history as in
// optimizer.wgsl; stored_parameters are copied at the start and written back at the end.
// One workgroup for all; its invocations share the numbers of each product, four neighbours for each invocation. Each number
// is the sum, and each sum of losses and norms the tree, that the kernels of larger networks take it from: so the bits are
// theirs. CPU twins: src/cpu/dense/pass.rs, src/cpu/dense/gradient.rs, src/optimizer/step.rs.
struct Update {
    rule: Rule,
    mask: Mask,
    n_rows: u32,
    first_row: u32, // of the update, among the numbers of rows
    _pad0: u32,
    _pad1: u32,
}

struct Updates {
    n_updates: u32,
    _pad0: u32,
    _pad1: u32,
    _pad2: u32,
    list: array<Update, MOST_UPDATES>,
}

// z = x W^T + b of one layer. All places and widths are in vec4: those of W and b in `parameters`, the others in `values`.
struct Layer {
    outputs: u32, // a number of units, not of vec4
    input_width: u32,
    output_width: u32,
    weight_at: u32,
    bias_at: u32,
    x_at: u32, // (n_rows, input_width)
    z_at: u32, // (n_rows, output_width); once dloss/dz is known it takes the place of z
    a_at: u32, // likewise; of the last layer there are none
}

@group(0) @binding(0) var<uniform> updates: Updates;
@group(0) @binding(2) var<storage, read_write> stored_parameters: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> targets: array<f32>;
@group(0) @binding(4) var<storage, read_write> memory_0: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> memory_1: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> history: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read_write> average: array<vec4<f32>>;

const OUTPUTS = LAST_LAYER.outputs;
const PADDED = 4u * LAST_LAYER.output_width;
const TARGET_WIDTH = OUTPUTS + WEIGHTED;

var<workgroup> parameters: array<vec4<f32>, PARAMETERS>;
var<workgroup> sums: array<vec4<f32>, PARAMETERS>; // dloss/dparameters
var<workgroup> values: array<vec4<f32>, VALUES>;
var<private> rule: Rule;
var<private> mask: Mask;
var<private> n_rows: u32;
var<private> first_row: u32;

fn z_of(row: u32, output: u32) -> f32 {
    return values[LAST_LAYER.z_at + row * LAST_LAYER.output_width + output / 4u][output % 4u];
}

// One invocation has all outputs of a row, so none of these stores races with another.
fn set_error(row: u32, output: u32, error: f32) {
    values[LAST_LAYER.z_at + row * LAST_LAYER.output_width + output / 4u][output % 4u] = error;
}

fn load_rows(invocation: u32) {
    for (var i = invocation; i < n_rows * VEC4_PER_ROW; i += WORKGROUP_SIZE) {
        let vector = i % VEC4_PER_ROW;
        load_columns(vector);
        values[i] = input_vector(row_at(first_row + i / VEC4_PER_ROW) * VEC4_PER_ROW + vector, 0u);
    }
}

fn weight(layer: Layer, output: u32, vector: u32) -> vec4<f32> {
    let at = min(output, layer.outputs - 1u) * layer.input_width + vector;
    return select(vec4(0.0), parameters[layer.weight_at + at], output < layer.outputs);
}

// What the values of units 4 `vector` to 4 `vector` + 3 of layer `number` are multiplied by.
fn mask_factors(number: u32, row: u32, vector: u32) -> vec4<f32> {
    return vec4(factors_at(row, 0u, number, 2u * vector), factors_at(row, 0u, number, 2u * vector + 1u));
}

fn activations_of(z: vec4<f32>) -> vec4<f32> {
    let row_softmax = vec3(0.0);
    return vec4(activation_of(z.x, row_softmax), activation_of(z.y, row_softmax), activation_of(z.z, row_softmax), activation_of(z.w, row_softmax));
}

fn forward(number: u32, invocation: u32) {
    let layer = layer_of(number);
    ACTIVATION = HIDDEN_ACTIVATION;
    for (var i = invocation; i < n_rows * layer.output_width; i += WORKGROUP_SIZE) {
        let row = i / layer.output_width;
        let vector = i % layer.output_width;
        var z = vec4(0.0);
        for (var v = 0u; v < layer.input_width; v++) {
            let x = values[layer.x_at + row * layer.input_width + v];
            for (var o = 0u; o < 4u; o++) { // unroll
                let w = weight(layer, 4u * vector + o, v);
                z[o] = fma(x.w, w.w, fma(x.z, w.z, fma(x.y, w.y, fma(x.x, w.x, z[o]))));
            }
        }
        if HAS_BIAS == 1u {
            z += parameters[layer.bias_at + vector];
        }
        let exists = vec4(4u * vector) + vec4(0u, 1u, 2u, 3u) < vec4(layer.outputs);
        values[layer.z_at + i] = select(vec4(0.0), z, exists);
        if number + 1u < LAYERS {
            var a = activations_of(z);
            if DROPOUT == 1u {
                a *= mask_factors(number, row, vector);
            }
            values[layer.a_at + i] = select(vec4(0.0), a, exists);
        }
    }
}

// Finds dloss/dz of the last layer, and gives (loss, dy/dz, 0, 0), summed over the rows.
fn output_errors(invocation: u32) -> vec4<f32> {
    ACTIVATION = OUTPUT_ACTIVATION;
    var own = vec2(0.0);
    for (var row = invocation; row < n_rows; row += WORKGROUP_SIZE) {
        let found = find_errors(row, row_at(first_row + row) * TARGET_WIDTH);
        own = fma(vec2(found.z), found.xy, own);
    }
    return sum_of_workgroup(vec4(own, 0.0, 0.0), invocation);
}

// Finds dloss/dz of the layer below layer `number`.
fn backward(number: u32, invocation: u32) {
    let layer = layer_of(number);
    let below = layer_of(number - 1u);
    ACTIVATION = HIDDEN_ACTIVATION;
    for (var i = invocation; i < n_rows * layer.input_width; i += WORKGROUP_SIZE) {
        let row = i / layer.input_width;
        let vector = i % layer.input_width;
        var sum = vec4(0.0);
        for (var v = 0u; v < layer.output_width; v++) {
            let e = values[layer.z_at + row * layer.output_width + v];
            for (var o = 0u; o < 4u; o++) { // unroll
                sum = fma(vec4(e[o]), weight(layer, 4u * v + o, vector), sum);
            }
        }
        let z = values[below.z_at + i];
        var a = values[below.a_at + i];
        if DROPOUT == 1u {
            a = activations_of(z);
            sum *= mask_factors(number - 1u, row, vector);
        }
        values[below.z_at + i] = sum * vec4(slope_of(z.x, a.x), slope_of(z.y, a.y), slope_of(z.z, a.z), slope_of(z.w, a.w));
    }
}

fn gradient(number: u32, invocation: u32) {
    let layer = layer_of(number);
    let weights = layer.outputs * layer.input_width;
    for (var i = invocation; i < weights; i += WORKGROUP_SIZE) {
        let output = i / layer.input_width;
        let vector = i % layer.input_width;
        var sum = vec4(0.0);
        for (var row = 0u; row < n_rows; row++) {
            let e = values[layer.z_at + row * layer.output_width + output / 4u][output % 4u];
            sum = fma(vec4(e), values[layer.x_at + row * layer.input_width + vector], sum);
        }
        sums[layer.weight_at + i] = sum;
    }
    if HAS_BIAS == 1u {
        for (var vector = invocation; vector < layer.output_width; vector += WORKGROUP_SIZE) {
            var sum = vec4(0.0);
            for (var row = 0u; row < n_rows; row++) {
                sum += values[layer.z_at + row * layer.output_width + vector];
            }
            sums[layer.bias_at + vector] = sum;
        }
    }
}

fn load_update(number: u32) {
    rule = updates.list[number].rule;
    mask = updates.list[number].mask;
    n_rows = updates.list[number].n_rows;
    first_row = updates.list[number].first_row;
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(local_invocation_index) invocation: u32) {
    for (var column = invocation; column < PARAMETERS; column += WORKGROUP_SIZE) {
        parameters[column] = stored_parameters[column];
    }
    load_update(0u);
    var deciding = history[(rule.number + HISTORY - 1u) % HISTORY].x;
    load_rows(invocation);
    for (var number = 0u; number < updates.n_updates; number++) {
        workgroupBarrier();
        for (var l = 0u; l < LAYERS; l++) {
            forward(l, invocation);
            workgroupBarrier();
        }
        let loss = output_errors(invocation);
        for (var l = LAYERS - 1u; l > 0u; l--) {
            gradient(l, invocation);
            backward(l, invocation);
            workgroupBarrier();
        }
        gradient(0u, invocation);
        var norms = vec4(0.0);
        if NORMS == 1u {
            workgroupBarrier();
            norms = sum_of_workgroup(norm_terms(0u, invocation), invocation);
        }
        deciding = deciding_loss(deciding, loss.x);
        if invocation == 0u {
            history[rule.number] = vec4(deciding, loss.y, norms.yz);
        }
        workgroupBarrier();
        if is_finite(deciding) {
            for (var column = invocation; column < TRAINED; column += WORKGROUP_SIZE) {
                update(column, sums[column], norms);
            }
        }
        load_update(min(number + 1u, updates.n_updates - 1u));
        if BATCHES == 1u {
            load_rows(invocation);
        }
    }
    for (var column = invocation; column < TRAINED; column += WORKGROUP_SIZE) {
        stored_parameters[column] = parameters[column];
    }
}
