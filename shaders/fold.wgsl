// fold: sums 1,024 neighbouring nodes of the tree of sums pairwise: 0+1, 2+3, ..., then those; and, if rate is not
// 0 and the sum is that of all leaves, parameters = parameters - rate * sum.
// nodes (n_nodes, n_columns) vec4; folded (any, n_columns) vec4, of which ceil(n_nodes / 1024) nodes
// from first_folded on are written with =; parameters (n_trained or more) vec4, updated with -=.
// A workgroup folds COLUMNS neighbouring columns (workgroup_id.x, and .y for more than .x can have)
// of 1,024 nodes (workgroup_id.z): each invocation PER_INVOCATION nodes of one column in registers,
// then all through workgroup memory. A node that does not exist counts as 0.
// CPU twins: Fold in src/leaves.rs, gradient_descent in src/optimizer.rs.
const SLICES = WORKGROUP_SIZE / COLUMNS;

struct Params {
    n_nodes: u32,
    n_columns: u32,
    first_folded: u32, // number of the first node that is written
    n_trained: u32,    // columns of `parameters` that are updated, if rate is not 0
    rate: f32,         // learning rate times the scale of the reduction
    _pad0: u32,
    _pad1: u32,
    _pad2: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> nodes: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> folded: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> parameters: array<vec4<f32>>;

var<workgroup> sums: array<vec4<f32>, WORKGROUP_SIZE>;

fn fold_in_registers(first: u32, column: u32) -> vec4<f32> {
    var node: array<vec4<f32>, PER_INVOCATION>;
    for (var i = 0u; i < PER_INVOCATION; i++) { // unroll
        if first + i < params.n_nodes && column < params.n_columns {
            node[i] = nodes[(first + i) * params.n_columns + column];
        }
    }
    for (var distance = 1u; distance < PER_INVOCATION; distance *= 2u) { // unroll
        for (var i = 0u; i < PER_INVOCATION; i += 2u * distance) { // unroll
            node[i] += node[i + distance];
        }
    }
    return node[0];
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) invocation: u32,
) {
    let first_column = (workgroup.y * workgroups.x + workgroup.x) * COLUMNS;
    let column = first_column + invocation % COLUMNS;
    let slice = invocation / COLUMNS;
    let first = (workgroup.z * SLICES + slice) * PER_INVOCATION;
    sums[invocation] = fold_in_registers(first, column);
    for (var distance = 1u; distance < SLICES; distance *= 2u) {
        workgroupBarrier();
        if slice % (2u * distance) == 0u {
            sums[invocation] += sums[invocation + distance * COLUMNS];
        }
    }
    if slice == 0u && column < params.n_columns {
        let node = params.first_folded + workgroup.z;
        let sum = sums[invocation];
        folded[node * params.n_columns + column] = sum;
        if params.rate != 0.0 && column < params.n_trained {
            parameters[column] -= params.rate * sum;
        }
    }
}
