//! `check perf` and `check datascale`: writes at a rate, or as fast as they go, and what came
//! of them.

use std::collections::{BTreeMap, VecDeque};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;

use bytes::Bytes;
use etcd::pb;
use etcd::rpc::{Answer, Op};
use sim::{Either, Fd, Signal, race};

use super::Ctl;
use super::client::Client;
use super::endpoint::single;
use super::exit::{BAD_FEATURE, ERROR, Exit, INVALID_INPUT};
use super::go::quote::quote;
use super::kv::range;
use super::settings::Settings;

/// How long cleaning up may take.
const CLEANUP_US: u64 = 30_000_000;
/// How often the bar is drawn.
const BAR_US: u64 = 200_000;
const SECOND_US: u64 = 1_000_000;

/// Which words stand for a load.
const LOADS: [(&str, usize); 8] = [
    ("s", 0),
    ("small", 0),
    ("m", 1),
    ("medium", 1),
    ("l", 2),
    ("large", 2),
    ("xl", 3),
    ("xLarge", 3),
];
/// Writes a second, and clients.
const PERF: [(u64, usize); 4] = [(150, 50), (1000, 200), (8000, 500), (15_000, 1000)];
/// How long the writing lasts.
const PERF_S: u64 = 60;
/// Pairs and clients.
const SCALE: [(u64, usize); 4] =
    [(10_000, 50), (100_000, 200), (1_000_000, 500), (3_000_000, 1000)];

fn failed(error: impl std::fmt::Display) -> Exit {
    Exit::new(ERROR, error)
}

fn load(ctl: &Ctl) -> Result<usize, Exit> {
    let word = ctl.flags.text("load");
    let found = LOADS.iter().find(|(name, _)| *name == word);
    found
        .map(|(_, load)| *load)
        .ok_or_else(|| Exit::new(BAD_FEATURE, format!("unknown load option {word}")))
}

type Write = Pin<Box<dyn Future<Output = (usize, u64, Result<(), String>)>>>;

/// Clients, what they are at, and how their writes went.
struct Load {
    ctl: Rc<Ctl>,
    clients: Vec<Rc<Client>>,
    idle: Vec<usize>,
    active: Vec<Write>,
    /// Requests that wait for a client: as many as there are clients.
    queue: VecDeque<Op>,
    keys: Keys,
    prefix: String,
    value: Bytes,
    latencies_us: Vec<u64>,
    errors: BTreeMap<String, u64>,
    begun_us: u64,
}

/// Keys of a length that differ in a number at their head, as Go writes a signed one.
struct Keys {
    bytes: Vec<u8>,
    state: u64,
}

impl Keys {
    fn next(&mut self) -> &[u8] {
        // Any sequence without repeats will do; this one is the same in every run of a world.
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let mut rest = (mixed >> 1) << 1;
        let mut at = 0;
        while rest >= 0x80 {
            self.bytes[at] = (rest as u8) | 0x80;
            rest >>= 7;
            at += 1;
        }
        self.bytes[at] = rest as u8;
        &self.bytes
    }
}

impl Load {
    /// Makes the clients and refuses a prefix that is in use.
    async fn new(
        ctl: &Rc<Ctl>,
        clients: usize,
        key_len: usize,
        value_len: usize,
    ) -> Result<(Load, Settings), Exit> {
        let settings = ctl.settings().await?;
        let mut made = Vec::new();
        for _ in 0..clients {
            made.push(Rc::new(ctl.connect(&settings.spec).await?));
        }
        let prefix = ctl.flags.text("prefix").to_owned();
        let (key, range_end) = range(&prefix, None, true, false);
        let request = pb::RangeRequest { key, range_end, limit: 1, ..Default::default() };
        let found = made[0].call(&Op::Range(request), None).await.map_err(failed)?;
        if matches!(found, Answer::Range(found) if !found.kvs.is_empty()) {
            let quoted = quote(prefix.as_bytes());
            let command = format!("etcdctl del --prefix {prefix}");
            let perf = ctl.path.last().is_some_and(|command| command.name == "perf");
            let command = if perf { format!("'{command}'") } else { command };
            let text = format!("prefix {quoted} has keys. Delete with {command} first");
            return Err(Exit::new(INVALID_INPUT, text));
        }
        let load = Load {
            ctl: ctl.clone(),
            idle: (0..clients).rev().collect(),
            clients: made,
            active: Vec::new(),
            queue: VecDeque::new(),
            keys: Keys { bytes: vec![0; key_len], state: ctl.sys.wall_us() },
            prefix,
            value: Bytes::from(vec![0; value_len]),
            latencies_us: Vec::new(),
            errors: BTreeMap::new(),
            begun_us: ctl.sys.mono_us(),
        };
        Ok((load, settings))
    }

    fn has_room(&self) -> bool {
        self.queue.len() < self.clients.len()
    }

    /// One more write.
    fn push(&mut self) {
        let mut key = self.prefix.clone().into_bytes();
        key.extend_from_slice(self.keys.next());
        let put =
            pb::PutRequest { key: key.into(), value: self.value.clone(), ..Default::default() };
        self.queue.push_back(Op::Put(put));
        self.start();
    }

    fn start(&mut self) {
        while let Some(op) = self.queue.pop_front() {
            let Some(at) = self.idle.pop() else { return self.queue.push_front(op) };
            let (client, sys) = (self.clients[at].clone(), self.ctl.sys.clone());
            self.active.push(Box::pin(async move {
                let begun_us = sys.mono_us();
                let done = client.call(&op, None).await;
                let done = done.map(|_| ()).map_err(|error| error.to_string());
                (at, sys.mono_us() - begun_us, done)
            }));
        }
    }

    /// Waits until a time, or until a write is done; false when it was the time.
    async fn work(&mut self, until_us: Option<u64>) -> bool {
        let active = &mut self.active;
        let done = poll_fn(|cx| {
            for at in 0..active.len() {
                if let Poll::Ready(done) = active[at].as_mut().poll(cx) {
                    drop(active.swap_remove(at));
                    return Poll::Ready(done);
                }
            }
            Poll::Pending
        });
        let sys = self.ctl.sys.clone();
        let done = match until_us {
            None => done.await,
            Some(at_us) => {
                let sleep = sys.sleep_us(at_us.saturating_sub(sys.mono_us()));
                match race(done, sleep).await {
                    Either::Left(done) => done,
                    Either::Right(()) => return false,
                }
            }
        };
        let (at, took_us, result) = done;
        match result {
            Ok(()) => self.latencies_us.push(took_us),
            Err(error) => *self.errors.entry(error).or_default() += 1,
        }
        self.idle.push(at);
        self.start();
        true
    }

    fn is_done(&self) -> bool {
        self.active.is_empty() && self.queue.is_empty()
    }

    /// Deletes what was written; compacts, if asked to.
    async fn clean_up(&self, compact: bool) -> Result<(), Exit> {
        let (key, range_end) = range(&self.prefix, None, true, false);
        let op = Op::DeleteRange(pb::DeleteRangeRequest { key, range_end, prev_kv: false });
        let deadline_us = Some(self.ctl.sys.mono_us() + CLEANUP_US);
        match self.clients[0].call(&op, deadline_us).await {
            Ok(Answer::DeleteRange(answer)) if compact => {
                self.compact(answer.header.map_or(0, |header| header.revision)).await
            }
            Ok(_) => Ok(()),
            Err(error) => {
                let text = format!("FAIL: Cleanup failed during key deletion: ERROR({error})\n");
                self.ctl.out(text).await;
                Ok(())
            }
        }
    }

    async fn compact(&self, revision: i64) -> Result<(), Exit> {
        self.ctl.out(format!("Compacting with revision {revision}\n")).await;
        let op = Op::Compact(pb::CompactionRequest { revision, physical: true });
        let deadline_us = Some(self.ctl.sys.mono_us() + CLEANUP_US);
        self.clients[0].call(&op, deadline_us).await.map_err(failed)?;
        self.ctl.out(format!("Compacted with revision {revision}\n")).await;
        Ok(())
    }

    async fn defragment(&self, settings: &Settings) -> Result<(), Exit> {
        for endpoint in &settings.spec.endpoints {
            let quoted = quote(endpoint.as_bytes());
            self.ctl.out(format!("Defragmenting {quoted}\n")).await;
            let client = single(&self.ctl, settings, None, endpoint).await?;
            let deadline_us = Some(self.ctl.sys.mono_us() + CLEANUP_US);
            client.call(&Op::Defragment, deadline_us).await.map_err(failed)?;
            self.ctl.out(format!("Defragmented {quoted}\n")).await;
        }
        Ok(())
    }

    async fn show_errors(&self) -> bool {
        if self.errors.is_empty() {
            return true;
        }
        let mut text = "FAIL: too many errors\n".to_owned();
        for (error, count) in &self.errors {
            text.push_str(&format!("FAIL: ERROR({error}) -> {count}\n"));
        }
        self.ctl.out(text).await;
        false
    }
}

/// `check perf`.
pub(super) async fn perf(ctl: Rc<Ctl>) -> Result<(), Exit> {
    let (rate, clients) = PERF[load(&ctl)?];
    let (mut load, settings) = Load::new(&ctl, clients, 256, 1024).await?;
    ctl.sys.catch(Signal::Int);
    let begun_us = ctl.sys.mono_us();
    load.begun_us = begun_us;
    let end_us = begun_us + PERF_S * SECOND_US;
    let mut bar = Bar::new(&ctl, PERF_S, begun_us);
    bar.begin().await;
    let mut writes = 0;
    let mut open = true;
    while open || !load.is_done() {
        if ctl.sys.take_caught().is_some() {
            open = false;
            load.clean_up(false).await?;
        }
        let now_us = ctl.sys.mono_us();
        bar.draw_at(now_us, (now_us - begun_us) / SECOND_US).await;
        let due_us = begun_us + writes * SECOND_US / rate;
        if due_us >= end_us {
            open = false;
        }
        if open && now_us >= due_us && load.has_room() {
            load.push();
            writes += 1;
            continue;
        }
        let next_us = if open && load.has_room() { due_us.min(bar.next_us) } else { bar.next_us };
        load.work(Some(next_us)).await;
    }
    let total_us = ctl.sys.mono_us() - begun_us;
    while ctl.sys.mono_us() < end_us && writes * SECOND_US / rate >= PERF_S * SECOND_US {
        bar.draw_at(ctl.sys.mono_us(), (ctl.sys.mono_us() - begun_us) / SECOND_US).await;
        ctl.sys.sleep_us(bar.next_us.min(end_us) - ctl.sys.mono_us()).await;
    }
    if ctl.sys.mono_us() >= end_us {
        bar.finish().await;
    }
    load.clean_up(ctl.flags.bool("auto-compact")).await?;
    if ctl.flags.bool("auto-defrag") {
        load.defragment(&settings).await?;
    }
    report(&load, rate, total_us).await
}

/// What the writes came to: seconds, as Go computes them.
async fn report(load: &Load, rate: u64, total_us: u64) -> Result<(), Exit> {
    let ctl = &load.ctl;
    let mut fine = load.show_errors().await;
    let seconds: Vec<f64> = load.latencies_us.iter().map(|us| *us as f64 / 1e6).collect();
    let count = seconds.len() as f64;
    let average = seconds.iter().sum::<f64>() / count;
    let variance = seconds.iter().map(|took| (took - average) * (took - average)).sum::<f64>();
    let deviation = (variance / count).sqrt();
    let slowest = seconds.iter().copied().fold(0.0, f64::max);
    let throughput = count / (total_us as f64 / 1e6);
    let mut line = async |good: bool, pass: String, fail: String| {
        fine &= good;
        let text = if good { format!("PASS: {pass}\n") } else { format!("{fail}\n") };
        ctl.out(text).await;
    };
    let writes = throughput as i64 + 1;
    line(
        throughput / rate as f64 > 0.9,
        format!("Throughput is {writes} writes/s"),
        format!("FAIL: Throughput too low: {writes} writes/s"),
    )
    .await;
    line(
        slowest <= 0.5,
        format!("Slowest request took {slowest:.6}s"),
        format!("Slowest request took too long: {slowest:.6}s"),
    )
    .await;
    let shown = if deviation.is_nan() { "NaN".to_owned() } else { format!("{deviation:.6}") };
    line(
        deviation.is_nan() || deviation <= 0.1,
        format!("Stddev is {shown}s"),
        format!("Stddev too high: {shown}s"),
    )
    .await;
    ctl.out(if fine { "PASS\n" } else { "FAIL\n" }).await;
    if fine { Ok(()) } else { Err(Exit::silent(ERROR)) }
}

/// `check datascale`.
pub(super) async fn datascale(ctl: Rc<Ctl>) -> Result<(), Exit> {
    let (limit, clients) = SCALE[load(&ctl)?];
    let (mut load, settings) = Load::new(&ctl, clients, 512, 512).await?;
    let endpoint = settings.spec.endpoints.first().cloned().unwrap_or_default();
    let before = resident_bytes(&ctl, &endpoint, "before").await?;
    ctl.out(format!(
        "Start data scale check for work load [{limit} key-value pairs, 1024 bytes per \
         key-value, {clients} concurrent clients].\n"
    ))
    .await;
    let mut bar = Bar::new(&ctl, limit, ctl.sys.mono_us());
    bar.begin().await;
    let (mut pushed, mut done) = (0, 0);
    while done < limit {
        while pushed < limit && load.has_room() {
            load.push();
            pushed += 1;
        }
        bar.draw_at(ctl.sys.mono_us(), done).await;
        done += u64::from(load.work(Some(bar.next_us)).await);
    }
    bar.finish().await;
    let after = resident_bytes(&ctl, &endpoint, "after").await?;
    let (key, range_end) = range(&load.prefix, None, true, false);
    let op = Op::DeleteRange(pb::DeleteRangeRequest { key, range_end, prev_kv: false });
    let deleted = load.clients[0].call(&op, None).await.map_err(failed)?;
    if let (Answer::DeleteRange(answer), true) = (deleted, ctl.flags.bool("auto-compact")) {
        load.compact(answer.header.map_or(0, |header| header.revision)).await?;
    }
    if ctl.flags.bool("auto-defrag") {
        load.defragment(&settings).await?;
    }
    if !load.show_errors().await {
        return Err(Exit::silent(ERROR));
    }
    let used = (after - before) / (1024.0 * 1024.0);
    ctl.out(format!("PASS: Approximate system memory used : {used:.2} MB.\n")).await;
    Ok(())
}

/// A progress bar: 3.6 draws it on standard error, 3.5 on standard output.
struct Bar {
    ctl: Rc<Ctl>,
    total: u64,
    done: u64,
    begun_us: u64,
    changed_us: u64,
    next_us: u64,
    /// The speed, once it is known: a running mean over the frames.
    speed: f64,
    seen: (u64, u64),
}

/// How wide a line is where there is no terminal.
const WIDTH: usize = 100;

impl Bar {
    fn new(ctl: &Rc<Ctl>, total: u64, begun_us: u64) -> Bar {
        Bar {
            ctl: ctl.clone(),
            total,
            done: 0,
            begun_us,
            changed_us: begun_us,
            next_us: begun_us + BAR_US,
            speed: 0.0,
            seen: (begun_us, 0),
        }
    }

    async fn begin(&mut self) {
        if !self.ctl.release.is_3_6() {
            let frame = self.old_frame(self.begun_us);
            self.ctl.out(frame).await;
        }
    }

    /// Draws the frame that is due, if one is.
    async fn draw_at(&mut self, now_us: u64, done: u64) {
        if done.min(self.total) != self.done {
            self.done = done.min(self.total);
            self.changed_us = now_us;
        }
        if now_us < self.next_us || self.done == self.total {
            return;
        }
        self.next_us += BAR_US;
        self.measure(now_us);
        self.draw(now_us).await;
    }

    async fn draw(&self, now_us: u64) {
        if self.ctl.release.is_3_6() {
            let start = if self.ctl.sys.is_tty(Fd::STDERR) { "\r" } else { "" };
            self.ctl.err(&format!("{start}{}", self.frame())).await;
        } else {
            let frame = self.old_frame(now_us);
            self.ctl.out(frame).await;
        }
    }

    async fn finish(&mut self) {
        self.done = self.total;
        let now_us = self.ctl.sys.mono_us();
        let passed_us = (now_us - self.begun_us).max(1);
        self.speed = self.total as f64 * 1e6 / passed_us as f64;
        if self.ctl.release.is_3_6() {
            self.draw(now_us).await;
            if self.ctl.sys.is_tty(Fd::STDERR) {
                self.ctl.err("\n").await;
            }
            return;
        }
        let frame = self.counters();
        let passed = super::go::duration::format((passed_us / SECOND_US * 1_000_000_000) as i64);
        self.ctl.out(format!("\r {frame} {passed}\n")).await;
    }

    fn measure(&mut self, now_us: u64) {
        let (seen_us, seen) = self.seen;
        if now_us - seen_us < SECOND_US / 2 {
            return;
        }
        let speed = (self.done - seen) as f64 * 1e6 / (now_us - seen_us) as f64;
        self.seen = (now_us, self.done);
        // The weight of the newest sample in an average over thirty.
        let weight = 2.0 / 31.0;
        self.speed =
            if self.speed == 0.0 { speed } else { speed * weight + self.speed * (1.0 - weight) };
    }

    fn percent(&self) -> f64 {
        self.done as f64 * 100.0 / self.total as f64
    }

    fn frame(&self) -> String {
        let head = format!("{} / {} [", self.done, self.total);
        let speed = match self.speed {
            0.0 => "?".to_owned(),
            speed => format!("{}", speed.round()),
        };
        let tail = format!("] {:.2}% {speed} p/s", self.percent());
        let room = WIDTH.saturating_sub(head.len() + tail.len());
        let filled = (self.done as f64 / self.total as f64 * room as f64) as usize;
        let (tip, filled) = match filled {
            0 => ("", 0),
            all if all >= room => ("", room),
            some => (">", some),
        };
        let rest = room.saturating_sub(filled + tip.len());
        format!("{head}{}{tip}{}{tail}", "-".repeat(filled), "_".repeat(rest))
    }

    fn counters(&self) -> String {
        format!("{} / {} {:>7.2}%", self.done, self.total, self.percent())
    }

    /// The frame of 3.5 where there is no terminal: numbers, and the time left.
    fn old_frame(&self, now_us: u64) -> String {
        let mut frame = format!("\r {}", self.counters());
        if let Some(each_us) = (self.changed_us - self.begun_us).checked_div(self.done) {
            let left_us = (self.total - self.done) * each_us;
            let left_s = left_us.saturating_sub(now_us - self.changed_us) / SECOND_US;
            if left_s > 0 {
                frame.push_str(&format!(" {:02}m{:02}s", left_s / 60, left_s % 60));
            }
        }
        frame
    }
}

/// `process_resident_memory_bytes` of a member's metrics.
async fn resident_bytes(ctl: &Ctl, endpoint: &str, when: &str) -> Result<f64, Exit> {
    const NAME: &str = "process_resident_memory_bytes";
    let read = match super::metrics::fetch(&ctl.sys, endpoint).await {
        Ok(text) => {
            let line = text.lines().find_map(|line| line.strip_prefix(NAME));
            match line.map(|rest| rest.trim().parse::<f64>()) {
                None => Err(format!("could not find: {NAME}\n")),
                Some(Ok(bytes)) => Ok(bytes),
                Some(Err(error)) => Err(format!("parse error: {error}\n")),
            }
        }
        Err(error) => Err(format!("fetch error: {error}\n")),
    };
    match read {
        Ok(bytes) if bytes != 0.0 => Ok(bytes),
        other => {
            ctl.out(other.err().unwrap_or_default()).await;
            ctl.out(format!("FAIL: Could not read {NAME} {when} the put operations.\n")).await;
            Err(Exit::silent(ERROR))
        }
    }
}
