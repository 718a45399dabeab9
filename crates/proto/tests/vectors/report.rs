//! What was run and what was not, and why.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::load::Case;

/// Kinds of reasons why something recorded was not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Why {
    NothingSent,
    WrongOnPurpose,
    NotCoveredYet,
    NotOffered,
    Unknown,
    ResponseNotRun,
    NotThroughConnection,
    /// No reason, but a failure.
    Failed,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NothingSent => "Steps without a request",
            Self::WrongOnPurpose => "Requests that are wrong on purpose: our API cannot build them",
            Self::NotCoveredYet => "Requests of kinds that are not covered yet",
            Self::NotOffered => "Requests that our API does not offer",
            Self::Unknown => "Requests whose making is not recorded",
            Self::ResponseNotRun => "Responses that were not run",
            Self::Failed => "Failures",
            Self::NotThroughConnection => {
                "Responses decoded, but not as answers taken from a Connection"
            }
        })
    }
}

/// Places by name, with their servers.
type Places = BTreeMap<String, BTreeSet<String>>;

#[derive(Default)]
pub(crate) struct Report {
    pub(crate) vectors: BTreeMap<String, usize>,
    /// Vectors of which every request was encoded and every response decoded.
    pub(crate) complete: usize,
    pub(crate) steps: usize,
    /// Packets sent, those in one write counted each.
    pub(crate) requests: usize,
    /// Recorded requests compared with their view, which shows that the comparison is sound.
    pub(crate) request_views: usize,
    /// Requests encoded by us, by type and server.
    pub(crate) encoded: BTreeMap<(&'static str, String), usize>,
    /// Iterators, operations and ways to name things among them.
    pub(crate) forms: BTreeSet<String>,
    pub(crate) responses: usize,
    pub(crate) greetings: usize,
    pub(crate) handshakes: usize,
    pub(crate) feedings: usize,
    /// Answers taken from a connection: two per response, fed whole and piece by piece.
    pub(crate) answers: usize,
    pub(crate) failures: Vec<String>,
    skipped: BTreeMap<(Why, String), Places>,
    /// How much of the vectors is wanting.
    skips: usize,
}

impl Report {
    /// Something was not run.
    pub(crate) fn skip(&mut self, case: &Case, place: &str, why: Why, reason: &str) {
        if !matches!(why, Why::NothingSent | Why::NotThroughConnection) {
            self.skips += 1;
        }
        let places = self.skipped.entry((why, reason.to_owned())).or_default();
        let servers = places.entry(place.to_owned()).or_default();
        let fresh = servers.insert(case.server.clone());
        assert!(fresh, "{place} is listed twice");
    }

    /// Something was run and is wrong.
    pub(crate) fn fail(&mut self, case: &Case, place: &str, why: &str) {
        let failure = format!("{} ({}): {why:.600}", place, case.server);
        self.failures.push(failure);
        self.skips += 1;
    }

    /// Counts a vector, whose skips are what `run` adds.
    pub(crate) fn vector(&mut self, case: &Case, run: impl FnOnce(&mut Self)) {
        *self.vectors.entry(case.server.clone()).or_default() += 1;
        self.steps += case.steps.len();
        let before = self.skips;
        run(self);
        self.complete += usize::from(self.skips == before);
    }

    /// Every request and every response was run, or has a reason or a failure.
    pub(crate) fn check_sums(&self) {
        let encoded: usize = self.encoded.values().sum();
        let skipped = [Why::WrongOnPurpose, Why::NotCoveredYet, Why::NotOffered, Why::Unknown];
        let skipped: usize = skipped.map(|why| self.count(why)).iter().sum();
        assert_eq!(self.requests, encoded + skipped);
        let unanswered = self.greetings + self.count(Why::NotThroughConnection);
        let failed = self.failures.len();
        assert_eq!(self.responses, self.answers / 2 + unanswered + failed);
    }

    /// How much was not run for reasons of this kind.
    fn count(&self, why: Why) -> usize {
        let skipped = self.skipped.iter().filter(|((kind, _), _)| *kind == why);
        skipped.map(|(_, places)| total(places)).sum()
    }

    fn reasons(&self, why: Why, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let skipped = self.skipped.iter().filter(|((kind, _), _)| *kind == why);
        for ((_, reason), places) in skipped {
            writeln!(f, "  {:5}  {reason}", total(places))?;
            let names: Vec<String> = places.iter().map(|place| self.place(place)).collect();
            let mut line = String::new();
            for name in names {
                if line.len() + name.len() > 100 {
                    writeln!(f, "           {line}")?;
                    line.clear();
                }
                line = format!("{line}{name} ");
            }
            writeln!(f, "           {line}")?;
        }
        Ok(())
    }

    /// The name, with the servers if it is not all of them.
    fn place(&self, (name, servers): (&String, &BTreeSet<String>)) -> String {
        if servers.len() == self.vectors.len() {
            return name.clone();
        }
        let servers: Vec<&str> = servers.iter().map(String::as_str).collect();
        format!("{name}@{}", servers.join("+"))
    }
}

fn total(places: &Places) -> usize {
    places.values().map(BTreeSet::len).sum()
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let vectors: usize = self.vectors.values().sum();
        let encoded: usize = self.encoded.values().sum();
        writeln!(f, "Vectors (case and server): {vectors}")?;
        for (server, count) in &self.vectors {
            writeln!(f, "  {count:5}  {server}")?;
        }
        writeln!(
            f,
            "  {:5}  in full: every request encoded, every response decoded",
            self.complete
        )?;
        writeln!(f, "Steps: {}", self.steps)?;
        writeln!(f, "Names below: case/step, +packet of one write, #response, @server if not all")?;
        writeln!(f, "Requests sent: {}", self.requests)?;
        writeln!(f, "  {encoded:5}  encoded by us, decoded to the recorded view")?;
        for ((name, server), count) in &self.encoded {
            writeln!(f, "         {count:5}  {name}, {server}")?;
        }
        writeln!(f, "  {:5}  recorded ones compared with their view", self.request_views)?;
        writeln!(f, "Responses: {}", self.responses)?;
        writeln!(f, "  {:5}  greetings", self.greetings)?;
        writeln!(
            f,
            "  {:5}  packets, fed in {} ways",
            self.responses - self.greetings,
            self.feedings
        )?;
        writeln!(f, "  {:5}  answers taken from a Connection, two per reply", self.answers)?;
        writeln!(f, "  {:5}  handshakes with a recorded reply to ID", self.handshakes)?;
        for why in [
            Why::NothingSent,
            Why::WrongOnPurpose,
            Why::NotCoveredYet,
            Why::NotOffered,
            Why::Unknown,
            Why::ResponseNotRun,
            Why::NotThroughConnection,
        ] {
            writeln!(f, "{why}: {}", self.count(why))?;
            self.reasons(why, f)?;
        }
        let forms: Vec<&str> = self.forms.iter().map(String::as_str).collect();
        writeln!(f, "Forms among the encoded requests: {}", forms.join(", "))
    }
}
