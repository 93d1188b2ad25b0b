//! Takes numbers and texts off the front of bytes that may end too early.

/// The bytes ended before what was to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cut;

/// What is left to take.
pub(crate) struct Take<'a> {
    left: &'a [u8],
}

impl<'a> Take<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { left: bytes }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.left.is_empty()
    }

    pub(crate) fn left(&self) -> usize {
        self.left.len()
    }

    pub(crate) fn bytes(&mut self, length: usize) -> Result<&'a [u8], Cut> {
        let (taken, left) = self.left.split_at_checked(length).ok_or(Cut)?;
        self.left = left;
        Ok(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Cut> {
        let (taken, left) = self.left.split_first_chunk().ok_or(Cut)?;
        self.left = left;
        Ok(*taken)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Cut> {
        Ok(self.array::<1>()?[0])
    }

    pub(crate) fn u16(&mut self) -> Result<u16, Cut> {
        self.array().map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Cut> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, Cut> {
        self.array().map(u64::from_le_bytes)
    }

    pub(crate) fn i64(&mut self) -> Result<i64, Cut> {
        self.array().map(i64::from_le_bytes)
    }

    /// A text with its length in two bytes before it.
    pub(crate) fn text(&mut self) -> Result<&'a str, Cut> {
        let length = self.u16()?;
        std::str::from_utf8(self.bytes(length.into())?).map_err(|_| Cut)
    }
}
