//! Sends prepared gRPC messages to one method, many at a time, and prints one line of JSON.
//!
//! The messages come ready from a file (u32 little-endian length, then the bytes, repeated), so this
//! program knows nothing of any protocol and spends its time on the transport alone.
use bytes::{Buf, BufMut, Bytes};
use clap::{Parser, ValueEnum};
use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
    time::{Duration, Instant},
};
use tokio::time::{interval_at, Interval};
use tonic::{
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    transport::{Channel, Endpoint},
    Code, Request, Status,
};

#[derive(Parser)]
struct Args {
    #[arg(long)]
    target: String,
    /// e.g. /network.ProverNetwork/GetProofRequestStatus
    #[arg(long)]
    method: String,
    #[arg(long)]
    frames: std::path::PathBuf,
    #[arg(long, default_value_t = 1)]
    clients: usize,
    #[arg(long, value_enum, default_value_t = Connect::PerClient)]
    connect: Connect,
    /// Send each message once and stop, instead of running for a time.
    #[arg(long)]
    once: bool,
    /// Each client calls once in so many seconds, at a moment of its own, instead of without a pause.
    #[arg(long)]
    every: Option<f64>,
    #[arg(long, default_value_t = 4.0)]
    seconds: f64,
    #[arg(long, default_value_t = 1.0)]
    warmup: f64,
    /// NAME=PID: also report this process's CPU time per call.
    #[arg(long)]
    pid: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Connect {
    /// One connection for all clients.
    Shared,
    PerClient,
    /// A new connection for every call, as SDK 5 makes them.
    PerRpc,
}

/// Passes bytes through.
#[derive(Default)]
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Raw;
    type Decoder = Raw;
    fn encoder(&mut self) -> Raw {
        Raw
    }
    fn decoder(&mut self) -> Raw {
        Raw
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;
    fn encode(&mut self, item: Bytes, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        out.put(item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;
    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}

fn endpoint(target: &str) -> Endpoint {
    Endpoint::new(target.to_string())
        .expect("target is a URL")
        .tcp_nodelay(true)
        .connect_timeout(Duration::from_secs(15))
        .timeout(Duration::from_secs(60))
}

async fn call(channel: Channel, path: http::uri::PathAndQuery, message: Bytes) -> Result<(), Status> {
    let mut client = tonic::client::Grpc::new(channel);
    client.ready().await.map_err(|e| Status::unavailable(e.to_string()))?;
    client.unary(Request::new(message), path, Raw).await.map(|_| ())
}

fn read_frames(path: &std::path::Path) -> Vec<Bytes> {
    let mut data = Bytes::from(std::fs::read(path).expect("frames file"));
    let mut frames = vec![];
    while data.has_remaining() {
        let size = data.get_u32_le() as usize;
        frames.push(data.split_to(size));
    }
    assert!(!frames.is_empty(), "no frames");
    frames
}

/// User and system time of a process in seconds, from /proc.
fn cpu_seconds(pid: &str) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let Some(end) = stat.rfind(')') else { return f64::NAN };
    let fields: Vec<&str> = stat[end + 2..].split(' ').collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}

struct Shared {
    args: Args,
    frames: Vec<Bytes>,
    next: Cell<usize>,
    recording: Cell<bool>,
    stop: Cell<bool>,
    micros: RefCell<Vec<u32>>,
    errors: RefCell<BTreeMap<String, u64>>,
}

impl Shared {
    fn take(&self) -> Option<Bytes> {
        let n = self.next.get();
        if self.stop.get() || (self.args.once && n >= self.frames.len()) {
            return None;
        }
        self.next.set(n + 1);
        Some(self.frames[n % self.frames.len()].clone())
    }

    fn note(&self, took: Duration, result: Result<(), Status>) {
        if !self.recording.get() {
            return;
        }
        match result {
            Ok(()) => self.micros.borrow_mut().push(took.as_micros() as u32),
            Err(status) => {
                let text = format!("{:?}: {}", status.code(), status.message());
                *self.errors.borrow_mut().entry(text.chars().take(120).collect()).or_default() += 1;
            }
        }
    }
}

/// When a client calls next: spread over the time, so that they do not all come at once.
fn beats(shared: &Shared, number: usize) -> Option<Interval> {
    let every = Duration::from_secs_f64(shared.args.every?);
    let first = Instant::now() + every.mul_f64(number as f64 / shared.args.clients as f64);
    Some(interval_at(first.into(), every))
}

async fn client(shared: Rc<Shared>, common: Option<Channel>, number: usize) {
    let path: http::uri::PathAndQuery = shared.args.method.parse().expect("method is a path");
    let own = match (shared.args.connect, common) {
        (Connect::Shared, channel) => channel,
        (Connect::PerClient, _) => Some(endpoint(&shared.args.target).connect().await.expect("connect")),
        (Connect::PerRpc, _) => None,
    };
    let mut beats = beats(&shared, number);
    loop {
        if let Some(beats) = &mut beats {
            beats.tick().await;
        }
        let Some(message) = shared.take() else { break };
        let begin = Instant::now();
        let channel = match &own {
            Some(channel) => Ok(channel.clone()),
            None => endpoint(&shared.args.target).connect().await,
        };
        let result = match channel {
            Ok(channel) => call(channel, path.clone(), message).await,
            Err(error) => Err(Status::new(Code::Unavailable, error.to_string())),
        };
        shared.note(begin.elapsed(), result);
    }
}

fn quantile(sorted: &[u32], q: f64) -> f64 {
    if sorted.is_empty() {
        return f64::NAN;
    }
    f64::from(sorted[((sorted.len() as f64 * q) as usize).min(sorted.len() - 1)]) / 1000.0
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let args = Args::parse();
    let frames = read_frames(&args.frames);
    let once = args.once;
    let shared = Rc::new(Shared {
        args,
        frames,
        next: Cell::new(0),
        recording: Cell::new(once),
        stop: Cell::new(false),
        micros: RefCell::default(),
        errors: RefCell::default(),
    });
    let common = match shared.args.connect {
        Connect::Shared => Some(endpoint(&shared.args.target).connect().await.expect("connect")),
        _ => None,
    };
    let pids: Vec<(String, String)> = shared
        .args
        .pid
        .iter()
        .map(|pair| pair.split_once('=').expect("NAME=PID"))
        .map(|(name, pid)| (name.to_string(), pid.to_string()))
        .chain([("loadgen".to_string(), std::process::id().to_string())])
        .collect();
    let local = tokio::task::LocalSet::new();
    let mut tasks = vec![];
    for number in 0..shared.args.clients {
        tasks.push(local.spawn_local(client(shared.clone(), common.clone(), number)));
    }
    let (wall, cpu_before) = local
        .run_until(async {
            if !once {
                tokio::time::sleep(Duration::from_secs_f64(shared.args.warmup)).await;
            }
            let cpu: Vec<f64> = pids.iter().map(|(_, pid)| cpu_seconds(pid)).collect();
            shared.recording.set(true);
            let begin = Instant::now();
            if !once {
                tokio::time::sleep(Duration::from_secs_f64(shared.args.seconds)).await;
                shared.recording.set(false);
                let wall = begin.elapsed();
                shared.stop.set(true);
                return (wall, cpu);
            }
            for task in tasks.drain(..) {
                task.await.expect("client");
            }
            (begin.elapsed(), cpu)
        })
        .await;
    let mut micros = shared.micros.take();
    micros.sort_unstable();
    let calls = micros.len() as f64;
    let cpu: BTreeMap<&str, f64> = pids
        .iter()
        .zip(&cpu_before)
        .map(|((name, pid), before)| (name.as_str(), (cpu_seconds(pid) - before) / calls * 1e6))
        .collect();
    println!(
        "{}",
        serde_json::json!({
            "calls": micros.len(),
            "errors": *shared.errors.borrow(),
            "per_second": calls / wall.as_secs_f64(),
            "p50_ms": quantile(&micros, 0.5),
            "p90_ms": quantile(&micros, 0.9),
            "p99_ms": quantile(&micros, 0.99),
            "max_ms": quantile(&micros, 1.0),
            "cpu_us_per_call": cpu,
        })
    );
}
