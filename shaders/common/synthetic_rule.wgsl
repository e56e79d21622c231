// synthetic_rule: how RULE decides a label: SUMS integer sums over the features of a row, then a comparison.
//   LINEAR   sum w x > 0                                  XOR      x0 x1 + x2 x3 + ... < 0
//   CIRCLE   sum x^2 > threshold                          SPIRAL   which arm of a double spiral holds (x0, x1)
//   TEACHER  sum v max(0, sum w x + b) > threshold, over SUMS hidden units
// x: four features as centred integers of 24 bits, 0 past the last feature. hidden_weight: for each vec4 of features
// the weights of each sum; then of each hidden unit (b, v, 0, 0). All sums stay within 32 bits.
// Compilers drop the branches that the constants exclude. CPU twin: Labels::of in src/data/synthetic/labels.rs.
const LINEAR = 0u;
const XOR = 1u;
const CIRCLE = 2u;
const SPIRAL = 3u;
const TEACHER = 4u;

// What four features add to sum number `sum` of their row.
fn term(sum: u32, vector: u32, x: vec4<i32>) -> i32 {
    if RULE == LINEAR {
        return dot(hidden_weight[vector], x >> vec4(12u));
    }
    // Odd numbers from -511 to 511, the middles of 512 intervals.
    let c = select(vec4(0), 2 * (x >> vec4(15u)) + 1, is_feature(vector));
    if RULE == XOR {
        return -dot(c.xz, c.yw);
    }
    if RULE == CIRCLE {
        return dot(c, c);
    }
    if RULE == SPIRAL {
        return select(0, c[sum], vector == 0u);
    }
    return dot(hidden_weight[vector * SUMS + sum], c);
}

// Whether (x, y) lies in the second arm of a double spiral, as the CPU twin derives it.
fn spiral(point: vec2<i32>) -> bool {
    let is_below = point.y < 0;
    let upper = select(point, -point, is_below);
    let radius = abs(upper.x) + upper.y;
    let carries = 128 * (radius - upper.x) >= radius * (256 - (radius & 255));
    return ((radius & 256) != 0) != (is_below != carries);
}

// The label of row `row` of the workgroup, of which all sums are known.
fn label(row: u32, n_vectors: u32) -> bool {
    let first = row * SUMS;
    if RULE == SPIRAL {
        return spiral(vec2(atomicLoad(&sums[first]), atomicLoad(&sums[first + SUMS - 1u])));
    }
    var margin = atomicLoad(&sums[first]);
    if RULE == TEACHER {
        margin = 0;
        for (var unit = 0u; unit < SUMS; unit++) { // unroll
            let bias_output = hidden_weight[n_vectors * SUMS + unit].xy;
            margin += bias_output.y * max(0, atomicLoad(&sums[first + unit]) + bias_output.x);
        }
    }
    return margin > params.threshold;
}
