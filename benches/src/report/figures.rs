//! Which plots there are.

use super::Report;
use super::cell::Cell;
use super::numbers::{bytes, micros, short};
use super::spread::Spread;
use super::svg::axis::{Axis, Scale};
use super::svg::bars::{self, Series};
use super::svg::lines::{self, Line};
use crate::clients::Runtime;
use crate::job::Op;

/// Plots about one thing.
#[derive(Clone, Debug)]
pub struct Section {
    /// What they are about.
    pub title: &'static str,
    /// What one should know to read them.
    pub note: &'static str,
    /// What colours stand for: classes and names.
    pub legend: Vec<(String, String)>,
    /// Captions and plots.
    pub figures: Vec<(String, String)>,
}

/// Something to plot for each client.
struct Quantity {
    value: fn(&Cell) -> Option<Spread>,
    format: fn(f64) -> String,
}

const THROUGHPUT: Quantity = Quantity { value: |cell| Some(cell.ops_per_s), format: short };
const CPU: Quantity = Quantity { value: |cell| cell.cpu_us, format: micros };
const P99: Quantity = Quantity { value: |cell| cell.p99_us.map(exactly), format: micros };
const BATCHES: Quantity = Quantity { value: |cell| batches(cell).map(exactly), format: short };

/// What quantities are plotted over.
struct Range {
    label: &'static str,
    scale: fn(Vec<f64>) -> Scale,
    format: fn(f64) -> String,
}

const CONCURRENCY: Range =
    Range { label: "requests in flight", scale: |places| Scale::log(places), format: short };
const SIZE: Range =
    Range { label: "bytes of a row", scale: |places| Scale::binary(places), format: bytes };

fn exactly(value: f64) -> Spread {
    Spread { median: value, min: value, max: value }
}

/// One request alone has a write of its own always.
fn batches(cell: &Cell) -> Option<f64> {
    cell.requests_per_write.filter(|_| cell.concurrency > 1)
}

/// From so many values on, bars become lines over them.
const LINES_FROM: usize = 3;
/// More plots of one kind than this are too many.
const FIGURES_MAX: usize = 12;

/// All plots of a report.
#[must_use]
pub fn sections(report: &Report) -> Vec<Section> {
    let legend = legend(report);
    let section = |title, note, figures| Section { title, note, legend: legend.clone(), figures };
    let mut sections = vec![
        section(
            "Requests per second",
            "Medians; the thin line at a bar goes from the smallest to the largest round.",
            quantity(report, &THROUGHPUT),
        ),
        section(
            "Latency",
            "From the call to the decoded reply; with a fixed rate, from when the request was to \
             begin. The scale is logarithmic.",
            latency(report),
        ),
        section(
            "Client CPU per request",
            "User and system time of the client's whole process.",
            quantity(report, &CPU),
        ),
        section(
            "Requests per write",
            "How many requests shared a system call that writes, on average.",
            quantity(report, &BATCHES),
        ),
    ];
    sections.push(server(report, &legend));
    if report.has_rates() {
        // It is the rate that was asked for.
        sections.remove(0);
    }
    sections.retain(|section| !section.figures.is_empty());
    sections
}

/// The colour of a client: the same in all reports, but for those with a batching of their own.
fn class(report: &Report, client: &str) -> String {
    let known = |name: &str| Runtime::ALL.iter().position(|runtime| runtime.name() == name);
    if let Some(place) = known(client) {
        return format!("s{place}");
    }
    let names = report.clients();
    let others = names.iter().filter(|name| known(name).is_none());
    let place = others.take_while(|name| **name != client).count();
    format!("s{}", Runtime::ALL.len() + place % 2)
}

fn legend(report: &Report) -> Vec<(String, String)> {
    let entry = |client: &&str| (class(report, client), (*client).to_owned());
    report.clients().iter().map(entry).collect()
}

/// Bars by request, or lines over concurrency and size where there are many of them.
fn quantity(report: &Report, quantity: &Quantity) -> Vec<(String, String)> {
    let mut figures = over_ranges(report, quantity);
    if !figures.is_empty() {
        return figures;
    }
    for (concurrency, size) in report.distinct(|cell| (cell.concurrency, cell.size)) {
        let here = |cell: &&Cell| (cell.concurrency, cell.size) == (concurrency, size);
        let cells: Vec<_> = report.cells.iter().filter(here).collect();
        let mut ops = report.distinct(|cell| cell.op);
        ops.retain(|op| cells.iter().any(|cell| cell.op == *op));
        let groups: Vec<String> = ops.iter().map(Op::to_string).collect();
        let series: Vec<_> = report
            .clients()
            .iter()
            .map(|client| Series {
                name: (*client).into(),
                class: class(report, client),
                values: ops
                    .iter()
                    .map(|op| {
                        let mut own = cells.iter().filter(|cell| cell.client == *client);
                        own.find(|cell| cell.op == *op).and_then(|cell| (quantity.value)(cell))
                    })
                    .collect(),
            })
            .collect();
        if series.iter().all(|each| each.values.iter().all(Option::is_none)) {
            continue;
        }
        let caption = format!("{}, {}", in_flight(concurrency), bytes(size as f64));
        let svg = bars::draw(&caption, &groups, &series, quantity.format);
        figures.push((caption, svg));
    }
    figures
}

/// Lines over concurrency for each size that has many, and over size for each concurrency.
fn over_ranges(report: &Report, quantity: &Quantity) -> Vec<(String, String)> {
    let mut figures = Vec::new();
    for op in report.distinct(|cell| cell.op) {
        for size in report.distinct(|cell| cell.size) {
            let cells = |cell: &&Cell| cell.op == op && cell.size == size;
            let caption = format!("{op}, {}", bytes(size as f64));
            let at = |cell: &Cell| cell.concurrency as f64;
            figures.extend(over(report, &caption, cells, at, &CONCURRENCY, quantity));
        }
        for concurrency in report.distinct(|cell| cell.concurrency) {
            let cells = |cell: &&Cell| cell.op == op && cell.concurrency == concurrency;
            let caption = format!("{op}, {}", in_flight(concurrency));
            let at = |cell: &Cell| cell.size as f64;
            figures.extend(over(report, &caption, cells, at, &SIZE, quantity));
        }
    }
    figures
}

fn over(
    report: &Report,
    caption: &str,
    chosen: impl Fn(&&Cell) -> bool,
    at: impl Fn(&Cell) -> f64,
    axis: &Range,
    quantity: &Quantity,
) -> Option<(String, String)> {
    let cells: Vec<_> = report.cells.iter().filter(chosen).collect();
    let mut places: Vec<f64> = cells.iter().map(|cell| at(cell)).collect();
    places.sort_by(f64::total_cmp);
    places.dedup();
    if places.len() < LINES_FROM {
        return None;
    }
    let value = |cell: &&Cell| (quantity.value)(cell).map(|spread| spread.median);
    let line = |client: &&str| {
        let own = cells.iter().filter(|cell| cell.client == *client);
        let mut points: Vec<_> = own.filter_map(|cell| Some((at(cell), value(cell)?))).collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        Line { name: (*client).into(), class: class(report, client), points }
    };
    let lines: Vec<_> = report.clients().iter().map(line).collect();
    let x = Axis { scale: (axis.scale)(places), label: axis.label, format: axis.format };
    let scale = Scale::log(cells.iter().filter_map(value));
    let y = Axis { scale, label: "", format: quantity.format };
    Some((caption.into(), lines::draw(caption, &x, &y, &lines)))
}

/// Percentiles of each case; of many cases, the 99th over concurrency and size.
fn latency(report: &Report) -> Vec<(String, String)> {
    const NAMES: [&str; 5] = ["50 %", "90 %", "99 %", "99.9 %", "max"];
    let cases = report.distinct(Cell::case);
    if cases.len() > FIGURES_MAX {
        let figures = over_ranges(report, &P99);
        return figures
            .into_iter()
            .map(|(caption, svg)| (format!("p99, {caption}"), svg))
            .collect();
    }
    let mut figures = Vec::new();
    for case in cases {
        let percentiles =
            |cell: &Cell| [cell.p50_us, cell.p90_us, cell.p99_us, cell.p999_us, cell.max_us];
        let cells: Vec<_> = report.cells.iter().filter(|cell| cell.case() == case).collect();
        let values = cells.iter().flat_map(|cell| percentiles(cell)).flatten();
        let y = Axis { scale: Scale::log(values), label: "", format: micros };
        let names = NAMES.map(String::from).to_vec();
        let x = Axis { scale: Scale::Names(names), label: "of the requests", format: short };
        let line = |cell: &&Cell| Line {
            name: cell.client.clone(),
            class: class(report, &cell.client),
            points: percentiles(cell)
                .into_iter()
                .enumerate()
                .filter_map(|(place, value)| Some((place as f64, value?)))
                .collect(),
        };
        let lines: Vec<_> = cells.iter().map(line).collect();
        if lines.iter().any(|line| !line.points.is_empty()) {
            let caption = caption(case);
            figures.push((caption.clone(), lines::draw(&caption, &x, &y, &lines)));
        }
    }
    figures
}

/// What the server counted over time: each client's own kind of request, or all four of a mixed run.
fn server(report: &Report, legend: &[(String, String)]) -> Section {
    let mixed = report.cells.iter().any(|cell| cell.op == Op::Mixed);
    let (legend, figures) = if mixed {
        let kinds = (0..Op::MIX.len()).map(|kind| (kind_class(kind), Op::MIX[kind].to_string()));
        (kinds.collect(), report.cells.iter().filter_map(of_kinds).collect())
    } else {
        (legend.to_vec(), of_clients(report))
    };
    Section {
        title: "What the server counted",
        note: "Requests per second by box.stat(), read over a second connection during the last \
               round of each client. Lines of kinds that get on equally well lie on one another.",
        legend,
        figures,
    }
}

fn kind_class(kind: usize) -> String {
    format!("s{}", kind + 1)
}

fn of_clients(report: &Report) -> Vec<(String, String)> {
    let cases = report.distinct(Cell::case);
    if cases.len() > FIGURES_MAX {
        return Vec::new();
    }
    let figure = |case: (Op, usize, usize)| {
        let kind = kind(case.0)?;
        let cells: Vec<_> = report.cells.iter().filter(|cell| cell.case() == case).collect();
        let line = |cell: &&Cell| Line {
            name: cell.client.clone(),
            class: class(report, &cell.client),
            points: cell.curve.iter().map(|point| (point.seconds, point.rates[kind])).collect(),
        };
        let caption = caption(case);
        let svg = over_time(&caption, &cells.iter().map(line).collect::<Vec<_>>())?;
        Some((caption, svg))
    };
    cases.into_iter().filter_map(figure).collect()
}

fn of_kinds(cell: &Cell) -> Option<(String, String)> {
    let line = |(kind, op): (usize, &Op)| Line {
        name: op.to_string(),
        class: kind_class(kind),
        points: cell.curve.iter().map(|point| (point.seconds, point.rates[kind])).collect(),
    };
    let lines: Vec<_> = Op::MIX.iter().enumerate().map(line).collect();
    let svg = over_time(&cell.client, &lines)?;
    Some((cell.client.clone(), svg))
}

fn over_time(caption: &str, lines: &[Line]) -> Option<String> {
    let points = || lines.iter().flat_map(|line| &line.points);
    points().next()?;
    let x = Axis {
        scale: Scale::from_zero(points().map(|point| point.0)),
        label: "seconds since the first request",
        format: short,
    };
    let y =
        Axis { scale: Scale::from_zero(points().map(|point| point.1)), label: "", format: short };
    Some(lines::draw(caption, &x, &y, lines))
}

fn kind(op: Op) -> Option<usize> {
    let executed = if op == Op::Assign { Op::Update } else { op };
    Op::MIX.iter().position(|kind| *kind == executed)
}

fn caption((op, concurrency, size): (Op, usize, usize)) -> String {
    format!("{op}, {}, {}", in_flight(concurrency), bytes(size as f64))
}

fn in_flight(concurrency: usize) -> String {
    match concurrency {
        1 => "one at a time".into(),
        many => format!("{many} in flight"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::report;
    use crate::sampler::Point;

    #[test]
    fn few_cases_are_bars_and_percentiles() {
        let mut report = report(&["raw", "tokio"], &[Op::Insert, Op::Select]);
        for cell in &mut report.cells {
            cell.curve = vec![Point { seconds: 0.5, rates: [1.0; 4] }];
        }
        let sections = sections(&report);
        let counts: Vec<_> = sections.iter().map(|section| section.figures.len()).collect();
        assert_eq!(counts, [1, 2, 1, 1, 2]);
        assert_eq!(sections[0].legend[0], ("s0".into(), "raw".into()));
    }

    #[test]
    fn many_are_lines() {
        let mut all = report(&["raw", "tokio"], &[Op::Insert]);
        for concurrency in [1, 10] {
            let mut more = report(&["raw", "tokio"], &[Op::Insert]).cells;
            more.iter_mut().for_each(|cell| cell.concurrency = concurrency);
            all.cells.extend(more);
        }
        let figures = quantity(&all, &THROUGHPUT);
        assert_eq!(figures.len(), 1);
        assert_eq!(figures[0].1.matches("<polyline").count(), 2);
    }

    #[test]
    fn mixed_runs_show_all_kinds() {
        let mut report = report(&["raw", "tokio"], &[Op::Mixed]);
        report.cells[1].curve = vec![Point { seconds: 0.5, rates: [1.0; 4] }];
        let section = server(&report, &[]);
        assert_eq!((section.legend.len(), section.figures.len()), (4, 1));
        assert_eq!(section.figures[0].1.matches("<polyline").count(), 4);
    }
}
