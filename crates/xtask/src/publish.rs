//! What crates.io gets: whether each published package has what its users look for, no more, and
//! builds from it alone.

use std::path::{Path, PathBuf};
use std::{env, fs};

use crate::cargo::cargo;
use crate::process;
use crate::purity::{entries, read};
use crate::steps::{End, Run};

/// What every manifest says, itself or as the workspace.
const MANIFEST: [&str; 8] = [
    "categories",
    "description",
    "edition",
    "include",
    "keywords",
    "license",
    "rust-version",
    "version",
];

/// Files of every package; the licences and the changelog are links to those of the workspace.
const FILES: [&str; 5] =
    ["CHANGELOG.md", "LICENSE-APACHE", "LICENSE-MIT", "README.md", "src/lib.rs"];

/// What cargo adds.
const ADDED: [&str; 4] = [".cargo_vcs_info.json", "Cargo.lock", "Cargo.toml", "Cargo.toml.orig"];

/// Folders that a package may have.
const FOLDERS: [&str; 2] = ["guide/", "src/"];

/// Checks manifests and file lists of all published packages.
///
/// # Errors
/// cargo cannot tell, or a file cannot be read.
pub(crate) fn check(root: &Path, breaches: &mut Vec<String>) -> Result<(), String> {
    let workspace = read(&root.join("Cargo.toml"))?;
    let mut names = Vec::new();
    for folder in published(root)? {
        let manifest = read(&folder.join("Cargo.toml"))?;
        let name = value(&manifest, "name").unwrap_or_default().trim_matches('"').to_owned();
        let list = ["package", "--list", "--allow-dirty", "--package", &name];
        let list = process::output(&mut cargo(root, &list))?;
        let found = missing_keys(&manifest).chain(file_list(&list));
        breaches.extend(found.map(|breach| format!("{name}, as a package: {breach}")));
        names.push(name);
    }
    println!("packages to publish: {}", names.join(", "));
    if value(&workspace, "repository").is_none() {
        println!("no package says where its repository is: to be set before they are published");
    }
    Ok(())
}

/// As [`check`], and builds all of them from their archives; in the order of their dependencies,
/// none of which need be on crates.io.
///
/// # Errors
/// All breaches, or that they do not build.
pub(crate) fn dry_run(run: &mut Run<'_>) -> Result<End, String> {
    let mut breaches = Vec::new();
    check(run.root, &mut breaches)?;
    if !breaches.is_empty() {
        return Err(breaches.join("\n  "));
    }
    // cargo unpacks packages that others depend on into a place which depends on the target folder,
    // and takes what it finds there for the same, as a version never changes on crates.io.
    let folder = run.root.join("target").join(format!("publish-{}", std::process::id()));
    let before = unpacked();
    let mut command = cargo(run.root, &["publish", "--workspace", "--dry-run", "--allow-dirty"]);
    let ran = run.run(command.arg("--target-dir").arg(&folder));
    let added = unpacked().into_iter().filter(|place| !before.contains(place));
    for left in added.chain([folder]) {
        let _ = fs::remove_dir_all(left);
    }
    ran
}

/// Where cargo has unpacked packages of registries without a host, as that of a dry run is.
fn unpacked() -> Vec<PathBuf> {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(Path::new(&env::var_os("HOME")?).join(".cargo")));
    let places = home.and_then(|home| entries(&home.join("registry/src")).ok()).unwrap_or_default();
    let is_without_host = |place: &PathBuf| {
        place.file_name().is_some_and(|name| name.to_string_lossy().starts_with('-'))
    };
    places.into_iter().filter(is_without_host).collect()
}

/// The folders of packages that are not kept from being published.
fn published(root: &Path) -> Result<Vec<PathBuf>, String> {
    let mut folders = Vec::new();
    for folder in entries(&root.join("crates"))? {
        if !read(&folder.join("Cargo.toml"))?.contains("\npublish = false\n") {
            folders.push(folder);
        }
    }
    Ok(folders)
}

fn missing_keys(manifest: &str) -> impl Iterator<Item = String> {
    let missing = MANIFEST.into_iter().filter(|key| {
        value(manifest, key).is_none() && value(manifest, &format!("{key}.workspace")).is_none()
    });
    missing.map(|key| format!("its manifest has no {key}"))
}

/// What stands behind `key = `.
fn value<'a>(manifest: &'a str, key: &str) -> Option<&'a str> {
    manifest.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = "))
}

fn file_list(list: &str) -> impl Iterator<Item = String> {
    let is_known = |file: &str| {
        FILES.contains(&file)
            || ADDED.contains(&file)
            || FOLDERS.iter().any(|folder| file.starts_with(folder))
    };
    let missing = FILES.into_iter().filter(|file| !list.lines().any(|line| line == *file));
    let missing = missing.map(|file| format!("it has no {file}"));
    let more = list.lines().filter(move |file| !is_known(file));
    missing.chain(more.map(|file| format!("it has {file}, which is not for its users")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_with_and_without_the_workspace() {
        let manifest = "name = \"a\"\ndescription = \"b\"\nedition.workspace = true\n";
        assert_eq!(value(manifest, "description"), Some("\"b\""));
        let missing: Vec<_> = missing_keys(manifest).collect();
        assert_eq!(missing.len(), MANIFEST.len() - 2);
        assert!(!missing.iter().any(|breach| breach.ends_with("edition")));
    }

    #[test]
    fn what_a_list_lacks_and_what_it_has_too_much() {
        let whole = FILES.join("\n");
        assert_eq!(file_list(&whole).count(), 0);
        assert_eq!(file_list(&format!("{whole}\nsrc/a/b.rs\nguide/c.md\nCargo.lock")).count(), 0);
        let found: Vec<_> = file_list(&whole.replace("README.md", "tests/a.rs")).collect();
        assert_eq!(found, ["it has no README.md", "it has tests/a.rs, which is not for its users"]);
    }
}
