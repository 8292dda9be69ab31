//! How faults are carried out.

use crate::disk::DiskState;
use crate::event::WorldEvent;
use crate::fault::{DiskFault, Fault, FaultError, LATENCY_MAX_US};
use crate::ids::{HostId, Pid};
use crate::kernel::Kernel;
use crate::members::Launch;
use crate::proc::Signal;
use crate::sys::Sys;
use crate::trace::{Mark, hash_bytes};

impl Sys {
    /// Does something to the world the caller lives in: what the program `sim` is for.
    pub fn inject(&self, fault: Fault) -> Result<(), FaultError> {
        self.kernel.borrow_mut().inject(fault)
    }
}

impl Kernel {
    /// Carries a fault out. What it refuses has no effect at all.
    pub(crate) fn inject(&mut self, fault: Fault) -> Result<(), FaultError> {
        for host in fault.hosts() {
            if usize::from(host.0) >= self.hosts.len() {
                return Err(FaultError::NoSuchHost(host));
            }
        }
        self.inject_known(&fault)?;
        let words = fault.words(&self.host_names());
        self.trace.add(self.now_us, Mark::Fault, 0, hash_bytes(words.as_bytes()));
        self.events.push(WorldEvent::Fault(fault));
        Ok(())
    }

    /// The hosts' names, in order.
    pub(crate) fn host_names(&self) -> Vec<String> {
        self.hosts.iter().map(|host| host.name.clone()).collect()
    }

    fn inject_known(&mut self, fault: &Fault) -> Result<(), FaultError> {
        match fault {
            Fault::Kill { host } => self.signal_member(*host, Signal::Kill),
            Fault::Stop { host } => self.stop_member(*host),
            Fault::Start { host, config, argv } => {
                let given = config
                    .as_ref()
                    .map(|config| Launch { config: config.as_ref().clone(), argv: argv.clone() });
                self.start_member(*host, given)
            }
            Fault::Restart { host } => {
                self.needs_on(*host)?;
                if self.members.of_host(*host).is_none() {
                    return self.start_member(*host, None);
                }
                self.members.restart_when_gone(*host);
                self.stop_member(*host)
            }
            Fault::PowerOff { host } => self.cut_power(*host),
            Fault::PowerOn { host } => self.give_power(*host),
            Fault::Freeze { host } => {
                let (pid, stopped) = self.member_process(*host)?;
                if stopped {
                    return Err(FaultError::AlreadyFrozen(self.host(*host).name.clone()));
                }
                self.send_signal(pid, Signal::Stop);
                Ok(())
            }
            Fault::Thaw { host } => {
                let (pid, stopped) = self.member_process(*host)?;
                if !stopped {
                    return Err(FaultError::NotFrozen(self.host(*host).name.clone()));
                }
                self.send_signal(pid, Signal::Cont);
                Ok(())
            }
            Fault::Skew { host, offset_us } => {
                self.host_mut(*host).skew_us = *offset_us;
                Ok(())
            }
            Fault::Disk { host, fault } => self.disk_fault(*host, fault),
            Fault::Isolate { .. }
            | Fault::Heal { .. }
            | Fault::Partition { .. }
            | Fault::Cut { .. }
            | Fault::Latency { .. }
            | Fault::Loss { .. }
            | Fault::Duplicate { .. } => self.network_fault(fault),
        }
    }

    fn network_fault(&mut self, fault: &Fault) -> Result<(), FaultError> {
        let links = &mut self.net.links;
        match fault {
            Fault::Isolate { host } => links.isolate(*host),
            Fault::Heal { host } => links.heal(*host),
            Fault::Partition { groups } => {
                let mut seen: Vec<HostId> = Vec::new();
                for host in groups.iter().flatten() {
                    if seen.contains(host) {
                        return Err(FaultError::InTwoGroups(self.host(*host).name.clone()));
                    }
                    seen.push(*host);
                }
                self.net.links.partition(groups);
            }
            Fault::Cut { from, to } => {
                self.needs_two(*from, *to)?;
                self.net.links.cut(*from, *to);
            }
            Fault::Latency { a, b, latency_us } => {
                self.needs_two(*a, *b)?;
                if *latency_us > LATENCY_MAX_US {
                    return Err(FaultError::LatencyTooHigh(*latency_us));
                }
                self.net.links.set_latency(*a, *b, *latency_us);
            }
            Fault::Loss { a, b, per_10k } => {
                self.needs_two(*a, *b)?;
                self.net.links.set_loss(*a, *b, rate(*per_10k)?);
            }
            Fault::Duplicate { a, b, per_10k } => {
                self.needs_two(*a, *b)?;
                self.net.links.set_duplicate(*a, *b, rate(*per_10k)?);
            }
            _ => unreachable!("only the network's faults come here"),
        }
        self.review_peers();
        Ok(())
    }

    fn needs_two(&self, a: HostId, b: HostId) -> Result<(), FaultError> {
        if a == b {
            return Err(FaultError::SameHost(self.host(a).name.clone()));
        }
        Ok(())
    }

    fn needs_on(&self, host: HostId) -> Result<(), FaultError> {
        let host = self.host(host);
        if host.on { Ok(()) } else { Err(FaultError::HostOff(host.name.clone())) }
    }

    /// The process of the host's member, and whether it is frozen.
    fn member_process(&self, host: HostId) -> Result<(Pid, bool), FaultError> {
        self.needs_on(host)?;
        match self.members.of_host(host) {
            Some(member) => Ok((member.pid, member.is_stopped())),
            None => Err(FaultError::NotRunning(self.host(host).name.clone())),
        }
    }

    fn signal_member(&mut self, host: HostId, signal: Signal) -> Result<(), FaultError> {
        let (pid, _) = self.member_process(host)?;
        self.send_signal(pid, signal);
        Ok(())
    }

    /// A frozen process would not hear SIGTERM: it is thawed to hear it, as an operator
    /// would do.
    fn stop_member(&mut self, host: HostId) -> Result<(), FaultError> {
        let (pid, stopped) = self.member_process(host)?;
        self.send_signal(pid, Signal::Term);
        if stopped {
            self.send_signal(pid, Signal::Cont);
        }
        Ok(())
    }

    fn send_signal(&mut self, pid: Pid, signal: Signal) {
        self.signal(pid, signal).expect("a member's process is in the table");
    }

    fn start_member(&mut self, host: HostId, given: Option<Launch>) -> Result<(), FaultError> {
        self.needs_on(host)?;
        let name = || self.host(host).name.clone();
        if self.members.of_host(host).is_some() {
            return Err(FaultError::AlreadyRunning(name()));
        }
        let last = self.members.last_launch(host).cloned();
        let launch = given.or(last).ok_or_else(|| FaultError::NeverRan(name()))?;
        self.member_start(host, launch);
        Ok(())
    }

    pub(crate) fn cut_power(&mut self, host: HostId) -> Result<(), FaultError> {
        self.needs_on(host)?;
        self.members.power_went(host);
        // Connections first: with the power gone nobody says goodbye.
        self.conns_of_host_gone(host);
        self.power_off(host);
        self.review_peers();
        Ok(())
    }

    pub(crate) fn give_power(&mut self, host: HostId) -> Result<(), FaultError> {
        if self.host(host).on {
            return Err(FaultError::HostOn(self.host(host).name.clone()));
        }
        self.power_on(host);
        if self.init_path.is_some() {
            // What runs there from now on is for its first process to say.
            self.queue.push(self.now_us, crate::queue::Event::Init { host });
        } else {
            self.member_after_power(host);
        }
        self.review_peers();
        Ok(())
    }

    fn disk_fault(&mut self, host: HostId, fault: &DiskFault) -> Result<(), FaultError> {
        match fault {
            DiskFault::Ok => {
                self.host_mut(host).disk.set_state(DiskState::Ok);
                self.members.set_damaged(host, false);
            }
            DiskFault::Slow => self.host_mut(host).disk.set_state(DiskState::Slow),
            DiskFault::Full => self.host_mut(host).disk.set_state(DiskState::Full),
            DiskFault::Corrupt { file } => {
                let no_file = |_| FaultError::NoSuchFile(file.clone());
                self.host_mut(host).disk.corrupt(file).map_err(no_file)?;
                self.members.set_damaged(host, true);
            }
        }
        Ok(())
    }
}

fn rate(per_10k: u16) -> Result<u16, FaultError> {
    if per_10k > 10_000 { Err(FaultError::RateTooHigh(per_10k)) } else { Ok(per_10k) }
}
