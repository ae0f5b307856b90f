//! Style sheets, scripts, icons and the font: compiled in by `build.rs` under content-hashed names, with brotli and gzip copies.
//!
//! A template writes `{{ crate::web::assets::APP_CSS }}`; a misspelt name does not compile.

use std::future::{Ready, ready};
use std::io::{self, Cursor, SeekFrom};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use tokio::io::{AsyncRead, AsyncSeek, ReadBuf};
use tower::ServiceBuilder;
use tower_http::services::ServeDir;
use tower_http::services::fs::{Backend, File, Metadata};

use super::error::Error;

include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// The routes below `/assets`.
pub fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let files = ServeDir::with_backend("", Embedded).precompressed_br().precompressed_gzip();
    let files = ServiceBuilder::new()
        .map_response(|answer: Response<_>| cached(answer.map(axum::body::Body::new)))
        .service(files);
    Router::new().nest_service("/assets", files)
}

/// A name holds the hash of its content, so a found file never changes; anything else must not be kept.
fn cached(mut answer: Response) -> Response {
    match answer.status() {
        StatusCode::NOT_FOUND => Error::NotFound.into_response(),
        StatusCode::OK | StatusCode::NOT_MODIFIED | StatusCode::PARTIAL_CONTENT => {
            let forever = HeaderValue::from_static("public, max-age=31536000, immutable");
            answer.headers_mut().insert(header::CACHE_CONTROL, forever);
            answer
        }
        _ => answer,
    }
}

/// Hands the compiled-in files to tower-http, which does ranges, entity tags and the choice of the compressed copy.
#[derive(Clone, Copy, Debug)]
struct Embedded;

impl Embedded {
    fn find(path: &Path) -> io::Result<&'static [u8]> {
        let name = path.to_str().unwrap_or_default();
        let name = name.trim_start_matches("./").trim_start_matches('/');
        let file = FILES.iter().find(|(file, _)| *file == name);
        file.map(|(_, bytes)| *bytes).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl Backend for Embedded {
    type File = Embed;
    type Metadata = Length;
    type OpenFuture = Ready<io::Result<Embed>>;
    type MetadataFuture = Ready<io::Result<Length>>;

    fn open(&self, path: PathBuf) -> Self::OpenFuture {
        ready(Self::find(&path).map(|bytes| Embed(Cursor::new(bytes))))
    }

    fn metadata(&self, path: PathBuf) -> Self::MetadataFuture {
        ready(Self::find(&path).map(|bytes| Length(bytes.len() as u64)))
    }
}

/// The only metadata a compiled-in file has.
#[derive(Clone, Copy, Debug)]
struct Length(u64);

impl Metadata for Length {
    fn is_dir(&self) -> bool {
        false
    }

    /// One fixed time: the name carries the version.
    fn modified(&self) -> io::Result<SystemTime> {
        Ok(SystemTime::UNIX_EPOCH + Duration::from_hours(24 * 365 * 50))
    }

    fn len(&self) -> u64 {
        self.0
    }
}

/// A compiled-in file that is being read.
#[derive(Debug)]
struct Embed(Cursor<&'static [u8]>);

impl File for Embed {
    type Metadata = Length;
    type MetadataFuture<'a> = Ready<io::Result<Length>>;

    fn metadata(&self) -> Self::MetadataFuture<'_> {
        ready(Ok(Length(self.0.get_ref().len() as u64)))
    }
}

impl AsyncRead for Embed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncSeek for Embed {
    fn start_seek(mut self: Pin<&mut Self>, position: SeekFrom) -> io::Result<()> {
        Pin::new(&mut self.0).start_seek(position)
    }

    fn poll_complete(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<u64>> {
        Pin::new(&mut self.0).poll_complete(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_file_has_both_compressed_copies() {
        for url in [APP_CSS, APP_JS, THEME_JS, TABLER_MIN_CSS, HTMX_MIN_JS, HX_SSE_MIN_JS, ICONS_SVG] {
            let name = url.trim_start_matches("/assets/");
            for copy in [name.to_owned(), format!("{name}.br"), format!("{name}.gz")] {
                assert!(Embedded::find(Path::new(&copy)).is_ok(), "{copy} is missing");
            }
        }
    }

    #[test]
    fn the_style_sheet_names_the_hashed_font() {
        let css = Embedded::find(Path::new(APP_CSS.trim_start_matches("/assets/"))).expect("app.css");
        let css = std::str::from_utf8(css).expect("UTF-8");
        assert!(css.contains(INTER_WOFF2) && !css.contains("asset("));
    }
}
