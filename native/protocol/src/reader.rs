//! A cursor over bytes that somebody else chose.

/// The bytes are not what the protocol says; the text names the field, never its content.
#[derive(Debug, PartialEq, Eq)]
pub struct Malformed(pub String);

impl std::fmt::Display for Malformed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Malformed {}

/// Takes fields off the front of a frame. Nothing is copied or allocated.
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    /// The next `count` bytes.
    pub(crate) fn take(&mut self, count: u64, field: &str) -> Result<&'a [u8], Malformed> {
        let left = self.0.len();
        let split = usize::try_from(count).ok().and_then(|count| self.0.split_at_checked(count));
        let Some((head, tail)) = split else {
            return Err(Malformed(format!("{field}: {count} bytes announced, {left} left")));
        };
        self.0 = tail;
        Ok(head)
    }

    pub(crate) fn array<const N: usize>(&mut self, field: &str) -> Result<[u8; N], Malformed> {
        let bytes = self.take(N as u64, field)?;
        Ok(bytes.try_into().expect("take returns as many bytes as asked for"))
    }

    pub(crate) fn u32(&mut self, field: &str) -> Result<u32, Malformed> {
        Ok(u32::from_le_bytes(self.array(field)?))
    }

    pub(crate) fn u64(&mut self, field: &str) -> Result<u64, Malformed> {
        Ok(u64::from_le_bytes(self.array(field)?))
    }

    /// A `u64` length and that many bytes.
    pub(crate) fn bytes(&mut self, field: &str) -> Result<&'a [u8], Malformed> {
        let count = self.u64(field)?;
        self.take(count, field)
    }

    /// Everything that is left.
    pub(crate) fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }
}
