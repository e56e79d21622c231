//! The programs in the folder `examples` end well: their assertions hold, and no step fails.

#[path = "../../../examples/article.rs"]
mod article;
#[path = "../../../examples/synthetic.rs"]
mod synthetic;
#[path = "../../../examples/table.rs"]
mod table;

use crate::common::root;
use std::fs;
use std::path::Path;

#[test]
fn article_runs() {
    article::main().unwrap();
}

#[test]
fn synthetic_runs() {
    synthetic::main().unwrap();
}

#[test]
fn table_runs() {
    table::main().unwrap();
}

#[test]
fn every_program_is_run_here() {
    let here = include_str!("programs.rs");
    let folder = fs::read_dir(Path::new(&root()).join("examples")).unwrap();
    for program in folder {
        let name = program.unwrap().file_name().into_string().unwrap();
        assert!(here.contains(&format!("/{name}\"]")), "{name} is not run");
    }
}
