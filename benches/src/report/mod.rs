//! What is told about a benchmark.

use serde::Serialize;

use crate::job::Op;
use crate::machine::Machine;
use cell::Cell;

pub mod cell;
pub mod figures;
pub mod html;
pub mod numbers;
pub mod picture;
pub mod spread;
pub mod svg;
pub mod table;

/// All of it.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// What was measured.
    pub title: String,
    /// The command line that measures it again.
    pub command: String,
    /// Where it was measured.
    pub machine: Machine,
    /// Which cores server and clients were on.
    pub placement: String,
    /// Rounds that count.
    pub rounds: usize,
    /// The figures.
    pub cells: Vec<Cell>,
}

impl Report {
    /// All different values of something, in the order of their first appearance.
    fn distinct<T: PartialEq>(&self, value: impl Fn(&Cell) -> T) -> Vec<T> {
        let mut values = Vec::new();
        for value in self.cells.iter().map(value) {
            if !values.contains(&value) {
                values.push(value);
            }
        }
        values
    }

    /// The names of all clients.
    fn clients(&self) -> Vec<&str> {
        let mut names = Vec::new();
        for cell in &self.cells {
            if !names.contains(&cell.client.as_str()) {
                names.push(cell.client.as_str());
            }
        }
        names
    }

    /// Whether any client was given its requests at a rate.
    fn has_rates(&self) -> bool {
        self.cells.iter().any(|cell| cell.rate.is_some())
    }

    fn find(&self, client: &str, case: (Op, usize, usize)) -> Option<&Cell> {
        self.cells.iter().find(|cell| cell.client == client && cell.case() == case)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn report(clients: &[&str], ops: &[Op]) -> Report {
        let cells = ops
            .iter()
            .flat_map(|op| clients.iter().map(|client| cell::tests::cell(client, *op)))
            .collect();
        Report {
            title: "A <title> & more".into(),
            command: "throughput --op select".into(),
            machine: Machine::here("Tarantool 0".into()),
            placement: "not pinned".into(),
            rounds: 1,
            cells,
        }
    }
}
