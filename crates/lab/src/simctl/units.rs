//! The units of `sim`'s arguments: durations, rates and speeds, without floats.

use crate::api::Speed;

/// The slowest and the fastest a page runs, in thousandths of real time.
const PER_MILLE_MIN: u32 = 1;
const PER_MILLE_MAX: u32 = 50_000;
/// Longer than any lesson; keeps sums of times far from overflow.
const DURATION_US_MAX: u64 = 365 * 24 * 3600 * 1_000_000;

/// `50ms`, `1.5s`, `250us`, `2m`, `1h` in microseconds.
pub fn duration_us(text: &str) -> Result<u64, String> {
    let wrong = || format!("'{text}' is not a duration: write 250us, 50ms, 1.5s, 2m or 1h");
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(wrong)?;
    let (number, unit) = text.split_at(digits);
    let unit_us = match unit {
        "us" | "µs" => 1,
        "ms" => 1_000,
        "s" => 1_000_000,
        "m" => 60_000_000,
        "h" => 3_600_000_000,
        _ => return Err(wrong()),
    };
    let value = scaled(number, unit_us).ok_or_else(wrong)?;
    if value > DURATION_US_MAX {
        Err(format!("'{text}' is too long: a year at most"))
    } else {
        Ok(value)
    }
}

/// `+2s`, `-300ms`, `0s`: a clock's offset in microseconds.
pub(crate) fn offset_us(text: &str) -> Result<i64, String> {
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let us = duration_us(rest)?;
    Ok(sign * i64::try_from(us).expect("a year of microseconds fits"))
}

/// `10%`, `0.5%` in ten-thousandths.
pub(crate) fn per_10k(text: &str) -> Result<u16, String> {
    let wrong =
        || format!("'{text}' is not a rate: write a percentage from 0% to 100%, such as 10%");
    let number = text.strip_suffix('%').ok_or_else(wrong)?;
    let value = scaled(number, 100).filter(|value| *value <= 10_000).ok_or_else(wrong)?;
    u16::try_from(value).map_err(|_| wrong())
}

/// `x10`, `10`, `x1/100`, `1/1000`, `x0.5`.
pub(crate) fn speed(text: &str) -> Result<Speed, String> {
    let wrong = || format!("'{text}' is not a speed: write x1, x10 or x1/100, from x1/1000 to x50");
    let number = text.strip_prefix('x').unwrap_or(text);
    let per_mille = match number.split_once('/') {
        Some((above, below)) => {
            let below = below.parse::<u64>().ok().filter(|below| *below > 0).ok_or_else(wrong)?;
            scaled(above, 1000).ok_or_else(wrong)? / below
        }
        None => scaled(number, 1000).ok_or_else(wrong)?,
    };
    let per_mille = u32::try_from(per_mille).map_err(|_| wrong())?;
    if (PER_MILLE_MIN..=PER_MILLE_MAX).contains(&per_mille) {
        Ok(Speed::PerMille(per_mille))
    } else {
        Err(wrong())
    }
}

/// A decimal number times `unit`, exact; digits beyond the unit are refused, not rounded.
fn scaled(number: &str, unit: u64) -> Option<u64> {
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() || !(whole.bytes().chain(part.bytes())).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let mut value = whole.parse::<u64>().ok()?.checked_mul(unit)?;
    let mut place = unit;
    for digit in part.bytes() {
        if !place.is_multiple_of(10) {
            return (digit == b'0').then_some(value);
        }
        place /= 10;
        value = value.checked_add(u64::from(digit - b'0') * place)?;
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_exact() {
        assert_eq!(duration_us("50ms"), Ok(50_000));
        assert_eq!(duration_us("1.5s"), Ok(1_500_000));
        assert_eq!(offset_us("-300ms"), Ok(-300_000));
        assert_eq!(offset_us("+2s"), Ok(2_000_000));
        assert_eq!(per_10k("10%"), Ok(1000));
        assert_eq!(per_10k("0.5%"), Ok(50));
        assert_eq!(speed("x10"), Ok(Speed::PerMille(10_000)));
        assert_eq!(speed("1/1000"), Ok(Speed::PerMille(1)));
        assert_eq!(speed("x0.5"), Ok(Speed::PerMille(500)));
    }

    #[test]
    fn nonsense_is_refused_with_an_example() {
        for text in ["", "5", "ms", "1e3s", "-5s", "99999999999999h", ".5s"] {
            assert!(duration_us(text).is_err(), "{text}");
        }
        for text in ["", "10", "101%", "-1%", "%"] {
            assert!(per_10k(text).is_err(), "{text}");
        }
        for text in ["", "x", "x0", "x51", "1/0", "1/2000", "fast"] {
            assert!(speed(text).is_err(), "{text}");
        }
    }
}
