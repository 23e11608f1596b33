//! The answer of `GetStatus` as bytes.
//!
//! Ten thousand prefixes are some 40,000 allocations as messages and half a megabyte as bytes. Their part
//! of the answer changes with a commit or with what FRR advertises, far less often than a dashboard asks:
//! so it is encoded once for all who ask in between.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use prost::{
    DecodeError, Message,
    encoding::{DecodeContext, WireType, encode_key},
};

use crate::{
    commit::View,
    model::OwnerName,
    monitor::Advertised,
    proto::v1::{GetStatusResponse, PrefixStatus, StaticRouteStatus},
};

/// A [`GetStatusResponse`] of which a part is encoded already. On the wire there is no difference.
#[derive(Debug, Clone, Default)]
pub struct EncodedStatus {
    /// All that is neither in `prefixes` nor in `static_routes`.
    pub(super) rest: GetStatusResponse,
    /// The fields `prefixes` and `static_routes` as [`encode`] makes them.
    pub(super) prefixes: Bytes,
}

impl Message for EncodedStatus {
    fn encode_raw(&self, buf: &mut impl BufMut) {
        self.rest.encode_raw(buf);
        buf.put_slice(&self.prefixes);
    }

    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: WireType,
        buf: &mut impl Buf,
        context: DecodeContext,
    ) -> Result<(), DecodeError> {
        self.rest.merge_field(tag, wire_type, buf, context)
    }

    fn encoded_len(&self) -> usize {
        self.rest.encoded_len() + self.prefixes.len()
    }

    fn clear(&mut self) {
        *self = Self::default();
    }
}

/// Number of the field `prefixes` of a [`GetStatusResponse`].
const PREFIXES: u32 = 2;

/// Number of the field `static_routes` of a [`GetStatusResponse`].
const STATIC_ROUTES: u32 = 140;

/// These prefixes and static routes as they are in a [`GetStatusResponse`]. One at a time: they are never all there as
/// messages.
fn encode(
    prefixes: impl Iterator<Item = PrefixStatus>,
    routes: impl Iterator<Item = StaticRouteStatus>,
) -> Bytes {
    let mut bytes = BytesMut::new();
    prefixes.for_each(|prefix| put(&mut bytes, PREFIXES, &prefix));
    routes.for_each(|route| put(&mut bytes, STATIC_ROUTES, &route));
    bytes.freeze()
}

fn put(bytes: &mut BytesMut, field: u32, message: &impl Message) {
    encode_key(field, WireType::LengthDelimited, bytes);
    message.encode_length_delimited(bytes).expect("bytes grow as far as there is memory");
}

/// The prefixes and static routes that were last asked for.
#[derive(Debug, Default)]
pub(super) struct Encoded(Mutex<Option<Kept>>);

/// What encoded prefixes were made of, and they.
#[derive(Debug)]
struct Kept {
    /// Only to know it again: a view holds the whole store.
    view: Weak<View>,
    advertised: Advertised,
    owner: Option<OwnerName>,
    bytes: Bytes,
}

impl Encoded {
    /// The prefixes and static routes of this view, encoded: those that are kept, or else those of the lists, which must
    /// depend on nothing but the view, what is advertised and the owner.
    pub(super) fn routes(
        &self,
        view: &Arc<View>,
        advertised: &Advertised,
        owner: Option<&OwnerName>,
        prefixes: impl Iterator<Item = PrefixStatus>,
        routes: impl Iterator<Item = StaticRouteStatus>,
    ) -> Bytes {
        let same = |kept: &&Kept| {
            kept.view.as_ptr() == Arc::as_ptr(view)
                && kept.advertised.is(advertised)
                && kept.owner.as_ref() == owner
        };
        // Not held while a list is made: who asks for another one does not wait for it.
        let lock = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = lock().as_ref().filter(same) {
            return kept.bytes.clone();
        }
        let bytes = encode(prefixes, routes);
        let (view, advertised) = (Arc::downgrade(view), advertised.clone());
        let kept = Kept { view, advertised, owner: owner.cloned(), bytes: bytes.clone() };
        *lock() = Some(kept);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::v1::PeerStatus;

    fn prefix(text: &str) -> PrefixStatus {
        PrefixStatus { prefix: text.to_owned(), state: "applied".to_owned(), ..Default::default() }
    }

    #[test]
    fn the_bytes_are_those_of_the_message() {
        let prefixes = vec![prefix("192.0.2.1/32"), prefix("2001:db8::/48")];
        let peers =
            vec![PeerStatus { neighbor_address: "192.0.2.9".to_owned(), ..Default::default() }];
        let rest = GetStatusResponse { peers, snapshot_age_ms: 7, ..Default::default() };
        let route = StaticRouteStatus { prefix: "198.51.100.0/24".into(), ..Default::default() };
        let static_routes = vec![route];
        let lists = (prefixes.clone().into_iter(), static_routes.clone().into_iter());
        let encoded = EncodedStatus { rest: rest.clone(), prefixes: encode(lists.0, lists.1) };
        let bytes = encoded.encode_to_vec();
        assert_eq!(bytes.len(), encoded.encoded_len());
        let message = GetStatusResponse { prefixes, static_routes, ..rest };
        assert_eq!(GetStatusResponse::decode(&*bytes).unwrap(), message);
        assert_eq!(EncodedStatus::decode(&*bytes).unwrap().rest, message);
    }

    /// Kept while nothing of it changes, and no longer: neither by a commit, nor by what FRR advertises, nor for
    /// another owner.
    #[test]
    fn prefixes_are_listed_again_when_anything_changed() {
        let (encoded, mut lists) = (Encoded::default(), 0);
        let view = Arc::new(View::default());
        let advertised = Advertised::default();
        let mut ask = |view: &Arc<View>, advertised: &Advertised, owner: Option<&str>| {
            let owner = owner.map(|name| name.parse::<OwnerName>().unwrap());
            let before = lists;
            let list = ["192.0.2.1/32"].into_iter().map(prefix).inspect(|_| lists += 1);
            encoded.routes(view, advertised, owner.as_ref(), list, std::iter::empty());
            lists - before
        };
        assert_eq!(ask(&view, &advertised, None), 1);
        assert_eq!(ask(&view, &advertised.clone(), None), 0);
        assert_eq!(ask(&view, &advertised, Some("novaedge")), 1);
        assert_eq!(ask(&view, &advertised, Some("novaedge")), 0);
        assert_eq!(ask(&view, &Advertised::of(["192.0.2.1/32".parse().unwrap()]), None), 1);
        assert_eq!(ask(&Arc::new(View::default()), &advertised, None), 1);
    }
}
