//! Words to fields: tildes, parameters, command substitution, arithmetic, splitting, file names.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use super::arith::{self, Variables};
use super::ast::{Param, ParamOp, Part, Word};
use super::exec::{Later, Shell};
use super::fields::{Field, Fields};
use super::pattern::{self, Pattern};
use super::vars::List;
use super::{braces, glob};

/// Why a word could not be expanded. It ends the line it stands on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ExpandError {
    /// The sentence after `bash: `.
    pub(super) text: String,
    /// Whether a shell that is not interactive ends, too.
    pub(super) fatal: bool,
}

impl ExpandError {
    /// Ctrl-C ended a command substitution, and the line with it; nothing is said.
    pub(super) fn interrupted() -> ExpandError {
        ExpandError { text: String::new(), fatal: false }
    }
}

impl fmt::Display for ExpandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

pub(super) type Result<T> = std::result::Result<T, ExpandError>;

pub(super) fn error<T>(text: String) -> Result<T> {
    Err(ExpandError { text, fatal: false })
}

/// No value of a variable and no word grows beyond this.
pub(super) const VALUE_MAX_BYTES: usize = 16 << 20;

/// The value of a parameter.
enum Value {
    One(Option<String>),
    /// `$@`, or `$*` with true.
    Many(Vec<String>, bool),
}

impl Shell {
    /// All fields of the words of a command.
    #[inline(never)]
    pub(super) fn fields<'a>(&'a mut self, words: &'a [Word]) -> Later<'a, Result<Vec<String>>> {
        Box::pin(async move {
            let mut all = Vec::new();
            let mut len = 0;
            for word in words {
                if let [Part::Literal(text)] = word.parts.as_slice()
                    && !text.contains(['{', '~', '*', '?', '[', '\\'])
                {
                    all.push(text.clone());
                    continue;
                }
                for word in braces::expand(word) {
                    let mut fields = Fields::new(&self.ifs(), true);
                    self.word_into(&word, &mut fields).await?;
                    for field in fields.finish() {
                        len += field.text.len();
                        if len > VALUE_MAX_BYTES {
                            return error("argument list too long".to_owned());
                        }
                        self.file_names(field, &mut all);
                    }
                }
            }
            Ok(all)
        })
    }

    fn file_names(&self, field: Field, all: &mut Vec<String>) {
        if !self.options.noglob && pattern::is_pattern(&field.pattern) {
            let names = glob::expand(&self.sys, &field.pattern);
            if !names.is_empty() || self.options.nullglob {
                all.extend(names);
                return;
            }
        }
        all.push(field.text);
    }

    /// A word as one text: no splitting, no file names.
    #[inline(never)]
    pub(super) fn text<'a>(&'a mut self, word: &'a Word) -> Later<'a, Result<String>> {
        Box::pin(async move {
            let mut fields = Fields::new(&self.ifs(), false);
            self.word_into(word, &mut fields).await?;
            check_len(fields.join().text)
        })
    }

    /// A word as a pattern.
    #[inline(never)]
    pub(super) fn pattern<'a>(&'a mut self, word: &'a Word) -> Later<'a, Result<String>> {
        Box::pin(async move {
            let mut fields = Fields::new(&self.ifs(), false);
            self.word_into(word, &mut fields).await?;
            Ok(fields.join().pattern)
        })
    }

    /// The value of an assignment: tildes after `:` count, too.
    #[inline(never)]
    pub(super) fn assigned<'a>(&'a mut self, word: &'a Word) -> Later<'a, Result<String>> {
        Box::pin(async move {
            let mut fields = Fields::new(&self.ifs(), false);
            for (i, part) in word.parts.iter().enumerate() {
                match part {
                    Part::Literal(text) => {
                        let last = i + 1 == word.parts.len();
                        for (j, piece) in text.split(':').enumerate() {
                            if j > 0 {
                                fields.plain(":");
                            }
                            let whole = last || text[..].split(':').count() > j + 1;
                            let tilde =
                                if i == 0 || j > 0 { self.tilde(piece, whole) } else { None };
                            fields.plain(&tilde.unwrap_or_else(|| piece.to_owned()));
                        }
                    }
                    _ => self.parts_into(std::slice::from_ref(part), false, &mut fields).await?,
                }
            }
            check_len(fields.join().text)
        })
    }

    /// A command's arithmetic word, evaluated.
    #[inline(never)]
    pub(super) fn arithmetic<'a>(&'a mut self, word: &'a Word) -> Later<'a, Result<i64>> {
        Box::pin(async move {
            let text = self.text(word).await?;
            self.evaluate(&text)
        })
    }

    pub(super) fn evaluate(&mut self, text: &str) -> Result<i64> {
        arith::evaluate(text, self).or_else(|mistake| error(mistake.to_string()))
    }

    async fn word_into(&mut self, word: &Word, fields: &mut Fields) -> Result<()> {
        if let Some(Part::Literal(text)) = word.parts.first()
            && let Some(expanded) = self.tilde(text, word.parts.len() == 1)
        {
            fields.quoted(&expanded[..expanded.len() - tilde_rest(text).len()]);
            fields.plain(tilde_rest(text));
            return self.parts_into(&word.parts[1..], false, fields).await;
        }
        self.parts_into(&word.parts, false, fields).await
    }

    /// The text with its tilde expanded; none where it has none.
    fn tilde(&self, text: &str, whole: bool) -> Option<String> {
        let after = text.strip_prefix('~')?;
        let rest = tilde_rest(text);
        if rest.is_empty() && !whole {
            return None;
        }
        let home = match &after[..after.len() - rest.len()] {
            "" => self.vars.get("HOME").unwrap_or("/root").to_owned(),
            "+" => self.vars.get("PWD")?.to_owned(),
            "-" => self.vars.get("OLDPWD")?.to_owned(),
            "root" => "/root".to_owned(),
            _ => return None,
        };
        Some(home + rest)
    }

    /// Parts one after the other. Boxed: words stand in words.
    fn parts_into<'a>(
        &'a mut self,
        parts: &'a [Part],
        quoted: bool,
        fields: &'a mut Fields,
    ) -> Pin<Box<dyn Future<Output = Result<()>> + 'a>> {
        Box::pin(async move {
            for part in parts {
                match part {
                    Part::Literal(text) if quoted => fields.quoted(text),
                    Part::Literal(text) => fields.plain(text),
                    Part::Quoted(text) => fields.quoted(text),
                    Part::Double(inner) => self.double_into(inner, fields).await?,
                    Part::Param(param) => self.param_into(param, quoted, fields).await?,
                    Part::Command(script) => {
                        let output = self.substitute(script).await?;
                        push_value(fields, &output, quoted);
                    }
                    Part::Arith(word) => {
                        let value = self.arithmetic(word).await?;
                        push_value(fields, &value.to_string(), quoted);
                    }
                    Part::Process(write, script) => {
                        let path = self.process_file(*write, script)?;
                        fields.quoted(&path);
                    }
                    Part::Array(_) => {}
                }
            }
            Ok(())
        })
    }

    async fn double_into(&mut self, inner: &[Part], fields: &mut Fields) -> Result<()> {
        // `"$@"` without parameters is nothing at all, `""` is an empty field.
        let only_list = matches!(inner, [Part::Param(param)] if is_list(param));
        if !only_list {
            fields.quoted("");
        }
        self.parts_into(inner, true, fields).await
    }

    #[inline(never)]
    fn param_into<'a>(
        &'a mut self,
        param: &'a Param,
        quoted: bool,
        fields: &'a mut Fields,
    ) -> Later<'a, Result<()>> {
        Box::pin(async move {
            let value = match &param.index {
                Some(index) => self.element(param, index).await?,
                None => self.value_of(param)?,
            };
            match &param.op {
                ParamOp::Bad => error(format!("{}: bad substitution", param.text)),
                ParamOp::Value => {
                    if let Value::One(None) = value {
                        self.unbound(&param.name)?;
                    }
                    push(fields, value, quoted);
                    Ok(())
                }
                ParamOp::Length => {
                    let len = match value {
                        Value::One(None) => {
                            self.unbound(&param.name)?;
                            0
                        }
                        Value::One(Some(text)) => text.chars().count(),
                        Value::Many(list, _) => list.len(),
                    };
                    push_value(fields, &len.to_string(), quoted);
                    Ok(())
                }
                ParamOp::Default { colon, kind, word } => {
                    self.default_into(param, value, (*colon, *kind, word), quoted, fields).await
                }
                _ => {
                    if let Value::One(None) = value {
                        self.unbound(&param.name)?;
                    }
                    let changed = self.changed(&param.op, param.index.is_none(), value).await?;
                    push(fields, changed, quoted);
                    Ok(())
                }
            }
        })
    }

    /// `set -u`
    fn unbound(&self, name: &str) -> Result<()> {
        if !self.options.nounset {
            return Ok(());
        }
        Err(ExpandError { text: format!("{name}: unbound variable"), fatal: true })
    }

    /// `${name[index]}`; a variable that is no array has one element.
    async fn element(&mut self, param: &Param, index: &Word) -> Result<Value> {
        let name = param.name.as_str();
        let list = match (name, self.vars.list(name)) {
            (_, Some(list)) => list.clone(),
            ("PIPESTATUS", None) => List::of(self.pipe_statuses.iter().map(i32::to_string)),
            (name, None) => List::of(self.parameter(name)),
        };
        if let Some(sign @ ("@" | "*")) = index.as_literal() {
            let values = if param.indirect { list.keys() } else { list.values() };
            return Ok(Value::Many(values, sign == "*"));
        }
        let key = self.key(&list, index).await?;
        Ok(Value::One(list.get(&key).map(str::to_owned)))
    }

    /// The key an index means.
    async fn key(&mut self, list: &List, index: &Word) -> Result<String> {
        if list.named {
            return self.text(index).await;
        }
        let at = self.arithmetic(index).await?;
        // From the end.
        let at = if at < 0 { at + list.next() as i64 } else { at };
        Ok(at.to_string())
    }

    /// Assigns to one element.
    pub(super) async fn assign_element(
        &mut self,
        name: &str,
        index: &Word,
        append: bool,
        value: &str,
    ) -> Result<()> {
        let list = self.vars.list(name).cloned().unwrap_or_default();
        let key = self.key(&list, index).await?;
        if key.starts_with('-') && !list.named {
            return error(format!("{name}[{key}]: bad array subscript"));
        }
        let before = if append { list.get(&key).unwrap_or_default() } else { "" };
        let value = check_len(format!("{before}{value}"))?;
        self.list_of(name)?.set(&key, value);
        Ok(())
    }

    /// The elements of a variable that becomes an array, unless it is read-only.
    pub(super) fn list_of(&mut self, name: &str) -> Result<&mut List> {
        let text = || format!("{name}: readonly variable");
        self.vars.list_mut(name).map_err(|_| ExpandError { text: text(), fatal: false })
    }

    /// `NAME=(word ...)`
    pub(super) async fn assign_list(
        &mut self,
        name: &str,
        append: bool,
        words: &[Word],
    ) -> Result<()> {
        let named = self.vars.list(name).is_some_and(|list| list.named);
        if !append {
            let list = self.list_of(name)?;
            *list = List { named, ..List::default() };
        }
        for word in words {
            if let Some((index, append, value)) = super::parser::subscript(word) {
                let value = self.assigned(&value).await?;
                self.assign_element(name, &index, append, &value).await?;
                continue;
            }
            for value in self.fields(std::slice::from_ref(word)).await? {
                let list = self.list_of(name)?;
                if list.named {
                    return error(format!(
                        "{name}: {value}: must use subscript when assigning associative array"
                    ));
                }
                let key = list.next().to_string();
                list.set(&key, value);
            }
        }
        self.list_of(name)?;
        Ok(())
    }

    fn value_of(&self, param: &Param) -> Result<Value> {
        if param.indirect {
            let Some(name) = self.parameter(&param.name) else {
                return error(format!("{}: invalid indirect expansion", param.name));
            };
            return Ok(Value::One(self.parameter(&name)));
        }
        Ok(match param.name.as_str() {
            "@" => Value::Many(self.args.clone(), false),
            "*" => Value::Many(self.args.clone(), true),
            name => Value::One(self.parameter(name)),
        })
    }

    /// `${x:-w}`, `${x:=w}`, `${x:?w}`, `${x:+w}`
    #[inline(never)]
    fn default_into<'a>(
        &'a mut self,
        param: &'a Param,
        value: Value,
        (colon, kind, word): (bool, char, &'a Word),
        quoted: bool,
        fields: &'a mut Fields,
    ) -> Later<'a, Result<()>> {
        Box::pin(async move {
            let missing = match &value {
                Value::One(None) => true,
                Value::One(Some(text)) => colon && text.is_empty(),
                Value::Many(list, _) => {
                    list.is_empty() || (colon && list.iter().all(String::is_empty))
                }
            };
            if kind == '+' {
                return if missing {
                    Ok(())
                } else {
                    self.inner_word_into(word, quoted, fields).await
                };
            }
            if !missing {
                push(fields, value, quoted);
                return Ok(());
            }
            match kind {
                '-' => self.inner_word_into(word, quoted, fields).await,
                '=' => {
                    let text = self.text(word).await?;
                    if !super::is_name(&param.name) {
                        return error(format!("${}: cannot assign in this way", param.name));
                    }
                    self.assign(&param.name, &text)?;
                    push_value(fields, &text, quoted);
                    Ok(())
                }
                _ => {
                    let text = self.text(word).await?;
                    let what = match (text.is_empty(), colon) {
                        (false, _) => text,
                        (true, true) => "parameter null or not set".to_owned(),
                        (true, false) => "parameter not set".to_owned(),
                    };
                    Err(ExpandError { text: format!("{}: {what}", param.name), fatal: true })
                }
            }
        })
    }

    /// The word after `:-` and the like: split like a value, but quotes in it count.
    async fn inner_word_into(
        &mut self,
        word: &Word,
        quoted: bool,
        fields: &mut Fields,
    ) -> Result<()> {
        if quoted {
            return self.parts_into(&word.parts, true, fields).await;
        }
        for (i, part) in word.parts.iter().enumerate() {
            match part {
                Part::Literal(text) => {
                    let tilde = if i == 0 { self.tilde(text, word.parts.len() == 1) } else { None };
                    fields.value(&tilde.unwrap_or_else(|| text.clone()));
                }
                _ => self.parts_into(std::slice::from_ref(part), false, fields).await?,
            }
        }
        Ok(())
    }

    /// The operators that change a value.
    #[inline(never)]
    fn changed<'a>(
        &'a mut self,
        op: &'a ParamOp,
        own: bool,
        value: Value,
    ) -> Later<'a, Result<Value>> {
        Box::pin(async move {
            if let ParamOp::Slice { offset, length } = op {
                let offset = self.arithmetic(offset).await?;
                let length = match length {
                    Some(length) => Some(self.arithmetic(length).await?),
                    None => None,
                };
                return self.sliced(value, own, offset, length);
            }
            let change: Box<dyn Fn(&str) -> String> = match op {
                ParamOp::Trim { suffix, longest, pattern } => {
                    let pattern = Pattern::new(&self.pattern(pattern).await?);
                    let (suffix, longest) = (*suffix, *longest);
                    Box::new(move |text| trim(text, &pattern, suffix, longest))
                }
                ParamOp::Replace { all, anchor, pattern, with } => {
                    let pattern = Pattern::new(&self.pattern(pattern).await?);
                    let with = self.text(with).await?;
                    let (all, anchor) = (*all, *anchor);
                    Box::new(move |text| replace(text, &pattern, &with, all, anchor))
                }
                ParamOp::Quote => Box::new(super::escape::quote_always),
                ParamOp::Case { upper, all } => {
                    let (upper, all) = (*upper, *all);
                    Box::new(move |text| recase(text, upper, all))
                }
                _ => Box::new(str::to_owned),
            };
            Ok(match value {
                Value::One(text) => Value::One(Some(check_len(change(&text.unwrap_or_default()))?)),
                Value::Many(list, star) => {
                    Value::Many(list.iter().map(|text| change(text)).collect(), star)
                }
            })
        })
    }

    fn sliced(&self, value: Value, own: bool, offset: i64, length: Option<i64>) -> Result<Value> {
        let (mut list, star) = match value {
            Value::One(text) => {
                let chars: Vec<char> = text.unwrap_or_default().chars().collect();
                let Some((from, to)) = range(chars.len(), offset, length) else {
                    return error(format!("{}: substring expression < 0", length.unwrap_or(0)));
                };
                return Ok(Value::One(Some(chars[from..to].iter().collect())));
            }
            Value::Many(list, star) => (list, star),
        };
        if own {
            // Parameter 0 counts here, and only here.
            list.insert(0, self.arg0.clone());
        }
        let Some((from, to)) =
            range(list.len(), offset, length).filter(|_| length >= Some(0) || length.is_none())
        else {
            return error(format!("{}: substring expression < 0", length.unwrap_or(0)));
        };
        Ok(Value::Many(list[from..to].to_vec(), star))
    }
}

/// Whether a parameter stands for as many fields as it has values.
fn is_list(param: &Param) -> bool {
    let all = param.index.as_ref().is_some_and(|index| index.as_literal() == Some("@"));
    (param.name == "@" && param.index.is_none()) || all
}

impl Variables for Shell {
    fn get(&self, name: &str) -> String {
        if let Some((name, key)) = name.split_once('[') {
            let list = self.vars.list(name);
            let key = key.trim_end_matches(']');
            return list.and_then(|list| list.get(key)).unwrap_or_default().to_owned();
        }
        self.parameter(name).unwrap_or_default()
    }

    fn set(&mut self, name: &str, value: i64) {
        if let Some((name, key)) = name.split_once('[') {
            if let Ok(list) = self.vars.list_mut(name) {
                list.set(key.trim_end_matches(']'), value.to_string());
            }
            return;
        }
        // A read-only variable stays as it is.
        let _ = self.vars.set(name, &value.to_string());
    }
}

fn tilde_rest(text: &str) -> &str {
    text.find('/').map_or("", |at| &text[at..])
}

fn check_len(text: String) -> Result<String> {
    if text.len() > VALUE_MAX_BYTES {
        return error(format!("xrealloc: cannot allocate {} bytes", text.len()));
    }
    Ok(text)
}

fn push_value(fields: &mut Fields, text: &str, quoted: bool) {
    if quoted { fields.quoted(text) } else { fields.value(text) }
}

fn push(fields: &mut Fields, value: Value, quoted: bool) {
    match value {
        Value::One(text) => push_value(fields, &text.unwrap_or_default(), quoted),
        Value::Many(list, true) if quoted => fields.quoted(&list.join(&fields.joiner())),
        Value::Many(list, _) => {
            for (i, text) in list.iter().enumerate() {
                if i > 0 {
                    if fields.splits() {
                        fields.end();
                    } else {
                        fields.plain(" ");
                    }
                }
                push_value(fields, text, quoted);
            }
        }
    }
}

/// The bounds of a slice; none where it would end before it begins.
fn range(len: usize, offset: i64, length: Option<i64>) -> Option<(usize, usize)> {
    let len = len as i64;
    let from = if offset < 0 { len + offset } else { offset };
    if from < 0 || from > len {
        return Some((0, 0));
    }
    let to = match length {
        None => len,
        Some(length) if length < 0 => len + length,
        Some(length) => from.saturating_add(length).min(len),
    };
    (to >= from).then_some((from as usize, to as usize))
}

fn trim(text: &str, pattern: &Pattern, suffix: bool, longest: bool) -> String {
    let chars: Vec<char> = text.chars().collect();
    let len = chars.len();
    let fits = |cut: &usize| {
        if suffix {
            pattern.matches_chars(&chars[len - cut..])
        } else {
            pattern.matches_chars(&chars[..*cut])
        }
    };
    let cut = if longest { (0..=len).rev().find(fits) } else { (0..=len).find(fits) }.unwrap_or(0);
    if suffix { chars[..len - cut].iter().collect() } else { chars[cut..].iter().collect() }
}

fn replace(text: &str, pattern: &Pattern, with: &str, all: bool, anchor: Option<char>) -> String {
    let chars: Vec<char> = text.chars().collect();
    let len = chars.len();
    let mut out = String::new();
    let mut at = 0;
    while at <= len {
        let longest = match anchor {
            Some('%') => pattern.matches_chars(&chars[at..]).then_some(len),
            _ => (at..=len).rev().find(|end| pattern.matches_chars(&chars[at..*end])),
        };
        let found = longest.filter(|end| *end > at || anchor.is_some());
        if let Some(end) = found.filter(|_| anchor != Some('#') || at == 0) {
            out.push_str(with);
            if !all || end == len {
                out.extend(&chars[end..]);
                return out;
            }
            at = end;
            continue;
        }
        out.extend(chars.get(at));
        at += 1;
    }
    out
}

fn recase(text: &str, upper: bool, all: bool) -> String {
    let change = |c: char| -> String {
        if upper { c.to_uppercase().collect() } else { c.to_lowercase().collect() }
    };
    if all {
        return text.chars().map(change).collect();
    }
    let mut chars = text.chars();
    chars.next().map(change).unwrap_or_default() + chars.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trimming() {
        let table = [
            ("a.tar.gz", ".*", true, false, "a.tar"),
            ("a.tar.gz", ".*", true, true, "a"),
            ("/a/b/c", "*/", false, false, "a/b/c"),
            ("/a/b/c", "*/", false, true, "c"),
            ("abc", "x", false, false, "abc"),
            ("abc", "*", true, true, ""),
        ];
        for (text, pattern, suffix, longest, expected) in table {
            assert_eq!(
                trim(text, &Pattern::new(pattern), suffix, longest),
                expected,
                "{text} {pattern}"
            );
        }
    }

    #[test]
    fn replacing() {
        let table = [
            ("a-b-c", "-", "+", false, None, "a+b-c"),
            ("a-b-c", "-", "+", true, None, "a+b+c"),
            ("aXbXc", "X*", "!", false, None, "a!"),
            ("abab", "ab", "x", false, Some('#'), "xab"),
            ("abab", "ab", "x", false, Some('%'), "abx"),
            ("abc", "z", "x", true, None, "abc"),
            ("abc", "", "x", true, None, "abc"),
            ("", "*", "x", false, None, ""),
        ];
        for (text, pattern, with, all, anchor, expected) in table {
            let found = replace(text, &Pattern::new(pattern), with, all, anchor);
            assert_eq!(found, expected, "{text} {pattern}");
        }
    }

    #[test]
    fn slices() {
        assert_eq!(range(5, 1, Some(2)), Some((1, 3)));
        assert_eq!(range(5, -2, None), Some((3, 5)));
        assert_eq!(range(5, 1, Some(-1)), Some((1, 4)));
        assert_eq!(range(5, 4, Some(-3)), None);
        assert_eq!(range(5, 9, None), Some((0, 0)));
    }
}
