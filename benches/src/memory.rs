//! Resident memory of this process.

use std::fs;

/// The most resident memory so far, in MiB, as the kernel says; `None` where it does not.
#[must_use]
pub fn peak_mib() -> Option<f64> {
    peak(&fs::read_to_string("/proc/self/status").ok()?)
}

fn peak(status: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_read_in_mib() {
        assert_eq!(peak("Name:\tx\nVmHWM:\t    5120 kB\nVmRSS:\t 1 kB\n"), Some(5.0));
        assert_eq!(peak("VmRSS:\t 1 kB\n"), None);
    }
}
