//! What a killed execution leaves in `/dev/shm`.
//!
//! SP1's executor shares a guest's memory (`sp1_…_m`) and its trace (`sp1_…_t`, with semaphores)
//! through POSIX shared memory, and removes the names when it ends. Killed, it cannot: gigabytes
//! that were made from somebody's input would stay until the next boot.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

const FOLDER: &str = "/dev/shm";

/// Removes what SP1 left behind: files of this user that no process has mapped.
///
/// Whoever makes one maps it at once, so one that is in use is always mapped; but a process of
/// another user's, or one that refuses dumps as ours do, shows its maps to root alone. Without
/// root, a run of another worker may lose a file between its making and the start of its runner;
/// it then fails, as one stopped by the machine.
pub fn sweep() {
    let left: Vec<PathBuf> = leftovers().collect();
    if left.is_empty() {
        return;
    }
    let mapped = all_maps();
    for path in left.iter().filter(|path| !mapped.contains(&*path.to_string_lossy())) {
        tracing::warn!("removing shared memory that a killed execution has left");
        remove(path);
    }
}

/// Removes the names of what this process has mapped; the memory goes when its last user does.
pub fn release_own() {
    let maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
    for line in maps.lines() {
        let Some(at) = line.find(FOLDER) else { continue };
        let path = Path::new(&line[at..]);
        if is_of_sp1(path) {
            remove(path);
        }
    }
}

fn is_of_sp1(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("sp1_"))
}

/// Removes a file and its semaphores, whose own names no process shows as mapped.
fn remove(path: &Path) {
    let _ = fs::remove_file(path);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    for semaphore in ["filled", "empty"] {
        let _ = fs::remove_file(Path::new(FOLDER).join(format!("sem.{name}_{semaphore}")));
    }
}

fn leftovers() -> impl Iterator<Item = PathBuf> {
    let user = nix::unistd::getuid().as_raw();
    let entries = fs::read_dir(FOLDER).into_iter().flatten().flatten();
    entries
        .filter(move |entry| entry.metadata().is_ok_and(|known| known.uid() == user))
        .map(|entry| entry.path())
        .filter(|path| is_of_sp1(path))
}

/// `/proc/*/maps` of every process that may be read, in one text.
fn all_maps() -> String {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    processes.filter_map(|process| fs::read_to_string(process.path().join("maps")).ok()).collect()
}
