//! `lease grant`, `revoke`, `timetolive`, `list` and `keep-alive`.

use std::rc::Rc;

use etcd::pb;
use etcd::rpc::{Answer, Op};

use super::Ctl;
use super::client::{Client, Stream};
use super::exit::{BAD_ARGS, BAD_CONNECTION, ERROR, Exit};
use super::go::number;
use super::printer::{Format, Shown};
use super::settings::Settings;

/// The pause of the library's loops over streams and due renewals.
const LOOP_US: u64 = 500_000;

/// The id in the only argument.
fn id_of(ctl: &Ctl, complaint: &str) -> Result<i64, Exit> {
    let [arg] = ctl.args.as_slice() else { return Err(Exit::new(BAD_ARGS, complaint)) };
    number::parse_int(arg, 16).map_err(|error| {
        Exit::new(BAD_ARGS, format!("bad lease ID arg ({error}), expecting ID in Hex"))
    })
}

pub(super) async fn grant(ctl: Rc<Ctl>) -> Result<(), Exit> {
    let [ttl] = ctl.args.as_slice() else {
        return Err(Exit::new(BAD_ARGS, "lease grant command needs TTL argument"));
    };
    let ttl = number::parse_int(ttl, 10)
        .map_err(|error| Exit::new(BAD_ARGS, format!("bad TTL ({error})")))?;
    let deadline_us = ctl.deadline_us();
    let (client, settings) = ctl.client().await?;
    let op = Op::LeaseGrant(pb::LeaseGrantRequest { ttl, id: 0 });
    let answer = client.call(&op, deadline_us).await;
    match answer.map_err(|error| Exit::new(ERROR, format!("failed to grant lease ({error})")))? {
        Answer::LeaseGrant(answer) => ctl.show(&settings.printer, &Shown::Grant(answer)).await,
        _ => unreachable!("a grant is answered as one"),
    }
}

pub(super) async fn revoke(ctl: Rc<Ctl>) -> Result<(), Exit> {
    let id = id_of(&ctl, "lease revoke command needs 1 argument")?;
    let deadline_us = ctl.deadline_us();
    let (client, settings) = ctl.client().await?;
    let op = Op::LeaseRevoke(pb::LeaseRevokeRequest { id });
    let answer = client.call(&op, deadline_us).await;
    match answer.map_err(|error| Exit::new(ERROR, format!("failed to revoke lease ({error})")))? {
        Answer::LeaseRevoke(answer) => {
            ctl.show(&settings.printer, &Shown::Revoke(id, answer)).await
        }
        _ => unreachable!("a revoke is answered as one"),
    }
}

pub(super) async fn timetolive(ctl: Rc<Ctl>) -> Result<(), Exit> {
    const NEEDS: &str = "lease timetolive command needs lease ID as argument";
    if ctl.args.len() != 1 {
        return Err(Exit::new(BAD_ARGS, NEEDS));
    }
    // The client is made before the id is looked at.
    let (client, settings) = ctl.client().await?;
    let id = id_of(&ctl, NEEDS)?;
    let keys = ctl.flags.bool("keys");
    let op = Op::LeaseTimeToLive(pb::LeaseTimeToLiveRequest { id, keys });
    match client.call(&op, None).await.map_err(|error| Exit::new(BAD_CONNECTION, error))? {
        Answer::LeaseTimeToLive(answer) => {
            ctl.show(&settings.printer, &Shown::TimeToLive(answer, keys)).await
        }
        _ => unreachable!("a time to live is answered as one"),
    }
}

pub(super) async fn list(ctl: Rc<Ctl>) -> Result<(), Exit> {
    let (client, settings) = ctl.client().await?;
    let answer = client.call(&Op::LeaseLeases, None).await;
    match answer.map_err(|error| Exit::new(BAD_CONNECTION, error))? {
        Answer::LeaseLeases(answer) => ctl.show(&settings.printer, &Shown::Leases(answer)).await,
        _ => unreachable!("a list of leases is answered as one"),
    }
}

pub(super) async fn keep_alive(ctl: Rc<Ctl>) -> Result<(), Exit> {
    let id = id_of(&ctl, "lease keep-alive command needs lease ID as argument")?;
    let (client, settings) = ctl.client().await?;
    if ctl.flags.bool("once") {
        return once(&ctl, &client, &settings, id).await;
    }
    Renewal::new(&ctl, &settings, id).run(&client).await?;
    if settings.printer.format == Format::Simple {
        ctl.out(format!("lease {id:016x} expired or revoked.\n")).await;
    }
    Ok(())
}

async fn once(ctl: &Ctl, client: &Client, settings: &Settings, id: i64) -> Result<(), Exit> {
    let op = Op::LeaseKeepAlive(pb::LeaseKeepAliveRequest { id });
    loop {
        let stream = client.stream(op.clone(), None).await;
        let stream = stream.map_err(|error| Exit::new(BAD_CONNECTION, error))?;
        let answer = stream.recv().await;
        client.drop_stream(stream);
        match answer {
            Ok(Some(Answer::LeaseKeepAlive(answer))) if answer.ttl > 0 => {
                return ctl.show(&settings.printer, &Shown::KeepAlive(answer)).await;
            }
            Ok(Some(_)) => {
                return Err(Exit::new(BAD_CONNECTION, "etcdserver: requested lease not found"));
            }
            Err(error) if error.halts() => return Err(Exit::new(BAD_CONNECTION, error)),
            // The library asks again at once; the time a round takes here is a message's.
            Ok(None) | Err(_) => ctl.sys.sleep_us(1000).await,
        }
    }
}

/// The library's keep-alive loops, for one lease.
pub(super) struct Renewal<'a> {
    ctl: &'a Ctl,
    settings: &'a Settings,
    id: i64,
    /// Whether answers are printed.
    prints: bool,
    /// When the lease is given up if nothing was heard.
    deadline_us: u64,
    next_us: u64,
}

/// What happened while a stream was open.
enum Heard {
    Answer(pb::LeaseKeepAliveResponse),
    StreamOver,
    Tick,
}

impl<'a> Renewal<'a> {
    fn new(ctl: &'a Ctl, settings: &'a Settings, id: i64) -> Renewal<'a> {
        let now_us = ctl.sys.mono_us();
        // A first answer may take as long as dialing and a second.
        let deadline_us = now_us + settings.flags.duration_us("dial-timeout") + 1_000_000;
        Renewal { ctl, settings, id, prints: true, deadline_us, next_us: now_us }
    }

    /// One that prints nothing.
    pub(super) fn silent(ctl: &'a Ctl, settings: &'a Settings, id: i64) -> Renewal<'a> {
        Renewal { prints: false, ..Renewal::new(ctl, settings, id) }
    }

    /// Until the lease is gone or was not heard of for its whole time.
    pub(super) async fn run(&mut self, client: &Client) -> Result<(), Exit> {
        let op = Op::LeaseKeepAlive(pb::LeaseKeepAliveRequest { id: self.id });
        loop {
            match client.stream(op.clone(), Some(self.deadline_us)).await {
                Ok(stream) => {
                    let over = self.listen(&stream, &op).await?;
                    client.drop_stream(stream);
                    if over {
                        return Ok(());
                    }
                }
                Err(_) => return Ok(()),
            }
            self.ctl.sys.sleep_us(LOOP_US).await;
            if self.ctl.sys.mono_us() > self.deadline_us {
                return Ok(());
            }
        }
    }

    /// One stream; true when the lease is over.
    async fn listen(&mut self, stream: &Stream, op: &Op) -> Result<bool, Exit> {
        let sys = &self.ctl.sys;
        // The stream's first message asked already.
        let mut asked = true;
        loop {
            let tick = async {
                sys.sleep_us(LOOP_US).await;
                Heard::Tick
            };
            let answer = async {
                match stream.recv().await {
                    Ok(Some(Answer::LeaseKeepAlive(answer))) => Heard::Answer(answer),
                    _ => Heard::StreamOver,
                }
            };
            let heard = match sim::race(answer, tick).await {
                sim::Either::Left(heard) | sim::Either::Right(heard) => heard,
            };
            let now_us = sys.mono_us();
            match heard {
                Heard::StreamOver => return Ok(false),
                Heard::Answer(answer) if answer.ttl <= 0 => return Ok(true),
                Heard::Answer(answer) => {
                    let ttl_us = u64::try_from(answer.ttl).unwrap_or_default() * 1_000_000;
                    self.next_us = now_us + ttl_us / 3;
                    self.deadline_us = now_us + ttl_us;
                    asked = false;
                    if self.prints {
                        self.ctl.show(&self.settings.printer, &Shown::KeepAlive(answer)).await?;
                    }
                }
                Heard::Tick if now_us > self.deadline_us => return Ok(true),
                Heard::Tick => {
                    if !asked && self.next_us < now_us {
                        if !stream.send(op.clone()) {
                            return Ok(false);
                        }
                        asked = true;
                    }
                }
            }
        }
    }
}
