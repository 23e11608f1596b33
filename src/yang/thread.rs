//! libyang on a thread of its own: its calls take milliseconds for large trees and
//! would hold up the async runtime.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex, PoisonError, RwLock, mpsc},
    thread,
};

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::{Models, Profile, Schema, YangError, index::Index, json};
use crate::{failpoint, tree::Tree};

type Job = Box<dyn FnOnce(&dyn Models) + Send>;

/// Loads models of a profile.
type Load = dyn Fn(Profile) -> Result<Box<dyn Models>, YangError> + Send + Sync;

/// Handle to the loaded models: as a rule to the thread of libyang. Clones share everything; the thread ends with the last one.
#[derive(Clone)]
pub struct Yang {
    source: Source,
    /// Replaced where another profile is used.
    loaded: Arc<RwLock<Loaded>>,
    /// Cancelled where the thread has panicked.
    crashed: CancellationToken,
}

/// Where models come from, and jobs are done.
#[derive(Clone)]
enum Source {
    /// A directory, for libyang on a thread of its own.
    Directory(Arc<Path>),
    /// Whoever asks, before it goes on.
    Here(Arc<Load>),
}

/// Where jobs are done.
#[derive(Clone)]
enum Place {
    /// On libyang's thread.
    Thread {
        jobs: mpsc::Sender<Job>,
        /// For what takes no libyang.
        index: Arc<Index>,
    },
    /// On the thread that asks.
    Here(Arc<Mutex<Box<dyn Models>>>),
}

/// The models of one profile.
#[derive(Clone)]
struct Loaded {
    profile: Profile,
    place: Place,
    /// Modules that can't be loaded, each with why.
    missing: Arc<BTreeMap<String, String>>,
}

/// Says so where its thread panics.
struct Crash(CancellationToken);

impl Drop for Crash {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.cancel();
        }
    }
}

impl std::fmt::Debug for Yang {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Yang").field("profile", &self.profile()).finish_non_exhaustive()
    }
}

impl Yang {
    /// Starts the thread and loads the models of `dir` there, as far as they can be loaded.
    ///
    /// # Errors
    /// None of FRR's can.
    pub async fn start(dir: &Path, profile: Profile) -> Result<Self, YangError> {
        let crashed = CancellationToken::new();
        let loaded = Loaded::load(dir, profile, crashed.clone()).await?;
        let source = Source::Directory(dir.into());
        Ok(Self { source, loaded: Arc::new(RwLock::new(loaded)), crashed })
    }

    /// Loads models, and does everything on the thread that asks, before it goes on: for simulations, in which nothing
    /// happens beside the rest.
    ///
    /// # Errors
    /// The models can't be loaded.
    pub fn here(
        load: impl Fn(Profile) -> Result<Box<dyn Models>, YangError> + Send + Sync + 'static,
    ) -> Result<Self, YangError> {
        let loaded = Loaded::here(&load, Profile::default())?;
        let source = Source::Here(Arc::new(load));
        let crashed = CancellationToken::new();
        Ok(Self { source, loaded: Arc::new(RwLock::new(loaded)), crashed })
    }

    /// Loads the models of another profile, on another thread in the place of this one. Every clone uses them.
    ///
    /// # Errors
    /// As [`Yang::start`]; then nothing is replaced.
    pub async fn use_profile(&self, profile: Profile) -> Result<(), YangError> {
        let loaded = match &self.source {
            Source::Directory(dir) => Loaded::load(dir, profile, self.crashed.clone()).await?,
            Source::Here(load) => Loaded::here(&**load, profile)?,
        };
        *self.loaded.write().unwrap_or_else(PoisonError::into_inner) = loaded;
        Ok(())
    }

    fn loaded(&self) -> Loaded {
        // Nobody panics while it is written: it is replaced as a whole.
        self.loaded.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The profile whose models are loaded.
    pub fn profile(&self) -> Profile {
        self.loaded().profile
    }

    /// Modules that can't be loaded, each with why.
    pub fn missing(&self) -> Arc<BTreeMap<String, String>> {
        self.loaded().missing
    }

    /// Cancelled as soon as the thread has panicked, also one that was started in the place of this.
    pub fn crashed(&self) -> CancellationToken {
        self.crashed.clone()
    }

    /// Has trees validated against the models, at once.
    ///
    /// Cancel safety: dropping the future lets libyang finish; its answer is lost.
    ///
    /// # Errors
    /// libyang's words and path of the first thing that is wrong, or the thread is gone.
    pub fn check(
        &self,
        trees: Vec<Arc<Tree>>,
    ) -> impl Future<Output = Result<(), YangError>> + Send + use<> {
        let (reply, answer) = oneshot::channel();
        self.send(move |schema| {
            failpoint::die("libyang");
            let mut reply = Some(reply);
            schema.check_all(&trees, &mut |verdict| {
                reply.take().into_iter().for_each(|reply| drop(reply.send(verdict.clone())));
            });
        });
        async move { answer.await.unwrap_or(Err(YangError::Stopped)) }
    }

    /// A job that can't be sent is dropped, and the place for its answer with it.
    fn send(&self, job: impl FnOnce(&dyn Models) + Send + 'static) {
        match self.loaded().place {
            Place::Thread { jobs, .. } => drop(jobs.send(Box::new(job))),
            Place::Here(models) => job(&**models.lock().unwrap_or_else(PoisonError::into_inner)),
        }
    }

    /// Names and types, where there is another thread that need not be asked.
    fn index(&self) -> Option<Arc<Index>> {
        match self.loaded().place {
            Place::Thread { index, .. } => Some(index),
            Place::Here(_) => None,
        }
    }

    /// [`Models::parse_known_json`], on the thread where it takes libyang.
    ///
    /// # Errors
    /// As there, or the thread is gone.
    pub async fn parse_known_json(&self, text: String) -> Result<Tree, YangError> {
        match self.index().and_then(|index| json::read(&index, &text)) {
            Some(tree) => Ok(tree),
            None => self.call(move |schema| schema.parse_known_json(&text)).await?,
        }
    }

    /// [`Models::print_compact_json`], on the thread where it takes libyang.
    ///
    /// # Errors
    /// As there, or the thread is gone.
    pub async fn print_compact_json(&self, tree: Tree) -> Result<String, YangError> {
        match self.index().and_then(|index| json::write(&index, &tree)) {
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
        J: FnOnce(&dyn Models) -> T + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        self.send(move |schema| drop(reply.send(job(schema))));
        async move { answer.await.map_err(|_| YangError::Stopped) }
    }
}

impl Loaded {
    async fn load(
        dir: &Path,
        profile: Profile,
        crashed: CancellationToken,
    ) -> Result<Self, YangError> {
        // Only the commit actor sends jobs, one at a time, so that the queue stays short.
        let (jobs, queue) = mpsc::channel::<Job>();
        let (ready, loaded) = oneshot::channel();
        let dir = dir.to_owned();
        let crash = Crash(crashed);
        let spawned = thread::Builder::new().name("libyang".into()).spawn(move || {
            let _crash = crash;
            let schema = match Schema::load_what_can_be(&dir, profile) {
                Ok(schema) => schema,
                Err(error) => return drop(ready.send(Err(error))),
            };
            let _ = ready.send(Ok((schema.index(), schema.missing().clone())));
            while let Ok(job) = queue.recv() {
                job(&schema);
            }
        });
        spawned.map_err(|_| YangError::Stopped)?;
        let (index, missing) = loaded.await.unwrap_or(Err(YangError::Stopped))?;
        Ok(Self { profile, place: Place::Thread { jobs, index }, missing: Arc::new(missing) })
    }

    fn here(load: &Load, profile: Profile) -> Result<Self, YangError> {
        let models = load(profile)?;
        let missing = Arc::new(models.missing().clone());
        Ok(Self { profile, place: Place::Here(Arc::new(Mutex::new(models))), missing })
    }
}
