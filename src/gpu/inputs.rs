//! How the shaders read and make inputs, by the way these are stored.

use super::device::Device;
use crate::dataset::{Codes, Storage};
use crate::error::Result;

/// The parts of the shaders that know how an input is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Inputs {
    F32,
    F16,
    /// Bytes that are the values.
    Bytes,
    /// Bytes with a scale and an offset a column.
    Columns,
}

impl Inputs {
    #[cfg(test)]
    pub(super) const ALL: [Self; 4] = [Self::F32, Self::F16, Self::Bytes, Self::Columns];

    pub(super) fn new(codes: &Codes) -> Self {
        match (codes.storage(), codes.columns()) {
            (Storage::F32, _) => Self::F32,
            (Storage::F16, _) => Self::F16,
            (Storage::U8, None) => Self::Bytes,
            (Storage::U8, Some(_)) => Self::Columns,
        }
    }

    /// The part of `leaf_sums` and `predict` that reads them.
    pub(super) fn read(self) -> &'static str {
        match self {
            Self::F32 => include_str!("../../shaders/parts/storage_f32.wgsl"),
            Self::F16 => include_str!("../../shaders/parts/storage_f16.wgsl"),
            Self::Bytes => include_str!("../../shaders/parts/storage_bytes.wgsl"),
            Self::Columns => include_str!("../../shaders/parts/storage_u8.wgsl"),
        }
    }

    /// The part of `synthetic` that writes them.
    pub(super) fn written(self) -> &'static str {
        match self {
            Self::F32 => include_str!("../../shaders/parts/synthetic_f32.wgsl"),
            Self::F16 => include_str!("../../shaders/parts/synthetic_f16.wgsl"),
            Self::Bytes | Self::Columns => include_str!("../../shaders/parts/synthetic_u8.wgsl"),
        }
    }
}

/// The scales and offsets of the columns, where the shaders need them: (I padded to vec4, 2), 0 where
/// a column only pads a row.
pub(super) fn columns(device: &mut Device, codes: &Codes) -> Result<Option<wgpu::Buffer>> {
    let Some(columns) = codes.columns() else {
        return Ok(None);
    };
    let mut floats = Vec::with_capacity(2 * columns.len().next_multiple_of(4));
    for vector in columns.chunks(4) {
        let mut scales_and_offsets = [0.0; 8];
        for (at, column) in vector.iter().enumerate() {
            scales_and_offsets[at] = column.scale;
            scales_and_offsets[4 + at] = column.offset;
        }
        floats.extend(scales_and_offsets);
    }
    let buffer = device.storage("columns", floats.len())?;
    device.write(&buffer, 0, bytemuck::cast_slice(&floats));
    Ok(Some(buffer))
}
