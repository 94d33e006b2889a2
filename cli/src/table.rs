//! Rows in aligned columns.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::style::{Style, shown};

/// Widest a column gets, in terminal cells; longer text is cut with an ellipsis.
const MAX_CELL_WIDTH: usize = 48;

/// A table for people: a dim header, two spaces between columns.
pub(crate) struct Table {
    header: Vec<Column>,
    rows: Vec<Vec<String>>,
}

/// A column's heading and the side on which its text stands.
#[derive(Clone, Copy)]
pub(crate) enum Column {
    Left(&'static str),
    Right(&'static str),
}

impl Column {
    const fn heading(self) -> &'static str {
        match self {
            Self::Left(heading) | Self::Right(heading) => heading,
        }
    }
}

impl Table {
    pub(crate) fn new(header: impl Into<Vec<Column>>) -> Self {
        Self { header: header.into(), rows: Vec::new() }
    }

    /// Adds a row; its cells are made safe to show and cut to a sensible width.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().map(|cell| cut(&shown(&cell))).collect());
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The table's lines, each with its line break, indented by two spaces.
    pub(crate) fn render(&self, style: Style) -> String {
        let width = |index: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(index)).map(|cell| cell.width());
            cells.chain([self.header[index].heading().width()]).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.header.len()).map(width).collect();
        let headings: Vec<String> = self.header.iter().map(|column| column.heading().to_owned()).collect();
        let mut text = String::new();
        if headings.iter().any(|heading| !heading.is_empty()) {
            text.push_str(&format!("  {}\n", style.dim(self.line(&headings, &widths))));
        }
        for row in &self.rows {
            text.push_str(&format!("  {}\n", self.line(row, &widths)));
        }
        text
    }

    fn line(&self, cells: &[String], widths: &[usize]) -> String {
        let mut line = String::new();
        for ((cell, column), width) in cells.iter().zip(&self.header).zip(widths) {
            if !line.is_empty() {
                line.push_str("  ");
            }
            let padding = " ".repeat(width.saturating_sub(cell.width()));
            match column {
                Column::Left(_) => line.push_str(&format!("{cell}{padding}")),
                Column::Right(_) => line.push_str(&format!("{padding}{cell}")),
            }
        }
        line.trim_end().to_owned()
    }
}

fn cut(text: &str) -> String {
    if text.width() <= MAX_CELL_WIDTH {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut used = 0;
    for c in text.chars() {
        let wide = c.width().unwrap_or(0);
        if used + wide > MAX_CELL_WIDTH - 1 {
            break;
        }
        used += wide;
        kept.push(c);
    }
    kept + "…"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_align_by_terminal_width() {
        let mut table = Table::new([Column::Left("name"), Column::Right("bytes")]);
        table.row(["表".to_owned(), "1".to_owned()]);
        table.row(["abc".to_owned(), "1234567".to_owned()]);
        assert_eq!(table.render(Style::plain()), "  name    bytes\n  表          1\n  abc   1234567\n");
    }

    #[test]
    fn long_cells_are_cut() {
        assert_eq!(cut(&"x".repeat(60)).width(), MAX_CELL_WIDTH);
        assert_eq!(cut(&"表".repeat(60)).width(), MAX_CELL_WIDTH - 1);
    }

    #[test]
    fn cells_cannot_steer_the_terminal() {
        let mut table = Table::new([Column::Left("t")]);
        table.row(["a\x1b[31m".to_owned()]);
        assert!(!table.render(Style::plain()).contains('\x1b'));
    }
}
