// dense_gradient: for each leaf of a block, the sums over its rows of dloss/dW = e x^T and dloss/db = e of a layer,
// where e = dloss/dz.                                                             (writes with =)
// x (rows, VEC4_PER_ROW) vec4, those of the data from params.first_row on if DATA is 1; errors (n_rows, ERROR_VEC4)
// vec4; leaf_sums (n_leaves, VEC4_PER_LEAF) vec4, laid out as the parameters: W from WEIGHT_AT, b from BIAS_AT on.
// A workgroup takes one leaf (workgroup_id.y) and a tile of outputs and inputs (.x) as in common/tile.wgsl; the
// contraction is over the rows, and an invocation has one vec4 of each. CPU twin: gradient in src/cpu/dense.rs.
@group(0) @binding(2) var<storage, read> errors: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> leaf_sums: array<vec4<f32>>;

const TILES_ACROSS = (VEC4_PER_ROW + ACROSS - 1u) / ACROSS;
const ROWS_AT_ONCE = 16u;

var<workgroup> x_tile: array<vec4<f32>, ROWS_AT_ONCE * ACROSS>;
var<workgroup> e_tile: array<vec4<f32>, ROWS_AT_ONCE * ACROSS>;
var<private> sums: array<vec4<f32>, 4>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) invocation: u32,
) {
    let across = invocation % ACROSS;
    let down = invocation / ACROSS;
    let vector = workgroup.x % TILES_ACROSS * ACROSS + across;
    let first_error = workgroup.x / TILES_ACROSS * ACROSS;
    let start = workgroup.y * params.rows_per_leaf;
    let end = min(start + params.rows_per_leaf, params.n_rows);
    var bias = vec4(0.0);
    for (var r = 0u; r < 4u; r++) { // unroll
        sums[r] = vec4(0.0);
    }
    for (var row = start; row < end; row += ROWS_AT_ONCE) {
        x_tile[invocation] = x_vector(row + down, vector, end);
        e_tile[invocation] = e_vector(row + down, first_error + across, end);
        workgroupBarrier();
        for (var d = 0u; d < ROWS_AT_ONCE; d++) { // unroll
            let x = x_tile[d * ACROSS + across];
            let e = e_tile[d * ACROSS + down];
            bias += e;
            for (var r = 0u; r < 4u; r++) { // unroll
                sums[r] = fma(vec4(e[r]), x, sums[r]);
            }
        }
        workgroupBarrier();
    }
    let error = first_error + down;
    let to = (params.first_leaf + workgroup.y) * VEC4_PER_LEAF;
    for (var r = 0u; r < 4u; r++) { // unroll
        let output = 4u * error + r;
        if output < OUTPUTS && vector < VEC4_PER_ROW {
            leaf_sums[to + WEIGHT_AT + output * VEC4_PER_ROW + vector] = sums[r];
        }
    }
    if HAS_BIAS == 1u && vector == 0u && error < ERROR_VEC4 {
        leaf_sums[to + BIAS_AT + error] = bias;
    }
}
