//! What a killed execution leaves in `/dev/shm`.
//!
//! SP1's executor shares the guest's memory and its trace through POSIX shared memory, named
//! `sp1_…`, and removes the names when it ends. Killed, it cannot: gigabytes that were made from
//! somebody's input would stay until the next boot.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

const FOLDER: &str = "/dev/shm";

/// Removes what SP1 left behind: files of this user that no process has mapped.
///
/// A run of another worker that is just starting may lose a file it has not mapped yet; it then
/// fails as one stopped by the machine, and can be repeated.
pub fn sweep() {
    let left: Vec<PathBuf> = leftovers(Path::new(FOLDER)).collect();
    if left.is_empty() {
        return;
    }
    let mapped = all_maps();
    for path in left.into_iter().filter(|path| !mapped.contains(&*path.to_string_lossy())) {
        if fs::remove_file(&path).is_ok() {
            tracing::warn!("removed shared memory that a killed execution had left");
        }
    }
}

/// Removes the names of what this process has mapped; the memory goes when its last user does.
pub fn release_own() {
    let maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
    for path in maps.lines().filter_map(|line| line.find(FOLDER).map(|at| &line[at..])) {
        if Path::new(path).file_name().is_some_and(|name| is_of_sp1(&name.to_string_lossy())) {
            let _ = fs::remove_file(path);
        }
    }
}

fn is_of_sp1(name: &str) -> bool {
    name.starts_with("sp1_") || name.starts_with("sem.sp1_")
}

fn leftovers(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let user = nix::unistd::getuid().as_raw();
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter(|entry| is_of_sp1(&entry.file_name().to_string_lossy()))
        .filter(move |entry| entry.metadata().is_ok_and(|known| known.uid() == user))
        .map(|entry| entry.path())
}

/// `/proc/*/maps` of every process that may be read, in one text.
fn all_maps() -> String {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    processes.filter_map(|process| fs::read_to_string(process.path().join("maps")).ok()).collect()
}
