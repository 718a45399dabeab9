//! Scales: from values to places, and which values are written beside them.

/// How values become places from 0 to 1.
#[derive(Clone, Debug, PartialEq)]
pub enum Scale {
    /// Even distances.
    Linear {
        /// The value at 0.
        min: f64,
        /// The value at 1.
        max: f64,
    },
    /// Even ratios, of positive values.
    Log {
        /// The value at 0.
        min: f64,
        /// The value at 1.
        max: f64,
    },
    /// The same, with powers of two written beside it.
    Binary {
        /// The value at 0.
        min: f64,
        /// The value at 1.
        max: f64,
    },
    /// The values 0, 1, 2 and so on are names.
    Names(Vec<String>),
}

/// A scale with its texts.
#[derive(Clone, Debug)]
pub struct Axis {
    /// Where values are.
    pub scale: Scale,
    /// What values are; written at the horizontal axis only.
    pub label: &'static str,
    /// How values are written.
    pub format: fn(f64) -> String,
}

impl Scale {
    /// From 0 to a round number that is not below any of these.
    #[must_use]
    pub fn from_zero(values: impl IntoIterator<Item = f64>) -> Self {
        let largest = values.into_iter().fold(0.0, f64::max);
        let step = step(largest);
        let max = if largest > 0.0 { (largest / step).ceil() * step } else { 1.0 };
        Self::Linear { min: 0.0, max }
    }

    /// From the smallest to the largest of these, a little wider.
    #[must_use]
    pub fn log(values: impl IntoIterator<Item = f64>) -> Self {
        let (mut min, mut max) = (f64::INFINITY, 0.0_f64);
        for value in values.into_iter().filter(|value| *value > 0.0) {
            (min, max) = (min.min(value), max.max(value));
        }
        if max == 0.0 {
            return Self::Log { min: 1.0, max: 10.0 };
        }
        Self::Log { min: min / 1.15, max: max * 1.15 }
    }

    /// As [`log`](Self::log), for bytes.
    #[must_use]
    pub fn binary(values: impl IntoIterator<Item = f64>) -> Self {
        match Self::log(values) {
            Self::Log { min, max } => Self::Binary { min, max },
            other => other,
        }
    }

    /// The place of a value.
    #[must_use]
    pub fn place(&self, value: f64) -> f64 {
        match self {
            Self::Linear { min, max } => (value - min) / (max - min),
            Self::Log { min, max } | Self::Binary { min, max } => {
                (value.max(*min) / min).ln() / (max / min).ln()
            }
            Self::Names(names) => (value + 0.5) / names.len().max(1) as f64,
        }
    }
}

impl Axis {
    /// Places and what is written there.
    #[must_use]
    pub fn ticks(&self) -> Vec<(f64, String)> {
        let values = match &self.scale {
            Scale::Linear { min, max } => {
                let step = step(max - min);
                let count = ((max - min) / step + 1e-9) as usize;
                (0..=count).map(|number| min + number as f64 * step).collect()
            }
            Scale::Log { min, max } => round_values(*min, *max),
            Scale::Binary { min, max } => powers_of_two(*min, *max),
            Scale::Names(names) => {
                let places = names.iter().enumerate();
                return places
                    .map(|(place, name)| (self.scale.place(place as f64), name.clone()))
                    .collect();
            }
        };
        values.into_iter().map(|value| (self.scale.place(value), (self.format)(value))).collect()
    }
}

/// A round number that goes into a range four to ten times.
fn step(range: f64) -> f64 {
    if range <= 0.0 {
        return 1.0;
    }
    let power = 10_f64.powf((range / 5.0).log10().floor());
    let digit = range / 5.0 / power;
    let round = [1.0, 2.0, 2.5, 5.0].into_iter().rfind(|round| *round <= digit + 1e-9);
    round.unwrap_or(1.0) * power
}

/// Powers of ten, with their double and fivefold where there are few.
fn round_values(min: f64, max: f64) -> Vec<f64> {
    let decades = (max / min).log10();
    let digits: &[f64] = if decades > 3.5 { &[1.0] } else { &[1.0, 2.0, 5.0] };
    let (first, last) = (min.log10().floor() as i32, max.log10().ceil() as i32);
    (first..=last)
        .flat_map(|power| digits.iter().map(move |digit| digit * 10_f64.powi(power)))
        .filter(|value| (min..=max).contains(value))
        .collect()
}

/// At most seven powers of two.
fn powers_of_two(min: f64, max: f64) -> Vec<f64> {
    let (first, last) = (min.log2().ceil() as i32, max.log2().floor() as i32);
    let step = (last - first) / 7 + 1;
    (first..=last).step_by(step as usize).map(|power| 2_f64.powi(power)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::numbers::{bytes, short};

    fn labels(scale: Scale) -> Vec<String> {
        let axis = Axis { scale, label: "", format: short };
        axis.ticks().into_iter().map(|tick| tick.1).collect()
    }

    #[test]
    fn linear_scales_begin_at_zero_and_end_round() {
        let scale = Scale::from_zero([310_000.0, 42.0]);
        assert_eq!(scale, Scale::Linear { min: 0.0, max: 350_000.0 });
        assert_eq!(labels(scale), ["0", "50k", "100k", "150k", "200k", "250k", "300k", "350k"]);
        assert_eq!(Scale::from_zero([]), Scale::Linear { min: 0.0, max: 1.0 });
    }

    #[test]
    fn log_scales_have_even_ratios() {
        let scale = Scale::log([10.0, 1000.0, 0.0]);
        let places = [10.0, 100.0, 1000.0].map(|value| scale.place(value));
        assert!((places[1] - places[0] - (places[2] - places[1])).abs() < 1e-9, "{places:?}");
        assert_eq!(labels(scale), ["10", "20", "50", "100", "200", "500", "1k"]);
        assert_eq!(labels(Scale::log([1.0, 1e6])), ["1", "10", "100", "1k", "10k", "100k", "1M"]);
    }

    #[test]
    fn binary_scales_have_powers_of_two() {
        let scale = Scale::binary([16.0, 1_048_576.0]);
        assert_eq!(scale.place(0.0), 0.0);
        let axis = Axis { scale, label: "", format: bytes };
        let labels: Vec<_> = axis.ticks().into_iter().map(|tick| tick.1).collect();
        assert_eq!(labels, ["16 B", "128 B", "1 KiB", "8 KiB", "64 KiB", "512 KiB"]);
    }

    #[test]
    fn names_are_in_the_middle_of_their_places() {
        let scale = Scale::Names(vec!["a".into(), "b".into()]);
        assert_eq!([0.0, 1.0].map(|value| scale.place(value)), [0.25, 0.75]);
        assert_eq!(labels(scale), ["a", "b"]);
    }
}
