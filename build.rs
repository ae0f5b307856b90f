//! Turns `static/` into the table that `web::assets` serves: content-hashed names, brotli and gzip copies.
//!
//! Compressing is slow, so a copy is kept in `OUT_DIR` under its hashed name and made again only when the content changes.

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// Style sheets of `static/css`, joined in this order into `app.css`.
const STYLES: [&str; 7] = ["tokens", "shell", "components", "tables", "dialogs", "charts", "responsive"];

/// Files served as they are: name and place below `static/`. The font comes first because `app.css` names it.
const FILES: [(&str, &str); 8] = [
    ("inter.woff2", "vendor/inter.woff2"),
    ("tabler.min.css", "vendor/tabler.min.css"),
    ("icons.svg", "vendor/icons.svg"),
    ("htmx.min.js", "vendor/htmx.min.js"),
    ("hx-sse.min.js", "vendor/hx-sse.min.js"),
    ("theme.js", "js/theme.js"),
    ("app.js", "js/app.js"),
    ("passkeys.js", "js/passkeys.js"),
];

/// The languages of the portal, a Fluent file each.
const LANGUAGES: &str = "templates/portal/languages";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=migrations"); // `sqlx::migrate!` reads the folder at compile time
    println!("cargo:rerun-if-changed=static");
    println!("cargo:rerun-if-changed={LANGUAGES}");
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    let mut table = Table::new(&out)?;
    for (name, path) in FILES {
        table.add(name, &fs::read(Path::new("static").join(path))?)?;
    }
    table.add("app.css", styles(&table.urls)?.as_bytes())?;
    fs::write(out.join("assets.rs"), table.finish())?;
    fs::write(out.join("languages.rs"), languages()?)?;
    Ok(())
}

/// The languages of the portal: the code and the text of every file in their folder.
fn languages() -> Result<String, Box<dyn Error>> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(LANGUAGES)?.map(|entry| Ok(entry?.path())).collect::<Result<_, std::io::Error>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "ftl"));
    files.sort();
    let mut source = String::from("/// Code and text of each language.\nconst FILES: &[(&str, &str)] = &[\n");
    for file in files {
        let code = file.file_stem().and_then(|stem| stem.to_str()).ok_or("the name of a language is its code")?;
        let path = fs::canonicalize(&file)?;
        let path = path.to_str().ok_or("the path to the languages is not UTF-8")?;
        writeln!(source, "    ({code:?}, include_str!({path:?})),")?;
    }
    source.push_str("];\n");
    Ok(source)
}

/// All own style sheets as one; `asset(name)` in them becomes the hashed URL.
fn styles(urls: &[(String, String)]) -> Result<String, Box<dyn Error>> {
    let mut css = String::new();
    for sheet in STYLES {
        css.push_str(&fs::read_to_string(format!("static/css/{sheet}.css"))?);
    }
    for (name, url) in urls {
        css = css.replace(&format!("asset({name})"), &format!("url(\"{url}\")"));
    }
    Ok(css)
}

/// The generated source: one constant per asset with its URL, and the list of files with their bytes.
struct Table {
    folder: PathBuf,
    constants: String,
    entries: String,
    urls: Vec<(String, String)>,
}

impl Table {
    fn new(out: &Path) -> Result<Self, Box<dyn Error>> {
        let folder = out.join("assets");
        fs::create_dir_all(&folder)?;
        Ok(Self { folder, constants: String::new(), entries: String::new(), urls: Vec::new() })
    }

    fn add(&mut self, name: &str, bytes: &[u8]) -> Result<(), Box<dyn Error>> {
        let hash = hex::encode(Sha256::digest(bytes));
        let (stem, extension) = name.rsplit_once('.').ok_or("an asset needs an extension")?;
        let hashed = format!("{stem}.{}.{extension}", &hash[..12]);
        let url = format!("/assets/{hashed}");
        let constant = name.to_uppercase().replace(['.', '-'], "_");
        writeln!(
            self.constants,
            "/// URL of `{name}`, with its content hash.\npub const {constant}: &str = \"{url}\";"
        )?;
        self.file(&hashed, |()| Ok(bytes.to_vec()))?;
        if extension != "woff2" {
            self.file(&format!("{hashed}.br"), |()| brotli(bytes))?;
            self.file(&format!("{hashed}.gz"), |()| gzip(bytes))?;
        }
        self.urls.push((name.to_owned(), url));
        Ok(())
    }

    fn file(&mut self, name: &str, content: impl FnOnce(()) -> std::io::Result<Vec<u8>>) -> Result<(), Box<dyn Error>> {
        let path = self.folder.join(name);
        if !path.exists() {
            let bytes = content(())?;
            let half = path.with_extension("half"); // a killed build must not leave a short file behind
            fs::write(&half, bytes)?;
            fs::rename(half, &path)?;
        }
        writeln!(self.entries, "    ({name:?}, include_bytes!({:?})),", path.display().to_string())?;
        Ok(())
    }

    fn finish(self) -> String {
        let Self { constants, entries, .. } = self;
        format!(
            "{constants}\n/// Every file and its compressed copies, by name.\npub(super) static FILES: &[(&str, &[u8])] = &[\n{entries}];\n"
        )
    }
}

fn brotli(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut packed = Vec::new();
    let parameters = brotli::enc::BrotliEncoderParams { quality: 11, lgwin: 22, ..Default::default() };
    brotli::BrotliCompress(&mut &bytes[..], &mut packed, &parameters)?;
    Ok(packed)
}

fn gzip(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes)?;
    encoder.finish()
}
