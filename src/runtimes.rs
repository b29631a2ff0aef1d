//! The threads everything runs on.

use std::future::Future;
use std::io;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use clap::ValueEnum;
use engine::Shutdown;
use tokio::runtime::{Builder, Handle, Runtime};

/// How long calls that block, such as a name resolution, may outlive the run.
const BLOCKED_MAX: Duration = Duration::from_secs(1);

/// How tasks are spread over the cores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Layout {
    /// One runtime whose threads take work from each other.
    Multi,
    /// One runtime for each core; a connection stays where it was accepted.
    PerCore,
}

/// Runtimes with their threads.
pub(crate) struct Runtimes {
    /// Waits for signals; with [`Layout::Multi`] it also does the work.
    main: Runtime,
    workers: Vec<Worker>,
    stop: Shutdown,
}

struct Worker {
    handle: Handle,
    thread: JoinHandle<()>,
}

impl Runtimes {
    pub(crate) fn start(layout: Layout) -> io::Result<Runtimes> {
        let stop = Shutdown::default();
        let cores = thread::available_parallelism()?.get();
        if layout == Layout::Multi {
            let main = Builder::new_multi_thread()
                .worker_threads(cores)
                .enable_all()
                .build()?;
            let workers = Vec::new();
            return Ok(Runtimes {
                main,
                workers,
                stop,
            });
        }
        let main = Builder::new_current_thread().enable_all().build()?;
        let workers = (0..cores).map(|core| worker(core, stop.clone()));
        Ok(Runtimes {
            main,
            workers: workers.collect::<io::Result<_>>()?,
            stop,
        })
    }

    /// Where work is placed, at least one.
    pub(crate) fn handles(&self) -> Vec<Handle> {
        match self.workers.is_empty() {
            true => vec![self.main.handle().clone()],
            false => self
                .workers
                .iter()
                .map(|worker| worker.handle.clone())
                .collect(),
        }
    }

    /// Runs `future` on this thread and then ends all the others.
    pub(crate) fn run<T>(self, future: impl Future<Output = T>) -> T {
        let value = self.main.block_on(future);
        self.stop.begin();
        for worker in self.workers {
            if worker.thread.join().is_err() {
                tracing::error!("a runtime's thread panicked");
            }
        }
        self.main.shutdown_timeout(BLOCKED_MAX);
        value
    }
}

fn worker(core: usize, stop: Shutdown) -> io::Result<Worker> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let handle = runtime.handle().clone();
    let thread = thread::Builder::new()
        .name(format!("worker-{core}"))
        .spawn(move || {
            runtime.block_on(stop.begun());
            runtime.shutdown_timeout(BLOCKED_MAX);
        })?;
    Ok(Worker { handle, thread })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_layout_runs_tasks_on_each_of_its_handles() {
        for layout in [Layout::Multi, Layout::PerCore] {
            let runtimes = Runtimes::start(layout).expect("threads can be started");
            let handles = runtimes.handles();
            assert!(!handles.is_empty());
            let sum = runtimes.run(async {
                let mut sum = 0;
                for (number, handle) in handles.iter().enumerate() {
                    sum += handle.spawn(async move { number + 1 }).await.unwrap();
                }
                sum
            });
            assert_eq!(sum, handles.len() * (handles.len() + 1) / 2);
        }
    }
}
