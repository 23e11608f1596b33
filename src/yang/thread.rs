//! libyang on a thread of its own: its calls take milliseconds for large trees and
//! would hold up the async runtime.

use std::{
    path::Path,
    sync::{Arc, mpsc},
    thread,
};

use tokio::sync::oneshot;

use super::{Profile, Schema, YangError, index::Index, json};
use crate::tree::Tree;

type Job = Box<dyn FnOnce(&mut Schema) + Send>;

/// Handle to the thread of libyang. Cheap to clone; the thread ends with the last one.
#[derive(Clone)]
pub struct Yang {
    jobs: mpsc::Sender<Job>,
    /// For what takes no libyang.
    index: Arc<Index>,
}

impl Yang {
    /// Starts the thread and loads the models of `dir` there.
    ///
    /// # Errors
    /// Which model can't be loaded.
    pub async fn start(dir: &Path, profile: Profile) -> Result<Self, YangError> {
        // Only the commit actor sends jobs, one at a time, so that the queue stays short.
        let (jobs, queue) = mpsc::channel::<Job>();
        let (ready, loaded) = oneshot::channel();
        let dir = dir.to_owned();
        let spawned = thread::Builder::new().name("libyang".into()).spawn(move || {
            let mut schema = match Schema::load(&dir, profile) {
                Ok(schema) => schema,
                Err(error) => return drop(ready.send(Err(error))),
            };
            let _ = ready.send(Ok(schema.index()));
            while let Ok(job) = queue.recv() {
                job(&mut schema);
            }
        });
        spawned.map_err(|_| YangError::Stopped)?;
        let index = loaded.await.unwrap_or(Err(YangError::Stopped))?;
        Ok(Self { jobs, index })
    }

    /// Has trees judged against the models, at once.
    ///
    /// Cancel safety: dropping the future leaves libyang to judge; its words are lost.
    ///
    /// # Errors
    /// libyang's words and path of the first thing that is wrong, or the thread is gone.
    pub fn check(
        &self,
        trees: Vec<Arc<Tree>>,
    ) -> impl Future<Output = Result<(), YangError>> + Send + use<> {
        let (reply, answer) = oneshot::channel();
        self.send(move |schema| {
            let trees = trees.iter().map(Arc::as_ref);
            schema.check_all(trees, |verdict| drop(reply.send(verdict)));
        });
        async move { answer.await.unwrap_or(Err(YangError::Stopped)) }
    }

    /// A job that can't be sent is dropped, and the place for its answer with it.
    fn send(&self, job: impl FnOnce(&mut Schema) + Send + 'static) {
        drop(self.jobs.send(Box::new(job)));
    }

    /// [`Schema::parse_known_json`], on the thread where it takes libyang.
    ///
    /// # Errors
    /// As there, or the thread is gone.
    pub async fn parse_known_json(&self, text: String) -> Result<Tree, YangError> {
        match json::read(&self.index, &text) {
            Some(tree) => Ok(tree),
            None => self.call(move |schema| schema.parse_known_json(&text)).await?,
        }
    }

    /// [`Schema::print_compact_json`], on the thread where it takes libyang.
    ///
    /// # Errors
    /// As there, or the thread is gone.
    pub async fn print_compact_json(&self, tree: Tree) -> Result<String, YangError> {
        match json::write(&self.index, &tree) {
            Some(text) => Ok(text),
            None => self.call(move |schema| schema.print_compact_json(&tree)).await?,
        }
    }

    /// Has `job` run on the thread, at once, and gives what it gives back to who waits for it.
    ///
    /// Cancel safety: dropping the future leaves the job to run; its result is lost.
    ///
    /// # Errors
    /// The thread is gone: a job panicked.
    pub fn call<T, J>(
        &self,
        job: J,
    ) -> impl Future<Output = Result<T, YangError>> + Send + use<T, J>
    where
        T: Send + 'static,
        J: FnOnce(&mut Schema) -> T + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        self.send(move |schema| drop(reply.send(job(schema))));
        async move { answer.await.map_err(|_| YangError::Stopped) }
    }
}
