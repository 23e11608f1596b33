//! Commands → what is typed on a session: entering and leaving nodes included.
//!
//! Pure. A command that enters a node, or one that has to, is waited for before anything is
//! sent behind it: were it refused, what follows would land in another node.

use super::steps::Command;

/// Commands that are sent together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Segment {
    /// Sent first, behind each other, and all waited for.
    pub moves: Vec<String>,
    /// Indexes of the commands that are sent behind each other.
    pub run: Vec<usize>,
}

/// The segments in which the commands are sent, from the configuration's top.
pub(super) fn segments(commands: &[&Command]) -> Vec<Segment> {
    let mut segments: Vec<Segment> = Vec::new();
    let mut place: Vec<&str> = Vec::new();
    for (index, command) in commands.iter().enumerate() {
        let common = place.iter().zip(&command.context[..]).take_while(|(a, b)| **a == *b).count();
        let leave = place.len() - common;
        let moves: Vec<String> = std::iter::repeat_n("exit".to_owned(), leave)
            .chain(command.context[common..].iter().cloned())
            .collect();
        place.truncate(common);
        place.extend(command.context[common..].iter().map(String::as_str));
        match segments.last_mut() {
            Some(segment) if moves.is_empty() && !opens_last(commands, segment) => {
                segment.run.push(index);
            }
            _ => segments.push(Segment { moves, run: vec![index] }),
        }
        if command.opens {
            place.push(&command.text);
        }
    }
    segments
}

fn opens_last(commands: &[&Command], segment: &Segment) -> bool {
    segment.run.last().is_some_and(|last| commands[*last].opens)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(context: &[&str], text: &str, opens: bool) -> Command {
        Command {
            context: context.iter().map(|line| (*line).to_owned()).collect(),
            text: text.into(),
            opens,
        }
    }

    #[test]
    fn nodes_are_entered_once_and_left_before_the_next() {
        let commands = [
            command(&[], "route-map A permit 10", true),
            command(&["route-map A permit 10"], "set metric 5", false),
            command(&["route-map A permit 10"], "set local-preference 5", false),
            command(&["router bgp 1"], "neighbor 10.0.0.1 remote-as 2", false),
            command(&["router bgp 1", "address-family ipv4 unicast"], "network 10.0.0.0/8", false),
            command(&["router bgp 1", "address-family ipv6 unicast"], "network fd00::/8", false),
        ];
        let segments = segments(&commands.iter().collect::<Vec<_>>());
        let expected: [(&[&str], &[usize]); 5] = [
            (&[], &[0]),
            (&[], &[1, 2]),
            (&["exit", "router bgp 1"], &[3]),
            (&["address-family ipv4 unicast"], &[4]),
            (&["exit", "address-family ipv6 unicast"], &[5]),
        ];
        assert_eq!(segments.len(), expected.len());
        for (segment, (moves, run)) in segments.iter().zip(expected) {
            assert_eq!(
                (&*segment.moves, &*segment.run),
                (&*moves.iter().map(|m| (*m).to_owned()).collect::<Vec<_>>(), run)
            );
        }
    }
}
