//! XML as libyang prints it: elements, namespaces by `xmlns`, text. Pure.
//!
//! No declarations, comments or processing instructions: what has one is refused, not
//! guessed at.

/// Deeper than any YANG model, far from the end of the stack.
const MAX_DEPTH: usize = 64;

/// An element.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Element {
    pub(super) name: String,
    /// Empty where none was declared.
    pub(super) namespace: String,
    pub(super) text: String,
    pub(super) children: Vec<Element>,
}

struct Parser<'a> {
    rest: &'a str,
}

/// Reads the elements of a document, of which libyang prints any number.
pub(super) fn parse(text: &str) -> Result<Vec<Element>, &'static str> {
    let mut parser = Parser { rest: text };
    let mut elements = Vec::new();
    while !parser.spaces().is_empty() {
        elements.push(parser.element("", 0)?);
    }
    Ok(elements)
}

impl<'a> Parser<'a> {
    fn spaces(&mut self) -> &'a str {
        self.rest = self.rest.trim_start();
        self.rest
    }

    fn eat(&mut self, token: &str) -> bool {
        let rest = self.rest.strip_prefix(token);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn expect(&mut self, token: &str, missing: &'static str) -> Result<(), &'static str> {
        if self.eat(token) { Ok(()) } else { Err(missing) }
    }

    /// What comes before one of these characters.
    fn until(&mut self, ends: &[char]) -> Result<&'a str, &'static str> {
        let at = self.rest.find(ends).ok_or("ends too early")?;
        let (found, rest) = self.rest.split_at(at);
        self.rest = rest;
        Ok(found)
    }

    fn name(&mut self) -> Result<&'a str, &'static str> {
        let name = self.until(&[' ', '\t', '\n', '\r', '=', '/', '>'])?;
        let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        if starts { Ok(name) } else { Err("a name is missing") }
    }

    fn element(&mut self, outer: &str, depth: usize) -> Result<Element, &'static str> {
        if depth > MAX_DEPTH {
            return Err("too deep");
        }
        self.expect("<", "an element is missing")?;
        let qualified = self.name()?;
        let (prefix, name) = qualified.split_once(':').unwrap_or(("", qualified));
        let mut element =
            Element { name: name.into(), namespace: outer.into(), ..Element::default() };
        while !self.spaces().starts_with(['/', '>']) {
            let attribute = self.name()?;
            self.expect("=", "= is missing")?;
            let quote = if self.eat("'") { '\'' } else { '"' };
            if quote == '"' {
                self.expect("\"", "a quote is missing")?;
            }
            let value = unescape(self.until(&[quote])?)?;
            self.rest = self.rest.get(1..).unwrap_or_default();
            let declared = match attribute.split_once(':') {
                None => (attribute == "xmlns").then_some(""),
                Some(("xmlns", declared)) => Some(declared),
                Some(_) => None,
            };
            if declared == Some(prefix) {
                element.namespace = value;
            }
        }
        if self.eat("/") {
            self.expect(">", "> is missing")?;
            return Ok(element);
        }
        self.expect(">", "> is missing")?;
        loop {
            element.text.push_str(&unescape(self.until(&['<'])?)?);
            if self.eat("</") {
                self.expect(qualified, "another element ends")?;
                self.spaces();
                self.expect(">", "> is missing")?;
                break;
            }
            let child = self.element(&element.namespace, depth + 1)?;
            element.children.push(child);
        }
        if !element.children.is_empty() {
            // Indentation.
            element.text.clear();
        }
        Ok(element)
    }
}

fn unescape(text: &str) -> Result<String, &'static str> {
    let mut parts = text.split('&');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (entity, rest) = part.split_once(';').ok_or("an entity does not end")?;
        let c = match entity {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            number => {
                let code = match number.strip_prefix("#x") {
                    Some(hex) => u32::from_str_radix(hex, 16).ok(),
                    None => number.strip_prefix('#').and_then(|decimal| decimal.parse().ok()),
                };
                code.and_then(char::from_u32).ok_or("unknown entity")?
            }
        };
        out.push(c);
        out.push_str(rest);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_libyang_prints_is_read() {
        let read = parse(
            "<a xmlns=\"urn:a\">\n  <b>1 &lt; &#x32;</b>\n  <p:c xmlns:p='urn:p'/>\n</a>\n<d/>",
        );
        let leaf = |name: &str, namespace: &str, text: &str| Element {
            name: name.into(),
            namespace: namespace.into(),
            text: text.into(),
            children: vec![],
        };
        let mut a = leaf("a", "urn:a", "");
        a.children = vec![leaf("b", "urn:a", "1 < 2"), leaf("c", "urn:p", "")];
        assert_eq!(read.unwrap(), [a, leaf("d", "", "")]);
        assert_eq!(parse(" \n").unwrap(), []);
    }

    #[test]
    fn what_is_not_whole_is_refused() {
        for bad in
            ["<", "<a", "<a>", "<a></b>", "<a b></a>", "<a>&x;</a>", "<!-- x -->", "x", "<a b=c/>"]
        {
            assert!(parse(bad).is_err(), "{bad}");
        }
        assert!(parse(&"<a>".repeat(100_000)).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_but_never_panics(text in "[<>/a:='\"& ;#x1é]{0,60}") {
            let _ = parse(&text);
        }
    }
}
