//! `text/tabwriter` with the settings of etcd's help: tabs of 8, padding 1, padded with tabs.

/// Aligns the tab-terminated cells of `text`. A column is a run of lines that have a cell there.
pub fn align(text: &str) -> String {
    let lines: Vec<Vec<&str>> = text.split('\n').map(|line| line.split('\t').collect()).collect();
    let mut widths: Vec<Vec<usize>> = lines.iter().map(|line| vec![0; line.len()]).collect();
    for at in 0..lines.len() {
        for column in 0..lines[at].len().saturating_sub(1) {
            if widths[at][column] == 0 {
                measure(&lines, &mut widths, at, column);
            }
        }
    }
    let mut out = Vec::with_capacity(lines.len());
    for (line, widths) in lines.iter().zip(&widths) {
        let mut text = String::new();
        for (column, cell) in line.iter().enumerate() {
            text.push_str(cell);
            if column + 1 < line.len() {
                let missing = widths[column] - cell.chars().count();
                text.extend(std::iter::repeat_n('\t', missing.div_ceil(8)));
            }
        }
        out.push(text);
    }
    out.join("\n")
}

/// The width of the column that starts at line `at`, for all its lines.
fn measure(lines: &[Vec<&str>], widths: &mut [Vec<usize>], at: usize, column: usize) {
    let rows = || (at..lines.len()).take_while(|row| lines[*row].len() > column + 1);
    let widest = rows().map(|row| lines[row][column].chars().count()).max().unwrap_or_default();
    let width = (widest + 1).next_multiple_of(8);
    for row in rows() {
        widths[row][column] = width;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_end_where_a_line_has_no_cell() {
        let text = "OPTIONS:\n  -h, --help[=false]\thelp\n      --ttl=10\ttimeout\n\nNEXT:\n  a\tb";
        let aligned =
            "OPTIONS:\n  -h, --help[=false]\thelp\n      --ttl=10\t\ttimeout\n\nNEXT:\n  a\tb";
        assert_eq!(align(text), aligned);
        assert_eq!(
            align("\tlease list\tx\n\tlease keep-alive\ty"),
            "\tlease list\t\tx\n\tlease keep-alive\ty"
        );
    }
}
