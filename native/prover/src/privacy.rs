//! What keeps an input from leaving a process by accident.

use nix::sys::prctl;
use nix::sys::resource::{Resource, setrlimit};

/// No core dumps, and no debugger of the same user.
///
/// Holds for this program's processes. SP1's runner, which executes the guest, is a program of its
/// own: SP1 starts it without core dumps, but a debugger can attach to it.
pub fn refuse_dumps() -> nix::Result<()> {
    setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
    prctl::set_dumpable(false)
}
