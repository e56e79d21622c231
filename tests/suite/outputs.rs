//! Files to write: none of those that are read is replaced, and a model is not written as something else.

use crate::common::{assert_refused, neuralnet, neuralnet_json, scratch};
use std::fs;
use std::path::PathBuf;

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
    // A pipe is written into.
    let pipe = file("pipe.csv");
    let _ = fs::remove_file(&pipe);
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let refused = neuralnet(&["predict", &model, &table, "-o", &pipe]);
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(told.contains("--force to write into it"), "{told}");
}
