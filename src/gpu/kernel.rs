//! A kernel as text, with its bindings.

use super::unroll::unrolled;

/// How a shader sees a buffer. Binding n of group 0 is the n-th of a kernel's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Binding {
    Uniform,
    Read,
    ReadWrite,
    /// Some bytes of a uniform buffer, from a dynamic offset on.
    UniformAt(u64),
    /// Some bytes of a buffer that is read, from a dynamic offset on.
    ReadAt(u64),
}

impl Binding {
    /// What a shader sees of it: dynamic offsets are the host's alone.
    #[cfg(test)]
    pub(super) fn without_offset(self) -> Self {
        match self {
            Self::UniformAt(_) => Self::Uniform,
            Self::ReadAt(_) => Self::Read,
            other => other,
        }
    }
}

/// A kernel as text. Its name is the stem of its file and of its label.
#[derive(Clone, Debug)]
pub(super) struct Kernel {
    pub(super) name: &'static str,
    pub(super) wgsl: String,
    pub(super) bindings: Vec<Binding>,
}

impl Kernel {
    /// Whether a device with `limits` binds all its buffers. Metal limits the storage and uniform buffers together.
    pub(super) fn is_within(&self, limits: &wgpu::Limits) -> bool {
        let is_storage = |it: &&Binding| !matches!(it, Binding::Uniform | Binding::UniformAt(_));
        let n_storage = self.bindings.iter().filter(is_storage).count();
        let most = limits.max_buffers_and_acceleration_structures_per_shader_stage;
        n_storage <= limits.max_storage_buffers_per_shader_stage as usize
            && self.bindings.len() <= most as usize
    }

    /// The text with its marked loops written out.
    pub(super) fn unrolled(&self) -> String {
        unrolled(&self.wgsl).unwrap_or_else(|problem| panic!("{}: {problem}", self.name))
    }
}

/// The definitions of constants that are counts.
pub(super) fn constants<const N: usize>(constants: [(&str, usize); N]) -> String {
    let definitions = constants.map(|(name, value)| format!("const {name} = {value}u;\n"));
    definitions.concat()
}

/// Includes files of `shaders/`, one after the other.
macro_rules! shaders {
    ($($file:literal),+) => { concat!($(include_str!(concat!("../../shaders/", $file)), "\n"),+) };
}

pub(super) use shaders;

/// `part` with its binding number `was` as number `is`.
pub(super) fn renumbered(part: &str, was: usize, is: usize) -> String {
    part.replace(&format!("@binding({was})"), &format!("@binding({is})"))
}
