//! The second worker, in which clusters are measured while the lab stands still. It is started
//! when one of its screens is first seen, and is asked one short question at a time.

use lab::api::{Answer, Command, Measure, SheetKind};
use yew::Context;

use super::App;
use crate::bench::{BenchMsg, Stand};
use crate::link::{Ask, Link, Reply};
use crate::msg::Msg;

/// The tables of the screen Compare, in the order in which they are measured.
const COMPARED: [SheetKind; 4] =
    [SheetKind::Split, SheetKind::Books, SheetKind::Reads, SheetKind::Window];

impl App {
    /// Does what was done on one of the screens.
    pub(super) fn bench(&mut self, ctx: &Context<Self>, msg: BenchMsg) {
        let bench = &mut self.ui.bench;
        match msg {
            BenchMsg::Enter => self.bench_entered(ctx),
            BenchMsg::Answer(reply) => self.bench_answered(*reply),
            BenchMsg::Died => self.bench_failed("It could not be loaded."),
            BenchMsg::Guess { members, lost } => {
                if let Some(row) = bench.rows.get_mut(&members) {
                    row.guess = Some(lost);
                }
            }
            BenchMsg::Toggle { members, member } => {
                bench.queue.push_back(Measure::Toggle { members, member });
            }
            BenchMsg::EndOne => bench.end_one(),
            BenchMsg::Fresh => bench.fresh(),
            BenchMsg::Open => bench.open = true,
            BenchMsg::Members(members) => {
                bench.members = members;
                bench.measure(SheetKind::Zones);
            }
            BenchMsg::Measure(kind) => {
                bench.members = bench.members.max(1);
                bench.measure(kind);
            }
            BenchMsg::Stop => {
                bench.queue.clear();
                bench.running = None;
            }
            BenchMsg::Pick(row) => bench.picked = row,
        }
        self.bench_next();
    }

    fn bench_entered(&mut self, ctx: &Context<Self>) {
        let bench = &mut self.ui.bench;
        if bench.stand == Stand::None {
            bench.stand = Stand::Coming;
            bench.failed = None;
            let link = ctx.link();
            let worker = Link::start(
                link.callback(|reply| Msg::Bench(BenchMsg::Answer(Box::new(reply)))),
                link.callback(|()| Msg::Bench(BenchMsg::Died)),
            );
            worker.load();
            worker.start_fresh(Ask::Start, &Command::Worlds, 0, "");
            self.second = Some(worker);
        }
        let bench = &mut self.ui.bench;
        match self.ui.path.starts_with("compare") {
            true if bench.sheets.iter().all(|(kind, _)| !COMPARED.contains(kind)) => {
                COMPARED.into_iter().for_each(|kind| bench.measure(kind));
            }
            false if bench.rows.len() == 0 && bench.queue.is_empty() => bench.fresh(),
            _ => {}
        }
    }

    fn bench_answered(&mut self, reply: Reply) {
        if let Some(link) = &self.second {
            link.done(reply.id);
        }
        if let Some(text) = &reply.failed {
            return self.bench_failed(text);
        }
        if reply.trapped.is_some() {
            return self.bench_failed("It stopped unexpectedly.");
        }
        let bench = &mut self.ui.bench;
        match (reply.ask, reply.answer) {
            (Ask::Start, _) => bench.stand = Stand::Here,
            (Ask::Note, Some(Answer::Bench(row))) => {
                bench.busy = false;
                self.ui.aloud = bench.take_row(row);
            }
            (Ask::Note, Some(Answer::Sheet(sheet))) => {
                bench.busy = false;
                if sheet.done == sheet.of && bench.running.is_some() {
                    self.ui.aloud = format!("Measured: {}.", sheet.title);
                }
                bench.take_sheet(sheet);
            }
            (Ask::Note, Some(Answer::Refused(why))) => self.bench_failed(&why),
            _ => {}
        }
    }

    /// Nothing is measured any more; going to the screen again begins anew.
    fn bench_failed(&mut self, why: &str) {
        self.second = None;
        let bench = &mut self.ui.bench;
        bench.stand = Stand::None;
        bench.busy = false;
        bench.running = None;
        bench.queue.clear();
        bench.rows = Default::default();
        bench.failed = Some(format!("Nothing can be measured. {why}"));
    }

    fn bench_next(&mut self) {
        let Some(link) = &self.second else { return };
        if let Some(ask) = self.ui.bench.next() {
            link.call(Ask::Note, &Command::Measure(ask));
        }
    }
}
