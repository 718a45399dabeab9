//! What goes wrong, and the end of that.

use crate::schedule::{Event, Way};
use crate::server::State;
use crate::settings::Fault;
use crate::world::{Season, World};

/// How long anything lasts that ends by itself, at most, in microseconds.
const LASTS_MAX: u64 = 400_000;
/// How far a clock jumps, at most.
const JUMP_MAX: u64 = 3_000_000;
/// All must have recovered so long after the last fault.
pub(crate) const RECOVERY_MAX: u64 = 30_000_000;

impl World<'_> {
    pub(crate) fn fault(&mut self) {
        if self.season != Season::Faults {
            return;
        }
        let pause = self.random.within(1..=self.settings.fault_pause_max);
        self.schedule.after(pause, Event::Fault);
        let choice = self.random.below(self.settings.faults.len() as u64) as usize;
        let server = self.random.below(self.servers.len() as u64) as usize;
        let client = self.random.below(self.clients.len() as u64) as usize;
        let is_up = self.servers[server].state == State::Up;
        match self.settings.faults[choice] {
            Fault::Cut => {
                if let Some(place) = self.clients[client].driver.link {
                    self.cut(place);
                }
            }
            Fault::Freeze => self.freeze(client),
            Fault::Kill if is_up => self.stop(server, false),
            Fault::Shutdown if is_up => self.leave(server),
            Fault::Refuse if is_up => self.lapse(server, State::Refusing),
            Fault::Mute if is_up => self.lapse(server, State::Mute),
            Fault::Unreachable if is_up => self.lapse(server, State::Unreachable),
            Fault::Password if is_up => {
                self.servers[server].takes_password = false;
                self.lapse(server, State::Up);
            }
            Fault::Jump => {
                let jump = self.random.up_to_about(JUMP_MAX);
                self.note(client, "clock jumps", [jump, 0]);
                self.clients[client].ahead += jump;
                // It could not hear in that time.
                self.clients[client].driver.heard_at += jump;
                self.drive(client);
            }
            Fault::Sleep => {
                let until = self.now() + self.random.up_to_about(LASTS_MAX);
                self.note(client, "sleeps", [until, 0]);
                let client = &mut self.clients[client];
                client.driver.sleeps_until = client.driver.sleeps_until.max(until);
                client.driver.heard_at = client.clock(client.driver.sleeps_until);
            }
            _ => {}
        }
    }

    fn lapse(&mut self, server: usize, state: State) {
        self.enter(server, state);
        self.restore_within(server, LASTS_MAX);
    }

    /// Nothing gets through for a while, or not before all is healed: one way, or both.
    fn freeze(&mut self, client: usize) {
        let Some(place) = self.clients[client].driver.link else {
            return;
        };
        let until = match self.random.below(3) {
            0 => u64::MAX,
            _ => self.now() + self.random.up_to_about(LASTS_MAX),
        };
        let which = self.random.below(3);
        self.note(client, "freezes", [until, which]);
        if let Some(link) = &mut self.links[place] {
            if which != 0 {
                link.to_server.freeze(until);
            }
            if which != 1 {
                link.to_client.freeze(until);
            }
        }
    }

    /// No more faults: servers are up, and links carry or are known to be broken.
    pub(crate) fn heal(&mut self) {
        self.note(0, "heals", [0, 0]);
        for server in 0..self.servers.len() {
            self.restore(server);
        }
        // What is slow by itself would be a fault.
        self.settings.conditions.pause_one_in = 0;
        self.settings.conditions.capacity = self.settings.conditions.capacity.max(4000);
        for place in 0..self.links.len() {
            let Some(link) = &mut self.links[place] else {
                continue;
            };
            link.conditions = self.settings.conditions;
            link.to_server.heal();
            link.to_client.heal();
            if link.is_used && !link.is_served {
                let time = self.latency();
                self.schedule.after(time, Event::Broken { link: place });
            }
            self.expect(place, Way::ToServer);
            self.expect(place, Way::ToClient);
            self.speak(place);
        }
        for client in 0..self.clients.len() {
            self.wake(client, self.now());
        }
        self.season = Season::Recovery(self.now() + RECOVERY_MAX);
        self.schedule.after(0, Event::Look);
    }
}
