//! The section `bfd`: profiles. Pure.

use std::collections::BTreeSet;

use super::{
    BgpDefaults,
    reader::{Fields, Object},
};
use crate::{
    fields,
    model::{BfdProfile, FieldErrors},
    proto::v1,
    wire,
};

/// The profiles of the section; neighbours of the configuration name only these.
pub(super) fn profiles(
    mut section: Object,
    bgp: &BgpDefaults,
    errors: &mut FieldErrors,
) -> Vec<BfdProfile> {
    let mut profiles = Vec::new();
    let mut names = BTreeSet::new();
    for mut object in section.objects("profiles", errors) {
        let at = object.path("name");
        let Some(profile) = profile(&mut object, errors) else { continue };
        object.finish(errors);
        if !names.insert(profile.name) {
            errors.push(at, format_args!("{} stands there twice", profile.name));
        }
        profiles.push(profile);
    }
    for (index, peer) in bgp.peers.iter().enumerate() {
        if let Some(name) = peer.bfd_profile.filter(|name| !names.contains(name)) {
            let at = format!("bgp.peers[{index}].bfd_profile");
            errors.push(at, format_args!("names {name}, which bfd.profiles does not have"));
        }
    }
    section.finish(errors);
    profiles
}

fn profile(object: &mut Object, errors: &mut FieldErrors) -> Option<BfdProfile> {
    let mut own = FieldErrors::new();
    let mut source = Fields { object, errors: &mut own };
    let message: v1::BfdProfile = fields::read(fields::message("BFDProfile"), &mut source);
    let parsed = wire::bfd_profile(&message).map_err(|inner| {
        for error in inner.iter() {
            let field = object.path(&error.field);
            // A field of the wrong type has been named already.
            if !own.iter().any(|known| known.field == field) {
                own.push(field, &error.reason);
            }
        }
    });
    let fine = own.is_empty();
    own.iter().for_each(|error| errors.push(error.field.clone(), &error.reason));
    parsed.ok().filter(|_| fine)
}
