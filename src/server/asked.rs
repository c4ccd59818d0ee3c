//! Questions to the switch that are not yet answered in full.

use crate::switch::view::{Command, Reply};
use std::collections::VecDeque;
use tokio::sync::oneshot;

/// Gathers the replies to each question's commands, in their order.
#[derive(Debug, Default)]
pub struct Asked {
    /// Questions by rising numbers.
    open: VecDeque<Question>,
    next_token: u64,
}

#[derive(Debug)]
struct Question {
    first_token: u64,
    replies: Vec<Option<Reply>>,
    missing: usize,
    to: oneshot::Sender<Vec<Reply>>,
}

impl Asked {
    /// Takes a question; gives each of its commands a number.
    pub fn begin(
        &mut self,
        commands: Vec<Command>,
        to: oneshot::Sender<Vec<Reply>>,
    ) -> impl Iterator<Item = (u64, Command)> + use<> {
        let (first_token, missing) = (self.next_token, commands.len());
        self.next_token += missing as u64;
        if missing == 0 {
            // Who asked may be gone; then nobody misses the answer.
            let _ = to.send(Vec::new());
        } else {
            let replies = commands.iter().map(|_| None).collect();
            self.open.push_back(Question { first_token, replies, missing, to });
        }
        (first_token..).zip(commands)
    }

    /// Puts a reply to its question; the last one sends them all.
    pub fn answer(&mut self, token: u64, reply: Reply) {
        let owner = self.open.partition_point(|question| question.first_token <= token);
        let Some(place) = owner.checked_sub(1) else { return };
        let question = &mut self.open[place];
        let index = usize::try_from(token - question.first_token).unwrap_or(usize::MAX);
        if let Some(slot) = question.replies.get_mut(index)
            && slot.replace(reply).is_none()
        {
            question.missing -= 1;
        }
        if question.missing == 0
            && let Some(question) = self.open.remove(place)
        {
            // As above.
            let _ = question.to.send(question.replies.into_iter().flatten().collect());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_come_in_the_order_of_the_commands_whenever_they_are_given() {
        let mut asked = Asked::default();
        let (to_first, mut first) = oneshot::channel();
        let (to_second, mut second) = oneshot::channel();
        let numbers: Vec<u64> = asked
            .begin(vec![Command::Status, Command::Hints], to_first)
            .chain(asked.begin(vec![Command::Bridges], to_second))
            .map(|(token, _)| token)
            .collect();
        assert_eq!(numbers, [0, 1, 2]);
        asked.answer(7, Reply::Done("nobody asked".into()));
        asked.answer(2, Reply::Done("c".into()));
        asked.answer(1, Reply::Done("b".into()));
        assert!(first.try_recv().is_err());
        asked.answer(1, Reply::Done("b again".into()));
        asked.answer(0, Reply::Done("a".into()));
        let texts = |replies: Vec<Reply>| {
            replies
                .into_iter()
                .map(|r| if let Reply::Done(text) = r { text } else { String::new() })
                .collect::<Vec<_>>()
        };
        assert_eq!(texts(first.try_recv().expect("answered")), ["a", "b again"]);
        assert_eq!(texts(second.try_recv().expect("answered")), ["c"]);
        let (to, mut none) = oneshot::channel();
        assert_eq!(asked.begin(Vec::new(), to).count(), 0);
        assert!(none.try_recv().expect("answered").is_empty());
    }
}
