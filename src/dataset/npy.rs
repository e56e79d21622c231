//! NumPy's `.npy` files: a 2-D array of `<f4` in C order, mapped into memory and used where it lies.

mod header;
mod write;

pub(super) use header::MAGIC;
pub(super) use write::write;

use super::map;
use super::table::{Cells, InPlace, Kind, NOT_FINITE, Table};
use crate::error::{Error, Result};
use header::Header;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A `.npy` file whose header is read.
pub(super) struct Npy {
    path: PathBuf,
    names: Vec<String>,
    values: InPlace,
}

impl Npy {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let file = Arc::new(map::file(path, ".npy")?);
        let header = Header::read(&file).map_err(|problem| Error::Table {
            path: path.to_owned(),
            problem,
        })?;
        Ok(Self {
            path: path.to_owned(),
            names: (0..header.width).map(|column| column.to_string()).collect(),
            values: InPlace {
                file,
                offset: header.offset,
                width: header.width,
                n_rows: header.n_samples,
            },
        })
    }
}

impl Table for Npy {
    fn names(&self) -> &[String] {
        &self.names
    }

    /// Where texts are asked for, which numbers become as they are written in the fewest digits.
    fn read(&mut self, wanted: &[(usize, Kind)]) -> Result<Cells> {
        let mut cells = Cells {
            n_rows: self.values.n_rows,
            n_empty: vec![0; wanted.len()],
            texts: vec![Vec::new(); wanted.len()],
            ..Cells::default()
        };
        let mut codes = vec![HashMap::new(); wanted.len()];
        let rows = self.values.values().chunks_exact(self.values.width);
        for (row, values) in rows.enumerate() {
            for (slot, (column, kind)) in wanted.iter().enumerate() {
                let value = values[*column];
                if !value.is_finite() {
                    let name = &self.names[*column];
                    return Err(Error::Table {
                        path: self.path.clone(),
                        problem: format!("row {row}, column `{name}`: {value} {NOT_FINITE}"),
                    });
                }
                cells.values.push(match kind {
                    Kind::Number | Kind::Either => value,
                    Kind::Text => {
                        let texts = &mut cells.texts[slot];
                        *codes[slot]
                            .entry((value + 0.0).to_bits())
                            .or_insert_with(|| {
                                texts.push((value + 0.0).to_string());
                                #[expect(
                                    clippy::cast_precision_loss,
                                    reason = "there are far fewer"
                                )]
                                let code = (texts.len() - 1) as f32;
                                code
                            })
                    }
                });
            }
        }
        Ok(cells)
    }

    fn in_place(&self) -> Option<InPlace> {
        Some(self.values.clone())
    }
}
