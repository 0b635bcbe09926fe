//! The worker that proves.

use std::sync::Arc;

use anyhow::{Context, anyhow};
use sp1_prover::worker::{SP1LocalNode, SP1LocalNodeBuilder, cpu_worker_builder};
use sp1_prover_types::network_base_types::ProofMode;
use sp1_sdk::{SP1Context, SP1Stdin};
use sp1tee_protocol::{Mode, Request, Response};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use crate::worker::{Answer, Answering};

/// The CPU prover, while it is built and afterwards.
pub struct Full {
    building: Option<JoinHandle<anyhow::Result<SP1LocalNode>>>,
    node: Option<Arc<SP1LocalNode>>,
}

impl Full {
    /// Starts building at once: it takes a minute, and the first request is already on its way.
    pub fn start(runtime: &Runtime) -> Self {
        let building = runtime.spawn(async {
            SP1LocalNodeBuilder::from_worker_client_builder(cpu_worker_builder()).build().await
        });
        Self { building: Some(building), node: None }
    }

    async fn node(&mut self) -> anyhow::Result<Arc<SP1LocalNode>> {
        if let Some(building) = self.building.take() {
            self.node = Some(Arc::new(building.await??));
        }
        self.node.clone().ok_or_else(|| anyhow!("the prover could not be built"))
    }

    async fn prove(&mut self, mode: Mode, elf: &[u8], input: &[u8]) -> anyhow::Result<Vec<u8>> {
        let (stdin, nonce): (SP1Stdin, [u32; 4]) =
            bincode::deserialize(input).context("the input is not an SP1Stdin and a nonce")?;
        let context = SP1Context::builder().proof_nonce(nonce).build();
        let node = self.node().await?;
        let proof = node.prove_with_mode(elf, stdin, context, numbered(mode)).await?;
        Ok(bincode::serialize(&proof)?)
    }
}

impl Answering for Full {
    /// After a failure SP1's tasks may still hold on to the proof that failed, so another process
    /// makes the next one.
    async fn answer(&mut self, request: Request<'_>) -> Answer {
        let Request::ProveProgram { mode, elf, input } = request else {
            return Answer::sound(Response::InternalError("this worker only proves".into()));
        };
        match self.prove(mode, elf, input).await {
            Ok(proof) => Answer::sound(Response::Proof(proof)),
            Err(error) => Answer::last(Response::ProverError(format!("{error:#}"))),
        }
    }
}

fn numbered(mode: Mode) -> ProofMode {
    match mode {
        Mode::Core => ProofMode::Core,
        Mode::Compressed => ProofMode::Compressed,
        Mode::Plonk => ProofMode::Plonk,
        Mode::Groth16 => ProofMode::Groth16,
    }
}
