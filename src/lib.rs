//! Trains neural networks on any GPU with wgpu and WGSL, and proves each result against a float64
//! reference on the CPU.
//!
//! It begins with the network of the article "Implementing the ANN training process in Python" by Vivek Pal
//! (GeeksforGeeks), one layer of sigmoid neurons, which the code calls the article's.
//!
//! ```
//! use neuralnet::{Dataset, Hardware, TrainConfig, train};
//!
//! // The article's three samples, and its settings.
//! let dataset = Dataset::article();
//! let trained = train(&dataset, &TrainConfig::article(), &Hardware::cpu())?;
//!
//! let prediction = trained.predict(&[1.0, 0.0, 1.0])[0];
//! assert!((prediction - 0.9897704).abs() < 5e-8);
//! # Ok::<(), neuralnet::Error>(())
//! ```
//!
//! # The network
//!
//! `inputs` are (N, I), `targets` (N, O), a weight (O, I), a bias (O); everything is row-major. Data
//! are f32. Parameters are f64 on the CPU, unless it is to compute in f32, and f32 on a GPU.
//!
//! ```text
//! z = x Wᵀ + b             pre-activation
//! y = f(z)                 prediction; f is the sigmoid 1 / (1 + exp(−z)), the softmax exp(z) / Σ exp(z), tanh z, or z
//! loss                     squared error ½ Σ (t − y)², or cross-entropy −Σ t ln y + (1 − t) ln(1 − y), of a
//!                          softmax −Σ t ln y; over the outputs; over the samples their sum or their mean
//! W ← W − learning_rate · dloss/dW, or what another optimizer makes of dloss/dW
//! ```
//!
//! Without a bias, with the summed squared error and a learning rate of 1, this is the article's
//! `weights += inputsᵀ · (error · y · (1 − y))`. An *iteration* is one such update, from all samples or
//! from a mini-batch.
//!
//! # The way of the data
//!
//! A data set of [`data`] is any block of rows on demand. [`train`](mod@train) poses a [`backend::Problem`] to a
//! [`backend::Backend`], [`cpu`] or [`gpu`], and loops over it. Both sum over [`leaves`] of rows in one fixed tree, so
//! the same run gives the same bits. A [`model`] keeps the trained network, and [`metrics`] measures it.
//! [`validate`](mod@validate) compares one backend with the other, and puts an a-priori bound beside each error.

pub mod atomic_file;
pub mod backend;
pub mod cpu;
pub mod data;
mod engine;
pub mod error;
pub mod gpu;
pub mod leaves;
pub mod metrics;
pub mod model;
mod moments;
pub mod network;
pub mod objective;
pub mod optimizer;
mod parts;
mod precision;
pub mod predictor;
pub mod random;
mod simd;
mod submission_size;
mod tensors;
pub mod train;
pub mod validate;

pub use data::{ClassWeight, Classes, Dataset, Rule, Scaling, Storage, Synthetic, TargetScaling};
pub use error::{Error, Result};
pub use gpu::{Adapter, GpuOptions};
pub use metrics::{Metrics, measure};
pub use model::Model;
pub use network::Network;
pub use objective::{Loss, Reduction};
pub use optimizer::{Optimizer, Schedule};
pub use precision::Precision;
pub use predictor::Predictor;
pub use train::{
    BackendChoice, Hardware, Progress, StopReason, TrainConfig, Trained, Training, train,
};
pub use validate::{Proof, ReferenceChoice, validate};
