//! The quickstarts of the runtimes, which differ only where they choose the runtime.

use std::path::Path;

use crate::purity::read;

const MODEL: &str = "tokio";
const OTHERS: [&str; 4] = ["async_std", "smol", "compio", "blocking"];

/// Compares the quickstarts and prints how many lines differ.
///
/// # Errors
/// One cannot be read.
pub(crate) fn check(root: &Path, breaches: &mut Vec<String>) -> Result<(), String> {
    let model = quickstart(root, MODEL)?;
    for other in OTHERS {
        let text = quickstart(root, other)?;
        if body(&model) != body(&text) {
            breaches.push(format!("examples/quickstart_{other}.rs does not do as {MODEL}'s"));
        }
        println!("quickstart_{other}: as {MODEL}'s, but for imports and main");
    }
    Ok(())
}

fn quickstart(root: &Path, runtime: &str) -> Result<String, String> {
    read(&root.join(format!("examples/quickstart_{runtime}.rs")))
}

/// What a quickstart does, as its sentences: layout may differ, and a call that blocks is not
/// awaited.
fn body(text: &str) -> Option<String> {
    let (_, body) = text.split_once("fn quickstart()")?;
    Some(body.replace(".await", "").split_whitespace().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_alike_without_their_awaits_and_layout() {
        let waits = "fn main() {}\nasync fn quickstart() -> R {\n    a()\n        .await?;\n}\n";
        let blocks = "fn quickstart() -> R {\n    a()?;\n}\n";
        assert_eq!(body(waits), body(blocks));
        assert_ne!(body(waits), body("fn quickstart() -> R {\n    b()?;\n}\n"));
        assert_eq!(body("fn other() {}"), None);
    }
}
