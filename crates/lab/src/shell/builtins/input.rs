//! `read` and `getopts`.

use sim::Either;

use super::super::exec::Shell;
use super::super::is_name;
use super::super::vars::List;
use crate::programs::units;

/// What `read` was asked for.
struct Wish {
    raw: bool,
    prompt: String,
    timeout_us: Option<u64>,
    chars_max: Option<usize>,
    delimiter: u8,
    descriptor: u32,
    names: Vec<String>,
    /// `-a`: the words become the elements of this array.
    list: Option<String>,
}

pub(super) async fn read(shell: &mut Shell, args: &[String]) -> i32 {
    let wish = match wish(args) {
        Ok(wish) => wish,
        Err(text) => {
            shell.complain(&format!("read: {text}")).await;
            return 2;
        }
    };
    for name in &wish.names {
        if !is_name(name) {
            shell.complain(&format!("read: `{name}': not a valid identifier")).await;
            return 1;
        }
    }
    let Some(fd) = shell.io.fd(wish.descriptor) else {
        let text =
            format!("read: {}: invalid file descriptor: Bad file descriptor", wish.descriptor);
        shell.complain(&text).await;
        return 1;
    };
    if shell.sys.is_tty(fd) {
        shell.print(2, wish.prompt.as_bytes()).await;
    }
    let mut line = Vec::new();
    let sys = shell.sys.clone();
    let got = {
        let fill = fill(&sys, fd, &wish, &mut line);
        match wish.timeout_us {
            Some(timeout_us) => match sim::race(fill, sys.sleep_us(timeout_us)).await {
                Either::Left(got) => Ok(got),
                Either::Right(()) => Err(142),
            },
            None => Ok(fill.await),
        }
    };
    let text = String::from_utf8_lossy(&line).into_owned();
    if let Err(error) = assign(shell, &wish, &text) {
        shell.complain(&error).await;
        return 1;
    }
    match got {
        Ok(true) => 0,
        Ok(false) => 1,
        Err(status) => status,
    }
}

fn wish(args: &[String]) -> Result<Wish, String> {
    let mut wish = Wish {
        raw: false,
        prompt: String::new(),
        timeout_us: None,
        chars_max: None,
        delimiter: b'\n',
        descriptor: 0,
        names: Vec::new(),
        list: None,
    };
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        let Some(flags) = arg.strip_prefix('-').filter(|flags| !flags.is_empty()) else {
            wish.names.push(arg.clone());
            wish.names.extend(rest.cloned());
            break;
        };
        if flags == "-" {
            wish.names.extend(rest.cloned());
            break;
        }
        let mut chars = flags.chars();
        while let Some(c) = chars.next() {
            match c {
                'r' => wish.raw = true,
                's' | 'e' => {}
                'p' | 't' | 'n' | 'N' | 'd' | 'u' | 'a' | 'i' => {
                    let inline = chars.as_str().to_owned();
                    chars = "".chars();
                    let value = if inline.is_empty() { rest.next().cloned() } else { Some(inline) };
                    let value = value.ok_or(format!("-{c}: option requires an argument"))?;
                    option(&mut wish, c, value)?;
                }
                _ => return Err(format!("-{c}: invalid option")),
            }
        }
    }
    Ok(wish)
}

fn option(wish: &mut Wish, flag: char, value: String) -> Result<(), String> {
    let number = || value.parse::<usize>().map_err(|_| format!("{value}: invalid number"));
    match flag {
        'p' => wish.prompt = value,
        'i' => {}
        'a' => wish.list = Some(value),
        't' => {
            let timeout = units::duration_us(&value);
            wish.timeout_us =
                Some(timeout.ok_or(format!("{value}: invalid timeout specification"))?);
        }
        'd' => wish.delimiter = value.bytes().next().unwrap_or(0),
        'u' => wish.descriptor = number()? as u32,
        _ => wish.chars_max = Some(number()?),
    }
    Ok(())
}

/// Reads up to the delimiter; false when the input ended first. In what it gives, `\` before a
/// character is kept for the splitting, and `\` before a newline is gone.
async fn fill(sys: &sim::Sys, fd: sim::Fd, wish: &Wish, line: &mut Vec<u8>) -> bool {
    let mut escaped = false;
    let mut count = 0;
    loop {
        if wish.chars_max.is_some_and(|max| count >= max) {
            return true;
        }
        let Ok(bytes) = sys.read(fd, 1).await else { return false };
        let Some(byte) = bytes.first().copied() else { return false };
        if escaped {
            escaped = false;
            if byte == b'\n' {
                line.pop();
                continue;
            }
        } else if byte == wish.delimiter {
            return true;
        } else if byte == b'\\' && !wish.raw {
            escaped = true;
        }
        line.push(byte);
        // A character counts once, whatever its length.
        count += usize::from(byte & 0xc0 != 0x80);
    }
}

fn assign(shell: &mut Shell, wish: &Wish, text: &str) -> Result<(), String> {
    let ifs = shell.ifs();
    if let Some(name) = &wish.list {
        let mut words = split(text, &ifs, usize::MAX, wish.raw);
        if words.last().is_some_and(String::is_empty) {
            words.pop();
        }
        *shell.list_of(name).map_err(|error| error.text)? = List::of(words);
        return Ok(());
    }
    let names = if wish.names.is_empty() { vec!["REPLY".to_owned()] } else { wish.names.clone() };
    let fields = if wish.names.is_empty() {
        vec![plain(text, wish.raw)]
    } else {
        split(text, &ifs, names.len(), wish.raw)
    };
    for (i, name) in names.iter().enumerate() {
        let value = fields.get(i).map_or("", String::as_str);
        shell.assign(name, value).map_err(|error| error.text)?;
    }
    Ok(())
}

/// `mapfile`: the lines of the input become the elements of an array.
pub(super) async fn mapfile(shell: &mut Shell, args: &[String]) -> i32 {
    let (mut trim, mut max, mut skip) = (false, usize::MAX, 0);
    let (mut delimiter, mut descriptor) = ('\n', 0);
    let mut name = "MAPFILE".to_owned();
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        let Some(flag) = arg.strip_prefix('-').filter(|flag| !flag.is_empty()) else {
            name.clone_from(arg);
            continue;
        };
        let (letter, inline) = flag.split_at(1);
        let mut value = || match inline {
            "" => rest.next().cloned().unwrap_or_default(),
            inline => inline.to_owned(),
        };
        match letter {
            "t" => trim = true,
            "n" => max = value().parse().ok().filter(|it| *it > 0).unwrap_or(usize::MAX),
            "s" => skip = value().parse().unwrap_or(0),
            "u" => descriptor = value().parse().unwrap_or(0),
            "d" => delimiter = value().chars().next().unwrap_or('\0'),
            _ => {
                shell.complain(&format!("mapfile: -{letter}: invalid option")).await;
                return 2;
            }
        }
    }
    if !is_name(&name) {
        shell.complain(&format!("mapfile: `{name}': not a valid identifier")).await;
        return 1;
    }
    let Some(fd) = shell.io.fd(descriptor) else { return 1 };
    let bytes = shell.sys.read_to_end(fd).await.unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let lines = text.split_inclusive(delimiter).skip(skip).take(max);
    let cut = |line: &str| match trim {
        true => line.strip_suffix(delimiter).unwrap_or(line).to_owned(),
        false => line.to_owned(),
    };
    let list = List::of(lines.map(cut));
    match shell.list_of(&name) {
        Ok(place) => {
            *place = list;
            0
        }
        Err(error) => {
            shell.complain(&error.text).await;
            1
        }
    }
}

fn plain(text: &str, raw: bool) -> String {
    if raw { text.to_owned() } else { super::super::pattern::unescape(text) }
}

/// Splits into at most `count` fields; the last one takes what is left.
fn split(text: &str, ifs: &str, count: usize, raw: bool) -> Vec<String> {
    let blank = |c: char| ifs.contains(c) && matches!(c, ' ' | '\t' | '\n');
    let mut rest = text.trim_start_matches(blank);
    let mut fields = Vec::new();
    while fields.len() + 1 < count && !rest.is_empty() {
        let mut end = rest.len();
        let mut chars = rest.char_indices();
        while let Some((at, c)) = chars.next() {
            if c == '\\' && !raw {
                chars.next();
            } else if ifs.contains(c) {
                end = at;
                break;
            }
        }
        fields.push(plain(&rest[..end], raw));
        rest = rest[end..].trim_start_matches(blank);
        if let Some(c) = rest.chars().next().filter(|c| ifs.contains(*c) && !blank(*c)) {
            rest = rest[c.len_utf8()..].trim_start_matches(blank);
        }
    }
    fields.push(plain(rest.trim_end_matches(blank), raw));
    fields
}

/// Where `getopts` stands inside an argument of several letters.
const PLACE: &str = "_GETOPTS_PLACE";

pub(super) async fn getopts(shell: &mut Shell, args: &[String]) -> i32 {
    let [letters, name, rest @ ..] = args else {
        shell.print(2, b"getopts: usage: getopts optstring name [arg ...]\n").await;
        return 2;
    };
    let words = if rest.is_empty() { shell.args.clone() } else { rest.to_vec() };
    let number = |shell: &Shell, name: &str| {
        shell.vars.get(name).and_then(|text| text.parse::<usize>().ok()).unwrap_or(1).max(1)
    };
    let mut index = number(shell, "OPTIND");
    let mut place = number(shell, PLACE);
    let word = words.get(index - 1).filter(|word| word.len() > 1 && word.starts_with('-'));
    let Some(word) = word.filter(|word| *word != "--") else {
        index += usize::from(words.get(index - 1).is_some_and(|word| word == "--"));
        set(shell, &[("OPTIND", &index.to_string()), (name, "?"), (PLACE, "1")]);
        return 1;
    };
    let silent = letters.starts_with(':');
    let letter = word.chars().nth(place).unwrap_or('?');
    let last = place + 1 >= word.chars().count();
    let known = letters.find(letter).filter(|_| letter != ':');
    let wants = known.is_some_and(|at| letters[at + letter.len_utf8()..].starts_with(':'));
    (index, place) = if last || wants { (index + 1, 1) } else { (index, place + 1) };
    let mut found = letter.to_string();
    let mut argument = None;
    if known.is_none() {
        if !silent {
            shell.complain(&format!("illegal option -- {letter}")).await;
        }
        argument = silent.then(|| found.clone());
        found = "?".to_owned();
    } else if wants {
        if last {
            argument = words.get(index - 1).cloned();
            index += 1;
        } else {
            let at =
                word.char_indices().nth(number(shell, PLACE) + 1).map_or(word.len(), |(at, _)| at);
            argument = Some(word[at..].to_owned());
        }
        if argument.is_none() {
            index -= 1;
            if silent {
                argument = Some(found);
                found = ":".to_owned();
            } else {
                shell.complain(&format!("option requires an argument -- {letter}")).await;
                found = "?".to_owned();
            }
        }
    }
    set(shell, &[("OPTIND", &index.to_string()), (name, &found), (PLACE, &place.to_string())]);
    match argument {
        Some(argument) => set(shell, &[("OPTARG", &argument)]),
        None => drop(shell.vars.unset("OPTARG")),
    }
    0
}

fn set(shell: &mut Shell, pairs: &[(&str, &str)]) {
    for (name, value) in pairs {
        // A read-only variable stays as it is.
        let _ = shell.vars.set(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_split_as_bash_does() {
        let ifs = " \t\n";
        assert_eq!(split("  a b  c ", ifs, 2, true), ["a", "b  c"]);
        assert_eq!(split("a", ifs, 3, true), ["a", ""]);
        assert_eq!(split("a:b:c", ":", 2, true), ["a", "b:c"]);
        assert_eq!(split(r"a\ b c", ifs, 2, false), ["a b", "c"]);
        assert_eq!(split(r"a\ b c", ifs, 2, true), [r"a\", "b c"]);
    }
}
