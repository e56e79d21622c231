//! NumPy's `.npy` files: arrays of any plain numbers; those of `<f4` in C order are used where they lie.

mod array;
mod element;
mod header;
mod table;
mod write;

pub(super) use array::{Array, Placed, zeros};
pub(super) use element::{Element, ElementKind};
pub(crate) use header::Header;
pub(super) use header::{MAGIC, MAX_COLUMNS};
pub(super) use table::open;
pub use write::write_npy;
