//! One client: its programs, its light worker, and the way to the prover.

use std::collections::HashMap;
use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use sp1tee_protocol::{FrameError, Info, Key, Mode, Request, Response, read_frame, write_frame};

use crate::arguments::Kind;
use crate::server::Server;
use crate::worker_process::{NoAnswer, WorkerProcess};

/// Programs a client may have set up at a time; a Destroy makes room.
const MAX_PROGRAMS: usize = 256;

/// A connection to a client.
pub struct Connection<'a> {
    server: &'a Server,
    client: UnixStream,
    programs: HashMap<Key, Program>,
    light: Option<WorkerProcess>,
}

/// A program that was set up, and the answer it got: it would get the same again.
struct Program {
    elf: Arc<[u8]>,
    answer: Vec<u8>,
}

/// The client hung up, or can't be written to.
struct Gone;

impl From<io::Error> for Gone {
    fn from(_: io::Error) -> Self {
        Self
    }
}

impl<'a> Connection<'a> {
    pub fn new(server: &'a Server, client: UnixStream) -> Self {
        Self { server, client, programs: HashMap::new(), light: None }
    }

    /// Answers one request after the other, until the client hangs up or breaks the protocol.
    pub fn serve(mut self) {
        while let Ok(Some(frame)) = self.next_frame() {
            let done = match Request::parse(&frame) {
                Ok(request) => self.answer(&request, &frame),
                Err(malformed) => {
                    let _ = self.reply(&Response::InternalError(malformed.to_string()));
                    return;
                }
            };
            if done.is_err() {
                return;
            }
        }
    }

    fn next_frame(&mut self) -> Result<Option<Vec<u8>>, Gone> {
        // Made ready while the client thinks.
        if self.light.is_none() {
            self.light = WorkerProcess::start(Kind::Light, &self.server.settings).ok();
        }
        match read_frame(&mut self.client, self.server.max_request) {
            Ok(frame) => Ok(frame),
            Err(FrameError::Stream(_)) => Err(Gone),
            Err(too_long) => {
                self.reply(&Response::InternalError(too_long.to_string()))?;
                Err(Gone)
            }
        }
    }

    fn answer(&mut self, request: &Request<'_>, frame: &[u8]) -> Result<(), Gone> {
        match request {
            Request::Setup { elf } => self.setup(elf, frame),
            Request::Prove { mode, key, input } => self.prove(*mode, key, input),
            Request::Destroy { key } => {
                self.programs.remove(key);
                self.reply(&Response::Ok)
            }
            Request::Info => self.reply(&self.info()),
            Request::Execute(_) | Request::Verify(_) => {
                let response = self.ask_light(frame)?;
                self.write(&response)
            }
            Request::ProveProgram { .. } => {
                self.reply(&Response::InternalError("only the server may ask this".into()))
            }
        }
    }

    fn setup(&mut self, elf: &[u8], frame: &[u8]) -> Result<(), Gone> {
        let key: Key = Sha256::digest(elf).into();
        if let Some(known) = self.programs.get(&key) {
            let answer = known.answer.clone();
            return self.write(&answer);
        }
        if self.programs.len() >= MAX_PROGRAMS {
            let text = format!("{MAX_PROGRAMS} programs are set up; destroy one first");
            return self.reply(&Response::InternalError(text));
        }
        let answer = self.ask_light(frame)?;
        if answer.starts_with(&Response::SETUP_TAG) {
            self.programs.insert(key, Program { elf: elf.into(), answer: answer.clone() });
            self.server.prepare_prover();
        }
        self.write(&answer)
    }

    fn prove(&mut self, mode: Mode, key: &Key, input: &[u8]) -> Result<(), Gone> {
        let Some(program) = self.programs.get(key) else {
            let text = "this connection has not set up a program with this key";
            return self.reply(&Response::InternalError(text.into()));
        };
        if !self.server.modes.contains(&mode) {
            let text = format!("{mode:?} proofs are not made here, only {:?}", self.server.modes);
            return self.reply(&Response::ProverError(text));
        }
        let elf = program.elf.clone();
        let header = Request::prove_program_header(mode, &elf);
        let mut prover = self.server.prover();
        let response =
            ask(&mut prover, Kind::Full, self.server, &[&header, &elf, input], &self.client)?;
        drop(prover);
        // If this one did not survive, the next proof has less to wait for.
        self.server.prepare_prover();
        self.write(&response)
    }

    fn ask_light(&mut self, frame: &[u8]) -> Result<Vec<u8>, Gone> {
        ask(&mut self.light, Kind::Light, self.server, &[frame], &self.client)
    }

    fn info(&self) -> Response {
        Response::Info(Info {
            name: env!("CARGO_PKG_NAME"),
            version: env!("CARGO_PKG_VERSION"),
            sp1_version: sp1_primitives::SP1_CRATE_VERSION,
            circuit_version: sp1_sdk::SP1_CIRCUIT_VERSION,
            modes: self.server.modes,
            settings: self.server.settings.describe(),
        })
    }

    fn reply(&mut self, response: &Response) -> Result<(), Gone> {
        self.write(&response.encode())
    }

    fn write(&mut self, response: &[u8]) -> Result<(), Gone> {
        write_frame(&mut self.client, &[response])?;
        Ok(self.client.flush()?)
    }
}

/// Has a worker answer, starting it if there is none and ending it if it is no longer sound.
fn ask(
    worker: &mut Option<WorkerProcess>,
    kind: Kind,
    server: &Server,
    request: &[&[u8]],
    client: &UnixStream,
) -> Result<Vec<u8>, Gone> {
    let failed = |text: String| Ok(Response::InternalError(text).encode());
    let mut running = match worker.take() {
        Some(running) => running,
        None => match WorkerProcess::start(kind, &server.settings) {
            Ok(started) => started,
            Err(error) => return failed(format!("a worker cannot be started: {error}")),
        },
    };
    match running.ask(request, client) {
        Ok(answer) => {
            if !answer.is_last() {
                *worker = Some(running);
            }
            Ok(answer.response().to_vec())
        }
        Err(NoAnswer::WorkerEnded(how)) => {
            tracing::error!("a worker {how}");
            failed(format!("the process at work {how}"))
        }
        Err(NoAnswer::ClientLeft) => Err(Gone),
    }
}
