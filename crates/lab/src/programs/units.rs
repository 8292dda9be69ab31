//! Numbers as people write them: durations, sizes, decimals. No floats.

/// `1.5`, `2s`, `3m`, `1h`, `1d` in microseconds.
pub(crate) fn duration_us(text: &str) -> Option<u64> {
    let (number, unit_us) = match text.char_indices().next_back()? {
        (at, 's') => (&text[..at], 1_000_000),
        (at, 'm') => (&text[..at], 60_000_000),
        (at, 'h') => (&text[..at], 3_600_000_000),
        (at, 'd') => (&text[..at], 86_400_000_000),
        _ => (text, 1_000_000u64),
    };
    if matches!(number, "inf" | "infinity") {
        return Some(u64::MAX);
    }
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty())
        || !whole.chars().chain(fraction.chars()).all(|c| c.is_ascii_digit())
    {
        return None;
    }
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().unwrap_or(u64::MAX) };
    let digits: String = fraction.chars().take(9).collect();
    let scale = 10u64.pow(digits.len() as u32);
    let part: u64 = if digits.is_empty() { 0 } else { digits.parse().ok()? };
    let part_us = u128::from(part) * u128::from(unit_us) / u128::from(scale);
    Some(whole.saturating_mul(unit_us).saturating_add(part_us as u64))
}

/// `10`, `2k`, `1M`, `3G`, `1kB` in ones.
pub(crate) fn size(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits.parse().ok()?;
    let unit = match &text[digits.len()..] {
        "" | "c" => 1,
        "b" => 512,
        "k" | "K" | "KiB" => 1 << 10,
        "kB" | "KB" => 1000,
        "M" | "MiB" => 1 << 20,
        "MB" => 1_000_000,
        "G" | "GiB" => 1 << 30,
        "GB" => 1_000_000_000,
        _ => return None,
    };
    number.checked_mul(unit)
}

/// A size the way `ls -h` and `df -h` show it: rounded up, one digit below ten.
pub(crate) fn human(bytes: u64) -> String {
    if bytes < 1024 {
        return bytes.to_string();
    }
    let mut unit = 1u64;
    for suffix in ["K", "M", "G", "T", "P"] {
        unit = unit.saturating_mul(1024);
        let tenths = (u128::from(bytes) * 10).div_ceil(u128::from(unit));
        if tenths < 100 {
            return format!("{}.{}{suffix}", tenths / 10, tenths % 10);
        }
        let whole = bytes.div_ceil(unit);
        if whole < 1024 {
            return format!("{whole}{suffix}");
        }
    }
    format!("{}E", bytes >> 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, us) in [
            ("1", Some(1_000_000)),
            ("0.5", Some(500_000)),
            (".25", Some(250_000)),
            ("2m", Some(120_000_000)),
            ("1.5h", Some(5_400_000_000)),
            ("1d", Some(86_400_000_000)),
            ("inf", Some(u64::MAX)),
            ("", None),
            ("x", None),
            ("-1", None),
            (".", None),
            ("1ms", None),
        ] {
            assert_eq!(duration_us(text), us, "{text}");
        }
    }

    #[test]
    fn sizes() {
        assert_eq!(size("2k"), Some(2048));
        assert_eq!(size("1MB"), Some(1_000_000));
        assert_eq!(size("x"), None);
        for (bytes, text) in [
            (0, "0"),
            (1023, "1023"),
            (1024, "1.0K"),
            (1025, "1.1K"),
            (10_240, "10K"),
            (20_480, "20K"),
            (1_048_576, "1.0M"),
            (64_000_000, "62M"),
            (8 << 30, "8.0G"),
        ] {
            assert_eq!(human(bytes), text);
        }
    }
}
