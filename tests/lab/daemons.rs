//! What happens to a router's daemons and links: they die, hang, start again, go up and down.

use std::path::Path;

use super::{FRR_DAEMONS, Lab, Router, lab_sh, output, succeed};

impl Lab {
    /// Kills a daemon (SIGKILL) and returns when it is gone. Nothing restarts it by itself.
    #[track_caller]
    pub fn kill(&self, router: Router, daemon: &str) {
        self.signal(router, daemon, "KILL");
    }

    /// Freezes a daemon (SIGSTOP): its sockets take connections and answer nothing.
    #[track_caller]
    pub fn stop(&self, router: Router, daemon: &str) {
        self.signal(router, daemon, "STOP");
    }

    /// Lets a frozen daemon run on (SIGCONT).
    #[track_caller]
    pub fn cont(&self, router: Router, daemon: &str) {
        self.signal(router, daemon, "CONT");
    }

    /// Starts a daemon anew, killing it first if it runs; it loads its start-up configuration.
    /// Returns when it listens.
    #[track_caller]
    pub fn restart(&self, router: Router, daemon: &str) {
        if self.pid(router, daemon).is_some() {
            self.kill(router, daemon);
        }
        succeed(lab_sh(&self.id).args(["start", router.name(), daemon]));
    }

    /// Starts the daemons that have ended by themselves, as watchfrr does: FRR 10.7.1's mgmtd ends now and then, by an
    /// assertion of its own.
    #[track_caller]
    pub fn start_what_ended(&self, router: Router) {
        for daemon in FRR_DAEMONS.into_iter().filter(|it| self.pid(router, it).is_none()) {
            eprintln!("{daemon} of {} has ended by itself", router.name());
            self.restart(router, daemon);
        }
    }

    /// Replaces the whole FRR of a router by the one of another root file system, as an upgrade of the package
    /// does: every daemon is killed, and started from there.
    #[track_caller]
    pub fn replace_frr(&self, router: Router, root: &Path) {
        for daemon in FRR_DAEMONS.into_iter().filter(|it| self.pid(router, it).is_some()) {
            self.kill(router, daemon);
        }
        succeed(lab_sh(&self.id).args(["frr", router.name()]).arg(root));
        FRR_DAEMONS.into_iter().for_each(|daemon| self.restart(router, daemon));
    }

    /// The process number of a daemon; `None` when it does not run.
    #[track_caller]
    pub fn pid(&self, router: Router, daemon: &str) -> Option<u32> {
        let out = output(lab_sh(&self.id).args(["pid", router.name(), daemon]));
        String::from_utf8_lossy(&out.stdout).trim().parse().ok()
    }

    /// Unplugs the cable between `node` and a peer, at the peer's end: `node` sees the carrier
    /// go and keeps its addresses.
    #[track_caller]
    pub fn link_down(&self, peer: Router) {
        succeed(lab_sh(&self.id).args(["link", peer.name(), "down"]));
    }

    /// Plugs the cable in again.
    #[track_caller]
    pub fn link_up(&self, peer: Router) {
        succeed(lab_sh(&self.id).args(["link", peer.name(), "up"]));
    }

    #[track_caller]
    fn signal(&self, router: Router, daemon: &str, signal: &str) {
        succeed(lab_sh(&self.id).args(["signal", router.name(), daemon, signal]));
    }
}
