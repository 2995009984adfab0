//! Threads for each runtime. The one that waits for the end of the server also accepts; connections
//! live on these.

use std::future::pending;
use std::io;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use async_global_executor::GlobalExecutorConfig;
use smol::Executor;

pub(crate) fn tokio(workers: NonZeroUsize) -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers.get())
        .enable_all()
        .build()
}

/// async-std asks for its executor when it first needs it; whoever comes first decides its size.
pub(crate) fn async_std(workers: NonZeroUsize) {
    let config = GlobalExecutorConfig::default()
        .with_min_threads(workers.get())
        .with_max_threads(workers.get())
        .with_thread_name_fn(|| "async-std".to_owned());
    async_global_executor::init_with_config(config);
}

/// smol's own executor can be sized by an environment variable only, so this is another.
pub(crate) fn smol(workers: NonZeroUsize) -> io::Result<()> {
    static EXECUTOR: Executor<'_> = Executor::new();
    adapter_smol::spawn_on(&EXECUTOR);
    for _ in 0..workers.get() {
        thread::Builder::new().name("smol".to_owned()).spawn(|| {
            // A task that panics is gone, and so is this turn of the executor, but not the thread.
            let run = || adapter_smol::block_on(EXECUTOR.run(pending::<()>()));
            while catch_unwind(AssertUnwindSafe(run)).is_err() {}
        })?;
    }
    Ok(())
}
