//! The line editor against a small terminal.

use super::super::complete::tests::Somewhere;
use super::*;

/// A terminal that understands what the editor prints, to check what is on the screen.
struct Screen {
    columns: usize,
    rows: Vec<Vec<char>>,
    row: usize,
    column: usize,
}

impl Screen {
    fn new(columns: usize) -> Screen {
        Screen { columns, rows: vec![Vec::new()], row: 0, column: 0 }
    }

    fn feed(&mut self, bytes: &[u8]) {
        let text = String::from_utf8(bytes.to_vec()).expect("the editor prints UTF-8");
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '\r' => self.column = 0,
                '\n' => self.down(1),
                '\x07' => {}
                '\x1b' => {
                    assert_eq!(chars.next(), Some('['));
                    let mut number = String::new();
                    let end = loop {
                        match chars.next().expect("a sequence ends") {
                            c if c.is_ascii_digit() => number.push(c),
                            c => break c,
                        }
                    };
                    self.sequence(end, number.parse().ok());
                }
                c => self.put(c),
            }
        }
    }

    fn down(&mut self, by: usize) {
        self.row += by;
        while self.rows.len() <= self.row {
            self.rows.push(Vec::new());
        }
    }

    fn sequence(&mut self, end: char, number: Option<usize>) {
        match end {
            'A' => self.row -= number.unwrap_or(1),
            'B' => self.down(number.unwrap_or(1)),
            'G' => self.column = number.unwrap_or(1) - 1,
            'H' => (self.row, self.column) = (0, 0),
            'J' if number == Some(2) => self.rows.iter_mut().for_each(Vec::clear),
            'J' => {
                self.rows[self.row].truncate(self.column);
                self.rows.truncate(self.row + 1);
            }
            _ => panic!("unknown sequence {end}"),
        }
    }

    fn put(&mut self, c: char) {
        let width = usize::from(super::super::width::columns_of(c));
        if self.column + width > self.columns {
            self.column = 0;
            self.down(1);
        }
        let row = &mut self.rows[self.row];
        while row.len() < self.column + width {
            row.push(' ');
        }
        row[self.column] = c;
        if width == 2 {
            row[self.column + 1] = '\0';
        }
        self.column += width;
    }

    fn text(&self) -> String {
        let lines: Vec<String> =
            self.rows.iter().map(|row| row.iter().filter(|c| **c != '\0').collect()).collect();
        lines.join("\n")
    }
}

struct Bench {
    editor: Editor,
    screen: Screen,
    submitted: Vec<Submitted>,
}

impl Bench {
    fn new(columns: u16) -> Bench {
        let mut bench = Bench {
            editor: Editor::new(),
            screen: Screen::new(usize::from(columns)),
            submitted: Vec::new(),
        };
        bench.prompt(columns);
        bench
    }

    fn prompt(&mut self, columns: u16) {
        let outcome = self.editor.prompt("$ ", columns, &Somewhere);
        self.took(outcome, columns);
    }

    /// Types; every command is answered with a new prompt at once.
    fn keys(&mut self, bytes: &str) -> &mut Bench {
        let columns = self.screen.columns as u16;
        let outcome = self.editor.keys(bytes.as_bytes(), columns, &Somewhere);
        self.took(outcome, columns);
        self
    }

    fn took(&mut self, outcome: Outcome, columns: u16) {
        self.screen.feed(&outcome.echo);
        if let Some(submitted) = outcome.submitted {
            self.submitted.push(submitted);
            self.prompt(columns);
        }
    }

    fn lines(&self) -> Vec<&str> {
        self.submitted
            .iter()
            .map(|submitted| match submitted {
                Submitted::Line(text) => text.as_str(),
                Submitted::Eof => "<eof>",
            })
            .collect()
    }
}

#[test]
fn emacs_keys_edit_the_line() {
    let table = [
        ("abc\x01X", "Xabc", 1),
        ("abc\x02\x02X", "aXbc", 2),
        ("abc\x01\x06X", "aXbc", 2),
        ("abc\x01\x05X", "abcX", 4),
        ("abc def\x02\x02\x02\x0b", "abc ", 4),
        ("abc def\x02\x15", "f", 0),
        ("abc d-ef\x17", "abc ", 4),
        ("abc d-ef\x1b\x7f", "abc d-", 6),
        ("abc def\x01\x1bd", " def", 0),
        ("abc def\x17\x17\x19", "abc def", 7),
        ("abc def\x01\x0b\x19\x19", "abc defabc def", 14),
        ("ab\x14", "ba", 2),
        ("abc\x02\x14", "acb", 3),
        ("abc def\x1bbX", "abc Xdef", 5),
        ("abc def\x01\x1bfX", "abcX def", 4),
        ("abc def\x1b[1;5DX", "abc Xdef", 5),
        ("abc def\x01\x1b[1;5CX", "abcX def", 4),
        ("abc\x1b[D\x1b[DX\x1b[CY", "aXbYc", 4),
        ("abc\x1b[HX\x1b[FY", "XabcY", 5),
        ("abc\x01\x1b[3~", "bc", 0),
        ("abc\x01\x04", "bc", 0),
        ("abc\x7f\x7f", "a", 1),
        ("語é\x02X", "語Xé", 2),
        ("abc def\x01\x1bu", "ABC def", 3),
        ("abc\x0c", "abc", 3),
    ];
    for (keys, line, cursor) in table {
        let mut bench = Bench::new(80);
        bench.keys(keys);
        assert_eq!((bench.editor.text().as_str(), bench.editor.cursor), (line, cursor), "{keys:?}");
        assert_eq!(bench.screen.text(), format!("$ {line}"), "{keys:?}");
    }
}

#[test]
fn enter_submits_what_is_whole() {
    let mut bench = Bench::new(80);
    bench.keys("echo a\recho 'b\rc'\r\r  \rcat <<E\rx\rE\r");
    assert_eq!(bench.lines(), ["echo a", "echo 'b\nc'", "cat <<E\nx\nE"]);
    assert_eq!(bench.screen.text(), "$ echo a\n$ echo 'b\n> c'\n$ \n$   \n$ cat <<E\n> x\n> E\n$ ");
}

#[test]
fn ctrl_c_and_ctrl_d() {
    let mut bench = Bench::new(80);
    bench.keys("echo 'a\rb\x03ls\r\x04");
    assert_eq!(bench.lines(), ["ls", "<eof>"]);
    assert_eq!(bench.screen.text(), "$ echo 'a\n> b^C\n$ ls\n$ exit\n$ ");
}

#[test]
fn history_keeps_the_prefix() {
    let mut bench = Bench::new(80);
    bench.keys("ls\recho a\recho b\recho b\r");
    bench.keys("\x1b[A\x1b[A\x1b[A");
    assert_eq!(bench.editor.text(), "ls");
    bench.keys("\x1b[B\x0e\x0e");
    assert_eq!(bench.editor.text(), "");
    bench.keys("ec\x10\x10\x10");
    assert_eq!(bench.editor.text(), "echo a");
    bench.keys("\x1b[B\x1b[B");
    assert_eq!(bench.editor.text(), "ec");
    assert_eq!(bench.editor.history(), ["ls", "echo a", "echo b"]);
}

#[test]
fn a_command_of_several_lines_comes_back_whole() {
    let mut bench = Bench::new(20);
    bench.keys("echo 'a\rb'\r\x1b[A");
    assert_eq!(bench.editor.text(), "echo 'a\nb'");
    assert_eq!(bench.screen.text(), "$ echo 'a\n> b'\n$ echo 'a\nb'");
    bench.keys("\x01\x06\x05\r");
    assert_eq!(bench.lines(), ["echo 'a\nb'", "echo 'a\nb'"]);
}

#[test]
fn reverse_search() {
    let mut bench = Bench::new(80);
    bench.keys("etcdctl get a\recho 1\retcdctl put a 1\r");
    bench.keys("\x12etcd");
    assert!(bench.screen.text().ends_with("(reverse-i-search)`etcd': etcdctl put a 1"));
    bench.keys("\x12\r");
    assert_eq!(bench.lines().last(), Some(&"etcdctl get a"));
    bench.keys("keep\x12zzz");
    assert!(bench.screen.text().contains("(failed reverse-i-search)`zzz'"));
    bench.keys("\x07");
    assert_eq!(bench.editor.text(), "keep");
    bench.keys("\x15\x12echo\x05 2\r");
    assert_eq!(bench.lines().last(), Some(&"echo 1 2"));
}

#[test]
fn tab_inserts_or_lists() {
    let mut bench = Bench::new(40);
    bench.keys("gr\tx my\t");
    assert_eq!(bench.editor.text(), "grep x my\\ file ");
    bench.keys("\x03cat no\t\t\t");
    assert_eq!(bench.editor.text(), "cat notes");
    let screen = bench.screen.text();
    assert!(screen.ends_with("$ cat notes\nnotes/     notes.txt\n$ cat notes"), "{screen}");
    bench.keys("\x03c\t\t");
    assert!(bench.screen.text().contains("cat"), "{}", bench.screen.text());
}

#[test]
fn pasted_commands_run_in_order() {
    let mut bench = Bench::new(80);
    bench.keys("\x1b[200~echo a\recho 'b\r\tc'\nls\x1b[201~");
    assert_eq!(bench.lines(), ["echo a", "echo 'b\n\tc'"]);
    assert_eq!(bench.editor.text(), "ls");
    bench.keys(" -l\r");
    assert_eq!(bench.lines().last(), Some(&"ls -l"));
}

#[test]
fn keys_wait_while_a_command_runs() {
    let mut editor = Editor::new();
    assert!(editor.keys(b"early", 80, &Somewhere).echo.is_empty());
    editor.prompt("$ ", 80, &Somewhere);
    let outcome = editor.keys(b"\recho b\r", 80, &Somewhere);
    assert_eq!(outcome.submitted, Some(Submitted::Line("early".to_owned())));
    assert!(editor.is_busy());
    let outcome = editor.prompt("$ ", 80, &Somewhere);
    assert_eq!(outcome.submitted, Some(Submitted::Line("echo b".to_owned())));
    editor.keys(b"more\r", 80, &Somewhere);
    editor.forget_ahead();
    assert_eq!(editor.prompt("$ ", 80, &Somewhere).submitted, None);
}

#[test]
fn long_lines_wrap_at_every_width() {
    for columns in [2, 5, 10, 11, 12, 13, 40] {
        let mut bench = Bench::new(columns);
        let text = "abcdefghijklmnop 語語語語 xyz";
        bench.keys(text);
        let whole: String = bench.screen.text().replace('\n', "");
        assert_eq!(whole.replace(' ', ""), format!("$ {text}").replace(' ', ""), "{columns}");
        bench.keys("\x01Z\x05\x02\x02\x7fQ\x01\x1b[3~");
        let mut fresh = Bench::new(columns);
        fresh.keys(&bench.editor.text());
        assert_eq!(bench.screen.text().trim_end(), fresh.screen.text().trim_end(), "{columns}");
    }
}

#[test]
fn typing_at_the_end_costs_one_character() {
    let mut editor = Editor::new();
    editor.prompt("$ ", 80, &Somewhere);
    assert_eq!(editor.keys(b"a", 80, &Somewhere).echo, b"a");
    assert_eq!(editor.keys(b"b", 80, &Somewhere).echo, b"b");
}

#[test]
fn output_can_come_between() {
    let mut bench = Bench::new(80);
    bench.keys("abc\x02");
    let hidden = bench.editor.hide();
    bench.screen.feed(&hidden);
    bench.screen.feed(b"news\r\n");
    let again = bench.editor.redraw();
    bench.screen.feed(&again);
    assert_eq!(bench.screen.text(), "news\n$ abc");
    assert_eq!(bench.screen.column, 4);
}

#[test]
fn no_keys_make_it_panic() {
    const KEYS: [&str; 30] = [
        "a",
        "b c",
        "語",
        "\x01",
        "\x05",
        "\x02",
        "\x06",
        "\x0b",
        "\x15",
        "\x17",
        "\x19",
        "\x14",
        "\x12",
        "\x07",
        "\x7f",
        "\x1b[A",
        "\x1b[B",
        "\x1b[C",
        "\x1b[D",
        "\x1b[3~",
        "\x1bb",
        "\x1bd",
        "\t",
        "\r",
        "'",
        "\x1b[200~x\ry\x1b[201~",
        "\x03",
        "\x0c",
        "\x1b",
        "|",
    ];
    let mut state = 3u32;
    for _ in 0..300 {
        let mut bench = Bench::new(17);
        for _ in 0..60 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            bench.keys(KEYS[(state >> 16) as usize % KEYS.len()]);
        }
        // What is on the screen is what would be drawn there.
        bench.keys("\x07\x05\x0c");
        let drawn = bench.screen.text();
        let mut fresh = Screen::new(17);
        fresh.feed(&bench.editor.redraw());
        assert_eq!(drawn.trim_end(), fresh.text().trim_end());
    }
}
