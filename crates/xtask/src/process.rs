//! Running other programs.

use std::io::{self, BufRead, BufReader, Write};
use std::iter;
use std::path::Path;
use std::process::{Command, Stdio};

/// Runs `command` with its output shown as it comes; `see` gets each line of its standard output
/// too.
///
/// # Errors
/// It cannot be started, or it fails.
pub(crate) fn run(command: &mut Command, mut see: impl FnMut(&str)) -> Result<(), String> {
    let name = name(command);
    println!("$ {name}");
    let failed = |error: io::Error| format!("{name}: {error}");
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().map_err(failed)?;
    if let Some(output) = child.stdout.take() {
        show(output, &mut see).map_err(failed)?;
    }
    let status = child.wait().map_err(failed)?;
    if status.success() { Ok(()) } else { Err(format!("{name}: {status}")) }
}

fn show(output: impl io::Read, see: &mut impl FnMut(&str)) -> io::Result<()> {
    let mut output = BufReader::new(output);
    let mut shown = io::stdout().lock();
    let mut line = Vec::new();
    while output.read_until(b'\n', &mut line)? > 0 {
        shown.write_all(&line)?;
        shown.flush()?;
        see(String::from_utf8_lossy(&line).trim_end());
        line.clear();
    }
    Ok(())
}

/// The standard output of `command`.
///
/// # Errors
/// It cannot be started, or it fails; the message has what it wrote to its standard error.
pub(crate) fn output(command: &mut Command) -> Result<String, String> {
    let name = name(command);
    let output =
        command.stdin(Stdio::null()).output().map_err(|error| format!("{name}: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{name}: {}\n{}", output.status, said.trim_end()))
}

/// The command as one would type it.
fn name(command: &Command) -> String {
    let program = command.get_program();
    let program = Path::new(program).file_name().unwrap_or(program);
    iter::once(program)
        .chain(command.get_args())
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}
