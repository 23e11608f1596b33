//! The memory that this process may use: what its control group allows, and every one around it.
//!
//! Reads `/proc/self/cgroup` and the files of the kernel's memory controller, of version 2 (`memory.max`) or 1
//! (`memory.limit_in_bytes`). A container sees its own group as the root.

use std::{fs, path::Path};

/// What version 1 says where there is no limit begins here (half of all addresses).
const NO_LIMIT: u64 = 1 << 62;

/// The limit in bytes; `None` where there is none, or none that can be read.
pub fn memory_limit() -> Option<u64> {
    limit(Path::new("/"))
}

/// The same with the kernel's files below `root`.
fn limit(root: &Path) -> Option<u64> {
    let groups = fs::read_to_string(root.join("proc/self/cgroup")).ok()?;
    groups.lines().filter_map(|line| limit_of(root, line)).min()
}

/// The least limit of a group, a line of `/proc/self/cgroup` (`ID:CONTROLLERS:PATH`), and of those around it.
fn limit_of(root: &Path, line: &str) -> Option<u64> {
    let mut fields = line.splitn(3, ':').skip(1);
    let (controllers, group) = (fields.next()?, fields.next()?);
    let (mount, file) = match controllers {
        "" => ("sys/fs/cgroup", "memory.max"),
        names if names.split(',').any(|name| name == "memory") => {
            ("sys/fs/cgroup/memory", "memory.limit_in_bytes")
        }
        _ => return None,
    };
    let mount = root.join(mount);
    let group = mount.join(group.trim_start_matches('/'));
    let around = group.ancestors().take_while(|directory| directory.starts_with(&mount));
    around.filter_map(|directory| read(&directory.join(file))).min()
}

/// `max` and no file are no limit.
fn read(file: &Path) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    text.trim().parse().ok().filter(|limit| *limit < NO_LIMIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The limit where these files say so.
    fn with(groups: &str, files: &[(&str, &str)]) -> Option<u64> {
        let root = tempfile::tempdir().unwrap();
        for (file, text) in [("proc/self/cgroup", groups)].iter().chain(files) {
            let file = root.path().join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        limit(root.path())
    }

    #[test]
    fn a_container_sees_its_group_as_the_root() {
        let max = ("sys/fs/cgroup/memory.max", "134217728\n");
        assert_eq!(with("0::/\n", &[max]), Some(128 << 20));
        assert_eq!(with("0::/\n", &[("sys/fs/cgroup/memory.max", "max\n")]), None);
        assert_eq!(with("0::/\n", &[]), None);
        assert_eq!(with("", &[max]), None);
    }

    #[test]
    fn the_least_of_the_groups_around_it_counts() {
        let files = [
            ("sys/fs/cgroup/system.slice/memory.max", "67108864\n"),
            ("sys/fs/cgroup/system.slice/novaroute.service/memory.max", "max\n"),
            ("sys/fs/cgroup/other.slice/memory.max", "1\n"),
        ];
        assert_eq!(with("0::/system.slice/novaroute.service\n", &files), Some(64 << 20));
    }

    #[test]
    fn version_1_has_a_hierarchy_for_memory() {
        let groups = "4:memory:/a/b\n1:cpu,cpuacct:/c\n0::/\n";
        let files = [
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"),
            ("sys/fs/cgroup/memory/a/memory.limit_in_bytes", "1073741824\n"),
            ("sys/fs/cgroup/memory/a/b/memory.limit_in_bytes", "134217728\n"),
        ];
        assert_eq!(with(groups, &files), Some(128 << 20));
        assert_eq!(with(groups, &files[..1]), None);
    }
}
