//! One owner asks for the same thing more often than it has places, all at once.

use std::time::Duration;

use novaroute::{commit::CommitError, wire};

use crate::{
    dice::Dice,
    model::{OWNERS, Wish},
    node::owner,
    owners::Have,
    play::{Play, request},
};

/// Requests at once: a few, and more than an owner has places.
const FLOODS: [usize; 2] = [40, 1_100];

/// Longest wait of the owner that floods: each of its calls may be refused alone. Others are answered in their time.
const FLOODED: Duration = Duration::from_secs(2 * 3600);

impl Play {
    pub fn flood(&self, dice: &mut Dice) {
        let name = dice.one(&OWNERS);
        let count = dice.one(&FLOODS);
        let model = self
            .of(name, |it| (it.connected && !it.busy && it.awaiting.is_none()).then(|| it.model()));
        let Some(model) = model else { return };
        let wish = loop {
            let wish = Wish::any(&model, dice);
            if wish.owner == name {
                break wish;
            }
        };
        self.of(name, |it| it.busy = true);
        let play = self.clone();
        tokio::spawn(async move {
            play.ask_at_once(&wish, count).await;
            play.of(name, |it| it.busy = false);
        });
    }

    async fn ask_at_once(&self, wish: &Wish, count: usize) {
        let (name, node) = (wish.owner, self.node());
        let (changes, then) = self.of(name, |it| {
            let (changes, after) = (wish.changes(&it.model()), wish.after(&it.known.have));
            let then = it.then(after, wish.objects.keys());
            it.may_be.push(then.clone());
            (changes, then)
        });
        let changes = wire::changes(&changes).expect("what the model declares is valid");
        self.frr.step(name, &format!("{count} times {:?}", wish.objects.keys()));
        let connection = node.connection(name);
        let asked = (0..count).map(|_| {
            let request = request(name, changes.clone(), None);
            let (node, owner) = (node.clone(), owner(name));
            async move {
                let entered = node.sessions.enter(&owner, Some(connection)).await;
                entered.map_err(|_| CommitError::Busy { waiting: 0 })?;
                node.commit.commit(request).await
            }
        });
        let Some(answers) = self.within(FLOODED, name, futures::future::join_all(asked)).await
        else {
            return;
        };
        if node.has_ended() || self.disk.is_dead() {
            self.unanswered(&node, name, &Have::new(), None).await;
            return;
        }
        let taken = answers.iter().filter(|answer| answer.is_ok()).count();
        self.frr.step("answer", &format!("{name} {taken} of {count}"));
        let whole = node.view().journal.is_empty();
        let lost = |it: &CommitError| matches!(it, CommitError::NotDurable { .. });
        let whole = whole && !answers.iter().filter_map(|it| it.as_ref().err()).any(lost);
        self.of(name, |it| match taken {
            0 => it.kept(whole),
            // All are alike: those that were refused beside these changed nothing.
            _ => it.told(then, whole),
        });
    }
}
