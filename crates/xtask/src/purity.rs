//! What crates may depend on, mention and grow to.

use std::fmt::Display;
use std::fs;
use std::path::{Path, PathBuf};

use crate::alike;
use crate::cargo::dependencies;
use crate::features;
use crate::file_map;
use crate::publish;

/// Crates that bind the client to a runtime, by folder.
pub(crate) const ADAPTERS: [&str; 5] = ["async-std", "blocking", "compio", "smol", "tokio"];

/// How many crates a normal build may take besides its own.
const BUDGETS: [(&str, usize); 6] = [
    ("proto", 12),
    ("blocking", 15),
    ("tokio", 20),
    ("smol", 44),
    ("async-std", 44),
    // Most of it compio's own.
    ("compio", 62),
];

/// What can deadlock, starve or lose a wake-up belongs in client or proto, where it is tested once.
const ADAPTER_LINES_MAX: usize = 250;

/// The core owns no socket, thread, lock or clock. Lints check it by type (`clippy.toml` beside
/// the core); this also sees code that is not compiled here.
const FOREIGN_TO_CORE: [&str; 6] =
    ["std::net", "std::thread", "Mutex", "RwLock", "Instant::now", "SystemTime"];

/// An adapter binds sockets and timers and knows nothing about the protocol.
const FOREIGN_TO_ADAPTERS: [&str; 8] =
    ["RequestType", "RequestId", ".sync()", "Frame", "Header", "Packet", "Reader", "0x"];

/// Checks all rules and prints what it measured.
///
/// # Errors
/// All breaches, one a line.
pub(crate) fn check(root: &Path) -> Result<(), String> {
    let mut breaches = Vec::new();
    for (folder, max) in BUDGETS {
        let package = package(folder);
        let count = dependencies(root, &package, "normal")?.len();
        println!("{package}: {count} other crates of at most {max}");
        if count > max {
            breaches.push(format!("{package} takes {count} crates, more than {max}"));
        }
    }
    for folder in ADAPTERS {
        independence(root, folder, &mut breaches)?;
        size(root, folder, &mut breaches)?;
    }
    lints(root, &mut breaches)?;
    mentions(root, "proto", &FOREIGN_TO_CORE, &mut breaches)?;
    for folder in ADAPTERS {
        mentions(root, folder, &FOREIGN_TO_ADAPTERS, &mut breaches)?;
    }
    alike::check(root, &mut breaches)?;
    features::check(root, &mut breaches)?;
    file_map::check(root, &mut breaches)?;
    publish::check(root, &mut breaches)?;
    if breaches.is_empty() {
        return Ok(());
    }
    Err(format!("{} breaches:\n  {}", breaches.len(), breaches.join("\n  ")))
}

fn package(folder: &str) -> String {
    format!("tarantool-{folder}")
}

fn independence(root: &Path, folder: &str, breaches: &mut Vec<String>) -> Result<(), String> {
    let package = package(folder);
    for dependency in dependencies(root, &package, "normal,build,dev")? {
        let is_adapter = ADAPTERS
            .iter()
            .any(|other| *other != folder && dependency.starts_with(&self::package(other)));
        if is_adapter {
            breaches.push(format!("the adapter {package} depends on another, {dependency}"));
        }
    }
    Ok(())
}

fn size(root: &Path, folder: &str, breaches: &mut Vec<String>) -> Result<(), String> {
    let mut lines = 0;
    for file in sources(&root.join("crates").join(folder).join("src"))? {
        lines += code(&read(&file)?).len();
    }
    println!("{}: {lines} lines of code of at most {ADAPTER_LINES_MAX}", package(folder));
    if lines > ADAPTER_LINES_MAX {
        breaches.push(format!(
            "{} has {lines} lines of code, more than {ADAPTER_LINES_MAX}",
            package(folder)
        ));
    }
    Ok(())
}

fn lints(root: &Path, breaches: &mut Vec<String>) -> Result<(), String> {
    if !read(&root.join("Cargo.toml"))?.contains("unsafe_code = \"forbid\"") {
        breaches.push("the workspace's lints do not forbid unsafe code".to_owned());
    }
    let mut manifests = vec![root.join("examples/Cargo.toml"), root.join("benches/Cargo.toml")];
    for folder in entries(&root.join("crates"))? {
        manifests.push(folder.join("Cargo.toml"));
    }
    for manifest in &manifests {
        if !read(manifest)?.contains("[lints]\nworkspace = true\n") {
            breaches.push(format!("{} does not inherit the lints", manifest.display()));
        }
    }
    println!("{} packages inherit the lints, which forbid unsafe code", manifests.len());
    Ok(())
}

/// No code of a crate mentions any of `words`.
fn mentions(
    root: &Path,
    folder: &str,
    words: &[&str],
    breaches: &mut Vec<String>,
) -> Result<(), String> {
    let package = package(folder);
    let files = sources(&root.join("crates").join(folder).join("src"))?;
    for file in &files {
        for (number, line) in code(&read(file)?) {
            for word in words.iter().filter(|word| line.contains(**word)) {
                let place = format!("{}:{number}", shown(root, file));
                breaches.push(format!("{place}: {word} is not for {package}"));
            }
        }
    }
    println!("{package}: {} files searched for {}", files.len(), words.join(", "));
    Ok(())
}

fn shown<'a>(root: &Path, path: &'a Path) -> impl Display + use<'a> {
    path.strip_prefix(root).unwrap_or(path).display()
}

/// Lines of code with their numbers: without comments, blank lines and the tests at the end.
fn code(text: &str) -> Vec<(usize, &str)> {
    let tests = text.find("\n#[cfg(test)]\nmod tests {");
    let text = tests.and_then(|end| text.get(..end)).unwrap_or(text);
    text.lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line.trim()))
        .filter(|(_, line)| !line.is_empty() && !line.starts_with("//"))
        .map(|(number, line)| (number, line.split(" //").next().unwrap_or(line)))
        .collect()
}

/// All Rust files in a folder and in the folders in it.
pub(crate) fn sources(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    for path in entries(folder)? {
        if path.is_dir() {
            files.extend(sources(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(files)
}

pub(crate) fn entries(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        paths.push(entry.map_err(failed)?.path());
    }
    paths.sort();
    Ok(paths)
}

pub(crate) fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_neither_comment_nor_test() {
        let text =
            "//! Docs of Mutex.\n\nuse a; // b\n/// c\nfn d() {}\n\n#[cfg(test)]\nmod tests {}";
        assert_eq!(code(text), [(3, "use a;"), (5, "fn d() {}")]);
    }
}
