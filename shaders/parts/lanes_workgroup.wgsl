// The entry point without subgroups: SHUFFLED and NEAR are 1, and all exchange is through workgroup
// memory.
fn sum_shuffled() {}

fn share_shuffled() {}

fn sum_shuffled_lanes(value: vec4<f32>) -> vec4<f32> {
    return value;
}

fn sum_shuffled_groups(value: vec4<f32>) -> vec4<f32> {
    return value;
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) invocation: u32,
) {
    run(workgroup.x, invocation);
}
