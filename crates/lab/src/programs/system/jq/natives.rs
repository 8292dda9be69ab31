//! Functions that the interpreter leaves to its host: texts by regular expressions, formats,
//! dates by the host's clock, the environment. Mathematics beyond roots is not here: its last
//! digits would differ from one machine to another.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use jaq_core::load::parse::Def;
use jaq_core::native::{Fun, bome, run, unary, v};
use jaq_core::{Bind, Cv, Error, load};
use jaq_json::{Num, Val};
use regex_lite::{Regex, RegexBuilder};

use super::{Host, Kind, print, string};
use crate::programs::calendar::{self, Moment};

type Result<T> = std::result::Result<T, Error<Val>>;

const DEFS: &str = r#"
def todate: todateiso8601;
def fromdate: fromdateiso8601;
def dateadd(u; n): . + n;
def datesub(u; n): . - n;
def date: todate;
def @csv: if type == "array" then map(if type == "number" then tojson elif type == "string" then "\"" + gsub("\""; "\"\"") + "\"" elif . == null then "" elif type == "boolean" then tojson else error("\(type) (\(tojson)) is not valid in a csv row") end) | join(",") else error("\(type) (\(tojson)) cannot be csv-formatted, only an array can be") end;
def @tsv: if type == "array" then map(if type == "number" then tojson elif type == "string" then gsub("\\\\"; "\\\\") | gsub("\t"; "\\t") | gsub("\n"; "\\n") | gsub("\r"; "\\r") elif . == null then "" elif type == "boolean" then tojson else error("\(type) (\(tojson)) is not valid in a tsv row") end) | join("\t") else error("\(type) (\(tojson)) cannot be tsv-formatted, only an array can be") end;
def ascii: [.] | implode;
def any(g; cond): isempty(first(g | cond | select(.))) | not;
def all(g; cond): isempty(first(g | cond | select(. | not)));
def IN(s): any(s == .; .);
def IN(src; s): any(src == s; .);
def INDEX(s; f): reduce s as $row ({}; .[$row | f | tostring] |= $row);
def INDEX(f): INDEX(.[]; f);
def GROUP_BY(f): group_by(f);
def tostream: path(def r: (.[]? | r), .; r) as $p | getpath($p) | reduce path(.[]?) as $q ([$p, .]; [$p + $q]);
def ltrimstr(x): if type == "string" and (x | type) == "string" and startswith(x) then .[(x | length):] end;
def rtrimstr(x): if type == "string" and (x | type) == "string" and endswith(x) then .[:length - (x | length)] end;
def keys: if type == "array" or type == "object" then keys_unsorted | sort else error("\(type) (\(tojson)) has no keys") end;
def input_line_number: 0;
def halt_error: stderr, halt(5);
def leaf_paths: paths(scalars);
def getpath_or_null($p): getpath($p);
"#;

/// Definitions in jq itself.
pub(super) fn defs() -> impl Iterator<Item = Def<&'static str>> {
    load::parse(DEFS, |parser| parser.defs())
        .expect("the definitions of this file are jq")
        .into_iter()
}

/// `$ENV`
pub(super) fn environment(host: &Host) -> Val {
    Val::obj(host.env.iter().map(|(name, value)| (string(name), string(value))).collect())
}

fn text(value: &Val) -> Result<String> {
    match value {
        Val::TStr(bytes) | Val::BStr(bytes) => Ok(String::from_utf8_lossy(bytes).into_owned()),
        other => Err(Error::typ(other.clone(), "string")),
    }
}

fn float(value: &Val) -> Result<f64> {
    match value {
        Val::Num(number) => Ok(number.to_string().parse().unwrap_or(f64::NAN)),
        other => Err(Error::typ(other.clone(), "number")),
    }
}

fn value(number: f64) -> Val {
    if number.fract() == 0.0 && number.abs() < 1e15 {
        return Val::Num(Num::from_integral(number as i64));
    }
    Val::Num(Num::Float(number))
}

fn whole(number: usize) -> Val {
    Val::Num(Num::from_integral(number as i64))
}

/// A regular expression with jq's flags; true when all matches are wanted.
fn regex(cv: &mut Cv<'_, Kind>) -> Result<(Regex, bool, bool)> {
    let flags = cv.0.pop_var();
    let flags = if matches!(flags, Val::Null) { String::new() } else { text(&flags)? };
    let pattern = text(&cv.0.pop_var())?;
    let has = |flag: char| flags.contains(flag);
    if flags.chars().any(|flag| !"gimnpslx".contains(flag)) {
        return Err(Error::str(format!("{flags} is not a valid modifier string")));
    }
    let built = RegexBuilder::new(&pattern)
        .case_insensitive(has('i'))
        .dot_matches_new_line(has('s') || has('p'))
        .ignore_whitespace(has('x'))
        .build();
    match built {
        Ok(regex) => Ok((regex, has('g'), has('n'))),
        Err(error) => {
            Err(Error::str(format!("{pattern} (at offset 0) is not a valid regex: {error}")))
        }
    }
}

/// One capture: where, how long, what, and its name.
fn captured(all: &str, found: Option<(usize, usize)>, name: Option<&str>) -> Val {
    let (offset, length, string_value) = match found {
        Some((from, to)) => {
            let part = &all[from..to];
            (whole(all[..from].chars().count()), whole(part.chars().count()), string(part))
        }
        None => (Val::Num(Num::from_integral(-1)), whole(0), Val::Null),
    };
    let mut fields = vec![
        (string("offset"), offset),
        (string("length"), length),
        (string("string"), string_value),
    ];
    if let Some(name) = name {
        fields.push((string("name"), string(name)));
    }
    Val::obj(fields.into_iter().collect())
}

/// The matches of a text, with what stands between them where `between` asks for it.
fn matches(mut cv: Cv<'_, Kind>, between: bool, found: bool) -> Result<Val> {
    let (regex, all, no_empty) = regex(&mut cv)?;
    let subject = text(&cv.1)?;
    let names: Vec<Option<&str>> = regex.capture_names().collect();
    let mut parts: Vec<Val> = Vec::new();
    let mut from = 0;
    for captures in regex.captures_iter(&subject) {
        let Some(whole_match) = captures.get(0) else { continue };
        if no_empty && whole_match.range().is_empty() {
            continue;
        }
        if between {
            parts.push(string(&subject[from..whole_match.start()]));
            from = whole_match.end();
        }
        if found {
            let group = |(i, name): (usize, &Option<&str>)| {
                let range = captures.get(i).map(|it| (it.start(), it.end()));
                captured(&subject, range, *name)
            };
            parts.push(names.iter().enumerate().map(group).collect());
        }
        if !all {
            break;
        }
    }
    if between {
        parts.push(string(&subject[from..]));
    }
    Ok(parts.into_iter().collect())
}

fn html(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\'' => out.push_str("&#39;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
    out
}

fn uri(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(char::from(byte));
            }
            byte => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

fn un_uri(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut out = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let code = bytes.get(at + 1..at + 3).and_then(|it| std::str::from_utf8(it).ok());
        match code.and_then(|it| u8::from_str_radix(it, 16).ok()).filter(|_| bytes[at] == b'%') {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    out
}

fn moment(seconds: f64) -> Moment {
    Moment::from_us((seconds.floor() as i64).saturating_mul(1_000_000))
}

/// Seconds since 1970 of a number or of a broken-down time.
fn seconds(value: &Val) -> Result<f64> {
    let Val::Arr(parts) = value else { return float(value) };
    let numbers: Vec<i64> =
        parts.iter().map(|part| float(part).map(|it| it as i64)).collect::<Result<_>>()?;
    let [year, month, day, hour, minute, second, ..] = numbers.as_slice() else {
        return Err(Error::str("mktime requires array of 6 numbers"));
    };
    let text = format!("{year:04}-{:02}-{day:02} {hour:02}:{minute:02}:{second:02}", month + 1);
    match calendar::parse(&text, 0) {
        Some(us) => Ok((us / 1_000_000) as f64),
        None => Err(Error::str("invalid gmtime representation")),
    }
}

fn from_iso(text: &str) -> Result<Val> {
    let fails =
        || Error::str(format!("date \"{text}\" does not match format \"%Y-%m-%dT%H:%M:%SZ\""));
    let plain = text.strip_suffix('Z').ok_or_else(fails)?.replace('T', " ");
    let us = calendar::parse(&plain, 0).ok_or_else(fails)?;
    Ok(value((us / 1_000_000) as f64))
}

/// `gmtime`: seconds taken apart.
fn broken_down(value_of: &Val) -> Result<Val> {
    let at = seconds(value_of)?;
    let text = moment(at).format("%Y %m %d %H %M %S %w %j");
    let mut parts: Vec<f64> = text.split(' ').map(|it| it.parse().unwrap_or(0.0)).collect();
    // Months and days of the year are counted from 0.
    for place in [1, 7] {
        if let Some(part) = parts.get_mut(place) {
            *part -= 1.0;
        }
    }
    Ok(parts.into_iter().map(value).collect())
}

fn missing(name: &str) -> Error<Val> {
    Error::str(format!("Error: {name}/0 not found at build time"))
}

type Native = (&'static str, Box<[Bind]>, jaq_core::RunPtr<Kind>);

/// The functions.
pub(super) fn funs() -> impl Iterator<Item = Fun<Kind>> {
    texts().into_iter().chain(facts()).chain(mathematics()).map(run::<Kind>)
}

/// Two arguments that are values.
fn two() -> Box<[Bind]> {
    [Bind::Var(()), Bind::Var(())].into()
}

/// About texts.
fn texts() -> Vec<Native> {
    vec![
        ("matches", two(), |cv| bome(matches(cv, false, true))),
        ("split_matches", two(), |cv| bome(matches(cv, true, true))),
        ("split_", two(), |cv| bome(matches(cv, true, false))),
        ("escape_html", v(0), |cv| bome(text(&cv.1).map(|it| string(&html(&it))))),
        ("unescape_html", v(0), |cv| bome(Ok(cv.1))),
        ("encode_uri", v(0), |cv| bome(text(&cv.1).map(|it| string(&uri(&it))))),
        ("decode_uri", v(0), |cv| bome(text(&cv.1).map(|it| Val::utf8_str(un_uri(&it))))),
        ("encode_base64", v(0), |cv| bome(text(&cv.1).map(|it| string(&STANDARD.encode(it))))),
        ("decode_base64", v(0), |cv| {
            bome(text(&cv.1).and_then(|it| {
                let plain = it.trim_end_matches('=');
                STANDARD_NO_PAD
                    .decode(plain)
                    .map(Val::utf8_str)
                    .map_err(|_| Error::str(format!("string ({it:?}) is not valid base64 data")))
            }))
        }),
    ]
}

/// About the host, its clock and what is said on the way.
fn facts() -> Vec<Native> {
    vec![
        ("now", v(0), |cv| {
            let wall_us = cv.0.data().host.wall_us;
            bome(Ok(value(wall_us as f64 / 1e6)))
        }),
        ("env", v(0), |cv| bome(Ok(environment(cv.0.data().host)))),
        ("input_filename", v(0), |_| bome(Ok(Val::Null))),
        ("debug_empty", v(0), |cv| {
            let mut line = Vec::new();
            print::Style::default().write(&cv.1, &mut line);
            let line = format!("[\"DEBUG:\",{}]\n", String::from_utf8_lossy(&line));
            cv.0.data().host.said.borrow_mut().push_str(&line);
            Box::new(std::iter::empty())
        }),
        ("stderr_empty", v(0), |cv| {
            let mut line = Vec::new();
            print::Style::default().write(&cv.1, &mut line);
            let line = match &cv.1 {
                Val::TStr(bytes) => String::from_utf8_lossy(bytes).into_owned(),
                _ => format!("{}\n", String::from_utf8_lossy(&line)),
            };
            cv.0.data().host.said.borrow_mut().push_str(&line);
            Box::new(std::iter::empty())
        }),
        ("fromdateiso8601", v(0), |cv| bome(text(&cv.1).and_then(|it| from_iso(&it)))),
        ("todateiso8601", v(0), |cv| {
            bome(seconds(&cv.1).map(|at| string(&moment(at).format("%Y-%m-%dT%H:%M:%SZ"))))
        }),
        ("strftime", v(1), |cv| {
            unary(cv, |at, format| Ok(string(&moment(seconds(&at)?).format(&text(&format)?))))
        }),
        ("strflocaltime", v(1), |cv| {
            unary(cv, |at, format| Ok(string(&moment(seconds(&at)?).format(&text(&format)?))))
        }),
        ("strptime", v(1), |cv| unary(cv, |at, _| broken_down(&from_iso(&text(&at)?)?))),
        ("gmtime", v(0), |cv| bome(broken_down(&cv.1))),
        ("localtime", v(0), |cv| bome(broken_down(&cv.1))),
        ("mktime", v(0), |cv| bome(seconds(&cv.1).map(value))),
    ]
}

/// What has the same result on every machine.
fn mathematics() -> Vec<Native> {
    vec![
        ("sqrt", v(0), |cv| bome(float(&cv.1).map(|it| value(it.sqrt())))),
        ("fabs", v(0), |cv| bome(float(&cv.1).map(|it| value(it.abs())))),
        ("trunc", v(0), |cv| bome(float(&cv.1).map(|it| value(it.trunc())))),
        ("ilogb", v(0), |_| bome(Err(missing("logb")))),
        ("tgamma", v(0), |_| bome(Err(missing("gamma")))),
        ("scalbln", two(), |_| bome(Err(missing("scalbln")))),
        ("remainder", two(), |_| bome(Err(missing("drem")))),
        ("copysign", two(), |_| bome(Err(missing("copysign")))),
        ("nextafter", two(), |_| bome(Err(missing("nextafter")))),
        ("pow", two(), |mut cv| {
            let exponent = float(&cv.0.pop_var());
            let base = float(&cv.0.pop_var());
            bome(base.and_then(|base| {
                let exponent = exponent?;
                if exponent.fract() != 0.0 || exponent.abs() > 1024.0 {
                    return Err(Error::str("pow takes whole exponents here"));
                }
                let mut power = 1.0;
                for _ in 0..exponent.abs() as u32 {
                    power *= base;
                }
                Ok(value(if exponent < 0.0 { 1.0 / power } else { power }))
            }))
        }),
    ]
}
