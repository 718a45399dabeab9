//! Reads the vectors.

use std::fs;
use std::path::PathBuf;

use serde_json::Value as Json;

use crate::sha256::sha256;

/// One case on one server.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) server: String,
    /// The 32 bytes of the greeting's salt, where the case has any.
    pub(crate) salt: Option<Vec<u8>>,
    pub(crate) steps: Vec<Step>,
}

/// A request and what came back.
pub(crate) struct Step {
    /// `None`: nothing was sent.
    pub(crate) request: Option<Recorded>,
    pub(crate) request_view: Json,
    pub(crate) responses: Vec<(Recorded, Json)>,
}

/// Recorded bytes, or why they are not known.
pub(crate) type Recorded = Result<Vec<u8>, String>;

impl Case {
    /// How the report names a place in this case.
    pub(crate) fn place(&self, step: usize) -> String {
        if self.steps.len() == 1 { self.name.clone() } else { format!("{}/{step}", self.name) }
    }
}

/// All cases of all groups, in the order of the files.
pub(crate) fn cases() -> Vec<Case> {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/vectors");
    let mut files: Vec<PathBuf> = fs::read_dir(&directory)
        .expect("the directory of the vectors")
        .map(|entry| entry.expect("a directory entry").path())
        .collect();
    files.sort();
    let mut cases = Vec::new();
    for file in files {
        let text = fs::read(&file).expect("a readable file");
        let group: Json = serde_json::from_slice(&text).expect("valid JSON");
        let listed = group["cases"].as_array().expect("a list of cases");
        cases.extend(listed.iter().map(case));
    }
    cases
}

fn case(case: &Json) -> Case {
    let name = text(&case["name"]);
    let steps = case["steps"].as_array().expect("a list of steps");
    Case {
        server: text(&case["server"]),
        salt: case["salt"].as_str().map(hex),
        steps: steps.iter().map(|entry| step(&name, entry)).collect(),
        name,
    }
}

fn step(name: &str, step: &Json) -> Step {
    let responses = step["responses"].as_array().expect("a list of responses");
    let views = step["response_views"].as_array().expect("a list of views");
    assert_eq!(responses.len(), views.len(), "{name}: a view per response");
    let responses = responses.iter().zip(views);
    Step {
        request: Some(&step["request"])
            .filter(|request| !request.is_null())
            .map(|request| recorded(name, request)),
        request_view: step["request_view"].clone(),
        responses: responses.map(|(bytes, view)| (recorded(name, bytes), view.clone())).collect(),
    }
}

fn text(value: &Json) -> String {
    value.as_str().expect("a string").to_owned()
}

fn recorded(name: &str, bytes: &Json) -> Recorded {
    match bytes.as_str() {
        Some(digits) => Ok(hex(digits)),
        None => rebuilt(name, bytes),
    }
}

/// Long byte strings are stored as their beginning, end, length and hash: between the two, the last
/// byte of the beginning repeats, once or around the bytes of [`BETWEEN`].
fn rebuilt(name: &str, parts: &Json) -> Recorded {
    let mut bytes = hex(parts["head"].as_str().ok_or("no beginning")?);
    let tail = hex(parts["tail"].as_str().ok_or("no end")?);
    let length = parts["len"].as_u64().ok_or("no length")? as usize;
    let filler = *bytes.last().ok_or("an empty beginning")?;
    if let Some((_, run_end, between)) = BETWEEN.iter().find(|(case, ..)| *case == name) {
        bytes.resize(*run_end, filler);
        bytes.extend_from_slice(&hex(between));
    }
    bytes.resize(length - tail.len(), filler);
    bytes.extend_from_slice(&tail);
    if Some(sha256(&bytes).as_str()) == parts["sha256"].as_str() {
        Ok(bytes)
    } else {
        Err(format!("cannot be rebuilt from its description {}", parts["$gen"]))
    }
}

/// Case, where its first run of equal bytes ends, and what stands between that and the second run:
/// from the key ERROR to the length of the stack's message.
const BETWEEN: [(&str, usize, &str); 1] = [(
    "errors.reason_long",
    3037,
    "5281009187\
     00ab436c69656e744572726f72\
     0201\
     01a46576616c\
     03da0bb8",
)];

pub(crate) fn hex(digits: &str) -> Vec<u8> {
    let digits = digits.as_bytes();
    assert!(digits.len() % 2 == 0, "an even number of hex digits");
    let nibble = |digit: u8| char::from(digit).to_digit(16).expect("a hex digit") as u8;
    digits.chunks_exact(2).map(|pair| nibble(pair[0]) << 4 | nibble(pair[1])).collect()
}

pub(crate) fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
