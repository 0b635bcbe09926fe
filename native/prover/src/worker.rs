//! A worker, from the inside: reads requests from standard input, which is a socket, and answers.

use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::panic::PanicHookInfo;
use std::sync::Mutex;
use std::thread;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sp1tee_protocol::{Request, Response, read_frame, write_frame};
use tokio::runtime::Runtime;

use crate::arguments::Kind;
use crate::light::Light;
use crate::proving::Full;
use crate::shared_memory;

/// A response, and whether the worker is still sound after it.
pub struct Answer {
    pub response: Response,
    pub last: bool,
}

impl Answer {
    /// The worker goes on.
    pub fn sound(response: Response) -> Self {
        Self { response, last: false }
    }

    /// Threads or children of SP1 may still be at work: the worker ends.
    pub fn last(response: Response) -> Self {
        Self { response, last: true }
    }
}

/// Makes the answer to a request on which SP1 panicked, from the place of the panic.
type OnPanic = fn(String) -> Response;

/// For the request at hand; `None` between requests.
static ON_PANIC: Mutex<Option<OnPanic>> = Mutex::new(None);

/// Says how a panic from here on is to be answered.
pub fn on_panic(answer: OnPanic) {
    *ON_PANIC.lock().expect("nothing panics while it holds this lock") = Some(answer);
}

/// Serves until the server goes away.
pub fn run(kind: Kind) -> anyhow::Result<()> {
    let stream = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    end_with_the_server(stream.try_clone()?);
    end_with_a_panic(stream.try_clone()?);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match kind {
        Kind::Light => serve(stream, &runtime, runtime.block_on(Light::start())),
        Kind::Full => serve(stream, &runtime, Full::start(&runtime)),
    }
}

/// What a kind of worker does with a request.
pub trait Answering {
    async fn answer(&mut self, request: Request<'_>) -> Answer;
}

fn serve(
    mut stream: UnixStream,
    runtime: &Runtime,
    mut worker: impl Answering,
) -> anyhow::Result<()> {
    while let Ok(Some(frame)) = read_frame(&mut stream, u32::MAX) {
        on_panic(Response::InternalError);
        let Answer { response, last } = runtime.block_on(worker.answer(Request::parse(&frame)?));
        *ON_PANIC.lock().expect("nothing panics while it holds this lock") = None;
        write_frame(&mut stream, &[&[u8::from(last)], &response.encode()])?;
        if last {
            break;
        }
    }
    Ok(())
}

/// Ends this process and its children, whatever they are doing, when the server has gone.
fn end_with_the_server(stream: UnixStream) {
    thread::spawn(move || {
        let mut hung_up = [PollFd::new(stream.as_fd(), PollFlags::empty())];
        while poll(&mut hung_up, PollTimeout::NONE).is_err() {}
        shared_memory::release_own();
        let _ = kill(Pid::from_raw(0), Signal::SIGKILL);
    });
}

/// A panic anywhere ends the process: SP1's threads would wait for the one that died.
///
/// The message may quote what SP1 was working on, so only its place is told.
fn end_with_a_panic(stream: UnixStream) {
    std::panic::set_hook(Box::new(move |panic| {
        let place = place_of(panic);
        tracing::error!("panicked at {place}");
        // Whoever panics second finds no answer left to give.
        let answer = ON_PANIC.lock().ok().and_then(|mut answer| answer.take());
        if let Some(answer) = answer {
            let response = answer(format!("SP1 panicked at {place}"));
            let mut stream = &stream;
            let _ = write_frame(&mut stream, &[&[1], &response.encode()]);
        }
        std::process::exit(101);
    }));
}

/// `crate-version/src/file.rs:line`, without the folder it was compiled in.
fn place_of(panic: &PanicHookInfo<'_>) -> String {
    let Some(place) = panic.location() else { return "an unknown place".into() };
    let file = place.file();
    let file = file.split_once("/registry/src/").map_or(file, |(_, inside)| {
        inside.split_once('/').map_or(inside, |(_index, crate_and_file)| crate_and_file)
    });
    format!("{file}:{}", place.line())
}
