//! How the invocations of a workgroup share the rows of a leaf: arithmetic on the shape and on what the
//! adapter is, never timing.

use super::adapter::AdapterKind;
use super::device::Device;
use crate::leaves::Leaves;
use crate::network::Layer;
use std::fmt::Write;

/// Invocations of a workgroup of the kernels that read rows, at most.
pub(super) const MAX_WORKGROUP_SIZE: usize = 256;
/// vec4 of workgroup memory: 16 KiB, which every adapter has.
const MAX_EXCHANGED: usize = 1024;
/// Rows of one group of lanes that are in flight together, and vec4 of theirs in one lane, at most.
const MAX_IN_FLIGHT: usize = 8;

/// What of an adapter decides the lanes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Machine {
    /// Invocations that a subgroup has at least; a power of two.
    pub(super) subgroup: usize,
    /// Whether a CPU runs the shaders. It runs a subgroup as one vector of its own: neighbours that read
    /// neighbours gain it nothing, exchange and barriers cost it more than memory does, and what
    /// does not fit its registers lies in its nearest cache. So as few lanes share a row there as that cache
    /// allows, and a workgroup is one subgroup.
    pub(super) software: bool,
}

impl Machine {
    pub(super) fn new(device: &Device) -> Self {
        Self {
            subgroup: device.least_subgroup().min(MAX_WORKGROUP_SIZE),
            software: device.adapter.kind == AdapterKind::Software,
        }
    }

    /// Floats one invocation should hold at most: on a GPU, so that two workgroups fit the registers
    /// of one of its cores; on a CPU, half of its nearest cache for a subgroup of 8.
    fn registers(self) -> usize {
        if self.software { 512 } else { 128 }
    }

    /// Invocations of a workgroup, where one row does not need more: on a GPU few, so that while one
    /// workgroup sums its groups there are others that read.
    fn workgroup_size(self) -> usize {
        if self.software { self.subgroup } else { 128 }
    }
}

/// The constants of `parts/forward.wgsl`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lanes {
    /// Invocations that share a row: a power of two up to a subgroup, and beyond it whole subgroups.
    pub(super) lanes: usize,
    /// Groups of lanes in a workgroup; a power of two.
    pub(super) groups: usize,
    /// vec4 of a row that one invocation holds.
    pub(super) vectors: usize,
    /// Rows a group of lanes has in flight.
    pub(super) rows: usize,
    /// O.
    pub(super) outputs: usize,
    /// Whether the bias is trained.
    bias: bool,
    /// vec4 of a row.
    pub(super) n_vectors: usize,
    rows_per_leaf: usize,
    /// Rows of the longest leaf there is.
    longest: usize,
}

impl Lanes {
    /// For a layer and the leaves of its data.
    ///
    /// On a GPU a subgroup shares a row, so that it reads neighbouring vectors; several subgroups do
    /// where the row, its weights and their gradient would otherwise not fit into registers. A single
    /// short leaf takes no more rows and groups than it has rows.
    pub(super) fn new(layer: Layer, leaves: Leaves, machine: Machine) -> Self {
        let (n_vectors, outputs) = (layer.n_inputs.div_ceil(4), layer.n_outputs);
        let fits = |vectors: usize, rows: usize| {
            4 * vectors * (rows + 2 * outputs) + rows * outputs <= machine.registers()
        };
        let widest = n_vectors.next_power_of_two().min(machine.subgroup);
        let mut lanes = if machine.software { 1 } else { widest };
        while lanes < widest && !fits(n_vectors.div_ceil(lanes), 1) {
            lanes *= 2;
        }
        let mut vectors = n_vectors.div_ceil(lanes);
        while vectors > 1 && !fits(vectors, 1) {
            let wider = n_vectors
                .div_ceil(vectors - 1)
                .next_multiple_of(machine.subgroup);
            if wider > MAX_WORKGROUP_SIZE {
                break;
            }
            lanes = wider;
            vectors = n_vectors.div_ceil(lanes);
        }
        let mut rows = MAX_IN_FLIGHT;
        // Workgroup memory has room for 8 pre-activations in flight a lane.
        while rows > 1
            && (rows * vectors > MAX_IN_FLIGHT
                || rows * outputs > 8 * lanes && lanes > 1
                || !fits(vectors, rows))
        {
            rows -= 1;
        }
        let longest = leaves.rows(0).len();
        let rows = rows.min(longest);
        let most = (machine.workgroup_size() / lanes).max(1);
        let most = 1 << most.ilog2();
        Self {
            lanes,
            groups: most.min(longest.div_ceil(rows).next_power_of_two()),
            vectors,
            rows,
            outputs,
            bias: layer.bias,
            n_vectors,
            rows_per_leaf: leaves.rows_per_leaf(),
            longest,
        }
    }

    /// Invocations of a workgroup.
    pub(super) fn workgroup_size(&self) -> usize {
        self.lanes * self.groups
    }

    /// Times a workgroup goes round its loop over the rows of the longest leaf.
    pub(super) fn rounds(&self) -> usize {
        self.longest.div_ceil(self.groups * self.rows)
    }

    /// Trips that one pass over the longest leaf makes through loops that are not written out, at most: those
    /// over its rows and, where all lanes exchange through workgroup memory, of `sum_in_memory`.
    pub(super) fn loop_trips(&self) -> usize {
        let lanes = self.values().div_ceil(8) * 3 * depth(self.lanes);
        let groups = 2 * self.n_sums() * depth(self.groups);
        self.rounds() * (1 + lanes) + groups + 2 * depth(self.lanes)
    }

    /// Pre-activations a group has in flight.
    fn values(&self) -> usize {
        self.rows * self.outputs
    }

    /// Lanes that own a pre-activation in flight.
    fn owners(&self) -> usize {
        self.lanes.min(self.values())
    }

    /// vec4 of the sums of one lane.
    fn n_sums(&self) -> usize {
        self.outputs * self.vectors + self.outputs.div_ceil(4) + 1
    }

    /// Most roundings between a product and the pre-activation: the product, the additions of one
    /// lane in any order, the bias among them, and those over the lanes.
    pub(super) fn pre_activation_roundings(&self) -> usize {
        4 * self.vectors + 1 + depth(self.lanes)
    }

    /// Most additions between one row's term and its leaf's sum. A gradient takes each row in flight; the
    /// loss, of each output, what a lane owns, and then those of the lanes.
    pub(super) fn sum_additions(&self) -> usize {
        let owned = self.values().div_ceil(self.lanes);
        let gradient = self.rounds() * self.rows;
        let loss = self.rounds() * owned + depth(self.owners());
        depth(self.groups) + gradient.max(loss)
    }

    /// The constants as WGSL. `subgroup` is the least number of invocations of a subgroup, where shaders may
    /// exchange within one.
    pub(super) fn header(&self, subgroup: Option<usize>) -> String {
        let page = (MAX_EXCHANGED / self.workgroup_size()).min(self.n_sums());
        let mut header = String::new();
        let subgroup = subgroup.unwrap_or(1);
        for (name, value) in [
            ("WORKGROUP_SIZE", self.workgroup_size()),
            ("LANES", self.lanes),
            ("SHUFFLED", self.lanes.min(subgroup)),
            ("NEAR", (subgroup / self.lanes).clamp(1, self.groups)),
            ("PAGE", page),
            ("VECTORS", self.vectors),
            ("ROWS", self.rows),
            ("OUTPUTS", self.outputs),
            ("OWNERS", self.owners()),
            ("N_VECTORS", self.n_vectors),
            ("N_SUMS", self.n_sums()),
            ("BIAS", usize::from(self.bias)),
            ("ROWS_PER_LEAF", self.rows_per_leaf),
            ("ROUNDS", self.rounds()),
        ] {
            writeln!(header, "const {name} = {value}u;").expect("a string takes any text");
        }
        header
    }
}

/// Additions on the longest path of a tree of neighbours over `n` terms.
fn depth(n: usize) -> usize {
    n.next_power_of_two().ilog2() as usize
}

#[cfg(test)]
mod tests {
    use super::{Lanes, MAX_WORKGROUP_SIZE, Machine};
    use crate::leaves::{Leaves, MAX_LOOP_TRIPS};
    use crate::network::Network;

    /// Lanes of many shapes on many machines.
    fn all_lanes() -> impl Iterator<Item = (usize, Lanes)> {
        let n_inputs = (1..200).chain((200..8192).step_by(61)).chain([8192]);
        n_inputs.flat_map(|n_inputs| {
            (1..=16).flat_map(move |n_outputs| {
                let layer = Network::single_layer(n_inputs, n_outputs, true).layer();
                [1, 3, 100, 1 << 20].into_iter().flat_map(move |n_samples| {
                    let leaves = Leaves::new(n_samples, n_inputs, n_outputs);
                    [1, 4, 8, 16, 32, 64, 128]
                        .into_iter()
                        .flat_map(move |subgroup| {
                            [false, true].map(|software| {
                                let machine = Machine { subgroup, software };
                                (n_inputs, Lanes::new(layer, leaves, machine))
                            })
                        })
                })
            })
        })
    }

    /// Mesa 22.3's software adapter ends every loop of an invocation after 65,535 trips in all,
    /// without an error: sums would simply be too small.
    #[test]
    fn the_loops_of_an_invocation_stay_within_what_every_adapter_runs() {
        for (n_inputs, lanes) in all_lanes() {
            assert!(
                lanes.loop_trips() < MAX_LOOP_TRIPS,
                "{n_inputs} inputs: {lanes:?}"
            );
        }
    }

    #[test]
    fn every_vector_of_a_row_has_one_lane_and_every_row_a_group() {
        for (n_inputs, lanes) in all_lanes() {
            let Lanes {
                vectors,
                rows,
                groups,
                longest,
                ..
            } = lanes;
            let n_vectors = n_inputs.div_ceil(4);
            assert!(lanes.lanes * vectors >= n_vectors, "{lanes:?}");
            assert!(lanes.lanes * (vectors - 1) < n_vectors, "{lanes:?}");
            assert!(lanes.workgroup_size() <= MAX_WORKGROUP_SIZE, "{lanes:?}");
            assert!(lanes.rounds() * groups * rows >= longest, "{lanes:?}");
            assert!((lanes.rounds() - 1) * groups * rows < longest, "{lanes:?}");
        }
    }

    /// What `parts/exchange.wgsl` lays out: the quads of every group behind the parts.
    #[test]
    fn what_lanes_exchange_fits_workgroup_memory() {
        for (_, lanes) in all_lanes() {
            let quads = lanes.groups * lanes.values().div_ceil(4);
            let room = 2 * lanes.workgroup_size();
            assert!(lanes.lanes == 1 || quads <= room, "{lanes:?}");
        }
    }

    /// What a lane writes out of its loops must stay within what a compiler takes.
    #[test]
    fn what_is_written_out_stays_short() {
        for (_, lanes) in all_lanes() {
            assert!(lanes.values() * lanes.vectors <= 1024, "{lanes:?}");
        }
    }

    /// On a GPU a whole subgroup reads one row, 16 bytes a lane, and 2 workgroups a core keep 40 KB
    /// under way; on a CPU no lane that is not needed shares a row.
    #[test]
    fn lanes_are_those_of_the_reckoning() {
        for (n_inputs, n_outputs, subgroup, software, expected) in [
            (3, 1, 32, false, (1, 128, 1, 8)),
            (32, 1, 32, false, (8, 16, 1, 8)),
            (256, 1, 32, false, (32, 4, 2, 4)),
            (784, 1, 32, false, (32, 4, 7, 1)),
            (784, 10, 32, false, (224, 1, 1, 3)),
            (32, 1, 8, true, (1, 8, 8, 1)),
            (784, 1, 8, true, (8, 1, 25, 1)),
        ] {
            let layer = Network::single_layer(n_inputs, n_outputs, true).layer();
            let leaves = Leaves::new(1 << 20, n_inputs, n_outputs);
            let lanes = Lanes::new(layer, leaves, Machine { subgroup, software });
            let Lanes {
                lanes,
                groups,
                vectors,
                rows,
                ..
            } = lanes;
            assert_eq!(
                (lanes, groups, vectors, rows),
                expected,
                "{n_inputs}, {n_outputs}"
            );
        }
    }

    /// The article takes one invocation, which exchanges nothing.
    #[test]
    fn three_rows_take_one_invocation() {
        for (subgroup, software) in [(8, true), (32, false)] {
            let layer = Network::single_layer(3, 1, false).layer();
            let lanes = Lanes::new(layer, Leaves::new(3, 3, 1), Machine { subgroup, software });
            assert_eq!(
                (lanes.workgroup_size(), lanes.rows, lanes.rounds()),
                (1, 3, 1),
                "{lanes:?}"
            );
        }
    }
}
