//! Commits on FRR 10.3, whose mgmtd has to be asked with care.
//!
//! A candidate that any session's end resets: an apply is repeated until nothing is left
//! to change ([`apply`]). To look costs mgmtd as much as the edits, 1.1 s for 10,000 routes; who can tell
//! by one of them spares it that.
//!
//! A validation that goes well there is a commit up to its last step: the daemons get the
//! edits in candidates of their own, which no abort cleans, and the next commit applies
//! them too, whatever it is about. So the candidate is made wrong on purpose: libyang tells
//! all that it finds wrong, and where that is nothing else, the rest is valid, and no daemon
//! has heard of it ([`ask`]). The daemons' own opinion is known at the apply only.

use tracing::debug;

use super::{
    ROUNDS,
    change::Goal,
    print::{Print, get_all, parse},
};
use crate::frr::frontend::{Action, Committed, Datastore, Edit, Error, Format, Operation, Session};

/// "Nothing to change" is also what edits look like that were lost between their
/// arrival and their validation, some 50 µs. Without an apply before, ask twice.
const QUIET: u32 = 2;

/// What makes the candidate wrong before the edits, and after them: instances of RIPng
/// without what their offset lists must have. Where the first is not complained of, the
/// candidate was reset since; the second sees to it that there is no moment in which the
/// daemons could get the rest.
const BEFORE: &str = "novaroute-asks";
const AFTER: &str = "novaroute-asked";

/// mgmtd cuts its complaints off at 8 KiB.
const COMPLAINTS: usize = 8000;

fn wrong(name: &str) -> Edit {
    let data = format!(
        r#"{{"frr-ripngd:ripngd":{{"instance":[{{"vrf":"{name}","offset-list":[{{"interface":"*","direction":"in"}}]}}]}}}}"#
    );
    Edit::merge(Format::Json, data)
}

/// Asks whether libyang finds the edits valid, without any daemon; where it matters, also
/// whether they change anything.
pub(super) async fn ask(session: &mut Session, edits: &[Edit], goal: Goal) -> Result<bool, Error> {
    if goal == Goal::Prepare && !changes(session, edits).await? {
        return Ok(false);
    }
    let mut refused = false;
    for round in 0..ROUNDS {
        let mut asked = vec![wrong(BEFORE)];
        asked.extend(if round == 0 { edits.to_vec() } else { tolerant(edits) });
        asked.push(wrong(AFTER));
        match session.edit_and_commit(&asked, Action::Validate).await {
            Err(Error::Refused { request: "validate", path, errno, message }) => {
                let others = without_ours(&message);
                let whole = names(&message, BEFORE) || message.len() >= COMPLAINTS;
                match (whole, others.is_empty()) {
                    (true, true) => return Ok(true),
                    (true, false) if refused => {
                        let message = others;
                        return Err(Error::Refused { request: "validate", path, errno, message });
                    }
                    // Some complaints may be of earlier requests, of whomever: they are told
                    // once, with the first that come after them.
                    (true, false) => {
                        refused = true;
                        session.commit(Action::Abort).await?;
                        continue;
                    }
                    (false, _) => {}
                }
            }
            Err(other) => return Err(other),
            // Reset at the very end: nothing was left to validate.
            Ok(_) => {}
        }
        debug!(round, "another session of mgmtd reset the candidate during a validation");
        session.commit(Action::Abort).await?;
    }
    Err(interfered())
}

/// Whether libyang's words are about one of the wrong instances.
fn names(message: &str, name: &str) -> bool {
    message.contains(&format!("instance[vrf='{name}']"))
}

/// libyang's complaints but those about the wrong instances; empty where there are no
/// others. Each is a line with its path, where it has one, and one with the error.
fn without_ours(message: &str) -> String {
    let mut complaints: Vec<String> = Vec::new();
    let mut begun = false;
    let (heading, lines) = message.split_once('\n').unwrap_or(("", message));
    for line in lines.lines() {
        if !begun {
            complaints.push(String::new());
        }
        if let Some(complaint) = complaints.last_mut() {
            complaint.push_str(line);
            complaint.push('\n');
        }
        begun = line.trim_start().starts_with("Path:");
    }
    complaints.retain(|complaint| !names(complaint, BEFORE) && !names(complaint, AFTER));
    if complaints.is_empty() {
        String::new()
    } else {
        format!("{heading}\n{}", complaints.concat())
    }
}

/// Whether the candidate differs from what runs after the edits.
async fn changes(session: &mut Session, edits: &[Edit]) -> Result<bool, Error> {
    let mut again = false;
    for _ in 0..QUIET {
        let edits = if again { tolerant(edits) } else { edits.to_vec() };
        session.edit(&edits).await?;
        let candidate = get_all(session, Datastore::Candidate, Print::PLAIN).await?;
        let running = get_all(session, Datastore::Running, Print::PLAIN).await?;
        session.commit(Action::Abort).await?;
        if parse(&candidate)? != parse(&running)? {
            return Ok(true);
        }
        again = true;
    }
    Ok(false)
}

/// The edits for another time: what was to be deleted may be gone.
fn tolerant(edits: &[Edit]) -> Vec<Edit> {
    let mut again = edits.to_vec();
    for edit in &mut again {
        if edit.operation == Operation::Delete {
            edit.operation = Operation::Remove;
        }
    }
    again
}

fn interfered() -> Error {
    Error::Unexpected {
        request: "apply",
        got: format!("other sessions reset mgmtd's candidate {ROUNDS} times"),
    }
}

/// Applies edits until mgmtd says that they change nothing; whether they did. For a client who `looks` himself
/// whether they are in effect, once they were applied.
pub(super) async fn apply(
    session: &mut Session,
    edits: &[Edit],
    looks: bool,
) -> Result<bool, Error> {
    let again = tolerant(edits);
    let mut applied = false;
    let mut quiet = 0;
    for round in 0..ROUNDS {
        // After an apply, and after "no changes", the candidate is as running is.
        let edits = if round == 0 { edits } else { &again };
        // A validation that finds a change is followed by the apply of it.
        let action = if applied { Action::Validate } else { Action::Apply };
        match session.edit_and_commit(edits, action).await? {
            Committed::NoChanges => quiet += 1,
            Committed::Changed => {
                quiet = 0;
                if applied {
                    debug!(round, "another session of mgmtd reset the candidate during an apply");
                    session.commit(Action::Apply).await?;
                }
                applied = true;
            }
        }
        if quiet == QUIET || (applied && (quiet > 0 || looks)) {
            return Ok(applied);
        }
    }
    Err(interfered())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_complaints_about_others_are_left() {
        let ours = " Path: /frr-ripngd:ripngd/instance[vrf='novaroute-asks']/offset-list\n Error: No metric.\n";
        let theirs = " Path: /frr-route-map:lib\n Error: No action.\n Error: Without a path.\n";
        let message = format!("YANG error(s):\n{theirs}{ours}{ours}");
        assert_eq!(without_ours(&message), format!("YANG error(s):\n{theirs}"));
        assert!(names(&message, BEFORE) && !names(&message, AFTER));
        assert_eq!(without_ours(&format!("YANG error(s):\n{ours}")), "");
    }
}
