//! The floor's own way to a daemon: raw pipelined lines, by no code of the product.

use std::{
    collections::HashSet,
    io::{self, Read, Write},
    os::unix::net::UnixStream,
    path::Path,
    time::Duration,
};

use super::lab::{Lab, Router};

/// Lines under way at a time: FRR gains nothing from more.
const WINDOW: usize = 64;

/// A daemon that answers nothing for this long hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// A connection to a daemon's VTY.
pub struct Vty {
    stream: UnixStream,
    buffer: Vec<u8>,
}

impl Vty {
    pub fn connect(lab: &Lab, router: Router, daemon: &str) -> io::Result<Self> {
        Self::open(&lab.socket_dir(router).join(format!("{daemon}.vty")))
    }

    fn open(socket: &Path) -> io::Result<Self> {
        let stream = UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut vty = Self { stream, buffer: vec![0; 1 << 18] };
        vty.command("enable")?;
        Ok(vty)
    }

    /// Runs one command and gives what it prints. Warnings (of a `show` that finds nothing) pass.
    pub fn command(&mut self, command: &str) -> io::Result<String> {
        self.stream.write_all(format!("{command}\0").as_bytes())?;
        let mut answer = Vec::new();
        while answer.len() < 4 || answer[answer.len() - 4..answer.len() - 1] != [0; 3] {
            let count = self.read()?;
            answer.extend_from_slice(&self.buffer[..count]);
        }
        let code = answer.pop();
        answer.truncate(answer.len() - 3);
        let text = String::from_utf8_lossy(&answer).into_owned();
        match code {
            Some(0 | 1) => Ok(text),
            _ => Err(io::Error::other(format!("{command}: {code:?} {text}"))),
        }
    }

    fn read(&mut self) -> io::Result<usize> {
        match self.stream.read(&mut self.buffer)? {
            0 => Err(io::Error::from(io::ErrorKind::UnexpectedEof)),
            count => Ok(count),
        }
    }

    /// Types lines [`WINDOW`] at a time; each must be taken without a word.
    pub fn pipeline(&mut self, lines: &[String]) -> io::Result<()> {
        for window in lines.chunks(WINDOW) {
            let text: String = window.iter().map(|line| format!("{line}\0")).collect();
            self.stream.write_all(text.as_bytes())?;
            let mut left = window.len() * 4;
            while left > 0 {
                let count = self.read()?;
                if count > left || self.buffer[..count].iter().any(|byte| *byte != 0) {
                    let text = String::from_utf8_lossy(&self.buffer[..count]).into_owned();
                    return Err(io::Error::other(format!("a line was refused: {text}")));
                }
                left -= count;
            }
        }
        Ok(())
    }

    /// Whether bgpd has a path to each of these IPv4 prefixes, asked for all at a time.
    pub fn has_routes(&mut self, prefixes: &[String]) -> io::Result<bool> {
        let show = |prefix: &String| format!("show ip bgp {prefix} json\0");
        self.stream.write_all(prefixes.iter().map(show).collect::<String>().as_bytes())?;
        // Three NULs and a code end an answer; JSON has none.
        let (mut there, mut left, mut answer) = (0, prefixes.len(), Vec::new());
        while left > 0 {
            let count = self.read()?;
            answer.extend_from_slice(&self.buffer[..count]);
            let mut begun = 0;
            while let Some(end) = answer[begun..].windows(4).position(|it| it[..3] == [0; 3]) {
                let text = String::from_utf8_lossy(&answer[begun..begun + end]);
                there += usize::from(text.contains("\"sourced\""));
                begun += end + 4;
                left -= 1;
            }
            answer.drain(..begun);
        }
        Ok(there == prefixes.len())
    }

    /// Whether bgpd's table has a path to this prefix, chosen or not.
    pub fn has_route(&mut self, prefix: &str) -> io::Result<bool> {
        let text = self.command(&format!("show bgp ipv4 unicast {prefix} json"))?;
        Ok(text.contains("\"paths\""))
    }

    /// The prefixes of bgpd's `network` lines.
    pub fn networks(&mut self) -> io::Result<HashSet<String>> {
        let text = self.command("show running-config")?;
        let networks = text.lines().filter_map(|line| line.trim().strip_prefix("network "));
        Ok(networks.map(|rest| rest.split(' ').next().unwrap_or_default().to_owned()).collect())
    }
}
