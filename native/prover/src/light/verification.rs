//! Is a proof true? SP1's SDK answers.

use sp1_sdk::{LightProver, ProofFromNetwork, Prover, SP1ProofWithPublicValues, SP1VerifyingKey};
use sp1tee_protocol::Verify;

/// Why the proof does not prove what is claimed; `None` if it does.
///
/// The claim: the program of this key ends with exit code 0 and these public values.
pub fn refute(prover: &LightProver, claim: &Verify<'_>) -> Option<String> {
    verify(prover, claim).err()
}

fn verify(prover: &LightProver, claim: &Verify<'_>) -> Result<(), String> {
    let vk: SP1VerifyingKey = bincode::deserialize(claim.vk)
        .map_err(|error| format!("the verifying key cannot be read: {error}"))?;
    let proof: ProofFromNetwork = bincode::deserialize(claim.proof)
        .map_err(|error| format!("the proof cannot be read: {error}"))?;
    if proof.public_values.as_slice() != claim.public_values {
        return Err("the proof comes with other public values".into());
    }
    prover
        .verify(&SP1ProofWithPublicValues::from(proof), &vk, None)
        .map_err(|error| error.to_string())
}
