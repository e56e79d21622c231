//! Tables in memory: Arrow's record batches, as other libraries hand them over.

use crate::error::{Error, Place, Result};
use crate::options::TableOptions;
use crate::reader::{Batch, Columns, Kind, Reader};
use crate::training::for_training;
use crate::values::plain;
use arrow_array::RecordBatch;
use neuralnet::Dataset;
use std::time::Instant;

/// Record batches whose rows are not read yet.
struct Batches {
    source: String,
    columns: Columns,
    rest: std::vec::IntoIter<RecordBatch>,
    n_rows: usize,
    n_bytes: u64,
}

/// Makes features and targets of the columns of `batches`, which all have the same schema; `source` is how errors call
/// them.
///
/// # Errors
/// If there is no batch, their schemas differ, or they are not such a table as `options` asks for; see [`Error`].
pub fn from_batches(
    source: &str,
    batches: Vec<RecordBatch>,
    options: &TableOptions,
) -> Result<Dataset> {
    let start = Instant::now();
    let fail = |reason: &str| Error::at(Place::of(source), reason);
    let schema = batches
        .first()
        .ok_or_else(|| fail("holds no batch; at least one is needed"))?
        .schema();
    if batches.iter().any(|batch| batch.schema() != schema) {
        return Err(fail("holds batches of different schemas; cast them to one"));
    }
    let names = schema
        .fields()
        .iter()
        .map(|field| field.name().clone())
        .collect();
    let mut batches = Batches {
        source: source.to_owned(),
        columns: Columns::named(names),
        n_bytes: batches
            .iter()
            .map(|batch| batch.get_array_memory_size() as u64)
            .sum(),
        rest: batches.into_iter(),
        n_rows: 0,
    };
    for_training(source, &mut batches, options, start)
}

impl Reader for Batches {
    fn columns(&self) -> &Columns {
        &self.columns
    }

    fn read(&mut self, wanted: &[(usize, Kind)], n_rows: usize) -> Result<Vec<Batch>> {
        let (mut batches, mut n_read) = (Vec::new(), 0);
        while n_read < n_rows
            && let Some(batch) = self.rest.next()
        {
            let columns = wanted.iter().map(|(column, _)| {
                plain(batch.column(*column)).map_err(|reason| {
                    let place = Place::of(&self.source);
                    Error::at(place.column(&self.columns.names[*column]), reason)
                })
            });
            let columns = columns.collect::<Result<_>>()?;
            batches.push(Batch::without_lines(columns, batch.num_rows(), self.n_rows));
            n_read += batch.num_rows();
            self.n_rows += batch.num_rows();
        }
        Ok(batches)
    }

    fn n_bytes(&self) -> u64 {
        self.n_bytes
    }
}

#[cfg(test)]
mod tests {
    use super::from_batches;
    use crate::options::{Impute, TableOptions};
    use arrow_array::{
        Array, ArrayRef, DictionaryArray, Float64Array, Int32Array, Int64Array, RecordBatch,
        StringArray, TimestampMillisecondArray, TimestampSecondArray, UInt64Array,
    };
    use neuralnet::Dataset;
    use std::sync::Arc;

    fn batch<const N: usize>(columns: [(&str, ArrayRef); N]) -> RecordBatch {
        RecordBatch::try_from_iter_with_nullable(columns.map(|(name, cells)| (name, cells, true)))
            .unwrap()
    }

    fn numbers(cells: &[f64]) -> ArrayRef {
        Arc::new(Float64Array::from(cells.to_vec()))
    }

    fn texts(cells: &[&str]) -> ArrayRef {
        let cells = cells.iter().map(|cell| (!cell.is_empty()).then_some(*cell));
        Arc::new(cells.collect::<StringArray>())
    }

    fn dictionary(cells: ArrayRef) -> ArrayRef {
        let keys = Int32Array::from_iter_values(0..i32::try_from(cells.len()).unwrap());
        Arc::new(DictionaryArray::new(keys, cells))
    }

    fn rows(dataset: &Dataset) -> (Vec<f32>, Vec<f32>) {
        let n = dataset.n_samples();
        let (mut x, mut t) = (
            vec![0.0; n * dataset.n_inputs()],
            vec![0.0; n * dataset.target_width()],
        );
        dataset.read(0..n, &mut x, &mut t);
        (x, t)
    }

    #[test]
    fn every_kind_of_column_becomes_features_and_targets() {
        let first = batch([
            (
                "t",
                Arc::new(TimestampSecondArray::from(vec![
                    1_700_000_000,
                    1_700_000_001,
                ])) as ArrayRef,
            ),
            ("port", texts(&["S", "C"])),
            ("age", numbers(&[f64::NAN, 20.0])),
            ("y", texts(&["no", "yes"])),
        ]);
        let second = batch([
            (
                "t",
                Arc::new(TimestampSecondArray::from(vec![1_700_000_002])) as ArrayRef,
            ),
            ("port", texts(&[""])),
            ("age", numbers(&[30.0])),
            ("y", texts(&["no"])),
        ]);
        let options = TableOptions {
            one_hot: vec!["port".to_owned()],
            impute: Some(Impute::Mean),
            ..TableOptions::default()
        };
        let dataset = from_batches("memory", vec![first, second], &options).unwrap();
        assert_eq!(dataset.input_names(), ["t", "port=C", "port=S", "age"]);
        let offset = dataset.columns()[0].offset;
        let (x, t) = rows(&dataset);
        let seconds: Vec<f64> = x
            .iter()
            .step_by(4)
            .map(|x| f64::from(*x) + offset)
            .collect();
        assert_eq!(seconds, [1_700_000_000.0, 1_700_000_001.0, 1_700_000_002.0]);
        assert_eq!(x[1..4], [0.0, 1.0, 25.0]);
        assert_eq!(x[9..12], [0.5, 0.5, 30.0]);
        assert_eq!(t, [0.0, 1.0, 0.0]);
    }

    #[test]
    fn a_dictionary_is_the_column_that_it_stands_for() {
        let times = TimestampMillisecondArray::from(vec![1500, 2500, 4000]);
        let table = |dictionary: &dyn Fn(ArrayRef) -> ArrayRef| {
            let table = batch([
                ("t", dictionary(Arc::new(times.clone()))),
                ("c", dictionary(numbers(&[1.0, f64::NAN, 2.0]))),
                ("w", dictionary(numbers(&[1.0, 1.0, 2.0]))),
                ("y", dictionary(numbers(&[10.0, 20.0, 40.0]))),
            ]);
            let options = TableOptions {
                one_hot: vec!["c".to_owned()],
                impute: Some(Impute::Zero),
                sample_weight: Some("w".to_owned()),
                ..TableOptions::default()
            };
            rows(&from_batches("memory", vec![table], &options).unwrap())
        };
        let (x, t) = table(&dictionary);
        assert_eq!(x, [1.5, 1.0, 0.0, 2.5, 0.0, 0.0, 4.0, 0.0, 1.0]);
        assert_eq!((x, t), table(&|cells| cells));
    }

    #[test]
    fn integers_past_2_53_keep_their_differences() {
        const WIDE: i64 = (1 << 53) + 1;
        let ids = |ids: &[Option<i64>]| Arc::new(Int64Array::from(ids.to_vec())) as ArrayRef;
        let y = UInt64Array::from_iter_values((0..4).map(|y| (1 << 63) + y));
        let near = [Some(WIDE), Some(WIDE + 1), None, Some(WIDE + 5)];
        let far = [Some(WIDE), Some(-WIDE), Some(0), Some(7)];
        let table = batch([("x", ids(&near)), ("far", ids(&far)), ("y", Arc::new(y))]);
        let options = TableOptions {
            impute: Some(Impute::Mean),
            ..TableOptions::default()
        };
        let dataset = from_batches("memory", vec![table], &options).unwrap();
        let (x, t) = rows(&dataset);
        let x: Vec<f32> = x.iter().step_by(2).map(|cell| cell - x[0]).collect();
        assert_eq!(x, [0.0, 1.0, 2.0, 5.0], "the third is their mean");
        let steps: Vec<f32> = t.windows(2).map(|t| t[1] - t[0]).collect();
        assert_eq!(steps, [1.0, 1.0, 1.0]);
        let lost = |name: &str| {
            format!("column `{name}` has integers past 2^53, which become the nearest float64")
        };
        let told = dataset.notices().join("\n");
        assert!(
            told.contains("column `x` is kept as its difference from 900719925474099"),
            "{told}"
        );
        assert!(
            told.contains(&lost("far")) && !told.contains(&lost("x")),
            "{told}"
        );
    }

    #[test]
    fn rows_keep_their_numbers_when_others_are_left_out() {
        let table = |x: &[f64], y: &[f64]| batch([("x", numbers(x)), ("y", numbers(y))]);
        let tables = vec![
            table(&[1.0, 2.0], &[f64::NAN, 2.0]),
            table(&[3.0, 4.0, f64::NAN], &[f64::NAN, 4.0, 5.0]),
        ];
        let options = TableOptions {
            drop_missing_targets: true,
            ..TableOptions::default()
        };
        let refused = from_batches("memory", tables, &options)
            .unwrap_err()
            .to_string();
        assert!(
            refused.contains("row 4, column `x`: the cell is missing"),
            "{refused}"
        );
    }

    #[test]
    fn classes_keep_their_digits() {
        let sites = [16_777_216, 16_777_217, 16_777_300, 16_777_217];
        let table = batch([
            ("x", numbers(&[1.0, 2.0, 3.0, 4.0])),
            ("site", Arc::new(Int64Array::from(sites.to_vec()))),
        ]);
        let options = TableOptions {
            classes: true,
            ..TableOptions::default()
        };
        let dataset = from_batches("memory", vec![table], &options).unwrap();
        assert_eq!(
            dataset.classes().unwrap().names,
            ["16777216", "16777217", "16777300"]
        );
    }

    #[test]
    fn large_targets_keep_their_digits() {
        let y: Vec<f64> = (0..4).map(|row| 1e9 + 0.25 * f64::from(row)).collect();
        let table = batch([("x", numbers(&[1.0, 2.0, 3.0, 4.0])), ("y", numbers(&y))]);
        let dataset = from_batches("memory", vec![table], &TableOptions::default()).unwrap();
        let [offset] = *dataset.target_offsets() else {
            panic!("one target has an offset")
        };
        let t: Vec<f64> = rows(&dataset)
            .1
            .iter()
            .map(|t| f64::from(*t) + offset)
            .collect();
        assert_eq!(t, y);
    }

    #[test]
    fn doubtful_targets_are_refused() {
        let x = || ("x", numbers(&[1.0, 2.0, 3.0, 4.0]));
        for (target, part) in [
            (
                texts(&["$1,000", "$1,450", "$2,100", "$2,600"]),
                "row 0, column `y`: `$1,000` is a number written with `$` and `,`",
            ),
            (
                texts(&["1,5", "2,5", "3,5", "1"]),
                "`1,5` is a number written with `,`; write plain numbers, as 1234.5; `classes` true",
            ),
            (
                texts(&["01", "1", "2", "2"]),
                "`01` is a number with a leading zero, as codes have; `classes` true takes",
            ),
            (
                texts(&["no", "yes", "", "no"]),
                "row 2, column `y`: the target is missing (1 in 4 rows); `drop_missing_targets` true",
            ),
            (
                texts(&["", "", "", ""]),
                "memory: column `y`: the target is missing in every row; `targets` COLUMN names another target",
            ),
            (
                texts(&["a", "5", "a", "5"]),
                "row 0, column `y`: `a` is not a number, and other cells are, as `5` in row 1",
            ),
            (
                numbers(&[2.0, 2.0, 2.0, 2.0]),
                "column `y`: the target is 2 in every row",
            ),
            (texts(&["a", "a", "a", "a"]), "has one class alone, `a`"),
            (
                numbers(&[1.0, 1e300, 2.0, 3.0]),
                "1e300 is too large for f32",
            ),
            (
                numbers(&[1.0, f64::INFINITY, 2.0, 3.0]),
                "row 1, column `y`: the target is not finite",
            ),
            (
                dictionary(numbers(&[1.0, f64::NAN, 2.0, 3.0])),
                "row 1, column `y`: the target is missing (1 in 4 rows)",
            ),
        ] {
            let refused = from_batches(
                "memory",
                vec![batch([x(), ("y", target)])],
                &TableOptions::default(),
            );
            let refused = refused.unwrap_err().to_string();
            assert!(refused.contains(part), "{refused}");
        }
    }

    #[test]
    fn texts_and_gaps_of_features_are_refused_with_the_settings_that_help() {
        let y = || ("y", numbers(&[1.0, 2.0, 3.0, 4.0]));
        for (feature, part) in [
            (
                texts(&["S", "C", "", "S"]),
                "row 0, column `x`: `S` is not a number; `one_hot` x makes",
            ),
            (
                texts(&["S", "C", "Q", "S"]),
                "row 0, column `x`: `S` is not a number; `one_hot` x makes a feature",
            ),
            (
                texts(&["1", "2", "oops", "4"]),
                "row 2, column `x`: `oops` is not a number; `one_hot` x makes a feature of each of its texts; `drop` x",
            ),
            (
                texts(&["5%", "7%", "8%", "9%"]),
                "row 0, column `x`: `5%` is a number written with `%`; write plain numbers, as 1234.5; `drop` x leaves the column out",
            ),
            (
                numbers(&[1.0, f64::NAN, 2.0, f64::NAN]),
                "row 1, column `x`: the cell is missing (2 of `x` in all); `impute`",
            ),
            (
                numbers(&[1.0, f64::NEG_INFINITY, 2.0, 3.0]),
                "row 1, column `x`: the number is not finite",
            ),
        ] {
            let refused = from_batches(
                "memory",
                vec![batch([("x", feature), y()])],
                &TableOptions::default(),
            );
            let refused = refused.unwrap_err().to_string();
            assert!(refused.contains(part), "{refused}");
        }
    }
}
