//! Bodies of HTTP requests that an action reads as they come: as one stream, or part by part.

use serde_json::{Map, Value};

use super::LimitText;

/// How an action takes an upload: it reads [`Context::stream`](crate::Context::stream) and nothing is held in memory.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Upload {
    /// The whole body is the stream.
    Stream,
    /// `multipart/form-data`: a call for each file, whose content is the stream.
    Multipart(Multipart),
}

/// The bounds of a `multipart/form-data` body. What is not said here, the route says; else the defaults hold.
///
/// ```
/// use ligand_core::edge::Multipart;
/// let picture = Multipart::new().files(1).file_limit("5mb");
/// # let _ = picture;
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Multipart {
    files: Option<usize>,
    file_limit: Option<LimitText>,
    fields: Option<usize>,
    field_limit: Option<LimitText>,
    parts: Option<usize>,
    empty: Option<bool>,
}

impl Multipart {
    /// No bounds of its own.
    pub fn new() -> Self {
        Self::default()
    }

    /// Most files; more is 413. With 1 the answer is the result of that one call, else a list of all. Default: 10.
    pub fn files(mut self, most: usize) -> Self {
        self.files = Some(most);
        self
    }

    /// Most bytes of a file; more is 413. Default: the limit of the body.
    pub fn file_limit(mut self, size: impl Into<LimitText>) -> Self {
        self.file_limit = Some(size.into());
        self
    }

    /// Most fields that are no files; more is 413. Default: 100.
    pub fn fields(mut self, most: usize) -> Self {
        self.fields = Some(most);
        self
    }

    /// Most bytes of a field that is no file; more is 413. Default: 64 kB.
    pub fn field_limit(mut self, size: impl Into<LimitText>) -> Self {
        self.field_limit = Some(size.into());
        self
    }

    /// Most parts, files and fields together; more is 413. Default: as many as both may be.
    pub fn parts(mut self, most: usize) -> Self {
        self.parts = Some(most);
        self
    }

    /// Whether there may be no file: then one call takes the fields. Default: 400 for a request without a file.
    pub fn without_file(mut self, allowed: bool) -> Self {
        self.empty = Some(allowed);
        self
    }

    /// What this says, and what `other` says of the rest.
    pub fn or(&self, other: &Self) -> Self {
        Self {
            files: self.files.or(other.files),
            file_limit: self.file_limit.as_ref().or(other.file_limit.as_ref()).cloned(),
            fields: self.fields.or(other.fields),
            field_limit: self.field_limit.as_ref().or(other.field_limit.as_ref()).cloned(),
            parts: self.parts.or(other.parts),
            empty: self.empty.or(other.empty),
        }
    }

    /// The bounds as numbers, for a body of at most `limit` bytes.
    ///
    /// # Errors
    /// A text that quotes what is no size.
    pub fn bounds(&self, limit: usize) -> Result<MultipartBounds, String> {
        let bytes = |size: &Option<LimitText>, default| size.as_ref().map_or(Ok(default), LimitText::bytes);
        let (files, fields) = (self.files.unwrap_or(10), self.fields.unwrap_or(100));
        Ok(MultipartBounds {
            files,
            file_bytes: bytes(&self.file_limit, limit)?,
            fields,
            field_bytes: bytes(&self.field_limit, 64 * 1024)?,
            parts: self.parts.unwrap_or(files.saturating_add(fields)),
            without_file: self.empty.unwrap_or(false),
        })
    }

    /// Reads what [`Multipart::write`] wrote.
    pub(super) fn read(value: &Value) -> Option<Self> {
        let count = |name: &str| match value.get(name) {
            None => Some(None),
            Some(number) => usize::try_from(number.as_u64()?).ok().map(Some),
        };
        let size = |name: &str| match value.get(name) {
            None => Some(None),
            Some(size) => LimitText::read(size).map(Some),
        };
        Some(Self {
            files: count("files")?,
            file_limit: size("fileLimit")?,
            fields: count("fields")?,
            field_limit: size("fieldLimit")?,
            parts: count("parts")?,
            empty: value.get("empty").and_then(Value::as_bool),
        })
    }

    pub(super) fn write(self, all: &mut Map<String, Value>) {
        let sizes = [("fileLimit", self.file_limit), ("fieldLimit", self.field_limit)];
        all.extend(sizes.into_iter().filter_map(|(name, size)| Some((name.to_owned(), size?.into()))));
        let counts = [("files", self.files), ("fields", self.fields), ("parts", self.parts)];
        all.extend(counts.into_iter().filter_map(|(name, count)| Some((name.to_owned(), count?.into()))));
        all.extend(self.empty.map(|empty| ("empty".to_owned(), empty.into())));
    }

    /// Reads the `busboyConfig` of an alias of moleculer-web. What is no number there (`Infinity` travels as null) leaves
    /// the default.
    pub(crate) fn from_busboy(config: &Value) -> Self {
        let limits = config.get("limits");
        let count = |name: &str| {
            limits
                .and_then(|limits| limits.get(name)?.as_u64())
                .and_then(|number| usize::try_from(number).ok())
        };
        Self {
            files: count("files"),
            file_limit: count("fileSize").map(LimitText::from),
            fields: count("fields"),
            field_limit: count("fieldSize").map(LimitText::from),
            parts: count("parts"),
            empty: config.get("empty").and_then(Value::as_bool),
        }
    }

    /// As `busboyConfig`, for gateways of moleculer-web.
    pub(crate) fn to_busboy(&self) -> Value {
        let size = |size: &Option<LimitText>| size.as_ref().and_then(|size| size.bytes().ok());
        let limits = [
            ("files", self.files),
            ("fileSize", size(&self.file_limit)),
            ("fields", self.fields),
            ("fieldSize", size(&self.field_limit)),
            ("parts", self.parts),
        ];
        let limits = limits.into_iter().filter_map(|(name, most)| Some((name.to_owned(), most?.into())));
        let mut config = Map::new();
        config.insert("limits".into(), Value::Object(limits.collect()));
        config.extend(self.empty.map(|empty| ("empty".to_owned(), empty.into())));
        Value::Object(config)
    }
}

/// The bounds of a `multipart/form-data` body as numbers; see [`Multipart`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MultipartBounds {
    /// Files.
    pub files: usize,
    /// Bytes of a file.
    pub file_bytes: usize,
    /// Fields that are no files.
    pub fields: usize,
    /// Bytes of a field that is no file.
    pub field_bytes: usize,
    /// Files and fields together.
    pub parts: usize,
    /// A request need not have a file.
    pub without_file: bool,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_said_first_counts_and_the_rest_is_the_default() {
        let own = Multipart::new().files(1).file_limit("1kb");
        let bounds = own.or(&Multipart::new().files(5).fields(2).without_file(true)).bounds(5000).unwrap();
        assert_eq!((bounds.files, bounds.file_bytes, bounds.fields, bounds.parts), (1, 1024, 2, 3));
        assert!(bounds.without_file);
        let default = Multipart::new().bounds(5000).unwrap();
        assert_eq!((default.files, default.file_bytes, default.without_file), (10, 5000, false));
        assert!(Multipart::new().file_limit("5 potato").bounds(1).unwrap_err().contains("5 potato"));
    }

    #[test]
    fn the_bounds_of_moleculer_are_understood_and_told() {
        let config =
            json!({"empty": true, "limits": {"files": 1, "fileSize": 10, "fields": null, "headerPairs": 5}});
        let read = Multipart::from_busboy(&config);
        assert_eq!(read, Multipart::new().files(1).file_limit(10).without_file(true));
        assert_eq!(read.to_busboy(), json!({"limits": {"files": 1, "fileSize": 10}, "empty": true}));
    }
}
