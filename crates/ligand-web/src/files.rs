//! Static files: what no route has an answer for.
//!
//! Opening, ranges, types, `ETag`, `Last-Modified` and conditions are those of `tower-http`. What may be asked for is decided
//! here: `GET` and `HEAD`, the normal form of the path, no names that begin with a dot.

use std::{fmt, path::PathBuf, time::Duration};

use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Empty;
use tower_http::services::{ServeDir, ServeFile};
use tower_service::Service as _;

use crate::{Body, Req, path};

/// A directory whose files are answers, for [`GatewayBuilder::files`](crate::GatewayBuilder::files) and
/// [`Route::files`](crate::Route::files).
///
/// ```
/// use std::time::Duration;
/// use ligand_web::{Files, Gateway};
/// let files = Files::new("public").single_page("index.html").max_age(Duration::from_secs(3600));
/// let gateway = Gateway::builder().files(files).build();
/// # let _ = gateway;
/// ```
#[derive(Clone)]
pub struct Files {
    root: PathBuf,
    max_age: Duration,
    dotfiles: bool,
    index: bool,
    page: Option<PathBuf>,
    precompressed: bool,
}

impl Files {
    /// The files below `root`: `index.html` for a directory, whose address gets a slash at its end (301). A link in it
    /// leads wherever it leads.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            max_age: Duration::ZERO,
            dotfiles: false,
            index: true,
            page: None,
            precompressed: false,
        }
    }

    /// How long clients may keep a file without asking. Default: 0, they ask each time whether it has changed.
    pub fn max_age(mut self, time: Duration) -> Self {
        self.max_age = time;
        self
    }

    /// Answers with this file of the directory what is not there, when a page is asked for (`Accept: text/html`): an
    /// application in the browser has paths of its own. Below the path of a route there is no such page.
    pub fn single_page(mut self, file: impl Into<PathBuf>) -> Self {
        self.page = Some(file.into());
        self
    }

    /// Shows files and directories whose names begin with a dot, too.
    pub fn dotfiles(mut self) -> Self {
        self.dotfiles = true;
        self
    }

    /// Answers 404 for a directory, also where it has an `index.html`.
    pub fn without_index(mut self) -> Self {
        self.index = false;
        self
    }

    /// Sends `app.js.br`, `.zst` or `.gz` instead of `app.js` to who takes it, where there is one.
    pub fn precompressed(mut self) -> Self {
        self.precompressed = true;
        self
    }

    pub(crate) fn problem(&self) -> Option<String> {
        let root = self.root.display();
        if !self.root.is_dir() {
            return Some(format!(
                "files: '{root}' is no directory; name one that is there, or run where it is"
            ));
        }
        let page = self.page.as_ref().filter(|page| !self.root.join(page).is_file())?;
        Some(format!("files: the page '{}' is not in '{root}'", page.display()))
    }

    /// The file that a request asks for, `skip` segments into its path. `page`: the page for what is not there may stand in.
    /// `None`: there is nothing.
    pub(crate) async fn answer(&self, req: &Req, skip: usize, page: bool) -> Option<Response<Body>> {
        if req.method != Method::GET && req.method != Method::HEAD {
            return None;
        }
        let (prefix, below) = split(&req.path, skip);
        let mut found = None;
        if let Some(target) = self.target(below, req.uri.path().ends_with('/')) {
            let mut dir = ServeDir::new(&self.root)
                .append_index_html_on_directories(self.index)
                .redirect_path_prefix(encoded(prefix));
            if self.precompressed {
                dir = dir.precompressed_br().precompressed_zstd().precompressed_gzip();
            }
            let mut request = request(req, &target)?;
            if let Some(known) = request.headers_mut().remove(header::IF_RANGE)
                && request.headers().contains_key(header::RANGE)
                && !is_still(&mut dir, &target, &known).await
            {
                request.headers_mut().remove(header::RANGE);
            }
            found = Some(dir.try_call(request).await);
        }
        let response = match found {
            Some(Ok(response)) if response.status() != StatusCode::NOT_FOUND => response,
            found => {
                if let Some(Err(error)) = found {
                    tracing::debug!(%error, "a file cannot be read");
                }
                let file = self.page.as_ref().filter(|_| page && wants_page(&req.headers))?;
                let mut file = ServeFile::new(self.root.join(file));
                file.call(request(req, "/")?).await.unwrap_or_else(|never| match never {})
            }
        };
        if response.status() == StatusCode::NOT_FOUND || response.status() == StatusCode::METHOD_NOT_ALLOWED {
            return None;
        }
        Some(self.finished(response, req))
    }

    /// The target below the root; `None` for what is never shown.
    fn target(&self, below: &str, slash: bool) -> Option<String> {
        let hidden = |segment: &str| segment.starts_with('.') && !self.dotfiles;
        // Neither is the name of a file on every system; `%2F` is a slash within a segment.
        let odd = |segment: &str| segment.contains("%2F") || segment.contains(['\\', ':']);
        if below.split('/').any(|segment| hidden(segment) || odd(segment)) {
            return None;
        }
        let mut target = encoded(below);
        if !target.ends_with('/') && (slash || target.is_empty()) {
            target.push('/');
        }
        Some(target)
    }

    fn finished<B>(&self, response: Response<B>, req: &Req) -> Response<Body>
    where
        B: http_body::Body<Data = bytes::Bytes, Error = std::io::Error> + Send + 'static,
    {
        let (mut parts, body) = response.into_parts();
        if parts.status == StatusCode::TEMPORARY_REDIRECT {
            parts.status = StatusCode::MOVED_PERMANENTLY;
        }
        let full = matches!(parts.status, StatusCode::OK | StatusCode::PARTIAL_CONTENT);
        let body = if full && req.method == Method::GET { Body::of(body) } else { Body::default() };
        if full || parts.status == StatusCode::NOT_MODIFIED {
            let age = format!("public, max-age={}", self.max_age.as_secs());
            parts.headers.extend(HeaderValue::try_from(age).ok().map(|age| (header::CACHE_CONTROL, age)));
        } else {
            parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(0));
        }
        if self.precompressed {
            parts.headers.append(header::VARY, HeaderValue::from_static("accept-encoding"));
        }
        charset(&mut parts.headers);
        Response::from_parts(parts, body)
    }
}

/// A path after its first segments, and these.
fn split(path: &str, skip: usize) -> (&str, &str) {
    let at = path.match_indices('/').nth(skip).map_or(path.len(), |(at, _)| at);
    path.split_at(at)
}

/// A path of normal form as a target.
fn encoded(path: &str) -> String {
    let mut target = String::with_capacity(path.len());
    for byte in path::plain(path, true).bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' | b'~' => {
                target.push(char::from(byte));
            }
            _ => target.push_str(&format!("%{byte:02X}")),
        }
    }
    target
}

fn request(req: &Req, target: &str) -> Option<Request<Empty<bytes::Bytes>>> {
    let mut request = Request::builder().method(req.method.clone()).uri(target).body(Empty::new()).ok()?;
    *request.headers_mut() = req.headers.clone();
    Some(request)
}

/// Whether a file is what a client knows it as: by its `ETag`, or by when it was modified.
async fn is_still(dir: &mut ServeDir, target: &str, known: &HeaderValue) -> bool {
    let Ok(head) = Request::head(target).body(Empty::<bytes::Bytes>::new()) else { return false };
    let Ok(now) = dir.try_call(head).await else { return false };
    [header::ETAG, header::LAST_MODIFIED].iter().any(|name| now.headers().get(name) == Some(known))
}

fn wants_page(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    accept.contains("text/html")
}

/// Texts are in UTF-8.
fn charset(headers: &mut HeaderMap) {
    let Some(Ok(kind)) = headers.get(header::CONTENT_TYPE).map(HeaderValue::to_str) else { return };
    let text = kind.starts_with("text/") || matches!(kind, "application/javascript" | "application/json");
    if text
        && !kind.contains(';')
        && let Ok(kind) = HeaderValue::try_from(format!("{kind}; charset=utf-8"))
    {
        headers.insert(header::CONTENT_TYPE, kind);
    }
}

impl fmt::Debug for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Files").field("root", &self.root).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_taken_apart_by_segments() {
        assert_eq!(split("/a/b/c", 0), ("", "/a/b/c"));
        assert_eq!(split("/a/b/c", 1), ("/a", "/b/c"));
        assert_eq!(split("/a", 1), ("/a", ""));
        assert_eq!(encoded("/ü b/c?"), "/%C3%BC%20b/c%3F");
    }
}
