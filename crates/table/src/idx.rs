//! IDX files, as MNIST and Fashion-MNIST come in: pictures in one file, their labels in another.
//!
//! Two zeros, the type of the numbers, how many dimensions there are, their sizes, then the numbers, the most
//! significant byte first: <http://yann.lecun.com/exdb/mnist/>.

use crate::error::{Error, Result, Unplaced};
use crate::file::{self, Bytes};
use crate::npy::{Array, Arrays, Element, Header};
use crate::reader::Columns;
use std::path::{Path, PathBuf};

/// Opens the pictures in the file `path` of these bytes with the labels in the file `labels`, or in the one beside it whose name
/// says `labels` where that of the pictures says `images`.
///
/// # Errors
/// If one of the files cannot be read, or there are not as many labels as pictures. That there are no labels is an
/// error for whoever reads them.
pub(crate) fn open(path: &Path, bytes: Bytes, labels: Option<&Path>) -> Result<Arrays> {
    let pictures = array(path, bytes)?;
    if pictures.header.shape.len() < 2 {
        return Err(Error::file(
            path,
            "holds one number a row, as files of labels do; name the file of the pictures, and this one as `labels`",
        ));
    }
    let (n_pictures, n_pixels) = (pictures.header.n_rows(), pictures.header.width());
    let names = (0..n_pixels).map(|column| column.to_string());
    let columns = Columns {
        targets: vec![n_pixels],
        targets_are_classes: true,
        ..Columns::named(names.chain(["label".to_owned()]).collect())
    };
    let mut arrays = Arrays::new(columns, vec![pictures]);
    match labels.map_or_else(|| beside(path), |labels| Ok(labels.to_owned())) {
        Err(reason) => {
            arrays.missing = format!("`{}` {reason}; name the file of the labels", path.display())
        }
        Ok(path) => {
            let bytes = file::read(&path).map_err(|error| match error {
                Error::File { path, source } => {
                    let (path, remedy) = (path.display(), "name the file of the labels");
                    Error::setting("labels", format!("`{path}`: {source}; {remedy}"))
                }
                error => error,
            })?;
            let labels = array(&path, bytes)?;
            let (n_rows, width) = (labels.header.n_rows(), labels.header.width());
            if (n_rows, width) != (n_pictures, 1) {
                return Err(Error::file(
                    &path,
                    format!(
                        "holds {n_rows} rows of {width} labels for {n_pictures} pictures; one label each is needed"
                    ),
                ));
            }
            arrays.arrays.push(labels);
        }
    }
    Ok(arrays)
}

/// The file of the labels, by the usual names; what was looked for if there is none.
fn beside(path: &Path) -> Unplaced<PathBuf> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if !name.contains("images") {
        return Err("has no `images` in its name, which `labels` would replace".to_owned());
    }
    let name = name.replace("images", "labels").replace("idx3", "idx1");
    let plain = name.strip_suffix(".gz").unwrap_or(&name);
    let names = [name.clone(), plain.to_owned(), format!("{plain}.gz")];
    let mut paths = names.iter().map(|name| path.with_file_name(name));
    paths
        .find(|path| path.exists())
        .ok_or_else(|| format!("has no `{plain}` or `{plain}.gz` beside it"))
}

/// The file of the labels beside the pictures in the file `path`, if there is one.
#[must_use]
pub fn labels_beside(path: &Path) -> Option<PathBuf> {
    beside(path).ok()
}

/// The numbers of the file `path` of these bytes.
fn array(path: &Path, bytes: Bytes) -> Result<Array> {
    let header = header(&bytes).map_err(|reason| Error::file(path, reason))?;
    let path = path.to_owned();
    Ok(Array {
        path,
        bytes,
        header,
    })
}

/// What a file says of its numbers; what is wrong if it is not as large as it says.
fn header(bytes: &[u8]) -> Unplaced<Header> {
    let short = || "ends within its header: it is cut short; copy it again".to_owned();
    let &[0, 0, kind, n_dimensions] = bytes.first_chunk().ok_or_else(short)? else {
        return Err("does not begin as an IDX file; name one as MNIST comes in".to_owned());
    };
    let (letter, n_bytes) = match kind {
        0x08 => (b'u', 1),
        0x09 => (b'i', 1),
        0x0b => (b'i', 2),
        0x0c => (b'i', 4),
        0x0d => (b'f', 4),
        0x0e => (b'f', 8),
        _ => {
            return Err(format!(
                "says that its numbers are of type {kind:#04x}, which the format does not have; copy it again"
            ));
        }
    };
    let offset = 4 + 4 * usize::from(n_dimensions);
    let sizes = bytes.get(4..offset).ok_or_else(short)?.as_chunks().0;
    let shape: Vec<usize> = sizes
        .iter()
        .map(|size| u32::from_be_bytes(*size) as usize)
        .collect();
    let element = Element {
        letter,
        n_bytes,
        is_big_endian: true,
    };
    let header = Header {
        element,
        is_fortran: false,
        shape,
        offset,
    };
    header.checked(bytes.len() - offset)
}

#[cfg(test)]
mod tests {
    use super::open;
    use crate::file::read;
    use crate::reader::{Kind, Reader};
    use arrow_array::cast::AsArray;
    use arrow_array::types::UInt8Type;

    #[test]
    fn labels_lie_beside_the_pictures_and_only_who_reads_them_needs_them() {
        let folder = std::env::temp_dir().join(format!("{}-idx", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let pictures = [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 1, 2, 3, 4];
        let path = folder.join("images.idx");
        std::fs::write(&path, pictures).unwrap();
        let mut idx = open(&path, read(&path).unwrap(), None).unwrap();
        let wanted = [(2, Kind::Inferred), (1, Kind::Inferred)];
        assert!(idx.read(&wanted[1..], 1).is_ok());
        let message = idx.read(&wanted, 1).unwrap_err().to_string();
        assert!(message.contains("no `labels.idx`"), "{message}");
        std::fs::write(folder.join("labels.idx"), [0, 0, 8, 1, 0, 0, 0, 2, 9, 7]).unwrap();
        let mut idx = open(&path, read(&path).unwrap(), None).unwrap();
        assert_eq!(idx.columns().targets, [2]);
        let batches = idx.read(&wanted, usize::MAX).unwrap();
        let values = |at: usize| {
            batches[0].columns[at]
                .as_primitive::<UInt8Type>()
                .values()
                .to_vec()
        };
        assert_eq!((values(0), values(1)), (vec![9, 7], vec![2, 4]));
        std::fs::remove_dir_all(folder).unwrap();
    }
}
