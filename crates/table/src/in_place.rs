//! Numbers of a file as samples without a copy: used where they lie, so a file may be larger than the memory.

use crate::encoder::unfilled;
use crate::error::{Error, Place, Remedy, Result};
use crate::reader::{InPlace, Reader};
use crate::roles::Roles;
use crate::samples::reading;
use crate::targets::constant;
use neuralnet::Dataset;
use neuralnet::data::{Column, ColumnView, Encoded, Lines, scan_views};
use std::sync::Arc;
use std::time::Instant;

/// The columns of a table that become samples, and what is done with them.
pub(crate) struct Selection<'a> {
    pub(crate) source: &'a str,
    pub(crate) roles: &'a Roles,
    pub(crate) columns: &'a [Column],
    pub(crate) target_names: &'a [String],
    /// Whether something becomes of missing cells, so that they are not an error.
    pub(crate) fills: bool,
    /// Whether a network is to learn from the samples.
    pub(crate) is_training: bool,
}

impl Selection<'_> {
    /// The samples of the next rows of `reader`, `n_rows` at most, if the values of the file can be used as they are.
    /// `is_raw` says that no column is read as texts or classes, and no target has an offset.
    ///
    /// # Errors
    /// If a value is missing and nothing becomes of it, or not finite, or a target is the same in every row.
    pub(crate) fn in_place(
        &self,
        reader: &dyn Reader,
        n_rows: usize,
        is_raw: bool,
        start: Instant,
    ) -> Result<Option<Dataset>> {
        let is_plain = |column: &Column| {
            column.categories.is_none() && column.offset.abs() <= 0.0 && column.time.is_none()
        };
        let is_alone = self.roles.weight.is_none() && self.roles.passed.is_empty();
        if !is_raw || !is_alone || !self.columns.iter().all(is_plain) {
            return Ok(None);
        }
        let Some(values) = reader.in_place(n_rows) else {
            return Ok(None);
        };
        let (inputs, targets) = self.views(&values);
        let scanned = scan_views(&inputs, &targets, self.roles.targets.len());
        if let Some((row, used)) = scanned.not_finite {
            let column = self
                .roles
                .features
                .iter()
                .chain(&self.roles.targets)
                .nth(used);
            let column = *column.expect("a used column");
            let value = values.values.all()[row * values.width + column];
            let place = Place {
                row: Some(values.first_row + row),
                ..Place::of(self.source)
            };
            let place = place.column(&reader.columns().names[column]);
            return match (value.is_nan(), self.fills) {
                (true, true) => Ok(None),
                (true, false) if used < self.columns.len() && !self.is_training => {
                    Err(unfilled(place))
                }
                (true, false) if used < self.columns.len() => {
                    Err(Error::at(place, "the cell is missing").or(Remedy::new(
                        "impute",
                        "mean, median or zero",
                        "fills the missing cells of features",
                    )))
                }
                (true, false) => Err(Error::at(place, "the target is missing").or(Remedy::new(
                    "drop_missing_targets",
                    "true",
                    "leaves such rows out",
                ))),
                (false, _) => Err(Error::at(
                    place,
                    format!("{value} is not finite; every cell needs a finite number"),
                )),
            };
        }
        if self.is_training {
            self.refuse_constant(&values, reader)?;
        }
        Ok(Some(Dataset::from_encoded(Encoded {
            source: self.source.to_owned(),
            n_samples: values.values.all().len() / values.width,
            columns: self.columns.to_vec(),
            inputs,
            targets,
            target_names: self.target_names.to_vec(),
            target_offsets: Vec::new(),
            target_times: Vec::new(),
            classes: None,
            lines: Lines::default(),
            scanned: Some(scanned),
            notices: reader.columns().notices.clone(),
            reading: Some(reading(reader, start)),
        })))
    }

    /// Refuses a target that is the same in every row.
    fn refuse_constant(&self, values: &InPlace, reader: &dyn Reader) -> Result<()> {
        let all = values.values.all();
        let rows = || all.chunks_exact(values.width);
        let names = &reader.columns().names;
        for column in &self.roles.targets {
            let first = all[*column];
            // Ends at the first row that differs, which is the second as a rule.
            if all.len() > values.width && rows().all(|row| (row[*column] - first).abs() <= 0.0) {
                let others = self.roles.features.iter().map(|feature| &names[*feature]);
                return Err(constant(self.source, &names[*column], first.into(), others));
            }
        }
        Ok(())
    }

    fn views(&self, values: &InPlace) -> (ColumnView, ColumnView) {
        let view =
            |columns: &[usize]| ColumnView::new(Arc::clone(&values.values), values.width, columns);
        (view(&self.roles.features), view(&self.roles.targets))
    }
}
