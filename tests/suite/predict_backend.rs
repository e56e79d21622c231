//! `predict` and `evaluate` on either backend.

use crate::common::{Random, neuralnet, neuralnet_json, scratch};
use std::fs;
use std::path::PathBuf;

fn path(name: &str) -> PathBuf {
    let folder = PathBuf::from(scratch()).join("predict").join("backends");
    fs::create_dir_all(&folder).unwrap();
    folder.join(name)
}

/// A network with hidden layers and one without, tables with targets and without: both backends give the same classes and
/// nearly the same numbers, stderr says which was taken, and `auto` takes the CPU where a GPU would not pay.
#[test]
fn either_backend_predicts_and_says_so() {
    let table = path("rows.csv");
    let target = path("labelled.csv");
    let mut random = Random::new(4);
    let rows: Vec<[f32; 3]> = (0..700).map(|_| [0; 3].map(|_| random.next())).collect();
    let lines = rows.iter().map(|[a, b, c]| format!("{a},{b},{c}\n"));
    fs::write(&table, format!("a,b,c\n{}", lines.collect::<String>())).unwrap();
    let class =
        |row: &[f32; 3]| ["x", "y", "z"][usize::from(row[0] > 0.0) + usize::from(row[1] > row[2])];
    let lines = rows.iter().map(|row| {
        let [a, b, c] = row;
        format!("{a},{b},{c},{}\n", class(row))
    });
    fs::write(&target, format!("a,b,c,t\n{}", lines.collect::<String>())).unwrap();
    let [table, target] = [&table, &target].map(|path| path.to_str().unwrap());
    for (name, hidden, notices) in [
        (
            "narrow",
            &["--hidden", "9,8"][..],
            [
                "",
                "predicting on the GPU: ",
                "FLOPs for each byte of a row; a GPU pays from 128 on)",
            ],
        ),
        ("layer", &[], ["", "predicting on the GPU: ", ""]),
    ] {
        let model = path(&format!("{name}.safetensors"));
        let model = model.to_str().unwrap();
        let train = [
            "train",
            target,
            "--seed",
            "3",
            "--backend",
            "cpu",
            "--output",
            model,
            "--force",
            "--iterations",
            "30",
        ];
        let trained = neuralnet(&[&train[..], hidden].concat());
        assert!(trained.status.success(), "{trained:?}");
        let mut found = Vec::new();
        for (backend, notice) in std::iter::zip(["cpu", "gpu", "auto"], notices) {
            let output = neuralnet(&["predict", model, table, "--backend", backend]);
            let stderr = String::from_utf8(output.stderr).unwrap();
            assert!(stderr.contains(notice), "{name}, {backend}: {stderr}");
            assert_eq!(
                stderr.is_empty(),
                notice.is_empty(),
                "{name}, {backend}: {stderr}"
            );
            found.push(String::from_utf8(output.stdout).unwrap());
            let output = neuralnet(&["evaluate", model, target, "--backend", backend, "--json"]);
            let stderr = String::from_utf8(output.stderr).unwrap();
            assert!(stderr.contains(notice), "{name}, {backend}: {stderr}");
            let metrics: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
            found.push(metrics["loss"].to_string());
        }
        let [cpu, cpu_loss, gpu, gpu_loss, auto, auto_loss] = &found[..] else {
            panic!("{found:?}");
        };
        assert_eq!([cpu, cpu_loss], [auto, auto_loss], "{name}");
        assert_ne!(
            cpu, gpu,
            "{name}: f32 and float64 differ in their last digits"
        );
        let loss = |text: &str| text.parse::<f64>().unwrap();
        assert!(
            (loss(cpu_loss) - loss(gpu_loss)).abs() < 1e-5,
            "{cpu_loss} {gpu_loss}"
        );
        assert_eq!(cpu.lines().count(), 701, "{name}");
        for (cpu, gpu) in std::iter::zip(cpu.lines(), gpu.lines()).skip(1) {
            let (cpu, gpu) = (cpu.split(','), gpu.split(','));
            for (at, (cpu, gpu)) in cpu.zip(gpu).enumerate() {
                match at {
                    0 => assert_eq!(cpu, gpu, "{name}"),
                    _ => assert!((loss(cpu) - loss(gpu)).abs() < 1e-5, "{name}: {cpu} {gpu}"),
                }
            }
        }
    }
}

/// Two columns far from 0, of whose difference the target is made: with features as they are in the table, f32 would lose
/// nearly all of it.
#[test]
fn features_far_from_0_do_not_cancel_on_a_gpu() {
    let mut random = Random::new(5);
    let lines = (0..200).map(|_| {
        let [a, b] = [0; 2].map(|_| 1.6e7 + f64::from((random.next() * 100.0).round()));
        format!("{a},{b},{}\n", 0.5 * (a - b))
    });
    let table = path("far.csv");
    fs::write(&table, format!("a,b,y\n{}", lines.collect::<String>())).unwrap();
    let model = path("far.safetensors");
    let [table, model] = [&table, &model].map(|path| path.to_str().unwrap());
    for flags in [&[][..], &["--hidden", "4"], &["--no-standardise"]] {
        let args = [
            "train",
            table,
            "--backend",
            "cpu",
            "-o",
            model,
            "--force",
            "--iterations",
            "50",
        ];
        let trained = neuralnet(&[&args[..], flags].concat());
        assert!(trained.status.success(), "{trained:?}");
        let measured = |backend| {
            let found = neuralnet_json(&["evaluate", model, table, "--backend", backend]);
            found["loss"].as_f64().unwrap()
        };
        let (cpu, gpu) = (measured("cpu"), measured("gpu"));
        assert!(
            (cpu - gpu).abs() <= 1e-7 * cpu + 1e-9,
            "{flags:?}: {cpu} and {gpu}"
        );
    }
}
