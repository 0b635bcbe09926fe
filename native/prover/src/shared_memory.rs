//! What a killed execution leaves in `/dev/shm`.
//!
//! SP1's executor shares a guest's memory (`sp1_…_m`) and its trace (`sp1_…_t`, with two semaphores
//! `sem.sp1_…_t_…`) through POSIX shared memory, and removes the names when it ends. Killed, it
//! cannot: gigabytes that were made from somebody's input would stay until the next boot.

use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::libc;

const FOLDER: &str = "/dev/shm";

/// Removes what SP1 left behind: files of this user that no process has open.
///
/// Runs of other workers and other servers are left alone, whoever they belong to: a run without
/// its files fails, and one without its semaphores waits forever.
pub fn sweep() {
    for path in files_of_sp1("sp1_").filter(|path| is_abandoned(path)) {
        tracing::warn!("removing shared memory that a killed execution has left");
        remove(&path);
    }
    // A trace is made before its semaphores and removed before them.
    for path in files_of_sp1("sem.sp1_").filter(|path| !trace_of(path).exists()) {
        let _ = fs::remove_file(path);
    }
}

/// Removes the names of what this process has mapped; the memory goes when its last user does.
pub fn release_own() {
    let maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
    for line in maps.lines() {
        let Some(at) = line.find(FOLDER) else { continue };
        let path = Path::new(&line[at..]);
        if name_of(path).starts_with("sp1_") {
            remove(path);
        }
    }
}

/// Asks the kernel whether nobody has a file open; without an answer, somebody has.
///
/// SP1 opens these files for writing and keeps them open or mapped as long as it uses them, from
/// the call that makes them. A read lease is granted only where no process has the file open for
/// writing, in whichever container it runs; `/proc` would hide some of them.
fn is_abandoned(path: &Path) -> bool {
    File::open(path).is_ok_and(|file| may_lease(&file))
}

/// Takes a read lease, which ends when the file is closed.
fn may_lease(file: &File) -> bool {
    // SAFETY: fcntl with F_SETLEASE takes an open descriptor and a number, and touches no memory.
    #[allow(unsafe_code, reason = "no crate in use offers leases")]
    let result = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETLEASE, libc::F_RDLCK) };
    result == 0
}

/// Removes a file and its semaphores.
fn remove(path: &Path) {
    let _ = fs::remove_file(path);
    for semaphore in ["filled", "empty"] {
        let name = format!("sem.{}_{semaphore}", name_of(path));
        let _ = fs::remove_file(Path::new(FOLDER).join(name));
    }
}

/// The trace that a semaphore belongs to: `sem.sp1_…_t_filled` to `sp1_…_t`.
fn trace_of(semaphore: &Path) -> PathBuf {
    let name = name_of(semaphore);
    let name = name.strip_prefix("sem.").unwrap_or(&name);
    let name = name.rsplit_once('_').map_or(name, |(trace, _)| trace);
    Path::new(FOLDER).join(name)
}

/// Files of this user with such a name.
fn files_of_sp1(prefix: &str) -> impl Iterator<Item = PathBuf> {
    let user = nix::unistd::getuid().as_raw();
    let entries = fs::read_dir(FOLDER).into_iter().flatten().flatten();
    entries
        .filter(move |entry| entry.metadata().is_ok_and(|known| known.uid() == user))
        .map(|entry| entry.path())
        .filter(move |path| name_of(path).starts_with(prefix))
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_semaphore_belongs_to_its_trace() {
        let semaphore = Path::new("/dev/shm/sem.sp1_a_b-c==_t_filled");
        assert_eq!(trace_of(semaphore), Path::new("/dev/shm/sp1_a_b-c==_t"));
    }
}
