//! A worker, as the server sees it.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::waitpid;
use nix::unistd::{Pid, getuid};
use sp1tee_protocol::{read_frame, write_frame};

use crate::arguments::Kind;
use crate::settings::Settings;
use crate::shared_memory;

/// The process groups of all running workers.
static GROUPS: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());

/// A running worker and the socket to it. Dropping it kills it and whatever it started.
pub struct WorkerProcess {
    child: Child,
    stream: UnixStream,
}

/// What a worker says: one byte, 0 if it can take another request, and the response.
pub struct Answer(Vec<u8>);

impl Answer {
    /// The response for the client.
    pub fn response(&self) -> &[u8] {
        &self.0[1..]
    }

    pub fn is_last(&self) -> bool {
        self.0[0] != 0
    }
}

/// Why there is no answer.
pub enum NoAnswer {
    /// The client hung up while it was being worked for.
    ClientLeft,
    /// The worker ended.
    WorkerEnded(String),
}

impl WorkerProcess {
    /// Starts one, in a process group of its own.
    pub fn start(kind: Kind, settings: &Settings) -> io::Result<Self> {
        let (ours, theirs) = UnixStream::pair()?;
        let name = match kind {
            Kind::Light => "light",
            Kind::Full => "full",
        };
        let mut groups = groups();
        let child = Command::new("/proc/self/exe")
            .arg0("sp1tee-prover")
            .args(["--worker", name])
            .envs(settings.variables())
            .env("TMPDIR", runner_folder()?)
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .process_group(0)
            .spawn()?;
        groups.insert(group_of(&child));
        Ok(Self { child, stream: ours })
    }

    /// Sends a request and waits for the answer, as long as `client` is there to hear it.
    pub fn ask(&mut self, request: &[&[u8]], client: &UnixStream) -> Result<Answer, NoAnswer> {
        if write_frame(&mut self.stream, request).is_err() {
            return Err(self.ended());
        }
        if !self.answers(client) {
            return Err(NoAnswer::ClientLeft);
        }
        match read_frame(&mut self.stream, u32::MAX) {
            Ok(Some(frame)) if !frame.is_empty() => Ok(Answer(frame)),
            _ => Err(self.ended()),
        }
    }

    /// Waits until the worker has something to say, or the client has gone.
    fn answers(&self, client: &UnixStream) -> bool {
        let mut waiting = [
            PollFd::new(self.stream.as_fd(), PollFlags::POLLIN),
            PollFd::new(client.as_fd(), PollFlags::empty()),
        ];
        while let Err(nix::Error::EINTR) = poll(&mut waiting, PollTimeout::NONE) {}
        waiting[0].any().unwrap_or(true)
    }

    /// The worker is gone: says how.
    fn ended(&mut self) -> NoAnswer {
        let text = match self.child.wait() {
            Ok(status) => describe(status),
            Err(error) => format!("was lost: {error}"),
        };
        NoAnswer::WorkerEnded(text)
    }
}

impl Drop for WorkerProcess {
    /// The group outlives its leader, so SP1's runner goes too; the server is the next parent of
    /// orphans, so it can wait for all of them.
    fn drop(&mut self) {
        let group = group_of(&self.child);
        end(group);
        groups().remove(&group);
        shared_memory::sweep();
    }
}

/// Ends every worker, and lets no other start before this process ends too.
pub fn end_all() {
    let groups = groups();
    groups.iter().copied().for_each(end);
    shared_memory::sweep();
    std::mem::forget(groups);
}

fn end(group: i32) {
    let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
    while matches!(waitpid(Pid::from_raw(-group), None), Ok(_) | Err(nix::Error::EINTR)) {}
}

fn groups() -> MutexGuard<'static, BTreeSet<i32>> {
    GROUPS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A worker leads its own group.
fn group_of(leader: &Child) -> i32 {
    leader.id().try_into().expect("Linux has no process numbers beyond 2^22")
}

fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (_, Some(signal)) if signal == Signal::SIGKILL as i32 => {
            "was killed, as a machine does that runs out of memory".into()
        }
        (_, Some(signal)) => format!("was ended by signal {signal}"),
        (code, _) => format!("ended with exit code {}", code.unwrap_or_default()),
    }
}

/// Where SP1 puts its runner, which it unpacks and then trusts to be its own.
///
/// In a folder that others can write to, they could put theirs there first; so it is a folder of
/// this user's alone.
fn runner_folder() -> io::Result<PathBuf> {
    let path = std::env::temp_dir().join(format!("sp1tee-prover-{}", getuid()));
    match fs::DirBuilder::new().mode(0o700).create(&path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let known = fs::symlink_metadata(&path)?;
    if known.is_dir() && known.uid() == getuid().as_raw() && known.mode() & 0o077 == 0 {
        return Ok(path);
    }
    let text = format!("{} belongs to somebody else; set TMPDIR to another folder", path.display());
    Err(io::Error::new(io::ErrorKind::PermissionDenied, text))
}
