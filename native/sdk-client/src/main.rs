//! The unmodified SP1 SDK as a program.
//!
//! What a Rust developer would write against the SDK, and nothing else, so that a server which
//! satisfies this program satisfies theirs. Results go to standard output, the SDK's logs and
//! errors to standard error; the exit code is 1 if the SDK returned an error.

mod local;
mod network;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{Parser, Subcommand, ValueEnum};
use sp1_sdk::{Elf, SP1ProofMode, SP1Stdin};

/// The unmodified SP1 SDK 6.10.0 as a program. STDIN files are bincode of `SP1Stdin`.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Prove through a server: `network_for(Reserved)` with the reserved strategy.
    Reserved(network::Request),
    /// Prove through a server: the same with `private_stdin(true)`.
    PrivateStdin(network::Request),
    /// Prove through a server: `hosted()`.
    Hosted(network::Request),
    /// Prove through a server: `network()`, which is an auction.
    Mainnet(network::Request),
    /// Prove with what `SP1_PROVER`, `NETWORK_RPC_URL` and `NETWORK_PRIVATE_KEY` say.
    Environment(network::Task),
    /// Prove with the CPU prover in this process, by the settings in the environment.
    Prove {
        #[command(flatten)]
        task: network::Task,
    },
    /// Run a program: cycles, gas, exit code, public values.
    Execute { elf: PathBuf, stdin: PathBuf },
    /// Set a program up: its `vk_hash`, the hash used on chain, and the key.
    Vk {
        elf: PathBuf,
        /// Write the key here.
        output: Option<PathBuf>,
    },
    /// Verify a saved proof.
    Verify { proof: PathBuf, elf: PathBuf },
}

/// The kinds of proof.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Mode {
    Core,
    Compressed,
    Plonk,
    Groth16,
}

impl From<Mode> for SP1ProofMode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Core => Self::Core,
            Mode::Compressed => Self::Compressed,
            Mode::Plonk => Self::Plonk,
            Mode::Groth16 => Self::Groth16,
        }
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    sp1_sdk::setup_logger();
    match Arguments::parse().command {
        Command::Reserved(request) => network::reserved(&request, false).await,
        Command::PrivateStdin(request) => network::reserved(&request, true).await,
        Command::Hosted(request) => network::hosted(&request).await,
        Command::Mainnet(request) => network::mainnet(&request).await,
        Command::Environment(task) => network::environment(&task).await,
        Command::Prove { task } => local::prove(&task).await,
        Command::Execute { elf, stdin } => local::execute(&elf, &stdin).await,
        Command::Vk { elf, output } => local::vk(&elf, output.as_deref()).await,
        Command::Verify { proof, elf } => local::verify(&proof, &elf).await,
    }
}

fn read_elf(path: &Path) -> Result<Elf> {
    Ok(Elf::from(read(path)?))
}

fn read_stdin(path: &Path) -> Result<SP1Stdin> {
    bincode::deserialize(&read(path)?)
        .with_context(|| format!("{} is not bincode of SP1Stdin", path.display()))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}
