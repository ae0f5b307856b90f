//! What a business's portal looks like, as an admin types it.

use super::drafts::{Flaw, Proration};

/// Longest name.
const LONGEST_NAME: usize = 60;
/// Longest address for help.
const LONGEST_SUPPORT: usize = 200;
/// Prices that a portal offers at most.
const MOST_PRICES: usize = 50;
/// Largest logo, in bytes.
pub const LARGEST_LOGO: usize = 200 * 1024;
/// Longest side of a logo, in pixels: a small file can unfold to a picture that stops a browser.
const LONGEST_SIDE: usize = 2_000;
/// White text on the colour must be readable: WCAG 2.2, 1.4.3.
const CONTRAST: f64 = 4.5;

/// Settings of a portal, to be saved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PortalDraft {
    /// What customers know the business by; empty for the tenant's name.
    pub name: String,
    /// `#rrggbb`; empty for billfold's own.
    pub colour: String,
    /// An e-mail address or an https address; may be empty.
    pub support: String,
    /// How the rest of a period is settled when a customer changes the plan.
    pub proration: Proration,
    /// The prices that customers may change to, by either id.
    pub prices: Vec<String>,
}

impl PortalDraft {
    /// What is wrong with it.
    pub fn flaws(&self) -> Vec<Flaw> {
        let mut flaws = Vec::new();
        if self.name.chars().count() > LONGEST_NAME || self.name.contains(char::is_control) {
            flaws.push(Flaw::new("name", format!("At most {LONGEST_NAME} characters, in one line.")));
        }
        if !self.colour.is_empty() {
            match Colour::parse(&self.colour) {
                None => flaws.push(Flaw::new("colour", "A # and six digits, such as #0a63c4.")),
                Some(colour) if colour.contrast_with_white() < CONTRAST => flaws.push(Flaw::new(
                    "colour",
                    format!(
                        "White text on this colour is hard to read: its contrast is {:.1} to 1, and 4.5 is needed. Take a darker one.",
                        colour.contrast_with_white()
                    ),
                )),
                Some(_) => {}
            }
        }
        if !self.support.is_empty() && support_link(&self.support).is_none() {
            flaws.push(Flaw::new("support", "An e-mail address, or an address that begins with https://."));
        }
        if self.prices.len() > MOST_PRICES {
            flaws.push(Flaw::new("prices", format!("At most {MOST_PRICES} prices.")));
        }
        flaws
    }
}

/// Where a link for help leads; none when the text is neither an e-mail address nor an https address.
pub fn support_link(support: &str) -> Option<String> {
    let plain = support.len() <= LONGEST_SUPPORT
        && support.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"'<>\\`".contains(&byte));
    if !plain {
        return None;
    }
    if support.strip_prefix("https://").is_some_and(|rest| rest.starts_with(|letter: char| letter.is_alphanumeric())) {
        return Some(support.to_owned());
    }
    let (name, host) = support.split_once('@')?;
    let is_address = !name.is_empty() && host.contains('.') && !host.contains(['@', '?', '&', ':', '/']);
    (is_address && !name.contains(['?', '&', ':', '/'])).then(|| format!("mailto:{support}"))
}

/// A colour of the sRGB space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour {
    red: u8,
    green: u8,
    blue: u8,
}

impl Colour {
    /// Reads `#rrggbb`.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6)?;
        let bytes = hex::decode(digits).ok()?;
        let [red, green, blue] = bytes.try_into().ok()?;
        Some(Self { red, green, blue })
    }

    /// `rrggbb`, in small letters.
    pub fn digits(self) -> String {
        hex::encode([self.red, self.green, self.blue])
    }

    /// How well white text can be read on it, 1 to 21: WCAG 2.2, "contrast ratio".
    pub fn contrast_with_white(self) -> f64 {
        let part = |value: u8| {
            let share = f64::from(value) / 255.0;
            if share <= 0.040_45 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
        };
        1.05 / (0.2126 * part(self.red) + 0.7152 * part(self.green) + 0.0722 * part(self.blue) + 0.05)
    }
}

/// The media type of a logo. `Err`: why it is not taken. What a browser could run, such as SVG, is not.
pub fn logo_type(bytes: &[u8]) -> Result<&'static str, &'static str> {
    if bytes.len() > LARGEST_LOGO {
        return Err("The picture has more than 200 kB. Make it smaller.");
    }
    let media_type = match imagesize::image_type(bytes) {
        Ok(imagesize::ImageType::Png) => "image/png",
        Ok(imagesize::ImageType::Jpeg) => "image/jpeg",
        Ok(imagesize::ImageType::Webp) => "image/webp",
        _ => return Err("This is not a picture of the kinds PNG, JPEG and WebP."),
    };
    match imagesize::blob_size(bytes) {
        Ok(size) if size.width.max(size.height) <= LONGEST_SIDE => Ok(media_type),
        Ok(_) => Err("The picture is more than 2,000 pixels wide or high. Make it smaller."),
        Err(_) => Err("The picture cannot be read."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_read_and_weighed() {
        let contrast = |text: &str| Colour::parse(text).map(|colour| (colour.contrast_with_white() * 10.0).round());
        assert_eq!(contrast("#000000"), Some(210.0));
        assert_eq!(contrast("#FFFFFF"), Some(10.0));
        assert_eq!(contrast("#767676"), Some(45.0));
        assert_eq!(Colour::parse("#0A63c4").map(Colour::digits).as_deref(), Some("0a63c4"));
        for wrong in ["", "#fff", "0a63c4", "#0a63cg", "#0a63c4;", "red"] {
            assert_eq!(Colour::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn help_is_an_address_that_cannot_be_anything_else() {
        assert_eq!(support_link("help@acme.example").as_deref(), Some("mailto:help@acme.example"));
        assert_eq!(support_link("https://acme.example/help?a=1").as_deref(), Some("https://acme.example/help?a=1"));
        for wrong in [
            "",
            "acme",
            "javascript:alert(1)@a.b",
            "http://acme.example",
            "https://",
            "a@b",
            "a@b.c?subject=x",
            "a b@c.d",
        ] {
            assert_eq!(support_link(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_cannot_be_shown_is_refused() {
        let flawed = |draft: PortalDraft| draft.flaws().into_iter().map(|flaw| flaw.param).collect::<Vec<_>>();
        assert!(flawed(PortalDraft::default()).is_empty());
        let draft = PortalDraft {
            name: "x".repeat(61),
            colour: "#ffee00".to_owned(),
            support: "nobody".to_owned(),
            prices: vec!["pri_1".to_owned(); 51],
            ..PortalDraft::default()
        };
        assert_eq!(flawed(draft), ["name", "colour", "support", "prices"]);
    }

    #[test]
    fn only_small_pictures_are_taken() {
        let png = |side: u32| {
            let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
            bytes.extend([side.to_be_bytes(), side.to_be_bytes()].concat());
            bytes.extend([8, 6, 0, 0, 0, 0, 0, 0, 0]);
            bytes
        };
        assert_eq!(logo_type(&png(64)), Ok("image/png"));
        assert!(logo_type(&png(2_001)).is_err());
        assert!(logo_type(&[png(64), vec![0; LARGEST_LOGO]].concat()).is_err());
        for wrong in [&b""[..], b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"GIF89a", b"\x89PNG\r\n\x1a\n"] {
            assert!(logo_type(wrong).is_err(), "{wrong:?}");
        }
    }
}
