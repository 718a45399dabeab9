//! Plots as SVG, coloured by the page's style sheet.

pub mod axis;
pub mod bars;
pub mod lines;

use std::fmt::Write as _;

use axis::Axis;

pub(super) const WIDTH: f64 = 480.0;
pub(super) const HEIGHT: f64 = 280.0;
const LEFT: f64 = 58.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = 44.0;

/// Makes a text one of a document.
#[must_use]
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// The place of a share of the width, from the left.
fn across(share: f64) -> f64 {
    LEFT + share * (WIDTH - LEFT - RIGHT)
}

/// The place of a share of the height, from the bottom.
fn up(share: f64) -> f64 {
    HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)
}

/// A plot with its axes drawn; what is in it is still to come.
fn plot(title: &str, x: &Axis, y: &Axis) -> String {
    let mut svg = format!(
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">",
        escaped(title)
    );
    let (left, right, bottom) = (across(0.0), across(1.0), up(0.0));
    // Writing to a string can't fail.
    for (share, label) in y.ticks() {
        let at = up(share);
        let _ = write!(
            svg,
            "<line class=\"grid\" x1=\"{left:.1}\" x2=\"{right:.1}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            left - 6.0,
            at + 4.0,
            escaped(&label)
        );
    }
    for (share, label) in x.ticks() {
        let at = across(share);
        let anchor = if share > 0.97 { "end" } else { "middle" };
        let _ = write!(
            svg,
            "<line class=\"tick\" x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{bottom:.1}\" y2=\"{:.1}\"/>\
             <text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{}</text>",
            bottom + 4.0,
            bottom + 17.0,
            escaped(&label)
        );
    }
    let _ = write!(
        svg,
        "<line class=\"axis\" x1=\"{left:.1}\" x2=\"{right:.1}\" y1=\"{bottom:.1}\" y2=\"{bottom:.1}\"/>\
         <text class=\"label\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
        f64::midpoint(left, right),
        HEIGHT - 8.0,
        escaped(x.label)
    );
    svg
}
