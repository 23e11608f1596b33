//! The gateway as a program.

use std::{os::unix::net::UnixStream, time::Duration};

use novaroute::frr::northbound::{Northbound, Retry};

use crate::{
    bed::*,
    lab::{Router, wait_for},
};

/// The gateway as a program: socket, its mode, its end, and what a killed one left.
#[tokio::test(flavor = "multi_thread")]
async fn the_binary_serves_on_a_unix_socket_and_cleans_up() {
    let bed = Bed::start();
    let socket = bed.lab.run_dir().join("nb.sock");
    let start = || {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_novaroute-northbound"));
        command.arg("--socket-dir").arg(bed.lab.socket_dir(Router::Node));
        command.arg("--listen").arg(&socket);
        let child = bed.lab.spawn_in(Router::Node, &command);
        wait_for("the socket", CONVERGE, || UnixStream::connect(&socket).map(drop));
        child
    };
    let connect = || async {
        let path = format!("unix:{}", socket.display());
        Northbound::new(tonic::transport::Endpoint::new(path).unwrap().connect().await.unwrap())
    };

    let mut killed = start();
    let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&socket).unwrap());
    assert_eq!(mode & 0o777, 0o660);
    let driver = connect().await;
    driver.commit(bed.add(&["10.99.1.0/24"]), "over a socket").await.unwrap();
    bed.assert_routed("10.99.1.0/24");

    let prefixes: Vec<String> =
        (0..2000).map(|i| format!("10.{}.{}.0/24", 100 + i / 250, i % 250)).collect();
    let prefixes: Vec<&str> = prefixes.iter().map(String::as_str).collect();
    let cut = tokio::spawn({
        let (driver, edits) = (driver.clone(), bed.add(&prefixes));
        // Again and again, so that it is killed in the middle of one however fast they are.
        async move {
            loop {
                if let Err(error) = driver.validate(edits.clone()).await {
                    return error;
                }
            }
        }
    });
    tokio::time::sleep(Duration::from_millis(60)).await;
    killed.kill().unwrap();
    killed.wait().unwrap();
    let error = cut.await.unwrap();
    assert_ne!(error.retry(), Retry::Never, "{error:?}");

    let mut second = start();
    let driver = connect().await;
    driver.commit(bed.add(&["10.99.2.0/24"]), "").await.unwrap();
    bed.assert_routed("10.99.2.0/24");
    assert!(!bed.staticd().contains("10.100.0.0"), "nothing of the killed one's edits");
    bed.assert_clean().await;

    let pid = second.id().to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    let status =
        wait_for("its end", CONVERGE, || second.try_wait().unwrap().ok_or("still running"));
    assert!(status.success(), "{status}");
    assert!(!socket.exists(), "the socket is removed");
}

/// A log in a file is text, and no commands for a terminal.
#[test]
fn its_log_has_no_colours_where_nobody_sees_them() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_novaroute-northbound"))
        .arg("--socket-dir")
        .arg(dir.path())
        .env("RUST_LOG", "debug")
        .stderr(std::fs::File::create(&log).unwrap())
        .spawn()
        .unwrap();
    let text = wait_for("the log", CONVERGE, || {
        let text = std::fs::read_to_string(&log).unwrap();
        if text.contains("serving frr.Northbound") { Ok(text) } else { Err(text) }
    });
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!text.contains('\u{1b}'), "{text:?}");
}
