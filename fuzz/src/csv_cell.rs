//! A table that is written reads back cell by cell, and no cell begins like a formula.

use billfold::domain::csv::Table;

use super::bytes::Bytes;

/// What begins a formula somewhere (owasp.org/www-community/attacks/CSV_Injection).
const FORMULA: [char; 12] = ['=', '+', '-', '@', '\t', '\r', '\n', '\0', '＝', '＋', '－', '＠'];

/// Panics when a cell is lost, changed or a formula.
pub fn judge(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let width = usize::from(bytes.byte() % 4) + 1;
    let mut rows = Vec::new();
    while !bytes.is_empty() {
        rows.push((0..width).map(|_| bytes.text()).collect::<Vec<_>>());
    }
    let mut table = Table::default();
    for row in &rows {
        table.row(row.iter().map(String::as_str)).expect("written");
    }
    let written = table.finish().expect("finished");
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(written.as_slice());
    let read: Vec<csv::StringRecord> = reader.records().collect::<Result<_, _>>().expect("read back");
    assert_eq!(read.len(), rows.len());
    for (row, read) in rows.iter().zip(&read) {
        assert_eq!(read.len(), width);
        for (cell, read) in row.iter().zip(read) {
            let harmless = if cell.starts_with(FORMULA) { format!("'{cell}") } else { cell.clone() };
            assert_eq!(read, harmless);
        }
    }
}
