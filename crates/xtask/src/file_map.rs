//! ARCHITECTURE.md names every source file, or the folder that it is in, and none that is not there;
//! the guide's pages are shown and tested, each of them; links between documents lead somewhere.

use std::path::Path;

use crate::purity::{read, sources};

const FILE: &str = "ARCHITECTURE.md";

/// Crates whose files have rows of their own, under a heading with the folder.
const MAPPED: [&str; 3] = ["proto", "client", "testkit"];

/// Checks the map and prints how much it names.
///
/// # Errors
/// A file cannot be read.
pub(crate) fn check(root: &Path, breaches: &mut Vec<String>) -> Result<(), String> {
    let text = read(&root.join(FILE))?;
    let mut files = 0;
    for folder in MAPPED {
        let folder = format!("crates/{folder}/src");
        let there = relative(&root.join(&folder))?;
        files += there.len();
        let named = names(section(&text, &folder));
        breaches.extend(compare(&folder, &named, &there));
    }
    // Those of adapters are few: one table has them all.
    let all = names(&text);
    for folder in crate::purity::ADAPTERS.into_iter().chain(["futures-io"]) {
        let there = relative(&root.join("crates").join(folder).join("src"))?;
        files += there.len();
        for file in there {
            let path = format!("crates/{folder}/src/{file}");
            if !all.contains(&path.as_str()) {
                breaches.push(format!("{FILE} does not name {path}"));
            }
        }
    }
    for name in all.iter().filter(|name| is_path(name)).flat_map(|name| expanded(name)) {
        if !root.join(name.trim_end_matches('/')).exists() && !name.contains('*') {
            breaches.push(format!("{FILE} names {name}, which is not there"));
        }
    }
    println!("{FILE}: {files} source files to be named");
    guide(root, breaches)?;
    links(root, breaches)
}

/// A path from the repository's root, and not a name within a section.
fn is_path(name: &str) -> bool {
    ["crates/", "benches/", "fuzz/"].iter().any(|folder| name.starts_with(folder))
}

/// `a/{b,c}.rs` means two.
fn expanded(name: &str) -> Vec<String> {
    let parts = name.split_once('{').and_then(|(before, rest)| {
        let (inside, after) = rest.split_once('}')?;
        Some(inside.split(',').map(|part| format!("{before}{part}{after}")).collect())
    });
    parts.unwrap_or_else(|| vec![name.to_owned()])
}

/// From the heading that begins with the folder to the next one.
fn section<'a>(text: &'a str, folder: &str) -> &'a str {
    let heading = format!("\n`{folder}`: ");
    let Some((_, after)) = text.split_once(&heading) else {
        return "";
    };
    let end = after.find("\n`crates/").or_else(|| after.find("\n\nThe adapters"));
    end.and_then(|end| after.get(..end)).unwrap_or(after)
}

/// What the first cells of rows have between backquotes.
fn names(text: &str) -> Vec<&str> {
    text.lines()
        .filter_map(|line| line.strip_prefix("| ")?.split(" |").next())
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .collect()
}

/// Both ways: a row names a file, or a folder for all that is in it.
fn compare(folder: &str, named: &[&str], there: &[String]) -> Vec<String> {
    let is_named = |file: &String| {
        named.iter().any(|name| match name.ends_with('/') {
            true => file.starts_with(name),
            false => file == name,
        })
    };
    let missing = there.iter().filter(|file| *file != "lib.rs" && !is_named(file));
    let missing = missing.map(|file| format!("{FILE} does not name {folder}/{file}"));
    let gone = named.iter().filter(|name| {
        let is_it = |file: &String| file == *name || name.ends_with('/') && file.starts_with(*name);
        !there.iter().any(is_it)
    });
    missing
        .chain(gone.map(|name| format!("{FILE} names {folder}/{name}, which is not there")))
        .collect()
}

/// The sources in a folder, as paths from there.
fn relative(folder: &Path) -> Result<Vec<String>, String> {
    let files = sources(folder)?;
    let relative = files.iter().filter_map(|file| file.strip_prefix(folder).ok());
    Ok(relative.map(|file| file.display().to_string()).collect())
}

fn guide(root: &Path, breaches: &mut Vec<String>) -> Result<(), String> {
    let shown = read(&root.join("crates/client/src/guide.rs"))?;
    let tested = read(&root.join("crates/xtask/src/lib.rs"))?;
    let folder = root.join("crates/client/guide");
    let entries = std::fs::read_dir(&folder).map_err(|error| error.to_string())?;
    let mut pages = 0;
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        pages += 1;
        for (text, what) in [(&shown, "shown"), (&tested, "tested")] {
            if !text.contains(&format!("guide/{name}\"")) {
                breaches.push(format!("the guide's page {name} is not {what}"));
            }
        }
    }
    println!("the guide: {pages} pages, shown and tested");
    Ok(())
}

/// Links from documents to files of the repository.
fn links(root: &Path, breaches: &mut Vec<String>) -> Result<(), String> {
    let crates = crate::purity::entries(&root.join("crates"))?.into_iter();
    let readmes = crates.map(|folder| folder.join("README.md")).filter(|file| file.exists());
    let others =
        ["README.md", "FEATURES.md", "CONTRIBUTING.md", "SECURITY.md", "benches/README.md"];
    let mut count = 0;
    for file in readmes.chain([FILE].into_iter().chain(others).map(|name| root.join(name))) {
        let text = read(&file)?;
        let folder = file.parent().unwrap_or(root);
        for target in targets(&text) {
            count += 1;
            if !folder.join(target).exists() {
                breaches
                    .push(format!("{}: a link to {target}, which is not there", file.display()));
            }
        }
    }
    println!("documents: {count} links to files, all to be there");
    Ok(())
}

/// What links in a text point to, if that is a file.
fn targets(text: &str) -> impl Iterator<Item = &str> {
    let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let files = links.filter(|link| !link.contains("://") && !link.starts_with('#'));
    files.filter_map(|link| link.split('#').next())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAP: &str = "# A\n\n`crates/a/src`: one.\n\n| file | subject |\n|---|---|\n\
        | `b.rs`, `c/` | it is not `d.rs` |\n\nThe adapters\n\n| `crates/e/src` | other |\n";

    #[test]
    fn rows_of_a_section_name_files_and_folders() {
        assert_eq!(names(section(MAP, "crates/a/src")), ["b.rs", "c/"]);
        assert_eq!(names(section(MAP, "crates/e/src")), [""; 0]);
        assert_eq!(names(MAP), ["b.rs", "c/", "crates/e/src"]);
    }

    #[test]
    fn braces_mean_several_files() {
        assert_eq!(expanded("a/{b,c}.rs"), ["a/b.rs", "a/c.rs"]);
        assert_eq!(expanded("a/b.rs"), ["a/b.rs"]);
    }

    #[test]
    fn links_to_files_are_found() {
        let text = "[a](b.md) [c](https://d.e/f) [g](#h)\n[i](j/k.md#l)";
        assert_eq!(targets(text).collect::<Vec<_>>(), ["b.md", "j/k.md"]);
    }

    #[test]
    fn what_is_missing_and_what_is_gone_are_breaches() {
        let there = ["b.rs", "c/x.rs", "lib.rs"].map(str::to_owned);
        assert_eq!(compare("f", &["b.rs", "c/"], &there), [""; 0]);
        assert_eq!(compare("f", &["b.rs"], &there), ["ARCHITECTURE.md does not name f/c/x.rs"]);
        let gone = ["ARCHITECTURE.md names f/d.rs, which is not there"];
        assert_eq!(compare("f", &["b.rs", "c/", "d.rs"], &there), gone);
    }
}
