//! The first plot of a report as a picture of its own, for pages that show no other.

use std::fmt::Write as _;

use super::Report;
use super::figures;
use super::html::STYLE;
use super::svg::{HEIGHT, WIDTH, escaped};

const TITLE: f64 = 24.0;
const LEGEND_ROW: f64 = 18.0;
const LEGEND_COLUMNS: usize = 3;

/// The picture, with its title and what the colours mean; `None`: there is nothing to plot.
#[must_use]
pub fn picture(report: &Report) -> Option<String> {
    let section = figures::sections(report).into_iter().next()?;
    let (caption, svg) = section.figures.first()?;
    let plot = svg.split_once('>')?.1.strip_suffix("</svg>")?;
    let rows = section.legend.len().div_ceil(LEGEND_COLUMNS);
    let legend = TITLE + HEIGHT;
    let height = legend + LEGEND_ROW * (float(rows) + 0.5);
    let title = escaped(&format!("{}: {caption}", section.title));
    let mut picture = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
         aria-label=\"{title}\">\n<style>\n{STYLE}svg {{ font-family: sans-serif; }}\n</style>\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" style=\"fill: var(--back)\"/>\n\
         <text x=\"12\" y=\"18\" style=\"fill: var(--text); font-weight: 600\">{title}</text>\n\
         <g transform=\"translate(0 {TITLE})\">{plot}</g>\n"
    );
    for (number, (class, name)) in section.legend.iter().enumerate() {
        let (column, row) = (float(number % LEGEND_COLUMNS), float(number / LEGEND_COLUMNS));
        let x = 14.0 + column * (WIDTH - 14.0) / float(LEGEND_COLUMNS);
        let y = legend + LEGEND_ROW * row;
        // Writing to a string can't fail.
        let _ = writeln!(
            picture,
            "<g class=\"{class}\"><rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"10\" height=\"10\" rx=\"2\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\">{}</text></g>",
            x + 15.0,
            y + 9.0,
            escaped(name)
        );
    }
    picture.push_str("</svg>\n");
    Some(picture)
}

fn float(number: usize) -> f64 {
    u32::try_from(number).map_or(f64::INFINITY, f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::Op;
    use crate::report::tests::report;

    #[test]
    fn the_picture_needs_nothing_else_and_names_the_clients() {
        let picture = picture(&report(&["raw", "tokio"], &[Op::Insert, Op::Select])).unwrap();
        assert!(picture.starts_with("<svg xmlns=") && picture.ends_with("</svg>\n"));
        assert_eq!(picture.matches("<svg").count(), 1);
        assert!(picture.contains(">tokio</text>"));
        for link in ["<script", "src=", "href=", "https:", "url("] {
            assert!(!picture.contains(link), "{link}");
        }
    }
}
