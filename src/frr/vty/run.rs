//! Carries commands out, from the configuration's top and back: in the pipelines that `script` makes of them.

use super::{
    PipelineOutcome, Question, Reply, Session, VtyError, redact,
    script::{Segment, segments},
    steps::Command,
};
use crate::failpoint;

/// Enters the configuration.
pub(super) const INTO_CONFIGURATION: &str = "configure terminal";

/// Leaves it, from whatever node.
pub(super) const OUT_OF_CONFIGURATION: &str = "end";

/// What is done behind a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Behind {
    /// Nothing.
    Ends,
    /// All the rest.
    GoesOn,
}

/// What came of commands.
#[derive(Debug, Default)]
pub(super) struct Executed {
    /// The first that was refused.
    pub(super) refusal: Option<Refusal>,
    /// Indexes of those that were carried out, in their order.
    pub(super) done: Vec<usize>,
    /// Answers to what was asked behind them.
    pub(super) answers: Vec<Reply>,
}

/// Commands on their way.
struct Run<'a> {
    session: &'a mut Session,
    commands: &'a [&'a Command],
    behind: Behind,
    executed: Executed,
    /// Whether the configuration was left.
    ended: bool,
    /// Whether something that enters a node was refused, so that it is not known where the session is. One node up the
    /// same words may mean something else: `bgp graceful-restart` is for every instance there.
    astray: bool,
}

/// Runs commands from the configuration's top, leaves it again, and asks the questions.
///
/// # Errors
/// The connection failed: what was carried out is not known.
pub(super) async fn run(
    session: &mut Session,
    commands: &[&Command],
    behind: Behind,
    questions: &[Question],
) -> Result<Executed, VtyError> {
    let segments = segments(commands);
    let (ended, executed) = (segments.is_empty(), Executed::default());
    let mut run = Run { session, commands, behind, executed, ended, astray: false };
    for (number, segment) in segments.iter().enumerate() {
        let entered = run.enter(segment, number == 0).await?;
        if entered {
            let last = number + 1 == segments.len();
            run.carry_out(segment, last.then_some(questions)).await?;
        }
        if run.is_over() {
            break;
        }
        if entered {
            failpoint::hit("vty-half-applied");
        }
    }
    if !run.ended {
        run.session.show(OUT_OF_CONFIGURATION).await?;
    }
    failpoint::hit("vty-applied");
    Ok(run.executed)
}

impl Run<'_> {
    fn is_over(&self) -> bool {
        self.executed.refusal.is_some() && self.behind == Behind::Ends
    }

    /// Moves to where a segment stands; `false` where that is refused.
    async fn enter(&mut self, segment: &Segment, first: bool) -> Result<bool, VtyError> {
        // To a node that can't be entered belongs the first command in it.
        let at = segment.run[0];
        let mut moves: Vec<&str> = Vec::new();
        // With what comes behind: where it is refused, no node of the configuration can be entered.
        let enters = first || self.astray;
        if enters {
            moves.push(INTO_CONFIGURATION);
        }
        if self.astray {
            self.session.show(OUT_OF_CONFIGURATION).await?;
            moves.extend(self.commands[at].context.iter().map(String::as_str));
        } else {
            moves.extend(segment.moves.iter().map(String::as_str));
        }
        let mut moved = self.session.pipeline(&moves, |_, reply: &Reply| reply.is_ok()).await?;
        if enters {
            moved.replies.remove(0).taken()?;
            moves.remove(0);
        }
        let refused = refusal(&moved, |at| moves[at], |_| at);
        self.astray = refused.is_some();
        if let Some(refusal) = refused {
            self.executed.refusal.get_or_insert(refusal);
        }
        Ok(!self.astray)
    }

    /// Sends a segment's commands; behind the last ones the end of the configuration, and questions.
    async fn carry_out(
        &mut self,
        segment: &Segment,
        questions: Option<&[Question]>,
    ) -> Result<(), VtyError> {
        let command = |index: &usize| &*self.commands[*index].text;
        let mut texts: Vec<&str> = segment.run.iter().map(command).collect();
        if let Some(questions) = questions {
            texts.push(OUT_OF_CONFIGURATION);
            texts.extend(questions.iter().map(|question| question.command.as_str()));
        }
        let (lines, strict) = (segment.run.len(), self.behind == Behind::Ends);
        // What a question is answered with is no refusal, whatever it is.
        let accept = |at, reply: &Reply| at > lines || reply.is_ok() || !strict;
        let mut outcome = self.session.pipeline(&texts, accept).await?;
        let behind = outcome.replies.split_off(lines.min(outcome.replies.len()));
        let mut behind = behind.into_iter();
        if let Some(end) = behind.next() {
            end.taken()?;
            self.ended = true;
            self.executed.answers.extend(behind);
        }
        let carried_out = outcome.replies.iter().zip(&segment.run);
        let carried_out = carried_out.filter(|(reply, _)| reply.is_ok());
        self.executed.done.extend(carried_out.map(|(_, index)| *index));
        let opener = lines - 1;
        let opens = self.commands[segment.run[opener]].opens;
        self.astray = opens && outcome.replies.get(opener).is_some_and(|reply| !reply.is_ok());
        if let Some(refusal) = refusal(&outcome, |at| texts[at], |at| segment.run[at]) {
            self.executed.refusal.get_or_insert(refusal);
        }
        Ok(())
    }
}

/// A command that was refused.
#[derive(Debug)]
pub(super) struct Refusal {
    /// The command, without secrets.
    pub(super) command: String,
    /// FRR's words, without secrets.
    pub(super) words: String,
    /// Its index.
    pub(super) step: usize,
}

/// The first command of a pipeline that was refused.
pub(super) fn refusal<'a>(
    outcome: &PipelineOutcome,
    text: impl Fn(usize) -> &'a str,
    step: impl Fn(usize) -> usize,
) -> Option<Refusal> {
    let refused = |(_, reply): &(usize, &Reply)| !reply.is_ok();
    let (at, reply) = outcome.replies.iter().enumerate().find(refused)?;
    let words = reply.message();
    let words = if words.is_empty() { reply.code.to_string() } else { words };
    Some(Refusal { command: redact(text(at)).into_owned(), words, step: step(at) })
}
