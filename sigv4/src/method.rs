//! The HTTP methods that S3 uses.

use std::fmt;

/// An HTTP method that S3 knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// Reads an object or a list.
    Get,
    /// Reads an object's metadata.
    Head,
    /// Writes an object or a part.
    Put,
    /// Starts or completes a multipart upload, or deletes many objects.
    Post,
    /// Removes an object or aborts a multipart upload.
    Delete,
}

impl Method {
    /// The method as it stands in a request line, upper case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Put => "PUT",
            Self::Post => "POST",
            Self::Delete => "DELETE",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
