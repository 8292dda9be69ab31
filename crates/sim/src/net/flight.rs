//! Messages on their way: a table with room for reuse, and how the picture sees them.

use etcd::{Envelope, MsgKind};

use crate::ids::HostId;
use crate::net::Packet;
use crate::net::packet::{answer_name, op_name};

/// A message on its way.
#[derive(Debug)]
pub(crate) struct Flight {
    pub(crate) id: u64,
    pub(crate) from: HostId,
    pub(crate) to: HostId,
    pub(crate) sent_us: u64,
    pub(crate) arrive_us: u64,
    pub(crate) lost: bool,
    pub(crate) load: Load,
}

/// What it is.
#[derive(Debug)]
pub(crate) enum Load {
    /// Between members. `slot` and `run` name the receiver's run the stream leads to,
    /// `sender` the run it comes from.
    Peer { env: Envelope, slot: u16, run: u32, sender: (u16, u32) },
    /// On a client connection.
    Stream { conn: u32, serial: u32, to_server: bool, cargo: Cargo, tries: u8 },
}

/// What travels on a TCP connection.
#[derive(Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "nearly all that travels is data; wasm32 makes it smaller"
)]
pub(crate) enum Cargo {
    /// The client wants to connect.
    Syn,
    /// The server's host accepts.
    SynAck,
    /// The server's process speaks HTTP/2.
    Preface,
    /// There is no such port, or no longer such a connection.
    Reset,
    /// A message.
    Data(Packet),
    /// The sender closes.
    Fin,
}

/// The table.
#[derive(Debug, Default)]
pub(crate) struct Flights {
    slots: Vec<Option<Flight>>,
    free: Vec<u32>,
    sent: u64,
    /// What was sent since somebody looked, while somebody looks.
    recorded: Option<Record>,
}

/// Messages kept for the picture.
#[derive(Debug, Default)]
struct Record {
    flights: Vec<FlightInfo>,
    beats: usize,
}

/// Messages kept between two looks.
const RECORD_MAX: usize = 256;

impl Record {
    /// Keeps a message if there is room; a heartbeat makes room for anything else.
    fn keep(&mut self, flight: &Flight) {
        let beat = flight.is_beat();
        if self.flights.len() == RECORD_MAX {
            if beat || self.beats == 0 {
                return;
            }
            let first = self.flights.iter().position(FlightInfo::is_beat);
            self.flights.remove(first.expect("beats are counted"));
            self.beats -= 1;
        }
        if let Some(info) = FlightInfo::of(flight) {
            self.flights.push(info);
            self.beats += usize::from(beat);
        }
    }
}

fn is_beat(kind: MsgKind) -> bool {
    matches!(kind, MsgKind::Heartbeat | MsgKind::HeartbeatResponse)
}

impl Flight {
    fn is_beat(&self) -> bool {
        matches!(&self.load, Load::Peer { env, .. } if is_beat(env.kind))
    }
}

impl Flights {
    /// Starts or stops keeping what is sent.
    pub(crate) fn record(&mut self, on: bool) {
        if on != self.recorded.is_some() {
            self.recorded = on.then(Record::default);
        }
    }

    /// What was sent since the last call, oldest first.
    pub(crate) fn take_recorded(&mut self) -> Vec<FlightInfo> {
        self.recorded.as_mut().map(|record| std::mem::take(record).flights).unwrap_or_default()
    }

    pub(crate) fn add(&mut self, mut flight: Flight) -> u32 {
        self.sent += 1;
        flight.id = self.sent;
        if let Some(record) = &mut self.recorded {
            record.keep(&flight);
        }
        match self.free.pop() {
            Some(slot) => {
                self.slots[slot as usize] = Some(flight);
                slot
            }
            None => {
                self.slots.push(Some(flight));
                u32::try_from(self.slots.len() - 1).expect("fewer than 4 billion messages fly")
            }
        }
    }

    pub(crate) fn get(&self, slot: u32) -> &Flight {
        self.slots[slot as usize].as_ref().expect("a flight is in the table until it ends")
    }

    pub(crate) fn get_mut(&mut self, slot: u32) -> &mut Flight {
        self.slots[slot as usize].as_mut().expect("a flight is in the table until it ends")
    }

    pub(crate) fn take(&mut self, slot: u32) -> Flight {
        let flight = self.slots[slot as usize].take();
        self.free.push(slot);
        flight.expect("a flight is in the table until it ends")
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Flight> {
        self.slots.iter().flatten()
    }

    /// How many messages were ever sent.
    pub(crate) fn sent(&self) -> u64 {
        self.sent
    }
}

/// What a message is for, in the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlightKind {
    /// Between members.
    Peer(MsgKind),
    /// From a client.
    Client,
    /// To a client.
    ClientReply,
}

/// A message on its way, for the picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlightInfo {
    /// Unique in the world.
    pub id: u64,
    /// Host it left.
    pub from: HostId,
    /// Host it goes to.
    pub to: HostId,
    /// What it is.
    pub kind: FlightKind,
    /// When it left.
    pub sent_us: u64,
    /// When it arrives, or is lost, or is tried again.
    pub arrive_us: u64,
    /// Whether it will be lost on the way.
    pub lost: bool,
    /// The sender's term; 0 for client traffic.
    pub term: u64,
    /// Its fields, as (name, value).
    pub fields: Vec<(&'static str, String)>,
}

/// The kind of what programs say to each other.
fn towards(to_server: bool) -> FlightKind {
    if to_server { FlightKind::Client } else { FlightKind::ClientReply }
}

impl FlightInfo {
    fn is_beat(&self) -> bool {
        matches!(self.kind, FlightKind::Peer(kind) if is_beat(kind))
    }

    /// None for what is below the messages: handshakes and closings.
    pub(crate) fn of(flight: &Flight) -> Option<FlightInfo> {
        let (kind, term, fields) = match &flight.load {
            Load::Peer { env, .. } => (FlightKind::Peer(env.kind), env.term, env.fields()),
            Load::Stream { cargo: Cargo::Data(packet), to_server, .. } => {
                let (kind, what) = match packet {
                    Packet::Rpc(request) => (FlightKind::Client, op_name(&request.op).to_owned()),
                    Packet::Reply { result: Ok(answer), .. } => {
                        (FlightKind::ClientReply, answer_name(answer).to_owned())
                    }
                    Packet::Reply { result: Err(status), .. } => {
                        (FlightKind::ClientReply, status.message.clone())
                    }
                    Packet::Http(http) => (towards(*to_server), http.name()),
                    Packet::Bytes(_) => (towards(*to_server), "bytes".to_owned()),
                    Packet::Tls(_) => return None,
                };
                let size = format!("{} B", packet.size_bytes());
                (kind, 0, vec![("call", what), ("size", size)])
            }
            Load::Stream { .. } => return None,
        };
        Some(FlightInfo {
            id: flight.id,
            from: flight.from,
            to: flight.to,
            kind,
            sent_us: flight.sent_us,
            arrive_us: flight.arrive_us,
            lost: flight.lost,
            term,
            fields,
        })
    }
}
