//! What the program gives terminals, shells and `man`: colours where they are wanted and nowhere else, scripts that
//! complete its commands, and pages that describe them.

use crate::common::{binary, neuralnet, scratch};
use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

/// What begins a colour.
const ESCAPE: char = '\u{1b}';

/// Runs the binary with these variables in its environment and no others that speak of colours.
fn run(args: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(binary());
    for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"] {
        command.env_remove(name);
    }
    command
        .args(args)
        .envs(variables.iter().copied())
        .output()
        .unwrap()
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

/// An error of ours, one of clap's, a notice, and help; nobody sees them on a terminal here.
#[test]
fn colours_are_shown_where_they_are_wanted() {
    let ours = ["train", "nowhere.csv"];
    let claps = ["train", "--loss", "hinge"];
    let notices = ["train", "--iterations", "1", "--backend", "cpu"];
    for args in [&ours[..], &claps, &notices, &["--help"]] {
        let coloured = |color: &[&str], variables: &[(&str, &str)]| {
            let output = run(&[args, color].concat(), variables);
            text([output.stdout, output.stderr].concat()).contains(ESCAPE)
        };
        let always = ["--color", "always"];
        assert!(!coloured(&[], &[]), "{args:?}: into a pipe");
        assert!(!coloured(&["--color=auto"], &[]), "{args:?}: auto");
        assert!(coloured(&always, &[]), "{args:?}: always");
        assert!(coloured(&["--color=always"], &[]), "{args:?}: always, by =");
        let force = ("CLICOLOR_FORCE", "1");
        assert!(coloured(&[], &[force]), "{args:?}: as if on a terminal");
        assert!(
            !coloured(&[], &[force, ("NO_COLOR", "1")]),
            "{args:?}: NO_COLOR"
        );
        assert!(
            !coloured(&["--color", "never"], &[force]),
            "{args:?}: never"
        );
        // What is said here and now counts more than what is set for all programs.
        assert!(
            coloured(&always, &[("NO_COLOR", "1")]),
            "{args:?}: always, NO_COLOR"
        );
    }
}

#[test]
fn results_are_never_coloured() {
    let args = ["train", "--iterations", "1", "--backend", "cpu"];
    for more in [&[][..], &["--json"]] {
        let output = run(&[&args, more, &["--color", "always"]].concat(), &[]);
        assert!(text(output.stderr).contains(ESCAPE), "the notices are");
        let printed = text(output.stdout);
        assert!(printed.len() > 50 && !printed.contains(ESCAPE), "{printed}");
    }
}

/// Whether `program` reads `script` without a complaint; `None` where it is not installed.
fn reads(program: &str, script: &str) -> Option<bool> {
    let mut child = Command::new(program)
        .arg("-n")
        .stdin(Stdio::piped())
        .spawn()
        .ok()?;
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(script.as_bytes()).unwrap();
    drop(stdin);
    Some(child.wait().unwrap().success())
}

#[test]
fn completions_name_the_commands_and_their_flags() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let output = neuralnet(&["completions", shell]);
        assert!(output.status.success(), "{shell}");
        let script = text(output.stdout);
        for part in ["train", "evaluate", "learning-rate", "color"] {
            assert!(script.contains(part), "`{part}` is not in that of {shell}");
        }
        // Not every shell's script completes values.
        if shell == "bash" {
            assert!(script.contains("squared-error cross-entropy"), "{script}");
        }
        if ["bash", "fish", "zsh"].contains(&shell) {
            assert_ne!(reads(shell, &script), Some(false), "{shell} refuses it");
        }
    }
    assert_eq!(neuralnet(&["completions", "cmd"]).status.code(), Some(2));
}

#[test]
fn the_manual_describes_the_program_and_each_command() {
    let page = |args: &[&str]| {
        let output = neuralnet(args);
        assert!(output.status.success(), "{args:?}");
        // roff writes each `-` as `\-`.
        text(output.stdout).replace("\\-", "-")
    };
    let program = page(&["man"]);
    for part in [
        ".TH neuralnet 1",
        concat!("neuralnet ", env!("CARGO_PKG_VERSION")),
        "neuralnet-train(1)",
        "neuralnet-man(1)",
        "Exit codes: 0 done",
    ] {
        assert!(program.contains(part), "`{part}` is not in: {program}");
    }
    let train = page(&["man", "train"]);
    for part in [
        ".TH neuralnet-train 1",
        "--learning-rate",
        "cross-entropy: −t ln y",
        "neuralnet train people.csv",
    ] {
        assert!(train.contains(part), "`{part}` is not in: {train}");
    }
    let output = neuralnet(&["man", "learn"]);
    assert_eq!(output.status.code(), Some(2), "an unknown command");
    assert!(text(output.stderr).contains("`learn`"), "it is named");
}

/// A terminal obeys what begins with an escape; formats other than CSV may have it in names.
#[test]
fn names_do_not_command_a_terminal() {
    let folder = PathBuf::from(scratch()).join("terminal");
    fs::create_dir_all(&folder).unwrap();
    let numbers = |numbers: [i64; 3]| Arc::new(Int64Array::from(numbers.to_vec())) as ArrayRef;
    let classes = ["x", "q", "\u{1b}[2Jw"];
    let columns = [
        ("a\u{1b}[31m", numbers([1, 2, 3])),
        ("b\u{1b}[31m", numbers([4, 4, 4])),
        ("y", Arc::new(StringArray::from(classes.to_vec()))),
    ];
    let table = RecordBatch::try_from_iter(columns).unwrap();
    let [data, model] = ["t.parquet", "t.safetensors"].map(|name| folder.join(name));
    let mut writer =
        ArrowWriter::try_new(fs::File::create(&data).unwrap(), table.schema(), None).unwrap();
    writer.write(&table).unwrap();
    writer.close().unwrap();
    let [data, model] = [&data, &model].map(|path| path.to_str().unwrap());
    let train = ["train", data, "--backend", "cpu", "-o", model, "--force"];
    let hidden = ["--hidden", "2", "--iterations", "1"];
    for args in [
        &train[..],
        &["inspect", model],
        &["evaluate", model, data],
        &[&train[..], &hidden].concat(),
        &["inspect", model],
    ] {
        let output = neuralnet(args);
        assert!(output.status.success(), "{args:?}: {output:?}");
        let told = text([output.stdout, output.stderr].concat());
        assert!(
            told.contains("\\u{1b}") && !told.contains(ESCAPE),
            "{args:?}: {told}"
        );
    }
}
