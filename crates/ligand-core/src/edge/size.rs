//! Sizes as people write them.

/// A number of bytes: a number, or a text such as `"100kb"` or `"1mb"` (1 kb = 1024 bytes).
///
/// ```
/// use ligand_core::edge::Size;
/// assert_eq!(Size::from("1mb").bytes(), Ok(1024 * 1024));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Size(Result<usize, String>);

impl Size {
    /// The number.
    ///
    /// # Errors
    /// A text that quotes what is no size.
    pub fn bytes(self) -> Result<usize, String> {
        self.0
    }
}

impl From<usize> for Size {
    fn from(bytes: usize) -> Self {
        Self(Ok(bytes))
    }
}

impl From<&str> for Size {
    fn from(text: &str) -> Self {
        let lower = text.trim().to_ascii_lowercase();
        let digits = lower.bytes().take_while(u8::is_ascii_digit).count();
        let factor = match lower[digits..].trim() {
            "" | "b" => Some(1),
            "kb" => Some(1 << 10),
            "mb" => Some(1 << 20),
            "gb" => Some(1 << 30),
            _ => None,
        };
        let bytes = lower[..digits].parse::<usize>().ok().zip(factor);
        let bytes = bytes.and_then(|(number, factor)| number.checked_mul(factor));
        Self(
            bytes.ok_or_else(|| {
                format!("size '{text}' is not a number of bytes such as \"100kb\" or \"1mb\"")
            }),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_numbers_or_texts() {
        for (text, bytes) in [("0", 0), ("512", 512), ("100kb", 102_400), ("1 MB", 1 << 20), ("2gb", 2 << 30)]
        {
            assert_eq!(Size::from(text).bytes(), Ok(bytes));
        }
        for text in ["", "kb", "1.5mb", "-1", "1tb", "99999999999999999999", "99999999999999gb"] {
            assert!(Size::from(text).bytes().unwrap_err().contains(text), "{text}");
        }
        assert_eq!(Size::from(7).bytes(), Ok(7));
    }
}
