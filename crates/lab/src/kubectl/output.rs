//! Objects on paper: tables, YAML, JSON, names, JSONPath, columns of one's own.

use kube::value::{self, text};
use kube::{resources, yaml};
use serde_json::{Value, json};

use super::{Ctl, Done, Stop, columns, error, jsonpath};

/// Lines of a table with columns three blanks apart.
pub(super) fn table(rows: &[Vec<String>]) -> String {
    let count = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| {
        let widest =
            rows.iter().filter_map(|row| row.get(column)).map(|it| it.chars().count()).max();
        (widest.unwrap_or_default() + 3).max(6)
    };
    let widths: Vec<usize> = (0..count).map(width).collect();
    let mut out = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            line.push_str(cell);
            if column + 1 < row.len() {
                let pad = widths[column] - cell.chars().count();
                line.extend(std::iter::repeat_n(' ', pad));
            }
        }
        out.push_str(&line);
        out.push('\n');
    }
    out
}

/// Text with tabs in the columns in which Go's tabwriter puts it: a column is made of the cells
/// of lines that follow each other, and ends two blanks behind the widest.
pub(super) fn tabbed(text: &str) -> String {
    tabwriter(text, 0, 2)
}

/// The same with columns of at least this width, and this far apart.
pub(crate) fn tabwriter(text: &str, min: usize, padding: usize) -> String {
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split('\t').collect()).collect();
    let mut widths = vec![Vec::new(); lines.len()];
    fit(&lines, (0, lines.len()), 0, &mut widths);
    let spaced = |widest: usize| (widest + padding).max(min);
    let mut out = String::new();
    for (cells, widths) in lines.iter().zip(&widths) {
        for (place, cell) in cells.iter().enumerate() {
            out.push_str(cell);
            let width = widths.get(place).map_or(0, |widest| spaced(*widest));
            out.extend(std::iter::repeat_n(' ', width.saturating_sub(cell.chars().count())));
        }
        out.push('\n');
    }
    out
}

/// Finds the width of a column and of those right of it, in some lines.
fn fit(
    lines: &[Vec<&str>],
    (mut at, to): (usize, usize),
    column: usize,
    widths: &mut [Vec<usize>],
) {
    // What stands behind the last tab of a line is of no column.
    let has = |line: usize| column + 1 < lines[line].len();
    while at < to {
        let from = at;
        while at < to && has(at) {
            at += 1;
        }
        if from == at {
            at += 1;
            continue;
        }
        let widest = lines[from..at].iter().map(|cells| cells[column].chars().count()).max();
        for widths in &mut widths[from..at] {
            widths.push(widest.unwrap_or_default());
        }
        fit(lines, (from, at), column + 1, widths);
    }
}

/// `pod/web`, `deployment.apps/web`.
pub(super) fn reference(object: &Value) -> String {
    let kind = resources::by_kind(text(object, "apiVersion"), text(object, "kind"));
    let kind = kind.map(|kind| kind.qualified_singular());
    format!(
        "{}/{}",
        kind.unwrap_or_else(|| text(object, "kind").to_lowercase()),
        value::name(object)
    )
}

/// JSON as Go prints it: four blanks a level.
pub(super) fn pretty(value: &Value) -> String {
    let mut out = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, formatter);
    serde::Serialize::serialize(value, &mut serializer).expect("a value is always JSON");
    String::from_utf8(out).expect("JSON is text") + "\n"
}

impl Ctl {
    /// Prints objects as `-o` asks; `many` says that a list was asked for.
    pub(super) async fn print(&self, objects: &[Value], many: bool) -> Done {
        let format = self.args.get("output");
        let whole = || match (many, objects) {
            (false, [one]) => one.clone(),
            _ => json!({"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": ""},
                "items": objects}),
        };
        let (name, rest) = format.split_once('=').unwrap_or((format, ""));
        match name {
            "yaml" => self.out(&yaml::print(&whole())).await,
            "json" => self.out(&pretty(&whole())).await,
            "name" => {
                let lines: String = objects.iter().map(|it| reference(it) + "\n").collect();
                self.out(&lines).await;
            }
            "jsonpath" | "jsonpath-as-json" => {
                if rest.is_empty() {
                    return error("template format specified but no template given");
                }
                let rest = if rest.contains('{') { rest.to_owned() } else { format!("{{{rest}}}") };
                match jsonpath::template(&rest, &whole()) {
                    Ok(text) => self.out(&text).await,
                    Err(why) => {
                        return error(format!(
                            "error executing jsonpath {}: Error executing template: {why}",
                            Value::from(rest)
                        ));
                    }
                }
            }
            "custom-columns" => return self.custom(objects, rest).await,
            "" | "wide" => self.tables(objects).await,
            other => {
                return error(format!(
                    "unable to match a printer suitable for the output format \"{other}\", allowed \
                     formats are: custom-columns,custom-columns-file,go-template,go-template-file,\
                     json,jsonpath,jsonpath-as-json,jsonpath-file,kyaml,name,template,templatefile,\
                     wide,yaml"
                ));
            }
        }
        Ok(())
    }

    async fn custom(&self, objects: &[Value], spec: &str) -> Done {
        if spec.is_empty() {
            return error("custom-columns format specified but no custom columns given");
        }
        let mut columns = Vec::new();
        for part in spec.split(',') {
            let Some((title, path)) = part.split_once(':') else {
                return error(format!(
                    "unexpected custom-columns spec: {part}, expected <header>:<json-path-expr>"
                ));
            };
            let path = path.trim_start_matches('{').trim_end_matches('}');
            columns.push((title.to_owned(), path.to_owned()));
        }
        let mut rows = Vec::new();
        if !self.args.yes("no-headers") {
            rows.push(columns.iter().map(|(title, _)| title.clone()).collect());
        }
        for object in objects {
            let mut row = Vec::new();
            for (_, path) in &columns {
                let found = jsonpath::eval(path, object, object)
                    .map_err(|why| Stop::Said(format!("error: {why}")))?;
                let cells: Vec<String> = found.iter().map(|it| jsonpath::shown(it)).collect();
                row.push(if cells.is_empty() { "<none>".to_owned() } else { cells.join(",") });
            }
            rows.push(row);
        }
        self.out(&table(&rows)).await;
        Ok(())
    }

    /// Tables, one for each kind.
    async fn tables(&self, objects: &[Value]) {
        let mut from = 0;
        // Who asks for several kinds is told which is which, even where one of them has objects.
        let several = self.args.word(1).is_some_and(|it| it.contains(',') || it == "all");
        let mixed =
            several || objects.iter().any(|it| text(it, "kind") != text(&objects[0], "kind"));
        while from < objects.len() {
            let kind = text(&objects[from], "kind");
            let count = objects[from..].iter().take_while(|it| text(it, "kind") == kind).count();
            if from > 0 {
                self.out("\n").await;
            }
            let named = mixed || self.args.yes("show-kind");
            let rows = self.rows(&objects[from..from + count], named, true);
            self.out(&table(&rows)).await;
            from += count;
        }
    }

    /// The rows of objects of one kind.
    pub(super) fn rows(&self, objects: &[Value], named: bool, titled: bool) -> Vec<Vec<String>> {
        let Some(first) = objects.first() else { return Vec::new() };
        let (titles, narrow) = columns::header(text(first, "kind"));
        let wide = self.args.get("output") == "wide";
        let shown = if wide { titles.len() } else { narrow };
        let all = self.args.yes("all-namespaces");
        let spaced = all && !value::namespace(first).is_empty();
        let extra: Vec<&str> =
            self.args.all("label-columns").iter().flat_map(|it| it.split(',')).collect();
        let labels = self.args.yes("show-labels");
        let now_us = self.sys.wall_us();
        let mut rows = Vec::new();
        if titled && !self.args.yes("no-headers") {
            let mut row: Vec<String> = titles[..shown].iter().map(|&it| it.to_owned()).collect();
            if spaced {
                row.insert(0, "NAMESPACE".to_owned());
            }
            row.extend(extra.iter().map(|it| it.rsplit('/').next().unwrap_or(it).to_uppercase()));
            if labels {
                row.push("LABELS".to_owned());
            }
            rows.push(row);
        }
        for object in objects {
            let mut row = columns::row(object, now_us);
            row.truncate(shown);
            if named && text(object, "kind") != "Event" {
                row[0] = reference(object);
            }
            if spaced {
                row.insert(0, value::namespace(object).to_owned());
            }
            row.extend(extra.iter().map(|it| columns::label_column(object, it)));
            if labels {
                row.push(columns::joined(object, "metadata.labels"));
            }
            rows.push(row);
        }
        rows
    }

    /// Says what was done to an object, or prints it as `-o` asks.
    pub(super) async fn did(&self, object: &Value, what: &str) -> Done {
        let dry = match self.args.get("dry-run") {
            "" | "none" => "",
            "server" => " (server dry run)",
            _ => " (dry run)",
        };
        if self.args.has("output") && self.args.get("output") != "wide" {
            return self.print(std::slice::from_ref(object), false).await;
        }
        self.out(&format!("{} {what}{dry}\n", reference(object))).await;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tabs_make_columns_of_neighbours() {
        let text = "Name:\tx\nLabels:\ta=b\n\tc=d\nIPs:\n  IP:\t1\nControlled By:\ty\n";
        let want = "Name:    x\nLabels:  a=b\n         c=d\nIPs:\n  IP:           1\n\
                    Controlled By:  y\n";
        assert_eq!(tabbed(text), want);
    }

    #[test]
    fn columns_stand_three_blanks_apart() {
        let row = |cells: &[&str]| cells.iter().map(|&it| it.to_owned()).collect::<Vec<_>>();
        let text = table(&[row(&["NAME", "AGE"]), row(&["kube-system", "5s"])]);
        assert_eq!(text, "NAME          AGE\nkube-system   5s\n");
    }
}
