//! Values: texts that may be numbers.

/// A value. Text that came from outside and looks like a number compares like one.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Number(f64),
    Text(String),
    /// From a field or a flag.
    Input(String),
}

impl Value {
    pub(super) fn number(&self) -> f64 {
        match self {
            Value::Number(number) => *number,
            Value::Text(text) | Value::Input(text) => leading(text).0,
        }
    }

    pub(super) fn text(&self) -> String {
        match self {
            Value::Number(number) => number_text(*number, "%.6g"),
            Value::Text(text) | Value::Input(text) => text.clone(),
        }
    }

    pub(super) fn truth(&self) -> bool {
        match self {
            Value::Number(number) => *number != 0.0,
            Value::Text(text) => !text.is_empty(),
            Value::Input(text) => match self.is_numeric() {
                true => self.number() != 0.0,
                false => !text.is_empty(),
            },
        }
    }

    pub(super) fn is_numeric(&self) -> bool {
        match self {
            Value::Number(_) => true,
            Value::Text(_) => false,
            Value::Input(text) => {
                let (_, used) = leading(text);
                // One that was never set counts as zero, too.
                text.is_empty() || (used > 0 && text[used..].trim().is_empty())
            }
        }
    }
}

/// The number a text begins with, and how much of it that is.
fn leading(text: &str) -> (f64, usize) {
    let start = text.len() - text.trim_start().len();
    let bytes = text.as_bytes();
    let digits = |mut at: usize| {
        while bytes.get(at).is_some_and(u8::is_ascii_digit) {
            at += 1;
        }
        at
    };
    let signed = start + usize::from(matches!(bytes.get(start), Some(b'+' | b'-')));
    let mut end = digits(signed);
    let mut any = end > signed;
    if bytes.get(end) == Some(&b'.') {
        let after = digits(end + 1);
        any |= after > end + 1;
        end = after;
    }
    if !any {
        return (0.0, 0);
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = end + 1 + usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        let after = digits(sign);
        end = if after > sign { after } else { end };
    }
    (text[start..end].parse().unwrap_or(0.0), end)
}

/// A number as `print` shows it.
pub(super) fn number_text(number: f64, format: &str) -> String {
    if number.fract() == 0.0 && number.abs() < 1e16 {
        return format!("{number:.0}").replace("-0", if number == 0.0 { "0" } else { "-0" });
    }
    format_one(format.trim_start_matches('%').trim_end_matches('g'), 'g', &Value::Number(number))
}

/// One conversion of `printf`.
pub(super) fn format_one(flags: &str, kind: char, value: &Value) -> String {
    let left = flags.contains('-');
    let zero = flags.trim_start_matches(['-', '+', ' ', '#']).starts_with('0') && !left;
    let plus = flags.contains('+');
    let numbers = flags.trim_start_matches(['-', '+', ' ', '#', '0']);
    let (width, precision) = numbers.split_once('.').map_or((numbers, None), |(w, p)| (w, Some(p)));
    let width = width.parse::<usize>().unwrap_or(0).min(4096);
    let precision = precision.map(|text| text.parse::<usize>().unwrap_or(0).min(100));
    let number = value.number();
    let mut text = match kind {
        'd' | 'i' => format!("{:.0}", number.trunc()),
        'o' => format!("{:o}", number as i64),
        'x' => format!("{:x}", number as i64),
        'X' => format!("{:X}", number as i64),
        'u' => format!("{}", number as u64),
        'c' => match value {
            Value::Number(code) => {
                char::from_u32(*code as u32).map(String::from).unwrap_or_default()
            }
            other => other.text().chars().take(1).collect(),
        },
        'f' | 'F' => format!("{number:.*}", precision.unwrap_or(6)),
        'e' | 'E' => exponent(number, precision.unwrap_or(6)),
        'g' | 'G' => general(number, precision.unwrap_or(6)),
        _ => {
            let text = value.text();
            precision.map_or(text.clone(), |most| text.chars().take(most).collect())
        }
    };
    if plus && number >= 0.0 && "dieEfFgG".contains(kind) {
        text.insert(0, '+');
    }
    let missing = width.saturating_sub(text.chars().count());
    match (left, zero && "dioxXuefgEFG".contains(kind)) {
        (true, _) => text + &" ".repeat(missing),
        (_, true) => {
            let sign = usize::from(text.starts_with(['-', '+']));
            text.insert_str(sign, &"0".repeat(missing));
            text
        }
        _ => " ".repeat(missing) + &text,
    }
}

fn exponent(number: f64, precision: usize) -> String {
    let text = format!("{number:.precision$e}");
    let (mantissa, power) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, digits) = power.strip_prefix('-').map_or(('+', power), |digits| ('-', digits));
    format!("{mantissa}e{sign}{digits:0>2}")
}

fn general(number: f64, precision: usize) -> String {
    if number == 0.0 {
        return "0".to_owned();
    }
    let precision = precision.max(1);
    let text = format!("{number:.*e}", precision - 1);
    let power: i32 = text.rsplit('e').next().and_then(|power| power.parse().ok()).unwrap_or(0);
    let trim = |text: String| {
        if text.contains('.') {
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        } else {
            text
        }
    };
    if power < -4 || power >= i32::try_from(precision).unwrap_or(6) {
        let text = exponent(number, precision - 1);
        let (mantissa, tail) = text.split_once('e').unwrap_or((&text, "+00"));
        return format!("{}e{tail}", trim(mantissa.to_owned()));
    }
    let places = usize::try_from(i32::try_from(precision).unwrap_or(6) - 1 - power).unwrap_or(0);
    trim(format!("{number:.places$}"))
}
