//! `jq`: its options, inputs and words around the interpreter of the crates `jaq`.
//!
//! | module | what it holds |
//! |---|---|
//! | `natives` | functions the interpreter leaves to its host: regular expressions, formats, dates |
//! | `print` | values as jq writes them |
//! | `words` | mistakes in jq's words |

mod natives;
mod print;
mod words;

use std::cell::RefCell;

use jaq_core::data::HasLut;
use jaq_core::load::{Arena, File, Loader};
use jaq_core::{Compiler, Ctx, DataT, Filter, Lut, Vars};
use jaq_json::{Val, read};
use jaq_std::input::{HasInputs, Inputs, RcIter};
use sim::{Fd, Sys};

use crate::programs::Program;
use print::Style;

/// The entry of the table of programs.
pub(super) const PROGRAM: Program = Program {
    name: "jq",
    summary: "take JSON apart and put it together",
    usage: concat!(
        "jq [OPTIONS] FILTER [FILE...]\n",
        "  -r raw texts   -c one line each   -s all inputs as one list   -n no input\n",
        "  -e status by the last output   -S sort keys   -R lines as texts   -j raw, no newline\n",
        "  --arg NAME TEXT   --argjson NAME JSON   --tab   --indent N   -f FILE",
    ),
    run: |sys| Box::pin(run(sys)),
    complete: None,
};

const USAGE: &str = "\
Usage:\tjq [OPTIONS] FILTER [FILES...]
\tjq [OPTIONS] --args FILTER [ARGUMENTS...]
\tjq [OPTIONS] --jsonargs FILTER [JSON_VALUES...]
";
/// What a filter prints before it is stopped: nobody reads more.
const OUTPUTS_MAX: usize = 1_000_000;

/// What filters work on.
struct Kind;

impl DataT for Kind {
    type V<'a> = Val;
    type Data<'a> = Facts<'a>;
}

/// What functions may ask while a filter runs.
#[derive(Clone)]
struct Facts<'a> {
    lut: &'a Lut<Kind>,
    inputs: Inputs<'a, Val>,
    host: &'a Host,
}

/// The host, as far as filters see it.
struct Host {
    wall_us: u64,
    env: Vec<(String, String)>,
    /// What `debug` and `stderr` said.
    said: RefCell<String>,
}

impl<'a> HasLut<'a, Kind> for Facts<'a> {
    fn lut(&self) -> &'a Lut<Kind> {
        self.lut
    }
}

impl<'a> HasInputs<'a, Val> for Facts<'a> {
    fn inputs(&self) -> Inputs<'a, Val> {
        self.inputs
    }
}

/// What was asked for.
#[derive(Default)]
struct Call {
    style: Style,
    raw: bool,
    join: bool,
    no_input: bool,
    slurp: bool,
    raw_input: bool,
    by_status: bool,
    filter: Option<String>,
    filter_file: Option<String>,
    files: Vec<String>,
    vars: Vec<(String, Val)>,
    positional: Vec<Val>,
}

/// How `jq` ends before it ran: its words and its status.
struct Refused(String, i32);

fn refuse<T>(text: impl Into<String>, status: i32) -> Result<T, Refused> {
    Err(Refused(text.into(), status))
}

fn string(text: &str) -> Val {
    Val::utf8_str(text.to_owned().into_bytes())
}

async fn run(sys: Sys) -> i32 {
    let args = sys.args();
    if args.iter().any(|arg| arg == "--version" || arg == "-V") {
        sys.print("jq-1.6\n").await;
        return 0;
    }
    if args.iter().any(|arg| arg == "--help" || arg == "-h") {
        sys.print(&crate::programs::help::page(&PROGRAM)).await;
        return 0;
    }
    match attempt(&sys, &args[1..]).await {
        Ok(status) => status,
        Err(Refused(text, status)) => {
            sys.eprint(&text).await;
            status
        }
    }
}

/// What follows the options that take something.
fn operand<'a>(
    rest: &mut std::slice::Iter<'a, String>,
    what: &str,
    many: &str,
) -> Result<&'a String, Refused> {
    rest.next().ok_or_else(|| {
        let text = format!(
            "jq: error: {what} takes {many}\nUse jq --help for help with command-line options,\nor see the jq manpage, or online docs  at https://stedolan.github.io/jq\n"
        );
        Refused(text, 2)
    })
}

fn read_call(sys: &Sys, args: &[String]) -> Result<Call, Refused> {
    let mut call = Call::default();
    call.style.indent = 2;
    call.style.colour = sys.screen().is_some() && sys.is_tty(Fd::STDOUT);
    let (mut words_only, mut rest_kind) = (false, 'f');
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        if words_only || !arg.starts_with('-') || arg == "-" {
            match (&call.filter, rest_kind) {
                (None, _) if call.filter_file.is_none() => call.filter = Some(arg.clone()),
                (_, 'a') => call.positional.push(string(arg)),
                (_, 'j') => call.positional.push(json(arg, "jsonargs")?),
                _ => call.files.push(arg.clone()),
            }
            continue;
        }
        match arg.strip_prefix("--") {
            Some("") => words_only = true,
            Some("args") => rest_kind = 'a',
            Some("jsonargs") => rest_kind = 'j',
            Some(long) => long_option(sys, &mut call, long, &mut rest)?,
            None => {
                for letter in arg[1..].chars() {
                    short_option(&mut call, letter, &mut rest)?;
                }
            }
        }
    }
    Ok(call)
}

fn short_option(
    call: &mut Call,
    letter: char,
    rest: &mut std::slice::Iter<'_, String>,
) -> Result<(), Refused> {
    match letter {
        'r' => call.raw = true,
        'j' => (call.raw, call.join) = (true, true),
        'c' => call.style.indent = 0,
        'n' => call.no_input = true,
        's' => call.slurp = true,
        'R' => call.raw_input = true,
        'e' => call.by_status = true,
        'S' => call.style.sort = true,
        'a' => call.style.ascii = true,
        'C' => call.style.colour = true,
        'M' => call.style.colour = false,
        'f' => call.filter_file = Some(operand(rest, "-f", "a parameter")?.clone()),
        _ => {
            let text = format!(
                "jq: Unknown arguments\n{USAGE}Use jq --help for help with command-line options,\nor see the jq manpage, or online docs  at https://stedolan.github.io/jq\n"
            );
            return refuse(text, 2);
        }
    }
    Ok(())
}

fn long_option(
    sys: &Sys,
    call: &mut Call,
    name: &str,
    rest: &mut std::slice::Iter<'_, String>,
) -> Result<(), Refused> {
    let two = "two parameters";
    let letter = match name {
        "raw-output" => 'r',
        "join-output" => 'j',
        "compact-output" => 'c',
        "null-input" => 'n',
        "slurp" => 's',
        "raw-input" => 'R',
        "exit-status" => 'e',
        "sort-keys" => 'S',
        "ascii-output" => 'a',
        "color-output" => 'C',
        "monochrome-output" => 'M',
        "from-file" => 'f',
        "tab" => {
            call.style.tabs = true;
            return Ok(());
        }
        "unbuffered" => return Ok(()),
        "indent" => {
            let text = operand(rest, "--indent", "one parameter")?;
            let Some(indent) = text.parse().ok().filter(|it| *it <= 7) else {
                return refuse("jq: Cannot indent more than 7 characters\n", 2);
            };
            call.style.indent = indent;
            return Ok(());
        }
        "arg" | "argjson" | "slurpfile" | "rawfile" => {
            let what = format!("--{name}");
            let (key, value) = (operand(rest, &what, two)?, operand(rest, &what, two)?);
            let value = match name {
                "arg" => string(value),
                "argjson" => json(value, "argjson")?,
                _ => from_file(sys, name, key, value)?,
            };
            call.vars.push((format!("${key}"), value));
            return Ok(());
        }
        _ => '?',
    };
    short_option(call, letter, rest)
}

fn json(text: &str, option: &str) -> Result<Val, Refused> {
    read::parse_single(text.as_bytes())
        .or_else(|_| refuse(format!("jq: Invalid JSON text passed to --{option}\n{USAGE}"), 2))
}

fn from_file(sys: &Sys, option: &str, key: &str, path: &str) -> Result<Val, Refused> {
    let bad = |why: String| Refused(format!("jq: Bad JSON in --{option} {key} {path}: {why}\n"), 2);
    let bytes =
        sys.read_file(path).map_err(|error| bad(format!("Could not open {path}: {error}")))?;
    if option == "rawfile" {
        return Ok(Val::utf8_str(bytes.to_vec()));
    }
    let all: Result<Vec<Val>, _> = read::parse_many(&bytes).collect();
    all.map(|all| all.into_iter().collect()).map_err(|error| bad(error.to_string()))
}

/// A value to come, and where its text ends: the file and the line.
struct Piece {
    value: Result<Val, String>,
    place: String,
}

/// The values of one text.
fn pieces(name: &str, bytes: &[u8], call: &Call, all: &mut Vec<Piece>) {
    let line_at = |end: usize| bytes[..end].iter().filter(|byte| **byte == b'\n').count();
    if call.raw_input {
        for (number, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
            let text = line.strip_suffix(b"\n").unwrap_or(line);
            let value = Ok(Val::utf8_str(text.to_vec()));
            all.push(Piece { value, place: format!("{name}:{}", number + 1) });
        }
        return;
    }
    let mut stream =
        serde_json::Deserializer::from_slice(bytes).into_iter::<serde::de::IgnoredAny>();
    let mut from = 0;
    while let Some(next) = stream.next() {
        if next.is_err() {
            let text = words::parse_error(bytes, from);
            all.push(Piece { value: Err(text), place: String::new() });
            return;
        }
        let end = stream.byte_offset();
        // The newline after a value is read with its line.
        let rest = bytes[end..].iter().position(|byte| *byte == b'\n');
        let line_end = rest.map_or(bytes.len(), |at| end + at + 1);
        let value = read::parse_single(bytes[from..end].trim_ascii()).map_err(|it| it.to_string());
        all.push(Piece { value, place: format!("{name}:{}", line_at(line_end)) });
        from = end;
    }
}

/// All inputs; true when a file could not be read.
async fn inputs(sys: &Sys, call: &Call) -> (Vec<Piece>, bool) {
    let (mut all, mut failed) = (Vec::new(), false);
    if call.files.is_empty() {
        if !call.no_input || !sys.is_tty(Fd::STDIN) {
            let bytes = sys.read_to_end(Fd::STDIN).await.unwrap_or_default();
            if call.raw_input && call.slurp {
                let value = Ok(Val::utf8_str(bytes.to_vec()));
                return (vec![Piece { value, place: "<stdin>:1".into() }], false);
            }
            pieces("<stdin>", &bytes, call, &mut all);
        }
        return (all, false);
    }
    for path in &call.files {
        match sys.read_file(path) {
            Ok(bytes) => pieces(path, &bytes, call, &mut all),
            Err(error) => {
                sys.eprint(&format!("jq: error: Could not open file {path}: {error}\n")).await;
                failed = true;
            }
        }
    }
    (all, failed)
}

/// All inputs as one list; the first that is broken stands for all.
fn slurped(pieces: Vec<Piece>) -> Vec<Piece> {
    let mut list = Vec::new();
    let mut place = "<stdin>:0".to_owned();
    for piece in pieces {
        match piece.value {
            Ok(value) => list.push(value),
            Err(_) => return vec![piece],
        }
        place = piece.place;
    }
    vec![Piece { value: Ok(list.into_iter().collect()), place }]
}

async fn attempt(sys: &Sys, args: &[String]) -> Result<i32, Refused> {
    let mut call = read_call(sys, args)?;
    let code = match (&call.filter_file, call.filter.take()) {
        (Some(path), first) => {
            // What would have been the filter is a file then.
            call.files.splice(0..0, first);
            let bytes = sys.read_file(path);
            let bytes = bytes.or_else(|error| {
                refuse(format!("jq: error: Could not open {path}: {error}\n"), 2)
            })?;
            String::from_utf8_lossy(&bytes).into_owned()
        }
        (None, Some(filter)) => filter,
        (None, None) => {
            return refuse(
                format!(
                    "{USAGE}Use jq --help for help with command-line options,\nor see the jq manpage, or online docs  at https://stedolan.github.io/jq\n"
                ),
                2,
            );
        }
    };
    let host = Host { wall_us: sys.wall_us(), env: sys.envs(), said: RefCell::new(String::new()) };
    named_arguments(&mut call, &host);
    let names: Vec<String> = call.vars.iter().map(|(name, _)| name.clone()).collect();
    let arena = Arena::default();
    let filter = compile(&arena, &code, &names)?;
    let (mut all, failed) = inputs(sys, &call).await;
    if call.slurp && !(call.raw_input && all.len() == 1) {
        all = slurped(all);
    }
    let status = Runner { sys, call: &call, filter: &filter, host: &host }.run(all).await;
    Ok(if failed && status == 0 { 2 } else { status })
}

/// `$ENV`, `$__loc__`'s kin and `$ARGS`.
fn named_arguments(call: &mut Call, host: &Host) {
    let named = call.vars.iter().map(|(name, value)| (string(&name[1..]), value.clone()));
    let args = [
        (string("positional"), call.positional.iter().cloned().collect()),
        (string("named"), Val::obj(named.collect())),
    ];
    call.vars.push(("$ARGS".to_owned(), Val::obj(args.into_iter().collect())));
    call.vars.push(("$ENV".to_owned(), natives::environment(host)));
}

fn compile(arena: &Arena, code: &str, names: &[String]) -> Result<Filter<Kind>, Refused> {
    let defs = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
    let defs = defs.chain(natives::defs());
    let funs = jaq_core::funs().chain(jaq_std::base_funs()).chain(jaq_json::funs());
    let funs = funs.chain(natives::funs());
    let inputs = jaq_std::input::funs::<Kind>().into_vec().into_iter();
    let funs = funs.chain(inputs.map(jaq_core::native::run::<Kind>));
    let code = if code.trim().is_empty() { "." } else { code };
    let modules = Loader::new(defs)
        .load(arena, File { code, path: () })
        .map_err(|errors| Refused(words::not_loaded(code, &errors), 3))?;
    Compiler::default()
        .with_funs(funs)
        .with_global_vars(names.iter().map(String::as_str))
        .compile(modules)
        .map_err(|errors| Refused(words::not_compiled(code, &errors), 3))
}

struct Runner<'a> {
    sys: &'a Sys,
    call: &'a Call,
    filter: &'a Filter<Kind>,
    host: &'a Host,
}

/// What running a filter on all inputs came to.
#[derive(Default)]
struct Came {
    text: Vec<u8>,
    errors: String,
    outputs: usize,
    last: Option<bool>,
    status: i32,
    halted: Option<i32>,
}

impl Runner<'_> {
    async fn run(&self, all: Vec<Piece>) -> i32 {
        let came = self.evaluate(all);
        // A reader that has seen enough is nobody's mistake.
        let _ = self.sys.write(Fd::STDOUT, &came.text).await;
        self.sys.eprint(&came.errors).await;
        match (came.halted, came.status, self.call.by_status, came.last) {
            (Some(code), ..) => code,
            (None, status, ..) if status != 0 => status,
            (None, _, true, None) => 4,
            (None, _, true, Some(false)) => 1,
            _ => 0,
        }
    }

    fn evaluate(&self, all: Vec<Piece>) -> Came {
        let mut came = Came::default();
        let place = RefCell::new("<unknown>".to_owned());
        let source = all.into_iter().map(|piece| {
            if !piece.place.is_empty() {
                place.replace(piece.place);
            }
            piece.value
        });
        let source: Box<dyn Iterator<Item = Result<Val, String>> + '_> = Box::new(source);
        let inputs = RcIter::new(source);
        let inputs: Inputs<'_, Val> = &inputs;
        if self.call.no_input {
            self.one(Val::Null, inputs, &place, &mut came);
            return came;
        }
        for value in inputs {
            match value {
                Ok(value) => self.one(value, inputs, &place, &mut came),
                Err(text) => {
                    came.errors.push_str(&format!("parse error: {text}\n"));
                    came.status = 2;
                    return came;
                }
            }
            if came.halted.is_some() {
                return came;
            }
        }
        came
    }

    /// Runs the filter on one input.
    fn one<'a>(
        &'a self,
        value: Val,
        inputs: Inputs<'a, Val>,
        place: &RefCell<String>,
        came: &mut Came,
    ) {
        let facts = Facts { lut: &self.filter.lut, inputs, host: self.host };
        let vars = Vars::new(self.call.vars.iter().map(|(_, value)| value.clone()));
        let ctx = Ctx::<Kind>::new(facts, vars);
        for output in self.filter.id.run((ctx, value)) {
            came.errors.push_str(&self.host.said.take());
            match output {
                Ok(value) => {
                    came.last = Some(!matches!(value, Val::Null | Val::Bool(false)));
                    self.print(&value, &mut came.text);
                }
                Err(exception) => match exception.get_err() {
                    Ok(error) => {
                        let text = words::failed(&error.into_val());
                        came.errors.push_str(&format!("jq: error (at {}){text}\n", place.borrow()));
                        came.status = 5;
                        return;
                    }
                    Err(other) => {
                        came.halted = Some(other.get_halt().unwrap_or(5));
                        return;
                    }
                },
            }
            came.outputs += 1;
            if came.outputs >= OUTPUTS_MAX {
                came.halted = Some(141);
                return;
            }
        }
        came.errors.push_str(&self.host.said.take());
    }

    fn print(&self, value: &Val, text: &mut Vec<u8>) {
        match value {
            Val::TStr(bytes) if self.call.raw && !self.call.style.ascii => {
                text.extend_from_slice(bytes);
            }
            _ => self.call.style.write(value, text),
        }
        if !self.call.join {
            text.push(b'\n');
        }
    }
}
