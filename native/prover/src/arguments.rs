//! The command line.

use std::path::PathBuf;
use std::sync::LazyLock;

use clap::{Parser, ValueEnum};

/// What `--version` says: ours, SP1's, and what the proofs say they are.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let (sp1, circuits) = (sp1_primitives::SP1_CRATE_VERSION, sp1_sdk::SP1_CIRCUIT_VERSION);
    format!("{} (SP1 {sp1}, circuits {circuits})", env!("CARGO_PKG_VERSION"))
});

/// SP1's CPU prover, executor and verifier behind sp1-gpu-server's socket protocol.
#[derive(Debug, Parser)]
#[command(name = "sp1tee-prover", version = VERSION.as_str())]
pub struct Arguments {
    /// Where to listen: a Unix socket that only this user can open.
    #[arg(long, value_name = "PATH", required_unless_present = "worker")]
    pub socket: Option<PathBuf>,

    /// Build the prover at start instead of at the first Setup: a minute and 7 GB either way.
    #[arg(long)]
    pub eager: bool,

    /// Only set up, execute and verify: beside a GPU server, say, which does the proving.
    #[arg(long, conflicts_with = "eager")]
    pub no_proofs: bool,

    /// Replace a setting that was found, or add a variable of SP1's. Environment variables of the
    /// same name are taken too; this option goes first.
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = assignment)]
    pub settings: Vec<(String, String)>,

    /// The longest request taken, in bytes.
    #[arg(long, value_name = "BYTES", default_value_t = 1 << 30)]
    pub max_request: u32,

    /// Be a worker of a server, spoken to through standard input.
    #[arg(long, hide = true)]
    pub worker: Option<Kind>,
}

/// The two kinds of worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// Setup, Execute, Verify: ready in a second.
    Light,
    /// Proofs: ready in a minute, and large.
    Full,
}

fn assignment(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.into(), value.into())),
        _ => Err("expected NAME=VALUE".into()),
    }
}
