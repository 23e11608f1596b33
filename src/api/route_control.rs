//! `novaroute.v1.RouteControl`: one intent at a time.
//!
//! Request messages hold tokens and passwords and derive `Debug`: none is ever logged.

use std::{pin::Pin, sync::Arc};

use futures::{Stream, StreamExt, stream};
use tonic::{Request, Response, Status, async_trait};

use super::{
    Api, Dependencies, EncodedStatus, codes, link_local,
    replay::{current_state, next_prefix},
    service::connection,
    static_routes::route_statuses,
    status::{get_status, prefix_statuses},
    transactions::outcome,
};
use crate::{
    commit::Committed,
    events::{Filter, parse_owner_filter},
    model::{Change, FieldErrors, Intent, IntentKey, Peer},
    proto::v1::{self, served::route_control_server::RouteControl},
    wire, world,
};

/// Events as they happen.
type Events = Pin<Box<dyn Stream<Item = Result<v1::RouteEvent, Status>> + Send>>;

#[async_trait]
impl RouteControl for Api {
    async fn register(
        &self,
        request: Request<v1::RegisterRequest>,
    ) -> Result<Response<v1::RegisterResponse>, Status> {
        self.timed("Register", async {
            let (_, extensions, message) = request.into_parts();
            let owner = self.authenticate(&extensions, &message.owner, &message.token)?;
            let registered = self.deps.sessions.register(&owner, connection(&extensions)).await;
            let session_id = self.entered(&owner, &extensions, registered)?;
            // What the owner has is still there, so that reassert_intents has nothing to replay.
            let view = self.deps.commit.view();
            let withdrawn_after_s = self.withdrawn_after_s(&owner, &extensions);
            let mut response =
                v1::RegisterResponse { session_id, withdrawn_after_s, ..Default::default() };
            for (key, _) in view.store.of_owner(&owner) {
                match key {
                    IntentKey::Prefix(_, prefix) => {
                        response.current_prefixes.push(prefix.to_string());
                    }
                    IntentKey::Peer(address) => response.current_peers.push(address.to_string()),
                    IntentKey::Bgp
                    | IntentKey::Drain
                    | IntentKey::StaticRoute(_)
                    | IntentKey::BfdSession(_)
                    | IntentKey::OspfInterface(_)
                    | IntentKey::BfdProfile(_) => {}
                }
            }
            Ok(response)
        })
        .await
    }

    async fn deregister(
        &self,
        request: Request<v1::DeregisterRequest>,
    ) -> Result<Response<v1::DeregisterResponse>, Status> {
        self.timed("Deregister", async {
            let (_, extensions, message) = request.into_parts();
            let owner = self.authenticate(&extensions, &message.owner, &message.token)?;
            let ended = self.deps.sessions.deregister(&owner, message.withdraw_all).await;
            ended.map_err(|error| self.refused(&owner, &error))?;
            Ok(v1::DeregisterResponse {})
        })
        .await
    }

    async fn configure_bgp(
        &self,
        request: Request<v1::ConfigureBgpRequest>,
    ) -> Result<Response<v1::ConfigureBgpResponse>, Status> {
        self.timed("ConfigureBGP", async {
            let (_, extensions, message) = request.into_parts();
            let owner = self.enter(&extensions, &message.owner, &message.token).await?;
            let bgp = wire::bgp(message.local_as, &message.router_id).map_err(invalid)?;
            let changes = self.completed(vec![Change::Set(Intent::Bgp(bgp))])?;
            let committed = self.commit(owner, "ConfigureBGP", changes).await?;
            let mut response =
                v1::ConfigureBgpResponse { outcome: how(&committed), ..Default::default() };
            if let Some(Some(Intent::Bgp(previous))) = committed.previous.first() {
                response.previous_as = previous.local_as.get();
                let id = previous.router_id.map(|id| id.to_string());
                response.previous_router_id = id.unwrap_or_default();
            }
            Ok(response)
        })
        .await
    }

    async fn apply_peer(
        &self,
        request: Request<v1::ApplyPeerRequest>,
    ) -> Result<Response<v1::ApplyPeerResponse>, Status> {
        self.timed("ApplyPeer", async {
            let (_, extensions, message) = request.into_parts();
            let owner = self.enter(&extensions, &message.owner, &message.token).await?;
            let mut errors = FieldErrors::new();
            match message.peer.as_ref().map(wire::peer) {
                Some(Ok(peer)) => {
                    let changes = vec![Change::Set(peer.into())];
                    let committed = self.commit(owner, "ApplyPeer", changes).await?;
                    return Ok(v1::ApplyPeerResponse { outcome: how(&committed) });
                }
                Some(Err(inner)) => errors.nest("peer", inner),
                None => errors.push("peer", "is needed"),
            }
            Err(invalid(errors))
        })
        .await
    }

    async fn remove_peer(
        &self,
        request: Request<v1::RemovePeerRequest>,
    ) -> Result<Response<v1::RemovePeerResponse>, Status> {
        self.timed("RemovePeer", async {
            let (_, extensions, message) = request.into_parts();
            let owner = self.enter(&extensions, &message.owner, &message.token).await?;
            let mut errors = FieldErrors::new();
            let address =
                errors.take("neighbor_address", Peer::parse_address(&message.neighbor_address));
            let address = errors.finish(address).map_err(invalid)?;
            let changes = vec![Change::Remove(IntentKey::Peer(address))];
            let committed = self.commit(owner, "RemovePeer", changes).await?;
            Ok(v1::RemovePeerResponse { outcome: how(&committed) })
        })
        .await
    }

    async fn advertise_prefix(
        &self,
        request: Request<v1::AdvertisePrefixRequest>,
    ) -> Result<Response<v1::AdvertisePrefixResponse>, Status> {
        self.timed("AdvertisePrefix", async {
            let (_, extensions, message) = request.into_parts();
            let owner = self.enter(&extensions, &message.owner, &message.token).await?;
            let attributes = message.attributes.as_ref();
            let ad = wire::advertisement(&message.prefix, message.protocol, attributes)
                .map_err(invalid)?;
            let changes = vec![Change::Set(Intent::Prefix(ad))];
            let committed = self.commit(owner, "AdvertisePrefix", changes).await?;
            Ok(v1::AdvertisePrefixResponse { outcome: how(&committed) })
        })
        .await
    }

    async fn withdraw_prefix(
        &self,
        request: Request<v1::WithdrawPrefixRequest>,
    ) -> Result<Response<v1::WithdrawPrefixResponse>, Status> {
        self.timed("WithdrawPrefix", async {
            let (_, extensions, message) = request.into_parts();
            let owner = self.enter(&extensions, &message.owner, &message.token).await?;
            let key = wire::prefix_key(&message.prefix, message.protocol).map_err(invalid)?;
            let committed = self.commit(owner, "WithdrawPrefix", vec![Change::Remove(key)]).await?;
            Ok(v1::WithdrawPrefixResponse { outcome: how(&committed) })
        })
        .await
    }

    async fn enable_bfd(
        &self,
        request: Request<v1::EnableBfdRequest>,
    ) -> Result<Response<v1::EnableBfdResponse>, Status> {
        self.timed("EnableBFD", async {
            let (_, extensions, message) = request.into_parts();
            let owner = self.enter(&extensions, &message.owner, &message.token).await?;
            let session = wire::bfd_session(&v1::BfdSession {
                peer_address: message.peer_address,
                min_rx_ms: message.min_rx_ms,
                min_tx_ms: message.min_tx_ms,
                detect_multiplier: message.detect_multiplier,
                interface_name: message.interface_name,
                local_address: message.local_address,
                profile: message.profile,
            });
            let mut session = session.map_err(invalid)?;
            link_local::complete(&mut session).map_err(invalid)?;
            let changes = vec![Change::Set(Intent::BfdSession(session))];
            let committed = self.commit(owner, "EnableBFD", changes).await?;
            Ok(v1::EnableBfdResponse { outcome: how(&committed) })
        })
        .await
    }

    async fn disable_bfd(
        &self,
        request: Request<v1::DisableBfdRequest>,
    ) -> Result<Response<v1::DisableBfdResponse>, Status> {
        self.timed("DisableBFD", async {
            let (_, extensions, message) = request.into_parts();
            let owner = self.enter(&extensions, &message.owner, &message.token).await?;
            let key = wire::bfd_key(&message.peer_address).map_err(invalid)?;
            let committed = self.commit(owner, "DisableBFD", vec![Change::Remove(key)]).await?;
            Ok(v1::DisableBfdResponse { outcome: how(&committed) })
        })
        .await
    }

    async fn enable_ospf(
        &self,
        request: Request<v1::EnableOspfRequest>,
    ) -> Result<Response<v1::EnableOspfResponse>, Status> {
        self.timed("EnableOSPF", async {
            let (_, extensions, message) = request.into_parts();
            let owner = self.enter(&extensions, &message.owner, &message.token).await?;
            let interface = wire::ospf_interface(&v1::OspfInterface {
                interface_name: message.interface_name,
                area_id: message.area_id,
                passive: message.passive,
                cost: message.cost,
                hello_interval: message.hello_interval,
                dead_interval: message.dead_interval,
            });
            let changes = vec![Change::Set(Intent::OspfInterface(interface.map_err(invalid)?))];
            let committed = self.commit(owner, "EnableOSPF", changes).await?;
            Ok(v1::EnableOspfResponse { outcome: how(&committed) })
        })
        .await
    }

    async fn disable_ospf(
        &self,
        request: Request<v1::DisableOspfRequest>,
    ) -> Result<Response<v1::DisableOspfResponse>, Status> {
        self.timed("DisableOSPF", async {
            let (_, extensions, message) = request.into_parts();
            let owner = self.enter(&extensions, &message.owner, &message.token).await?;
            let key = wire::ospf_key(&message.interface_name).map_err(invalid)?;
            let committed = self.commit(owner, "DisableOSPF", vec![Change::Remove(key)]).await?;
            Ok(v1::DisableOspfResponse { outcome: how(&committed) })
        })
        .await
    }

    async fn get_status(
        &self,
        request: Request<v1::GetStatusRequest>,
    ) -> Result<Response<EncodedStatus>, Status> {
        self.timed("GetStatus", async {
            let message = request.into_inner();
            let mut errors = FieldErrors::new();
            let owner = parse_owner_filter(&mut errors, &message.owner_filter);
            errors.finish(Some(())).map_err(invalid)?;
            let frr = self.deps.status.latest();
            let age = self.deps.status.age(&frr);
            let (view, owner) = (self.deps.commit.view(), owner.as_ref());
            let list = prefix_statuses(&view, &frr.advertised, owner);
            let routes = route_statuses(&view, owner);
            let prefixes = self.encoded.routes(&view, &frr.advertised, owner, list, routes);
            Ok(EncodedStatus { rest: get_status(&view, &frr, age, owner), prefixes })
        })
        .await
    }

    type StreamEventsStream = Events;

    async fn stream_events(
        &self,
        request: Request<v1::StreamEventsRequest>,
    ) -> Result<Response<Events>, Status> {
        self.timed("StreamEvents", async {
            let (_, extensions, message) = request.into_parts();
            let filter = Filter::parse(&message.owner_filter, &message.event_types);
            let filter = filter.map_err(invalid)?;
            let place = self.place(&extensions)?;
            // Subscribed before the state is looked at: what changes meanwhile is told twice, not never.
            let subscription = self.deps.bus.subscribe(filter.clone());
            let replay = message.current_state_first.then(|| self.replay(filter));
            let replay = stream::iter(replay.into_iter().flatten().map(Ok));
            let shutdown = self.deps.shutdown.clone();
            let state = Some((subscription, shutdown, place));
            let events = stream::unfold(state, |state| async {
                let (mut subscription, shutdown, place) = state?;
                let stamped = tokio::select! {
                    biased;
                    () = shutdown.cancelled() => None,
                    lost = place.lost() => return Some((Err(lost), None)),
                    stamped = subscription.next() => stamped,
                }?;
                let message = stamped.event.to_message(stamped.at);
                Some((Ok(message), Some((subscription, shutdown, place))))
            });
            Ok(Box::pin(replay.chain(events)) as Events)
        })
        .await
    }
}

impl Api {
    /// The current state as far as the filter lets it through, each event marked as replayed. Prefixes are made into
    /// events as they are read: a client that does not read costs nothing.
    fn replay(&self, filter: Filter) -> impl Iterator<Item = v1::RouteEvent> + Send + use<> {
        let deps = Arc::clone(&self.deps);
        let now = world::time_of_day();
        let Dependencies { commit, status, sessions, .. } = &*deps;
        let first = current_state(&commit.view(), &status.latest(), sessions.names());
        let mut last = None;
        let prefixes = std::iter::from_fn(move || {
            let (key, event) = next_prefix(&deps.commit.view(), last)?;
            last = Some(key);
            Some(event)
        });
        let events = first.into_iter().chain(prefixes.flatten());
        events.filter(move |event| filter.matches(event)).map(move |event| {
            let mut message = event.to_message(now);
            message.metadata.insert("replayed".to_owned(), "true".to_owned());
            message
        })
    }
}

/// Whether FRR has it: a change that waits for FRR is answered as well.
fn how(committed: &Committed) -> i32 {
    outcome(committed.outcome).into()
}

/// The answer to a request with wrong fields.
fn invalid(errors: FieldErrors) -> Status {
    codes::invalid(&errors)
}
