//! Frames on a stream.

use std::io::{self, Read, Write};

/// Why no frame could be read.
#[derive(Debug)]
pub enum FrameError {
    /// The frame announces more bytes than the reader takes; none of them was read.
    TooLong { announced: u32, limit: u32 },
    /// The stream failed, or ended inside a frame.
    Stream(io::Error),
}

impl From<io::Error> for FrameError {
    fn from(error: io::Error) -> Self {
        Self::Stream(error)
    }
}

impl std::fmt::Display for FrameError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::TooLong { announced, limit } => {
                write!(f, "a frame of {announced} bytes is longer than the {limit} taken here")
            }
            Self::Stream(error) => write!(f, "the connection failed: {error}"),
        }
    }
}

/// Reads one frame; `None` when the stream ends before it.
///
/// Memory grows with the bytes that arrive, never with the length that is announced.
pub fn read_frame(stream: &mut impl Read, limit: u32) -> Result<Option<Vec<u8>>, FrameError> {
    let Some(announced) = read_length(stream)? else { return Ok(None) };
    if announced > limit {
        return Err(FrameError::TooLong { announced, limit });
    }
    let mut body = Vec::new();
    stream.take(u64::from(announced)).read_to_end(&mut body)?;
    if body.len() as u64 != u64::from(announced) {
        return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
    }
    Ok(Some(body))
}

/// The four bytes in front of a frame; `None` at the end of the stream.
fn read_length(stream: &mut impl Read) -> io::Result<Option<u32>> {
    let mut length = [0; 4];
    let mut filled = 0;
    while filled < length.len() {
        match stream.read(&mut length[filled..]) {
            Ok(0) if filled == 0 => return Ok(None),
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Some(u32::from_le_bytes(length)))
}

/// Writes one frame made of `parts`, without joining them in memory first.
pub fn write_frame(stream: &mut impl Write, parts: &[&[u8]]) -> io::Result<()> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let length = u32::try_from(length)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "a frame holds at most 4 GiB"))?;
    stream.write_all(&length.to_le_bytes())?;
    for part in parts {
        stream.write_all(part)?;
    }
    stream.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Refuses to be read beyond what it holds, and counts the largest buffer it was offered.
    struct Meter<'a>(&'a [u8], usize);

    impl Read for Meter<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.1 = self.1.max(buffer.len());
            self.0.read(buffer)
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let mut wire = Vec::new();
        write_frame(&mut wire, &[b"ab", b"", b"c"]).unwrap();
        assert_eq!(wire, b"\x03\0\0\0abc");
        assert_eq!(read_frame(&mut wire.as_slice(), 3).unwrap().unwrap(), b"abc");
    }

    #[test]
    fn a_stream_that_ends_between_frames_is_no_error() {
        assert!(read_frame(&mut io::empty(), 9).unwrap().is_none());
    }

    #[test]
    fn a_stream_that_ends_inside_a_frame_is_an_error() {
        for cut in [&b"\x03\0\0"[..], b"\x03\0\0\0", b"\x03\0\0\0ab"] {
            assert!(matches!(read_frame(&mut &cut[..], 9), Err(FrameError::Stream(_))));
        }
    }

    #[test]
    fn a_longer_frame_than_the_limit_is_refused_unread() {
        let mut wire = &b"\xff\xff\xff\xffx"[..];
        let error = read_frame(&mut wire, 1 << 20).unwrap_err();
        assert!(matches!(error, FrameError::TooLong { announced: u32::MAX, .. }));
        assert_eq!(wire, b"x");
    }

    #[test]
    fn an_announced_length_allocates_nothing() {
        let mut stream = Meter(b"\xff\xff\xff\xffxyz", 0);
        assert!(matches!(read_frame(&mut stream, u32::MAX), Err(FrameError::Stream(_))));
        assert!(stream.1 < 1 << 20, "a buffer of {} bytes was made", stream.1);
    }
}
