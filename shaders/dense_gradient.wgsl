// dense_gradient: for each leaf of a block, the sums over its rows of dloss/dW = e x^T and dloss/db = e of a layer,
// where e = dloss/dz.                                                             (writes with =)
// x (rows, VEC4_PER_ROW) vec4, those of the data from params.first_row on if DATA is 1; errors (n_rows, ERROR_VEC4)
// vec4; leaf_sums (n_leaves, VEC4_PER_LEAF) vec4, laid out as the parameters: W from WEIGHT_AT, b from BIAS_AT on.
// A workgroup takes one leaf (workgroup_id.y) and a tile of outputs and inputs (.x) as in common/tile.wgsl; the
// contraction is over the rows. CPU twin: src/cpu/dense/gradient.rs.
@group(0) @binding(2) var<storage, read> errors: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> leaf_sums: array<vec4<f32>>;

const TILES_ACROSS = (VEC4_PER_ROW + COL_VEC4 - 1u) / COL_VEC4;
const E_LOADS = AT_ONCE * ROW_VEC4 / WORKGROUP_SIZE;
const X_LOADS = AT_ONCE * COL_VEC4 / WORKGROUP_SIZE;

var<workgroup> e_tile: array<vec4<f32>, AT_ONCE * ROW_VEC4>;
var<workgroup> x_tile: array<vec4<f32>, AT_ONCE * COL_VEC4>;
var<private> sums: array<array<vec4<f32>, C4>, R>;
var<private> bias: array<vec4<f32>, R4>;
var<private> e: array<vec4<f32>, R4>;
var<private> x: array<vec4<f32>, C4>;

fn load_tiles(row: u32, end: u32, first_error: u32, first_vector: u32, invocation: u32) {
    for (var i = 0u; i < E_LOADS; i++) { // unroll
        let at = i * WORKGROUP_SIZE + invocation;
        e_tile[at] = e_vector(row + at / ROW_VEC4, first_error + at % ROW_VEC4, end);
    }
    for (var i = 0u; i < X_LOADS; i++) { // unroll
        let at = i * WORKGROUP_SIZE + invocation;
        x_tile[at] = x_vector(row + at / COL_VEC4, first_vector + at % COL_VEC4, end);
    }
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) invocation: u32,
) {
    let across = invocation % ACROSS;
    let down = invocation / ACROSS;
    let first_vector = workgroup.x % TILES_ACROSS * COL_VEC4;
    let first_error = workgroup.x / TILES_ACROSS * ROW_VEC4;
    let start = workgroup.y * params.rows_per_leaf;
    let end = min(start + params.rows_per_leaf, params.n_rows);
    for (var r = 0u; r < R4; r++) { // unroll
        bias[r] = vec4(0.0);
    }
    for (var r = 0u; r < R; r++) { // unroll
        for (var c = 0u; c < C4; c++) { // unroll
            sums[r][c] = vec4(0.0);
        }
    }
    for (var row = start; row < end; row += AT_ONCE) {
        load_tiles(row, end, first_error, first_vector, invocation);
        workgroupBarrier();
        for (var d = 0u; d < AT_ONCE; d++) { // unroll
            for (var c = 0u; c < C4; c++) { // unroll
                x[c] = x_tile[d * COL_VEC4 + across + c * ACROSS];
            }
            for (var r = 0u; r < R4; r++) { // unroll
                e[r] = e_tile[d * ROW_VEC4 + down + r * DOWN];
                bias[r] += e[r];
            }
            for (var r = 0u; r < R; r++) { // unroll
                for (var c = 0u; c < C4; c++) { // unroll
                    sums[r][c] = fma(vec4(e[r / 4u][r % 4u]), x[c], sums[r][c]);
                }
            }
        }
        workgroupBarrier();
    }
    let to = (params.first_leaf + workgroup.y) * VEC4_PER_LEAF;
    for (var r = 0u; r < R; r++) { // unroll
        for (var c = 0u; c < C4; c++) { // unroll
            let output = 4u * (first_error + down + r / 4u * DOWN) + r % 4u;
            let vector = first_vector + across + c * ACROSS;
            if output < OUTPUTS && vector < VEC4_PER_ROW {
                leaf_sums[to + WEIGHT_AT + output * VEC4_PER_ROW + vector] = sums[r][c];
            }
        }
    }
    if HAS_BIAS == 1u && first_vector + across == 0u {
        for (var r = 0u; r < R4; r++) { // unroll
            let error = first_error + down + r * DOWN;
            if error < ERROR_VEC4 {
                leaf_sums[to + BIAS_AT + error] = bias[r];
            }
        }
    }
}
