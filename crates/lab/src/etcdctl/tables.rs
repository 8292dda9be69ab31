//! The tables of `-w table`: the layout of olekukonko/tablewriter 0.0.5 as etcdctl sets it up
//! (cells to the right, headers centred, cells wrapped at 30). Pure text.

/// Cells longer than this are broken at blanks.
const WRAP: usize = 30;
/// What a line that is too long costs when the breaks are chosen.
const PENALTY: u64 = 100_000;

/// Draws a table. Headers are upper-cased, `_` and `.` become blanks.
pub(crate) fn draw(header: &[&str], rows: &[Vec<String>]) -> String {
    let header: Vec<String> =
        header.iter().map(|name| name.replace(['_', '.'], " ").to_uppercase()).collect();
    let mut widths: Vec<usize> = header.iter().map(|name| width(name)).collect();
    let wrapped: Vec<Vec<Vec<String>>> =
        rows.iter().map(|row| row.iter().map(|cell| wrap(cell)).collect()).collect();
    for row in &wrapped {
        for ((cell, lines), widest) in rows_cells(row).zip(&mut widths) {
            let content = if cell > WRAP { WRAP } else { cell };
            let longest = lines.iter().map(|line| width(line)).max().unwrap_or_default();
            *widest = (*widest).max(content).max(longest);
        }
    }
    let border: String = widths.iter().map(|w| format!("+{}", "-".repeat(w + 2))).collect();
    let border = format!("{border}+\n");
    let mut out = border.clone();
    let names: Vec<String> =
        header.iter().zip(&widths).map(|(name, w)| format!("| {} ", centre(name, *w))).collect();
    out.push_str(&names.concat());
    out.push_str("|\n");
    out.push_str(&border);
    for row in &wrapped {
        let height = row.iter().map(Vec::len).max().unwrap_or_default();
        for line in 0..height {
            for (cell, w) in row.iter().zip(&widths) {
                let text = cell.get(line).map_or("", String::as_str);
                out.push_str("| ");
                out.push_str(&" ".repeat(w - width(text)));
                out.push_str(text);
                out.push(' ');
            }
            out.push_str("|\n");
        }
    }
    out.push_str(&border);
    out
}

/// The cells of a row with the width each had before it was wrapped.
fn rows_cells(row: &[Vec<String>]) -> impl Iterator<Item = (usize, &Vec<String>)> {
    row.iter().map(|lines| {
        let blanks = lines.len().saturating_sub(1);
        (lines.iter().map(|line| width(line)).sum::<usize>() + blanks, lines)
    })
}

fn width(text: &str) -> usize {
    text.chars().count()
}

fn centre(text: &str, to: usize) -> String {
    let gap = to - width(text);
    format!("{}{text}{}", " ".repeat(gap / 2), " ".repeat(gap - gap / 2))
}

/// Breaks a cell at blanks so that the lines are as even as can be.
fn wrap(cell: &str) -> Vec<String> {
    let words: Vec<&str> = cell.split(' ').collect();
    let limit = words.iter().map(|word| width(word)).max().unwrap_or_default().max(WRAP);
    let count = words.len();
    let length = |from: usize, to: usize| {
        words[from..to].iter().map(|word| width(word)).sum::<usize>() + (to - from - 1)
    };
    let mut cost = vec![u64::MAX; count];
    let mut next = vec![count; count];
    for from in (0..count).rev() {
        if length(from, count) <= limit {
            cost[from] = 0;
            continue;
        }
        for to in from + 1..count {
            let (len, rest) = (length(from, to), cost[to]);
            let slack = len.abs_diff(limit) as u64;
            let penalty = if len > limit { PENALTY } else { 0 };
            let total = (slack * slack).saturating_add(penalty).saturating_add(rest);
            if total < cost[from] {
                cost[from] = total;
                next[from] = to;
            }
        }
    }
    let mut lines = Vec::new();
    let mut from = 0;
    while from < count {
        lines.push(words[from..next[from]].join(" "));
        from = next[from];
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: &[&str]) -> Vec<String> {
        cells.iter().map(|cell| (*cell).to_owned()).collect()
    }

    #[test]
    fn a_table_as_etcdctl_draws_it() {
        let drawn = draw(
            &["endpoint", "hash", "hash_revision"],
            &[row(&["127.0.0.1:23791", "1084519789", "1"])],
        );
        let expected = "\
+-----------------+------------+---------------+
|    ENDPOINT     |    HASH    | HASH REVISION |
+-----------------+------------+---------------+
| 127.0.0.1:23791 | 1084519789 |             1 |
+-----------------+------------+---------------+
";
        assert_eq!(drawn, expected);
    }

    #[test]
    fn no_rows_leave_two_borders_at_the_end() {
        assert_eq!(draw(&["a"], &[]), "+---+\n| A |\n+---+\n+---+\n");
    }

    #[test]
    fn long_cells_are_broken_at_blanks() {
        let alarm = "memberID:7445599390133392379 alarm:NOSPACE ";
        let drawn = draw(&["errors", "x"], &[row(&[alarm, "1"])]);
        let expected = "\
+--------------------------------+---+
|             ERRORS             | X |
+--------------------------------+---+
|   memberID:7445599390133392379 | 1 |
|                 alarm:NOSPACE  |   |
+--------------------------------+---+
";
        assert_eq!(drawn, expected);
    }
}
