//! A small PDF: one page of lines in Helvetica.

use std::fmt::Write as _;

/// The lines as a document; letters that Helvetica's usual encoding lacks are shown as question marks.
pub fn document(lines: &[String]) -> Vec<u8> {
    let mut text = "BT /F1 11 Tf 56 780 Td 16 TL\n".to_owned();
    for line in lines {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "({}) Tj T*", encode(line));
    }
    text.push_str("ET");
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>"
            .to_owned(),
        format!("<< /Length {} >>\nstream\n{text}\nendstream", text.len()),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>".to_owned(),
    ];
    let mut out = "%PDF-1.4\n".to_owned();
    let mut offsets = Vec::new();
    for (i, object) in objects.iter().enumerate() {
        offsets.push(out.len());
        let _ = write!(out, "{} 0 obj\n{object}\nendobj\n", i + 1);
    }
    let start = out.len();
    let _ = write!(out, "xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1);
    for offset in offsets {
        let _ = writeln!(out, "{offset:010} 00000 n ");
    }
    let _ = write!(out, "trailer\n<< /Size {} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n", objects.len() + 1);
    out.into_bytes()
}

/// Everything beyond ASCII as an octal escape, so that the document stays plain text.
fn encode(line: &str) -> String {
    let mut out = String::new();
    for c in line.chars() {
        let _ = match c {
            '(' | ')' | '\\' => write!(out, "\\{c}"),
            ' '..='~' => write!(out, "{c}"),
            '€' => write!(out, "\\200"),
            '\u{a0}'..='\u{ff}' => write!(out, "\\{:03o}", u32::from(c)),
            _ => write!(out, "?"),
        };
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_contents_points_at_the_objects() {
        let bytes = document(&["Invoice (one) · 12,00 €".to_owned(), "日本".to_owned()]);
        let text = String::from_utf8(bytes).unwrap();
        let start: usize = text.rsplit_once("startxref\n").unwrap().1.lines().next().unwrap().parse().unwrap();
        assert!(text[start..].starts_with("xref\n0 6\n"));
        for (i, row) in text[start..].lines().skip(3).take(5).enumerate() {
            let offset: usize = row[..10].parse().unwrap();
            assert!(text[offset..].starts_with(&format!("{} 0 obj", i + 1)));
        }
        assert!(text.contains("(Invoice \\(one\\) \\267 12,00 \\200) Tj") && text.contains("(??) Tj"));
    }
}
