//! Data patterns and line templates: the small language of the rows.
//!
//! A data pattern is a data path with variables: `…/neighbor[remote-address={n:ip}]/timers/keepalive={k}`.
//! A `?` before it makes it optional, a `!` after it names a presence container, `={v}` binds a leaf's
//! value, `=text` demands it, `={v*1000}` converts between the units of the line and of the leaf, and
//! none of these names a list entry. A line template is a line with variables, `{v...}` for the rest of
//! the line, and `[ … ]` around what is left out where its variables are not bound. A variable may
//! demand a form: `{v:ip}`, `{v:num}`, `{v:ip4net}`, `{v:ip6net}`, `{v:ours}` (a name
//! that only NovaRoute gives) and `{v:name}` (not `*`, FRR's own word for none). Values are compared as values, so these are read
//! in one spelling however they are shown: addresses and prefixes as Rust writes them, `{v:area}` as a dotted quad, `{v:as}`, an AS
//! number, as one number, `{v:communities...}` as the model writes communities, in order. What is read in another spelling than the
//! table's own is marked as such. A variable whose name begins with `_` is read and not kept.

use super::form::Form;
use crate::tree::{Name, Node, Path, Step, Tree};

/// Values of a row's variables.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Bindings {
    values: Vec<(&'static str, Box<str>)>,
    /// Whether they were read from a line that the table spells in another way.
    respelled: bool,
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

/// A variable with the form that its value must have.
#[derive(Debug, Clone, Copy)]
struct Variable {
    name: &'static str,
    form: Form,
}

impl Variable {
    fn parse(text: &'static str) -> Self {
        let (name, form) = text.split_once(':').unwrap_or((text, ""));
        let form = match form {
            "" => Form::Any,
            "ip" => Form::Ip,
            "num" => Form::Number,
            "ip4net" => Form::Ipv4Net,
            "ip6net" => Form::Ipv6Net,
            "area" => Form::Area,
            "as" => Form::As,
            "ours" => Form::Ours,
            "name" => Form::Name,
            "communities" => Form::Communities,
            form => panic!("no form {form} of a variable"),
        };
        Self { name, form }
    }

    /// Whether it is read for the line's form alone.
    fn is_not_kept(self) -> bool {
        self.name.starts_with('_')
    }
}

#[derive(Debug, Clone)]
enum Term {
    Text(Box<str>),
    Variable(Variable),
}

impl Term {
    fn parse(text: &'static str) -> Self {
        match text.strip_prefix('{').and_then(|t| t.strip_suffix('}')) {
            Some(variable) => Self::Variable(Variable::parse(variable)),
            None => Self::Text(text.into()),
        }
    }

    /// Whether the value fits, binding the variable.
    fn accept(&self, value: &str, bindings: &mut Bindings) -> bool {
        match self {
            Self::Text(text) => **text == *value,
            Self::Variable(v) => v.form.fits(value) && bindings.bind(v.name, value),
        }
    }

    fn value<'a>(&'a self, bindings: &'a Bindings) -> Option<&'a str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Variable(v) => bindings.get(v.name),
        }
    }
}

#[derive(Debug)]
struct PatternStep {
    name: Name,
    keys: Vec<(Name, Term)>,
}

#[derive(Debug)]
enum Kind {
    Entry,
    Presence,
    Leaf(Term),
    /// The leaf's value is the line's times this.
    Scaled(Variable, u64),
}

/// A data path with variables, and what stands there.
#[derive(Debug)]
pub(super) struct DataPattern {
    steps: Vec<PatternStep>,
    kind: Kind,
    optional: bool,
}

impl DataPattern {
    /// Panics where the text, a constant of `rows`, is not well formed.
    pub(super) fn parse(text: &str) -> Self {
        // Rows are built once for the life of the program.
        let text: &'static str = String::leak(text.to_owned());
        let (optional, mut rest) = match text.strip_prefix('?') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let mut steps = Vec::new();
        let mut kind = Kind::Entry;
        while let Some(path) = rest.strip_prefix('/') {
            let end = path.find(['/', '[', '=', '!']).unwrap_or(path.len());
            let mut step = PatternStep { name: path[..end].into(), keys: Vec::new() };
            rest = &path[end..];
            while let Some(predicate) = rest.strip_prefix('[') {
                let close = predicate.find(']').expect("a closing bracket");
                let (key, value) = predicate[..close].split_once('=').expect("key=value");
                step.keys.push((key.into(), Term::parse(value)));
                rest = &predicate[close + 1..];
            }
            steps.push(step);
        }
        if rest == "!" {
            kind = Kind::Presence;
        } else if let Some(value) = rest.strip_prefix('=') {
            let scaled = value.strip_prefix('{').and_then(|v| v.strip_suffix('}'));
            kind = match scaled.and_then(|v| v.split_once('*')) {
                Some((variable, factor)) => Kind::Scaled(
                    Variable::parse(variable),
                    factor.parse().expect("a factor is a number"),
                ),
                None => Kind::Leaf(Term::parse(value)),
            };
        } else {
            assert!(rest.is_empty(), "what is {rest:?} in {text}?");
        }
        Self { steps, kind, optional }
    }

    /// The path without keys, to ask the schema about.
    pub(super) fn schema_path(&self) -> Path {
        Path(self.steps.iter().map(|step| Step::plain(step.name.clone())).collect())
    }

    /// Names of the variables that stand in keys.
    pub(super) fn key_variables(&self) -> impl Iterator<Item = &'static str> {
        self.steps.iter().flat_map(|step| &step.keys).filter_map(|(_, term)| match term {
            Term::Variable(variable) => Some(variable.name),
            Term::Text(_) => None,
        })
    }

    /// Names of all its variables.
    pub(super) fn variables(&self) -> impl Iterator<Item = &'static str> {
        let value = match &self.kind {
            Kind::Leaf(Term::Variable(variable)) | Kind::Scaled(variable, _) => Some(variable.name),
            _ => None,
        };
        self.key_variables().chain(value)
    }

    /// Whether the pattern, whatever its variables, has this path.
    pub(super) fn matches(&self, path: &Path) -> bool {
        let mut bindings = Bindings::default();
        self.steps.len() == path.0.len()
            && self.steps.iter().zip(&path.0).all(|(pattern, step)| {
                pattern.name == step.name
                    && pattern.keys.len() == step.keys.len()
                    && pattern.keys.iter().zip(&step.keys).all(|((key, term), (name, value))| {
                        key == name && term.accept(value, &mut bindings)
                    })
            })
    }

    /// The path with the variables filled in; `None` where one is not bound.
    pub(super) fn path(&self, bindings: &Bindings) -> Option<Path> {
        let step = |step: &PatternStep| {
            let keys = step
                .keys
                .iter()
                .map(|(name, term)| Some((name.clone(), Box::from(term.value(bindings)?))));
            Some(Step { name: step.name.clone(), keys: keys.collect::<Option<_>>()? })
        };
        Some(Path(self.steps.iter().map(step).collect::<Option<_>>()?))
    }

    /// Every way in which `bindings` can be extended so that the pattern holds in `tree`. An optional
    /// pattern that doesn't hold leaves them as they are.
    pub(super) fn solve(&self, tree: &Tree, bindings: Bindings) -> Vec<Bindings> {
        let mut found = Vec::new();
        self.descend(tree, 0, bindings.clone(), &mut found);
        if found.is_empty() && self.optional {
            found.push(bindings);
        }
        found
    }

    fn descend(&self, tree: &Tree, at: usize, bindings: Bindings, found: &mut Vec<Bindings>) {
        let step = &self.steps[at];
        let last = at + 1 == self.steps.len();
        let mut below = |inside: &Tree, bindings: Bindings| match (last, &self.kind) {
            (true, Kind::Entry) => found.push(bindings),
            (true, _) => {}
            (false, _) => self.descend(inside, at + 1, bindings, found),
        };
        match tree.child(&step.name) {
            Some(Node::List(list)) => {
                // All keys known: one look-up instead of a walk over the list.
                let known: Option<Vec<Box<str>>> =
                    step.keys.iter().map(|(_, t)| t.value(&bindings).map(Box::from)).collect();
                if let Some(keys) = known {
                    if let Some(entry) = list.entries.get(keys.as_slice()) {
                        below(entry, bindings);
                    }
                    return;
                }
                for (keys, entry) in &list.entries {
                    let mut bindings = bindings.clone();
                    let terms = step.keys.iter().map(|(_, term)| term);
                    if terms.zip(keys).all(|(term, value)| term.accept(value, &mut bindings)) {
                        below(entry, bindings);
                    }
                }
            }
            Some(Node::Presence(_)) if last && matches!(self.kind, Kind::Presence) => {
                found.push(bindings);
            }
            Some(Node::Container(inside) | Node::Presence(inside)) => below(inside, bindings),
            Some(Node::Leaf(value)) if last => {
                let mut bindings = bindings;
                let fits = match &self.kind {
                    Kind::Leaf(term) => term.accept(value, &mut bindings),
                    Kind::Scaled(variable, factor) => match value.parse::<u64>() {
                        Ok(value) if value % factor == 0 => {
                            bindings.bind(variable.name, &(value / factor).to_string())
                        }
                        _ => false,
                    },
                    Kind::Entry | Kind::Presence => false,
                };
                if fits {
                    found.push(bindings);
                }
            }
            _ => {}
        }
    }

    /// Puts what the pattern says into `tree`. An optional one whose variables are not bound
    /// says nothing. `false` where it can't be said.
    pub(super) fn assert(&self, tree: &mut Tree, bindings: &Bindings) -> bool {
        let Some(path) = self.path(bindings) else { return self.optional };
        let value = match &self.kind {
            Kind::Entry => {
                tree.ensure(&path.0);
                return true;
            }
            Kind::Presence => {
                tree.ensure_presence(&path);
                return true;
            }
            Kind::Leaf(term) => term.value(bindings).map(str::to_owned),
            Kind::Scaled(variable, factor) => bindings
                .get(variable.name)
                .and_then(|value| value.parse::<u64>().ok()?.checked_mul(*factor))
                .map(|value| value.to_string()),
        };
        match value {
            Some(value) => tree.set(&path, value),
            None => return self.optional,
        }
        true
    }

    /// Whether it stands for a leaf.
    pub(super) fn is_leaf(&self) -> bool {
        matches!(self.kind, Kind::Leaf(_) | Kind::Scaled(..))
    }

    /// Paths that the leaf has, or would have, in each list entry or presence container of `tree` that
    /// could hold it.
    pub(super) fn instances_of_parent_entry(&self, tree: &Tree) -> Vec<Path> {
        // The object is the last step with variable keys; where there is none, the presence
        // container, marked in a hidden pattern by the module in its name.
        let object = self
            .steps
            .iter()
            .rposition(|s| s.keys.iter().any(|(_, t)| matches!(t, Term::Variable(_))))
            .or_else(|| self.steps.iter().rposition(|s| s.name.contains(':')))
            .unwrap_or(0);
        let parent = Self {
            steps: self.steps[..=object]
                .iter()
                .map(|s| PatternStep { name: s.name.clone(), keys: s.keys.clone() })
                .collect(),
            kind: if self.steps[object].keys.is_empty() { Kind::Presence } else { Kind::Entry },
            optional: false,
        };
        let instances = parent.solve(tree, Bindings::default());
        instances.iter().filter_map(|bindings| self.path(bindings)).collect()
    }
}

#[derive(Debug, Clone)]
enum Token {
    Word(&'static str),
    Variable(Variable),
    Rest(Variable),
    Optional(Vec<Token>),
}

/// A line with variables.
#[derive(Debug, Clone)]
pub(super) struct Template(Vec<Token>);

impl Template {
    /// Panics where the text, a constant of `rows`, is not well formed.
    pub(super) fn parse(text: &str) -> Self {
        let text: &'static str = String::leak(text.to_owned());
        let mut tokens = Vec::new();
        let mut rest = text.trim();
        while !rest.is_empty() {
            if let Some(group) = rest.strip_prefix('[') {
                let close = group.find(']').expect("a closing bracket");
                tokens.push(Token::Optional(Self::parse(&group[..close]).0));
                rest = group[close + 1..].trim_start();
                continue;
            }
            let end = rest.find([' ', '[']).unwrap_or(rest.len());
            let word = &rest[..end];
            tokens.push(match word.strip_prefix('{').and_then(|w| w.strip_suffix('}')) {
                Some(variable) => match variable.strip_suffix("...") {
                    Some(rest) => Token::Rest(Variable::parse(rest)),
                    None => Token::Variable(Variable::parse(variable)),
                },
                None => Token::Word(word),
            });
            rest = rest[end..].trim_start();
        }
        Self(tokens)
    }

    /// The line; `None` where a variable outside of `[ … ]` is not bound.
    pub(super) fn render(&self, bindings: &Bindings) -> Option<String> {
        fn write(tokens: &[Token], bindings: &Bindings, line: &mut Vec<String>) -> Option<()> {
            for token in tokens {
                match token {
                    Token::Word(word) => line.push((*word).to_owned()),
                    Token::Variable(v) | Token::Rest(v) => {
                        line.push(bindings.get(v.name)?.to_owned());
                    }

                    Token::Optional(group) => {
                        let mut words = Vec::new();
                        if write(group, bindings, &mut words).is_some() {
                            line.append(&mut words);
                        }
                    }
                }
            }
            Some(())
        }
        let mut words = Vec::new();
        write(&self.0, bindings, &mut words)?;
        Some(words.join(" "))
    }

    /// Words of the line, as far as they say what it is about: to the last of these keys, or to the first word that is
    /// not fixed by them. To be given to [`Template::length`].
    pub(super) fn subject(&self, keys: &[&str], entry: bool) -> usize {
        let is_key = |token: &Token| matches!(token, Token::Variable(v) if keys.contains(&v.name));
        let fixed = self.0.iter().take_while(|t| matches!(t, Token::Word(_)) || is_key(t)).count();
        match self.0.iter().rposition(is_key) {
            Some(last) if entry => last + 1,
            _ => fixed,
        }
    }

    /// Bytes of the first tokens of a rendered line.
    pub(super) fn length(&self, tokens: usize, bindings: &Bindings) -> usize {
        let words = self.0.iter().take(tokens).filter_map(|token| match token {
            Token::Word(word) => Some(word.len()),
            Token::Variable(v) => bindings.get(v.name).map(str::len),
            Token::Rest(_) | Token::Optional(_) => None,
        });
        let (count, bytes) = words.fold((0, 0), |(count, bytes), word| (count + 1, bytes + word));
        bytes + usize::saturating_sub(count, 1)
    }

    /// Reads a line; `None` where it is another.
    pub(super) fn read(&self, line: &str) -> Option<Bindings> {
        let mut bindings = Bindings::default();
        let rest = read_tokens(&self.0, line.trim(), &mut bindings)?;
        rest.is_empty().then_some(bindings)
    }
}

fn read_tokens<'a>(tokens: &[Token], line: &'a str, bindings: &mut Bindings) -> Option<&'a str> {
    let mut rest = line;
    for token in tokens {
        let (word, after) = rest.split_once(' ').unwrap_or((rest, ""));
        match token {
            Token::Word(expected) if word == *expected => rest = after,
            Token::Variable(v) if !word.is_empty() && v.form.fits(word) => {
                let value = v.form.canonical(word);
                bindings.respelled |= v.is_not_kept() || value != word;
                if !v.is_not_kept() && !bindings.bind(v.name, &value) {
                    return None;
                }
                rest = after;
            }
            Token::Rest(v) if !rest.is_empty() => {
                let value = v.form.canonical(rest);
                bindings.respelled |= value != rest;
                if !bindings.bind(v.name, &value) {
                    return None;
                }
                rest = "";
            }
            Token::Optional(group) => {
                let mut attempt = bindings.clone();
                if let Some(after) = read_tokens(group, rest, &mut attempt) {
                    *bindings = attempt;
                    rest = after;
                }
            }
            _ => return None,
        }
    }
    Some(rest)
}
