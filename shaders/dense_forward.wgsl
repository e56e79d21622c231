// dense_forward: z = x W^T + b and a = kept(activation(z)) of a layer.            (writes with =)
// x (n_rows, layer.input_width) vec4 as in common/dense_x.wgsl; W and b as in common/layer.wgsl; pre_activations and
// activations (n_rows, layer.output_width) vec4, 0 in the padding.
// Tiles of rows (workgroup_id.x) and outputs (.y) as in common/tile.wgsl. CPU twin: forward in src/cpu/dense/pass.rs.
@group(0) @binding(2) var<storage, read> parameters: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> pre_activations: array<f32>;
@group(0) @binding(4) var<storage, read_write> activations: array<f32>;
@group(0) @binding(5) var<uniform> layer: Layer;

const X_LOADS = ROWS * DEPTH / WORKGROUP_SIZE;
const W_LOADS = COLS * DEPTH / WORKGROUP_SIZE;

var<workgroup> x_tile: array<vec4<f32>, ROWS * STRIDE>;
var<workgroup> w_tile: array<vec4<f32>, COLS * STRIDE>;
var<private> sums: array<array<f32, C>, R>;
var<private> x: array<vec4<f32>, R>;
var<private> w: array<vec4<f32>, C>;

// 0 past the end of a row, and past the last row.
fn x_vector(row: u32, vector: u32) -> vec4<f32> {
    let exists = row < params.n_rows && vector < layer.input_width;
    return select(vec4(0.0), x_at(min(row, params.n_rows - 1u), min(vector, layer.input_width - 1u)), exists);
}

fn load_tiles(first_row: u32, first_output: u32, vector: u32, invocation: u32) {
    for (var i = 0u; i < X_LOADS; i++) { // unroll
        let at = i * WORKGROUP_SIZE + invocation;
        let line = at / DEPTH;
        x_tile[line * STRIDE + at % DEPTH] = x_vector(first_row + line, vector + at % DEPTH);
    }
    for (var i = 0u; i < W_LOADS; i++) { // unroll
        let at = i * WORKGROUP_SIZE + invocation;
        let line = at / DEPTH;
        w_tile[line * STRIDE + at % DEPTH] = w_vector(first_output + line, vector + at % DEPTH);
    }
}

// `sum` plus the products of two vec4, one fma after the other.
fn add_products(x: vec4<f32>, w: vec4<f32>, sum: f32) -> f32 {
    return fma(x.w, w.w, fma(x.z, w.z, fma(x.y, w.y, fma(x.x, w.x, sum))));
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) invocation: u32,
) {
    let across = invocation % ACROSS;
    let down = invocation / ACROSS;
    let first_row = workgroup.x * ROWS;
    let first_output = workgroup.y * COLS;
    for (var r = 0u; r < R; r++) { // unroll
        for (var c = 0u; c < C; c++) { // unroll
            sums[r][c] = 0.0;
        }
    }
    for (var vector = 0u; vector < layer.input_width; vector += DEPTH) {
        load_tiles(first_row, first_output, vector, invocation);
        workgroupBarrier();
        for (var d = 0u; d < DEPTH; d++) { // unroll
            for (var r = 0u; r < R; r++) { // unroll
                x[r] = x_tile[(down + r * DOWN) * STRIDE + d];
            }
            for (var c = 0u; c < C; c++) { // unroll
                w[c] = w_tile[(across + c * ACROSS) * STRIDE + d];
            }
            for (var r = 0u; r < R; r++) { // unroll
                for (var c = 0u; c < C; c++) { // unroll
                    sums[r][c] = add_products(x[r], w[c], sums[r][c]);
                }
            }
        }
        workgroupBarrier();
    }
    for (var r = 0u; r < R; r++) { // unroll
        for (var c = 0u; c < C; c++) { // unroll
            let row = first_row + down + r * DOWN;
            let output = first_output + across + c * ACROSS;
            if row < params.n_rows && output < 4u * layer.output_width {
                var z = sums[r][c];
                if layer.has_bias == 1u {
                    z += parameters[layer.bias_at + output / 4u][output % 4u];
                }
                let exists = output < layer.outputs;
                let at = row * 4u * layer.output_width + output;
                pre_activations[at] = select(0.0, z, exists);
                activations[at] = select(0.0, kept(row, output, activation_of(z, vec3(0.0))), exists);
            }
        }
    }
}
