//! The table of what was replayed.

pub(crate) struct Report<const N: usize> {
    names: [&'static str; N],
    lines: Vec<(String, [usize; N], Vec<String>)>,
}

impl<const N: usize> Report<N> {
    pub(crate) fn new(names: [&'static str; N]) -> Self {
        Self { names, lines: Vec::new() }
    }

    pub(crate) fn line(&mut self, name: &str, counts: [usize; N]) {
        self.lines.push((name.into(), counts, Vec::new()));
    }

    pub(crate) fn left_out(&mut self, name: &str, why: &str) {
        self.lines.push((name.into(), [0; N], vec![why.into()]));
    }

    /// Of the last line.
    pub(crate) fn reasons(&mut self, reasons: &[String]) {
        self.lines.last_mut().unwrap().2.extend_from_slice(reasons);
    }

    /// Prints the table. No session may vanish, and nothing out of one.
    pub(crate) fn finish(&self, side: &str, lines: usize, totals: [usize; N]) {
        println!("{side:34}{}  left out or different", row(self.names));
        let mut sums = [0; N];
        for (name, counts, reasons) in &self.lines {
            sums = std::array::from_fn(|at| sums[at] + counts[at]);
            println!("{name:34}{}  {}", row(*counts), reasons.join("; "));
        }
        println!("{:34}{}", "", row(sums));
        assert_eq!((self.lines.len(), sums), (lines, totals), "{side}");
    }
}

fn row<T: std::fmt::Display, const N: usize>(cells: [T; N]) -> String {
    cells.map(|cell| format!("{cell:>11}")).concat()
}
