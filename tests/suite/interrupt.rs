//! What happens to files while a program runs: signals, and other programs that write them too. The signal is SIGTERM where
//! one will do: programs that a shell runs in the background inherit that SIGINT is ignored.

use crate::common::{Running, binary, neuralnet, scratch};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

/// A training that ends when it is told to, or in a minute.
const ENDLESS: [&str; 7] = [
    "train",
    "synthetic:2000x8",
    "--backend=cpu",
    "--threads=1",
    "--iterations",
    "1000000000",
    "--max-seconds=60",
];

fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(scratch()).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn running(folder: &Path, args: &[&str]) -> Running {
    Running::of(Command::new(binary()).args(args).current_dir(folder))
}

fn names(folder: &Path) -> Vec<String> {
    let files = fs::read_dir(folder).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    names.collect()
}

/// Waits until `holds`, for half a minute at most.
fn until(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..3000 {
        if holds() {
            return;
        }
        sleep(Duration::from_millis(10));
    }
    panic!("{what} did not happen");
}

#[test]
fn a_program_that_is_ended_leaves_no_unfinished_file() {
    let folder = folder("unfinished");
    let trained = neuralnet(&[
        "train",
        "synthetic:100x3",
        "--iterations=1",
        "--output",
        folder.join("m.safetensors").to_str().unwrap(),
    ]);
    assert!(trained.status.success(), "{trained:?}");
    let data = "synthetic:4000000000x3";
    let predicting = running(&folder, &["predict", "m.safetensors", data, "-o", "p.csv"]);
    until("a file beside p.csv", || names(&folder).len() == 2);
    predicting.signal("TERM");
    let (output, told) = predicting.end();
    assert_eq!(output.status.code(), Some(130), "{told}");
    assert_eq!(names(&folder), ["m.safetensors"], "{told}");
}

/// `nohup` and shells without job control start programs so.
#[cfg(target_os = "linux")]
#[test]
fn signals_that_are_to_be_ignored_are_ignored() {
    let ignoring = "trap '' HUP INT; exec \"$@\"";
    let mut command = Command::new("sh");
    command.args(["-c", ignoring, "sh", &binary()]);
    let mut training = Running::of(command.args(&ENDLESS[..6]).arg("--max-seconds=1"));
    training.wait_for("training on the");
    training.signal("HUP");
    training.signal("INT");
    let (output, told) = training.end();
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(!told.contains("interrupted"), "{told}");
}

/// The main thread, the one that waits for signals, the one that reads tables, and the one that trains.
#[cfg(target_os = "linux")]
#[test]
fn no_more_threads_run_than_are_asked_for() {
    let folder = folder("threads");
    let mut training = running(&folder, &ENDLESS);
    training.wait_for("training on the");
    let tasks = format!("/proc/{}/task", training.id());
    let n_threads = names(Path::new(&tasks)).len();
    training.signal("TERM");
    let (_, told) = training.end();
    assert_eq!(n_threads, 4, "{told}");
}

#[test]
fn a_file_that_another_program_made_meanwhile_stays() {
    let folder = folder("meanwhile");
    let files = ["-o", "m.safetensors", "--checkpoint", "c"];
    let mut training = running(&folder, &[&ENDLESS[..], &files].concat());
    training.wait_for("training on the");
    for name in ["m.safetensors", "c"] {
        fs::write(folder.join(name), "another's").unwrap();
    }
    training.signal("TERM");
    let (output, told) = training.end();
    assert_eq!(output.status.code(), Some(2), "{told}");
    for name in ["m.safetensors", "c"] {
        let other = format!("{name}.new");
        let part = format!("{name}: cannot be written: it was made meanwhile and stays");
        assert!(told.contains(&part), "{told}");
        assert_eq!(fs::read(folder.join(name)).unwrap(), b"another's");
        assert!(folder.join(other).exists(), "{name}");
    }
}

#[test]
fn a_checkpoint_that_fails_is_told_at_once() {
    let folder = folder("checkpoint");
    let (kept, away) = (folder.join("kept"), folder.join("away"));
    fs::create_dir(&kept).unwrap();
    let args = ["--checkpoint", "kept/c", "--checkpoint-seconds", "0"];
    let mut training = running(&folder, &[&ENDLESS[..], &args].concat());
    until("a checkpoint", || kept.join("c").exists());
    fs::rename(&kept, &away).unwrap();
    training.wait_for("the training goes on and tries again");
    fs::remove_file(away.join("c")).unwrap();
    fs::rename(&away, &kept).unwrap();
    until("another checkpoint", || kept.join("c").exists());
    training.signal("TERM");
    let (output, told) = training.end();
    assert_eq!(output.status.code(), Some(130), "{told}");
    assert_eq!(told.matches("goes on").count(), 1, "{told}");
}
