//! Dates of certificates. Seconds since 1970 are all that is stored; civil dates are for DER
//! and for people.

use crate::der::{Value, tag, wrap};

/// A date and time in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "they are the parts of a date")]
pub struct Civil {
    pub year: i64,
    pub month: u8,
    pub day: u8,
    pub hour: u8,
    pub minute: u8,
    pub second: u8,
}

const DAY_S: i64 = 86_400;

/// The civil date of a time (proleptic Gregorian).
pub fn civil(at_s: i64) -> Civil {
    let (days, rest) = (at_s.div_euclid(DAY_S), at_s.rem_euclid(DAY_S));
    // Years begin in March, so that the leap day is the last one of a year.
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let small = |value: i64| u8::try_from(value).expect("a part of a date is small");
    Civil {
        year: year + era * 400 + i64::from(month <= 2),
        month: small(month),
        day: small(day),
        hour: small(rest / 3600),
        minute: small(rest / 60 % 60),
        second: small(rest % 60),
    }
}

/// The time of a civil date; none when there is no such date.
pub fn unix_s(civil: &Civil) -> Option<i64> {
    let Civil { year, month, day, hour, minute, second } = *civil;
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        1..=12 => 31,
        _ => return None,
    };
    if day == 0 || day > last || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let shifted = if month > 2 { i64::from(month) - 3 } else { i64::from(month) + 9 };
    let year = if month > 2 { year } else { year - 1 };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * shifted + 2) / 5 + i64::from(day) - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    Some(days * DAY_S + i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second))
}

/// A time as Go's RFC 3339: `2026-11-22T09:10:50Z`.
pub fn rfc3339(at_s: i64) -> String {
    let Civil { year, month, day, hour, minute, second } = civil(at_s);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// A time as OpenSSL shows it: `Nov 22 09:10:50 2026 GMT`.
pub fn date(at_s: i64) -> String {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let Civil { year, month, day, hour, minute, second } = civil(at_s);
    let month = MONTHS[usize::from(month - 1)];
    format!("{month} {day:2} {hour:02}:{minute:02}:{second:02} {year} GMT")
}

/// A time as X.509 wants it: two digits of the year until 2049.
pub(crate) fn encode(at_s: i64) -> Vec<u8> {
    let Civil { year, month, day, hour, minute, second } = civil(at_s);
    let rest = format!("{month:02}{day:02}{hour:02}{minute:02}{second:02}Z");
    if (1950..2050).contains(&year) {
        wrap(tag::UTC_TIME, format!("{:02}{rest}", year % 100).as_bytes())
    } else {
        wrap(tag::GENERALIZED_TIME, format!("{year:04}{rest}").as_bytes())
    }
}

/// Reads a time of either form.
pub(crate) fn decode(value: &Value<'_>) -> Option<i64> {
    let text = std::str::from_utf8(value.body).ok()?.strip_suffix('Z')?;
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (year, rest) = match (value.tag, text.len()) {
        (tag::UTC_TIME, 12) => {
            let year: i64 = text[..2].parse().ok()?;
            (if year >= 50 { 1900 + year } else { 2000 + year }, &text[2..])
        }
        (tag::GENERALIZED_TIME, 14) => (text[..4].parse().ok()?, &text[4..]),
        _ => return None,
    };
    let part = |place: usize| rest[place..place + 2].parse::<u8>().ok();
    unix_s(&Civil {
        year,
        month: part(0)?,
        day: part(2)?,
        hour: part(4)?,
        minute: part(6)?,
        second: part(8)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::der::Reader;

    #[test]
    fn dates_of_four_centuries_come_back() {
        let mut at_s = -2_208_988_800;
        while at_s < 12_000_000_000 {
            assert_eq!(unix_s(&civil(at_s)), Some(at_s));
            let der = encode(at_s);
            if civil(at_s).year >= 1950 {
                assert_eq!(decode(&Reader::new(&der).any().unwrap()), Some(at_s));
            }
            at_s += 7_777_777;
        }
        assert_eq!(rfc3339(1_795_338_650), "2026-11-22T09:10:50Z");
        assert_eq!(date(1_793_523_600), "Nov  1 09:00:00 2026 GMT");
    }

    #[test]
    fn there_is_no_thirtieth_of_february() {
        for text in ["260230000000Z", "261301000000Z", "260101240000Z", "26010100000Z", "é60101000"]
        {
            let der = wrap(tag::UTC_TIME, text.as_bytes());
            assert_eq!(decode(&Reader::new(&der).any().unwrap()), None, "{text}");
        }
    }
}
