// The entry point, and the sum over the LANES invocations that share a row, without subgroups.
// The same butterfly as in lanes_subgroup.wgsl, so the same bits.
fn sum_lanes(value: vec4<f32>, invocation: u32) -> vec4<f32> {
    return sum_exchanged(value, invocation, 1u, LANES);
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) invocation: u32,
) {
    run(workgroup.x, invocation);
}
