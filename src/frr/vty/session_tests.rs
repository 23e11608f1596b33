//! Sessions against servers that misbehave, and against a real daemon where
//! `NOVAROUTE_TEST_VTY` names its socket.

use std::{path::PathBuf, sync::Arc};

use tempfile::TempDir;
use tokio::{net::UnixListener, sync::Mutex, task::JoinHandle};

use super::*;
use crate::frr::vty::ReturnCode;

const SHORT: Duration = Duration::from_millis(200);

/// What a server does with a command.
enum Answer {
    Reply(String, u8),
    Bytes(&'static [u8]),
    Nothing,
    Close,
}
use Answer::*;

struct Server {
    path: PathBuf,
    /// Commands as the server got them, without `enable`.
    got: Arc<Mutex<Vec<String>>>,
    _directory: TempDir,
    task: JoinHandle<()>,
}

/// A server for one connection. `answer` is asked about each command but `enable`.
fn serve(answer: impl Fn(usize, &str) -> Answer + Send + 'static) -> Server {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("bgpd.vty");
    let listener = UnixListener::bind(&path).unwrap();
    let got = Arc::new(Mutex::new(vec![]));
    let log = got.clone();
    let task = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let (mut buffer, mut count) = (BytesMut::new(), 0);
        loop {
            while let Some(end) = buffer.iter().position(|b| *b == 0) {
                let command = String::from_utf8(buffer.split_to(end).to_vec()).unwrap();
                buffer.advance(1);
                let answer = if command == "enable" {
                    Reply(String::new(), 0)
                } else {
                    log.lock().await.push(command.clone());
                    count += 1;
                    answer(count - 1, &command)
                };
                let bytes = match answer {
                    Reply(text, code) => [text.as_bytes(), &[0, 0, 0, code]].concat(),
                    Bytes(bytes) => bytes.to_vec(),
                    Nothing => continue,
                    Close => return,
                };
                if stream.write_all(&bytes).await.is_err() {
                    return;
                }
            }
            if !matches!(stream.read_buf(&mut buffer).await, Ok(1..)) {
                return;
            }
        }
    });
    Server { path, got, _directory: directory, task }
}

impl Server {
    async fn session(&self) -> Session {
        Session::connect(&self.path, Duration::from_secs(5))
            .await
            .unwrap()
            .with_reply_timeout(SHORT)
    }
}

fn commands(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("network 10.{}.{}.0/24", n / 256, n % 256)).collect()
}

#[tokio::test]
async fn replies_come_back_one_by_one_in_order() {
    let server = serve(|n, command| Reply(format!("{n} {command}"), 0));
    let mut session = server.session().await;
    let commands = commands(1000);
    let outcome = session.pipeline(&commands, |_, reply| reply.is_ok()).await.unwrap();
    assert_eq!(outcome.refused, None);
    assert_eq!(outcome.replies.len(), 1000);
    for (n, reply) in outcome.replies.iter().enumerate() {
        assert_eq!(reply.text, format!("{n} {}", commands[n]));
    }
    assert_eq!(session.show("after").await.unwrap(), "1000 after");
}

#[tokio::test]
async fn after_a_refusal_nothing_more_is_written_and_all_is_accounted_for() {
    let server = serve(|n, _| Reply(String::new(), if n == 100 { 13 } else { 0 }));
    let mut session = server.session().await;
    let outcome = session.pipeline(&commands(1000), |_, reply| reply.is_ok()).await.unwrap();
    assert_eq!(outcome.refused, Some(100));
    assert_eq!(outcome.replies[100].code, ReturnCode::ConfigurationFailed);
    let executed = outcome.replies.len();
    assert!((101..=100 + MAX_OUTSTANDING).contains(&executed), "{executed}");
    assert_eq!(server.got.lock().await.len(), executed, "exactly what has a reply was sent");
    assert!(session.command("end").await.unwrap().is_ok(), "the session goes on");
}

#[tokio::test]
async fn a_partly_written_command_is_completed_the_rest_taken_back() {
    let mut outgoing = BytesMut::from(&b"ond\0third\0fourth\0"[..]);
    assert_eq!(take_back(&mut outgoing, false), 2);
    assert_eq!(&outgoing[..], b"ond\0");
    let mut outgoing = BytesMut::from(&b"third\0fourth\0"[..]);
    assert_eq!(take_back(&mut outgoing, true), 2);
    assert!(outgoing.is_empty());
}

#[tokio::test]
async fn commands_larger_than_the_sockets_buffer_pass_while_replies_are_read() {
    let server = serve(|_, command| Reply(command.repeat(20), 0));
    let mut session = server.session().await;
    let commands: Vec<_> = (0..200).map(|n| format!("{n:4000}")).collect();
    let outcome = session.pipeline(&commands, |_, _| true).await.unwrap();
    assert!(outcome.replies.iter().zip(&commands).all(|(r, c)| r.text == c.repeat(20)));
}

#[tokio::test]
async fn the_caller_decides_about_warnings() {
    let server = serve(|_, _| Reply("% beware".into(), 1));
    let mut session = server.session().await;
    let accept = |_: usize, reply: &crate::frr::vty::Reply| {
        matches!(reply.code, ReturnCode::Ok | ReturnCode::Warning)
    };
    assert_eq!(session.pipeline(&["a", "b"], accept).await.unwrap().refused, None);
    assert_eq!(session.pipeline(&["a"], |_, r| r.is_ok()).await.unwrap().refused, Some(0));
    let error = session.show("a").await.unwrap_err();
    assert!(matches!(&error, VtyError::Refused { message, .. } if message == "beware"));
    assert!(!error.is_fatal());
}

#[tokio::test]
async fn a_bad_command_anywhere_means_that_nothing_is_sent() {
    let server = serve(|_, _| Reply(String::new(), 0));
    let mut session = server.session().await;
    let error = session.pipeline(&["a", "description x\0exit"], |_, _| true).await.unwrap_err();
    assert!(matches!(error, VtyError::Command { command: 1, .. }));
    assert!(server.got.lock().await.is_empty());
    session.command("b").await.unwrap();
}

#[tokio::test]
async fn a_stray_nul_poisons() {
    let server = serve(|_, _| Bytes(b"gar\0bage"));
    let mut session = server.session().await;
    let error = session.command("a").await.unwrap_err();
    assert!(matches!(
        error,
        VtyError::Protocol { command: 0, source: CodecError::StrayNul { at: 3 } }
    ));
    assert!(matches!(session.command("b").await, Err(VtyError::Poisoned)));
}

#[tokio::test]
async fn two_replies_to_one_command_poison() {
    let server = serve(|_, _| Bytes(b"one\0\0\0\0two\0\0\0\0"));
    let error = server.session().await.command("a").await.unwrap_err();
    assert!(matches!(error, VtyError::Protocol { source: CodecError::Unsolicited, .. }));
}

#[tokio::test]
async fn a_close_between_two_replies_names_the_command_without_one() {
    let server = serve(|n, _| if n == 7 { Close } else { Reply(String::new(), 0) });
    let mut session = server.session().await;
    let error = session.pipeline(&commands(20), |_, _| true).await.unwrap_err();
    // The kernel says "reset" where the daemon left commands unread.
    assert!(
        matches!(error, VtyError::Closed { command: ..=7 } | VtyError::Io { command: ..=7, .. }),
        "{error:?}"
    );
    assert!(error.is_fatal());
    assert!(matches!(session.command("b").await, Err(VtyError::Poisoned)));
}

#[tokio::test]
async fn a_daemon_that_never_answers_times_out() {
    let server = serve(|_, _| Nothing);
    let mut session = server.session().await;
    let error = session.command("a").await.unwrap_err();
    assert!(matches!(error, VtyError::Timeout { command: 0, waited: SHORT }));
    assert!(matches!(session.command("b").await, Err(VtyError::Poisoned)));
}

#[tokio::test]
async fn a_socket_that_accepts_and_is_silent_times_out_at_connect() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("bgpd.vty");
    let _listener = UnixListener::bind(&path).unwrap();
    let error = Session::connect(&path, SHORT).await.unwrap_err();
    assert!(matches!(error, VtyError::ConnectTimeout { .. }));
    let error = Session::connect(&path.with_extension("none"), SHORT).await.unwrap_err();
    assert!(matches!(error, VtyError::Connect { .. }));
}

#[tokio::test]
async fn a_cancelled_call_poisons() {
    let server = serve(|_, _| Nothing);
    let mut session = server.session().await;
    let call = timeout(Duration::from_millis(20), session.command("a")).await;
    assert!(call.is_err());
    assert!(matches!(session.command("b").await, Err(VtyError::Poisoned)));
}

#[tokio::test]
async fn the_end_of_an_idle_daemon_is_noticed_at_once() {
    let server = serve(|_, _| Reply(String::new(), 0));
    let mut session = server.session().await;
    assert!(timeout(SHORT, session.closed()).await.is_err(), "open while nothing happens");
    session.command("still in step").await.unwrap();
    server.task.abort();
    let error = timeout(SHORT, session.closed()).await.unwrap();
    assert!(matches!(error, VtyError::Gone), "{error:?}");
}
