//! The world: hosts with files, processes and clocks, a network, disks, faults, a seed, a
//! trace and the checkers that never sleep.
//!
//! A [`World`] is deterministic: the same [`WorldSpec`] and the same calls give the same
//! bytes. Members run in it as processes; so does every program a learner starts. Programs
//! see only [`Sys`].
//!
//! Not here: the shell and its programs, lessons, the session, the browser.

pub mod checker;
mod container;
pub mod cred;
mod disk;
mod errno;
pub mod event;
pub mod exe;
pub mod fault;
mod fs;
mod host;
pub mod ids;
mod kernel;
mod local;
mod members;
pub mod net;
mod pipe;
mod power;
mod proc;
mod queue;
mod rng;
mod sys;
mod task;
mod trace;
mod tty;
pub mod world;

pub use checker::{Check, Violation};
pub use container::{Container, Mount};
pub use cred::{Cred, Owner, User, UserGroup};
pub use disk::{At, CAPACITY_BYTES, DirView, Disk, DiskState};
pub use errno::Errno;
pub use event::{Ending, Happened, Ran, WorldEvent};
pub use fault::{DiskFault, Fault, FaultError};
pub use fs::{FileKind, OpenFlags, Stat};
pub use ids::{ConnId, Fd, HostId, Pid, TtyId};
pub use local::LocalCall;
pub use net::http::{Http, HttpRequest, HttpResponse};
pub use net::tls::{
    Alert, ClientAuth, Pem, TlsClient, TlsError, TlsMessage, TlsServer, pair_fault, pool_fault,
};
pub use net::{
    Closed, Conn, DialError, FlightInfo, FlightKind, LinkDefaults, LinkInfo, ListenError, Listener,
    Packet, SocketInfo,
};
pub use proc::{ExitStatus, Group, ProcInfo, ProcState, Signal, SpawnSpec, Stdio};
pub use rng::Rng;
pub use sys::Sys;
pub use task::{Either, Program, ProgramEntry, ProgramTable, Task, race};
pub use tty::{Editor, EditorAsk, Stream};
pub use world::{
    Advanced, Content, Counters, Install, MemberSpec, Power, Saved, Serving, World, WorldSpec,
};
