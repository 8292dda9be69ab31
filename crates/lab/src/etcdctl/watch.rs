//! `watch`: the client library's watch stream, with any number of watchers on it, and the
//! commands run for each event.

mod args;

use std::rc::Rc;

use etcd::pb;
use etcd::rpc::{Answer, Op};

use super::client::{Client, Failure, Stream};
use super::exit::{BAD_ARGS, Exit, INTERRUPTED, INVALID_INPUT};
use super::go::quote::{quote, quote_all};
use super::kv::range;
use super::printer::{Printer, Shown, WatchView};
use super::txn::{Lines, argify};
use super::{Ctl, exec, exit};
use args::{Asked, interactive, one_shot};

/// The pauses before a broken stream is opened again, and their end.
const REOPEN_US: (u64, u64) = (1_000, 100_000);

pub(super) async fn run(ctl: Rc<Ctl>) -> Result<(), Exit> {
    let env = |name: &str| ctl.sys.env(name).unwrap_or_default();
    let (key, end) = (env("ETCDCTL_WATCH_KEY"), env("ETCDCTL_WATCH_RANGE_END"));
    if key.is_empty() && !end.is_empty() {
        let end = quote(end.as_bytes());
        let text = format!("ETCDCTL_WATCH_KEY is empty but got ETCDCTL_WATCH_RANGE_END={end}");
        return Err(Exit::new(BAD_ARGS, text));
    }
    if ctl.flags.bool("interactive") {
        return talk(&ctl, &key, &end).await;
    }
    let bad = |error: String| Exit::new(BAD_ARGS, error);
    let asked = one_shot(&ctl.sys.args(), &ctl.args, &key, &end).map_err(bad)?;
    let (client, settings) = ctl.client().await?;
    let request = create(&asked, &ctl.flags).map_err(bad)?;
    let mut watching = Watching::new(&ctl, &client, settings.printer);
    watching.add(request, asked.exec);
    while watching.is_open() {
        watching.open().await;
        let heard = watching.recv().await;
        watching.handle(heard).await?;
    }
    Err(Exit::new(INTERRUPTED, "watch is canceled by the server"))
}

/// `watch -i`: requests from standard input, line by line.
async fn talk(ctl: &Ctl, key: &str, end: &str) -> Result<(), Exit> {
    let (client, settings) = ctl.client().await?;
    let mut watching = Watching::new(ctl, &client, settings.printer);
    let mut input = Lines::new(&ctl.sys);
    loop {
        // The library hands a watcher out when the server made it; no line is read before.
        if watching.is_pending() {
            watching.open().await;
            let heard = watching.recv().await;
            watching.handle(heard).await?;
            continue;
        }
        let line = if watching.is_open() {
            watching.open().await;
            match sim::race(input.next(), watching.recv()).await {
                sim::Either::Left(line) => line,
                sim::Either::Right(heard) => {
                    watching.handle(heard).await?;
                    continue;
                }
            }
        } else {
            input.next().await
        };
        let Some(line) = line else {
            return Err(Exit::new(INVALID_INPUT, "error reading watch request line: EOF"));
        };
        request_line(ctl, &mut watching, &line, key, end).await?;
    }
}

async fn request_line(
    ctl: &Ctl,
    watching: &mut Watching<'_>,
    line: &str,
    key: &str,
    end: &str,
) -> Result<(), Exit> {
    let words = argify(line)?;
    match words.first().map(String::as_str) {
        None => ctl.err(&format!("Invalid command: {line} (watch and progress supported)\n")).await,
        Some("watch") if words.len() < 2 && key.is_empty() => {
            let why = "command type or key is not provided";
            ctl.err(&format!("Invalid command {line} ({why})\n")).await;
        }
        Some("watch") => {
            let (asked, flags) = interactive(&words, key, end, ctl.release)
                .map_err(|error| Exit::new(BAD_ARGS, error))?;
            match create(&asked, &flags) {
                Ok(request) => watching.add(request, asked.exec),
                Err(error) => ctl.err(&format!("Invalid command {line} ({error})\n")).await,
            }
        }
        Some("progress") => watching.ask_progress(),
        Some(_) => ctl.err(&format!("Invalid command {line} (only support watch)\n")).await,
    }
    Ok(())
}

/// `getWatchChan`: the request that arguments and flags make.
fn create(asked: &Asked, flags: &super::Flags) -> Result<pb::WatchCreateRequest, String> {
    let Some(key) = asked.keys.first() else { return Err("bad number of arguments".to_owned()) };
    let prefix = flags.bool("prefix");
    // With three or more words the library ignores all but the first.
    let end = asked.keys.get(1).filter(|_| asked.keys.len() == 2);
    if end.is_some() && prefix {
        return Err("`range_end` and `--prefix` are mutually exclusive".to_owned());
    }
    let (key, range_end) = range(key, end, prefix, false);
    Ok(pb::WatchCreateRequest {
        key,
        range_end,
        start_revision: flags.int("rev"),
        progress_notify: flags.bool("progress-notify"),
        prev_kv: flags.bool("prev-kv"),
        ..pb::WatchCreateRequest::default()
    })
}

/// A watcher of the stream.
struct Watcher {
    /// What to ask for when the stream is opened anew: it begins where it left off.
    request: pb::WatchCreateRequest,
    /// The number the server gave it on this stream.
    id: Option<i64>,
    /// Whether it was ever made.
    made: bool,
    exec: Vec<String>,
}

struct Watching<'a> {
    ctl: &'a Ctl,
    client: &'a Client,
    printer: Printer,
    watchers: Vec<Watcher>,
    stream: Option<Stream>,
    pause_us: u64,
}

impl<'a> Watching<'a> {
    fn new(ctl: &'a Ctl, client: &'a Client, printer: Printer) -> Watching<'a> {
        let pause_us = REOPEN_US.0;
        Watching { ctl, client, printer, watchers: Vec::new(), stream: None, pause_us }
    }

    fn add(&mut self, request: pb::WatchCreateRequest, exec: Vec<String>) {
        if let Some(stream) = &self.stream {
            stream.send(creating(&request));
        }
        self.watchers.push(Watcher { request, id: None, made: false, exec });
    }

    fn is_open(&self) -> bool {
        !self.watchers.is_empty()
    }

    fn is_pending(&self) -> bool {
        self.watchers.iter().any(|watcher| !watcher.made)
    }

    fn ask_progress(&self) {
        if let Some(stream) = &self.stream {
            stream.send(Op::WatchProgress);
        }
    }

    /// Opens the stream if there is none, with all watchers on it.
    async fn open(&mut self) {
        let (Some(first), None) = (self.watchers.first(), &self.stream) else { return };
        let opened = self.client.stream(creating(&first.request), None).await;
        let stream = opened.expect("a stream without a deadline waits until it is open");
        for watcher in &self.watchers[1..] {
            stream.send(creating(&watcher.request));
        }
        self.watchers.iter_mut().for_each(|watcher| watcher.id = None);
        self.stream = Some(stream);
    }

    async fn recv(&self) -> Result<Option<Answer>, Failure> {
        match &self.stream {
            Some(stream) => stream.recv().await,
            None => std::future::pending().await,
        }
    }

    async fn handle(&mut self, heard: Result<Option<Answer>, Failure>) -> Result<(), Exit> {
        match heard {
            Ok(Some(Answer::Watch(response))) => {
                self.pause_us = REOPEN_US.0;
                self.response(response).await
            }
            Ok(_) => {
                self.reopen().await;
                Ok(())
            }
            Err(failure)
                if failure.halts() || failure.status.message == "etcdserver: no leader" =>
            {
                self.leave();
                for watcher in std::mem::take(&mut self.watchers) {
                    self.canceled(&watcher, &failure.to_string()).await?;
                }
                Ok(())
            }
            Err(_) => {
                self.reopen().await;
                Ok(())
            }
        }
    }

    /// The stream broke: soon again.
    async fn reopen(&mut self) {
        self.leave();
        self.ctl.sys.sleep_us(self.pause_us).await;
        self.pause_us = (self.pause_us * 2).min(REOPEN_US.1);
    }

    fn leave(&mut self) {
        if let Some(stream) = self.stream.take() {
            self.client.drop_stream(stream);
        }
    }

    async fn response(&mut self, response: pb::WatchResponse) -> Result<(), Exit> {
        if response.created {
            return self.created(response).await;
        }
        // A progress answer for the whole stream goes to every watcher.
        let everyone = response.watch_id == -1;
        let to: Vec<usize> = (0..self.watchers.len())
            .filter(|at| everyone || self.watchers[*at].id == Some(response.watch_id))
            .collect();
        if response.canceled && response.compact_revision == 0 {
            to.iter().rev().for_each(|at| drop(self.watchers.remove(*at)));
            return Ok(());
        }
        for at in to {
            self.dispatch(at, &response).await?;
        }
        if response.canceled {
            self.watchers.retain(|watcher| watcher.id != Some(response.watch_id));
        }
        Ok(())
    }

    /// The server made the oldest watcher that waits for it, or refused to.
    async fn created(&mut self, response: pb::WatchResponse) -> Result<(), Exit> {
        let Some(at) = self.watchers.iter().position(|watcher| watcher.id.is_none()) else {
            return Ok(());
        };
        if response.watch_id == -1 || response.canceled && !response.cancel_reason.is_empty() {
            let watcher = self.watchers.remove(at);
            return self.canceled(&watcher, &response.cancel_reason).await;
        }
        let watcher = &mut self.watchers[at];
        watcher.id = Some(response.watch_id);
        watcher.made = true;
        if watcher.request.start_revision == 0 {
            let revision = response.header.as_ref().map_or(0, |header| header.revision);
            watcher.request.start_revision = revision + 1;
        }
        Ok(())
    }

    /// What `watch` prints when the library itself ends a watcher.
    async fn canceled(&self, watcher: &Watcher, why: &str) -> Result<(), Exit> {
        let view = WatchView { canceled: true, ..WatchView::default() };
        self.ctl.err(&format!("watch was canceled ({why})\n")).await;
        self.print(view, &watcher.exec).await
    }

    async fn dispatch(&mut self, at: usize, response: &pb::WatchResponse) -> Result<(), Exit> {
        let header = response.header.clone().unwrap_or_default();
        let watcher = &mut self.watchers[at];
        let next = watcher.request.start_revision.max(header.revision + 1);
        let last = response.events.last().and_then(|event| event.kv.as_ref());
        watcher.request.start_revision = last.map_or(next, |pair| pair.mod_revision + 1);
        if response.canceled {
            let why = "etcdserver: mvcc: required revision has been compacted";
            self.ctl.err(&format!("watch was canceled ({why})\n")).await;
        } else if response.events.is_empty() && header.revision != 0 {
            self.ctl.out(format!("progress notify: {}\n", header.revision)).await;
        }
        let view = WatchView {
            header,
            events: Some(response.events.clone()),
            compact_revision: response.compact_revision,
            canceled: response.canceled,
            created: response.created,
        };
        self.print(view, &self.watchers[at].exec).await
    }

    /// Prints an answer and runs the watcher's command for each of its events.
    async fn print(&self, view: WatchView, exec: &[String]) -> Result<(), Exit> {
        let shown = Shown::Watch(view);
        self.ctl.show(&self.printer, &shown).await?;
        let Shown::Watch(view) = shown else { unreachable!("it was made above") };
        if exec.is_empty() {
            return Ok(());
        }
        for event in view.events.iter().flatten() {
            if let Err(error) = self.exec(exec, view.header.revision, event).await {
                let line = format!("command {} error ({error})\n", quote_all(exec));
                self.ctl.err(&line).await;
                return Err(Exit::silent(exit::ERROR));
            }
        }
        Ok(())
    }

    async fn exec(&self, words: &[String], revision: i64, event: &pb::Event) -> Result<(), String> {
        let sys = &self.ctl.sys;
        let pair = event.kv.clone().unwrap_or_default();
        let kind = match event.r#type() {
            pb::EventType::Put => "PUT",
            pb::EventType::Delete => "DELETE",
        };
        let mut env = sys.envs();
        env.retain(|(name, _)| !name.starts_with("ETCD_WATCH_"));
        env.extend([
            ("ETCD_WATCH_REVISION".to_owned(), revision.to_string()),
            ("ETCD_WATCH_EVENT_TYPE".to_owned(), quote(kind.as_bytes())),
            ("ETCD_WATCH_KEY".to_owned(), quote(&pair.key)),
            ("ETCD_WATCH_VALUE".to_owned(), quote(&pair.value)),
        ]);
        exec::run(sys, words, env).await.map_err(|failed| failed.text)
    }
}

fn creating(request: &pb::WatchCreateRequest) -> Op {
    Op::WatchCreate { create: request.clone(), require_leader: true }
}
