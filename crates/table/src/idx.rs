//! IDX files, as MNIST and Fashion-MNIST come in: pictures in one file, their labels in another, each compressed by
//! gzip where its name ends in `.gz`.
//!
//! Two zeros, the type of the numbers, how many dimensions there are, their sizes, then the numbers, the most
//! significant byte first: <http://yann.lecun.com/exdb/mnist/>.

use super::map::{self, Bytes};
use super::npy::{Array, Element, ElementKind, MAX_COLUMNS, Placed, zeros};
use super::table::{Cells, Kind, Table};
use crate::error::{Error, Result};
use flate2::read::MultiGzDecoder;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The column of the labels.
const LABEL: &str = "label";

type Parsed<T> = std::result::Result<T, String>;

/// Pictures, and where their labels are.
pub(super) struct Idx {
    path: PathBuf,
    pictures: Unpacked,
    labels: Labels,
    names: Vec<String>,
}

enum Labels {
    Read(PathBuf, Unpacked),
    /// What was looked for.
    Missing(String),
}

/// A file's bytes, and what they are.
struct Unpacked {
    bytes: Bytes,
    element: Element,
    /// Byte of the first value.
    offset: usize,
    n_rows: usize,
    width: usize,
    n_dimensions: usize,
}

/// Opens the pictures in the file `path` with the labels in the file `labels`, or in the one beside it whose name
/// says `labels` where that of the pictures says `images`.
///
/// # Errors
/// Where one of the files cannot be read, or there are not as many labels as pictures. That there are no labels is
/// an error of who reads them.
pub(super) fn open(path: &Path, labels: Option<&Path>) -> Result<Idx> {
    let pictures = Unpacked::open(path)?;
    if pictures.n_dimensions < 2 {
        return Err(Error::table(
            path,
            "holds one number a row, as files of labels do; name the file of the pictures, and with --labels this one".to_owned(),
        ));
    }
    let labels = match labels.map(Path::to_owned).map_or_else(|| beside(path), Ok) {
        Err(reason) => Labels::Missing(reason),
        Ok(path) => {
            let labels = Unpacked::open(&path)?;
            labels
                .fit(&pictures)
                .map_err(|reason| Error::table(&path, reason))?;
            Labels::Read(path, labels)
        }
    };
    let pixels = (0..pictures.width).map(|column| column.to_string());
    Ok(Idx {
        path: path.to_owned(),
        names: pixels.chain([LABEL.to_owned()]).collect(),
        pictures,
        labels,
    })
}

/// The file of the labels, by the usual names; what was looked for, where there is none.
fn beside(path: &Path) -> std::result::Result<PathBuf, String> {
    const REMEDY: &str = "name the file of the labels with --labels";
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if !name.contains("images") {
        return Err(format!(
            "has no `images` in its name, which `labels` would replace; {REMEDY}"
        ));
    }
    let name = name.replace("images", "labels").replace("idx3", "idx1");
    let plain = name.strip_suffix(".gz").unwrap_or(&name);
    let names = [name.clone(), plain.to_owned(), format!("{plain}.gz")];
    let mut paths = names.iter().map(|name| path.with_file_name(name));
    paths
        .find(|path| path.exists())
        .ok_or_else(|| format!("has no `{plain}` or `{plain}.gz` beside it; {REMEDY}"))
}

impl Unpacked {
    fn open(path: &Path) -> Result<Self> {
        let packed = map::bytes(path, "IDX")?;
        let gzip = path.extension();
        let bytes = match gzip.is_some_and(|extension| extension.eq_ignore_ascii_case("gz")) {
            false => packed,
            true => {
                let mut bytes = Vec::new();
                let unpacked = MultiGzDecoder::new(&packed[..]).read_to_end(&mut bytes);
                unpacked.map_err(|error| {
                    Error::table(
                        path,
                        format!("cannot be unpacked ({error}); it is damaged, cut short, or no gzip file"),
                    )
                })?;
                Bytes::Read(bytes)
            }
        };
        Self::parse(bytes).map_err(|reason| Error::table(path, reason))
    }

    fn parse(bytes: Bytes) -> Parsed<Self> {
        let short = || "ends within its header: it is cut short; copy it again".to_owned();
        let &[0, 0, kind, n_dimensions] = bytes.first_chunk().ok_or_else(short)? else {
            return Err("does not begin as an IDX file; name one as MNIST comes in".to_owned());
        };
        let kind = match kind {
            0x08 => ElementKind::U8,
            0x09 => ElementKind::I8,
            0x0b => ElementKind::I16,
            0x0c => ElementKind::I32,
            0x0d => ElementKind::F32,
            0x0e => ElementKind::F64,
            _ => {
                return Err(format!(
                    "says that its numbers are of type {kind:#04x}, which the format does not have; copy it again"
                ));
            }
        };
        let offset = 4 + 4 * usize::from(n_dimensions);
        let sizes = bytes.get(4..offset).ok_or_else(short)?;
        let sizes = sizes.as_chunks().0.iter();
        let sizes: Vec<u32> = sizes.map(|size| u32::from_be_bytes(*size)).collect();
        let [n_rows, rest @ ..] = &sizes[..] else {
            return Err("says that it has no dimensions; copy it again".to_owned());
        };
        let (n_rows, element) = (
            *n_rows as usize,
            Element {
                kind,
                big_endian: true,
            },
        );
        let width = rest
            .iter()
            .try_fold(1, |width: usize, size| width.checked_mul(*size as usize));
        let promised = width
            .and_then(|width| width.checked_mul(n_rows)?.checked_mul(element.bytes()))
            .ok_or("says its sizes are more bytes than can be counted; copy it again")?;
        let width = width.unwrap_or_default();
        if n_rows == 0 || width == 0 || width > MAX_COLUMNS {
            return Err(format!(
                "says its sizes are {sizes:?}, and at least one row of 1 to {MAX_COLUMNS} numbers is needed"
            ));
        }
        let there = bytes.len() - offset;
        if there != promised {
            return Err(format!(
                "says its sizes are {sizes:?}, {promised} bytes of values, and holds {there}: {}",
                if there < promised {
                    "it is cut short; copy it again"
                } else {
                    "something else follows; copy it again"
                }
            ));
        }
        Ok(Self {
            bytes,
            element,
            offset,
            n_rows,
            width,
            n_dimensions: sizes.len(),
        })
    }

    /// Whether these are the labels of `pictures`.
    fn fit(&self, pictures: &Self) -> Parsed<()> {
        if self.width != 1 || self.n_rows != pictures.n_rows {
            return Err(format!(
                "holds {} rows of {} labels for {} pictures; one label each is needed",
                self.n_rows, self.width, pictures.n_rows
            ));
        }
        Ok(())
    }

    fn array(&self) -> Array<'_> {
        Array {
            values: &self.bytes[self.offset..],
            element: self.element,
            fortran_order: false,
            first_row: 0,
            n_rows: self.n_rows,
            all_rows: self.n_rows,
            width: self.width,
        }
    }
}

impl Table for Idx {
    fn names(&self) -> &[String] {
        &self.names
    }

    fn read(&mut self, wanted: &[(usize, Kind)]) -> Result<Cells> {
        let (n_pixels, width) = (self.pictures.width, wanted.len());
        let of_pictures = |reason| Error::table(&self.path, reason);
        let mut values = zeros(self.pictures.n_rows, width).map_err(of_pictures)?;
        let mut texts = vec![Vec::new(); width];
        let placed = wanted.iter().copied().enumerate();
        let (pixels, labels): (Vec<Placed>, Vec<Placed>) =
            placed.partition(|(_, (column, _))| *column < n_pixels);
        let found = self
            .pictures
            .array()
            .read(&pixels, &self.names, &mut values, width);
        for ((place, _), found) in pixels.iter().zip(found.map_err(of_pictures)?) {
            texts[*place] = found;
        }
        for (place, (_, kind)) in labels {
            let (path, labels) = match &self.labels {
                Labels::Read(path, labels) => (path, labels),
                Labels::Missing(reason) => return Err(of_pictures(reason.clone())),
            };
            // Labels are classes unless numbers are asked for.
            let kind = match kind {
                Kind::Number => Kind::Number,
                Kind::Text | Kind::Either => Kind::Text,
            };
            let names = [LABEL.to_owned()];
            let found = labels
                .array()
                .read(&[(place, (0, kind))], &names, &mut values, width);
            let found = found.map_err(|reason| Error::table(path, reason))?;
            texts[place] = found.into_iter().next().unwrap_or_default();
        }
        Ok(Cells {
            n_rows: self.pictures.n_rows,
            values,
            texts,
            n_empty: vec![0; width],
            ..Cells::default()
        })
    }
}
