//! What the SDK does without a server.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result};
use sp1_sdk::{
    HashableKey, ProveRequest, Prover, ProverClient, ProvingKey, SP1ProofWithPublicValues,
};

use crate::network::{Task, report};
use crate::{read_elf, read_stdin};

pub async fn prove(task: &Task) -> Result<()> {
    let start = Instant::now();
    let client = ProverClient::builder().cpu().build().await;
    println!("prover ready after {:.1?}", start.elapsed());
    let start = Instant::now();
    let key = client.setup(read_elf(&task.elf)?).await?;
    println!("set up in {:.1?}", start.elapsed());
    let start = Instant::now();
    let proof = client.prove(&key, read_stdin(&task.stdin)?).mode(task.mode.into()).await?;
    report(&client, &key, &proof, start, task)
}

pub async fn execute(elf: &Path, stdin: &Path) -> Result<()> {
    let client = ProverClient::builder().light().build().await;
    let start = Instant::now();
    let (values, report) = client.execute(read_elf(elf)?, read_stdin(stdin)?).await?;
    println!(
        "cycles {} gas {} exit {} public_values {} in {:.3?}",
        report.total_instruction_count(),
        report.gas().context("the SDK calculated no gas")?,
        report.exit_code,
        hex::encode(values.as_slice()),
        start.elapsed(),
    );
    Ok(())
}

pub async fn vk(elf: &Path, output: Option<&Path>) -> Result<()> {
    let client = ProverClient::builder().light().build().await;
    let key = client.setup(read_elf(elf)?).await?;
    let vk = key.verifying_key();
    let bytes = bincode::serialize(vk)?;
    println!("vk_hash {}", hex::encode(vk.hash_bytes()));
    println!("bytes32 {}", vk.bytes32());
    println!("vk {}", hex::encode(&bytes));
    if let Some(path) = output {
        std::fs::write(path, &bytes).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// Fails unless the proof holds.
pub async fn verify(proof: &Path, elf: &Path) -> Result<()> {
    let client = ProverClient::builder().light().build().await;
    let key = client.setup(read_elf(elf)?).await?;
    let proof = SP1ProofWithPublicValues::load(proof)?;
    let vk = key.verifying_key();
    client.verify(&proof, vk, None).context("not verified")?;
    println!(
        "verified vk_hash {} public_values {}",
        hex::encode(vk.hash_bytes()),
        hex::encode(proof.public_values.as_slice()),
    );
    Ok(())
}
