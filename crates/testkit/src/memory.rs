//! How much memory this process takes, for tests of bounds.

use std::fs;

/// How many bytes of this process are in the machine's memory at present, as Linux counts them
/// (`VmRSS`); `None` on other systems.
///
/// All threads count, so such a test needs a process of its own or generous bounds. Allocators keep
/// some of what was freed: compare with what is there after a first round.
///
/// ```
/// use tarantool_testkit::memory;
///
/// let Some(before) = memory::resident() else { return };
/// let block = vec![1_u8; 64 << 20];
/// assert!(memory::resident() > Some(before + (32 << 20)));
/// drop(block);
/// ```
#[must_use]
pub fn resident() -> Option<u64> {
    parse(&fs::read_to_string("/proc/self/status").ok()?)
}

fn parse(status: &str) -> Option<u64> {
    let value = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = value.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn the_line_is_found_and_checked() {
        assert_eq!(parse("VmHWM:\t 9 kB\nVmRSS:\t    1234 kB\nRssAnon: 1 kB\n"), Some(1234 << 10));
        for status in ["", "VmRSS:", "VmRSS: 12", "VmRSS: x kB", "VmRSS: 18446744073709551615 kB"] {
            assert_eq!(parse(status), None, "{status}");
        }
    }
}
