//! Bars in groups, with the range of each.

use std::fmt::Write as _;

use super::axis::{Axis, Scale};
use super::{across, escaped, plot, up};
use crate::report::spread::Spread;

/// The bars of one colour, one in each group where there is any.
#[derive(Clone, Debug)]
pub struct Series {
    /// Its name, shown when one points at a bar.
    pub name: String,
    /// Its colour: a class of the style sheet.
    pub class: String,
    /// A value for each group.
    pub values: Vec<Option<Spread>>,
}

/// The share of a group's place that its bars take.
const FILLED: f64 = 0.86;

/// Draws groups of bars.
#[must_use]
pub fn draw(
    title: &str,
    groups: &[String],
    series: &[Series],
    format: fn(f64) -> String,
) -> String {
    let largest =
        series.iter().flat_map(|each| each.values.iter().flatten().map(|value| value.max));
    let y = Axis { scale: Scale::from_zero(largest), label: "", format };
    let x = Axis { scale: Scale::Names(groups.to_vec()), label: "", format };
    let mut svg = plot(title, &x, &y);
    let group = 1.0 / groups.len().max(1) as f64;
    let bar = group * FILLED / series.len().max(1) as f64;
    for (number, each) in series.iter().enumerate() {
        // Writing to a string can't fail.
        let _ = write!(svg, "<g class=\"{}\">", each.class);
        for (place, value) in each.values.iter().enumerate() {
            let Some(Spread { median, min, max }) = *value else {
                continue;
            };
            let left = group * (place as f64 + (1.0 - FILLED) / 2.0) + bar * number as f64;
            let (from, to) = (across(left), across(left + bar * 0.92));
            let (top, bottom) = (up(y.scale.place(median)), up(0.0));
            let _ = write!(
                svg,
                "<rect x=\"{from:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{:.1}\">\
                 <title>{}: {}</title></rect>",
                to - from,
                bottom - top,
                escaped(&each.name),
                escaped(&format(median))
            );
            if max > min {
                let middle = f64::midpoint(from, to);
                let (low, high) = (up(y.scale.place(min)), up(y.scale.place(max)));
                let _ = write!(
                    svg,
                    "<line class=\"range\" x1=\"{middle:.1}\" x2=\"{middle:.1}\" \
                     y1=\"{low:.1}\" y2=\"{high:.1}\"/>"
                );
            }
        }
        svg.push_str("</g>");
    }
    svg.push_str("</svg>");
    svg
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::numbers::short;

    #[test]
    fn bars_are_where_there_are_values() {
        let value = Spread { median: 5.0, min: 4.0, max: 10.0 };
        let series =
            [Series { name: "a".into(), class: "s0".into(), values: vec![Some(value), None] }];
        let svg = draw("t", &["x".into(), "y".into()], &series, short);
        assert_eq!((svg.matches("<rect").count(), svg.matches("\"range\"").count()), (1, 1));
        // Half of the height between 236 at the bottom and 14 at the top.
        assert!(svg.contains("y=\"125.0\"") && svg.contains("height=\"111.0\""), "{svg}");
    }
}
