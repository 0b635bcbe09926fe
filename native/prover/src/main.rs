//! `sp1tee-prover`: SP1's CPU prover, executor and verifier behind a Unix socket.
//!
//! Three kinds of process run this program. The *server* owns the socket, reads frames and passes
//! them on; it never calls SP1, so no program, input or proof can bring it down. A *light* worker
//! per connection answers Setup, Execute and Verify. One *full* worker holds the CPU prover. A
//! worker that panics, fails or is killed ends with the request that did it, and the next request
//! starts another. Catching panics inside one process would not do: SP1's prover runs on tasks and
//! thread pools of its own, which stay broken after one, and its executor's children outlive it.

mod arguments;
mod connection;
mod light;
mod logging;
mod privacy;
mod proving;
mod server;
mod settings;
mod shared_memory;
mod worker;
mod worker_process;

use clap::Parser;

fn main() -> anyhow::Result<()> {
    let arguments = arguments::Arguments::parse();
    privacy::refuse_dumps()?;
    logging::start();
    match arguments.worker {
        Some(kind) => worker::run(kind),
        None => server::run(&arguments),
    }
}
