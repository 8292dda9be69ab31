//! Numbers and times as the screen shows them.

/// A virtual time as `1:02.345`, with microseconds apart when time is slow.
pub(crate) fn clock(us: u64) -> String {
    let (minutes, seconds, millis) = (us / 60_000_000, us / 1_000_000 % 60, us / 1000 % 1000);
    match minutes / 60 {
        0 => format!("{minutes}:{seconds:02}.{millis:03}"),
        hours => format!("{hours}:{:02}:{seconds:02}.{millis:03}", minutes % 60),
    }
}

/// A span of time in the largest unit that keeps it short: `500 µs`, `50 ms`, `2 s`.
pub(crate) fn span(us: u64) -> String {
    match us {
        0..1000 => format!("{us} µs"),
        1000..1_000_000 => format!("{} ms", decimal(us, 1000)),
        _ => format!("{} s", decimal(us, 1_000_000)),
    }
}

/// A value in a larger unit, with one decimal where it matters.
pub(crate) fn decimal(value: u64, unit: u64) -> String {
    let tenths = value * 10 / unit;
    match tenths % 10 {
        _ if tenths >= 1000 => format!("{}", tenths / 10),
        0 => format!("{}", tenths / 10),
        rest => format!("{}.{rest}", tenths / 10),
    }
}

/// A clock's offset with its sign: `+2 s`.
pub(crate) fn offset(us: i64) -> String {
    let sign = if us < 0 { '−' } else { '+' };
    format!("{sign}{}", span(us.unsigned_abs()))
}

/// Bytes in binary units.
pub(crate) fn bytes(count: u64) -> String {
    match count {
        0..1024 => format!("{count} B"),
        1024..1_048_576 => format!("{} KiB", decimal(count, 1024)),
        _ => format!("{} MiB", decimal(count, 1_048_576)),
    }
}

/// A count with its thousands apart: `41,210`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 member`, `2 members`.
pub(crate) fn plural(number: u64, one: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{} {one}s", count(number)) }
}

/// Names as a sentence has them: `n1`, `n1 and n2`, `n1, n2 and n3`.
pub(crate) fn list(names: &[String]) -> String {
    match names {
        [] => "none".into(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_short() {
        assert_eq!(clock(0), "0:00.000");
        assert_eq!(clock(62_345_678), "1:02.345");
        assert_eq!(clock(3_662_345_678), "1:01:02.345");
        assert_eq!(span(500), "500 µs");
        assert_eq!(span(1500), "1.5 ms");
        assert_eq!(span(50_000), "50 ms");
        assert_eq!(span(2_000_000), "2 s");
        assert_eq!(offset(-300_000), "−300 ms");
    }

    #[test]
    fn counts_and_lists_read_well() {
        assert_eq!(count(41_210), "41,210");
        assert_eq!(count(7), "7");
        assert_eq!(count(1_000_000), "1,000,000");
        assert_eq!(plural(1, "event"), "1 event");
        assert_eq!(plural(2000, "event"), "2,000 events");
        assert_eq!(list(&["n1".into(), "n2".into(), "n3".into()]), "n1, n2 and n3");
        assert_eq!(bytes(20_480), "20 KiB");
    }
}
