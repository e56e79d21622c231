//! The integration tests: one program, a module for each promise.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

mod article;
mod batches;
mod bench;
mod calls;
mod cases;
mod cli;
mod convergence;
mod csv;
mod determinism;
mod device_updates;
mod divergence;
mod dropout;
mod evaluate;
mod examples;
mod f32_range;
mod faults;
mod flags;
mod formats;
mod full_disk;
mod gradient;
mod gzip;
mod holdout;
#[cfg(unix)]
mod interrupt;
mod later_tables;
mod logits;
mod model;
mod network_gpu;
mod network_trajectories;
mod networks;
mod npy;
mod npy_large;
mod numpy;
mod objectives;
mod onnx;
mod optimizer;
#[cfg(unix)]
mod outputs;
mod precision;
mod predict;
mod predict_backend;
mod report;
mod resume;
mod rules;
mod sample_weights;
mod shapes;
mod start;
mod storage;
mod streaming;
mod table;
mod target_units;
mod terminal;
mod validate;
mod warm_start;
