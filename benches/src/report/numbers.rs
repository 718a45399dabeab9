//! Numbers as people read them.

use super::spread::Spread;

/// A whole number with its thousands apart.
#[must_use]
pub fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (place, digit) in digits.char_indices() {
        if place > 0 && (digits.len() - place) % 3 == 0 && !text.ends_with('-') {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Three significant digits, more before the point if there are.
#[must_use]
pub fn significant(number: f64) -> String {
    match number.abs() {
        0.0 => "0".into(),
        size if size < 10.0 => format!("{number:.2}"),
        size if size < 100.0 => format!("{number:.1}"),
        _ => grouped(number),
    }
}

/// For the ends of axes: `20k`, `1.5M`.
#[must_use]
pub fn short(number: f64) -> String {
    let (scaled, unit) = match number.abs() {
        size if size >= 1e6 => (number / 1e6, "M"),
        size if size >= 1e3 => (number / 1e3, "k"),
        _ => (number, ""),
    };
    let text = format!("{scaled:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    format!("{text}{unit}")
}

/// Bytes in units of 1,024.
#[must_use]
pub fn bytes(number: f64) -> String {
    match number {
        size if size >= 1_048_576.0 => format!("{} MiB", short(size / 1_048_576.0)),
        size if size >= 1024.0 => format!("{} KiB", short(size / 1024.0)),
        size => format!("{size:.0} B"),
    }
}

/// Microseconds in the unit that fits.
#[must_use]
pub fn micros(number: f64) -> String {
    match number {
        us if us >= 1e6 => format!("{} s", three_digits(us / 1e6)),
        us if us >= 1e3 => format!("{} ms", three_digits(us / 1e3)),
        us => format!("{} us", three_digits(us)),
    }
}

/// As [`significant`], without zeros at the end.
fn three_digits(number: f64) -> String {
    let text = significant(number);
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').into() } else { text }
}

/// The median and the ends.
#[must_use]
pub fn with_ends(spread: Spread, number: impl Fn(f64) -> String) -> String {
    let Spread { median, min, max } = spread;
    format!("{} [{}-{}]", number(median), number(min), number(max))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_apart() {
        let cases = [(0.0, "0"), (999.4, "999"), (1234.0, "1,234"), (-123_456.0, "-123,456")];
        for (number, text) in cases {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn units_fit() {
        assert_eq!([1.0, 1500.0, 2e6].map(short), ["1", "1.5k", "2M"]);
        assert_eq!([16.0, 1536.0, 1_048_576.0].map(bytes), ["16 B", "1.5 KiB", "1 MiB"]);
        assert_eq!([0.5, 20.0, 1500.0, 2e6].map(micros), ["0.5 us", "20 us", "1.5 ms", "2 s"]);
        assert_eq!([147.85, 98.765].map(micros), ["148 us", "98.8 us"]);
        assert_eq!([0.123, 12.34, 12_345.0].map(significant), ["0.12", "12.3", "12,345"]);
    }

    #[test]
    fn ends_follow_the_median() {
        let spread = Spread { median: 2000.0, min: 1.0, max: 3000.0 };
        assert_eq!(with_ends(spread, grouped), "2,000 [1-3,000]");
    }
}
