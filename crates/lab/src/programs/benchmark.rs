//! `benchmark put`: etcd's own load generator, as far as the lab needs it: so many puts, so
//! many outstanding at once, or at a steady rate. The repository's benchmarks run it too,
//! natively and in the page, so all figures come from one workload.

use bytes::Bytes;
use etcd::pb::PutRequest;
use etcd::rpc::{CallId, Op, Request};
use sim::{Conn, Packet, Sys};

use super::{Program, Running};

/// The entry of the table of programs.
pub(super) const PROGRAM: Program = Program {
    name: "benchmark",
    summary: "put load on a cluster: benchmark put --total N --clients N",
    usage: "benchmark put [--endpoints=HOST:PORT] [--total=10000] [--clients=1] [--key-size=8] [--key-space-size=10000] [--val-size=8] [--rate=0]",
    run,
    complete: None,
};

/// A client that waits longer than this for one put has lost it.
const PUT_TIMEOUT_US: u64 = 10_000_000;

struct Load {
    endpoint: String,
    total: u64,
    clients: u64,
    key_bytes: usize,
    /// How many different keys there are.
    key_space: u64,
    value_bytes: usize,
    /// Puts a second; 0 is as fast as the answers come.
    rate: u64,
}

#[derive(Default)]
struct Figures {
    sent: u64,
    failed: u64,
    latencies_us: Vec<u64>,
}

fn run(sys: Sys) -> Running {
    Box::pin(async move {
        let args = sys.args();
        match load_of(&args[1..]) {
            Ok(load) => put(&sys, &load).await,
            Err(sentence) => {
                sys.eprint(&format!("Error: {sentence}\n")).await;
                1
            }
        }
    })
}

fn load_of(args: &[String]) -> Result<Load, String> {
    let mut load = Load {
        endpoint: "127.0.0.1:2379".into(),
        total: 10_000,
        clients: 1,
        key_bytes: 8,
        key_space: 10_000,
        value_bytes: 8,
        rate: 0,
    };
    let Some(("put", flags)) = args.split_first().map(|(verb, rest)| (verb.as_str(), rest)) else {
        return Err("only 'benchmark put' is here".into());
    };
    let mut words = flags.iter().flat_map(|flag| flag.splitn(2, '='));
    while let Some(flag) = words.next() {
        let value = words.next().ok_or_else(|| format!("flag needs an argument: {flag}"))?;
        let number = || {
            value
                .parse::<u64>()
                .map_err(|_| format!("invalid argument \"{value}\" for \"{flag}\" flag"))
        };
        match flag {
            "--endpoints" => load.endpoint = value.to_string(),
            "--total" => load.total = number()?,
            "--clients" => load.clients = number()?.clamp(1, 10_000),
            "--key-size" => {
                load.key_bytes = usize::try_from(number()?.clamp(8, 1 << 10)).unwrap_or(8);
            }
            "--key-space-size" => load.key_space = number()?.clamp(1, 10_000_000),
            "--val-size" => load.value_bytes = usize::try_from(number()?.min(1 << 20)).unwrap_or(0),
            "--rate" => load.rate = number()?.min(1_000_000),
            other => return Err(format!("unknown flag: {other}")),
        }
    }
    Ok(load)
}

async fn put(sys: &Sys, load: &Load) -> i32 {
    let conn = match sys.dial(&load.endpoint).await {
        Ok(conn) => conn,
        Err(error) => {
            sys.eprint(&format!("Error: {error}\n")).await;
            return 1;
        }
    };
    let start_us = sys.mono_us();
    let mut figures = Figures::default();
    let whole = if load.rate == 0 {
        closed_loop(sys, &conn, load, &mut figures).await
    } else {
        open_loop(sys, &conn, load, &mut figures).await
    };
    let time_us = (sys.mono_us() - start_us).max(1);
    sys.print(&summary(&mut figures, time_us)).await;
    if whole && figures.failed == 0 { 0 } else { 1 }
}

/// A new put for every answer: `clients` are always outstanding.
async fn closed_loop(sys: &Sys, conn: &Conn, load: &Load, figures: &mut Figures) -> bool {
    let value = Bytes::from(vec![b'x'; load.value_bytes]);
    let mut sent_us = Vec::new();
    while figures.sent < load.total.min(load.clients) {
        if !send(sys, conn, load, &value, figures, &mut sent_us) {
            return false;
        }
    }
    while (figures.latencies_us.len() as u64) + figures.failed < load.total {
        let Ok(packet) = conn.recv().await else { return false };
        count(sys, &packet, &sent_us, figures);
        if figures.sent < load.total && !send(sys, conn, load, &value, figures, &mut sent_us) {
            return false;
        }
    }
    true
}

/// A put every so often, whatever the answers do.
async fn open_loop(sys: &Sys, conn: &Conn, load: &Load, figures: &mut Figures) -> bool {
    let value = Bytes::from(vec![b'x'; load.value_bytes]);
    let mut sent_us = Vec::new();
    let gap_us = (1_000_000 / load.rate).max(1);
    while figures.sent < load.total {
        if !send(sys, conn, load, &value, figures, &mut sent_us) {
            return false;
        }
        sys.sleep_us(gap_us).await;
        while let Ok(Some(packet)) = conn.try_recv() {
            count(sys, &packet, &sent_us, figures);
        }
    }
    while (figures.latencies_us.len() as u64) + figures.failed < load.total {
        let Ok(packet) = conn.recv().await else { return false };
        count(sys, &packet, &sent_us, figures);
    }
    true
}

fn send(
    sys: &Sys,
    conn: &Conn,
    load: &Load,
    value: &Bytes,
    figures: &mut Figures,
    sent_us: &mut Vec<u64>,
) -> bool {
    let call = figures.sent;
    let digits = load.key_bytes - 1;
    let key = Bytes::from(format!("k{:0digits$}", call % load.key_space));
    let put = PutRequest { key, value: value.clone(), ..PutRequest::default() };
    let request = Request {
        call: CallId(call),
        timeout_us: Some(PUT_TIMEOUT_US),
        token: String::new(),
        op: Op::Put(put),
    };
    figures.sent += 1;
    sent_us.push(sys.mono_us());
    conn.send(Packet::Rpc(request)).is_ok()
}

fn count(sys: &Sys, packet: &Packet, sent_us: &[u64], figures: &mut Figures) {
    let Packet::Reply { call, result, .. } = packet else { return };
    let sent = usize::try_from(call.0).ok().and_then(|place| sent_us.get(place));
    match (result, sent) {
        (Ok(_), Some(sent)) => figures.latencies_us.push(sys.mono_us() - sent),
        _ => figures.failed += 1,
    }
}

/// The figures in etcd's layout: virtual time, which says how faithful the model is, not how
/// fast the program is.
fn summary(figures: &mut Figures, time_us: u64) -> String {
    flat::sort(&mut figures.latencies_us);
    let done = figures.latencies_us.len() as u64;
    let secs = |us: u64| format!("{}.{:04} secs", us / 1_000_000, us % 1_000_000 / 100);
    let at = |percent: u64| {
        let place = (done * percent / 100).min(done.saturating_sub(1));
        usize::try_from(place)
            .ok()
            .and_then(|place| figures.latencies_us.get(place))
            .copied()
            .unwrap_or(0)
    };
    let sum: u64 = figures.latencies_us.iter().sum();
    let average = sum.checked_div(done).unwrap_or(0);
    let per_second_x100 = done * 100_000_000 / time_us;
    let mut out = format!(
        "\nSummary:\n  Total:\t{}.\n  Slowest:\t{}.\n  Fastest:\t{}.\n  Average:\t{}.\n  Requests/sec:\t{}.{:02}\n\nLatency distribution:\n",
        secs(time_us),
        secs(at(100)),
        secs(at(0)),
        secs(average),
        per_second_x100 / 100,
        per_second_x100 % 100
    );
    for percent in [10, 25, 50, 75, 90, 95, 99] {
        out.push_str(&format!("  {percent}% in {}.\n", secs(at(percent))));
    }
    if figures.failed > 0 {
        out.push_str(&format!("\nError distribution:\n  [{}]\tput failed\n", figures.failed));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_read_in_both_spellings() {
        let words = |line: &str| line.split(' ').map(String::from).collect::<Vec<_>>();
        let load = load_of(&words("put --total=5 --clients 3 --val-size=256"))
            .unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((load.total, load.clients, load.value_bytes), (5, 3, 256));
        // Eight bytes of key, as the benchmark of etcd's documentation has it.
        assert_eq!((load.key_bytes, load.key_space), (8, 10_000));
        for wrong in ["get", "put --total", "put --total=x", "put --speed=1"] {
            assert!(load_of(&words(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_summary_counts_what_came_back() {
        let mut figures = Figures { sent: 4, failed: 1, latencies_us: vec![3000, 1000, 2000] };
        let text = summary(&mut figures, 1_000_000);
        assert!(text.contains("Requests/sec:\t3.00"), "{text}");
        assert!(text.contains("50% in 0.0020 secs."), "{text}");
        assert!(text.contains("[1]\tput failed"), "{text}");
    }
}
