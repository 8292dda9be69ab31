//! Fields in the making: what an expansion yields is split at `IFS`, what is quoted is not.

use super::pattern;

/// A word of a command after all expansions but file names.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Field {
    pub(super) text: String,
    /// The same with a `\` before what was quoted and would be special in a pattern.
    pub(super) pattern: String,
}

/// Collects fields.
#[derive(Debug)]
pub(super) struct Fields {
    done: Vec<Field>,
    current: Option<Field>,
    ifs: String,
    /// False: everything is one field, as in an assignment.
    splits: bool,
    /// The field before was ended by white space, so that a separator that comes now does not
    /// make an empty one.
    after_blank: bool,
}

impl Fields {
    pub(super) fn new(ifs: &str, splits: bool) -> Fields {
        Fields { done: Vec::new(), current: None, ifs: ifs.to_owned(), splits, after_blank: false }
    }

    /// Plain characters of the command line.
    pub(super) fn plain(&mut self, text: &str) {
        let field = self.current.get_or_insert_with(Field::default);
        field.text.push_str(text);
        field.pattern.push_str(text);
    }

    /// Quoted characters: the field exists even when they are none.
    pub(super) fn quoted(&mut self, text: &str) {
        let field = self.current.get_or_insert_with(Field::default);
        field.text.push_str(text);
        pattern::escape_into(text, &mut field.pattern);
    }

    /// The value of an expansion outside quotes.
    pub(super) fn value(&mut self, text: &str) {
        if !self.splits {
            if !text.is_empty() {
                self.plain(text);
            }
            return;
        }
        let ifs = std::mem::take(&mut self.ifs);
        for c in text.chars() {
            if !ifs.contains(c) {
                self.after_blank = false;
                self.plain(c.encode_utf8(&mut [0; 4]));
            } else if matches!(c, ' ' | '\t' | '\n') {
                self.after_blank |= self.end();
            } else if !self.end() {
                if !self.after_blank {
                    self.done.push(Field::default());
                }
                self.after_blank = false;
            }
        }
        self.ifs = ifs;
    }

    /// Ends the field in the making; false where there was none.
    pub(super) fn end(&mut self) -> bool {
        match self.current.take() {
            Some(field) => {
                self.done.push(field);
                true
            }
            None => false,
        }
    }

    /// The character that joins `"$*"`.
    pub(super) fn joiner(&self) -> String {
        self.ifs.chars().next().map(String::from).unwrap_or_default()
    }

    pub(super) fn splits(&self) -> bool {
        self.splits
    }

    pub(super) fn finish(mut self) -> Vec<Field> {
        self.end();
        self.done
    }

    /// Everything as one.
    pub(super) fn join(self) -> Field {
        let mut all = Field::default();
        for (i, field) in self.finish().into_iter().enumerate() {
            if i > 0 {
                all.text.push(' ');
                all.pattern.push(' ');
            }
            all.text.push_str(&field.text);
            all.pattern.push_str(&field.pattern);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(ifs: &str, value: &str) -> Vec<String> {
        let mut fields = Fields::new(ifs, true);
        fields.value(value);
        fields.finish().into_iter().map(|field| field.text).collect()
    }

    #[test]
    fn splitting_follows_ifs() {
        assert_eq!(split(" \t\n", "  a  b\nc "), ["a", "b", "c"]);
        assert_eq!(split(":", "a::b:"), ["a", "", "b"]);
        assert_eq!(split(": ", "a : b"), ["a", "b"]);
        assert_eq!(split(": ", ":a"), ["", "a"]);
        assert_eq!(split("", "a b"), ["a b"]);
    }

    #[test]
    fn values_stick_to_what_is_beside_them() {
        let mut fields = Fields::new(" ", true);
        fields.plain("x");
        fields.value("1 2");
        fields.quoted("* y");
        let texts: Vec<_> = fields.finish();
        assert_eq!(texts[0].text, "x1");
        assert_eq!(texts[1].text, "2* y");
        assert_eq!(texts[1].pattern, "2\\* y");
    }
}
