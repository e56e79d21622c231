// dense_gradient: of some layers, for each leaf of a block, the sums over its rows of dloss/dW = e x^T and dloss/db = e,
// where e = dloss/dz. The epilogue, common/gradient_sums.wgsl or common/gradient_updates.wgsl, says where these sums go, with
// = or -=. layers (LAYERS) are those of the dispatch, as in common/layer.wgsl; x_of and e_of give vec4 of x (rows,
// input_width) and of e (n_rows, output_width) of a layer.
// A workgroup takes one leaf (workgroup_id.y) and a tile of outputs and inputs (.x) as in common/tile.wgsl, those of one
// layer after those of another; the contraction is over the rows. CPU twin: src/cpu/dense/gradient.rs.
const E_LOADS = AT_ONCE * ROW_VEC4 / WORKGROUP_SIZE;
const X_LOADS = AT_ONCE * COL_VEC4 / WORKGROUP_SIZE;

var<workgroup> e_tile: array<vec4<f32>, AT_ONCE * ROW_VEC4>;
var<workgroup> x_tile: array<vec4<f32>, AT_ONCE * COL_VEC4>;
var<private> sums: array<array<vec4<f32>, C4>, R>;
var<private> bias: array<vec4<f32>, R4>;
var<private> e: array<vec4<f32>, R4>;
var<private> x: array<vec4<f32>, C4>;
var<private> layer_at: u32; // number of the layer among those of the dispatch
var<private> layer: Layer;

// The tiles of each layer come after those of the layer before.
fn find_layer(tile: u32) {
    for (var l = 1u; l < LAYERS; l++) {
        layer_at += u32(tile >= layers[l].first_tile);
    }
    layer = layers[layer_at];
}

// 0 past the end of a row, and from row `end` on.
fn e_vector(row: u32, vector: u32, end: u32) -> vec4<f32> {
    let exists = row < end && vector < layer.output_width;
    let read = e_of(layer_at, min(row, params.n_rows - 1u), min(vector, layer.output_width - 1u));
    return select(vec4(0.0), read, exists);
}

fn x_vector(row: u32, vector: u32, end: u32) -> vec4<f32> {
    let exists = row < end && vector < layer.input_width;
    let read = x_of(layer_at, min(row, params.n_rows - 1u), min(vector, layer.input_width - 1u));
    return select(vec4(0.0), read, exists);
}

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
    find_layer(workgroup.x);
    let tile = workgroup.x - layer.first_tile;
    let tiles_across = (layer.input_width + COL_VEC4 - 1u) / COL_VEC4;
    let first_vector = tile % tiles_across * COL_VEC4;
    let first_error = tile / tiles_across * ROW_VEC4;
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
    begin_epilogue(workgroup.x == 0u && invocation == 0u, invocation);
    for (var r = 0u; r < R; r++) { // unroll
        for (var c = 0u; c < C4; c++) { // unroll
            let output = 4u * (first_error + down + r / 4u * DOWN) + r % 4u;
            let vector = first_vector + across + c * ACROSS;
            if output < layer.outputs && vector < layer.input_width {
                take_gradient(workgroup.y, layer.weight_at + output * layer.input_width + vector, sums[r][c]);
            }
        }
    }
    if layer.has_bias == 1u && first_vector + across == 0u {
        for (var r = 0u; r < R4; r++) { // unroll
            let error = first_error + down + r * DOWN;
            if error < layer.output_width {
                take_gradient(workgroup.y, layer.bias_at + error, bias[r]);
            }
        }
    }
}
