//! The columns of a file of Arrow's types: which there are, and their cells.

use crate::error::{Unplaced, shown};
use crate::npy::MAX_COLUMNS;
use crate::reader::{Batch, Columns, Kind};
use crate::values::plain;
use arrow_array::ArrayRef;
use arrow_schema::{DataType, Schema, SchemaRef};

/// The columns of a schema, one of each field.
#[derive(Debug)]
pub(crate) struct Layout {
    pub(crate) columns: Columns,
    schema: SchemaRef,
}

impl Layout {
    /// The columns of `schema`; one that pandas marks as an index is hidden, and so is one that cannot be read.
    pub(crate) fn new(schema: SchemaRef) -> Unplaced<Self> {
        let fields = schema.fields();
        if !(1..=MAX_COLUMNS).contains(&fields.len()) {
            return Err(format!(
                "has {} columns, and 1 to {MAX_COLUMNS} are needed; if it lies on its side, transpose it",
                fields.len()
            ));
        }
        let names = fields.iter().map(|field| field.name().clone());
        let mut columns = Columns::named(names.collect());
        let indices = pandas_indices(&schema);
        for (at, field) in fields.iter().enumerate() {
            let (name, data_type) = (shown(&columns.names[at]), field.data_type());
            if let Some(extension) = field.extension_type_name()
                && is_flat(data_type)
            {
                let notice = format!(
                    "column `{name}` is of the type `{}`, which is taken as the {data_type} that it is kept as",
                    shown(extension)
                );
                columns.notices.push(notice);
            }
            let notice = match (is_flat(data_type), indices.contains(field.name())) {
                (true, false) => continue,
                (true, true) => {
                    format!("the index `{name}` that pandas keeps is a feature only if asked for")
                }
                (false, _) => format!(
                    "column `{name}` is left out: it is of type {data_type}, and not of numbers or texts"
                ),
            };
            columns.is_hidden[at] = true;
            columns.notices.push(notice);
        }
        Ok(Self { columns, schema })
    }

    /// The fields of the columns `wanted`, each once and in the order of the file.
    ///
    /// # Errors
    /// What is wrong with a column whose cells are neither numbers nor texts.
    pub(crate) fn fields(&self, wanted: &[(usize, Kind)]) -> Unplaced<Vec<usize>> {
        let mut fields: Vec<usize> = wanted.iter().map(|(column, _)| *column).collect();
        fields.sort_unstable();
        fields.dedup();
        let of = |field: usize| self.schema.field(field).data_type();
        match fields.iter().find(|field| !is_flat(of(**field))) {
            None => Ok(fields),
            Some(field) => Err(format!(
                "column `{}` is of type {}, and each cell has to be one number or one text; leave it out, or make a column of each of its parts",
                shown(&self.columns.names[*field]),
                of(*field)
            )),
        }
    }

    /// The columns `wanted` of the rows from `first_row` on, of which `arrays` are those of the
    /// [`fields`](Self::fields).
    pub(crate) fn batch(
        &self,
        wanted: &[(usize, Kind)],
        arrays: &[ArrayRef],
        first_row: usize,
    ) -> Unplaced<Batch> {
        let fields = self.fields(wanted)?;
        let columns = wanted.iter().map(|(column, _)| {
            let at = fields.binary_search(column).unwrap_or_default();
            plain(arrays.get(at).ok_or("a column is not there")?).map_err(|error| {
                format!("column `{}` {error}", shown(&self.columns.names[*column]))
            })
        });
        let n_rows = arrays.first().map_or(0, |array| array.len());
        let columns = columns.collect::<Unplaced<_>>()?;
        Ok(Batch::without_lines(columns, n_rows, first_row))
    }
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

/// Whether each cell of a column of this type is one number or one text.
fn is_flat(data_type: &DataType) -> bool {
    !data_type.is_nested() && !matches!(data_type, DataType::FixedSizeBinary(_))
}

#[cfg(test)]
mod tests {
    use super::Layout;
    use crate::reader::Kind;
    use arrow_schema::{DataType, Field, Schema};
    use std::collections::HashMap;
    use std::sync::Arc;

    #[test]
    fn columns_are_named_once_and_indices_and_nested_ones_hidden() {
        let item = Field::new("item", DataType::Float32, true);
        let types = [
            ("a", DataType::Int64),
            ("a", DataType::Utf8),
            ("l", DataType::List(item.into())),
            ("", DataType::Int8),
            ("i", DataType::Int64),
        ];
        let fields = types.map(|(name, data_type)| Field::new(name, data_type, true));
        let pandas = r#"{"index_columns": ["i", {"kind": "range"}], "columns": []}"#;
        let metadata = HashMap::from([("pandas".to_owned(), pandas.to_owned())]);
        let schema = Schema::new_with_metadata(fields.to_vec(), metadata);
        let layout = Layout::new(Arc::new(schema)).unwrap();
        let columns = &layout.columns;
        assert_eq!(columns.names, ["a", "a_2", "l", "#4", "i"]);
        assert_eq!(columns.is_hidden, [false, false, true, true, true]);
        let notices = columns.notices.join("\n");
        assert_eq!(columns.notices.len(), 4, "{notices}");
        assert!(
            notices.contains("column `l` is left out: it is of type List(Float32"),
            "{notices}"
        );
        let wanted = [(4, Kind::Inferred), (0, Kind::Inferred), (4, Kind::Text)];
        assert_eq!(layout.fields(&wanted), Ok(vec![0, 4]));
        let refused = layout.fields(&[(2, Kind::Inferred)]).unwrap_err();
        assert!(
            refused.starts_with("column `l` is of type List"),
            "{refused}"
        );
    }
}
