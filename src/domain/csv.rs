//! Tables for spreadsheets. What a customer typed may begin like a formula; such a cell begins with an apostrophe here, so that no
//! spreadsheet runs it.

/// A table being written, as RFC 4180 has it.
pub struct Table(csv::Writer<Vec<u8>>);

impl Default for Table {
    fn default() -> Self {
        Self(csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new()))
    }
}

impl Table {
    /// Adds a row. Rows of one table have the same number of cells.
    pub fn row<'c>(&mut self, cells: impl IntoIterator<Item = &'c str>) -> csv::Result<()> {
        self.0.write_record(cells.into_iter().map(harmless).collect::<Vec<_>>())
    }

    /// The text.
    pub fn finish(self) -> csv::Result<Vec<u8>> {
        self.0.into_inner().map_err(|error| csv::Error::from(error.into_error()))
    }
}

/// OWASP's list of first letters that begin a formula, the wide ones of East Asian keyboards among them, and NUL, which some readers skip.
const FORMULA: [char; 12] = ['=', '+', '-', '@', '\t', '\r', '\n', '\0', '＝', '＋', '－', '＠'];

fn harmless(cell: &str) -> String {
    let begins_formula = cell.starts_with(FORMULA);
    if begins_formula { format!("'{cell}") } else { cell.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::Table;

    #[test]
    fn a_cell_is_quoted_and_never_a_formula() {
        let mut table = Table::default();
        table.row(["=1+1", "a,b", "say \"hi\"", "-5", "@x", "＝1", "\n=1", "plain"]).unwrap();
        let text = String::from_utf8(table.finish().unwrap()).unwrap();
        assert_eq!(text, "'=1+1,\"a,b\",\"say \"\"hi\"\"\",'-5,'@x,'＝1,\"'\n=1\",plain\r\n");
    }
}
