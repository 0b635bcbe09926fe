//! Logs: to standard error, quiet, and never with anybody's data.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::{EnvFilter, filter_fn};
use tracing_subscriber::prelude::*;

/// Starts logging by `RUST_LOG`, `warn` by default.
///
/// Whatever `RUST_LOG` says, SP1 itself is heard from `warn` upwards only: it logs public values
/// at `info` and what guests print at `debug`.
pub fn start() {
    let wanted =
        EnvFilter::builder().with_default_directive(LevelFilter::WARN.into()).from_env_lossy();
    let ours_or_grave = filter_fn(|event| {
        event.target().starts_with("sp1tee_prover") || *event.level() <= tracing::Level::WARN
    });
    tracing_subscriber::registry()
        .with(wanted)
        .with(ours_or_grave)
        .with(tracing_subscriber::fmt::layer().with_writer(std::io::stderr).compact())
        .init();
}
