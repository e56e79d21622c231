//! The forward pass of a network as a whole: what a device predicts from the data is compared with what the reference
//! predicts from them, while the bound of that says something. It grows with every layer.

use super::bound::running;
use super::check::compared;
use super::check::{Check, Vacuous};
use crate::backend::{Backend, Predictions, Problem};
use crate::error::Result;
use std::ops::Range;

/// The last pre-activations and the predictions, of a device and of the reference.
pub(super) struct EndToEnd<'a> {
    reference: &'a mut dyn Backend,
    quantities: [Quantity; 2],
}

#[derive(Debug)]
struct Quantity {
    check: Check,
    /// The largest magnitude of a value of the reference.
    largest: f64,
    /// The widest bound; infinite too where one is no number.
    widest: f64,
}

impl<'a> EndToEnd<'a> {
    pub(super) fn new(reference: &'a mut dyn Backend) -> Self {
        let names = ["z from the data", "prediction from the data"];
        let quantities = names.map(|name| Quantity {
            check: Check::of(name, []),
            largest: 0.0,
            widest: 0.0,
        });
        Self {
            reference,
            quantities,
        }
    }

    /// Compares the predictions `found` of the rows `rows` with those of the reference, both at `parameters`, which f32
    /// holds.
    pub(super) fn extend(
        &mut self,
        problem: &Problem<'_>,
        parameters: &[f64],
        rows: Range<usize>,
        found: &Predictions,
    ) -> Result<()> {
        let expected = self.reference.predict(rows.clone())?;
        let bounds = running(problem, parameters, 0, rows);
        let [z, y] = &mut self.quantities;
        z.extend(
            &found.pre_activation,
            &expected.pre_activation,
            &bounds.pre_activation,
        );
        y.extend(&found.prediction, &expected.prediction, &bounds.prediction);
        Ok(())
    }

    /// The checks whose bounds say something, and the others.
    pub(super) fn finish(self) -> (Vec<Check>, Vec<Vacuous>) {
        let (mut checks, mut vacuous) = (Vec::new(), Vec::new());
        for Quantity {
            check,
            largest,
            widest,
        } in self.quantities
        {
            match widest < largest {
                true => checks.push(check),
                false => vacuous.push(Vacuous {
                    iteration: check.iteration,
                    quantity: check.quantity,
                    bound: widest,
                    value: largest,
                }),
            }
        }
        (checks, vacuous)
    }
}

impl Quantity {
    fn extend(&mut self, found: &[f64], expected: &[f64], bounds: &[f64]) {
        self.check.extend(compared(found, expected, bounds));
        for (value, bound) in expected.iter().zip(bounds) {
            self.largest = self.largest.max(value.abs());
            let bound = if bound.is_nan() {
                f64::INFINITY
            } else {
                *bound
            };
            self.widest = self.widest.max(bound);
        }
    }
}
