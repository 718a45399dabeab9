//! FEATURES.md says what there is, since which server, how it is called and which test shows it:
//! what it names must exist.

use std::path::Path;

use crate::purity::{read, sources};

const FILE: &str = "FEATURES.md";

/// Checks the table and prints how much it names.
///
/// # Errors
/// A file cannot be read.
pub(crate) fn check(root: &Path, breaches: &mut Vec<String>) -> Result<(), String> {
    let mut code = String::new();
    for file in sources(&root.join("crates"))? {
        code.push_str(&read(&file)?);
    }
    let table = read(&root.join(FILE))?;
    let rows = rows(&table);
    let (mut names, mut tests) = (0, 0);
    for [feature, _since, api, shown_by] in &rows {
        for name in quoted(api) {
            names += 1;
            if !is_public(&code, last(name)) {
                breaches.push(format!("{FILE}: {feature}: there is no public {name}"));
            }
        }
        let mut shown = quoted(shown_by).peekable();
        if shown.peek().is_none() {
            breaches.push(format!("{FILE}: {feature}: no test shows it"));
        }
        for test in shown {
            tests += 1;
            if !code.contains(&format!("fn {}(", last(test)))
                && !code.contains(&format!("fn {}<", last(test)))
            {
                breaches.push(format!("{FILE}: {feature}: there is no test {test}"));
            }
        }
    }
    if rows.is_empty() {
        breaches.push(format!("{FILE} has no table"));
    }
    println!("{FILE}: {} features, {names} names, {tests} tests, all of them there", rows.len());
    Ok(())
}

/// The rows of four columns, without the title's.
fn rows(text: &str) -> Vec<[&str; 4]> {
    text.lines()
        .filter_map(|line| {
            let cells: Vec<&str> =
                line.strip_prefix('|')?.strip_suffix('|')?.split('|').map(str::trim).collect();
            <[&str; 4]>::try_from(cells).ok()
        })
        .filter(|[first, ..]| !first.starts_with("---") && !["feature", "fault"].contains(first))
        .collect()
}

/// What stands between backquotes.
fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

/// The last part of a path.
fn last(path: &str) -> &str {
    path.rsplit("::").next().unwrap_or(path)
}

fn is_public(code: &str, name: &str) -> bool {
    ["fn", "const fn", "async fn", "struct", "enum", "trait", "mod", "type"].iter().any(|kind| {
        let item = format!("pub {kind} {name}");
        code.match_indices(&item).any(|(at, _)| {
            let behind = code.as_bytes().get(at + item.len());
            behind.is_none_or(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_')
        })
    }) || code.contains(&format!("    {name},\n"))
        || code.contains(&format!("    {name} = "))
        || code.contains(&format!("    {name}: "))
        || code.contains(&format!("pub const {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_read_row_by_row() {
        let text = "| feature | since | API | tests |\n|---|---|---|---|\n| a | 2.6 | `A::b`, `c` | `m::t` |\nx\n";
        let rows = rows(text);
        assert_eq!(rows, [["a", "2.6", "`A::b`, `c`", "`m::t`"]]);
        assert_eq!(quoted(rows[0][2]).map(last).collect::<Vec<_>>(), ["b", "c"]);
    }

    #[test]
    fn names_must_be_public_and_whole() {
        assert!(is_public("pub fn ping(", "ping"));
        assert!(!is_public("pub fn pinging(", "ping"));
        assert!(!is_public("fn ping(", "ping"));
    }
}
