//! A state directory on a disk of its own, which can be full.

use std::{fs, path::PathBuf, process::Command};

/// A small file system, gone when it is dropped.
pub struct Disk(PathBuf);

impl Disk {
    #[track_caller]
    pub fn mount(at: PathBuf) -> Self {
        fs::create_dir_all(&at).expect("a mountpoint");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=256k,mode=0700", "tmpfs"]).arg(&at);
        let out = mount.output().expect("running mount");
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        Self(at)
    }

    /// A directory on it.
    pub fn directory(&self) -> PathBuf {
        self.0.join("state")
    }

    /// Takes all the room.
    pub fn fill(&self) {
        // Until the disk refuses: what was written stays.
        let _ = fs::write(self.0.join("filler"), vec![0x55; 1 << 20]);
    }

    pub fn free(&self) {
        fs::remove_file(self.0.join("filler")).expect("the filler");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: the agent may still have its journal open.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}
