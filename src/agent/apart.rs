//! Work that computes for long, on a thread and a runtime of its own: it delays no answer.
//!
//! Not the commits: a call that has to wake another thread and back took 8 % longer, and with 64 in flight there were no
//! more of them.

use std::io;

use tokio::runtime::{Builder, Handle, Runtime};

/// One thread with a runtime. Dropping it, from anywhere, ends what still runs there at its next pause.
pub(super) struct Apart(Option<Runtime>);

impl Apart {
    /// Starts the thread; `name` is what `top -H` shows of it, 15 letters at the most.
    ///
    /// # Errors
    /// The kernel's.
    pub(super) fn start(name: &str) -> io::Result<Self> {
        let mut builder = Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).thread_name(name).enable_all().build()?;
        Ok(Self(Some(runtime)))
    }

    /// Where to spawn.
    pub(super) fn handle(&self) -> &Handle {
        self.0.as_ref().expect("there until it is dropped").handle()
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        // To wait for its end, as a runtime's own drop does, is not permitted in async code.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
