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

use std::{borrow::Cow, sync::Arc};

pub(super) use super::bindings::Bindings;
use super::form::Form;
use crate::tree::{Keys, Name, Node, Path, Step, Tree};

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

#[derive(Debug, Clone)]
struct PatternStep {
    name: Name,
    key_names: Arc<[Name]>,
    /// What its keys have to be.
    terms: Vec<Term>,
    /// The step, where it has no variables: all paths share it.
    constant: Option<Step>,
}

impl PatternStep {
    fn new(name: Name, keys: Vec<(Name, Term)>) -> Self {
        let (key_names, terms): (Vec<Name>, Vec<Term>) = keys.into_iter().unzip();
        let key_names: Arc<[Name]> = key_names.into();
        let text = |term: &Term| match term {
            Term::Text(text) => Some(text.clone()),
            Term::Variable(_) => None,
        };
        let constant = terms.iter().map(text).collect::<Option<_>>();
        let constant = constant.map(|values| Step::with(name.clone(), key_names.clone(), values));
        Self { name, key_names, terms, constant }
    }
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
            let name = path[..end].into();
            let mut keys = Vec::new();
            rest = &path[end..];
            while let Some(predicate) = rest.strip_prefix('[') {
                let close = predicate.find(']').expect("a closing bracket");
                let (key, value) = predicate[..close].split_once('=').expect("key=value");
                keys.push((key.into(), Term::parse(value)));
                rest = &predicate[close + 1..];
            }
            steps.push(PatternStep::new(name, keys));
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
        self.steps.iter().flat_map(|step| &step.terms).filter_map(|term| match term {
            Term::Variable(variable) => Some(variable.name),
            Term::Text(_) => None,
        })
    }

    /// The values of the variables that stand in keys, of a path that was made of it: the last step's own where it has all of
    /// them.
    pub(super) fn keys(&self, path: &Path, bindings: &Bindings) -> Keys {
        let constant = |step: &PatternStep| step.constant.is_some();
        match self.steps.split_last().zip(path.0.last()) {
            Some(((last, above), step))
                if above.iter().all(constant)
                    && last.terms.iter().all(|term| matches!(term, Term::Variable(_))) =>
            {
                step.key_values.clone()
            }
            _ => self.key_variables().filter_map(|v| bindings.get(v).map(Box::from)).collect(),
        }
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
                    && pattern.key_names == step.key_names
                    && (pattern.terms.iter().zip(&*step.key_values))
                        .all(|(term, value)| term.accept(value, &mut bindings))
            })
    }

    /// The path with the variables filled in; `None` where one is not bound.
    pub(super) fn path(&self, bindings: &Bindings) -> Option<Path> {
        let step = |step: &PatternStep| {
            if let Some(constant) = &step.constant {
                return Some(constant.clone());
            }
            let values = step.terms.iter().map(|term| Some(Box::from(term.value(bindings)?)));
            let values = values.collect::<Option<_>>()?;
            Some(Step::with(step.name.clone(), step.key_names.clone(), values))
        };
        Some(Path(self.steps.iter().map(step).collect::<Option<_>>()?))
    }

    /// Calls `found` for every way in which `bindings` can be extended so that the pattern holds in `tree`. An optional
    /// pattern that doesn't hold leaves them as they are.
    pub(super) fn solve(&self, tree: &Tree, bindings: &Bindings, found: &mut dyn FnMut(Bindings)) {
        let mut any = false;
        self.descend(tree, 0, bindings.clone(), &mut |bindings| {
            any = true;
            found(bindings);
        });
        if !any && self.optional {
            found(bindings.clone());
        }
    }

    fn descend(&self, tree: &Tree, at: usize, bindings: Bindings, found: &mut dyn FnMut(Bindings)) {
        let step = &self.steps[at];
        let last = at + 1 == self.steps.len();
        let mut below = |inside: &Tree, bindings: Bindings| match (last, &self.kind) {
            (true, Kind::Entry) => found(bindings),
            (true, _) => {}
            (false, _) => self.descend(inside, at + 1, bindings, found),
        };
        match tree.child(&step.name) {
            Some(Node::List(list)) => {
                // All keys known: one look-up instead of a walk over the list.
                let bound = |term: &Term| term.value(&bindings).map(Box::from);
                let known: Option<Cow<'_, [Box<str>]>> = match &step.constant {
                    Some(constant) => Some(Cow::Borrowed(&constant.key_values)),
                    None => step.terms.iter().map(bound).collect::<Option<_>>().map(Cow::Owned),
                };
                if let Some(keys) = known {
                    if let Some(entry) = list.entries.get(&*keys) {
                        below(entry, bindings);
                    }
                    return;
                }
                for (keys, entry) in &list.entries {
                    let mut bindings = bindings.clone();
                    let mut terms = step.terms.iter().zip(&**keys);
                    if terms.all(|(term, value)| term.accept(value, &mut bindings)) {
                        below(entry, bindings);
                    }
                }
            }
            Some(Node::Presence(_)) if last && matches!(self.kind, Kind::Presence) => {
                found(bindings);
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
                    found(bindings);
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
            .rposition(|s| s.terms.iter().any(|t| matches!(t, Term::Variable(_))))
            .or_else(|| self.steps.iter().rposition(|s| s.name.contains(':')))
            .unwrap_or(0);
        let parent = Self {
            steps: self.steps[..=object].to_vec(),
            kind: if self.steps[object].terms.is_empty() { Kind::Presence } else { Kind::Entry },
            optional: false,
        };
        let mut paths = Vec::new();
        parent.solve(tree, &Bindings::default(), &mut |bindings| {
            paths.extend(self.path(&bindings));
        });
        paths
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
