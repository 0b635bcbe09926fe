//! Proofs through a server.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use clap::Args;
use sp1_sdk::network::builder::NetworkProverBuilder;
use sp1_sdk::network::{FulfillmentStrategy, NetworkBearerToken, NetworkMode};
use sp1_sdk::{ProveRequest, Prover, ProverClient, ProvingKey, SP1ProofWithPublicValues};

use crate::{Mode, read_elf, read_stdin};

/// Who signs if `NETWORK_PRIVATE_KEY` is not set: an address nobody else will use.
const TEST_KEY: &str = "1111111111111111111111111111111111111111111111111111111111111111";

/// What is to be proved.
#[derive(Debug, Args)]
pub struct Task {
    pub elf: PathBuf,
    pub stdin: PathBuf,
    pub mode: Mode,
    /// Save the proof here, as the SDK does.
    #[arg(long)]
    pub output: Option<PathBuf>,
}

/// What is to be proved, where. `SP1TEE_TOKEN` is sent as bearer token if it is set.
#[derive(Debug, Args)]
pub struct Request {
    url: String,
    #[command(flatten)]
    task: Task,
    /// How long the proof may take.
    #[arg(default_value_t = 600)]
    seconds: u64,
    /// Don't simulate first. Implied by both limits.
    #[arg(long)]
    skip_simulation: bool,
    #[arg(long)]
    cycle_limit: Option<u64>,
    #[arg(long)]
    gas_limit: Option<u64>,
}

pub async fn reserved(request: &Request, private_stdin: bool) -> Result<()> {
    let builder = ProverClient::builder().network_for(NetworkMode::Reserved);
    prove(request, builder, |proof| {
        proof.strategy(FulfillmentStrategy::Reserved).private_stdin(private_stdin)
    })
    .await
}

pub async fn hosted(request: &Request) -> Result<()> {
    prove(request, ProverClient::builder().hosted(), |proof| proof).await
}

pub async fn mainnet(request: &Request) -> Result<()> {
    prove(request, ProverClient::builder().network(), |proof| proof).await
}

/// The client that takes everything from its environment.
pub async fn environment(task: &Task) -> Result<()> {
    let client = ProverClient::from_env().await;
    let key = client.setup(read_elf(&task.elf)?).await?;
    let start = Instant::now();
    let proof = client.prove(&key, read_stdin(&task.stdin)?).mode(task.mode.into()).await?;
    report(&client, &key, &proof, start, task)
}

type NetworkProof<'a> = sp1_sdk::network::prove::NetworkProveBuilder<'a>;

async fn prove(
    request: &Request,
    builder: NetworkProverBuilder,
    dialect: impl for<'a> FnOnce(NetworkProof<'a>) -> NetworkProof<'a>,
) -> Result<()> {
    let key = std::env::var("NETWORK_PRIVATE_KEY").unwrap_or_else(|_| TEST_KEY.into());
    let mut builder = builder.rpc_url(&request.url).private_key(&key);
    if let Ok(token) = std::env::var("SP1TEE_TOKEN") {
        builder = builder.bearer_token(NetworkBearerToken::new(token)?);
    }
    let client = builder.build().await;
    let task = &request.task;
    let key = client.setup(read_elf(&task.elf)?).await?;
    let start = Instant::now();
    let mut proof = dialect(client.prove(&key, read_stdin(&task.stdin)?))
        .mode(task.mode.into())
        .skip_simulation(request.skip_simulation)
        .timeout(Duration::from_secs(request.seconds));
    if let Some(limit) = request.cycle_limit {
        proof = NetworkProof::cycle_limit(proof, limit);
    }
    if let Some(limit) = request.gas_limit {
        proof = proof.gas_limit(limit);
    }
    report(&client, &key, &proof.await?, start, task)
}

/// Says what came, saves it, and says what the SDK's `verify` thinks of it.
pub fn report<P: Prover>(
    client: &P,
    key: &P::ProvingKey,
    proof: &SP1ProofWithPublicValues,
    start: Instant,
    task: &Task,
) -> Result<()> {
    println!(
        "proof in {:.1?}: {} bytes, version {}, public_values {}",
        start.elapsed(),
        bincode::serialized_size(proof)?,
        proof.sp1_version,
        hex::encode(proof.public_values.as_slice()),
    );
    if let Some(path) = &task.output {
        proof.save(path).map_err(|error| anyhow!("cannot save {}: {error}", path.display()))?;
    }
    match client.verify(proof, key.verifying_key(), None) {
        Ok(()) => println!("verified"),
        Err(error) => println!("not verified: {error}"),
    }
    Ok(())
}
