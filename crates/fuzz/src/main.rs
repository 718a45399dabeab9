//! `seeds TARGET FOLDER` writes what fuzzing begins with; `names` lists the targets.

use std::path::Path;
use std::process::ExitCode;
use std::{env, fs, io};

use fuzz_targets::{TARGETS, seeds};

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match *arguments.as_slice() {
        ["names"] => TARGETS.iter().for_each(|(name, _)| println!("{name}")),
        ["seeds", target, folder] => {
            if let Err(error) = write(target, Path::new(folder)) {
                eprintln!("{folder}: {error}");
                return ExitCode::FAILURE;
            }
        }
        _ => {
            eprintln!("fuzz-targets names | fuzz-targets seeds TARGET FOLDER");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn write(target: &str, folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    for (number, seed) in seeds::of(target).iter().enumerate() {
        fs::write(folder.join(format!("seed-{number:05}")), seed)?;
    }
    Ok(())
}
