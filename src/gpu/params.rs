//! The uniforms of the kernels: structs whose layout the host and the shaders agree on.

/// Most updates recorded at once, and those that the history has room for.
pub(super) const MAX_UPDATES: usize = 1024;
/// What stands where the loss of an update is to come: a NaN that no arithmetic gives. Some drivers end what takes them long
/// and call it finished.
pub(super) const UNWRITTEN: f32 = f32::from_bits(0x7FC0_ABCD);
/// Bytes from the uniform of one update to that of the next: every device takes multiples of them as dynamic offsets.
pub(super) const UNIFORM_STRIDE: usize = 256;

/// Converts a count that a binding of less than 2³² bytes bounds.
pub(super) fn to_u32(n: usize) -> u32 {
    u32::try_from(n).expect("counts within one binding fit 32 bits")
}

/// Uniform of `leaf_sums`, `one_leaf` and `predict`.
#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
pub(super) struct ChunkParams {
    /// Rows of the chunk.
    pub(super) n_samples: u32,
    /// Number of the chunk's first leaf in its page of sums.
    pub(super) first_leaf: u32,
    /// Updates to make, in `one_leaf` only.
    pub(super) n_iterations: u32,
    /// Learning rate times the scale of the reduction, in `one_leaf` only; 0 for no update.
    pub(super) rate: f32,
}

/// Uniform of the kernels of dense networks: a block of rows.
#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
pub(super) struct BlockParams {
    /// Rows of the block.
    pub(super) n_rows: u32,
    /// Number of the block's first row in its chunk.
    pub(super) first_row: u32,
    /// Number of the block's first leaf in its page of sums.
    pub(super) first_leaf: u32,
    pub(super) rows_per_leaf: u32,
    /// The place of the block's first row among all, or in its batch, in two words.
    pub(super) place_low: u32,
    pub(super) place_high: u32,
    /// vec4 of the sums of a leaf.
    pub(super) leaf_width: u32,
    pub(super) _pad: u32,
}

/// A layer; `common/layer.wgsl` says what each field means.
#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
pub(super) struct LayerParams {
    pub(super) number: u32,
    pub(super) outputs: u32,
    pub(super) input_width: u32,
    pub(super) output_width: u32,
    pub(super) weight_at: u32,
    pub(super) bias_at: u32,
    pub(super) has_bias: u32,
    pub(super) first_tile: u32,
}

/// The units that an update goes without; `common/mask.wgsl` says what each field means.
#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
pub(super) struct MaskParams {
    pub(super) key: [u32; 2],
    pub(super) threshold: u32,
    pub(super) scale: f32,
}

impl MaskParams {
    /// No unit is missing.
    pub(super) const ALL: Self = Self {
        key: [0; 2],
        threshold: 0,
        scale: 1.0,
    };
}

/// Uniform of `fold`.
#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
pub(super) struct FoldParams {
    /// Nodes to fold.
    pub(super) n_nodes: u32,
    /// vec4 of a node.
    pub(super) n_columns: u32,
    /// Number of the first node that is written.
    pub(super) first_folded: u32,
    /// Columns of the parameters that are updated.
    pub(super) n_trained: u32,
    /// Learning rate times the scale of the reduction; 0 for no update.
    pub(super) rate: f32,
    pub(super) _pad: [u32; 3],
}

/// Uniform of `norms` and `optimizer`; `common/update.wgsl` says what each field means.
#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
pub(super) struct RuleParams {
    pub(super) scale: f32,
    pub(super) rate: f32,
    pub(super) square_scale: f32,
    pub(super) decay: f32,
    pub(super) momentum: f32,
    pub(super) threshold: f32,
    pub(super) l2: f32,
    pub(super) clip_norm: f32,
    pub(super) number: u32,
    pub(super) average_gain: f32,
    pub(super) _pad: [u32; 2],
}

/// What `small_network` has in its uniform for each update.
#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
pub(super) struct SmallUpdateParams {
    pub(super) rule: RuleParams,
    pub(super) mask: MaskParams,
    /// Rows of the update.
    pub(super) n_rows: u32,
    /// Place of the first of them among the numbers of rows.
    pub(super) first_row: u32,
    pub(super) _pad: [u32; 2],
}

/// The uniform of `small_network` before its updates.
#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
pub(super) struct SmallUpdatesParams {
    pub(super) n_updates: u32,
    pub(super) _pad: [u32; 3],
}

/// A segment of `batch_rows`, which says what each field means.
#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
pub(super) struct SegmentParams {
    pub(super) n_samples: u32,
    pub(super) first_place: u32,
    pub(super) n_places: u32,
    pub(super) batch_size: u32,
    pub(super) stride: u32,
    pub(super) half_bits: u32,
    pub(super) key_0: u32,
    pub(super) key_1: u32,
    pub(super) rows_at: u32,
    pub(super) _pad: [u32; 3],
}

/// Uniform of `synthetic`.
#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
pub(super) struct SyntheticParams {
    /// Rows of the chunk.
    pub(super) n_samples: u32,
    pub(super) rows_per_leaf: u32,
    pub(super) n_inputs: u32,
    pub(super) seed: u32,
    /// A noise word below this flips the label.
    pub(super) flip_below: u32,
    /// Number of the chunk's first row among all, in two words.
    pub(super) first_row_low: u32,
    pub(super) first_row_high: u32,
    /// What the rule compares with.
    pub(super) threshold: i32,
}

/// Uniform of `fma`.
#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
pub(super) struct FmaParams {
    /// Trips of the loop.
    pub(super) n_trips: u32,
    /// What each step multiplies by.
    pub(super) factor: f32,
    /// What each step adds.
    pub(super) term: f32,
    pub(super) _pad: u32,
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::kernel::Kernel;
    use super::{
        BlockParams, ChunkParams, FmaParams, FoldParams, LayerParams, MaskParams, RuleParams,
        SegmentParams, SmallUpdateParams, SmallUpdatesParams, SyntheticParams,
    };
    use naga::{AddressSpace, TypeInner};
    use std::mem::{offset_of, size_of};

    /// The size of a struct, and name and offset of its fields.
    macro_rules! layout {
        ($params:ident: $($field:ident)+) => {
            (size_of::<$params>(), vec![$((stringify!($field), offset_of!($params, $field))),+])
        };
    }

    /// Size, and name and offset of what the host writes into the `Params` of a kernel.
    fn params(kernel: &Kernel) -> (usize, Vec<(&'static str, usize)>) {
        match kernel.name {
            "fold" => layout!(FoldParams: n_nodes n_columns first_folded n_trained rate),
            "fma" => layout!(FmaParams: n_trips factor term),
            "dense_forward" | "dense_backward" | "dense_gradient" | "output_gradient"
            | "output_predictions" | "leaf_losses" => {
                layout!(BlockParams: n_rows first_row first_leaf rows_per_leaf place_low place_high
                leaf_width)
            }
            "synthetic" => {
                layout!(SyntheticParams: n_samples rows_per_leaf n_inputs seed flip_below
                first_row_low first_row_high threshold)
            }
            _ => layout!(ChunkParams: n_samples first_leaf n_iterations rate),
        }
    }

    /// Asserts that `module`, the text of `kernel`, declares what the host fills as the host fills it: every uniform, and
    /// the structs that a buffer has many of.
    pub(in crate::gpu) fn assert_params(kernel: &Kernel, module: &naga::Module) {
        for (_, variable) in module.global_variables.iter() {
            if variable.space == AddressSpace::Uniform {
                let of_type = match module.types[variable.ty].inner {
                    TypeInner::Array { base, .. } => base,
                    _ => variable.ty,
                };
                let name = module.types[of_type].name.as_deref();
                let is_known = name.is_some_and(|name| {
                    ["Params", "Layer", "Rule", "Mask", "Updates"].contains(&name)
                });
                assert!(is_known, "{}: a uniform is {name:?}", kernel.name);
            }
        }
        for (_, of_type) in module.types.iter() {
            let (Some(name), TypeInner::Struct { members, span }) = (&of_type.name, &of_type.inner)
            else {
                continue;
            };
            let (size, fields) = match name.as_str() {
                "Params" => params(kernel),
                "Rule" => {
                    layout!(RuleParams: scale rate square_scale decay momentum threshold l2
                    clip_norm number average_gain)
                }
                "Layer" if kernel.name != "small_network" => {
                    layout!(LayerParams: number outputs input_width output_width weight_at bias_at
                    has_bias first_tile)
                }
                "Mask" => layout!(MaskParams: key threshold scale),
                "Segment" => {
                    layout!(SegmentParams: n_samples first_place n_places batch_size stride
                    half_bits key_0 key_1 rows_at)
                }
                "Update" => layout!(SmallUpdateParams: rule mask n_rows first_row),
                "Updates" => {
                    let (head, mut fields) = layout!(SmallUpdatesParams: n_updates);
                    fields.push(("list", head));
                    // The span is that of its list.
                    (*span as usize, fields)
                }
                // The host fills none of it.
                _ => continue,
            };
            let named = members
                .iter()
                .map(|member| (member.name.as_deref().unwrap(), member.offset as usize))
                .filter(|(name, _)| !name.starts_with("_pad"));
            assert_eq!(*span as usize, size, "{}: {name}", kernel.name);
            assert_eq!(named.collect::<Vec<_>>(), fields, "{}: {name}", kernel.name);
        }
    }
}
