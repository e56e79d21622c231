// fma: multiplies and adds in registers and does nothing else; its speed is the ceiling of every product.  (sums with =)
// sums: one f32 an invocation, of its chains. An invocation makes n_trips · STEPS steps x = factor x + term of VECTORS
// vec4 of chains side by side, the first chain of a workgroup from 0 and each next one from 1 more. CPU twin:
// src/cpu/fma.rs.
const WORKGROUP_SIZE = 256u;
const VECTORS = 4u;
const STEPS = 32u;

struct Params {
    n_trips: u32,
    factor: f32,
    term: f32,
    _pad: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> sums: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) invocation: u32,
) {
    let factor = vec4(params.factor);
    let term = vec4(params.term);
    var chains: array<vec4<f32>, VECTORS>;
    for (var v = 0u; v < VECTORS; v++) { // unroll
        let first = f32(4u * (invocation * VECTORS + v));
        chains[v] = vec4(first, first + 1.0, first + 2.0, first + 3.0);
    }
    for (var trip = 0u; trip < params.n_trips; trip++) {
        for (var step = 0u; step < STEPS; step++) { // unroll
            for (var v = 0u; v < VECTORS; v++) { // unroll
                chains[v] = fma(chains[v], factor, term);
            }
        }
    }
    var sum = vec4(0.0);
    for (var v = 0u; v < VECTORS; v++) { // unroll
        sum += chains[v];
    }
    sums[workgroup.x * WORKGROUP_SIZE + invocation] = (sum.x + sum.y) + (sum.z + sum.w);
}
