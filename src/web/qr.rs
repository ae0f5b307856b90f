//! Text as a QR code.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

/// Pixels, at least.
const SIZE: u32 = 200;

/// A picture of a text, for a `data:image/svg+xml;base64,` address; none when the text is too long for one.
pub fn svg_base64(text: &str) -> Option<String> {
    let code = qrcode::QrCode::new(text).ok()?;
    let picture = code.render::<qrcode::render::svg::Color<'_>>().min_dimensions(SIZE, SIZE).build();
    Some(BASE64_STANDARD.encode(picture))
}
