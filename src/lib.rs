//! x

pub mod backend;
pub mod cpu;
pub mod dataset;
pub mod error;
pub mod gpu;
pub mod leaves;
pub mod network;
pub mod objective;
pub mod train;
pub mod validate;

pub use dataset::{Dataset, Synthetic};
pub use error::{Error, Result};
pub use gpu::{Adapter, GpuOptions};
pub use network::Network;
pub use objective::{Loss, Reduction};
pub use train::{BackendChoice, Hardware, Progress, TrainConfig, Trained, Training, train};
pub use validate::{Validation, validate};
