//! A cursor that is printed is read back, and one that is read prints to one that means the same.

use billfold::db::page::{Cursor, Key};

use super::bytes::{Bytes, text};

/// Longest cursor that is promised to be read.
const LONGEST: usize = 2_048;

/// Panics when a cursor changes on its way.
pub fn judge(data: &[u8]) {
    let sent = text(data);
    if let Some(cursor) = Cursor::decode(&sent) {
        let printed = cursor.encode();
        assert!(printed.len() <= sent.len(), "{cursor:?} grows from {sent} to {printed}");
        assert_eq!(Cursor::decode(&printed), Some(cursor), "{sent}");
    }
    let mut bytes = Bytes::new(data);
    let key = if bytes.byte().is_multiple_of(2) { Key::Int(bytes.int()) } else { Key::Text(bytes.text()) };
    let cursor = Cursor(key, bytes.text());
    let printed = cursor.encode();
    assert!(printed.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')), "{printed}");
    if printed.len() <= LONGEST {
        assert_eq!(Cursor::decode(&printed), Some(cursor));
    }
}
