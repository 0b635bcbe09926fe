//! What the server answers.

use crate::{Key, OURS};

/// One answer, ready to be written.
#[derive(Debug)]
pub enum Response {
    /// SP1's tag 0.
    Ok,
    /// SP1's tag 1: `vk` is bincode of `SP1VerifyingKey`.
    Setup { key: Key, vk: Vec<u8> },
    /// SP1's tag 2: bincode of `ProofFromNetwork`.
    Proof(Vec<u8>),
    /// SP1's tag 3: the proof failed.
    ProverError(String),
    /// SP1's tag 4: the server failed, or the request was wrong.
    InternalError(String),
    /// Ours, 0.
    Info(Info),
    /// Ours, 1.
    Executed(Executed),
    /// Ours, 2: `None` for a proof that holds, else why it doesn't.
    Verified(Option<String>),
}

/// Who answers.
#[derive(Debug)]
pub struct Info {
    pub name: &'static str,
    pub version: &'static str,
    pub sp1_version: &'static str,
    /// `v6.1.0`: what a proof says it is.
    pub circuit_version: &'static str,
    /// The kinds of proof made here.
    pub modes: &'static [crate::Mode],
    /// `NAME=value` lines.
    pub settings: String,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Exit code 0 within the limits: a proof of it would verify.
    Completed = 0,
    /// The program or its input is at fault, and would be everywhere; the cause says how.
    Failed = 1,
    /// Stopped by this machine: no time, no memory, a runner that was killed. Try elsewhere.
    Stopped = 2,
}

/// A run that ended, one way or another.
#[derive(Debug)]
pub struct Executed {
    pub outcome: Outcome,
    /// The prover network's `ExecuteFailureCause`; 0 where it has no word for it.
    pub cause: u32,
    /// 0 where the run did not end by itself.
    pub exit_code: u64,
    pub cycles: u64,
    pub gas: u64,
    pub public_values: Vec<u8>,
    /// For the requester: why it failed. Empty after a clean end.
    pub text: String,
    /// The last 2 KiB the guest wrote to file descriptors 1 and 2: its secret, perhaps.
    pub stdout: String,
    pub stderr: String,
}

impl Executed {
    /// A run that has nothing to show but its failure.
    pub fn failure(outcome: Outcome, cause: u32, text: String) -> Self {
        Self {
            outcome,
            cause,
            exit_code: 0,
            cycles: 0,
            gas: 0,
            public_values: Vec::new(),
            text,
            stdout: String::new(),
            stderr: String::new(),
        }
    }
}

impl Response {
    /// What the frame of a [`Response::Setup`] starts with.
    pub const SETUP_TAG: [u8; 4] = 1u32.to_le_bytes();

    /// The bytes of its frame.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Ok => tagged(0),
            Self::Setup { key, vk } => [&Self::SETUP_TAG, &key[..], vk].concat(),
            Self::Proof(proof) => [&tagged(2), &proof[..]].concat(),
            Self::ProverError(text) => with_fields(3, &[text.as_bytes()]),
            Self::InternalError(text) => with_fields(4, &[text.as_bytes()]),
            Self::Info(info) => info.encode(),
            Self::Executed(run) => run.encode(),
            Self::Verified(reason) => {
                let mut bytes = tagged(OURS + 2);
                bytes.extend(u32::from(reason.is_some()).to_le_bytes());
                append(&mut bytes, reason.as_deref().unwrap_or_default().as_bytes());
                bytes
            }
        }
    }
}

impl Info {
    fn encode(&self) -> Vec<u8> {
        let texts = [self.name, self.version, self.sp1_version, self.circuit_version];
        let mut bytes = with_fields(OURS, &texts.map(str::as_bytes));
        bytes.extend((self.modes.len() as u64).to_le_bytes());
        bytes.extend(self.modes.iter().flat_map(|mode| (*mode as u32).to_le_bytes()));
        append(&mut bytes, self.settings.as_bytes());
        bytes
    }
}

impl Executed {
    fn encode(&self) -> Vec<u8> {
        let mut bytes = tagged(OURS + 1);
        bytes.extend((self.outcome as u32).to_le_bytes());
        bytes.extend(self.cause.to_le_bytes());
        for number in [self.exit_code, self.cycles, self.gas] {
            bytes.extend(number.to_le_bytes());
        }
        append(&mut bytes, &self.public_values);
        for text in [&self.text, &self.stdout, &self.stderr] {
            append(&mut bytes, text.as_bytes());
        }
        bytes
    }
}

fn tagged(tag: u32) -> Vec<u8> {
    tag.to_le_bytes().to_vec()
}

fn with_fields(tag: u32, fields: &[&[u8]]) -> Vec<u8> {
    let mut bytes = tagged(tag);
    for field in fields {
        append(&mut bytes, field);
    }
    bytes
}

fn append(bytes: &mut Vec<u8>, field: &[u8]) {
    bytes.extend((field.len() as u64).to_le_bytes());
    bytes.extend(field);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Mode;

    #[test]
    fn answers_have_the_bytes_of_sp1() {
        assert_eq!(Response::Ok.encode(), [0, 0, 0, 0]);
        let setup = Response::Setup { key: [7; 32], vk: vec![9; 104] }.encode();
        assert_eq!(setup.len(), 140);
        assert_eq!(setup[..5], [1, 0, 0, 0, 7]);
        assert_eq!(Response::Proof(b"proof".into()).encode(), b"\x02\0\0\0proof");
        let error = Response::ProverError("no".into()).encode();
        assert_eq!(error, b"\x03\0\0\0\x02\0\0\0\0\0\0\0no");
        assert_eq!(Response::InternalError("no".into()).encode()[0], 4);
    }

    #[test]
    fn answers_of_ours_have_the_documented_bytes() {
        let verified = Response::Verified(None).encode();
        assert_eq!(verified, b"\x02\0\0\x80\0\0\0\0\0\0\0\0\0\0\0\0");
        let refuted = Response::Verified(Some("no".into())).encode();
        assert_eq!(refuted, b"\x02\0\0\x80\x01\0\0\0\x02\0\0\0\0\0\0\0no");

        let run = Executed::failure(Outcome::Stopped, 5, "slow".into());
        let bytes = Response::Executed(run).encode();
        assert_eq!(bytes[..12], *b"\x01\0\0\x80\x02\0\0\0\x05\0\0\0");
        assert_eq!(bytes.len(), 12 + 3 * 8 + 8 + (8 + 4) + 8 + 8);

        let info = Response::Info(Info {
            name: "n",
            version: "",
            sp1_version: "",
            circuit_version: "",
            modes: &[Mode::Core, Mode::Compressed],
            settings: "A=1\n".into(),
        });
        let expected = b"\0\0\0\x80\x01\0\0\0\0\0\0\0n";
        assert_eq!(info.encode()[..13], *expected);
        assert_eq!(info.encode().len(), 4 + 9 + 3 * 8 + 8 + 2 * 4 + 8 + 4);
    }
}
