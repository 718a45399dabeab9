//! What fuzzing begins with, and what it once found, through every target: a normal test.

use std::fs;
use std::path::Path;

use fuzz_targets::{TARGETS, Target, seeds};

/// Inputs that were kept: those that once failed, and those that reach far. A folder per target.
fn kept(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("inputs").join(target);
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let read = |entry: fs::DirEntry| {
        let bytes = fs::read(entry.path()).expect("a readable file");
        (entry.file_name().to_string_lossy().into_owned(), bytes)
    };
    entries.map(|entry| read(entry.expect("a directory entry"))).collect()
}

fn replay((name, run): &Target) -> usize {
    let kept = kept(name);
    for (file, input) in &kept {
        println!("{name}/{file}");
        run(input);
    }
    let seeds = seeds::of(name);
    for seed in &seeds {
        println!("{name}: {seed:02x?}");
        run(seed);
    }
    run(&[]);
    kept.len() + seeds.len()
}

/// One after another, so that the output of a failure ends with its input.
#[test]
fn inputs_that_are_known() {
    for target in TARGETS {
        let count = replay(target);
        println!("{}: {count} inputs", target.0);
        assert!(count >= 10, "{}: {count} inputs", target.0);
    }
}

#[test]
fn every_folder_is_of_a_target() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("inputs");
    for entry in fs::read_dir(folder).expect("the inputs") {
        let name = entry.expect("a directory entry").file_name();
        assert!(TARGETS.iter().any(|(target, _)| name == **target), "{name:?}");
    }
}
