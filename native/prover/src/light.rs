//! The worker that sets programs up, runs them and verifies proofs.

mod execution;
mod verification;

use anyhow::Result;
use sha2::{Digest, Sha256};
use sp1_sdk::{Elf, LightProver, Prover, ProvingKey};
use sp1tee_protocol::{Request, Response};

use crate::worker::{Answer, Answering};

/// SP1's own executor and verifier. The tables for setup and verification are made when first
/// needed, in about a second.
#[derive(Default)]
pub struct Light {
    prover: Option<LightProver>,
}

impl Light {
    async fn prover(&mut self) -> LightProver {
        if self.prover.is_none() {
            self.prover = Some(LightProver::new().await);
        }
        self.prover.clone().expect("it has just been made")
    }

    async fn setup(&mut self, elf: &[u8]) -> Result<Response> {
        let proving_key = self.prover().await.setup(Elf::from(elf.to_vec())).await?;
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
            Request::Execute(run) => execution::execute(&run).await,
            Request::Verify(claim) => {
                let prover = self.prover().await;
                Answer::sound(Response::Verified(verification::refute(&prover, &claim)))
            }
            _ => Answer::sound(Response::InternalError("this worker does not do that".into())),
        }
    }
}
