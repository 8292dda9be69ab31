//! Log lines as Kubernetes' programs write them.

use sim::{Fd, Sys};

/// Writes a line to standard error: `I1122 09:30:25.207300       1 file.go:12] message`.
pub async fn log(sys: &Sys, level: char, place: &str, message: &str) {
    let pid = if sys.container().is_some() { 1 } else { sys.pid().0 };
    let line = format!("{level}{} {pid:>7} {place}] {message}\n", stamp(sys.wall_us()));
    let _ = sys.write(Fd::STDERR, line.as_bytes()).await;
}

/// `1122 09:30:25.207300`.
pub fn stamp(wall_us: u64) -> String {
    let stamp = etcd::log::stamp(wall_us);
    format!("{}{} {}", &stamp[5..7], &stamp[8..10], &stamp[11..26])
}
