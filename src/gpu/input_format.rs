//! The formats in which the shaders read and make inputs.

use super::device::{Buffer, Device};
use crate::data::{Quantization, Storage};
use crate::error::Result;

/// How an input is stored on the device; it decides one part of each shader that reads or makes inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum InputFormat {
    /// Full precision.
    F32,
    /// Half precision.
    F16,
    /// Bytes that are the values themselves.
    U8,
    /// Bytes with a scale and an offset for each column.
    ScaledU8,
}

impl InputFormat {
    #[cfg(test)]
    pub(super) const ALL: [Self; 4] = [Self::F32, Self::F16, Self::U8, Self::ScaledU8];

    /// The format of the inputs that `quantization` describes.
    pub(super) fn new(quantization: &Quantization) -> Self {
        match (quantization.storage(), quantization.columns()) {
            (Storage::F32, _) => Self::F32,
            (Storage::F16, _) => Self::F16,
            (Storage::U8, None) => Self::U8,
            (Storage::U8, Some(_)) => Self::ScaledU8,
        }
    }

    /// The WGSL that reads inputs of this format.
    pub(super) fn reader(self) -> &'static str {
        match self {
            Self::F32 => include_str!("../../shaders/common/inputs_f32.wgsl"),
            Self::F16 => include_str!("../../shaders/common/inputs_f16.wgsl"),
            Self::U8 => include_str!("../../shaders/common/inputs_u8.wgsl"),
            Self::ScaledU8 => include_str!("../../shaders/common/inputs_u8_scaled.wgsl"),
        }
    }

    /// The WGSL of `synthetic` that writes inputs of this format.
    pub(super) fn writer(self) -> &'static str {
        match self {
            Self::F32 => include_str!("../../shaders/common/synthetic_f32.wgsl"),
            Self::F16 => include_str!("../../shaders/common/synthetic_f16.wgsl"),
            Self::U8 | Self::ScaledU8 => include_str!("../../shaders/common/synthetic_u8.wgsl"),
        }
    }
}

/// The scales and offsets of the columns as [`InputFormat::ScaledU8`] needs them, `None` for every other
/// format: for each vec4 of a row four scales, then four offsets, all 0 where a column only pads the row.
pub(super) fn scales_and_offsets(
    device: &Device,
    quantization: &Quantization,
) -> Result<Option<Buffer>> {
    let Some(columns) = quantization.columns() else {
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
