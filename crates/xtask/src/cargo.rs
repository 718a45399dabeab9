//! Calling cargo, and what its test runs say.

use std::env;
use std::ops::AddAssign;
use std::path::Path;
use std::process::Command;

/// cargo with `arguments`, in the repository.
pub(crate) fn cargo(root: &Path, arguments: &[&str]) -> Command {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(arguments).current_dir(root);
    command
}

/// The distinct crates, by name, that `package` depends on in `edges`, itself not among them.
///
/// # Errors
/// cargo cannot tell.
pub(crate) fn dependencies(root: &Path, package: &str, edges: &str) -> Result<Vec<String>, String> {
    let tree = crate::process::output(&mut cargo(
        root,
        &["tree", "-p", package, "-e", edges, "--prefix", "none", "--no-dedupe", "--format", "{p}"],
    ))?;
    Ok(names(&tree, package))
}

/// Two versions of a crate count as two.
fn names(tree: &str, package: &str) -> Vec<String> {
    let mut names: Vec<String> = tree
        .lines()
        .filter_map(|line| {
            let mut words = line.split(' ');
            let (name, version) = (words.next()?, words.next()?);
            (name != package).then(|| format!("{name} {version}"))
        })
        .collect();
    names.sort();
    names.dedup();
    names
}

/// How many tests passed and failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) ignored: u64,
}

impl Counts {
    /// Reads the closing line of a test run, `test result: ok. 3 passed; 0 failed; 1 ignored; …`.
    pub(crate) fn from_line(line: &str) -> Option<Self> {
        let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
        let mut found = Self::default();
        for count in counts.split("; ") {
            match count.split_once(' ') {
                Some((number, "passed")) => found.passed = number.parse().ok()?,
                Some((number, "failed")) => found.failed = number.parse().ok()?,
                Some((number, "ignored")) => found.ignored = number.parse().ok()?,
                _ => {}
            }
        }
        Some(found)
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
    }
}

/// The name in a line `test NAME ... FAILED`.
pub(crate) fn failed_test(line: &str) -> Option<&str> {
    line.strip_prefix("test ")?.strip_suffix(" ... FAILED")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_read_from_closing_lines_only() {
        let line = "test result: FAILED. 12 passed; 3 failed; 1 ignored; 0 measured; \
                    7 filtered out; finished in 0.01s";
        let counts = Counts { passed: 12, failed: 3, ignored: 1 };
        assert_eq!(Counts::from_line(line), Some(counts));
        assert_eq!(Counts::from_line("test one ... ok"), None);
        assert_eq!(failed_test("test a::b ... FAILED"), Some("a::b"));
        assert_eq!(failed_test("test a::b ... ok"), None);
    }

    #[test]
    fn a_tree_names_each_crate_once_and_not_itself() {
        let tree = "own v0.1.0 (path)\na v1.0.0\nb v2.0.0\na v1.0.0\na v2.0.0\n";
        assert_eq!(names(tree, "own"), ["a v1.0.0", "a v2.0.0", "b v2.0.0"]);
    }
}
