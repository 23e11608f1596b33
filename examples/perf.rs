use std::time::{Duration, Instant};
use hyper_util::rt::TokioIo;
use novaroute::proto::v1::{self, route_control_client::RouteControlClient, transactions_client::TransactionsClient};
use tonic::transport::Endpoint;
fn pfx(i: usize) -> String { format!("10.{}.{}.{}/32", 100 + i / 65536, (i / 256) % 256, i % 256) }
fn change(i: usize, remove: bool) -> v1::IntentChange {
    use v1::intent_change::Change;
    let c = if remove {
        Change::Remove(v1::IntentRef { kind: Some(v1::intent_ref::Kind::Prefix(v1::PrefixRef { prefix: pfx(i), protocol: 1 })) })
    } else {
        Change::Set(v1::Intent { kind: Some(v1::intent::Kind::Prefix(v1::PrefixAdvertisement { prefix: pfx(i), protocol: 1, attributes: None })) })
    };
    v1::IntentChange { change: Some(c) }
}
fn pct(v: &mut Vec<f64>) -> (f64, f64) { v.sort_by(|a, b| a.total_cmp(b)); (v[v.len() / 2], v[v.len() * 99 / 100]) }
#[tokio::main]
async fn main() {
    let sock = std::env::args().nth(1).unwrap();
    let sizes: Vec<usize> = std::env::args().skip(2).map(|a| a.parse().unwrap()).collect();
    let connect = tower::service_fn(move |_| { let s = sock.clone(); async move { tokio::net::UnixStream::connect(s).await.map(TokioIo::new) } });
    let ch = Endpoint::from_static("http://a").timeout(Duration::from_secs(300)).connect_with_connector(connect).await.unwrap();
    let mut rc = RouteControlClient::new(ch.clone());
    let mut tx = TransactionsClient::new(ch.clone());
    let (owner, token) = ("admin".to_string(), "lab".to_string());
    let adv = |i: usize| v1::AdvertisePrefixRequest { owner: "admin".into(), token: "lab".into(), prefix: format!("172.{}.{}.{}/32", 16 + i / 65536, (i / 256) % 256, i % 256), protocol: 1, attributes: None };
    let wd = |i: usize| v1::WithdrawPrefixRequest { owner: "admin".into(), token: "lab".into(), prefix: format!("172.{}.{}.{}/32", 16 + i / 65536, (i / 256) % 256, i % 256), protocol: 1 };
    for n in sizes {
        if n > 0 {
            let changes = (0..n).map(|i| change(i, false)).collect();
            let t = Instant::now();
            tx.apply(v1::ApplyRequest { owner: owner.clone(), token: token.clone(), changes, dry_run: false, confirm_timeout: 0 }).await.unwrap();
            println!("apply {n}: {:?}", t.elapsed());
        }
        let mut v = Vec::new();
        for i in 0..300 { let t = Instant::now(); rc.advertise_prefix(adv(i)).await.unwrap(); v.push(t.elapsed().as_secs_f64() * 1e3); }
        println!("store {n}: advertise p50/p99 ms {:?}", pct(&mut v));
        let mut v = Vec::new();
        for i in 0..300 { let t = Instant::now(); rc.withdraw_prefix(wd(i)).await.unwrap(); v.push(t.elapsed().as_secs_f64() * 1e3); }
        println!("store {n}: withdraw p50/p99 ms {:?}", pct(&mut v));
        let mut v = Vec::new();
        for _ in 0..100 { let t = Instant::now(); rc.get_status(v1::GetStatusRequest { owner_filter: String::new() }).await.unwrap(); v.push(t.elapsed().as_secs_f64() * 1e3); }
        println!("store {n}: status p50/p99 ms {:?}", pct(&mut v));
        if n > 0 {
            let changes = (0..n).map(|i| change(i, true)).collect();
            let t = Instant::now();
            tx.apply(v1::ApplyRequest { owner: owner.clone(), token: token.clone(), changes, dry_run: false, confirm_timeout: 0 }).await.unwrap();
            println!("withdraw {n}: {:?}", t.elapsed());
        } else {
            use futures::StreamExt;
            let m = 10000;
            let t = Instant::now();
            futures::stream::iter(0..m).for_each_concurrent(64, |i| { let mut rc = rc.clone(); let r = adv(i); async move { rc.advertise_prefix(r).await.unwrap(); } }).await;
            println!("unary 64 in flight: {:.0}/s", m as f64 / t.elapsed().as_secs_f64());
            let t = Instant::now();
            futures::stream::iter(0..m).for_each_concurrent(64, |i| { let mut rc = rc.clone(); let r = wd(i); async move { rc.withdraw_prefix(r).await.unwrap(); } }).await;
            println!("unary withdraw 64 in flight: {:.0}/s", m as f64 / t.elapsed().as_secs_f64());
        }
    }
}
