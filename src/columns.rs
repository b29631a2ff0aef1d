//! Text in columns, by the width it takes on a terminal: a Chinese character takes two.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Where a cell's text stands in its column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Right,
}

/// `text` in exactly `width` columns; what does not fit ends in `…`.
pub(crate) fn cell(text: &str, width: usize, align: Align) -> String {
    let shown = fit(text, width);
    let space = " ".repeat(width - shown.width());
    match align {
        Align::Left => shown + &space,
        Align::Right => space + &shown,
    }
}

/// As much of `text` as `width` columns hold. Control characters, which would move the cursor or
/// worse, are shown as `·`.
fn fit(text: &str, width: usize) -> String {
    let visible = |char: char| match char.is_control() || char.width().is_none() {
        true => '·',
        false => char,
    };
    let whole: String = text.chars().take(width + 1).map(visible).collect();
    if whole.width() <= width {
        return whole;
    }
    let mut shown = String::new();
    let mut taken = 1;
    for char in whole.chars() {
        taken += char.width().unwrap_or(0);
        if taken > width {
            break;
        }
        shown.push(char);
    }
    if width > 0 {
        shown.push('…');
    }
    shown
}

/// Rows under their headings, each column as wide as its widest cell, two spaces apart.
pub(crate) fn table<const N: usize>(headings: [(&str, Align); N], rows: &[[String; N]]) -> String {
    let widths: [usize; N] = std::array::from_fn(|column| {
        let cells = rows.iter().map(|row| row[column].width());
        cells.chain([headings[column].0.width()]).max().unwrap_or(0)
    });
    let headings_row = headings.map(|(heading, _)| heading.to_owned());
    let mut out = String::new();
    for row in std::iter::once(&headings_row).chain(rows) {
        let cells: [String; N] =
            std::array::from_fn(|column| cell(&row[column], widths[column], headings[column].1));
        out.push_str(cells.join("  ").trim_end());
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_has_the_width_it_is_given() {
        for text in [
            "",
            "ab",
            "abcdefghij",
            "页面加载",
            "页",
            "a\u{1b}[31mb\n",
            "e\u{301}e",
        ] {
            for width in 0..9 {
                for align in [Align::Left, Align::Right] {
                    let cell = cell(text, width, align);
                    assert_eq!(cell.width(), width, "{text:?} in {width}: {cell:?}");
                    assert!(!cell.contains(char::is_control));
                }
            }
        }
    }

    #[test]
    fn what_does_not_fit_says_so() {
        assert_eq!(cell("abcdef", 4, Align::Left), "abc…");
        assert_eq!(cell("页面加载", 5, Align::Left), "页面…");
        assert_eq!(cell("页面加载", 4, Align::Right), " 页…");
    }

    #[test]
    fn a_table_lines_up() {
        let headings = [("name", Align::Left), ("items", Align::Right)];
        let rows = [
            ["页面".to_owned(), "1".to_owned()],
            ["a".to_owned(), "12345678".to_owned()],
        ];
        let expected = "name     items\n页面         1\na     12345678\n";
        assert_eq!(table(headings, &rows), expected);
    }
}
