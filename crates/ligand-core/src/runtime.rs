//! The asynchronous runtime of a program, for those that do not set up Tokio themselves.

use std::future::Future;

/// Runs `work` on a new multi-threaded runtime with timers and input/output; what `#[ligand::main]` does.
/// `workers` is the number of threads, by default one for each core.
///
/// ```
/// let sum = ligand_core::runtime::block_on(Some(1), async { 1 + 2 });
/// assert_eq!(sum, 3);
/// ```
///
/// # Panics
/// When the operating system has no threads left, or when called inside a runtime.
pub fn block_on<F: Future>(workers: Option<usize>, work: F) -> F::Output {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if let Some(workers) = workers {
        builder.worker_threads(workers);
    }
    builder.enable_all().build().expect("the operating system gives threads").block_on(work)
}

#[cfg(test)]
mod tests {
    #[test]
    fn timers_run() {
        let work = async {
            let limit = std::time::Duration::from_millis(1);
            tokio::time::timeout(limit, std::future::pending::<()>()).await.is_err()
        };
        assert!(super::block_on(Some(1), work));
    }
}
