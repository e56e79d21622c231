//! Files to write: none of those that are read is replaced, and a model is not written as something else.

use crate::common::{assert_refused, binary, neuralnet, neuralnet_json, scratch};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

const TABLE: &str = "a,b,y\n1,2,0\n2,1,1\n3,5,0\n4,3,1\n5,5,1\n6,4,0\n";

#[test]
fn what_is_read_is_not_replaced() {
    let folder = PathBuf::from(scratch()).join("outputs");
    fs::create_dir_all(&folder).unwrap();
    let file = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let [table, model, link] = [file("rows.csv"), file("rows.safetensors"), file("link.csv")];
    fs::write(&table, TABLE).unwrap();
    let _ = fs::remove_file(&link);
    std::os::unix::fs::symlink(&table, &link).unwrap();
    let train = ["train", &table, "--backend", "cpu"];
    neuralnet_json(&[&train[..], &["-o", &model, "--force"]].concat());
    for name in ["c", "t-images.idx", "t-labels.idx", "labels"] {
        fs::write(file(name), "").unwrap();
    }
    let [checkpoint, pictures] = [file("c"), file("t-images.idx")];
    let [beside, labels] = [file("t-labels.idx"), file("labels")];
    let onto = |read: &str| vec!["--report".to_owned(), read.to_owned(), "--force".to_owned()];
    for (args, read) in [
        (
            &[&train[..], &["--resume", &checkpoint]].concat()[..],
            &checkpoint,
        ),
        (&[&train[..], &["--init", &model]].concat(), &model),
        (&["train", &pictures], &beside),
        (&["train", &pictures, "--labels", &labels], &labels),
        (
            &["train", "article", "--validation-data", &pictures],
            &beside,
        ),
    ] {
        let onto = onto(read);
        let onto: Vec<&str> = onto.iter().map(String::as_str).collect();
        let part = "--report: `";
        assert_refused(&[args, &onto].concat(), 2, &[part, "is what is read"]);
    }
    let held = ["--validation-data", &table, "--report", &table, "--force"];
    for args in [
        &[&train[..], &["--report", &table, "--force"]].concat()[..],
        &[&train[..], &["--report", &link, "--force"]].concat(),
        &[&["train", "article"][..], &held].concat(),
        &["predict", &model, &table, "-o", &table, "--force"],
        &["predict", &model, &link, "-o", &table, "--force"],
        &["export", &model, &model, "--force"],
        &["convert", &table, &table, "--force"],
        &["convert", &table, &link, "--force"],
    ] {
        assert_refused(args, 2, &["is what is read; take another name"]);
    }
    assert_eq!(fs::read_to_string(&table).unwrap(), TABLE);
    // A model may go on from itself.
    let onward = ["--init", &model, "-o", &model, "--force"];
    neuralnet_json(&[&train[..], &onward].concat());
    for name in ["rows.onnx", "other.csv", "other.parquet"] {
        let output = file(name);
        let args = [&train[..], &["-o", &output]].concat();
        let part = "is to be a model in the safetensors format";
        assert_refused(&args, 2, &["--output: ", part, "`neuralnet export`"]);
    }
    // A pipe is written into, but no array, which is not written from its beginning to its end.
    for name in ["pipe.npy", "pipe.npz"] {
        let pipe = file(name);
        let _ = fs::remove_file(&pipe);
        make_pipe(&pipe);
        let (predict, convert) = (["predict", &model, &table, "-o"], ["convert", &table]);
        let args = match name {
            "pipe.npy" => &predict[..],
            _ => &convert,
        };
        let part = "is a pipe or a device, and an array needs a regular file";
        assert_refused(&[args, &[&pipe, "--force"]].concat(), 2, &[part]);
    }
    let pipe = file("pipe.csv");
    let _ = fs::remove_file(&pipe);
    make_pipe(&pipe);
    let refused = neuralnet(&["predict", &model, &table, "-o", &pipe]);
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(told.contains("--force to write into it"), "{told}");
    let reader = std::thread::spawn({
        let pipe = pipe.clone();
        move || fs::read_to_string(pipe).unwrap()
    });
    let written = neuralnet(&["convert", &table, &pipe, "--force"]);
    let told = String::from_utf8_lossy(&written.stderr).into_owned();
    assert_eq!(reader.join().unwrap(), TABLE, "{told}");
    assert!(told.ends_with("6 rows of 3 columns\n"), "{told}");
}

fn make_pipe(path: &str) {
    let made = Command::new("mkfifo").arg(path).status();
    assert!(made.unwrap().success(), "a pipe is made");
}

/// The data are not looked for before.
#[test]
fn what_cannot_be_written_is_refused_before_anything_is_done() {
    let folder = PathBuf::from(scratch()).join("unwritable");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    let file = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let [slash, link] = [file("new/"), file("link")];
    let (longest, longer) = (file(&"n".repeat(255)), file(&"n".repeat(256)));
    std::os::unix::fs::symlink("nowhere/m", &link).unwrap();
    for (path, part) in [
        (slash.as_str(), "is a folder, or in one that does not exist"),
        ("-", "`-` does not stand for stdout; name a file"),
        (&longer, "name too long"),
        (&link, "link: cannot be written: No such file"),
    ] {
        let args = ["train", "nowhere.csv", "--force"];
        for flag in ["-o", "--report"] {
            let output = neuralnet(&[&args[..], &[flag, path]].concat());
            let told = String::from_utf8_lossy(&output.stderr).to_lowercase();
            assert_eq!(output.status.code(), Some(2), "{path}: {told}");
            assert!(told.contains(&part.to_lowercase()), "{path}: {told}");
        }
    }
    neuralnet_json(&["train", "article", "--backend", "cpu", "-o", &longest]);
    assert_eq!(
        fs::read_dir(&folder).unwrap().count(),
        2,
        "nothing else is left"
    );
}

/// A shell's `>>` is not undone by a file that takes the place of the one it names.
#[cfg(target_os = "linux")]
#[test]
fn what_stdout_is_sent_to_is_not_replaced() {
    let log = PathBuf::from(scratch()).join("log");
    fs::write(&log, "before\n").unwrap();
    for path in ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"] {
        let mut command = Command::new(binary());
        command.args(["train", "article", "--force", "-o", path]);
        command.stdout(fs::File::options().append(true).open(&log).unwrap());
        let output = command.output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{told}");
        assert!(told.contains("name that file"), "{told}");
    }
    assert_eq!(fs::read_to_string(&log).unwrap(), "before\n");
}

/// A name that is no text names that file and no other; one with control characters is shown with none.
#[cfg(target_os = "linux")]
#[test]
fn names_of_any_bytes_are_told() {
    use std::os::unix::ffi::OsStrExt;
    let name = std::ffi::OsStr::from_bytes(b"held\xff.csv");
    let mut command = Command::new(binary());
    let args = ["train", "article", "--validation-data"];
    let output = command.args(args).arg(name).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("--validation-data: `held"), "{told}");
    assert!(
        told.contains("is not a name in UTF-8; rename the file"),
        "{told}"
    );
    assert_refused(
        &["train", "no\u{1b}[2Jwhere.csv"],
        2,
        &["no\\u{1b}[2Jwhere"],
    );
}
