// norms: of each 1,024 vec4 of the parameters (sum of squares of the gradient, of magnitudes of the weights, of squares
// of the weights, of squares of 2^-80 times the gradient), which fold.wgsl adds up.   (writes with =)
// sums and parameters as in update.wgsl; nodes (any) vec4, one for each workgroup (workgroup_id.x, and .y for more than .x
// can have) that has parameters.
// CPU twin: norm in src/optimizer.rs, l1_loss and l2_loss in src/optimizer/penalty.rs.
@group(0) @binding(0) var<uniform> rule: Rule;
@group(0) @binding(1) var<storage, read> sums: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> parameters: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> nodes: array<vec4<f32>>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) invocation: u32,
) {
    let group = workgroup.y * workgroups.x + workgroup.x;
    let sum = sum_of_workgroup(norm_terms(group, invocation), invocation);
    if invocation == 0u && group * PER_INVOCATION * WORKGROUP_SIZE < TRAINED {
        nodes[group] = sum;
    }
}
