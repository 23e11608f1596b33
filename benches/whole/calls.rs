//! Calls of the agent, timed; and whether FRR has what was confirmed.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::{Buf, Bytes};
use novaroute::proto::v1::{
    ApplyRequest, GetStatusRequest, GetStatusResponse, IntentChange, Outcome,
};
use prost::Message;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::{
    Request, Status,
    client::Grpc,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
};

use super::{
    agent::{Client, MAX_ANSWER, OWNER, TOKEN},
    lab::{Lab, Router},
    stats::Samples,
    vty::Vty,
    work::{advertise, prefix},
};

/// Longest wait for a route at the peer.
pub const AT_PEER: Duration = Duration::from_secs(20);

/// Pause between two looks at the peer's table; a look takes about 100 µs.
pub const LOOK: Duration = Duration::from_micros(200);

fn words(status: Status) -> String {
    format!("{:?}: {}", status.code(), status.message())
}

impl Client {
    /// One Apply. Anything but confirmed is an error.
    pub async fn apply(&mut self, changes: Vec<IntentChange>) -> Result<Duration, String> {
        let (owner, token) = (OWNER.to_owned(), TOKEN.to_owned());
        let request = ApplyRequest { owner, token, changes, ..Default::default() };
        let begun = Instant::now();
        let answer = self.transactions.apply(request).await.map_err(words)?.into_inner();
        let took = begun.elapsed();
        match answer.outcome() {
            Outcome::Confirmed | Outcome::Unchanged => Ok(took),
            other => Err(format!("{other:?}")),
        }
    }

    /// As many Applies as it takes, of at most `piece` changes each.
    pub async fn apply_in_pieces(
        &mut self,
        changes: &[IntentChange],
        piece: usize,
    ) -> Result<Duration, String> {
        let mut took = Duration::ZERO;
        for piece in changes.chunks(piece) {
            took += self.apply(piece.to_vec()).await?;
        }
        Ok(took)
    }

    /// AdvertisePrefix, one after another, until `count` or the end of `budget`; gives the
    /// times, and how many were advertised.
    pub async fn advertise_each(
        &mut self,
        from: u32,
        count: u32,
        budget: Duration,
    ) -> Result<(Samples, u32), String> {
        let (mut samples, all) = (Samples::default(), Instant::now());
        for at in from..from + count {
            let request = advertise(at);
            let begun = Instant::now();
            self.calls.advertise_prefix(request).await.map_err(words)?;
            samples.push(begun.elapsed());
            if all.elapsed() > budget {
                break;
            }
        }
        let advertised = u32::try_from(samples.len()).expect("no more than count");
        Ok((samples, advertised))
    }

    /// The same, each to the moment in which `tor` has the route.
    pub async fn advertise_to_peer(
        &mut self,
        lab: &Lab,
        from: u32,
        count: u32,
        budget: Duration,
    ) -> Result<(Samples, u32), String> {
        let io = |error: std::io::Error| error.to_string();
        let mut tor = Vty::connect(lab, Router::Tor, "bgpd").map_err(io)?;
        let (mut samples, all) = (Samples::default(), Instant::now());
        for at in from..from + count {
            let (mut calls, request) = (self.calls.clone(), advertise(at));
            let begun = Instant::now();
            let call = tokio::spawn(async move { calls.advertise_prefix(request).await });
            while !tor.has_route(&prefix(at)).map_err(io)? {
                if begun.elapsed() > AT_PEER {
                    return Err(format!("{} does not reach tor in {AT_PEER:?}", prefix(at)));
                }
                tokio::time::sleep(LOOK).await;
            }
            samples.push(begun.elapsed());
            call.await.map_err(|error| error.to_string())?.map_err(words)?;
            if all.elapsed() > budget {
                break;
            }
        }
        let advertised = u32::try_from(samples.len()).expect("no more than count");
        Ok((samples, advertised))
    }

    /// AdvertisePrefix for all, `width` of them under way at a time, until `budget` ends; gives
    /// the time of all and how many were confirmed.
    pub async fn advertise_wide(
        &self,
        from: u32,
        count: u32,
        width: u32,
        budget: Duration,
    ) -> Result<(Duration, u32), String> {
        let next = Arc::new(AtomicU32::new(0));
        let begun = Instant::now();
        let workers: Vec<_> = (0..width)
            .map(|_| {
                let (mut calls, next) = (self.calls.clone(), next.clone());
                tokio::spawn(async move {
                    while begun.elapsed() < budget {
                        let at = next.fetch_add(1, Ordering::Relaxed);
                        if at >= count {
                            return Ok(());
                        }
                        calls.advertise_prefix(advertise(from + at)).await.map_err(words)?;
                    }
                    Ok::<(), String>(())
                })
            })
            .collect();
        for worker in workers {
            worker.await.map_err(|error| error.to_string())??;
        }
        Ok((begun.elapsed(), next.load(Ordering::Relaxed).min(count)))
    }

    /// GetStatus, one after another, to the last byte of the answer; each must list that many prefixes. Also
    /// what it takes to make messages of an answer: that is the client's own time.
    pub async fn status(&self, prefixes: u32, count: u32) -> Result<(Samples, Samples), String> {
        let (mut samples, mut decoding) = (Samples::default(), Samples::default());
        let mut grpc = Grpc::new(self.channel.clone()).max_decoding_message_size(MAX_ANSWER);
        let path = PathAndQuery::from_static("/novaroute.v1.RouteControl/GetStatus");
        for _ in 0..count {
            let begun = Instant::now();
            grpc.ready().await.map_err(|error| error.to_string())?;
            let request = Request::new(GetStatusRequest::default());
            let answer = grpc.unary(request, path.clone(), Undecoded).await;
            let answer = answer.map_err(words)?.into_inner();
            samples.push(begun.elapsed());
            let begun = Instant::now();
            let answer = GetStatusResponse::decode(answer).map_err(|error| error.to_string())?;
            decoding.push(begun.elapsed());
            if answer.prefixes.len() != prefixes as usize {
                return Err(format!("{} prefixes instead of {prefixes}", answer.prefixes.len()));
            }
        }
        Ok((samples, decoding))
    }
}

/// A call whose answer stays as it came.
#[derive(Clone, Copy)]
struct Undecoded;

impl Codec for Undecoded {
    type Encode = GetStatusRequest;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for Undecoded {
    type Item = GetStatusRequest;
    type Error = Status;

    fn encode(&mut self, item: Self::Item, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        item.encode(into).map_err(|error| Status::internal(error.to_string()))
    }
}

impl Decoder for Undecoded {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}

/// FRR has all of these networks, or none of them: asked from bgpd itself.
pub fn check_networks(lab: &Lab, from: u32, count: u32, wanted: bool) -> Result<(), String> {
    let io = |error: std::io::Error| error.to_string();
    let there = Vty::connect(lab, Router::Node, "bgpd").and_then(|mut vty| vty.networks());
    let there = there.map_err(io)?;
    let wrong = (from..from + count).filter(|at| there.contains(&prefix(*at)) != wanted).count();
    match (wrong, wanted) {
        (0, _) => Ok(()),
        (wrong, true) => Err(format!("NOT CONFIRMED: bgpd lacks {wrong} of {count} networks")),
        (wrong, false) => Err(format!("NOT CONFIRMED: bgpd still has {wrong} of {count} networks")),
    }
}
