// gradient_updates: the epilogue of dense_gradient.wgsl that updates the parameters by the gradient, where the rows are one
// leaf and the norm of the gradient does not matter.                               (parameters with -=)
// Operands as in optimizer.wgsl; loss_of_update gives (loss, dy/dz) of the rows.
// CPU twin: src/optimizer/step.rs.
@group(0) @binding(4) var<uniform> rule: Rule;
@group(0) @binding(5) var<storage, read_write> parameters: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> memory_0: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read_write> memory_1: array<vec4<f32>>;
@group(0) @binding(8) var<storage, read_write> history: array<vec4<f32>>;
@group(0) @binding(9) var<storage, read_write> average: array<vec4<f32>>;

var<private> makes_update: bool;

fn is_weight(column: u32) -> bool {
    return column < layer.bias_at;
}

// One invocation of the dispatch, for which `is_first` holds, writes what the update saw.
fn begin_epilogue(is_first: bool, invocation: u32) {
    let found = loss_of_update(invocation);
    let before = history[(rule.number + HISTORY - 1u) % HISTORY].x;
    let loss = deciding_loss(before, found.x);
    makes_update = is_finite(loss);
    if is_first {
        history[rule.number] = vec4(loss, found.y, 0.0, 0.0);
    }
}

fn take_gradient(leaf: u32, column: u32, sum: vec4<f32>) {
    if makes_update {
        update(column, sum, vec4(0.0));
    }
}
