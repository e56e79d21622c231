// optimizer: one update of the parameters by a first-order method, from the sums of a pass. (parameters with -=)
// Operands as in common/update.wgsl and common/update_rule.wgsl; norms (1) vec4, the sum of those that norms.wgsl writes,
// or 0; history (any) vec4, of which number rule.number is written: (loss, dy/dz, sum of magnitudes of the weights, sum
// of their squares), the first two as in `sums`. HISTORY is the length of the history.
// An invocation takes one vec4. CPU twin: src/optimizer/step.rs.
@group(0) @binding(0) var<uniform> rule: Rule;
@group(0) @binding(1) var<storage, read> sums: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> parameters: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> memory_0: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> memory_1: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> norms: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> history: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read_write> average: array<vec4<f32>>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) invocation: u32,
) {
    let column = (workgroup.y * workgroups.x + workgroup.x) * WORKGROUP_SIZE + invocation;
    let before = history[(rule.number + HISTORY - 1u) % HISTORY].x;
    let loss = deciding_loss(before, sums[LOSS_AT].x);
    if column == 0u {
        history[rule.number] = vec4(loss, sums[LOSS_AT].y, norms[0].yz);
    }
    if column < TRAINED && is_finite(loss) {
        update(column, sums[column], norms[0]);
    }
}
