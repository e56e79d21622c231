//! The options of the GPU backend.

/// How the GPU is used. The bits of the results depend neither on the chunks, nor on streaming, nor on who makes
/// the rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GpuOptions {
    /// Most bytes of the inputs of one chunk of the data, of its targets, and of one page of the sums of its leaves; `None`
    /// takes what one binding of the device can hold, and of the sums 64 MiB.
    pub max_chunk_bytes: Option<u64>,
    /// Most bytes of the training samples on the device at any time; samples beyond that stream in every iteration.
    /// `None` takes what the device grants. Held-out samples may take up to the same number of bytes besides, and
    /// mini-batches and predictions take some MiB more.
    pub max_device_bytes: Option<u64>,
    /// Whether the lanes of a row exchange their sums through workgroup memory even if the
    /// adapter has subgroups.
    pub without_subgroups: bool,
    /// Whether synthetic rows are made by the host and uploaded, as the rows of a file are, not made by the
    /// device itself.
    pub rows_from_host: bool,
    /// Whether the shaders are compiled with their loops as they are written, not written out: to measure
    /// whether a driver unrolls them itself. A software adapter refuses it, as such loops may make more trips
    /// than Mesa's runs (65,535 an invocation), and it would stop them without an error.
    pub keep_loops: bool,
}
