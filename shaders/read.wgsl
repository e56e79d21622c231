// read: reads every vector once, and sums it only so that compilers do not drop the reading; its speed is the
// ceiling of every pass over the data.                                           (sums with =)
// vectors: vec4; sums: one vec4 an invocation. A workgroup reads PER_INVOCATION vectors for
// each of its invocations, neighbours next to each other, four at a time in flight. CPU twin:
// src/cpu/read.rs.
const WORKGROUP_SIZE = 256u;
const PER_INVOCATION = 256u;

@group(0) @binding(0) var<storage, read> vectors: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> sums: array<vec4<f32>>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) invocation: u32,
) {
    let first = workgroup.x * WORKGROUP_SIZE * PER_INVOCATION + invocation;
    let last = arrayLength(&vectors) - 1u;
    var sum = vec4(0.0);
    for (var i = 0u; i < PER_INVOCATION; i += 4u) {
        let at = first + i * WORKGROUP_SIZE;
        let a = vectors[min(at, last)];
        let b = vectors[min(at + WORKGROUP_SIZE, last)];
        let c = vectors[min(at + 2u * WORKGROUP_SIZE, last)];
        let d = vectors[min(at + 3u * WORKGROUP_SIZE, last)];
        sum += (a + b) + (c + d);
    }
    sums[workgroup.x * WORKGROUP_SIZE + invocation] = sum;
}
