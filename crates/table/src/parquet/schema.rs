//! The columns of a file of Arrow's types: which there are, and their cells.

use crate::error::{listed, shown};
use crate::npy::MAX_COLUMNS;
use crate::reader::{Batch, Columns, Kind};
use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, UInt64Array};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::{DataType, Schema};
use arrow_select::take::take;
use neuralnet::data::Lines;
use std::collections::HashSet;

type Parsed<T> = Result<T, String>;

/// The columns that are made of a schema's fields: one of each, or one of each element of its lists of one length.
#[derive(Debug)]
pub(crate) struct Layout {
    pub(crate) columns: Columns,
    parts: Vec<Part>,
}

/// What a column is made of.
#[derive(Debug)]
struct Part {
    field: usize,
    /// The place in the lists of the field.
    element: Option<usize>,
    /// What is wrong with the column, and what to do, if its cells are neither numbers nor texts.
    refused: Option<&'static str>,
}

impl Layout {
    /// The columns of `schema`; a column that pandas marks as an index is hidden, and so is one that cannot be read.
    pub(crate) fn new(schema: &Schema) -> Parsed<Self> {
        let indices = pandas_indices(schema);
        let (names, notices) = names(schema);
        let mut layout = Self {
            columns: Columns {
                notices,
                ..Columns::default()
            },
            parts: Vec::new(),
        };
        for (field, (name, of)) in names.into_iter().zip(schema.fields()).enumerate() {
            let refused = refused(of.data_type());
            let is_index = indices.contains(of.name());
            let is_hidden = is_index || of.name().is_empty() || refused.is_some();
            if is_index {
                let notice = format!(
                    "the index {} that pandas keeps is left out",
                    listed([&name])
                );
                layout.columns.notices.push(notice);
            }
            let n_elements = match of.data_type() {
                DataType::FixedSizeList(_, size) if refused.is_none() => {
                    usize::try_from(*size).ok()
                }
                _ => None,
            };
            if layout.parts.len() + n_elements.unwrap_or(1) > MAX_COLUMNS {
                return Err(format!(
                    "has more than {MAX_COLUMNS} columns; if it lies on its side, transpose it"
                ));
            }
            match n_elements {
                None => layout.push(
                    name,
                    is_hidden,
                    Part {
                        field,
                        element: None,
                        refused,
                    },
                ),
                Some(count) => (0..count).for_each(|element| {
                    let part = Part {
                        field,
                        element: Some(element),
                        refused,
                    };
                    layout.push(format!("{name}_{element}"), is_hidden, part);
                }),
            }
        }
        match layout.parts.is_empty() {
            true => Err("has no columns; write it again".to_owned()),
            false => Ok(layout),
        }
    }

    fn push(&mut self, name: String, is_hidden: bool, part: Part) {
        self.columns.names.push(name);
        self.columns.is_hidden.push(is_hidden);
        self.parts.push(part);
    }

    /// The fields that the columns `wanted` are made of, each once and in the order of the file.
    ///
    /// # Errors
    /// What is wrong with a column whose cells are neither numbers nor texts.
    pub(crate) fn fields(&self, wanted: &[(usize, Kind)]) -> Parsed<Vec<usize>> {
        let fields = wanted
            .iter()
            .map(|(column, _)| match self.parts[*column].refused {
                None => Ok(self.parts[*column].field),
                Some(reason) => Err(format!(
                    "column `{}` {reason}",
                    shown(&self.columns.names[*column])
                )),
            });
        let mut fields = fields.collect::<Parsed<Vec<usize>>>()?;
        fields.sort_unstable();
        fields.dedup();
        Ok(fields)
    }

    /// The columns `wanted` of the rows from `first_row` on, of which `arrays` are those of the fields `fields`.
    pub(crate) fn batch(
        &self,
        wanted: &[(usize, Kind)],
        fields: &[usize],
        arrays: &[ArrayRef],
        first_row: usize,
    ) -> Parsed<Batch> {
        let columns = wanted.iter().map(|(column, _)| {
            let part = &self.parts[*column];
            let at = fields
                .binary_search(&part.field)
                .map_err(|_| "a column is not there".to_owned())?;
            let made = match part.element {
                Some(element) => of_lists(&arrays[at], element),
                None => text_of_bytes(&arrays[at]),
            };
            made.map_err(|error| {
                format!("column `{}`: {error}", shown(&self.columns.names[*column]))
            })
        });
        Ok(Batch {
            columns: columns.collect::<Parsed<_>>()?,
            n_rows: arrays.first().map_or(0, |array| array.len()),
            first_row,
            lines: Lines::default(),
        })
    }
}

/// A name for each field, each once, and what is said of those that are not the file's.
fn names(schema: &Schema) -> (Vec<String>, Vec<String>) {
    let mut taken: HashSet<String> = schema
        .fields()
        .iter()
        .map(|field| field.name().clone())
        .collect();
    let (mut seen, mut notices) = (HashSet::new(), Vec::new());
    let names = schema.fields().iter().enumerate().map(|(at, field)| {
        let name = match field.name().as_str() {
            "" => format!("#{}", at + 1),
            name => name.to_owned(),
        };
        if seen.insert(name.clone()) {
            return name;
        }
        let mut others = (2..).map(|count: usize| format!("{name}_{count}"));
        let other = others
            .find(|other| taken.insert(other.clone()))
            .unwrap_or_default();
        notices.push(format!(
            "two columns are named {}: the second is called {}",
            listed([&name]),
            listed([&other])
        ));
        other
    });
    (names.collect(), notices)
}

/// The names of the columns that pandas keeps an index in, by its own description of the table.
fn pandas_indices(schema: &Schema) -> Vec<String> {
    /// <https://pandas.pydata.org/docs/development/developer.html>
    #[derive(serde::Deserialize)]
    struct Pandas {
        /// Names; an index that is counted and not kept is described by something else.
        index_columns: Vec<serde_json::Value>,
    }
    let text = schema.metadata().get("pandas");
    let pandas: Option<Pandas> = text.and_then(|text| serde_json::from_str(text).ok());
    let indices = pandas.into_iter().flat_map(|pandas| pandas.index_columns);
    indices
        .filter_map(|index| Some(index.as_str()?.to_owned()))
        .collect()
}

/// What is wrong with a column of this type, and what to do, if its cells are neither numbers nor texts.
fn refused(data_type: &DataType) -> Option<&'static str> {
    match data_type {
        DataType::FixedSizeBinary(_) => {
            Some("is of bytes; make it numbers or texts, or leave it out")
        }
        DataType::Dictionary(_, values) => refused(values),
        DataType::FixedSizeList(item, 1..)
            if item.data_type().is_primitive() || *item.data_type() == DataType::Boolean =>
        {
            None
        }
        data_type if data_type.is_nested() => Some(
            "is nested, and each cell has to be one number or one text; leave it out, or make a column of each of its parts",
        ),
        _ => None,
    }
}

/// The element at the place `element` of every list.
fn of_lists(lists: &ArrayRef, element: usize) -> Parsed<ArrayRef> {
    let lists = lists
        .as_fixed_size_list_opt()
        .ok_or("is not made of lists")?;
    let places = (0..lists.len()).map(|row| {
        let place = (lists.value_offset_at(row) + element) as u64;
        lists.is_valid(row).then_some(place)
    });
    let places: UInt64Array = places.collect();
    take(lists.values(), &places, None).map_err(|error| error.to_string())
}

/// Bytes without a type, as some programs write texts, as those; any other column as it is.
fn text_of_bytes(array: &ArrayRef) -> Parsed<ArrayRef> {
    let cells = match array.data_type() {
        DataType::Dictionary(_, values) => values,
        data_type => data_type,
    };
    match cells {
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => {
            let options = CastOptions {
                safe: false,
                ..CastOptions::default()
            };
            let texts = cast_with_options(array, &DataType::LargeUtf8, &options);
            texts.map_err(|_| {
                "is of bytes that are not texts; make it numbers or texts, or leave it out"
                    .to_owned()
            })
        }
        _ => Ok(array.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::Layout;
    use crate::reader::Kind;
    use arrow_schema::{DataType, Field, Schema};
    use std::collections::HashMap;

    #[test]
    fn columns_are_named_once_and_indices_and_nested_ones_hidden() {
        let item = || Field::new("item", DataType::Float32, true);
        let types = [
            ("a", DataType::Int64),
            ("a", DataType::Utf8),
            ("a_2", DataType::Boolean),
            ("v", DataType::FixedSizeList(item().into(), 2)),
            ("l", DataType::List(item().into())),
            ("", DataType::Int8),
            ("i", DataType::Int64),
        ];
        let fields = types.map(|(name, data_type)| Field::new(name, data_type, true));
        let pandas = r#"{"index_columns": ["i", {"kind": "range"}], "columns": []}"#;
        let metadata = HashMap::from([("pandas".to_owned(), pandas.to_owned())]);
        let layout = Layout::new(&Schema::new_with_metadata(fields.to_vec(), metadata)).unwrap();
        let columns = &layout.columns;
        assert_eq!(
            columns.names,
            ["a", "a_3", "a_2", "v_0", "v_1", "l", "#6", "i"]
        );
        let hidden: Vec<&String> = columns
            .names
            .iter()
            .zip(&columns.is_hidden)
            .filter(|(_, hidden)| **hidden)
            .map(|(name, _)| name)
            .collect();
        assert_eq!(hidden, ["l", "#6", "i"]);
        assert_eq!(columns.notices.len(), 2, "{:?}", columns.notices);
        assert_eq!(
            layout.fields(&[(4, Kind::Own), (0, Kind::Own)]),
            Ok(vec![0, 3])
        );
        assert!(
            layout
                .fields(&[(5, Kind::Own)])
                .is_err_and(|reason| reason.contains("is nested"))
        );
    }
}
