// dense_backward: dloss/dz of the layer below, kept(e W) * slope, from e = dloss/dz of this layer. (writes with =)
// W as in common/layer.wgsl; pre_activations, activations and errors_below (n_rows, layer.input_width) vec4, those of the
// layer below. common/dense_errors.wgsl or common/errors_of_outputs.wgsl gives the errors of this one.
// Tiles of rows (workgroup_id.x) and of inputs (.y) as in common/tile.wgsl; the contraction is over the outputs.
// CPU twins: multiply in src/cpu/dense/tile.rs, multiply_by_slopes in src/cpu/dense/activation.rs.
@group(0) @binding(2) var<storage, read> parameters: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> pre_activations: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> activations: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> errors_below: array<vec4<f32>>;
@group(0) @binding(6) var<uniform> layer: Layer;

const W_LOADS = AT_ONCE * COL_VEC4 / WORKGROUP_SIZE;

var<workgroup> e_tile: array<vec4<f32>, ROWS * STRIDE>;
var<workgroup> w_tile: array<vec4<f32>, AT_ONCE * COL_VEC4>;
var<private> sums: array<array<vec4<f32>, C4>, R>;
var<private> e: array<vec4<f32>, R>;
var<private> w: array<vec4<f32>, C4>;

fn load_tiles(first_row: u32, first_vector: u32, output: u32, invocation: u32) {
    load_errors(first_row, output, first_vector == 0u, invocation);
    for (var i = 0u; i < W_LOADS; i++) { // unroll
        let at = i * WORKGROUP_SIZE + invocation;
        w_tile[at] = w_vector(output + at / COL_VEC4, first_vector + at % COL_VEC4);
    }
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) invocation: u32,
) {
    let across = invocation % ACROSS;
    let down = invocation / ACROSS;
    let first_row = workgroup.x * ROWS;
    let first_vector = workgroup.y * COL_VEC4;
    for (var r = 0u; r < R; r++) { // unroll
        for (var c = 0u; c < C4; c++) { // unroll
            sums[r][c] = vec4(0.0);
        }
    }
    for (var output = 0u; output < layer.outputs; output += AT_ONCE) {
        load_tiles(first_row, first_vector, output, invocation);
        workgroupBarrier();
        for (var d = 0u; d < DEPTH; d++) { // unroll
            for (var r = 0u; r < R; r++) { // unroll
                e[r] = e_tile[(down + r * DOWN) * STRIDE + d];
            }
            for (var i = 0u; i < 4u; i++) { // unroll
                for (var c = 0u; c < C4; c++) { // unroll
                    w[c] = w_tile[(4u * d + i) * COL_VEC4 + across + c * ACROSS];
                }
                for (var r = 0u; r < R; r++) { // unroll
                    for (var c = 0u; c < C4; c++) { // unroll
                        sums[r][c] = fma(vec4(e[r][i]), w[c], sums[r][c]);
                    }
                }
            }
        }
        workgroupBarrier();
    }
    for (var r = 0u; r < R; r++) { // unroll
        for (var c = 0u; c < C4; c++) { // unroll
            let row = first_row + down + r * DOWN;
            let vector = first_vector + across + c * ACROSS;
            if row < params.n_rows && vector < layer.input_width {
                let at = row * layer.input_width + vector;
                let z = pre_activations[at];
                let a = unmasked(z, activations[at]);
                let slopes = vec4(slope_of(z.x, a.x), slope_of(z.y, a.y), slope_of(z.z, a.z), slope_of(z.w, a.w));
                errors_below[at] = kept_vector(row, vector, sums[r][c]) * slopes;
            }
        }
    }
}
