//! Whether a daemon shows what was sent, without making a tree of all that it runs. Pure.
//!
//! [`unproven`] looks for the lines in the text of `show running-config`. It never says yes where the table would say no;
//! where it can't say yes, the caller reads with the table. Of a few networks bgpd is asked instead
//! ([`Question`](crate::protocol::bgp::Question)).

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, HashMap},
};

use super::steps::Step;
use crate::tree::plain_line;

/// What is wanted of the lines in one place of the configuration.
#[derive(Default)]
struct Place<'a> {
    /// Lines that have to be there, with the step each proves.
    lines: HashMap<&'a str, usize>,
    /// Objects of which no line may be there, with the step that took each away.
    gone: HashMap<&'a str, usize>,
}

/// The first step whose effect a running configuration does not show, where each does stand for its
/// object at the end.
pub fn unproven<'a>(steps: &'a [Step], text: &'a str) -> Option<&'a Step> {
    // Of several steps about an object only the last one's effect stands.
    let last: BTreeMap<_, _> = steps.iter().enumerate().map(|(at, s)| (&s.key, at)).collect();
    let mut places: HashMap<Vec<&str>, Place<'a>> = HashMap::new();
    for at in last.into_values() {
        let Step { command, shows, .. } = &steps[at];
        let context = command.context.iter().map(String::as_str).collect();
        let place = places.entry(context).or_default();
        match shows {
            Some(line) => drop(place.lines.insert(line, at)),
            None => {
                let object = command.text.strip_prefix("no ").unwrap_or(&command.text);
                place.gone.insert(object, at);
            }
        }
    }
    let mut missing: BTreeSet<usize> =
        places.values().flat_map(|p| p.lines.values().copied()).collect();
    let mut parents: Vec<(usize, Cow<'a, str>)> = Vec::new();
    let mut previous: Option<(usize, Cow<'a, str>)> = None;
    let mut place: Option<&Place<'a>> = places.get(&Vec::new());
    for raw in text.lines() {
        let line = raw.trim_end();
        let body = line.trim_start();
        if body.is_empty() || body.starts_with('!') {
            continue;
        }
        let indentation = line.len() - body.len();
        let body = plain_line(body);
        if let Some(above) = previous.take_if(|(above, _)| *above != indentation) {
            if indentation > above.0 {
                parents.push(above);
            }
            parents.retain(|(above, _)| *above < indentation);
            let context: Vec<&str> = parents.iter().map(|(_, line)| &**line).collect();
            place = places.get(&context);
        }
        previous = Some((indentation, body.clone()));
        let Some(place) = place else { continue };
        let body = &*body;
        if let Some(step) = place.lines.get(body) {
            missing.remove(step);
        }
        let boundaries = body.match_indices(' ').map(|(at, _)| at).chain([body.len()]);
        if let Some(step) = boundaries.filter_map(|end| place.gone.get(&body[..end])).next()
            && !place.lines.contains_key(body)
        {
            return steps.get(*step);
        }
    }
    missing.first().and_then(|at| steps.get(*at))
}
#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        daemon::Daemon,
        frr::vty::{
            steps::steps,
            table::{Defaults, Running, Table},
        },
    };

    fn running(text: &str) -> Running {
        Table::of(Daemon::Bgpd).expect("a table").parse(text, &Defaults::default())
    }

    fn between(before: &str, after: &str) -> Vec<Step> {
        let table = Table::of(Daemon::Bgpd).expect("a table");
        let (before, after) = (running(before), running(after));
        let steps = steps(&table.lines(&before.tree), &table.lines(&after.tree), &[]);
        steps.expect("nothing foreign")
    }

    const NONE: &str = "router bgp 65000\n";
    const PLAIN: &str = "router bgp 65000\n !\n address-family ipv4 unicast\n  network 10.1.0.0/16\n \
                         exit-address-family\nexit\n";
    const MAPPED: &str = "router bgp 65000\n address-family ipv4 unicast\n  \
                          network 10.1.0.0/16 route-map NR-a\n exit-address-family\nexit\n\
                          route-map NR-a permit 10\n set metric 5\n set community 65000:1 no-export\nexit\n";

    #[test]
    fn lines_are_found_in_their_place_only() {
        let set = between(NONE, MAPPED);
        assert_eq!(unproven(&set, MAPPED), None);
        let elsewhere = MAPPED.replace("ipv4", "ipv6");
        for lacking in [NONE, PLAIN, &elsewhere, &MAPPED.replace(" set metric 5\n", "")] {
            assert!(unproven(&set, lacking).is_some(), "{lacking}");
        }
        let gone = between(MAPPED, NONE);
        assert_eq!(unproven(&gone, NONE), None);
        for left in [MAPPED, PLAIN] {
            assert!(unproven(&gone, left).is_some(), "{left}");
        }
        // Another that begins alike is another.
        let other = NONE.to_owned() + " address-family ipv4 unicast\n  network 10.1.0.0/161\n";
        assert_eq!(unproven(&gone, &other), None);
    }

    #[test]
    fn a_change_of_an_object_is_proven_by_its_new_line() {
        let change = between(PLAIN, MAPPED);
        assert_eq!(unproven(&change, MAPPED), None);
        assert!(unproven(&change, PLAIN).is_some());
        let back = between(MAPPED, PLAIN);
        assert_eq!(unproven(&back, PLAIN), None);
        assert!(unproven(&back, MAPPED).is_some());
    }
}
