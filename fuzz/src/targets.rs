//! Readers of bytes from elsewhere, each with what must hold of whatever it takes. A panic is a fault.

use std::io;

use bytes::BytesMut;
use novaroute::{
    api::Authorities,
    config::{Config, Surroundings},
    ctl::file,
    daemon::Daemon,
    frr::{
        frontend::{Frame, FrameCodec, Message},
        vty::{
            VtyCodec, redact,
            table::{Defaults, Table},
        },
    },
    proto::v1,
    wire,
};
use prost::Message as _;
use tokio_util::codec::Decoder;

/// A target: its name, which is that of its corpus, and what it does.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: [Target; 7] = [
    ("vty_reply", vty_reply),
    ("running_config", running_config),
    ("frontend", frontend),
    ("configuration", configuration),
    ("intents", intents),
    ("wire", wire),
    ("authority", authority),
];

/// Replies of a VTY, in chunks whose size the first byte says: each step takes bytes, and what cuts differently
/// reads the same.
pub fn vty_reply(data: &[u8]) {
    let Some((size, data)) = data.split_first() else { return };
    let replies = |chunk: usize| {
        let (mut codec, mut buffer) = (VtyCodec::with_limit(1 << 10), BytesMut::new());
        let mut all = Vec::new();
        for part in data.chunks(chunk) {
            buffer.extend_from_slice(part);
            loop {
                let before = buffer.len();
                match codec.decode(&mut buffer) {
                    Ok(Some(reply)) => {
                        assert!(buffer.len() + 4 <= before, "a reply of no bytes");
                        assert!(!reply.message().contains('\n'));
                        let _ = redact(&reply.text);
                        all.push(format!("{reply:?}"));
                    }
                    Ok(None) => break,
                    Err(error) => {
                        assert!(!error.to_string().is_empty());
                        return all;
                    }
                }
            }
        }
        all
    };
    let (small, whole) = (replies(usize::from(*size % 40) + 1), replies(data.len().max(1)));
    // An error may be seen earlier, or later, never other replies.
    assert!(small.iter().zip(&whole).all(|(a, b)| a == b), "{small:?} {whole:?}");
}

/// A running configuration: what the table reads of it is written, and read again as the same.
pub fn running_config(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for daemon in [Daemon::Bgpd, Daemon::Bfdd, Daemon::Ospfd] {
        let Some(table) = Table::of(daemon) else { continue };
        let running = table.parse(&text, &Defaults::default());
        let Ok(lines) = table.all_lines(&running.tree) else { continue };
        let mut shown = String::new();
        let mut open: Vec<&str> = Vec::new();
        for line in &lines {
            let common = open.iter().zip(&line.context[..]).take_while(|(a, b)| *a == b).count();
            while open.len() > common {
                open.pop();
                shown.push_str(&format!("{}exit\n", " ".repeat(open.len())));
            }
            for outer in &line.context[common..] {
                shown.push_str(&format!("{}{outer}\n", " ".repeat(open.len())));
                open.push(outer);
            }
            shown.push_str(&format!("{}{}\n", " ".repeat(open.len()), line.text));
            if line.opens {
                open.push(&line.text);
            }
        }
        let again = table.parse(&shown, &Defaults::default());
        assert_eq!(table.lines(&again.tree), table.lines(&running.tree), "{shown}");
    }
}

/// Frames of mgmtd and the messages in them, of both generations; the bytes as one message, too, so that the
/// frame's own checks shield nothing.
pub fn frontend(data: &[u8]) {
    let mut buffer = BytesMut::from(data);
    loop {
        let before = buffer.len();
        match FrameCodec.decode(&mut buffer) {
            Ok(Some(frame)) => {
                assert!(buffer.len() < before, "a frame of no bytes");
                let _ = Message::parse(&frame);
            }
            Ok(None) | Err(_) => break,
        }
    }
    let bytes = bytes::Bytes::copy_from_slice(data);
    let _ = Message::parse(&Frame::Native(bytes.clone()));
    let _ = Message::parse(&Frame::Protobuf(bytes));
}

/// A configuration file is taken, or refused with words; what is taken can be shown and read again.
pub fn configuration(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let surroundings = Surroundings {
        env: &|name| (name.len() < 40).then(|| "10.0.0.1".to_owned()),
        read_file: &|_| Ok("a secret of some length".to_owned()),
        default_route_address: &|| Err(io::ErrorKind::NotFound.into()),
    };
    match Config::parse(&text, &surroundings) {
        Ok(config) => {
            let _ = config.warnings();
            let _ = format!("{config:?}");
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// A file of intents is taken, or refused with every mistake; what is taken is what the API takes.
pub fn intents(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    match file::parse("file".to_owned(), &text) {
        Ok(intents) => drop(wire::changes(&intents.changes)),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// A request of a client: whatever decodes is taken or refused, and what is taken has one spelling.
pub fn wire(data: &[u8]) {
    let Ok(request) = v1::ApplyRequest::decode(data) else { return };
    let _ = wire::changes(&request.changes);
    for change in &request.changes {
        let Some(v1::intent_change::Change::Set(message)) = &change.change else { continue };
        if let Ok(intent) = wire::intent(message) {
            let again = wire::intent_message(&intent);
            assert_eq!(wire::intent(&again).ok(), Some(intent));
        }
    }
}

/// A client's HTTP/2, in chunks whose size the first byte says: what is passed on does not depend on how it was cut, and
/// needs nothing any more.
pub fn authority(data: &[u8]) {
    let Some((size, data)) = data.split_first() else { return };
    let passed_on = |data: &[u8], chunk: usize| {
        let (mut authorities, mut out) = (Authorities::default(), Vec::new());
        for part in data.chunks(chunk) {
            match authorities.feed(part) {
                Ok(None) => out.extend_from_slice(part),
                Ok(Some(instead)) => out.extend(instead),
                Err(error) => return Err((error.to_string(), out)),
            }
        }
        Ok(out)
    };
    let whole = passed_on(data, data.len().max(1));
    let cut = passed_on(data, usize::from(*size).max(1));
    match (whole, cut) {
        (Ok(whole), Ok(cut)) => {
            assert_eq!(whole, cut);
            assert_eq!(passed_on(&whole, 4096).as_ref(), Ok(&whole), "it needs nothing any more");
        }
        (Err((error, _)), Err((same, _))) => assert_eq!(error, same),
        (whole, cut) => panic!("{whole:?} {cut:?}"),
    }
}
