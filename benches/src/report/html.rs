//! The report as one page that needs nothing besides.

use std::fmt::Write as _;

use super::Report;
use super::figures::{self, Section};
use super::svg::escaped;
use super::table::{self, Table};

pub(super) const STYLE: &str = include_str!("style.css");

/// The page.
#[must_use]
pub fn page(report: &Report) -> String {
    let title = escaped(&report.title);
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n"
    );
    page.push_str(&about(report));
    if let Some(glance) = table::glance(report) {
        page.push_str("<h2>At a glance</h2>\n");
        page.push_str(&rows(&glance));
    }
    for section in figures::sections(report) {
        page.push_str(&shown(&section));
    }
    page.push_str("<h2>All figures</h2>\n");
    page.push_str(&rows(&table::figures(report, false)));
    page.push_str(READING);
    page.push_str("</body>\n</html>\n");
    page
}

const READING: &str = "\
<h2>How to read this</h2>
<ul>
<li><b>raw</b> is a pump of requests that were encoded before the clock started, over one blocking
socket with the same number in flight; replies are only counted. It is the floor for a client's CPU
time, and no ceiling for its rate: smaller writes let client and server work at the same time.</li>
<li><b>of raw</b> is a client's rate divided by the pump's in the same round. Rounds are interleaved
over the clients, and each run is a process of its own.</li>
<li><b>CPU us, user, system</b> are per request, of the client's process with all its threads.</li>
<li><b>p50 to max</b> are of all requests, or of one in seven where eight or more are in flight
without a fixed rate, since looking at the clock would cost too much.</li>
<li><b>MiB</b> is the most resident memory of that process, with what the benchmark itself keeps:
four bytes for each latency.</li>
<li>Figures of one machine say little about another; ratios say more than rates.</li>
</ul>
";

fn about(report: &Report) -> String {
    let mut text = String::from("<dl>\n");
    let mut rows = report.machine.rows();
    rows.push(("placement", report.placement.clone()));
    rows.push(("rounds", format!("{} after a warm-up, interleaved; medians", report.rounds)));
    for (name, value) in rows {
        // Writing to a string can't fail.
        let _ = writeln!(text, "<div><dt>{name}</dt><dd>{}</dd></div>", escaped(&value));
    }
    let _ = writeln!(text, "</dl>\n<pre>tarantool-bench {}</pre>", escaped(&report.command));
    text
}

fn shown(section: &Section) -> String {
    let mut text = format!(
        "<h2>{}</h2>\n<p>{}</p>\n<p class=\"legend\">",
        escaped(section.title),
        escaped(section.note)
    );
    for (class, name) in &section.legend {
        let _ = write!(text, "<span class=\"{class}\"><i></i>{}</span> ", escaped(name));
    }
    text.push_str("</p>\n<div class=\"figures\">\n");
    for (caption, svg) in &section.figures {
        let _ =
            writeln!(text, "<figure><figcaption>{}</figcaption>{svg}</figure>", escaped(caption));
    }
    text.push_str("</div>\n");
    text
}

fn rows(table: &Table) -> String {
    let mut text = String::from("<div class=\"scroll\"><table>\n<thead><tr>");
    for title in &table.titles {
        let _ = write!(text, "<th>{}</th>", escaped(title));
    }
    text.push_str("</tr></thead>\n<tbody>\n");
    for row in &table.rows {
        text.push_str("<tr>");
        for cell in row {
            let _ = write!(text, "<td>{}</td>", escaped(cell));
        }
        text.push_str("</tr>\n");
    }
    text.push_str("</tbody>\n</table></div>\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::Op;
    use crate::report::tests::report;

    #[test]
    fn the_page_needs_nothing_else() {
        let page = page(&report(&["raw", "tokio"], &[Op::Insert, Op::Select]));
        assert!(page.contains("A &lt;title&gt; &amp; more"));
        assert!(page.contains("<svg") && page.contains("At a glance"));
        for link in ["<script", "src=", "href=", "http:", "https:", "url("] {
            assert!(!page.contains(link), "{link}");
        }
    }
}
