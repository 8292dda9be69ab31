//! The log lines of a member, as etcd's zap logger prints them.

mod callers;

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

pub(crate) use callers::in_3_5;

/// The value of a field.
pub type JsonValue = serde_json::Value;

/// How grave a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are zap's")]
pub enum Level {
    Debug,
    Info,
    Warn,
    Error,
    Panic,
    Fatal,
}

impl Level {
    fn name(self) -> &'static str {
        match self {
            Level::Debug => "debug",
            Level::Info => "info",
            Level::Warn => "warn",
            Level::Error => "error",
            Level::Panic => "panic",
            Level::Fatal => "fatal",
        }
    }
}

/// One line.
#[derive(Clone, Debug, PartialEq)]
pub struct LogLine {
    /// How grave it is.
    pub level: Level,
    /// `raft` for what the consensus core says, else empty.
    pub logger: &'static str,
    /// File and line of etcd's source that says this.
    pub caller: &'static str,
    /// What is said.
    pub msg: String,
    /// Key and value pairs, in order.
    pub fields: Vec<(&'static str, JsonValue)>,
}

impl LogLine {
    pub(crate) fn new(level: Level, caller: &'static str, msg: impl Into<String>) -> LogLine {
        LogLine { level, logger: "", caller, msg: msg.into(), fields: Vec::new() }
    }

    pub(crate) fn raft(level: Level, caller: &'static str, msg: impl Into<String>) -> LogLine {
        LogLine { logger: "raft", ..LogLine::new(level, caller, msg) }
    }

    pub(crate) fn with(mut self, key: &'static str, value: impl Into<JsonValue>) -> LogLine {
        self.fields.push((key, value.into()));
        self
    }

    /// The line as zap's JSON encoder writes it, without the line end. From level error on
    /// zap adds a stack trace, which is an ellipsis here: we have no Go stack to show.
    pub fn to_json(&self, wall_us: u64) -> String {
        let mut out = String::with_capacity(128);
        let _ = write!(out, "{{\"level\":\"{}\",\"ts\":\"{}\"", self.level.name(), stamp(wall_us));
        if !self.logger.is_empty() {
            let _ = write!(out, ",\"logger\":\"{}\"", self.logger);
        }
        let msg = JsonValue::from(self.msg.as_str());
        let _ = write!(out, ",\"caller\":\"{}\",\"msg\":{msg}", self.caller);
        for (key, value) in &self.fields {
            let _ = write!(out, ",\"{key}\":{value}");
        }
        if self.level >= Level::Error {
            out.push_str(",\"stacktrace\":\"…\"");
        }
        out.push('}');
        out
    }
}

/// A duration as Go prints it: `5s`, `1m0s`, `1h0m0s`, `13.5ms`, `250µs`.
pub fn go_duration(us: u64) -> String {
    let trimmed = |whole: u64, part: u64, digits: usize, unit: &str| {
        if part == 0 {
            return format!("{whole}{unit}");
        }
        let part = format!("{part:0digits$}");
        format!("{whole}.{}{unit}", part.trim_end_matches('0'))
    };
    match us {
        0 => "0s".to_owned(),
        1..1000 => format!("{us}µs"),
        1000..1_000_000 => trimmed(us / 1000, us % 1000, 3, "ms"),
        _ => {
            let (seconds, part) = (us / 1_000_000, us % 1_000_000);
            let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
            let rest = trimmed(seconds % 60, part, 6, "s");
            match (hours, minutes) {
                (0, 0) => rest,
                (0, _) => format!("{minutes}m{rest}"),
                _ => format!("{hours}h{minutes}m{rest}"),
            }
        }
    }
}

/// `2026-11-22T08:25:19.500370Z`.
pub fn stamp(wall_us: u64) -> String {
    let (days, us_of_day) = (wall_us / 86_400_000_000, wall_us % 86_400_000_000);
    let (year, month, day) = civil(days);
    let (second, micros) = (us_of_day / 1_000_000, us_of_day % 1_000_000);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z")
}

/// Year, month and day of a number of days since 1970-01-01 (Gregorian, any era of 400 years).
fn civil(days: u64) -> (u64, u64, u64) {
    // Counting from the first of March makes the leap day the last of its year.
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_are_zulu_with_microseconds() {
        assert_eq!(stamp(0), "1970-01-01T00:00:00.000000Z");
        assert_eq!(stamp(951_782_400_000_001), "2000-02-29T00:00:00.000001Z");
        assert_eq!(stamp(1_795_335_919_500_370), "2026-11-22T08:25:19.500370Z");
    }

    #[test]
    fn durations_are_gos() {
        let rows = [
            (0, "0s"),
            (250, "250µs"),
            (13_500, "13.5ms"),
            (5_000_000, "5s"),
            (60_000_000, "1m0s"),
            (3_600_000_000, "1h0m0s"),
            (5_400_500_000, "1h30m0.5s"),
        ];
        for (us, text) in rows {
            assert_eq!(go_duration(us), text);
        }
    }

    #[test]
    fn a_line_is_what_zap_prints() {
        let line =
            LogLine::new(Level::Info, "embed/serve.go:139", "ready to serve client requests");
        assert_eq!(
            line.to_json(1_795_335_919_500_370),
            "{\"level\":\"info\",\"ts\":\"2026-11-22T08:25:19.500370Z\",\
             \"caller\":\"embed/serve.go:139\",\"msg\":\"ready to serve client requests\"}"
        );
    }
}
