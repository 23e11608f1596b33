//! Values of a row's variables, as a line or a tree gives them. Pure.

use std::rc::Rc;

/// Values of a row's variables.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Bindings {
    /// Shared with those that they are extended from: a solution is made of many.
    values: Vec<(&'static str, Rc<str>)>,
    /// Whether they were read from a line that the table spells in another way.
    pub(super) respelled: bool,
}

impl Bindings {
    pub(super) fn get(&self, variable: &str) -> Option<&str> {
        self.values.iter().find(|(name, _)| *name == variable).map(|(_, value)| &**value)
    }

    /// Whether they were read from a line that the table spells in another way.
    pub(super) fn are_respelled(&self) -> bool {
        self.respelled
    }

    /// Notes that the line they were read from is spelled in another way by the table.
    pub(super) fn respelled(mut self) -> Self {
        self.respelled = true;
        self
    }

    /// Binds a variable; `false` where it has another value already.
    pub(super) fn bind(&mut self, variable: &'static str, value: &str) -> bool {
        match self.get(variable) {
            Some(bound) => bound == value,
            None => {
                self.values.push((variable, value.into()));
                true
            }
        }
    }

    pub(super) fn extend(&mut self, other: &Bindings) {
        for (name, value) in &other.values {
            self.bind(name, value);
        }
    }
}
