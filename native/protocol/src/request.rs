//! What a client asks for.

use crate::OURS;
use crate::reader::{Malformed, Reader};

/// Names a program that was set up: the SHA-256 of its ELF.
pub type Key = [u8; 32];

/// The kinds of proof, numbered as the prover network numbers them (`ProofMode`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Core = 1,
    Compressed = 2,
    Plonk = 3,
    Groth16 = 4,
}

/// One request, borrowed from the frame it came in.
#[derive(Debug, PartialEq, Eq)]
pub enum Request<'a> {
    /// SP1's tag 0: make a program ready to be proved. (SP1 6.2 added a field that takes no bytes.)
    Setup { elf: &'a [u8] },
    /// SP1's tag 1. `input` is bincode of `(SP1Stdin, [u32; 4])`: the input and the proof's nonce.
    Prove { mode: Mode, key: Key, input: &'a [u8] },
    /// SP1's tag 2: forget a program.
    Destroy { key: Key },
    /// Ours, 0: who are you?
    Info,
    /// Ours, 1: run a program without proving it.
    Execute(Execute<'a>),
    /// Ours, 2: is this proof true?
    Verify(Verify<'a>),
    /// Ours, 3, and only between the server and its proving process: [`Request::Prove`] with the
    /// program itself in the place of its key.
    ProveProgram { mode: Mode, elf: &'a [u8], input: &'a [u8] },
}

/// A run and its limits; `u64::MAX` is no limit.
#[derive(Debug, PartialEq, Eq)]
pub struct Execute<'a> {
    pub cycle_limit: u64,
    pub gas_limit: u64,
    /// Wall-clock milliseconds. SP1 looks at the cycle limit only now and then, and a loop that
    /// touches no memory never lets it: this one always holds.
    pub time_limit: u64,
    pub elf: &'a [u8],
    /// bincode of `SP1Stdin`.
    pub stdin: &'a [u8],
}

/// A proof and what it is said to prove.
#[derive(Debug, PartialEq, Eq)]
pub struct Verify<'a> {
    /// bincode of `SP1VerifyingKey`: 104 bytes in SP1 v6.
    pub vk: &'a [u8],
    pub public_values: &'a [u8],
    /// bincode of `ProofFromNetwork`; what follows it is ignored, as SP1's SDK does.
    pub proof: &'a [u8],
}

const EXECUTE: u32 = OURS + 1;
const VERIFY: u32 = OURS + 2;
const PROVE_PROGRAM: u32 = OURS + 3;

impl<'a> Request<'a> {
    /// Reads a frame.
    pub fn parse(frame: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader(frame);
        match reader.u32("tag")? {
            0 => Ok(Self::Setup { elf: reader.bytes("ELF")? }),
            1 => Ok(Self::Prove {
                mode: mode(&mut reader)?,
                key: reader.array("key")?,
                input: reader.rest(),
            }),
            2 => Ok(Self::Destroy { key: reader.array("key")? }),
            OURS => Ok(Self::Info),
            EXECUTE => Execute::parse(&mut reader).map(Self::Execute),
            VERIFY => Verify::parse(&mut reader).map(Self::Verify),
            PROVE_PROGRAM => Ok(Self::ProveProgram {
                mode: mode(&mut reader)?,
                elf: reader.bytes("ELF")?,
                input: reader.rest(),
            }),
            tag => Err(Malformed(format!("no request has the tag {tag:#x}"))),
        }
    }

    /// What stands in front of `elf` and `input` in a [`Request::ProveProgram`].
    pub fn prove_program_header(mode: Mode, elf: &[u8]) -> Vec<u8> {
        let mut header = PROVE_PROGRAM.to_le_bytes().to_vec();
        header.extend((mode as u32).to_le_bytes());
        header.extend((elf.len() as u64).to_le_bytes());
        header
    }
}

impl<'a> Execute<'a> {
    fn parse(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        Ok(Self {
            cycle_limit: reader.u64("cycle limit")?,
            gas_limit: reader.u64("gas limit")?,
            time_limit: reader.u64("time limit")?,
            elf: reader.bytes("ELF")?,
            stdin: reader.rest(),
        })
    }
}

impl<'a> Verify<'a> {
    fn parse(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        Ok(Self {
            vk: reader.bytes("verifying key")?,
            public_values: reader.bytes("public values")?,
            proof: reader.rest(),
        })
    }
}

fn mode(reader: &mut Reader<'_>) -> Result<Mode, Malformed> {
    match reader.u32("mode")? {
        1 => Ok(Mode::Core),
        2 => Ok(Mode::Compressed),
        3 => Ok(Mode::Plonk),
        4 => Ok(Mode::Groth16),
        number => Err(Malformed(format!("no proof mode has the number {number}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(parts: &[&[u8]]) -> Vec<u8> {
        parts.concat()
    }

    #[test]
    fn the_three_requests_of_sp1_are_read() {
        let setup = frame(&[&[0, 0, 0, 0], &3u64.to_le_bytes(), b"ELF"]);
        assert_eq!(Request::parse(&setup), Ok(Request::Setup { elf: b"ELF" }));

        let prove = frame(&[&[1, 0, 0, 0, 2, 0, 0, 0], &[7; 32], b"input and nonce"]);
        let expected =
            Request::Prove { mode: Mode::Compressed, key: [7; 32], input: b"input and nonce" };
        assert_eq!(Request::parse(&prove), Ok(expected));

        let destroy = frame(&[&[2, 0, 0, 0], &[7; 32]]);
        assert_eq!(Request::parse(&destroy), Ok(Request::Destroy { key: [7; 32] }));
    }

    #[test]
    fn our_requests_are_read() {
        assert_eq!(Request::parse(&[0, 0, 0, 0x80]), Ok(Request::Info));

        let limits = [10u64, u64::MAX, 30].map(u64::to_le_bytes).concat();
        let execute = frame(&[&[1, 0, 0, 0x80], &limits, &1u64.to_le_bytes(), b"Estdin"]);
        let expected = Execute {
            cycle_limit: 10,
            gas_limit: u64::MAX,
            time_limit: 30,
            elf: b"E",
            stdin: b"stdin",
        };
        assert_eq!(Request::parse(&execute), Ok(Request::Execute(expected)));

        let (vk, values) = (2u64.to_le_bytes(), 0u64.to_le_bytes());
        let verify = frame(&[&[2, 0, 0, 0x80], &vk, b"vk", &values, b"proof"]);
        let expected = Verify { vk: b"vk", public_values: b"", proof: b"proof" };
        assert_eq!(Request::parse(&verify), Ok(Request::Verify(expected)));
    }

    #[test]
    fn a_key_is_replaced_by_its_program() {
        let header = Request::prove_program_header(Mode::Core, b"ELF");
        let whole = frame(&[&header, b"ELF", b"input"]);
        let expected = Request::ProveProgram { mode: Mode::Core, elf: b"ELF", input: b"input" };
        assert_eq!(Request::parse(&whole), Ok(expected));
    }

    #[test]
    fn hostile_frames_are_malformed() {
        let huge = u64::MAX.to_le_bytes();
        let hostile: [&[u8]; 8] = [
            b"",
            b"\0\0",
            &[0, 0, 0, 0],
            &frame(&[&[0, 0, 0, 0], &huge, b"ELF"]),
            &frame(&[&[1, 0, 0, 0, 0, 0, 0, 0], &[7; 32]]),
            &frame(&[&[1, 0, 0, 0, 5, 0, 0, 0], &[7; 32]]),
            &frame(&[&[2, 0, 0, 0], &[7; 31]]),
            &[3, 0, 0, 0],
        ];
        for frame in hostile {
            assert!(Request::parse(frame).is_err(), "{frame:?}");
        }
    }

    #[test]
    fn every_cut_of_a_request_is_malformed_or_shorter_at_its_open_end() {
        let limits = [1u64, 2, 3].map(u64::to_le_bytes).concat();
        let whole = frame(&[&[1, 0, 0, 0x80], &limits, &3u64.to_le_bytes(), b"ELF"]);
        for cut in 0..whole.len() {
            assert!(Request::parse(&whole[..cut]).is_err(), "{cut} bytes");
        }
        assert!(Request::parse(&whole).is_ok());
    }
}
