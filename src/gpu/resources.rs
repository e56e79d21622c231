//! What the kernels of a problem take besides the rows that lie in chunks.

use super::check_limits;
use super::device::{Buffer, Device};
use super::input_format::{InputFormat, scales_and_offsets};
use super::kernels::{RowKernel, RowOrder};
use super::masks::Masks;
use super::parameter_layout::ParameterLayout;
use super::workgroup_shape::WorkgroupShape;
use crate::backend::Problem;
use crate::error::Result;

/// A problem, and what its kernels take besides the rows.
#[derive(Debug)]
pub(super) struct Resources<'a> {
    pub(super) problem: Problem<'a>,
    pub(super) layout: ParameterLayout,
    pub(super) parameters: Buffer,
    /// The units that updates go without; `None` if they take all.
    pub(super) masks: Option<Masks>,
    /// Scales and offsets of the inputs; `None` if they are not stored with such.
    pub(super) scales_and_offsets: Option<Buffer>,
}

impl<'a> Resources<'a> {
    /// The resources for `problem`, with every parameter 0.
    ///
    /// # Errors
    /// If the network exceeds the limits of the device, or a buffer its memory.
    pub(super) fn new(device: &Device, problem: Problem<'a>) -> Result<Self> {
        let layout = ParameterLayout::new(&problem.network);
        check_limits(device, &problem.network, &layout)?;
        let quantization = problem.dataset.quantization();
        Ok(Self {
            parameters: device.storage("parameters", layout.n_parameters)?,
            masks: (problem.dropout.map(|dropout| Masks::new(device, dropout))).transpose()?,
            scales_and_offsets: scales_and_offsets(device, quantization)?,
            layout,
            problem,
        })
    }

    /// The kernel that reads rows of this problem in workgroups of the shape `shape`.
    pub(super) fn row_kernel<'k>(
        &self,
        device: &Device,
        shape: &'k WorkgroupShape,
        order: RowOrder,
    ) -> RowKernel<'k> {
        RowKernel {
            shape,
            subgroup: device.subgroup(),
            activation: self.problem.network.layer().activation,
            format: InputFormat::new(self.problem.dataset.quantization()),
            order,
        }
    }
}

/// The numbers of the rows of batches that lie among all rows on the device.
#[derive(Clone, Debug)]
pub(super) struct BatchRows {
    /// u32, those of several batches one after the other.
    pub(super) numbers: Buffer,
    /// Bytes of the numbers of one batch.
    pub(super) bytes: u64,
}

impl BatchRows {
    /// Which rows a kernel takes, given the numbers of those of a batch.
    pub(super) fn order(rows: Option<&Self>) -> RowOrder {
        rows.map_or(RowOrder::InOrder, |rows| RowOrder::OfBatch(rows.bytes))
    }
}

/// The buffers that a kernel which reads rows has last, in the order of [`super::kernels::row_reader`].
pub(super) fn row_buffers<'b>(
    resources: &'b Resources<'_>,
    rows: Option<&'b BatchRows>,
) -> impl Iterator<Item = &'b Buffer> {
    let numbers = rows.map(|rows| &rows.numbers);
    resources.scales_and_offsets.iter().chain(numbers)
}

#[cfg(test)]
mod tests {
    use super::Resources;
    use crate::backend::Problem;
    use crate::data::Dataset;
    use crate::gpu::device::tests::device;
    use crate::network::Network;
    use crate::objective::{Loss, Objective, Reduction};

    /// 256 floats and 272, on a device whose bindings hold 256.
    #[test]
    fn parameters_beyond_a_binding_are_refused_with_the_limit() {
        let mut device = device();
        device.adapter.max_binding_bytes = 1024;
        let refusal = |n_outputs: usize| {
            let targets = vec![0.0; n_outputs];
            let dataset = Dataset::from_rows("rows", 16, n_outputs, vec![0.0; 16], targets);
            let problem = Problem {
                dataset: &dataset.unwrap(),
                network: Network::single_layer(16, n_outputs, true),
                objective: Objective {
                    loss: Loss::SquaredError,
                    reduction: Reduction::Mean,
                },
                dropout: None,
            };
            let resources = Resources::new(&device, problem);
            resources.err().map(|error| error.to_string())
        };
        assert_eq!(refusal(15), None);
        let told = refusal(16).unwrap();
        let limit = "272 parameters need 1088 bytes in one binding; the limit is 1024";
        assert!(told.contains(limit), "{told}");
    }
}
