//! Threads for calls that may block, and may never return.
//!
//! They are threads of the system's own and not of the runtime, whose end waits for its own. A thread that a
//! plugin never gives back is left to the end of the process; nothing waits for it.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::thread;

use parking_lot::{Condvar, Mutex};

/// At least one thread, started when there is work for it. Dropping the pool ends the threads that wait; one
/// that is at work ends after it.
pub struct Pool {
    shared: Arc<Shared>,
}

type Job = Box<dyn FnOnce() + Send>;

struct Shared {
    name: String,
    width: usize,
    state: Mutex<State>,
    work: Condvar,
}

#[derive(Default)]
struct State {
    /// At most as many as there may be threads: who submits holds one of as many permits.
    waiting: VecDeque<Job>,
    threads: usize,
    idle: usize,
    is_closed: bool,
}

impl Pool {
    /// A pool of up to `width` threads that the system shows under this name.
    pub fn new(name: &str, width: usize) -> Self {
        let shared = Shared {
            name: name.to_owned(),
            width: width.max(1),
            state: Mutex::default(),
            work: Condvar::new(),
        };
        Pool {
            shared: Arc::new(shared),
        }
    }

    pub fn width(&self) -> usize {
        self.shared.width
    }

    /// Runs `job` on a thread of the pool. No more than [`Pool::width`] may be under way or waiting, which the
    /// caller sees to. It must not panic.
    ///
    /// The error is that of starting a thread when there is none yet; `job` is dropped then.
    pub fn submit(&self, job: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let mut state = self.shared.state.lock();
        let is_short = state.idle <= state.waiting.len() && state.threads < self.shared.width;
        if is_short {
            let shared = Arc::clone(&self.shared);
            let thread = thread::Builder::new().name(self.shared.name.clone());
            match thread.spawn(move || shared.work()) {
                Ok(_) => state.threads += 1,
                // Those that are there will come to it.
                Err(_) if state.threads > 0 => {}
                Err(error) => return Err(error),
            }
        }
        state.waiting.push_back(Box::new(job));
        drop(state);
        self.shared.work.notify_one();
        Ok(())
    }
}

impl Shared {
    fn work(&self) {
        let mut state = self.state.lock();
        loop {
            if let Some(job) = state.waiting.pop_front() {
                drop(state);
                job();
                state = self.state.lock();
            } else if state.is_closed {
                return;
            } else {
                state.idle += 1;
                self.work.wait(&mut state);
                state.idle -= 1;
            }
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.state.lock().is_closed = true;
        self.shared.work.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;

    use super::*;

    /// A job that tells its thread, and waits to be let go.
    fn meeting(
        pool: &Pool,
    ) -> (
        std::sync::mpsc::Receiver<thread::ThreadId>,
        impl FnOnce() + use<>,
    ) {
        let (tell, told) = sync_channel(1);
        let (go, wait) = sync_channel::<()>(1);
        let job = move || {
            tell.send(thread::current().id()).expect("the test listens");
            assert!(wait.recv().is_err(), "it is let go by dropping");
        };
        pool.submit(job).expect("a thread can be started");
        (told, move || drop(go))
    }

    #[test]
    fn work_runs_side_by_side_up_to_the_width() {
        let pool = Pool::new("test", 2);
        let (first, let_first_go) = meeting(&pool);
        let (second, let_second_go) = meeting(&pool);
        assert_ne!(first.recv(), second.recv(), "two threads at once");
        let_first_go();
        let_second_go();
        assert_eq!(pool.shared.state.lock().threads, 2);
    }

    #[test]
    fn one_thread_does_everything_in_order() {
        let pool = Pool::new("test", 1);
        let (tell, told) = sync_channel(100);
        for number in 0..100 {
            let tell = tell.clone();
            let job = move || tell.send(number).expect("there is room for all");
            pool.submit(job).expect("a thread can be started");
        }
        drop(tell);
        let order: Vec<i32> = told.into_iter().collect();
        assert_eq!(order, (0..100).collect::<Vec<_>>());
        assert_eq!(pool.shared.state.lock().threads, 1);
    }

    #[test]
    fn a_dropped_pool_ends_its_threads_and_waits_for_none() {
        let pool = Pool::new("test", 1);
        let shared = Arc::downgrade(&pool.shared);
        let (told, let_go) = meeting(&pool);
        told.recv().expect("it has begun");
        drop(pool);
        assert!(shared.upgrade().is_some(), "its thread is still at work");
        let_go();
        let mut gone = false;
        while !gone {
            gone = shared.upgrade().is_none();
            thread::yield_now();
        }
    }
}
