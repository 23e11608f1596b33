//! Every string field of every request against every bad text.

use std::collections::BTreeSet;

use futures::future::{BoxFuture, FutureExt};
use tonic::Status;

use super::{
    contract::{config, declared, prefix, reload},
    *,
};
use crate::proto::v1::{
    diagnostics_client::DiagnosticsClient, intent, intent_change, intent_ref,
    maintenance_client::MaintenanceClient, static_route,
};

type Call = Box<
    dyn Fn(
        Client,
        TransactionsClient<Channel>,
        MaintenanceClient<Channel>,
        DiagnosticsClient<Channel>,
        String,
    ) -> BoxFuture<'static, Result<(), Status>>,
>;

/// One string field: `Message.field`, and the call that carries a text in it.
struct Field(&'static str, Call);

macro_rules! field {
    ($name:expr, $method:ident, $request:expr, |$r:ident, $text:ident| $set:expr) => {
        Field(
            $name,
            Box::new(|mut client, _, _, _, $text| {
                async move {
                    let mut $r = $request;
                    $set;
                    client.$method($r).await.map(drop)
                }
                .boxed()
            }),
        )
    };
}

macro_rules! change {
    ($name:literal, |$text:ident| $change:expr) => {
        Field(
            $name,
            Box::new(|_, mut client, _, _, $text| {
                async move {
                    let changes = vec![$change.into()];
                    let (owner, token) = ("novanet".to_owned(), token("novanet"));
                    client
                        .apply(v1::ApplyRequest { owner, token, changes, ..Default::default() })
                        .await
                        .map(drop)
                }
                .boxed()
            }),
        )
    };
}

/// One string of a request of the service Transactions.
macro_rules! transaction_field {
    ($name:expr, $method:ident, $request:expr, |$r:ident, $text:ident| $set:expr) => {
        Field(
            $name,
            Box::new(|_, mut client, _, _, $text| {
                async move {
                    let mut $r = $request;
                    $set;
                    client.$method($r).await.map(drop)
                }
                .boxed()
            }),
        )
    };
}

/// One string of a request of the service Diagnostics.
macro_rules! diagnostics_field {
    ($name:literal, $method:ident, $request:expr, |$r:ident, $text:ident| $set:expr) => {
        Field(
            $name,
            Box::new(|_, _, _, mut client, $text| {
                async move {
                    let mut $r = $request;
                    $set;
                    client.$method($r).await.map(drop)
                }
                .boxed()
            }),
        )
    };
}

/// One string of a request of the service Maintenance.
macro_rules! maintenance_field {
    ($name:literal, $method:ident, $request:expr, |$r:ident, $text:ident| $set:expr) => {
        Field(
            $name,
            Box::new(|_, _, mut client, _, $text| {
                async move {
                    let mut $r = $request;
                    $set;
                    client.$method($r).await.map(drop)
                }
                .boxed()
            }),
        )
    };
}

/// Owner and token of one kind of request.
macro_rules! credentials {
    ($fields:ident, $message:literal, $method:ident, $request:expr) => {
        $fields
            .push(field!(concat!($message, ".owner"), $method, $request, |r, text| r.owner = text));
        $fields
            .push(field!(concat!($message, ".token"), $method, $request, |r, text| r.token = text));
    };
}

fn bfd() -> v1::EnableBfdRequest {
    let (owner, token) = ("novanet".into(), token("novanet"));
    v1::EnableBfdRequest { owner, token, peer_address: "10.0.0.2".into(), ..Default::default() }
}

fn no_bfd() -> v1::DisableBfdRequest {
    let (owner, token) = ("novanet".into(), token("novanet"));
    v1::DisableBfdRequest { owner, token, peer_address: "10.0.0.2".into() }
}

fn ospf() -> v1::EnableOspfRequest {
    let (owner, token) = ("novanet".into(), token("novanet"));
    let (interface_name, area_id) = ("eth0".into(), "0".into());
    v1::EnableOspfRequest { owner, token, interface_name, area_id, ..Default::default() }
}

fn no_ospf() -> v1::DisableOspfRequest {
    let (owner, token) = ("novanet".into(), token("novanet"));
    v1::DisableOspfRequest { owner, token, interface_name: "eth0".into() }
}

fn plan() -> v1::PlanRequest {
    v1::PlanRequest { owner: "novanet".into(), token: token("novanet"), ..Default::default() }
}

fn confirm() -> v1::ConfirmRequest {
    let (owner, token) = ("novanet".into(), token("novanet"));
    v1::ConfirmRequest { owner, token, transaction_id: String::new() }
}

fn rollback() -> v1::RollbackRequest {
    let (owner, token) = ("novanet".into(), token("novanet"));
    v1::RollbackRequest { owner, token, transaction_id: String::new() }
}

fn set(kind: intent::Kind) -> intent_change::Change {
    intent_change::Change::Set(v1::Intent { kind: Some(kind) })
}

fn remove(kind: intent_ref::Kind) -> intent_change::Change {
    intent_change::Change::Remove(v1::IntentRef { kind: Some(kind) })
}

fn route(next_hop: static_route::NextHop) -> v1::StaticRoute {
    let prefix = "10.9.0.0/24".into();
    v1::StaticRoute { prefix, next_hop: Some(next_hop), distance: 0, tag: 0 }
}

fn attributes(attributes: v1::PrefixAttributes) -> v1::AdvertisePrefixRequest {
    let attributes = Some(attributes);
    v1::AdvertisePrefixRequest { attributes, ..advertise("novanet", "10.1.0.0/24") }
}

// The macro sets one field of whatever request it gets.
#[allow(clippy::field_reassign_with_default)]
fn fields() -> Vec<Field> {
    let net = "novanet";
    let mut all = Vec::new();
    credentials!(all, "RegisterRequest", register, register("novanet"));
    credentials!(all, "DeregisterRequest", deregister, deregister("novanet", false));
    credentials!(all, "ConfigureBGPRequest", configure_bgp, configure_bgp("novanet", 65000));
    credentials!(all, "ApplyPeerRequest", apply_peer, apply_peer("novanet", "10.0.0.2"));
    credentials!(all, "RemovePeerRequest", remove_peer, remove_peer("novanet", "10.0.0.2"));
    credentials!(
        all,
        "AdvertisePrefixRequest",
        advertise_prefix,
        advertise("novanet", "10.1.0.0/24")
    );
    credentials!(all, "WithdrawPrefixRequest", withdraw_prefix, withdraw("novanet", "10.1.0.0/24"));
    credentials!(all, "EnableBFDRequest", enable_bfd, bfd());
    credentials!(all, "DisableBFDRequest", disable_bfd, no_bfd());
    credentials!(all, "EnableOSPFRequest", enable_ospf, ospf());
    credentials!(all, "DisableOSPFRequest", disable_ospf, no_ospf());
    fn drain() -> v1::DrainRequest {
        v1::DrainRequest { token: token("novanet"), ..Default::default() }
    }
    fn undrain() -> v1::UndrainRequest {
        v1::UndrainRequest { token: token("novanet"), ..Default::default() }
    }
    fn adopt() -> v1::AdoptRequest {
        v1::AdoptRequest { token: token("novanet"), ..Default::default() }
    }
    all.extend([
        maintenance_field!("AdoptRequest.owner", adopt, adopt(), |r, text| r.owner = text),
        maintenance_field!("AdoptRequest.token", adopt, adopt(), |r, text| r.token = text),
        maintenance_field!("DrainRequest.owner", drain, drain(), |r, text| r.owner = text),
        maintenance_field!("DrainRequest.token", drain, drain(), |r, text| r.token = text),
        maintenance_field!("UndrainRequest.owner", undrain, undrain(), |r, text| r.owner = text),
        maintenance_field!("UndrainRequest.token", undrain, undrain(), |r, text| r.token = text),
    ]);
    all.extend([
        transaction_field!("PlanRequest.owner", plan, plan(), |r, text| r.owner = text),
        transaction_field!("PlanRequest.token", plan, plan(), |r, text| r.token = text),
        transaction_field!("ConfirmRequest.owner", confirm, confirm(), |r, text| r.owner = text),
        transaction_field!("ConfirmRequest.token", confirm, confirm(), |r, text| r.token = text),
        transaction_field!("ConfirmRequest.transaction_id", confirm, confirm(), |r, text| r
            .transaction_id =
            text),
        transaction_field!("RollbackRequest.owner", rollback, rollback(), |r, text| r.owner = text),
        transaction_field!("RollbackRequest.token", rollback, rollback(), |r, text| r.token = text),
        transaction_field!("RollbackRequest.transaction_id", rollback, rollback(), |r, text| r
            .transaction_id =
            text),
        transaction_field!(
            "GetTransactionRequest.transaction_id",
            get,
            v1::GetTransactionRequest::default(),
            |r, text| r.transaction_id = text
        ),
        transaction_field!(
            "ListTransactionsRequest.owner_filter",
            list,
            v1::ListTransactionsRequest::default(),
            |r, text| r.owner_filter = text
        ),
        transaction_field!(
            "WatchTransactionsRequest.owner_filter",
            watch,
            v1::WatchTransactionsRequest::default(),
            |r, text| r.owner_filter = text
        ),
    ]);
    for (name, of_token) in [("ApplyRequest.owner", false), ("ApplyRequest.token", true)] {
        all.push(Field(
            name,
            Box::new(move |_, mut client, _, _, text| {
                async move {
                    let mut request = v1::ApplyRequest {
                        owner: net.into(),
                        token: token(net),
                        changes: vec![],
                        ..Default::default()
                    };
                    *(if of_token { &mut request.token } else { &mut request.owner }) = text;
                    client.apply(request).await.map(drop)
                }
                .boxed()
            }),
        ));
    }
    macro_rules! peer_field {
        ($name:literal, $field:ident) => {
            field!($name, apply_peer, apply_peer("novanet", "10.0.0.2"), |r, text| {
                if let Some(peer) = &mut r.peer {
                    peer.$field = text;
                }
            })
        };
    }
    use v1::PrefixAttributes;
    all.extend([
        field!(
            "ConfigureBGPRequest.router_id",
            configure_bgp,
            configure_bgp("novanet", 65000),
            |r, text| r.router_id = text
        ),
        peer_field!("BGPPeer.neighbor_address", neighbor_address),
        peer_field!("BGPPeer.description", description),
        peer_field!("BGPPeer.shutdown_message", shutdown_message),
        peer_field!("BGPPeer.source_address", source_address),
        peer_field!("BGPPeer.password", password),
        field!("BGPPeer.bfd_profile", apply_peer, apply_peer("novanet", "10.0.0.2"), |r, text| {
            if let Some(peer) = &mut r.peer {
                (peer.bfd_enabled, peer.bfd_profile) = (true, text);
            }
        }),
        field!(
            "RemovePeerRequest.neighbor_address",
            remove_peer,
            remove_peer("novanet", ""),
            |r, text| r.neighbor_address = text
        ),
        field!(
            "AdvertisePrefixRequest.prefix",
            advertise_prefix,
            advertise("novanet", ""),
            |r, text| r.prefix = text
        ),
        field!(
            "WithdrawPrefixRequest.prefix",
            withdraw_prefix,
            withdraw("novanet", ""),
            |r, text| r.prefix = text
        ),
        field!(
            "PrefixAttributes.communities",
            advertise_prefix,
            attributes(PrefixAttributes::default()),
            |r, text| {
                r.attributes =
                    Some(PrefixAttributes { communities: vec![text], ..Default::default() })
            }
        ),
        field!(
            "PrefixAttributes.next_hop",
            advertise_prefix,
            attributes(PrefixAttributes::default()),
            |r, text| {
                r.attributes = Some(PrefixAttributes { next_hop: text, ..Default::default() })
            }
        ),
        field!("EnableBFDRequest.peer_address", enable_bfd, bfd(), |r, text| r.peer_address = text),
        field!("EnableBFDRequest.interface_name", enable_bfd, bfd(), |r, text| r.interface_name =
            text),
        field!("EnableBFDRequest.local_address", enable_bfd, bfd(), |r, text| r.local_address =
            text),
        field!("EnableBFDRequest.profile", enable_bfd, bfd(), |r, text| r.profile = text),
        field!("DisableBFDRequest.peer_address", disable_bfd, no_bfd(), |r, text| r.peer_address =
            text),
        field!("EnableOSPFRequest.interface_name", enable_ospf, ospf(), |r, text| r
            .interface_name =
            text),
        field!("EnableOSPFRequest.area_id", enable_ospf, ospf(), |r, text| r.area_id = text),
        field!("DisableOSPFRequest.interface_name", disable_ospf, no_ospf(), |r, text| r
            .interface_name =
            text),
        field!(
            "GetStatusRequest.owner_filter",
            get_status,
            v1::GetStatusRequest::default(),
            |r, text| r.owner_filter = text
        ),
        field!(
            "StreamEventsRequest.owner_filter",
            stream_events,
            v1::StreamEventsRequest::default(),
            |r, text| r.owner_filter = text
        ),
        field!(
            "StreamEventsRequest.event_types",
            stream_events,
            v1::StreamEventsRequest::default(),
            |r, text| r.event_types = vec![text]
        ),
        change!("BGPConfig.router_id", |text| set(intent::Kind::Bgp(v1::BgpConfig {
            local_as: 65000,
            router_id: text
        }))),
        change!("PrefixAdvertisement.prefix", |text| set(intent::Kind::Prefix(
            v1::PrefixAdvertisement { prefix: text, protocol: 1, attributes: None }
        ))),
        change!("PrefixRef.prefix", |text| remove(intent_ref::Kind::Prefix(v1::PrefixRef {
            prefix: text,
            protocol: 1
        }))),
        change!("IntentRef.peer", |text| remove(intent_ref::Kind::Peer(text))),
        change!("IntentRef.static_route", |text| remove(intent_ref::Kind::StaticRoute(text))),
        change!("IntentRef.bfd_profile", |text| remove(intent_ref::Kind::BfdProfile(text))),
        change!("IntentRef.bfd_session", |text| remove(intent_ref::Kind::BfdSession(text))),
        change!("IntentRef.ospf_interface", |text| remove(intent_ref::Kind::OspfInterface(text))),
        change!("BFDSession.peer_address", |text| set(intent::Kind::BfdSession(v1::BfdSession {
            peer_address: text,
            ..Default::default()
        }))),
        change!("BFDSession.local_address", |text| set(intent::Kind::BfdSession(v1::BfdSession {
            peer_address: "10.0.0.2".into(),
            local_address: text,
            ..Default::default()
        }))),
        change!("BFDSession.profile", |text| set(intent::Kind::BfdSession(v1::BfdSession {
            peer_address: "10.0.0.2".into(),
            profile: text,
            ..Default::default()
        }))),
        change!("BFDProfile.name", |text| set(intent::Kind::BfdProfile(v1::BfdProfile {
            name: text,
            ..Default::default()
        }))),
        change!("BFDSession.interface_name", |text| set(intent::Kind::BfdSession(
            v1::BfdSession {
                peer_address: "10.0.0.2".into(),
                interface_name: text,
                ..Default::default()
            }
        ))),
        change!("OSPFInterface.interface_name", |text| set(intent::Kind::OspfInterface(
            v1::OspfInterface { interface_name: text, area_id: "0".into(), ..Default::default() }
        ))),
        change!("OSPFInterface.area_id", |text| set(intent::Kind::OspfInterface(
            v1::OspfInterface {
                interface_name: "eth0".into(),
                area_id: text,
                ..Default::default()
            }
        ))),
        change!("StaticRoute.prefix", |text| set(intent::Kind::StaticRoute(v1::StaticRoute {
            prefix: text,
            ..route(static_route::NextHop::Blackhole(true))
        }))),
        change!("StaticRoute.gateway", |text| set(intent::Kind::StaticRoute(route(
            static_route::NextHop::Gateway(text)
        )))),
        diagnostics_field!("GetDeclaredRequest.owner_filter", get_declared, declared(), |r, t| {
            r.owner_filter = t
        }),
        diagnostics_field!("ExplainRequest.target", explain, prefix(), |r, t| r.target = t),
        diagnostics_field!("ExplainRequest.kind", explain, prefix(), |r, t| r.kind = t),
        diagnostics_field!("GetConfigRequest.owner", get_config, config(), |r, t| r.owner = t),
        diagnostics_field!("GetConfigRequest.token", get_config, config(), |r, t| r.token = t),
        maintenance_field!("ReloadRequest.owner", reload, reload(), |r, t| r.owner = t),
        maintenance_field!("ReloadRequest.token", reload, reload(), |r, t| r.token = t),
        change!("IntentChange.source", |source| v1::IntentChange {
            source,
            ..set(intent::Kind::StaticRoute(route(static_route::NextHop::Blackhole(true)))).into()
        }),
        change!("StaticRoute.interface_name", |text| set(intent::Kind::StaticRoute(route(
            static_route::NextHop::InterfaceName(text)
        )))),
    ]);
    all
}

#[test]
fn the_matrix_has_every_string_of_the_contract() {
    let covered: BTreeSet<_> = fields().iter().map(|field| field.0.to_owned()).collect();
    assert_eq!(covered, contract::strings());
}

#[tokio::test]
async fn every_bad_text_in_every_field_is_a_clear_error() {
    let (agent, client) = Agent::configured().await;
    let transactions = agent.transactions().await;
    let maintenance = agent.maintenance().await;
    let diagnostics = DiagnosticsClient::new(agent.channel().await);
    let before = agent.inner.commit.view();
    let long = "x".repeat(10_240);
    let lines = "10.0.0.2\nip route 0.0.0.0/0 blackhole";
    for Field(name, call) in fields() {
        // "%" is a fair character of texts that FRR takes as they are.
        let may_percent =
            ["description", "shutdown_message", "password", "interface_name", "source"];
        for text in [lines, "a\nb", "\r\n", "\0", "10.0.0.2\0", "%", "%s%n", "\u{1b}[2J", &long] {
            let clients = (client.clone(), transactions.clone(), maintenance.clone());
            let diagnostics = diagnostics.clone();
            let answer = call(clients.0, clients.1, clients.2, diagnostics, text.to_owned()).await;
            let short: String = text.chars().take(20).collect();
            let Err(status) = answer else {
                let fair = text.starts_with('%') && may_percent.iter().any(|f| name.ends_with(f));
                assert!(fair, "{name} took {short:?}");
                continue;
            };
            let expected = match name.split_once('.').unwrap() {
                (_, "owner" | "token") => Code::Unauthenticated,
                ("DisableOSPFRequest", _) | (_, "ospf_interface") if text.starts_with('%') => {
                    Code::NotFound
                }
                _ => Code::InvalidArgument,
            };
            assert_eq!(status.code(), expected, "{name} {short:?}: {status}");
            assert!(status.message().len() < 1000, "{name} {short:?}");
            assert!(!status.message().contains(char::is_control), "{name} {short:?}");
        }
    }
    // What "%" was fair for is there; nothing else is.
    let after = agent.inner.commit.view();
    let changed: Vec<_> =
        after.store.diff(&before.store).map(|(key, ..)| key.to_string()).collect();
    assert_eq!(
        changed,
        [
            "peer 10.0.0.2",
            "static route 10.9.0.0/24",
            "BFD session 10.0.0.2",
            "OSPF interface %",
            "OSPF interface %s%n"
        ]
    );
}
