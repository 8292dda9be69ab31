//! `less` and `more`: text by the page. Without a screen, or when what they print goes on to
//! another program, they copy it.

use sim::{Fd, OpenFlags, Signal, Sys};

use super::reports::texts;
use crate::programs::Program;

/// The entry of the table of programs.
pub(super) const LESS: Program = Program {
    name: "less",
    summary: "show text",
    usage: concat!(
        "less [-NSFRX] [FILE...]\n",
        "  space, b   a screen on, back   j, k   a line on, back   d, u   half a screen\n",
        "  g, G       the beginning, the end   /TEXT, ?TEXT, n, N   search   q   leave",
    ),
    run: |sys| Box::pin(run(sys)),
    complete: None,
};

/// The entry of the table of programs.
pub(super) const MORE: Program =
    Program { name: "more", usage: "more [FILE...]", run: |sys| Box::pin(run(sys)), ..LESS };

/// Where the text is looked at from.
struct Pager {
    sys: Sys,
    /// Where keys come from: the text may come from standard input.
    typed: Fd,
    name: String,
    lines: Vec<String>,
    columns: usize,
    /// Rows for text: the last one is the pager's own.
    rows: usize,
    top: usize,
    numbers: bool,
    /// `-S`: long lines are cut, not folded.
    cut: bool,
    search: String,
    backwards: bool,
    /// `more` ends where the text does.
    ends: bool,
}

async fn run(sys: Sys) -> i32 {
    let args = sys.args();
    let program = args[0].rsplit('/').next().unwrap_or("less").to_owned();
    let is_option = |arg: &&String| arg.starts_with(['-', '+']) && *arg != "-";
    let options: String = args[1..].iter().filter(is_option).cloned().collect();
    let files: Vec<String> = args[1..].iter().filter(|arg| !is_option(arg)).cloned().collect();
    if files.is_empty() && sys.is_tty(Fd::STDIN) {
        let text = match program.as_str() {
            "more" => "more: bad usage\nTry 'more --help' for more information.\n",
            _ => "Missing filename (\"less --help\" for help)\n",
        };
        sys.eprint(text).await;
        return 1;
    }
    let texts = match texts(&sys, &program, &files).await {
        Ok(texts) => texts.concat(),
        Err(status) => return status,
    };
    let screen = sys.screen().filter(|_| sys.is_tty(Fd::STDOUT));
    let Some((columns, rows)) = screen else {
        sys.print(&texts).await;
        return 0;
    };
    let typed = sys.open("/dev/tty", OpenFlags::READ).unwrap_or(Fd::STDIN);
    let mut pager = Pager {
        sys,
        typed,
        name: files.first().cloned().unwrap_or_default(),
        lines: texts.lines().map(str::to_owned).collect(),
        columns: usize::from(columns.max(10)),
        rows: usize::from(rows.max(4)) - 1,
        top: 0,
        numbers: options.contains('N'),
        cut: options.contains('S'),
        search: String::new(),
        backwards: false,
        ends: program == "more",
    };
    if options.contains('F') && pager.lines.len() <= pager.rows {
        pager.sys.print(&texts).await;
        return 0;
    }
    if options.contains("+G") {
        pager.top = pager.last_top();
    }
    pager.serve().await
}

impl Pager {
    async fn serve(&mut self) -> i32 {
        // Ctrl-C ends what less does, not less.
        self.sys.catch(Signal::Int);
        // A shell in between would leave the terminal as no pager expects it.
        self.sys.ignore(Signal::Tstp);
        self.sys.set_raw(true);
        self.sys.print("\x1b[?1049h").await;
        let status = self.keys().await;
        self.sys.print("\x1b[?1049l").await;
        self.sys.set_raw(false);
        status
    }

    async fn keys(&mut self) -> i32 {
        let mut note = self.name.clone();
        loop {
            self.draw(&note).await;
            note.clear();
            let read = self.sys.read(self.typed, 64);
            let keys = match sim::race(read, self.sys.caught()).await {
                sim::Either::Left(Ok(bytes)) if bytes.is_empty() => return 0,
                sim::Either::Left(Ok(bytes)) => String::from_utf8_lossy(&bytes).into_owned(),
                sim::Either::Left(Err(_)) => return 1,
                sim::Either::Right(_) => continue,
            };
            let bottom = self.top >= self.last_top();
            match keys.as_str() {
                "q" | "Q" => return 0,
                " " | "f" | "\x06" | "\x1b[6~" if self.ends && bottom => return 0,
                " " | "f" | "\x06" | "\x1b[6~" => self.by(self.rows as i64),
                "b" | "\x02" | "\x1b[5~" => self.by(-(self.rows as i64)),
                "d" | "\x04" => self.by(self.rows as i64 / 2),
                "u" | "\x15" => self.by(-(self.rows as i64) / 2),
                "j" | "e" | "\r" | "\n" | "\x1b[B" | "\x1bOB" if self.ends && bottom => return 0,
                "j" | "e" | "\r" | "\n" | "\x1b[B" | "\x1bOB" => self.by(1),
                "k" | "y" | "\x1b[A" | "\x1bOA" => self.by(-1),
                "g" | "<" | "\x1b[H" | "\x1b[1~" => self.top = 0,
                "G" | ">" | "\x1b[F" | "\x1b[4~" => self.top = self.last_top(),
                "n" => note = self.find(self.backwards),
                "N" => note = self.find(!self.backwards),
                "h" | "H" => "space, b: pages  j, k: lines  g, G: ends  /: search  q: leave"
                    .clone_into(&mut note),
                _ if keys.starts_with(['/', '?']) => note = self.ask(&keys).await,
                _ => {}
            }
        }
    }

    fn last_top(&self) -> usize {
        self.lines.len().saturating_sub(self.rows)
    }

    fn by(&mut self, lines: i64) {
        let top = self.top as i64 + lines;
        self.top = usize::try_from(top).unwrap_or(0).min(self.last_top());
    }

    /// Reads what to search for in the last row; what was pasted may hold it already.
    async fn ask(&mut self, typed: &str) -> String {
        let mut text = typed.to_owned();
        while !text.contains(['\r', '\n']) {
            self.sys.print(&format!("\r\x1b[K{text}")).await;
            let bytes = match self.sys.read(self.typed, 64).await {
                Ok(bytes) if !bytes.is_empty() => bytes,
                _ => return String::new(),
            };
            match bytes.as_ref() {
                [0x1b] | [0x15] => return String::new(),
                [0x7f] | [0x08] => {
                    text.pop();
                    if text.is_empty() {
                        return String::new();
                    }
                }
                bytes => text.push_str(&String::from_utf8_lossy(bytes)),
            }
        }
        let line = text.split(['\r', '\n']).next().unwrap_or("");
        self.backwards = line.starts_with('?');
        if line.len() > 1 {
            line[1..].clone_into(&mut self.search);
        }
        self.find(self.backwards)
    }

    /// Goes to the next line that holds what is searched for; says so where there is none.
    fn find(&mut self, backwards: bool) -> String {
        if self.search.is_empty() {
            return "No previous regular expression".to_owned();
        }
        let regex = crate::programs::posix::extended(&self.search, false);
        let holds = |line: &String| match &regex {
            Ok(regex) => regex.is_match(line),
            Err(_) => line.contains(&self.search),
        };
        let found = if backwards {
            self.lines[..self.top].iter().rposition(holds)
        } else {
            let from = (self.top + 1).min(self.lines.len());
            self.lines[from..].iter().position(holds).map(|at| at + from)
        };
        match found {
            Some(at) => {
                self.top = at;
                String::new()
            }
            None => "Pattern not found".to_owned(),
        }
    }

    /// The rows a line takes on the screen.
    fn fold(&self, number: usize, line: &str) -> Vec<String> {
        let line = line.replace('\t', "        ");
        let line = if self.numbers { format!("{:>7} {line}", number + 1) } else { line };
        let chars: Vec<char> = line.chars().collect();
        if self.cut || chars.len() <= self.columns {
            return vec![chars.iter().take(self.columns).collect()];
        }
        chars.chunks(self.columns).map(|part| part.iter().collect()).collect()
    }

    async fn draw(&self, note: &str) {
        let mut rows: Vec<String> = Vec::new();
        for (number, line) in self.lines.iter().enumerate().skip(self.top) {
            rows.extend(self.fold(number, line));
            if rows.len() >= self.rows {
                break;
            }
        }
        rows.truncate(self.rows);
        let mut text = "\x1b[H\x1b[2J".to_owned();
        for row in 0..self.rows {
            text.push_str(rows.get(row).map_or("~", String::as_str));
            text.push('\n');
        }
        let at_end = self.top + self.rows >= self.lines.len();
        let status = match (note, at_end) {
            ("", true) => "(END)",
            ("", false) => ":",
            (note, _) => note,
        };
        if status == ":" {
            text.push(':');
        } else {
            text.push_str(&format!("\x1b[7m{status}\x1b[m"));
        }
        self.sys.print(&text).await;
    }
}
