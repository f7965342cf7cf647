//! The threads that share the work of a call: the one that calls, and helpers of its own.
//!
//! Work that is given to sleeping threads and waited for costs two changes of thread, some ten microseconds each: as much
//! as a layer of a small network. So the caller works too. It then belongs to its crew for good, and what else it shares
//! through rayon (optimiser, noise) goes to the same threads.

use std::{cell::OnceCell, sync::OnceLock};

use candle_core::{Error, Result};
use rayon::{ThreadPool, ThreadPoolBuilder};

thread_local! {
    /// The crew of this thread, as large as the first that was asked for; `None` where it belongs to another pool.
    static HERE: OnceCell<Option<ThreadPool>> = const { OnceCell::new() };
}

/// A number of threads. Who calls is one of them; only a thread that belongs to another crew lets others work.
pub(super) struct Crew {
    threads: usize,
    others: OnceLock<ThreadPool>,
}

impl Crew {
    /// `threads` threads, as many as rayon uses when `None`.
    pub(super) fn new(threads: Option<usize>) -> Self {
        Self {
            threads: threads.unwrap_or_else(rayon::current_num_threads),
            others: OnceLock::new(),
        }
    }

    /// How many there are.
    pub(super) fn threads(&self) -> usize {
        self.threads
    }

    /// Does `work`, whose parallel parts these threads share.
    pub(super) fn run<R: Send>(&self, work: impl FnOnce() -> R + Send) -> Result<R> {
        HERE.with(|here| {
            let crew = here.get_or_init(|| self.pool(ThreadPoolBuilder::use_current_thread).ok());
            match crew.as_ref().filter(|crew| crew.current_num_threads() == self.threads) {
                Some(crew) => Ok(crew.install(work)),
                None => Ok(self.others()?.install(work)),
            }
        })
    }

    fn others(&self) -> Result<&ThreadPool> {
        if let Some(pool) = self.others.get() {
            return Ok(pool);
        }
        let pool = self.pool(|builder| builder).map_err(Error::wrap)?;
        Ok(self.others.get_or_init(|| pool))
    }

    fn pool(
        &self,
        with: impl FnOnce(ThreadPoolBuilder) -> ThreadPoolBuilder,
    ) -> std::result::Result<ThreadPool, rayon::ThreadPoolBuildError> {
        let builder = ThreadPoolBuilder::new().num_threads(self.threads);
        with(builder.thread_name(|i| format!("kernels {i}"))).build()
    }
}

#[cfg(test)]
mod tests {
    use std::thread::{self, ThreadId};

    use super::*;

    fn worker(crew: &Crew) -> (ThreadId, usize) {
        crew.run(|| (thread::current().id(), rayon::current_num_threads()))
            .unwrap()
    }

    /// On a thread of its own, since the first crew stays.
    fn alone(test: impl FnOnce() + Send) {
        thread::scope(|scope| scope.spawn(test).join().unwrap());
    }

    #[test]
    fn the_caller_is_one_of_the_crew() {
        alone(|| {
            let here = thread::current().id();
            assert_eq!(worker(&Crew::new(Some(3))), (here, 3));
            assert_eq!(worker(&Crew::new(None)), (here, 3), "and so it stays");
        });
    }

    #[test]
    fn a_crew_of_another_size_works_elsewhere() {
        alone(|| {
            worker(&Crew::new(Some(1)));
            let other = Crew::new(Some(2));
            let (id, count) = worker(&other);
            assert!(id != thread::current().id() && count == 2);
            assert_eq!(other.threads(), 2);
        });
    }

    #[test]
    fn a_thread_of_another_pool_lets_others_work() {
        let pool = ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        let (id, count) = pool.install(|| worker(&Crew::new(Some(2))));
        assert!(id != pool.install(|| thread::current().id()) && count == 2);
    }

    #[test]
    fn a_panic_leaves_the_crew_as_it_was() {
        alone(|| {
            let crew = Crew::new(Some(2));
            let panics = || crew.run(|| rayon::join(|| (), || assert!(rayon::current_num_threads() == 0)));
            assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(panics)).is_err());
            assert_eq!(worker(&crew), (thread::current().id(), 2));
        });
    }
}
