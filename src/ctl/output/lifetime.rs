//! What becomes of an owner's intents when the command ends.

use super::text;

/// Says that an owner's intents go with its connections, and how to keep them; empty where they stay.
pub fn notice(owner: &str, withdrawn_after_s: Option<u64>) -> String {
    let Some(seconds) = withdrawn_after_s else { return String::new() };
    let when = match seconds {
        0 => "as soon as this command ends".to_owned(),
        seconds => format!("{seconds} s after this command ends"),
    };
    let owner = text::printable(owner);
    format!(
        "note: all intents of owner {owner} are withdrawn {when}: its lifetime is \"connection\"\n  \
         to keep them: set \"lifetime\" of owner {owner} to \"persistent\" in the agent's configuration\n  \
         or keep them declared by a program of {owner} that stays connected\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_whose_intents_stay_gets_no_notice() {
        assert_eq!(notice("edge", None), "");
        assert!(notice("edge", Some(0)).contains("as soon as this command ends"));
        assert!(notice("edge", Some(30)).contains("30 s after this command ends"));
    }
}
