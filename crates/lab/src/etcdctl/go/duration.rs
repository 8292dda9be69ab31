//! `time.Duration`: its text and the reading of it.

use super::quote::quote;

/// `Duration.String()` of a number of nanoseconds.
pub fn format(ns: i64) -> String {
    let sign = if ns < 0 { "-" } else { "" };
    let ns = ns.unsigned_abs();
    if ns == 0 {
        return "0s".to_owned();
    }
    if ns < 1_000_000_000 {
        let (unit, scale) = match ns {
            0..1_000 => ("ns", 1),
            1_000..1_000_000 => ("µs", 1_000),
            _ => ("ms", 1_000_000),
        };
        return format!("{sign}{}{unit}", decimal(ns, scale));
    }
    let seconds = decimal(ns % 60_000_000_000, 1_000_000_000);
    let minutes = ns / 60_000_000_000;
    match (minutes / 60, minutes % 60) {
        (0, 0) => format!("{sign}{seconds}s"),
        (0, minutes) => format!("{sign}{minutes}m{seconds}s"),
        (hours, minutes) => format!("{sign}{hours}h{minutes}m{seconds}s"),
    }
}

/// The text of a time that was measured in microseconds. Go's clock has nanoseconds: what is
/// below our clock's resolution is drawn from `salt`, so that no time is suspiciously round.
pub fn measured(us: u64, salt: u64) -> String {
    let drawn = (us ^ salt.rotate_left(32)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
    let ns = us.saturating_mul(1000).saturating_add(1 + drawn % 999);
    format(i64::try_from(ns).unwrap_or(i64::MAX))
}

/// `value / scale` with as many decimals as it has.
fn decimal(value: u64, scale: u64) -> String {
    let (whole, rest) = (value / scale, value % scale);
    if rest == 0 {
        return whole.to_string();
    }
    let width = scale.ilog10() as usize;
    let digits = format!("{rest:0width$}");
    format!("{whole}.{}", digits.trim_end_matches('0'))
}

/// `time.ParseDuration`, in nanoseconds.
pub fn parse(text: &str) -> Result<i64, String> {
    let invalid = || format!("time: invalid duration {}", quote(text.as_bytes()));
    let (negative, mut rest) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total: i128 = 0;
    while !rest.is_empty() {
        let digits = |s: &str| s.bytes().take_while(u8::is_ascii_digit).count();
        let whole_len = digits(rest);
        let whole = &rest[..whole_len];
        rest = &rest[whole_len..];
        let mut fraction = "";
        if let Some(after) = rest.strip_prefix('.') {
            let len = digits(after);
            fraction = &after[..len];
            rest = &after[len..];
        }
        if whole.is_empty() && fraction.is_empty() {
            return Err(invalid());
        }
        let unit_len = rest.bytes().take_while(|b| *b != b'.' && !b.is_ascii_digit()).count();
        if unit_len == 0 {
            return Err(format!("time: missing unit in duration {}", quote(text.as_bytes())));
        }
        let (unit, after) = rest.split_at(unit_len);
        rest = after;
        let scale: i128 = match unit {
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            _ => {
                return Err(format!(
                    "time: unknown unit {} in duration {}",
                    quote(unit.as_bytes()),
                    quote(text.as_bytes())
                ));
            }
        };
        total += number(whole).ok_or_else(invalid)? * scale;
        let kept = &fraction[..fraction.len().min(18)];
        total += number(kept).ok_or_else(invalid)? * scale
            / 10_i128.pow(u32::try_from(kept.len()).expect("at most 18 digits"));
        if total > i128::from(i64::MAX) {
            return Err(invalid());
        }
    }
    let total = i64::try_from(total).map_err(|_| invalid())?;
    Ok(if negative { -total } else { total })
}

fn number(digits: &str) -> Option<i128> {
    if digits.is_empty() { Some(0) } else { digits.parse::<u64>().ok().map(i128::from) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_measured_time_has_nanoseconds() {
        for us in [0, 4461, 5_000_000] {
            let ns = parse(&measured(us, 7)).unwrap();
            assert_eq!(u64::try_from(ns / 1000), Ok(us));
            assert_ne!(ns % 1000, 0);
        }
    }

    #[test]
    fn prints_and_reads_durations() {
        let table = [
            (0, "0s"),
            (4_461_468, "4.461468ms"),
            (14_044_000, "14.044ms"),
            (5_001_218_209, "5.001218209s"),
            (850, "850ns"),
            (1_500, "1.5µs"),
            (500_000_000, "500ms"),
            (2_000_000_000, "2s"),
            (90_000_000_000, "1m30s"),
            (3_600_000_000_000, "1h0m0s"),
        ];
        for (ns, text) in table {
            assert_eq!(format(ns), text);
            assert_eq!(parse(text), Ok(ns));
        }
        assert_eq!(parse("1.5h"), Ok(5_400_000_000_000));
        assert_eq!(parse("-1s"), Ok(-1_000_000_000));
        assert_eq!(parse("bogus"), Err("time: invalid duration \"bogus\"".to_owned()));
        assert_eq!(parse("5"), Err("time: missing unit in duration \"5\"".to_owned()));
        assert_eq!(parse("5x"), Err("time: unknown unit \"x\" in duration \"5x\"".to_owned()));
    }
}
