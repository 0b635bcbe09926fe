//! The worker that sets programs up, runs them and verifies proofs.

mod execution;
mod program;
mod verification;

use anyhow::{Result, anyhow};
use sha2::{Digest, Sha256};
use sp1_sdk::{Elf, LightProver, Prover, ProvingKey};
use sp1tee_protocol::{Request, Response};

use crate::worker::{Answer, Answering};

/// SP1's own executor and verifier.
pub struct Light {
    prover: LightProver,
}

impl Light {
    /// Makes the tables for setup, runs and verification: half a second.
    pub async fn start() -> Self {
        Self { prover: LightProver::new().await }
    }

    async fn setup(&self, elf: &[u8]) -> Result<Response> {
        program::check_size(elf).map_err(|why| anyhow!(why))?;
        let proving_key = self.prover.setup(Elf::from(elf.to_vec())).await?;
        let vk = bincode::serialize(proving_key.verifying_key())?;
        Ok(Response::Setup { key: Sha256::digest(elf).into(), vk })
    }
}

impl Answering for Light {
    async fn answer(&mut self, request: Request<'_>) -> Answer {
        match request {
            Request::Setup { elf } => Answer::sound(
                self.setup(elf)
                    .await
                    .unwrap_or_else(|error| Response::InternalError(format!("{error:#}"))),
            ),
            Request::Execute(run) => execution::execute(&self.prover, &run).await,
            Request::Verify(claim) => {
                Answer::sound(Response::Verified(verification::refute(&self.prover, &claim)))
            }
            _ => Answer::sound(Response::InternalError("this worker does not do that".into())),
        }
    }
}
