//! Clients' bytes with every spelling that HTTP/2 has for a header, read by the server behind (the crate `h2`): it is
//! which decides whether what is passed on is valid.

use std::time::Duration;

use proptest::{collection::vec, prelude::*, sample::Index};
use tokio::io::AsyncWriteExt;

use super::*;

/// One request: its authority, and other fields.
#[derive(Debug, Clone)]
struct Wanted {
    authority: Option<Vec<u8>>,
    others: Vec<(String, String)>,
    spelling: Spelling,
}

/// How a request's header block is written.
#[derive(Debug, Clone)]
struct Spelling {
    /// Of each field: which of the three literals, name by index, entry by index, Huffman for name and value.
    fields: Vec<(u8, bool, bool, bool, bool)>,
    padding: Option<u8>,
    priority: bool,
    /// Where a block is cut into frames.
    cuts: Vec<Index>,
    /// Sizes of the dynamic table that the block begins with.
    resize: Option<u16>,
    data: Vec<u8>,
}

fn spelling() -> impl Strategy<Value = Spelling> {
    let field = (0..3_u8, any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    let resize = proptest::option::weighted(0.2, 0..=4096_u16);
    let rest = (any::<Option<u8>>(), any::<bool>(), vec(any::<Index>(), 0..4), resize);
    (vec(field, 12), rest, vec(any::<u8>(), 0..40)).prop_map(
        |(fields, (padding, priority, cuts, resize), data)| Spelling {
            fields,
            padding,
            priority,
            cuts,
            resize,
            data,
        },
    )
}

fn requests(
    authority: impl Strategy<Value = Option<Vec<u8>>>,
) -> impl Strategy<Value = Vec<Wanted>> {
    let text = "[ -~]{0,70}".prop_map(|text: String| text.trim().to_owned());
    let name = prop_oneof!["x-[a-d]", Just("user-agent".to_owned()), Just("accept".to_owned())];
    let request = (authority, vec((name, text), 0..6), spelling());
    let request =
        request.prop_map(|(authority, others, spelling)| Wanted { authority, others, spelling });
    vec(request, 1..12)
}

fn any_authority() -> impl Strategy<Value = Option<Vec<u8>>> {
    proptest::option::weighted(
        0.9,
        prop_oneof![
            Just(b"run%2Fnovaroute%2Fnovaroute.sock".to_vec()),
            Just(b"localhost".to_vec()),
            Just(Vec::new()),
            Just(b"[::1]:80:80".to_vec()),
            "[!-~]{1,200}".prop_map(String::into_bytes),
            vec(any::<u8>(), 0..30),
        ],
    )
}

fn good_authority() -> impl Strategy<Value = Option<Vec<u8>>> {
    proptest::option::of("[a-z]{1,20}(:[1-9][0-9]{0,3})?".prop_map(String::into_bytes))
}

/// A client's encoder with a table of its own.
struct Encoder {
    table: Vec<(Vec<u8>, Vec<u8>)>,
    max: usize,
}

impl Encoder {
    fn integer(block: &mut Vec<u8>, first: u8, bits: u32, value: usize) {
        let mask = (1 << bits) - 1;
        if value < mask {
            return block.push(first | value as u8);
        }
        block.push(first | mask as u8);
        let mut value = value - mask;
        while value >= 0x80 {
            block.push(value as u8 | 0x80);
            value >>= 7;
        }
        block.push(value as u8);
    }

    fn text(block: &mut Vec<u8>, text: &[u8], coded: bool) {
        let bytes = if coded { huffman::encode(text) } else { text.to_vec() };
        Self::integer(block, if coded { 0x80 } else { 0 }, 7, bytes.len());
        block.extend_from_slice(&bytes);
    }

    fn field(
        &mut self,
        block: &mut Vec<u8>,
        name: &[u8],
        value: &[u8],
        how: (u8, bool, bool, bool, bool),
    ) {
        let (literal, by_index, whole, name_coded, value_coded) = how;
        let known = |(at, entry): (usize, &(&[u8], &[u8]))| {
            (at + 1, entry.0 == name, *entry == (name, value))
        };
        let fixed = hpack::STATIC.iter().map(|(n, v)| (n.as_bytes(), v.as_bytes()));
        let all: Vec<_> = fixed.chain(self.table.iter().map(|(n, v)| (&n[..], &v[..]))).collect();
        let entries: Vec<_> = all.iter().enumerate().map(known).collect();
        if let Some((at, ..)) = entries.iter().rev().find(|(_, _, same)| *same && whole) {
            return Self::integer(block, 0x80, 7, *at);
        }
        // The newest of this name: of the dynamic table where there is one.
        let index =
            entries.iter().rev().find(|(_, same, _)| *same && by_index).map_or(0, |(at, ..)| *at);
        let (first, bits) = [(0x40, 6), (0, 4), (0x10, 4)][usize::from(literal)];
        Self::integer(block, first, bits, index);
        if index == 0 {
            Self::text(block, name, name_coded);
        }
        Self::text(block, value, value_coded);
        if literal == 0 {
            self.table.insert(0, (name.to_vec(), value.to_vec()));
            self.fit();
        }
    }

    fn fit(&mut self) {
        while self.table.iter().map(|(n, v)| n.len() + v.len() + 32).sum::<usize>() > self.max {
            self.table.pop();
        }
    }
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// What a client sends that makes these requests.
fn client(requests: &[Wanted]) -> Vec<u8> {
    let mut encoder = Encoder { table: Vec::new(), max: 4096 };
    let mut bytes = PREFACE.to_vec();
    bytes.extend(frame(4, 0, 0, &[]));
    for (number, request) in requests.iter().enumerate() {
        let (stream, spelling) = (number as u32 * 2 + 1, &request.spelling);
        let mut block = Vec::new();
        if let Some(size) = spelling.resize {
            Encoder::integer(&mut block, 0x20, 5, usize::from(size));
            encoder.max = usize::from(size);
            encoder.fit();
        }
        let mut how = spelling.fields.iter().copied().cycle();
        let mut put =
            |name: &[u8], value: &[u8]| encoder.field(&mut block, name, value, how.next().unwrap());
        put(b":method", b"POST");
        if let Some(authority) = &request.authority {
            put(b":authority", authority);
        }
        put(b":scheme", b"http");
        put(b":path", format!("/{number}").as_bytes());
        for (name, value) in &request.others {
            put(name.as_bytes(), value.as_bytes());
        }
        let mut cuts: Vec<_> = spelling.cuts.iter().map(|cut| cut.index(block.len() + 1)).collect();
        cuts.sort_unstable();
        let mut parts = Vec::new();
        let mut begin = 0;
        for cut in cuts.into_iter().chain([block.len()]) {
            parts.push(&block[begin..cut]);
            begin = cut;
        }
        let last = parts.len() - 1;
        for (number, part) in parts.into_iter().enumerate() {
            let end = if number == last { END_HEADERS } else { 0 };
            if number > 0 {
                bytes.extend(frame(CONTINUATION, end, stream, part));
                continue;
            }
            let (mut flags, mut payload) = (end, Vec::new());
            if let Some(padding) = spelling.padding {
                flags |= PADDED;
                payload.push(padding);
            }
            if spelling.priority {
                flags |= PRIORITY;
                payload.extend([0, 0, 0, 0, 7]);
            }
            payload.extend(part);
            payload.resize(payload.len() + usize::from(spelling.padding.unwrap_or(0)), 0);
            bytes.extend(frame(HEADERS, flags, stream, &payload));
        }
        bytes.extend(frame(0, 1, stream, &spelling.data));
    }
    bytes
}

/// What is passed on of these bytes where they come in such chunks.
fn passed_on(bytes: &[u8], sizes: &[usize]) -> Result<Vec<u8>, NotHttp2> {
    let (mut authorities, mut out, mut at) = (Authorities::default(), Vec::new(), 0);
    for size in sizes.iter().cycle() {
        let chunk = &bytes[at..bytes.len().min(at + size)];
        if chunk.is_empty() {
            return Ok(out);
        }
        match authorities.feed(chunk)? {
            None => out.extend_from_slice(chunk),
            Some(other) => out.extend(other),
        }
        assert!(authorities.held.len() <= MAX_BLOCK);
        at += chunk.len();
    }
    unreachable!("sizes are never empty")
}

/// A request as it was read: path, authority, other fields.
type Read = (String, Option<String>, Vec<(String, String)>);

/// The requests that the server behind reads of these bytes, as many as are expected, or as come within the time.
fn read(bytes: &[u8], expected: usize, within: Duration) -> Vec<Read> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (mut client, server) = tokio::io::duplex(1 << 20);
        client.write_all(bytes).await.unwrap();
        let mut builder = h2::server::Builder::new();
        let server = builder.max_header_list_size(1 << 20).handshake::<_, Bytes>(server);
        let mut server = server.await.unwrap();
        let mut requests = Vec::new();
        while requests.len() < expected
            && let Ok(Some(request)) = tokio::time::timeout(within, server.accept()).await
        {
            let (request, _) = request.unwrap();
            let fields = request.headers().iter().map(|(name, value)| {
                (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
            });
            let mut fields: Vec<_> = fields.collect();
            fields.sort_unstable();
            let authority = request.uri().authority().map(ToString::to_string);
            requests.push((request.uri().path().to_owned(), authority, fields));
        }
        requests
    })
}

/// All that is expected comes within this on any machine.
const SOON: Duration = Duration::from_secs(60);

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Whatever is said of the authority, in whatever spelling and however it is cut: the server gets every request,
    /// with all its other fields.
    #[test]
    fn every_authority_in_every_spelling_is_taken(
        requests in requests(any_authority()),
        sizes in vec(1..2000_usize, 1..20),
    ) {
        let out = passed_on(&client(&requests), &sizes).unwrap();
        let seen = read(&out, requests.len(), SOON);
        prop_assert_eq!(seen.len(), requests.len());
        for (number, ((path, authority, fields), wanted)) in seen.into_iter().zip(&requests).enumerate() {
            prop_assert_eq!(path, format!("/{number}"));
            let expected = wanted.authority.as_ref().filter(|it| !it.is_empty()).map(|it| {
                let valid = Authority::try_from(&it[..]).is_ok();
                if valid { String::from_utf8(it.clone()).unwrap() } else { "localhost".to_owned() }
            });
            prop_assert_eq!(authority, expected);
            let mut others = wanted.others.clone();
            others.sort_unstable();
            prop_assert_eq!(fields, others);
        }
    }

    /// A client whose authority is valid is passed on byte for byte.
    #[test]
    fn a_client_that_needs_nothing_is_left_as_it_is(
        requests in requests(good_authority()),
        sizes in vec(1..2000_usize, 1..20),
    ) {
        let bytes = client(&requests);
        prop_assert_eq!(passed_on(&bytes, &sizes).unwrap(), bytes);
    }

    /// Spoilt bytes end a connection or are passed on, the same however they are cut.
    #[test]
    fn what_is_no_http2_is_the_same_however_it_is_cut(
        requests in requests(any_authority()),
        spoils in vec((any::<Index>(), any::<u8>()), 1..6),
        sizes in vec(1..300_usize, 1..20),
    ) {
        let mut bytes = client(&requests);
        for (at, by) in spoils {
            let at = at.index(bytes.len());
            bytes[at] ^= by;
        }
        let whole = passed_on(&bytes, &[bytes.len()]).map_err(|error| error.to_string());
        let cut = passed_on(&bytes, &sizes).map_err(|error| error.to_string());
        prop_assert_eq!(whole, cut);
    }
}

/// As gRPC's C core spells it: every field a literal that is indexed, its name in full.
#[test]
fn the_path_of_a_socket_becomes_localhost_and_nothing_else_changes() {
    let plain = Spelling {
        fields: vec![(0, false, false, false, false)],
        padding: None,
        priority: false,
        cuts: Vec::new(),
        resize: None,
        data: Vec::new(),
    };
    let wanted = Wanted {
        authority: Some(b"run%2Fnovaroute%2Fnovaroute.sock".to_vec()),
        others: vec![("te".into(), "trailers".into())],
        spelling: plain,
    };
    let bytes = client(&[wanted.clone(), wanted]);
    let untouched = read(&bytes, 2, Duration::from_millis(300));
    assert!(untouched.is_empty(), "taken as it is: this is of no use any more");
    let requests = read(&passed_on(&bytes, &[64]).unwrap(), 2, SOON);
    assert_eq!(requests.len(), 2);
    for (_, authority, fields) in requests {
        assert_eq!(authority.as_deref(), Some("localhost"));
        assert_eq!(fields, [("te".to_owned(), "trailers".to_owned())]);
    }
}

/// grpcio as it comes, captured: `grpc.insecure_channel("unix:/tmp/run-cap/novaroute.sock")`, two calls, the second by
/// what the first left in the table.
#[test]
fn what_grpcio_sends_is_taken() {
    let sync = include_bytes!("../../../tests/vectors/grpcio-sync-1.85.1.bin");
    let aio = include_bytes!("../../../tests/vectors/grpcio-aio-1.85.1.bin");
    for bytes in [&sync[..], &aio[..]] {
        for chunk in [1, 7, 100, bytes.len()] {
            let requests = read(&passed_on(bytes, &[chunk]).unwrap(), 2, SOON);
            for (path, authority, fields) in &requests {
                assert_eq!(path, "/novaroute.v1.RouteControl/GetStatus");
                assert_eq!(authority.as_deref(), Some("localhost"));
                let has =
                    |name: &str, value: &str| fields.contains(&(name.to_owned(), value.to_owned()));
                assert!(
                    has("te", "trailers") && has("content-type", "application/grpc"),
                    "{fields:?}"
                );
            }
            assert_eq!(requests.len(), 2);
        }
    }
}

/// A header block without an end is not kept.
#[test]
fn a_block_without_an_end_is_not_kept() {
    let mut bytes = PREFACE.to_vec();
    bytes.extend(frame(HEADERS, 0, 1, &[0; 16_000]));
    for _ in 0..1000 {
        bytes.extend(frame(CONTINUATION, 0, 1, &[0; 16_000]));
    }
    assert_eq!(passed_on(&bytes, &[4096]).unwrap(), bytes, "the server behind refuses it");
}
