//! Commands as a shell runs them, and what they print.

use crate::common::binary;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Lines that begin with these tell of the machine and of its speed: they are alike whatever follows.
const OF_THE_MACHINE: [&str; 6] = [
    "neuralnet: training on the CPU: ",
    "reading  ",
    "time     ",
    "cpu      ",
    "gpu      ",
    "after 10 iterations, each on its own: parameters differ by ",
];

/// Runs `command` in `folder` as a shell runs it, with the binary under test on the `PATH` and in the place of the one
/// that cargo would build. Both outputs come as one, as on a terminal.
pub(super) fn shell(command: &str, input: &[&str], folder: &Path, with_adapter: bool) -> Output {
    let command = command.replace("cargo run --release --", "neuralnet");
    let bin = PathBuf::from(binary());
    let path = std::env::var_os("PATH").unwrap();
    let path =
        std::iter::once(bin.parent().unwrap().to_owned()).chain(std::env::split_paths(&path));
    let mut shell = Command::new("sh");
    shell
        .args(["-c", &format!("{{ {command}\n}} 2>&1")])
        .current_dir(folder)
        .env("PATH", std::env::join_paths(path).unwrap())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    if !with_adapter {
        shell
            .env("VK_DRIVER_FILES", "/nowhere")
            .env("VK_ICD_FILENAMES", "/nowhere");
    }
    let mut child = shell.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    for line in input {
        writeln!(stdin, "{line}").unwrap();
    }
    drop(stdin);
    child.wait_with_output().unwrap()
}

/// Whether a line is as it is printed: what a machine decides is not compared.
fn alike(expected: &str, printed: &str) -> bool {
    let of_the_machine =
        |beginning: &&str| expected.starts_with(beginning) && printed.starts_with(beginning);
    expected == printed
        || OF_THE_MACHINE.iter().any(of_the_machine)
        || checked(expected).is_some_and(|check| Some(check) == checked(printed))
}

/// What the adapter does not decide of a check of `validate`: its error, bound and their ratio end the line.
fn checked(line: &str) -> Option<Vec<&str>> {
    let mut words: Vec<_> = line.split_whitespace().collect();
    let numbers = words.split_off(words.len().checked_sub(3)?);
    let is_check = numbers[..2].iter().all(|number| number.contains('e'))
        && numbers.iter().all(|number| number.parse::<f64>().is_ok());
    is_check.then_some(words)
}

/// Whether lines are as they are printed; `…` stands for some, one at least.
pub(super) fn all_alike(expected: &[&str], printed: &[&str]) -> bool {
    match expected {
        [] => printed.is_empty(),
        ["…", rest @ ..] => {
            (1..=printed.len()).any(|left_out| all_alike(rest, &printed[left_out..]))
        }
        [line, rest @ ..] => {
            printed.first().is_some_and(|first| alike(line, first))
                && all_alike(rest, &printed[1..])
        }
    }
}
