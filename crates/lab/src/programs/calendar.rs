//! Dates: Unix time to the calendar and back, in UTC, and the formats of `date`.

/// A moment taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) year: i64,
    /// 1 to 12.
    pub(crate) month: u32,
    /// 1 to 31.
    pub(crate) day: u32,
    pub(crate) hour: u32,
    pub(crate) minute: u32,
    pub(crate) second: u32,
    pub(crate) micros: u32,
    /// 0 is Sunday.
    pub(crate) weekday: u32,
    /// 1 to 366.
    pub(crate) year_day: u32,
    /// Seconds since 1970.
    pub(crate) unix: i64,
}

pub(crate) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

pub(crate) const DAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// Days since 1970 of a date of the Gregorian calendar.
pub(crate) fn days_of(year: i64, month: u32, day: u32) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let shifted = i64::from((month + 9) % 12);
    let of_year = (153 * shifted + 2) / 5 + i64::from(day) - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

impl Moment {
    pub(crate) fn from_us(unix_us: i64) -> Moment {
        let unix = unix_us.div_euclid(1_000_000);
        let days = unix.div_euclid(86_400);
        let seconds = unix.rem_euclid(86_400) as u32;
        let shifted = days + 719_468;
        let era = shifted.div_euclid(146_097);
        let of_era = shifted.rem_euclid(146_097);
        let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let part = (5 * of_year + 2) / 153;
        let day = (of_year - (153 * part + 2) / 5 + 1) as u32;
        let month = if part < 10 { part + 3 } else { part - 9 } as u32;
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        Moment {
            year,
            month,
            day,
            hour: seconds / 3600,
            minute: seconds / 60 % 60,
            second: seconds % 60,
            micros: unix_us.rem_euclid(1_000_000) as u32,
            weekday: (days + 4).rem_euclid(7) as u32,
            year_day: (days - days_of(year, 1, 1) + 1) as u32,
            unix,
        }
    }

    fn month_name(&self) -> &'static str {
        MONTHS[self.month as usize - 1]
    }

    fn day_name(&self) -> &'static str {
        DAYS[self.weekday as usize]
    }

    fn hour_12(&self) -> u32 {
        if self.hour.is_multiple_of(12) { 12 } else { self.hour % 12 }
    }

    /// The year and week of ISO 8601.
    fn iso_week(&self) -> (i64, u32) {
        let weekday = (self.weekday + 6) % 7;
        let thursday = i64::from(self.year_day) - 1 - i64::from(weekday) + 3;
        let year_start = days_of(self.year, 1, 1);
        if thursday < 0 {
            let year = self.year - 1;
            return (year, ((year_start + thursday - days_of(year, 1, 1)) / 7 + 1) as u32);
        }
        if year_start + thursday >= days_of(self.year + 1, 1, 1) {
            return (self.year + 1, 1);
        }
        (self.year, (thursday / 7 + 1) as u32)
    }

    /// By the format of `date`.
    pub(crate) fn format(&self, format: &str) -> String {
        let mut out = String::new();
        let mut chars = format.chars().peekable();
        while let Some(c) = chars.next() {
            if c != '%' {
                out.push(c);
                continue;
            }
            let mut spec = String::from("%");
            let mut pad = None;
            let mut upper = false;
            while let Some(flag) = chars.next_if(|c| matches!(c, '-' | '_' | '0' | '^')) {
                spec.push(flag);
                if flag == '^' { upper = true } else { pad = Some(flag) }
            }
            let mut width = String::new();
            while let Some(digit) = chars.next_if(char::is_ascii_digit) {
                width.push(digit);
            }
            spec.push_str(&width);
            let letter = chars.next().unwrap_or('%');
            spec.push(letter);
            if letter == ':' && chars.next_if_eq(&'z').is_some() {
                out.push_str("+00:00");
                continue;
            }
            let width = width.parse::<usize>().ok();
            match self.field(letter, pad, width.map(|width| width.min(1024))) {
                Some(text) if upper => out.push_str(&text.to_uppercase()),
                Some(text) => out.push_str(&text),
                None => out.push_str(&spec),
            }
        }
        out
    }

    fn field(&self, letter: char, pad: Option<char>, width: Option<usize>) -> Option<String> {
        let number = |value: i64, digits: usize, zero: bool| {
            let digits = width.unwrap_or(digits);
            match pad {
                Some('-') => value.to_string(),
                Some('_') => format!("{value:>digits$}"),
                Some(_) => format!("{value:0>digits$}"),
                None if zero => format!("{value:0>digits$}"),
                None => format!("{value:>digits$}"),
            }
        };
        Some(match letter {
            'Y' => number(self.year, 4, true),
            'C' => number(self.year.div_euclid(100), 2, true),
            'y' => number(self.year.rem_euclid(100), 2, true),
            'm' => number(self.month.into(), 2, true),
            'd' => number(self.day.into(), 2, true),
            'e' => number(self.day.into(), 2, false),
            'H' => number(self.hour.into(), 2, true),
            'k' => number(self.hour.into(), 2, false),
            'I' => number(self.hour_12().into(), 2, true),
            'l' => number(self.hour_12().into(), 2, false),
            'M' => number(self.minute.into(), 2, true),
            'S' => number(self.second.into(), 2, true),
            'j' => number(self.year_day.into(), 3, true),
            's' => number(self.unix, 1, true),
            'u' => number(if self.weekday == 0 { 7 } else { self.weekday.into() }, 1, true),
            'w' => number(self.weekday.into(), 1, true),
            'U' => number(((self.year_day + 6 - self.weekday) / 7).into(), 2, true),
            'W' => number(((self.year_day + 6 - (self.weekday + 6) % 7) / 7).into(), 2, true),
            'V' => number(self.iso_week().1.into(), 2, true),
            'G' => number(self.iso_week().0, 4, true),
            'g' => number(self.iso_week().0.rem_euclid(100), 2, true),
            'q' => number(self.month.div_ceil(3).into(), 1, true),
            'N' => {
                let nanos = format!("{:09}", u64::from(self.micros) * 1000);
                let digits = width.unwrap_or(if pad == Some('-') { 0 } else { 9 });
                match digits {
                    0 => nanos.trim_end_matches('0').to_owned(),
                    digits => nanos[..digits.min(9)].to_owned(),
                }
            }
            'a' => self.day_name()[..3].to_owned(),
            'A' => self.day_name().to_owned(),
            'b' | 'h' => self.month_name()[..3].to_owned(),
            'B' => self.month_name().to_owned(),
            'p' => if self.hour < 12 { "AM" } else { "PM" }.to_owned(),
            'P' => if self.hour < 12 { "am" } else { "pm" }.to_owned(),
            'Z' => "UTC".to_owned(),
            'z' => "+0000".to_owned(),
            'T' | 'X' => self.format("%H:%M:%S"),
            'R' => self.format("%H:%M"),
            'r' => self.format("%I:%M:%S %p"),
            'D' | 'x' => self.format("%m/%d/%y"),
            'F' => self.format("%Y-%m-%d"),
            'c' => self.format("%a %b %e %H:%M:%S %Y"),
            'n' => "\n".to_owned(),
            't' => "\t".to_owned(),
            '%' => "%".to_owned(),
            _ => return None,
        })
    }
}

/// A date as `date -d` takes it: `@SECONDS`, `now`, `2026-11-22`, `2026-11-22 09:30[:15[.5]]`,
/// with `T` for the blank, `Z` or `UTC` at the end; and `5 minutes ago`, `+2 hours`, `tomorrow`.
pub(crate) fn parse(text: &str, now_us: i64) -> Option<i64> {
    let text = text.trim();
    if let Some(seconds) = text.strip_prefix('@') {
        let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, ""));
        let micros = format!("{fraction:0<6}");
        let micros: i64 = micros.get(..6)?.parse().ok()?;
        return whole.parse::<i64>().ok()?.checked_mul(1_000_000)?.checked_add(micros);
    }
    match text {
        "" | "now" | "today" => return Some(now_us),
        "tomorrow" => return Some(now_us + 86_400_000_000),
        "yesterday" => return Some(now_us - 86_400_000_000),
        _ => {}
    }
    absolute(text).or_else(|| relative(text, now_us))
}

fn absolute(text: &str) -> Option<i64> {
    let text = text.trim_end_matches("UTC").trim_end_matches('Z').trim_end();
    let (date, time) = text.split_once(['T', ' ']).unwrap_or((text, "00:00:00"));
    let mut parts = date.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let (month, day): (u32, u32) = (month.parse().ok()?, day.parse().ok()?);
    let year: i64 = year.parse().ok()?;
    if parts.next().is_some()
        || !(1..=12).contains(&month)
        || !(1..=31).contains(&day)
        || !(0..=9999).contains(&year)
    {
        return None;
    }
    let (clock, fraction) = time.trim().split_once('.').unwrap_or((time.trim(), ""));
    let mut parts = clock.split(':');
    let mut next = || parts.next().map_or(Some(0), |part| part.parse::<i64>().ok());
    let (hour, minute, second) = (next()?, next()?, next()?);
    if !(0..24).contains(&hour) || !(0..60).contains(&minute) || !(0..61).contains(&second) {
        return None;
    }
    let micros: i64 = format!("{fraction:0<6}").get(..6)?.parse().ok()?;
    let seconds = days_of(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
    Some(seconds * 1_000_000 + micros)
}

fn relative(text: &str, now_us: i64) -> Option<i64> {
    let (text, sign) = match text.strip_suffix("ago") {
        Some(rest) => (rest.trim(), -1),
        None => (text, 1),
    };
    let mut words = text.split_whitespace();
    let (count, unit) = (words.next()?, words.next()?);
    if words.next().is_some() {
        return None;
    }
    let seconds = match unit.trim_end_matches('s') {
        "second" | "sec" => 1,
        "minute" | "min" => 60,
        "hour" => 3600,
        "day" => 86_400,
        "week" => 604_800,
        _ => return None,
    };
    let count: i64 = count.trim_start_matches('+').parse().ok()?;
    now_us.checked_add(count.checked_mul(seconds * sign * 1_000_000)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_calendar_goes_both_ways() {
        for days in (-200_000..200_000).step_by(37) {
            let moment = Moment::from_us(days * 86_400_000_000);
            assert_eq!(days_of(moment.year, moment.month, moment.day), days);
        }
    }

    #[test]
    fn formats_are_those_of_date() {
        // TZ=UTC LC_ALL=C date -d @1795341649 '+...'
        let moment = Moment::from_us(1_795_341_649_123_456);
        let table = [
            ("%F %T", "2026-11-22 10:00:49"),
            ("%a %b %e %H:%M:%S %Z %Y", "Sun Nov 22 10:00:49 UTC 2026"),
            ("%s.%N", "1795341649.123456000"),
            ("%3N %6N %-d %_H %j", "123 123456 22 10 326"),
            ("%V %G %U %W %u %w", "47 2026 47 46 7 0"),
            ("%I:%M %p %P %y %C %q", "10:00 AM am 26 20 4"),
            ("%D %R %r %c", "11/22/26 10:00 10:00:49 AM Sun Nov 22 10:00:49 2026"),
            ("%z %:z %% %n%t %^a %B %A %?", "+0000 +00:00 % \n\t SUN November Sunday %?"),
        ];
        for (format, expected) in table {
            assert_eq!(moment.format(format), expected, "{format}");
        }
    }

    #[test]
    fn dates_are_read() {
        let now = 1_000_000_000_000_000;
        let table = [
            ("@5", Some(5_000_000)),
            ("@5.25", Some(5_250_000)),
            ("1970-01-02", Some(86_400_000_000)),
            ("1970-01-01 01:00", Some(3_600_000_000)),
            ("1970-01-01T00:00:01.5Z", Some(1_500_000)),
            ("now", Some(now)),
            ("5 minutes ago", Some(now - 300_000_000)),
            ("+2 hours", Some(now + 7_200_000_000)),
            ("rubbish", None),
            ("2026-13-01", None),
        ];
        for (text, expected) in table {
            assert_eq!(parse(text, now), expected, "{text}");
        }
    }
}
