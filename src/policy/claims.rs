//! One object of FRR has one claim. Pure, like all of `policy`.
//!
//! What intents claim is in each protocol's room ([`crate::protocol::claims`]). Of different claims to one place the first
//! stands and the second is refused, unless `admin` asks.

use super::{Violation, ViolationKind};
use crate::{
    model::{Intent, OwnerName},
    protocol::claims::claims,
    store::Store,
};

/// Whether an intent may have what it claims beside all others in the store.
///
/// # Errors
/// Another intent claims the same place and wants something else there.
pub(super) fn check(store: &Store, owner: &OwnerName, intent: &Intent) -> Result<(), Violation> {
    if owner.is_admin() {
        return Ok(());
    }
    let key = intent.key();
    for claim in claims(intent) {
        let others = claim.place.claimants().into_iter().filter(|other| *other != key);
        for (other, owned) in others.filter_map(|other| Some((other, store.get(&other)?))) {
            let theirs = claims(&owned.intent);
            let rival = theirs.iter().find(|it| it.place == claim.place);
            if let Some(rival) = rival.filter(|it| it.wanted != claim.wanted) {
                return Err(Violation {
                    kind: ViolationKind::ClaimConflict,
                    key,
                    existing_owner: Some(owned.owner.clone()),
                    message: format!(
                        "needs {}, where FRR has one object for this and the {other} of {}, which needs {}; \
                         choose other values, or remove that first",
                        claim.words, owned.owner, rival.words
                    ),
                    to_caller: None,
                });
            }
        }
    }
    Ok(())
}
