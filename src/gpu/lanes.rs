//! How the invocations of a workgroup share the rows of a leaf: arithmetic on the shape, never timing.

use crate::network::Layer;
use std::fmt::Write;

/// Invocations of a workgroup of the kernels that read rows.
pub(super) const WORKGROUP_SIZE: usize = 256;
/// Floats one invocation should hold at most; beyond, a row is shared by more invocations.
const REGISTERS: usize = 128;
/// Rows of one group of lanes that are in flight together, at most.
const MAX_ROWS: usize = 8;

/// The constants of `parts/forward.wgsl`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lanes {
    /// Invocations that share a row; a power of two.
    pub(super) lanes: usize,
    /// vec4 of a row that one invocation holds.
    pub(super) vectors: usize,
    /// Rows a group of lanes has in flight; a power of two.
    pub(super) rows: usize,
    /// O.
    pub(super) outputs: usize,
    /// vec4 of a row.
    pub(super) n_vectors: usize,
    pub(super) rows_per_leaf: usize,
}

impl Lanes {
    /// For a layer on an adapter whose subgroups have at least `subgroup` invocations.
    ///
    /// A subgroup shares a row, so that it reads neighbouring vectors; more invocations do where the
    /// row, its weights and their gradient would otherwise not fit into registers.
    pub(super) fn new(layer: Layer, rows_per_leaf: usize, subgroup: usize) -> Self {
        let (n_vectors, outputs) = (layer.n_inputs.div_ceil(4), layer.n_outputs);
        let widest = n_vectors.next_power_of_two().min(WORKGROUP_SIZE);
        let registers =
            |vectors: usize, rows: usize| 4 * vectors * (rows + 2 * outputs) + rows * outputs;
        let mut lanes = widest.min(subgroup);
        while lanes < widest && registers(n_vectors.div_ceil(lanes), 1) > REGISTERS {
            lanes *= 2;
        }
        let vectors = n_vectors.div_ceil(lanes);
        let mut rows = MAX_ROWS;
        while rows > 1 && (rows * vectors > MAX_ROWS || registers(vectors, rows) > REGISTERS) {
            rows /= 2;
        }
        Self {
            lanes,
            vectors,
            rows,
            outputs,
            n_vectors,
            rows_per_leaf,
        }
    }

    /// Groups of lanes in a workgroup.
    fn groups(&self) -> usize {
        WORKGROUP_SIZE / self.lanes
    }

    /// Times a workgroup goes round its loop over the rows of a leaf.
    fn rounds(&self) -> usize {
        self.rows_per_leaf.div_ceil(self.groups() * self.rows)
    }

    /// Most roundings between a product and the pre-activation: the product, the additions of one
    /// lane in any order, those over the lanes, the bias.
    pub(super) fn pre_activation_roundings(&self) -> usize {
        4 * self.vectors + self.lanes.ilog2() as usize + 1
    }

    /// Most additions between one row's term and its leaf's sum.
    pub(super) fn sum_additions(&self) -> usize {
        self.rounds() * self.rows + self.groups().ilog2() as usize
    }

    /// The constants as WGSL. `subgroup` is the least number of invocations of a subgroup.
    pub(super) fn header(&self, subgroup: usize) -> String {
        let mut header = String::new();
        for (name, value) in [
            ("WORKGROUP_SIZE", WORKGROUP_SIZE),
            ("SUBGROUP", subgroup),
            ("LANES", self.lanes),
            ("VECTORS", self.vectors),
            ("ROWS", self.rows),
            ("OUTPUTS", self.outputs),
            ("N_VECTORS", self.n_vectors),
            ("ROWS_PER_LEAF", self.rows_per_leaf),
        ] {
            writeln!(header, "const {name} = {value}u;").expect("a string takes any text");
        }
        header
    }
}

#[cfg(test)]
mod tests {
    use super::Lanes;
    use crate::leaves::{Leaves, MAX_LOOP_TRIPS};
    use crate::network::Network;

    /// Trips of every loop that one invocation of `leaf_sums` enters, the loop over workgroup
    /// memory of the kernel without subgroups included: nothing is taken to be unrolled.
    fn loop_trips(lanes: &Lanes) -> usize {
        let Lanes {
            vectors,
            rows,
            outputs,
            ..
        } = *lanes;
        let load_parameters = outputs * (1 + vectors) + outputs.div_ceil(4);
        let quads = (rows * outputs).div_ceil(4);
        let forward = rows * (1 + vectors)
            + rows * (1 + outputs * (1 + vectors))
            + quads * (1 + lanes.lanes.ilog2() as usize);
        let backward = rows * (1 + outputs * (1 + vectors));
        let stages = lanes.groups().ilog2() as usize;
        let write_sums =
            outputs * (1 + vectors * (1 + stages)) + outputs.div_ceil(4) * (1 + stages) + stages;
        load_parameters + lanes.rounds() * (1 + forward + backward) + write_sums
    }

    /// Mesa 22.3's software adapter ends every loop of an invocation after 65,535 trips in all,
    /// without an error: sums would simply be too small.
    #[test]
    fn the_loops_of_an_invocation_stay_within_what_every_adapter_runs() {
        for n_inputs in (1..200).chain((200..8192).step_by(61)).chain([8192]) {
            for n_outputs in 1..=16 {
                for subgroup in [4, 8, 16, 32, 64, 128] {
                    let layer = Network::single_layer(n_inputs, n_outputs, true).layer();
                    let rows_per_leaf = Leaves::new(1, n_inputs, n_outputs).rows_per_leaf();
                    let lanes = Lanes::new(layer, rows_per_leaf, subgroup);
                    let trips = loop_trips(&lanes);
                    assert!(
                        trips <= MAX_LOOP_TRIPS,
                        "{n_inputs} inputs: {trips} trips of {lanes:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn every_vector_of_a_row_has_one_lane() {
        for n_inputs in [1, 3, 4, 5, 31, 32, 255, 784, 1024, 8192] {
            for n_outputs in [1, 10, 16] {
                let layer = Network::single_layer(n_inputs, n_outputs, true).layer();
                let lanes = Lanes::new(layer, 64, 32);
                assert!(
                    lanes.lanes * lanes.vectors >= n_inputs.div_ceil(4),
                    "{lanes:?}"
                );
                assert!(
                    lanes.lanes * (lanes.vectors - 1) < n_inputs.div_ceil(4),
                    "{lanes:?}"
                );
            }
        }
    }
}
