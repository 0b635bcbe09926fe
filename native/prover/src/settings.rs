//! SP1's settings for the machine at hand.
//!
//! SP1 reads them from environment variables and does not look at the machine itself; its defaults
//! want some 100 GB. These are chosen here, at start, and given to the workers.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::thread::available_parallelism;

const GIB: u64 = 1 << 30;

/// Environment variables for the workers, and where each comes from.
#[derive(Debug)]
pub struct Settings {
    values: BTreeMap<String, (String, Origin)>,
    machine: Machine,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    Found,
    Environment,
    Flag,
}

/// What the settings are chosen by.
#[derive(Debug, Clone, Copy)]
struct Machine {
    cores: u64,
    /// Bytes that this process group may use: the machine's, or its container's if less.
    memory: u64,
}

impl Settings {
    /// Looks at the machine; the environment goes before what is found, `flags` before both.
    pub fn find(flags: &[(String, String)]) -> Self {
        let machine = Machine::look();
        let mut values = BTreeMap::new();
        for (name, value) in machine.settings() {
            let chosen = match std::env::var(name) {
                Ok(set) => (set, Origin::Environment),
                Err(_) => (value.to_string(), Origin::Found),
            };
            values.insert(name.to_owned(), chosen);
        }
        for (name, value) in flags {
            values.insert(name.clone(), (value.clone(), Origin::Flag));
        }
        Self { values, machine }
    }

    /// For a worker's environment.
    pub fn variables(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values.iter().map(|(name, (value, _))| (name.as_str(), value.as_str()))
    }

    /// `NAME=value` lines, each with its origin if it was not found.
    pub fn describe(&self) -> String {
        let Machine { cores, memory } = self.machine;
        let mut text = format!("# {cores} cores, {} GiB of memory\n", memory / GIB);
        for (name, (value, origin)) in &self.values {
            let origin = match origin {
                Origin::Found => "",
                Origin::Environment => "  # from the environment",
                Origin::Flag => "  # from --set",
            };
            let _ = writeln!(text, "{name}={value}{origin}");
        }
        text
    }

    /// What an operator should know before the first proof.
    pub fn warning(&self) -> Option<String> {
        let memory = self.machine.memory / GIB;
        (memory < 16).then(|| {
            format!("{memory} GiB of memory: a core proof takes 9 GB, a compressed one 15 GB")
        })
    }
}

impl Machine {
    fn look() -> Self {
        let cores = available_parallelism().map_or(1, |cores| cores.get() as u64);
        let container = fs::read_to_string("/sys/fs/cgroup/memory.max");
        let limit = container.ok().and_then(|text| text.trim().parse().ok()).unwrap_or(u64::MAX);
        Self { cores, memory: physical_memory().unwrap_or(16 * GIB).min(limit) }
    }

    /// Below 64 GiB: one of everything and shards of a sixth of SP1's size, which was measured on
    /// 2 cores and 24 GiB. Above, by SP1's sizes (a default shard takes 8 GB, four at once), not
    /// measured. The guest's share of memory is a sixth, at least 2 GiB.
    fn settings(self) -> Vec<(&'static str, u64)> {
        let (workers, cells, rows, events) = match self.memory / GIB {
            0..64 => (1, 1 << 26, 1 << 20, 1 << 21),
            64..128 => (2, 1 << 27, 1 << 21, 1 << 22),
            _ => (4, (1 << 28) + (1 << 27), 1 << 22, 1 << 24),
        };
        let mut settings = vec![
            ("ELEMENT_THRESHOLD", cells),
            ("HEIGHT_THRESHOLD", rows),
            ("SHARD_SIZE", events),
            ("MEMORY_LIMIT", (self.memory / 6).max(2 * GIB)),
            ("RAYON_NUM_THREADS", self.cores),
        ];
        settings.extend(WORKER_COUNTS.map(|name| (name, workers)));
        settings
    }
}

/// Everything in SP1 that multiplies the memory of a proof (`sp1-prover-6.10.0/src/worker/config.rs`).
const WORKER_COUNTS: [&str; 16] = [
    "SP1_WORKER_CORE_BUFFER_SIZE",
    "SP1_WORKER_DEFERRED_BUFFER_SIZE",
    "SP1_WORKER_NUMBER_OF_SEND_SPLICE_WORKERS_PER_SPLICE",
    "SP1_WORKER_NUM_CORE_WORKERS",
    "SP1_WORKER_NUM_DEFERRED_WORKERS",
    "SP1_WORKER_NUM_PREPARE_REDUCE_WORKERS",
    "SP1_WORKER_NUM_RECURSION_EXECUTOR_WORKERS",
    "SP1_WORKER_NUM_RECURSION_PROVER_WORKERS",
    "SP1_WORKER_NUM_SETUP_WORKERS",
    "SP1_WORKER_NUM_SPLICING_WORKERS",
    "SP1_WORKER_PREPARE_REDUCE_BUFFER_SIZE",
    "SP1_WORKER_RECURSION_EXECUTOR_BUFFER_SIZE",
    "SP1_WORKER_RECURSION_PROVER_BUFFER_SIZE",
    "SP1_WORKER_SEND_SPLICE_INPUT_BUFFER_SIZE_PER_SPLICE",
    "SP1_WORKER_SETUP_BUFFER_SIZE",
    "SP1_WORKER_SPLICING_BUFFER_SIZE",
];

/// `MemTotal` of `/proc/meminfo`.
fn physical_memory() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let kilobytes = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    Some(kilobytes.trim().trim_end_matches(" kB").parse::<u64>().ok()? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(gib: u64, name: &str) -> u64 {
        let machine = Machine { cores: 2, memory: gib * GIB };
        machine.settings().into_iter().find(|(known, _)| *known == name).unwrap().1
    }

    #[test]
    fn a_small_machine_proves_one_small_shard_at_a_time() {
        assert_eq!(value(24, "ELEMENT_THRESHOLD"), 67_108_864);
        assert_eq!(value(24, "SP1_WORKER_NUM_CORE_WORKERS"), 1);
        assert_eq!(value(24, "MEMORY_LIMIT"), 4 * GIB);
    }

    #[test]
    fn no_machine_raises_what_sp1_forbids_to_raise() {
        assert_eq!(value(1024, "ELEMENT_THRESHOLD"), 402_653_184);
        assert_eq!(value(1024, "HEIGHT_THRESHOLD"), 4_194_304);
    }

    #[test]
    fn a_flag_goes_before_what_is_found() {
        let flags = [("SHARD_SIZE".to_owned(), "7".to_owned())];
        let settings = Settings::find(&flags);
        assert!(settings.variables().any(|pair| pair == ("SHARD_SIZE", "7")));
        assert!(settings.describe().contains("SHARD_SIZE=7  # from --set"));
    }
}
