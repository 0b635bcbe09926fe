//! Runs of a guest in SP1's executor, which puts each into a process of its own.

use std::sync::Arc;
use std::time::Duration;

use sp1_core_executor::{ExecutionError, OutputConsumers, Program, SP1CoreOpts};
use sp1_prover::worker::{SP1ExecutorConfig, execute_with_options_and_machine};
use sp1_sdk::{ExecutionReport, LightProver, Prover, SP1Context, SP1PublicValues, SP1Stdin};
use sp1tee_protocol::{Execute, Executed, Outcome, Response};
use tokio::sync::watch;

use crate::light::program::check_size;
use crate::worker::{Answer, on_panic};

/// The prover network's `ExecuteFailureCause`.
mod cause {
    pub const UNSPECIFIED: u32 = 0;
    pub const HALT_WITH_NON_ZERO_EXIT_CODE: u32 = 1;
    pub const INVALID_MEMORY_ACCESS: u32 = 2;
    pub const UNSUPPORTED_SYSCALL: u32 = 3;
    pub const BREAKPOINT: u32 = 4;
    pub const EXCEEDED_CYCLE_LIMIT: u32 = 5;
    pub const INVALID_SYSCALL_USAGE: u32 = 6;
    pub const UNIMPLEMENTED: u32 = 7;
    pub const END_IN_UNCONSTRAINED: u32 = 8;
    pub const EXCEEDED_GAS_LIMIT: u32 = 9;
}

/// Runs a program within its limits.
///
/// A run that is broken off leaves SP1's threads and the guest's process behind, so the worker
/// ends with it.
pub async fn execute(prover: &LightProver, run: &Execute<'_>) -> Answer {
    on_panic(panicked);
    let output = GuestOutput::default();
    let time = Duration::from_millis(run.time_limit);
    let ended = tokio::time::timeout(time, run_guest(prover, run, output.consumers())).await;
    let (mut executed, last) = match ended {
        Ok(Ok(ended)) => (judge(run, &ended), false),
        Ok(Err(failure)) => (failure, true),
        Err(_) => (out_of_time(run.time_limit), true),
    };
    (executed.stdout, executed.stderr) = output.take();
    Answer { response: Response::Executed(executed), last }
}

async fn run_guest(
    prover: &LightProver,
    run: &Execute<'_>,
    output: OutputConsumers,
) -> Result<Ended, Executed> {
    let fault = |text: String| Executed::failure(Outcome::Failed, cause::UNSPECIFIED, text);
    let stdin: SP1Stdin = bincode::deserialize(run.stdin)
        .map_err(|_| fault("The input is not an SP1Stdin.".into()))?;
    check_size(run.elf).map_err(|why| fault(format!("SP1 cannot load the program: {why}")))?;
    let program = Program::from(run.elf)
        .map_err(|error| fault(format!("SP1 cannot load the program: {error}")))?;
    let mut context = SP1Context::builder().build();
    context.output_consumers = output;
    // SP1 stops at the limit; the request allows it to be reached.
    context.max_cycles = run.cycle_limit.checked_add(1);
    // A machine takes half a second to make, so the prover's is used.
    let ran = execute_with_options_and_machine(
        Arc::new(program),
        stdin,
        context,
        SP1CoreOpts::default(),
        SP1ExecutorConfig::default(),
        prover.inner().machine().clone(),
    );
    match ran.await {
        Ok((values, digest, report)) => Ok(Ended { values, digest, report }),
        Err(error) => Err(explain(&error)),
    }
}

/// A run that came to its end.
struct Ended {
    values: SP1PublicValues,
    /// What the program committed to.
    digest: [u8; 32],
    report: ExecutionReport,
}

/// Did it end well, and within its limits? SP1 would prove it either way.
fn judge(run: &Execute<'_>, Ended { values, digest, report }: &Ended) -> Executed {
    let cycles = report.total_instruction_count();
    let gas = report.gas().unwrap_or_default();
    let (cause, text) = if report.exit_code != 0 {
        let text = format!("The program ended with exit code {}.", report.exit_code);
        (cause::HALT_WITH_NON_ZERO_EXIT_CODE, text)
    } else if cycles > run.cycle_limit {
        let text = format!("The program needs {cycles} cycles, more than {}.", run.cycle_limit);
        (cause::EXCEEDED_CYCLE_LIMIT, text)
    } else if gas > run.gas_limit {
        let text = format!("The program needs {gas} gas, more than {}.", run.gas_limit);
        (cause::EXCEEDED_GAS_LIMIT, text)
    } else if values.hash() != digest && values.blake3_hash() != digest {
        let text = "The program did not commit to the public values it wrote.";
        (cause::UNSPECIFIED, text.into())
    } else {
        (cause::UNSPECIFIED, String::new())
    };
    let outcome = if text.is_empty() { Outcome::Completed } else { Outcome::Failed };
    Executed {
        exit_code: report.exit_code,
        cycles,
        gas,
        public_values: values.to_vec(),
        ..Executed::failure(outcome, cause, text)
    }
}

/// A run that SP1 gave up: whose fault was it?
fn explain(error: &anyhow::Error) -> Executed {
    let Some(known) = error.downcast_ref::<ExecutionError>() else {
        return Executed::failure(Outcome::Failed, cause::UNSPECIFIED, sentence(error));
    };
    let (outcome, cause) = match known {
        ExecutionError::InvalidMemoryAccess(..)
        | ExecutionError::InvalidMemoryAccessUntrustedProgram(_) => {
            (Outcome::Failed, cause::INVALID_MEMORY_ACCESS)
        }
        ExecutionError::UnsupportedSyscall(_) => (Outcome::Failed, cause::UNSUPPORTED_SYSCALL),
        ExecutionError::Breakpoint() => (Outcome::Failed, cause::BREAKPOINT),
        ExecutionError::ExceededCycleLimit(_) => (Outcome::Failed, cause::EXCEEDED_CYCLE_LIMIT),
        ExecutionError::InvalidSyscallUsage(_) => (Outcome::Failed, cause::INVALID_SYSCALL_USAGE),
        ExecutionError::Unimplemented() => (Outcome::Failed, cause::UNIMPLEMENTED),
        ExecutionError::EndInUnconstrained() => (Outcome::Failed, cause::END_IN_UNCONSTRAINED),
        ExecutionError::ChildKilled() => (Outcome::Stopped, cause::UNSPECIFIED),
        ExecutionError::Other(text) if is_of_the_machine(text) => {
            (Outcome::Stopped, cause::UNSPECIFIED)
        }
        _ => (Outcome::Failed, cause::UNSPECIFIED),
    };
    let text = match known {
        ExecutionError::ExceededCycleLimit(limit) => {
            format!("The program needs more than {} cycles.", limit - 1)
        }
        ExecutionError::TooMuchMemory() | ExecutionError::KilledByMemoryMonitor(_) => {
            "The program needs more memory than it may use here.".into()
        }
        ExecutionError::Other(text) if text.contains("signal: 6,") => {
            "SP1's executor gave the program up, as it does for a system call that it does not \
             know or that is misused."
                .into()
        }
        _ => sentence(known),
    };
    Executed::failure(outcome, cause, text)
}

/// The runner could not be started, or fell to a signal that no program can raise: SIGBUS is how a
/// full `/dev/shm` shows.
fn is_of_the_machine(text: &str) -> bool {
    text.contains("failed to spawn")
        || text.contains("signal: Some(7)")
        || text.contains("signal: 7,")
}

fn sentence(error: impl std::fmt::Display) -> String {
    format!("SP1's executor stopped: {error:#}.")
}

fn out_of_time(limit: u64) -> Executed {
    let text = format!("The program ran for longer than {limit} ms, its limit here.");
    Executed::failure(Outcome::Stopped, cause::UNSPECIFIED, text)
}

/// SP1 panics on some programs instead of refusing them; on a machine without shared memory too.
fn panicked(place: String) -> Response {
    let of_the_machine = place.contains("executor-runner") || place.contains("/shm.rs");
    let outcome = if of_the_machine { Outcome::Stopped } else { Outcome::Failed };
    Response::Executed(Executed::failure(outcome, cause::UNSPECIFIED, place))
}

/// Catches what the guest prints, which otherwise goes to a log: SP1 keeps the last 2 KiB of each.
struct GuestOutput {
    stdout: watch::Receiver<String>,
    stderr: watch::Receiver<String>,
    consumers: OutputConsumers,
}

impl Default for GuestOutput {
    fn default() -> Self {
        let (stdout_in, stdout) = watch::channel(String::new());
        let (stderr_in, stderr) = watch::channel(String::new());
        let consumers = OutputConsumers { stdout: Some(stdout_in), stderr: Some(stderr_in) };
        Self { stdout, stderr, consumers }
    }
}

impl GuestOutput {
    fn consumers(&self) -> OutputConsumers {
        self.consumers.clone()
    }

    fn take(&self) -> (String, String) {
        (self.stdout.borrow().clone(), self.stderr.borrow().clone())
    }
}
