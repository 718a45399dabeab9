//! Everything that is there, and its one loop.

use std::time::Instant;

use crate::client::Client;
use crate::ledger::Ledger;
use crate::link::Link;
use crate::random::Random;
use crate::schedule::{Event, Schedule};
use crate::server::Server;
use crate::settings::{self, Settings};
use crate::trace::Trace;

pub(crate) struct World<'a> {
    pub(crate) settings: Settings,
    pub(crate) random: Random,
    pub(crate) schedule: Schedule,
    pub(crate) clients: Vec<Client>,
    pub(crate) servers: Vec<Server>,
    /// `None`: gone from both sides.
    pub(crate) links: Vec<Option<Link>>,
    pub(crate) ledger: Ledger,
    pub(crate) trace: &'a mut Trace,
    pub(crate) season: Season,
}

/// What is going on in the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Season {
    Faults,
    /// No more faults: all shall recover, until this time.
    Recovery(u64),
    /// All have recovered: what is open shall be answered.
    Answers(u64),
    /// All close.
    Closing(u64),
    Over,
}

/// A world that is not over by then stands still, or runs in circles.
const STEPS_MAX: u64 = 5_000_000;

impl<'a> World<'a> {
    pub(crate) fn new(seed: u64, trace: &'a mut Trace) -> Self {
        let mut random = Random::new(seed);
        let settings = Settings::new(&mut random);
        // Any time to count from.
        let start = Instant::now();
        let servers: Vec<Server> =
            (0..settings.servers).map(|_| Server::new(&mut random)).collect();
        let clients = (0..settings.clients).map(|_| {
            let addresses = random.within(1..=servers.len() as u64) as usize;
            let config = settings::session(&mut random, addresses);
            let mut client = Client::new(config, random.next(), start);
            client.driver.is_eager = random.one_in(2);
            client.driver.obeys = !random.one_in(4);
            client.driver.part = random.pick([1, 2, 5, usize::MAX]);
            client.user.acts_left = settings.acts;
            client
        });
        Self {
            clients: clients.collect(),
            settings,
            random,
            schedule: Schedule::default(),
            servers,
            links: Vec::new(),
            ledger: Ledger::default(),
            trace,
            season: Season::Faults,
        }
    }

    /// From its beginning to its end.
    pub(crate) fn run(mut self) -> u64 {
        for client in 0..self.clients.len() {
            self.wake(client, 0);
            let pause = self.random.below(self.settings.pause_max);
            self.schedule.after(pause, Event::Act { client });
        }
        self.schedule.after(self.settings.acts * self.settings.pause_max / 2, Event::Heal);
        if !self.settings.faults.is_empty() {
            self.schedule.after(0, Event::Fault);
        }
        while self.season != Season::Over {
            let event = self.schedule.next().expect("something to come");
            self.trace.begin(self.schedule.now());
            self.step(event);
            assert!(self.trace.steps() < STEPS_MAX, "no end");
        }
        self.check_books();
        self.ledger.next_number()
    }

    fn step(&mut self, event: Event) {
        match event {
            Event::Wake { client } => {
                if self.clients[client].driver.wake == Some(self.schedule.now()) {
                    self.clients[client].driver.wake = None;
                    self.drive(client);
                }
            }
            Event::Act { client } => self.act(client),
            Event::Opened { client, attempt, server } => self.opened(client, attempt, server),
            Event::Arrive { link, way } => self.arrive(link, way),
            Event::Broken { link } => self.broken(link),
            Event::Execute { server, work } => self.execute(server, work),
            Event::Down { server, epoch } => {
                if self.servers[server].epoch == epoch {
                    self.stop(server, true);
                }
            }
            Event::Restore { server, epoch } => {
                if self.servers[server].epoch == epoch {
                    self.restore(server);
                }
            }
            Event::Fault => self.fault(),
            Event::Heal => self.heal(),
            Event::Look => self.look(),
        }
    }

    pub(crate) fn note(&mut self, who: usize, what: &'static str, numbers: [u64; 2]) {
        self.trace.note(who, what, numbers);
    }

    pub(crate) const fn now(&self) -> u64 {
        self.schedule.now()
    }
}
