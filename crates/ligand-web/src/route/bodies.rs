//! What bodies a route reads, and what becomes of them.

use super::Route;
use ligand_core::edge::Multipart;

use crate::{Size, Target};

impl Route {
    /// Bytes a body may have: a number or a text such as `"1mb"`. Default: [`crate::Limits::body_bytes`].
    ///
    /// ```
    /// # use ligand_web::Route;
    /// let uploads = Route::new("/upload").alias("POST /", "files.save").body_limit("20mb").raw();
    /// # let _ = uploads;
    /// ```
    pub fn body_limit(mut self, size: impl Into<Size>) -> Self {
        match size.into().bytes() {
            Ok(bytes) => self.body_limit = Some(bytes),
            Err(problem) => self.problems.push(problem),
        }
        self
    }

    /// Reads `application/x-www-form-urlencoded` bodies too. Any site can send forms to any other, without a
    /// preflight: with cookies as authentication this needs a token in a header. Routes without forms need it as
    /// well, see [`crate::auth`].
    pub fn forms(mut self) -> Self {
        self.bodies.forms = true;
        self
    }

    /// Reads `text/*` bodies too: as the parameter `body`, a text. For actions of other nodes; an action of this node says
    /// `#[action(body = text)]`, whatever the route. One that takes no `body` gets none: 415.
    pub fn texts(mut self) -> Self {
        self.bodies.texts = true;
        self
    }

    /// Reads bodies of all other content types too: as the parameter `body`, bytes (in JavaScript what JSON makes of a
    /// `Buffer`). As [`Route::texts`]; `#[action(body = raw)]` takes JSON and forms as bytes too.
    pub fn raw(mut self) -> Self {
        self.bodies.raw = true;
        self
    }

    /// Gives actions `{body, query, params}` instead of one merged object; `params` are those of the path, `body` is
    /// missing when there is none.
    pub fn separate_params(mut self) -> Self {
        self.separate = true;
        self
    }

    /// Leads `METHOD /path` to an action that takes the files of `multipart/form-data`: a call for each, whose content is
    /// [`Context::stream`](ligand_core::Context::stream). Parameters are those of path and query, the fields that came
    /// before the file, and `$filename` (safe to use; null when there is none), `$fieldname`, `$mimetype`, `$encoding`. The
    /// answer is a list of all results, or, with [`Multipart::files`] 1, that of the one file. What `bounds` does not say,
    /// [`Route::multipart`] says. In a text for [`Route::alias`] it is `multipart:service.action`.
    ///
    /// ```
    /// # use ligand_web::{Multipart, Route};
    /// let bounds = Multipart::new().files(1).file_limit("5mb");
    /// let route = Route::new("/api").upload("POST /users/:id/picture", "users.picture", bounds);
    /// # let _ = route;
    /// ```
    pub fn upload(self, text: &str, action: impl Into<Target>, bounds: Multipart) -> Self {
        self.alias(text, action.into().multipart(bounds))
    }

    /// Leads `METHOD /path` to an action that takes the whole body as [`Context::stream`](ligand_core::Context::stream), of
    /// whatever type, at most [`Route::body_limit`]. In a text for [`Route::alias`] it is `stream:service.action`.
    ///
    /// ```
    /// # use ligand_web::Route;
    /// let route = Route::new("/api").stream("PUT /videos/:id", "videos.store").body_limit("2gb");
    /// # let _ = route;
    /// ```
    pub fn stream(self, text: &str, action: impl Into<Target>) -> Self {
        self.alias(text, action.into().stream())
    }

    /// The bounds of `multipart/form-data` on this route, where alias and action say no others.
    pub fn multipart(mut self, bounds: Multipart) -> Self {
        self.multipart = Some(bounds);
        self
    }

    /// Whether JSON bodies are read. Default: they are.
    pub fn json(mut self, read: bool) -> Self {
        self.bodies.no_json = !read;
        self
    }
}
