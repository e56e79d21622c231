//! Tables for [`neuralnet`]: files to data sets and back.
mod error;
mod options;
mod reader;
mod format;
mod csv;
mod file;
mod npy;
mod npz;
mod idx;
mod parquet;
mod ipc;
mod write;

pub use error::{Error, Place, Remedy, Result};
pub use options::{ClassWeight, Impute, MISSING, ModelOptions, TableOptions, TextOptions};
