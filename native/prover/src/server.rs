//! The server: a socket, a thread per client, and the one prover they share.

use std::fs::{self, File};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;

use anyhow::{Context, bail};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::SignalFd;
use nix::sys::stat::{self, umask};
use sp1tee_protocol::Mode;

use crate::arguments::{Arguments, Kind};
use crate::connection::Connection;
use crate::settings::Settings;
use crate::shared_memory;
use crate::worker_process::{self, WorkerProcess};

/// What the CPU prover makes. Groth16 and PLONK want gnark and gigabytes of circuits.
const MODES: &[Mode] = &[Mode::Core, Mode::Compressed];

/// What all connections share.
pub struct Server {
    pub settings: Settings,
    pub max_request: u32,
    /// The kinds of proof made here.
    pub modes: &'static [Mode],
    /// One at a time: each takes most of the machine.
    prover: Mutex<Option<WorkerProcess>>,
}

impl Server {
    /// The prover, for as long as the guard is held.
    pub fn prover(&self) -> MutexGuard<'_, Option<WorkerProcess>> {
        self.prover.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Starts the prover if there is none: who sets up a program is about to prove it.
    pub fn prepare_prover(&self) {
        if self.modes.is_empty() {
            return;
        }
        // While somebody proves, there is one.
        let Ok(mut prover) = self.prover.try_lock() else { return };
        if prover.is_none() {
            match WorkerProcess::start(Kind::Full, &self.settings) {
                Ok(started) => *prover = Some(started),
                Err(error) => tracing::error!("the prover cannot be started: {error}"),
            }
        }
    }
}

/// Serves until SIGTERM or SIGINT.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let stop = stop_signals()?;
    prctl::set_child_subreaper(true)?;
    shared_memory::sweep();
    let server = Arc::new(Server {
        settings: Settings::find(&arguments.settings),
        max_request: arguments.max_request,
        modes: if arguments.no_proofs { &[] } else { MODES },
        prover: Mutex::new(None),
    });
    eprint!("{}", server.settings.describe());
    if let Some(warning) = server.settings.warning() {
        tracing::warn!("{warning}");
    }
    let path = arguments.socket.as_deref().context("--socket is missing")?;
    let socket = Socket::bind(path)?;
    if arguments.eager {
        server.prepare_prover();
    }
    eprintln!("listening at {}", path.display());
    let ended = accept_until(&stop, &socket.listener, &server);
    worker_process::end_all();
    ended
}

fn accept_until(
    stop: &SignalFd,
    listener: &UnixListener,
    server: &Arc<Server>,
) -> anyhow::Result<()> {
    loop {
        let mut waiting = [
            PollFd::new(stop.as_fd(), PollFlags::POLLIN),
            PollFd::new(listener.as_fd(), PollFlags::POLLIN),
        ];
        match poll(&mut waiting, PollTimeout::NONE) {
            Err(nix::Error::EINTR) => continue,
            result => result?,
        };
        if waiting[0].any().unwrap_or(false) {
            return Ok(());
        }
        match listener.accept() {
            Ok((client, _)) => {
                let server = server.clone();
                thread::spawn(move || Connection::new(&server, client).serve());
            }
            // Too many open files, say: that passes.
            Err(error) => tracing::error!("a connection was not accepted: {error}"),
        }
    }
}

/// SIGTERM and SIGINT as something to wait for, in this and every later thread.
fn stop_signals() -> nix::Result<SignalFd> {
    let mut signals = SigSet::empty();
    signals.add(Signal::SIGTERM);
    signals.add(Signal::SIGINT);
    signals.thread_block()?;
    SignalFd::new(&signals)
}

/// A socket that only this user can open, removed when dropped.
struct Socket {
    listener: UnixListener,
    path: PathBuf,
    /// Held as long as the socket: whoever has it may remove what it finds at `path`.
    _lock: File,
}

impl Socket {
    fn bind(path: &Path) -> anyhow::Result<Self> {
        let before = umask(stat::Mode::from_bits_truncate(0o177));
        let bound = Self::bind_private(path);
        umask(before);
        bound.with_context(|| format!("cannot listen at {}", path.display()))
    }

    fn bind_private(path: &Path) -> anyhow::Result<Self> {
        let mut lock = path.as_os_str().to_owned();
        lock.push(".lock");
        let lock = File::create(&lock)?;
        if lock.try_lock().is_err() {
            bail!("another server owns it");
        }
        remove_stale(path)?;
        let listener = UnixListener::bind(path)?;
        Ok(Self { listener, path: path.to_owned(), _lock: lock })
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Removes a socket that nobody listens at; anything else at `path` is an error.
fn remove_stale(path: &Path) -> anyhow::Result<()> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.into()),
        Ok(known) if !known.file_type().is_socket() => bail!("there is something else"),
        Ok(_) => {}
    }
    match UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            Ok(fs::remove_file(path)?)
        }
        Err(error) => Err(error.into()),
        Ok(_) => bail!("somebody listens there"),
    }
}
