//! A disk that fills while a file is written leaves the file that was there, and nothing beside it.
//!
//! A limit on the size of files stands for the disk: a write past it fails in the same place.

#![cfg(unix)]

use crate::common::{binary, neuralnet, scratch};
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

/// The program in `folder`, none of whose files may be longer than some kilobytes.
fn limited(folder: &PathBuf, args: &[&str]) -> Command {
    // Without the trap the limit would end the process by a signal.
    let limited = "trap '' XFSZ; ulimit -f 8; exec \"$@\"";
    let mut command = Command::new("sh");
    command.args(["-c", limited, "sh", &binary()]).args(args);
    command.current_dir(folder);
    command
}

fn on_a_full_disk(folder: &PathBuf, args: &[&str]) -> Output {
    limited(folder, args).output().unwrap()
}

#[test]
fn the_old_file_stays() {
    let folder = PathBuf::from(scratch()).join("full_disk");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    let at = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let header: Vec<String> = (0..200).map(|column| format!("x{column}")).collect();
    let mut table = header.join(",") + "\n";
    for row in 0_usize..40 {
        let cells: Vec<String> = (0..200)
            .map(|column| ((row * 31 + column * 17) % 97).to_string())
            .collect();
        table += &(cells.join(",") + "\n");
    }
    fs::write(at("table.csv"), table).unwrap();
    let trained = neuralnet(&[
        "train",
        &at("table.csv"),
        "--output",
        &at("model.safetensors"),
    ]);
    assert!(trained.status.success(), "{trained:?}");
    let train = ["train", "table.csv", "--backend", "cpu", "--force"];
    let many = [
        "predict",
        "model.safetensors",
        "synthetic:2000x199",
        "--force",
    ];
    let checkpoint = [
        "train",
        "table.csv",
        "--backend",
        "cpu",
        "--resume",
        "old.checkpoint",
    ];
    let kept = neuralnet(&[
        "train",
        &at("table.csv"),
        "--backend",
        "cpu",
        "--checkpoint",
        &at("old.checkpoint"),
    ]);
    assert!(kept.status.success(), "{kept:?}");
    for (args, name) in [
        (
            [&checkpoint[..], &["--checkpoint"]].concat(),
            "old.checkpoint",
        ),
        ([&train[..], &["--output"]].concat(), "new.safetensors"),
        ([&train[..], &["--report"]].concat(), "page.html"),
        ([&many[..], &["--output"]].concat(), "predictions.csv"),
        ([&many[..], &["--output"]].concat(), "predictions.npy"),
        ([&many[..], &["--output"]].concat(), "predictions.parquet"),
        (vec!["convert", "--force", "table.csv"], "table.npy"),
        (vec!["convert", "--force", "table.csv"], "table.parquet"),
        (vec!["export", "--force", "model.safetensors"], "model.onnx"),
    ] {
        if !name.ends_with(".checkpoint") {
            fs::write(at(name), "old").unwrap();
        }
        let old = fs::read(at(name)).unwrap();
        let before = fs::read_dir(&folder).unwrap().count();
        let output = on_a_full_disk(&folder, &[&args[..], &[name]].concat());
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{args:?} {name}: {stderr}");
        let last = stderr.lines().last().unwrap_or_default();
        assert!(last.contains(name), "{args:?}: {name} is not in: {last}");
        assert!(last.contains("make room there"), "{args:?}: {last}");
        let is_told = !output.stdout.is_empty();
        assert_eq!(is_told, args[0] == "train", "{args:?}: the result");
        assert!(
            fs::read(at(name)).unwrap() == old,
            "{args:?}: {name} is another"
        );
        let after = fs::read_dir(&folder).unwrap().count();
        assert_eq!(before, after, "{args:?} left something beside {name}");
    }
}

/// What cannot be printed, or be written to one file, costs no other file.
#[test]
#[cfg(target_os = "linux")]
fn one_failure_costs_no_other_result() {
    let folder = PathBuf::from(scratch()).join("one_failure");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    let train = ["train", "article", "--iterations", "3", "--checkpoint", "c"];
    let files = ["--report", "page.html", "--output", "m.safetensors"];
    let trained = limited(&folder, &[&train[..], &files].concat())
        .stdout(fs::File::create("/dev/full").unwrap())
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&trained.stderr);
    assert_eq!(trained.status.code(), Some(2), "{stderr}");
    for told in ["stdout: No space", "page.html: cannot be written"] {
        assert!(stderr.contains(told), "`{told}` is not in: {stderr}");
    }
    for name in ["m.safetensors", "c"] {
        assert!(folder.join(name).exists(), "{name}");
    }
}
