//! `printf`

use sim::Fd;

use super::Program;
use crate::shell::escape;

/// The entry of the table of programs.
pub(super) const PROGRAM: Program = Program {
    name: "printf",
    summary: "print by a format",
    usage: concat!(
        "printf FORMAT [ARGUMENT...]\n",
        "Understands %s %b %q %c %d %i %u %o %x %X %f %e %g %%, with flags, width and precision.\n",
        "The format is used again while arguments are left.",
    ),
    run: |sys| {
        Box::pin(async move {
            let args = sys.args();
            let Some(template) = args.get(1) else {
                sys.eprint("printf: missing operand\nTry 'printf --help' for more information.\n")
                    .await;
                return 1;
            };
            let printed = format(template, &args[2..]);
            let failed = sys.write(Fd::STDOUT, &printed.bytes).await.is_err();
            for complaint in &printed.complaints {
                sys.eprint(&format!("printf: {complaint}\n")).await;
            }
            i32::from(failed || !printed.complaints.is_empty())
        })
    },
    complete: None,
};

/// What came of a format.
#[derive(Debug, Default)]
pub(crate) struct Printed {
    pub(crate) bytes: Vec<u8>,
    /// Sentences about arguments that did not fit.
    pub(crate) complaints: Vec<String>,
}

/// No field is wider than this.
const WIDTH_MAX: usize = 1 << 16;

/// Prints by a format.
pub(crate) fn format(template: &str, args: &[String]) -> Printed {
    let mut printer = Printer { args, at: 0, printed: Printed::default(), ended: false };
    loop {
        let before = printer.at;
        printer.pass(template);
        // A format that takes no argument is used only once.
        if printer.ended || printer.at >= args.len() || printer.at == before {
            return printer.printed;
        }
    }
}

struct Printer<'a> {
    args: &'a [String],
    at: usize,
    printed: Printed,
    ended: bool,
}

/// What stands between `%` and the letter.
#[derive(Default)]
struct Spec {
    left: bool,
    zero: bool,
    plus: bool,
    space: bool,
    alternate: bool,
    width: usize,
    precision: Option<usize>,
}

impl Spec {
    fn pad(&self, text: &str) -> String {
        let missing = self.width.saturating_sub(text.chars().count());
        if self.left {
            format!("{text}{}", " ".repeat(missing))
        } else {
            format!("{}{text}", " ".repeat(missing))
        }
    }

    /// A number: its sign or prefix, and its digits.
    fn number(&self, head: &str, digits: &str) -> String {
        let digits = match self.precision {
            Some(precision) => format!("{digits:0>precision$}"),
            None => digits.to_owned(),
        };
        if self.zero && !self.left && self.precision.is_none() {
            let width = self.width.saturating_sub(head.len());
            return format!("{head}{digits:0>width$}");
        }
        self.pad(&format!("{head}{digits}"))
    }
}

impl Printer<'_> {
    fn next(&mut self) -> Option<String> {
        let arg = self.args.get(self.at).cloned();
        self.at += 1;
        arg
    }

    fn put(&mut self, text: &str) {
        self.printed.bytes.extend_from_slice(text.as_bytes());
    }

    fn pass(&mut self, template: &str) {
        let mut rest = template;
        while let Some(at) = rest.find('%') {
            self.printed.bytes.extend(escape::format(&rest[..at]));
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix('%') {
                self.put("%");
                rest = after;
                continue;
            }
            let (spec, len) = self.spec(rest);
            let Some(letter) = rest[len..].chars().next() else {
                self.printed.complaints.push(format!("`%{rest}': missing format character"));
                self.ended = true;
                return;
            };
            rest = &rest[len + letter.len_utf8()..];
            self.field(&spec, letter);
            if self.ended {
                return;
            }
        }
        self.printed.bytes.extend(escape::format(rest));
    }

    fn spec(&mut self, text: &str) -> (Spec, usize) {
        let mut spec = Spec::default();
        let mut chars = text.char_indices().peekable();
        while let Some((_, flag)) = chars.next_if(|(_, c)| "-0+ #".contains(*c)) {
            match flag {
                '-' => spec.left = true,
                '0' => spec.zero = true,
                '+' => spec.plus = true,
                ' ' => spec.space = true,
                _ => spec.alternate = true,
            }
        }
        let mut number = |printer: &mut Self| {
            if chars.next_if(|(_, c)| *c == '*').is_some() {
                return printer.next().and_then(|text| text.parse::<i64>().ok()).unwrap_or(0);
            }
            let mut value = 0i64;
            while let Some((_, digit)) = chars.next_if(|(_, c)| c.is_ascii_digit()) {
                value = (value * 10 + i64::from(digit as u32 - 48)).min(WIDTH_MAX as i64);
            }
            value
        };
        let width = number(self);
        spec.left |= width < 0;
        spec.width = (width.unsigned_abs() as usize).min(WIDTH_MAX);
        if text[..].contains('.') {
            let mut ahead = chars.clone();
            if ahead.next_if(|(_, c)| *c == '.').is_some() {
                chars = ahead;
                let mut digits = 0i64;
                if chars.next_if(|(_, c)| *c == '*').is_some() {
                    digits = self.next().and_then(|text| text.parse().ok()).unwrap_or(0);
                }
                while let Some((_, digit)) = chars.next_if(|(_, c)| c.is_ascii_digit()) {
                    digits = (digits * 10 + i64::from(digit as u32 - 48)).min(WIDTH_MAX as i64);
                }
                spec.precision = Some((digits.max(0) as usize).min(WIDTH_MAX));
            }
        }
        let len = chars.peek().map_or(text.len(), |(at, _)| *at);
        (spec, len)
    }

    fn field(&mut self, spec: &Spec, letter: char) {
        let cut = |text: String| match spec.precision {
            Some(precision) => text.chars().take(precision).collect(),
            None => text,
        };
        match letter {
            's' => {
                let text = cut(self.next().unwrap_or_default());
                self.put(&spec.pad(&text));
            }
            'q' => {
                let text = escape::quote(&self.next().unwrap_or_default());
                self.put(&spec.pad(&text));
            }
            'c' => {
                let text = self.next().unwrap_or_default().chars().take(1).collect::<String>();
                self.put(&spec.pad(&text));
            }
            'b' => {
                let (bytes, ended) = escape::percent_b(&self.next().unwrap_or_default());
                let missing = spec.width.saturating_sub(bytes.len());
                let (before, after) = if spec.left { (0, missing) } else { (missing, 0) };
                self.put(&" ".repeat(before));
                self.printed.bytes.extend(bytes);
                self.put(&" ".repeat(after));
                self.ended = ended;
            }
            'd' | 'i' => {
                let value = self.integer();
                let sign = match (value < 0, spec.plus, spec.space) {
                    (true, ..) => "-",
                    (_, true, _) => "+",
                    (_, _, true) => " ",
                    _ => "",
                };
                self.put(&spec.number(sign, &value.unsigned_abs().to_string()));
            }
            'u' | 'o' | 'x' | 'X' => {
                let value = self.integer() as u64;
                let (prefix, digits) = match letter {
                    'u' => ("", value.to_string()),
                    'o' => ("0", format!("{value:o}")),
                    'x' => ("0x", format!("{value:x}")),
                    _ => ("0X", format!("{value:X}")),
                };
                let prefix = if spec.alternate && value != 0 { prefix } else { "" };
                self.put(&spec.number(prefix, &digits));
            }
            'f' | 'F' | 'e' | 'E' | 'g' | 'G' => {
                let text = self.next().unwrap_or_default();
                let value = self.float(&text);
                let sign = match (value.is_sign_negative(), spec.plus) {
                    (true, _) => "-",
                    (false, true) => "+",
                    (false, false) => "",
                };
                let digits = float_digits(value.abs(), letter, spec.precision.unwrap_or(6));
                let plain = Spec {
                    precision: None,
                    left: spec.left,
                    zero: spec.zero,
                    width: spec.width,
                    ..Spec::default()
                };
                self.put(&plain.number(sign, &digits));
            }
            _ => {
                self.printed.complaints.push(format!("`{letter}': invalid format character"));
                self.ended = true;
            }
        }
    }

    fn float(&mut self, text: &str) -> f64 {
        if text.is_empty() {
            return 0.0;
        }
        text.trim().parse().unwrap_or_else(|_| {
            self.printed.complaints.push(format!("{text}: invalid number"));
            0.0
        })
    }

    /// The next argument as an integer: decimal, `0x`, `0`, or `'c` for a character.
    fn integer(&mut self) -> i64 {
        let Some(text) = self.next() else { return 0 };
        if let Some(c) = text.strip_prefix(['\'', '"']) {
            return c.chars().next().map_or(0, |c| i64::from(u32::from(c)));
        }
        let trimmed = text.trim_start();
        let (sign, digits) = match trimmed.strip_prefix('-') {
            Some(digits) => (-1i128, digits),
            None => (1, trimmed.strip_prefix('+').unwrap_or(trimmed)),
        };
        let (radix, body) = match digits {
            d if d.starts_with("0x") || d.starts_with("0X") => (16, &d[2..]),
            d if d.len() > 1 && d.starts_with('0') => (8, &d[1..]),
            d => (10, d),
        };
        let end = body.find(|c: char| !c.is_digit(radix)).unwrap_or(body.len());
        let value = i128::from_str_radix(&body[..end], radix).unwrap_or(0).min(1 << 64) * sign;
        if end < body.len() || (body.is_empty() && !text.is_empty()) {
            self.printed.complaints.push(format!("{text}: invalid number"));
        }
        if value > i128::from(u64::MAX) || value < i128::from(i64::MIN) {
            return if sign < 0 { i64::MIN } else { i64::MAX };
        }
        value as i64
    }
}

fn float_digits(value: f64, letter: char, precision: usize) -> String {
    let precision = precision.min(64);
    match letter {
        'f' | 'F' => format!("{value:.precision$}"),
        'e' | 'E' => exponent(value, precision, letter),
        _ => {
            let precision = precision.max(1);
            let text = format!("{value:.*e}", precision - 1);
            let power: i32 =
                text.split_once('e').and_then(|(_, power)| power.parse().ok()).unwrap_or(0);
            let short = |text: String| match text.contains('.') {
                true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
                false => text,
            };
            if power < -4 || power >= precision as i32 {
                let text = exponent(value, precision - 1, if letter == 'g' { 'e' } else { 'E' });
                let (mantissa, power) = text.split_at(text.find(['e', 'E']).unwrap_or(text.len()));
                return format!("{}{power}", short(mantissa.to_owned()));
            }
            let decimals = (precision as i32 - 1 - power).max(0) as usize;
            short(format!("{value:.decimals$}"))
        }
    }
}

fn exponent(value: f64, precision: usize, letter: char) -> String {
    let text = format!("{value:.precision$e}");
    let (mantissa, power) = text.split_once('e').unwrap_or((&text, "0"));
    let power: i32 = power.parse().unwrap_or(0);
    let sign = if power < 0 { '-' } else { '+' };
    format!("{mantissa}{letter}{sign}{:02}", power.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(template: &str, args: &[&str]) -> String {
        let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
        String::from_utf8(format(template, &args).bytes).expect("it is text")
    }

    #[test]
    fn formats_are_those_of_bash() {
        let table: &[(&str, &[&str], &str)] = &[
            (r"%s\n", &["a", "b"], "a\nb\n"),
            ("%s-%s|", &["a", "b", "c"], "a-b|c-|"),
            ("%5s|%-5s|%.2s", &["ab", "cd", "efg"], "   ab|cd   |ef"),
            ("%d %05d %+d % d", &["1", "42", "3", "4"], "1 00042 +3  4"),
            ("%x %X %#x %o %u", &["255", "255", "255", "8", "7"], "ff FF 0xff 10 7"),
            ("%d", &["0x1f"], "31"),
            ("%d", &["010"], "8"),
            ("%d", &["'A"], "65"),
            ("%*d|", &["5", "42"], "   42|"),
            ("%c%c", &["abc", "def"], "ad"),
            ("%b", &[r"a\tb\n"], "a\tb\n"),
            ("%q", &["a b"], r"a\ b"),
            ("%%|%5.1f|%e|%g", &["3.14159", "1234.5", "0.0001"], "%|  3.1|1.234500e+03|0.0001"),
            ("%g %g %g", &["100000", "1000000", "1.50"], "100000 1e+06 1.5"),
            ("%08.3f", &["-3.14159"], "-003.142"),
            ("%.3d", &["7"], "007"),
            ("no args", &["x"], "no args"),
            ("%s", &[], ""),
            ("%d", &[], "0"),
            (r"a\x41\101", &[], "aAA"),
            ("%u", &["-1"], "18446744073709551615"),
        ];
        for (template, args, expected) in table {
            assert_eq!(printed(template, args), *expected, "{template} {args:?}");
        }
        assert_eq!(format("%d", &["12abc".to_owned()]).complaints, ["12abc: invalid number"]);
    }
}
