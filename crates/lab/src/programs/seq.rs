//! `seq`: numbers, by integers of a common scale.

use sim::Sys;

use super::Program;
use super::io::Out;

/// The entry of the table of programs.
pub(super) const PROGRAM: Program = Program {
    name: "seq",
    summary: "print numbers",
    usage: concat!(
        "seq [-w] [-s TEXT] [-f FORMAT] [FIRST [STEP]] LAST\n",
        "  -w  all of the same width    -s  TEXT between them    -f  by a format of printf",
    ),
    run: |sys| Box::pin(run(sys)),
    complete: None,
};

/// A decimal as an integer of a scale: `1.25` is 125 of scale 2.
fn decimal(text: &str) -> Option<(i128, u32)> {
    let (negative, body) = match text.strip_prefix('-') {
        Some(body) => (true, body),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = body.split_once('.').unwrap_or((body, ""));
    let digits = format!("{whole}{fraction}");
    if digits.is_empty() || digits.len() > 30 || !digits.chars().all(|c| c.is_ascii_digit()) {
        return None;
    }
    let value: i128 = digits.parse().ok()?;
    Some((if negative { -value } else { value }, fraction.len() as u32))
}

fn decimal_text(value: i128, scale: u32, width: usize) -> String {
    let unit = 10i128.pow(scale);
    let sign = if value < 0 { "-" } else { "" };
    let (whole, part) =
        (value.unsigned_abs() / unit.unsigned_abs(), value.unsigned_abs() % unit.unsigned_abs());
    let fraction =
        if scale > 0 { format!(".{part:0>width$}", width = scale as usize) } else { String::new() };
    let body = format!("{whole}{fraction}");
    format!("{sign}{body:0>width$}", width = width.saturating_sub(sign.len()))
}

/// What a command line asks for.
#[derive(Debug, PartialEq)]
struct Wish {
    separator: String,
    equal_width: bool,
    template: Option<String>,
    first: i128,
    step: i128,
    last: i128,
    /// Of the three numbers.
    scale: u32,
    /// Of what is printed.
    shown_scale: u32,
}

/// Reads the arguments; the error is a sentence, `--help` is none of them.
fn wish(args: &[String]) -> Result<Wish, String> {
    let mut rest = args;
    let (mut separator, mut equal_width, mut template) = ("\n".to_owned(), false, None);
    while let Some(flag) = rest.first().filter(|arg| arg.starts_with('-') && decimal(arg).is_none())
    {
        rest = &rest[1..];
        let letter = flag.chars().nth(1).unwrap_or('-');
        match (letter, flag.get(2..)) {
            ('w', _) => equal_width = true,
            ('s' | 'f', inline) => {
                let value = match inline.filter(|inline| !inline.is_empty()) {
                    Some(inline) => inline.to_owned(),
                    None => {
                        let missing = || format!("option requires an argument -- '{letter}'");
                        let (value, after) = rest.split_first().ok_or_else(missing)?;
                        rest = after;
                        value.clone()
                    }
                };
                match letter {
                    's' => separator = value,
                    _ => template = Some(value),
                }
            }
            _ if flag == "--equal-width" => equal_width = true,
            _ => return Err(format!("invalid option -- '{letter}'")),
        }
    }
    let texts = match rest {
        [last] => ["1", "1", last.as_str()],
        [first, last] => [first.as_str(), "1", last.as_str()],
        [first, step, last] => [first.as_str(), step.as_str(), last.as_str()],
        [] => return Err("missing operand".to_owned()),
        [_, _, _, extra, ..] => return Err(format!("extra operand '{extra}'")),
    };
    let number = |text: &str| {
        decimal(text).ok_or_else(|| format!("invalid floating point argument: '{text}'"))
    };
    let [first, step, last] = [number(texts[0])?, number(texts[1])?, number(texts[2])?];
    if step.0 == 0 {
        return Err(format!("invalid Zero increment value: '{}'", texts[1]));
    }
    let scale = first.1.max(step.1).max(last.1);
    let scaled = |(value, own): (i128, u32)| value * 10i128.pow(scale - own);
    Ok(Wish {
        separator,
        equal_width,
        template,
        first: scaled(first),
        step: scaled(step),
        last: scaled(last),
        scale,
        shown_scale: first.1.max(step.1),
    })
}

async fn run(sys: Sys) -> i32 {
    let args = sys.args();
    let args = args.get(1..).unwrap_or_default();
    if args.first().is_some_and(|arg| arg == "--help") {
        sys.print(&super::help::page(&PROGRAM)).await;
        return 0;
    }
    let wish = match wish(args) {
        Ok(wish) => wish,
        Err(mistake) => {
            let hint = "Try 'seq --help' for more information.";
            sys.eprint(&format!("seq: {mistake}\n{hint}\n")).await;
            return 1;
        }
    };
    let Wish { first, step, last, scale, shown_scale, .. } = wish;
    let shown = |value: i128, width: usize| {
        decimal_text(value / 10i128.pow(scale - shown_scale), shown_scale, width)
    };
    let width = if wish.equal_width { shown(first, 0).len().max(shown(last, 0).len()) } else { 0 };
    let mut out = Out::new(&sys);
    let mut value = first;
    while if step > 0 { value <= last } else { value >= last } {
        if value != first {
            out.text(&wish.separator);
        }
        let text = shown(value, width);
        match &wish.template {
            Some(template) => out.bytes(&super::printf::format(template, &[text]).bytes),
            None => out.text(&text),
        }
        out.tick().await;
        if out.has_failed() {
            break;
        }
        value += step;
    }
    if value != first {
        out.text("\n");
    }
    out.finish("seq", 0).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals() {
        assert_eq!(decimal("-1.25"), Some((-125, 2)));
        assert_eq!(decimal("x"), None);
        assert_eq!(decimal_text(-125, 2, 0), "-1.25");
        assert_eq!(decimal_text(5, 0, 3), "005");
        assert_eq!(decimal_text(-5, 0, 3), "-05");
    }
}
