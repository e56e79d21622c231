//! How the invocations of a workgroup share the rows of a leaf: arithmetic on the layer's shape and on what
//! the adapter is, never on timing, so that the bits of a result do not depend on the moment.

use super::adapter::AdapterKind;
use super::device::Device;
use super::kernel::constants;
use crate::leaves::Leaves;
use crate::network::{Layer, Network};

/// The largest workgroup of the kernels that read rows, in invocations.
pub(super) const MAX_WORKGROUP_SIZE: usize = 256;
/// The loops of one shader invocation must end within this many trips in all: Mesa 22.3's software adapter
/// ends every loop after 65,535 trips, without an error.
pub(super) const MAX_LOOP_TRIPS: usize = 60_000;
/// vec4 of workgroup memory that a kernel takes at most: 16 KiB, which every adapter has.
const MAX_WORKGROUP_VEC4: usize = 1024;
/// Rows that a group of lanes has in flight at most, and vec4 of theirs that one lane holds at most.
const MAX_IN_FLIGHT: usize = 8;

/// The properties of an adapter that decide the shape of a workgroup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DeviceShape {
    /// Invocations that a subgroup has at least; a power of two.
    pub(super) subgroup: usize,
    /// Whether a CPU runs the shaders. It runs a subgroup as one vector of its own: neighbours that read
    /// neighbours gain it nothing, exchange and barriers cost it more than memory does, and values that
    /// do not fit its registers lie in its nearest cache. So on a CPU as few lanes share a row as that cache
    /// allows, and a workgroup is one subgroup.
    pub(super) software: bool,
}

impl DeviceShape {
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

    /// Invocations of a workgroup whose rows do not need more: on a GPU few, so that while one workgroup
    /// sums its groups there are others that read.
    fn workgroup_size(self) -> usize {
        if self.software { self.subgroup } else { 128 }
    }
}

/// How a workgroup shares rows: the constants of `shaders/common/`, as `shaders/README.md` explains them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct WorkgroupShape {
    /// Invocations that share a row: a power of two up to a subgroup, and beyond it whole subgroups.
    pub(super) lanes_per_row: usize,
    /// Groups of lanes in a workgroup; a power of two.
    pub(super) groups: usize,
    /// vec4 of a row that one lane holds.
    pub(super) vec4_per_lane: usize,
    /// Rows that a group of lanes has in flight.
    pub(super) rows_per_group: usize,
    /// Outputs of the layer, O.
    pub(super) outputs: usize,
    /// Whether the bias is trained.
    has_bias: bool,
    /// vec4 of a whole row.
    pub(super) vec4_per_row: usize,
    rows_per_leaf: usize,
    /// Rows of the longest leaf of these data.
    longest_leaf: usize,
}

impl WorkgroupShape {
    /// The shape for a network that reads each row once; `None` for others.
    pub(super) fn of_network(network: &Network, leaves: Leaves, device: &Device) -> Option<Self> {
        let once = network.reads_rows_once();
        once.then(|| Self::new(network.layer(), leaves, DeviceShape::new(device)))
    }

    /// The shape for a layer and the leaves of its data.
    ///
    /// On a GPU a subgroup shares a row, so that it reads neighbouring vectors. Several subgroups share one
    /// if the row, its weights and their gradient would otherwise not fit into registers. A single
    /// short leaf takes no more rows and groups than it has rows.
    pub(super) fn new(layer: Layer, leaves: Leaves, device_shape: DeviceShape) -> Self {
        let (vec4_per_row, outputs) = (layer.n_inputs.div_ceil(4), layer.n_outputs);
        let fits = |vec4_per_lane: usize, rows: usize| {
            4 * vec4_per_lane * (rows + 2 * outputs) + rows * outputs <= device_shape.registers()
        };
        let (lanes_per_row, vec4_per_lane) = share_row(vec4_per_row, device_shape, fits);
        let mut rows = MAX_IN_FLIGHT;
        // Workgroup memory has room for 8 pre-activations in flight a lane.
        while rows > 1
            && (rows * vec4_per_lane > MAX_IN_FLIGHT
                || rows * outputs > 8 * lanes_per_row && lanes_per_row > 1
                || !fits(vec4_per_lane, rows))
        {
            rows -= 1;
        }
        let longest_leaf = leaves.rows(0).len();
        let rows_per_group = rows.min(longest_leaf);
        let most = (device_shape.workgroup_size() / lanes_per_row).max(1);
        let most = 1 << most.ilog2();
        Self {
            lanes_per_row,
            groups: most.min(longest_leaf.div_ceil(rows_per_group).next_power_of_two()),
            vec4_per_lane,
            rows_per_group,
            outputs,
            has_bias: layer.bias,
            vec4_per_row,
            rows_per_leaf: leaves.rows_per_leaf(),
            longest_leaf,
        }
    }

    /// Invocations of a workgroup.
    pub(super) fn workgroup_size(&self) -> usize {
        self.lanes_per_row * self.groups
    }

    /// Times a workgroup goes round its loop over the rows of the longest leaf.
    pub(super) fn rounds(&self) -> usize {
        self.longest_leaf
            .div_ceil(self.groups * self.rows_per_group)
    }

    /// Most trips that one pass over the longest leaf makes through loops that are not written out: the loop
    /// over its rows and, if all lanes exchange through workgroup memory, those of `sum_in_memory`.
    pub(super) fn loop_trips(&self) -> usize {
        let lanes = self.values_per_group().div_ceil(8) * 3 * depth(self.lanes_per_row);
        let groups = 2 * self.sums_per_lane() * depth(self.groups);
        self.rounds() * (1 + lanes) + groups + 2 * depth(self.lanes_per_row)
    }

    /// Pre-activations that a group has in flight.
    fn values_per_group(&self) -> usize {
        self.rows_per_group * self.outputs
    }

    /// Lanes of a group that own a pre-activation in flight.
    fn owning_lanes(&self) -> usize {
        self.lanes_per_row.min(self.values_per_group())
    }

    /// vec4 of the sums that one lane keeps: its part of the gradient, and loss and mean slope.
    fn sums_per_lane(&self) -> usize {
        self.outputs * self.vec4_per_lane + self.outputs.div_ceil(4) + 1
    }

    /// Most roundings between a product and the pre-activation: the product, the additions of one
    /// lane in any order, the bias among them, and those over the lanes.
    pub(super) fn pre_activation_roundings(&self) -> usize {
        4 * self.vec4_per_lane + 1 + depth(self.lanes_per_row)
    }

    /// Most additions between one row's term and its leaf's sum. A gradient takes each row in flight. The
    /// loss takes, of each output, the values that a lane owns, and then those of the other lanes.
    pub(super) fn sum_additions(&self) -> usize {
        let owned = self.values_per_group().div_ceil(self.lanes_per_row);
        let gradient = self.rounds() * self.rows_per_group;
        let loss = self.rounds() * owned + depth(self.owning_lanes());
        depth(self.groups) + gradient.max(loss)
    }

    /// Lanes of a row that lie in one subgroup. Without shuffles, `None`, a subgroup counts as one lane.
    fn lanes_per_subgroup(&self, subgroup: Option<usize>) -> usize {
        self.lanes_per_row.min(subgroup.unwrap_or(1))
    }

    /// Floats that lanes of a row share through workgroup memory; 1 if they lie in one subgroup, as an array
    /// has one element at least.
    fn shared_values(&self, subgroup: Option<usize>) -> usize {
        if self.lanes_per_row > self.lanes_per_subgroup(subgroup) {
            self.groups * self.values_per_group()
        } else {
            1
        }
    }

    /// vec4 of each invocation's sums that one exchange through workgroup memory takes: as many as its memory
    /// has room for beside the shared values.
    fn sums_per_exchange(&self, subgroup: Option<usize>) -> usize {
        let room = MAX_WORKGROUP_VEC4 - self.shared_values(subgroup).div_ceil(4);
        (room / self.workgroup_size()).min(self.sums_per_lane())
    }

    /// The constants as WGSL. `subgroup` is the least number of invocations of a subgroup, `None` if shaders
    /// must not exchange within one.
    pub(super) fn header(&self, subgroup: Option<usize>) -> String {
        let groups_per_subgroup = subgroup.unwrap_or(1) / self.lanes_per_row;
        constants([
            ("WORKGROUP_SIZE", self.workgroup_size()),
            ("LANES_PER_ROW", self.lanes_per_row),
            ("LANES_PER_SUBGROUP", self.lanes_per_subgroup(subgroup)),
            (
                "GROUPS_PER_SUBGROUP",
                groups_per_subgroup.clamp(1, self.groups),
            ),
            ("SUMS_PER_EXCHANGE", self.sums_per_exchange(subgroup)),
            ("SHARED_VALUES", self.shared_values(subgroup)),
            ("VEC4_PER_LANE", self.vec4_per_lane),
            ("ROWS_PER_GROUP", self.rows_per_group),
            ("OUTPUTS", self.outputs),
            ("OWNING_LANES", self.owning_lanes()),
            ("VEC4_PER_ROW", self.vec4_per_row),
            ("SUMS_PER_LANE", self.sums_per_lane()),
            ("HAS_BIAS", usize::from(self.has_bias)),
            ("ROWS_PER_LEAF", self.rows_per_leaf),
            ("ROUNDS", self.rounds()),
        ])
    }
}

/// How many lanes share a row of `vec4_per_row` vec4, and how many of them each holds, so that what `fits`
/// says of (vec4 a lane, rows in flight) holds for one row, if a workgroup can be that large.
fn share_row(
    vec4_per_row: usize,
    device_shape: DeviceShape,
    fits: impl Fn(usize, usize) -> bool,
) -> (usize, usize) {
    let widest = vec4_per_row.next_power_of_two().min(device_shape.subgroup);
    let mut lanes = if device_shape.software { 1 } else { widest };
    while lanes < widest && !fits(vec4_per_row.div_ceil(lanes), 1) {
        lanes *= 2;
    }
    let mut vec4_per_lane = vec4_per_row.div_ceil(lanes);
    while vec4_per_lane > 1 && !fits(vec4_per_lane, 1) {
        let wider = vec4_per_row
            .div_ceil(vec4_per_lane - 1)
            .next_multiple_of(device_shape.subgroup);
        if wider > MAX_WORKGROUP_SIZE {
            break;
        }
        lanes = wider;
        vec4_per_lane = vec4_per_row.div_ceil(lanes);
    }
    (lanes, vec4_per_lane)
}

/// Additions on the longest path of a tree of neighbours over `n` terms.
fn depth(n: usize) -> usize {
    n.next_power_of_two().ilog2() as usize
}

#[cfg(test)]
mod tests {
    use super::{
        DeviceShape, MAX_LOOP_TRIPS, MAX_WORKGROUP_SIZE, MAX_WORKGROUP_VEC4, WorkgroupShape,
    };
    use crate::leaves::Leaves;
    use crate::network::Network;

    /// Workgroups for many layers on many devices.
    fn all_shapes() -> impl Iterator<Item = (usize, WorkgroupShape)> {
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
                                let device_shape = DeviceShape { subgroup, software };
                                (n_inputs, WorkgroupShape::new(layer, leaves, device_shape))
                            })
                        })
                })
            })
        })
    }

    /// Sums would simply be too small, without an error.
    #[test]
    fn the_loops_of_an_invocation_stay_within_what_every_adapter_runs() {
        for (n_inputs, shape) in all_shapes() {
            assert!(
                shape.loop_trips() < MAX_LOOP_TRIPS,
                "{n_inputs} inputs: {shape:?}"
            );
        }
    }

    #[test]
    fn every_vector_of_a_row_has_one_lane_and_every_row_a_group() {
        for (n_inputs, shape) in all_shapes() {
            let (lanes, held) = (shape.lanes_per_row, shape.vec4_per_lane);
            let vec4_per_row = n_inputs.div_ceil(4);
            assert!(lanes * held >= vec4_per_row, "{shape:?}");
            assert!(lanes * (held - 1) < vec4_per_row, "{shape:?}");
            assert!(shape.workgroup_size() <= MAX_WORKGROUP_SIZE, "{shape:?}");
            let rows_per_round = shape.groups * shape.rows_per_group;
            let (rounds, longest) = (shape.rounds(), shape.longest_leaf);
            assert!(rounds * rows_per_round >= longest, "{shape:?}");
            assert!((rounds - 1) * rows_per_round < longest, "{shape:?}");
        }
    }

    /// The two arrays of `common/exchange.wgsl`. One exchange of partial pre-activations takes two vec4 of each
    /// invocation, and the sums must leave room for them.
    #[test]
    fn what_lanes_exchange_fits_workgroup_memory() {
        for (_, shape) in all_shapes() {
            for subgroup in [None, Some(4), Some(32), Some(128)] {
                let exchanged = shape.sums_per_exchange(subgroup).max(2) * shape.workgroup_size();
                let shared = shape.shared_values(subgroup).div_ceil(4);
                assert!(exchanged + shared <= MAX_WORKGROUP_VEC4, "{shape:?}");
                assert!(shape.sums_per_exchange(subgroup) > 0, "{shape:?}");
            }
        }
    }

    /// What a lane writes out of its loops must stay within what a compiler takes.
    #[test]
    fn what_is_written_out_stays_short() {
        for (_, shape) in all_shapes() {
            let products = shape.values_per_group() * shape.vec4_per_lane;
            assert!(products <= 1024, "{shape:?}");
        }
    }

    /// On a GPU a whole subgroup reads one row, 16 bytes a lane, and 2 workgroups a core keep 40 KB
    /// under way; on a CPU no lane that is not needed shares a row.
    #[test]
    fn workgroups_are_those_of_the_reckoning() {
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
            let shape = WorkgroupShape::new(layer, leaves, DeviceShape { subgroup, software });
            let found = (
                shape.lanes_per_row,
                shape.groups,
                shape.vec4_per_lane,
                shape.rows_per_group,
            );
            assert_eq!(found, expected, "{n_inputs}, {n_outputs}");
        }
    }

    /// The article takes one invocation, which exchanges nothing.
    #[test]
    fn three_rows_take_one_invocation() {
        for (subgroup, software) in [(8, true), (32, false)] {
            let layer = Network::single_layer(3, 1, false).layer();
            let device_shape = DeviceShape { subgroup, software };
            let shape = WorkgroupShape::new(layer, Leaves::new(3, 3, 1), device_shape);
            assert_eq!(
                (shape.workgroup_size(), shape.rows_per_group, shape.rounds()),
                (1, 3, 1),
                "{shape:?}"
            );
        }
    }
}
