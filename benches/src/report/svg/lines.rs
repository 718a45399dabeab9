//! Lines over a horizontal axis.

use std::fmt::Write as _;

use super::axis::{Axis, Scale};
use super::{across, escaped, plot, up};

/// A line.
#[derive(Clone, Debug)]
pub struct Line {
    /// Its name, shown when one points at it.
    pub name: String,
    /// Its colour: a class of the style sheet.
    pub class: String,
    /// Values of both axes.
    pub points: Vec<(f64, f64)>,
}

/// Draws lines; with dots where there are few points.
#[must_use]
pub fn draw(title: &str, x: &Axis, y: &Axis, lines: &[Line]) -> String {
    let mut svg = plot(title, x, y);
    for line in lines {
        let place = |&(a, b): &(f64, f64)| (across(x.scale.place(a)), up(y.scale.place(b)));
        let known = line.points.iter().filter(|point| match y.scale {
            Scale::Log { .. } | Scale::Binary { .. } => point.1 > 0.0,
            Scale::Linear { .. } | Scale::Names(_) => true,
        });
        let points: Vec<_> = known.clone().map(place).collect();
        let path: String = points.iter().map(|(a, b)| format!("{a:.1},{b:.1} ")).collect();
        // Writing to a string can't fail.
        let _ = write!(
            svg,
            "<g class=\"{}\"><title>{}</title><polyline points=\"{}\"/>",
            line.class,
            escaped(&line.name),
            path.trim_end()
        );
        if points.len() <= DOTS_MAX {
            for ((a, b), (_, value)) in points.iter().zip(known) {
                let _ = write!(
                    svg,
                    "<circle cx=\"{a:.1}\" cy=\"{b:.1}\" r=\"3\"><title>{}: {}</title></circle>",
                    escaped(&line.name),
                    escaped(&(y.format)(*value))
                );
            }
        }
        svg.push_str("</g>");
    }
    svg.push_str("</svg>");
    svg
}

const DOTS_MAX: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::numbers::short;

    #[test]
    fn lines_go_through_their_points() {
        let x = Axis { scale: Scale::Linear { min: 0.0, max: 2.0 }, label: "s", format: short };
        let y = Axis { scale: Scale::from_zero([10.0]), label: "", format: short };
        let line =
            Line { name: "a<b".into(), class: "s1".into(), points: vec![(0.0, 0.0), (2.0, 10.0)] };
        let svg = draw("t", &x, &y, &[line]);
        assert!(svg.contains("points=\"58.0,236.0 468.0,14.0\""), "{svg}");
        assert!(svg.contains("a&lt;b: 10") && svg.ends_with("</svg>"));
    }
}
