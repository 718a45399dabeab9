//! Where the figures come from.

use std::fs;
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;

/// A machine and what runs on it.
#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    /// The processor's name.
    pub cpu: String,
    /// Cores that this process may use.
    pub cores: usize,
    /// MiB of memory.
    pub memory_mib: Option<u64>,
    /// The kernel's release.
    pub kernel: String,
    /// The server's version.
    pub server: String,
    /// Whether the compiler optimized.
    pub build: &'static str,
    /// When it was, in UTC.
    pub date: String,
}

impl Machine {
    /// This one, with a server of this version.
    #[must_use]
    pub fn here(server: String) -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            cpu: value(&read("/proc/cpuinfo"), "model name").unwrap_or("unknown").into(),
            cores: thread::available_parallelism().map_or(1, Into::into),
            memory_mib: value(&read("/proc/meminfo"), "MemTotal")
                .and_then(|total| total.strip_suffix("kB")?.trim().parse::<u64>().ok())
                .map(|kib| kib / 1024),
            kernel: read("/proc/sys/kernel/osrelease").trim().into(),
            server,
            build: if cfg!(debug_assertions) { "debug: figures mean nothing" } else { "release" },
            date: date(now.as_secs()),
        }
    }

    /// Names and values, for people.
    #[must_use]
    pub fn rows(&self) -> Vec<(&'static str, String)> {
        let memory = self.memory_mib.map_or_else(|| "unknown".into(), |mib| format!("{mib} MiB"));
        vec![
            ("processor", self.cpu.clone()),
            ("cores", self.cores.to_string()),
            ("memory", memory),
            ("kernel", self.kernel.clone()),
            ("server", self.server.clone()),
            ("build", self.build.to_owned()),
            ("date", self.date.clone()),
        ]
    }
}

/// The first value of a name, in lines of `name : value`.
fn value<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        (found.trim() == name).then(|| value.trim())
    })
}

/// The day and minute of a time, in the Gregorian calendar.
fn date(unix_seconds: u64) -> String {
    let (days, second) = (unix_seconds / 86_400, unix_seconds % 86_400);
    // Counted from 1 March of the year 0, so that leap days are the last of their years.
    let day = days + 719_468;
    let (era, day) = (day / 146_097, day % 146_097);
    let year_of_era = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute) = (second / 3600, second / 60 % 60);
    format!("{year}-{month:02}-{day_of_month:02} {hour:02}:{minute:02} UTC")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_of_the_calendar() {
        assert_eq!(date(0), "1970-01-01 00:00 UTC");
        assert_eq!(date(951_782_400 + 3_660), "2000-02-29 01:01 UTC");
        assert_eq!(date(1_735_689_599), "2024-12-31 23:59 UTC");
    }

    #[test]
    fn values_are_found_by_name() {
        assert_eq!(value("a b\t: 1\nmodel name\t: X: Y\n", "model name"), Some("X: Y"));
        assert_eq!(value("a: 1", "b"), None);
    }
}
