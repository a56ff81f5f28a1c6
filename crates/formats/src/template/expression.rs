//! Expressions of a template: parsed as Jinja's parser does (`jinja2/parser.py`), and followed on
//! the way.

use super::fold;
use super::follow::Follower;
use super::token::{Kind as Token, Token as Placed};
use super::value::{ITEMS, Kind, Subject, Test, Val};
use davy_bytes::Halt;

/// Brackets and operators inside one another; Jinja itself gives up at Python's limit of recursion.
const DEPTH: u32 = 120;

/// The tokens of one tag, and where we are in them.
pub(super) struct Expression<'a, 'f> {
    tokens: &'a [Placed],
    at: usize,
    end: u64,
    depth: u32,
    pub(super) follower: &'f mut Follower,
}

/// What stands between the brackets of a call.
#[derive(Default)]
pub(super) struct Arguments {
    pub(super) args: Vec<Val>,
    pub(super) kwargs: Vec<(String, Val)>,
}

impl<'a, 'f> Expression<'a, 'f> {
    /// The tokens of a tag that ends at `end`.
    pub(super) fn new(tokens: &'a [Placed], end: u64, follower: &'f mut Follower) -> Self {
        Self { tokens, at: 0, end, depth: 0, follower }
    }

    fn peek(&self) -> Option<&'a Token> {
        self.tokens.get(self.at).map(|token| &token.kind)
    }

    fn next(&mut self) -> Option<&'a Token> {
        let token = self.peek();
        self.at = self.at.saturating_add(1);
        token
    }

    /// Whether all tokens were taken.
    pub(super) fn done(&self) -> bool {
        self.at >= self.tokens.len()
    }

    /// A fault at the next token.
    pub(super) fn fault(&self, what: impl Into<std::borrow::Cow<'static, str>>) -> Halt {
        let at = self.tokens.get(self.at).map_or(self.end, |token| token.at);
        Halt::malformed(at, what)
    }

    /// Takes an operator if it is the next token.
    pub(super) fn take(&mut self, operator: &str) -> bool {
        let there = matches!(self.peek(), Some(Token::Operator(found)) if *found == operator);
        self.at = self.at.saturating_add(usize::from(there));
        there
    }

    /// Takes a word if it is the next token.
    pub(super) fn word(&mut self, word: &str) -> bool {
        let there = matches!(self.peek(), Some(Token::Name(found)) if found == word);
        self.at = self.at.saturating_add(usize::from(there));
        there
    }

    /// Takes a name.
    pub(super) fn name(&mut self) -> Result<&'a str, Halt> {
        match self.peek() {
            Some(Token::Name(name)) => {
                self.at = self.at.saturating_add(1);
                Ok(name)
            }
            _ => Err(self.fault("a name is missing")),
        }
    }

    /// Takes an operator that has to be there.
    pub(super) fn expect(&mut self, operator: &'static str) -> Result<(), Halt> {
        if self.take(operator) {
            Ok(())
        } else {
            Err(self.fault(format!("`{operator}` is missing")))
        }
    }

    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Halt>) -> Result<T, Halt> {
        if self.depth >= DEPTH {
            let at = self.tokens.get(self.at).map_or(self.end, |token| token.at);
            return Err(Halt::exhausted(at, "an expression nested too deeply"));
        }
        self.depth = self.depth.saturating_add(1);
        let result = read(self);
        self.depth = self.depth.saturating_sub(1);
        result
    }

    /// A tuple without brackets, or just one value.
    pub(super) fn tuple(&mut self) -> Result<Val, Halt> {
        let first = self.value()?;
        if !matches!(self.peek(), Some(Token::Operator(","))) {
            return Ok(first);
        }
        let mut items = vec![first];
        while self.take(",") && !self.done() && !self.closes() {
            items.push(self.value()?);
        }
        Ok(Val::list(items))
    }

    fn closes(&self) -> bool {
        matches!(self.peek(), Some(Token::Operator(")" | "]" | "}" | "=" | ":")))
    }

    /// One value, with `if … else …` behind it.
    pub(super) fn value(&mut self) -> Result<Val, Halt> {
        let start = self.at;
        let mut value = self.deeper(Self::either)?;
        while self.word("if") {
            let condition = self.deeper(Self::either)?;
            let other = if self.word("else") { self.value()? } else { Val::unknown() };
            let texts = self.texts_since(start);
            self.follower.choice(&condition.tests, &texts);
            let all = Val::any(vec![value.clone(), other.clone()]);
            let subject = all.subject;
            value = with_tests(all, &[&value, &other, &condition]).about(subject);
        }
        Ok(value)
    }

    /// The text constants from token `start` to here.
    fn texts_since(&self, start: usize) -> Vec<&'a str> {
        let tokens = self.tokens.get(start..self.at).unwrap_or_default();
        tokens.iter().filter_map(|token| text_of(&token.kind)).collect()
    }

    fn either(&mut self) -> Result<Val, Halt> {
        let mut value = self.both()?;
        while self.word("or") {
            let other = self.both()?;
            value = with_tests(Val::any(vec![value.clone(), other.clone()]), &[&value, &other]);
        }
        Ok(value)
    }

    fn both(&mut self) -> Result<Val, Halt> {
        let mut value = self.negation()?;
        while self.word("and") {
            let other = self.negation()?;
            value = with_tests(Val::any(vec![value.clone(), other.clone()]), &[&value, &other]);
        }
        Ok(value)
    }

    fn negation(&mut self) -> Result<Val, Halt> {
        let mut negated = false;
        while self.word("not") {
            negated = true;
        }
        let value = self.comparison()?;
        Ok(if negated { with_tests(Val::unknown(), &[&value]) } else { value })
    }

    fn comparison(&mut self) -> Result<Val, Halt> {
        let mut left = self.sum()?;
        loop {
            let how = match self.peek() {
                Some(Token::Operator(how @ ("==" | "!=" | "<" | "<=" | ">" | ">="))) => {
                    self.at = self.at.saturating_add(1);
                    *how
                }
                _ if self.word("in") => "in",
                Some(Token::Name(not)) if not == "not" => {
                    self.at = self.at.saturating_add(1);
                    if !self.word("in") {
                        return Err(self.fault("`in` is missing behind `not`"));
                    }
                    "not in"
                }
                _ => return Ok(left),
            };
            let right = self.sum()?;
            left = with_tests(compare(how, &left, &right), &[&left, &right]);
        }
    }

    fn sum(&mut self) -> Result<Val, Halt> {
        self.chain(&["+", "-"], Self::concatenation)
    }

    fn concatenation(&mut self) -> Result<Val, Halt> {
        self.chain(&["~"], Self::product)
    }

    fn product(&mut self) -> Result<Val, Halt> {
        self.chain(&["*", "/", "//", "%"], Self::sign)
    }

    fn chain(
        &mut self,
        operators: &[&'static str],
        operand: fn(&mut Self) -> Result<Val, Halt>,
    ) -> Result<Val, Halt> {
        let mut value = operand(self)?;
        while let Some(operator) = operators.iter().find(|operator| self.take(operator)) {
            let other = operand(self)?;
            self.follower.grow(operator, &value, &other);
            value = fold::binary(operator, &value, &other);
        }
        Ok(value)
    }

    fn sign(&mut self) -> Result<Val, Halt> {
        let mut negative = false;
        loop {
            if self.take("-") {
                negative = !negative;
            } else if !self.take("+") {
                break;
            }
        }
        let value = self.power()?;
        Ok(match value.kind {
            Kind::Int(number) if negative => Kind::Int(number.saturating_neg()).into(),
            _ => value,
        })
    }

    fn power(&mut self) -> Result<Val, Halt> {
        let mut value = self.primary()?;
        value = self.postfix(value)?;
        while self.take("**") {
            let power = self.deeper(Self::sign)?;
            self.follower.grow("**", &value, &power);
            value = fold::binary("**", &value, &power);
        }
        Ok(value)
    }

    fn primary(&mut self) -> Result<Val, Halt> {
        match self.next() {
            Some(Token::Text(text)) => {
                let mut whole = text.clone();
                while let Some(Token::Text(more)) = self.peek() {
                    whole.push_str(more);
                    self.at = self.at.saturating_add(1);
                }
                Ok(Val::text(whole))
            }
            Some(Token::Int(number)) => Ok(Kind::Int(*number).into()),
            Some(Token::Float(number)) => Ok(Kind::Float(*number).into()),
            Some(Token::Name(name)) => Ok(match name.as_str() {
                "true" | "True" => Kind::Bool(true).into(),
                "false" | "False" => Kind::Bool(false).into(),
                "none" | "None" => Kind::None.into(),
                name => self.follower.variable(name),
            }),
            Some(Token::Operator("(")) => {
                if self.take(")") {
                    return Ok(Val::list(Vec::new()));
                }
                let value = self.deeper(Self::tuple)?;
                self.expect(")")?;
                Ok(value)
            }
            Some(Token::Operator("[")) => self.list(),
            Some(Token::Operator("{")) => self.dict(),
            _ => {
                self.at = self.at.saturating_sub(1);
                Err(self.fault("a value is missing"))
            }
        }
    }

    fn list(&mut self) -> Result<Val, Halt> {
        let mut items = Vec::new();
        while !self.take("]") {
            items.push(self.deeper(Self::value)?);
            if !self.take(",") {
                self.expect("]")?;
                break;
            }
        }
        Ok(Val::list(items))
    }

    fn dict(&mut self) -> Result<Val, Halt> {
        let mut items = Vec::new();
        while !self.take("}") {
            let key = self.deeper(Self::value)?;
            self.expect(":")?;
            let value = self.deeper(Self::value)?;
            if let (Some(key), true) = (key.printed(), items.len() < ITEMS) {
                items.push((key, value));
            }
            if !self.take(",") {
                self.expect("}")?;
                break;
            }
        }
        Ok(Kind::Dict(items).into())
    }

    /// Attributes, items, calls, filters and tests behind a value.
    fn postfix(&mut self, mut value: Val) -> Result<Val, Halt> {
        loop {
            if self.take(".") {
                value = match self.next() {
                    Some(Token::Name(name)) => self.follower.attribute(&value, name),
                    Some(Token::Int(index)) => {
                        let index = Kind::Int(*index).into();
                        self.follower.item(&value, &index)
                    }
                    _ => return Err(self.fault("the name of an attribute is missing")),
                };
            } else if self.take("[") {
                value = self.deeper(|this| this.subscript(&value))?;
            } else if self.take("(") {
                let arguments = self.deeper(Self::arguments)?;
                value = self.follower.call(&value, arguments);
            } else if self.take("|") {
                value = self.filter(&value)?;
            } else if self.word("is") {
                value = self.test(&value)?;
            } else {
                return Ok(value);
            }
        }
    }

    fn subscript(&mut self, base: &Val) -> Result<Val, Halt> {
        let mut bounds: [Option<Val>; 3] = [None, None, None];
        let (mut part, mut sliced) = (0_usize, false);
        loop {
            if self.take("]") {
                break;
            } else if self.take(":") {
                sliced = true;
                part = part.saturating_add(1);
            } else {
                let value = self.tuple()?;
                match bounds.get_mut(part) {
                    Some(slot) if slot.is_none() => *slot = Some(value),
                    _ => return Err(self.fault("`]` is missing")),
                }
            }
        }
        if !sliced {
            let [Some(index), ..] = bounds else { return Err(self.fault("an index is missing")) };
            return Ok(self.follower.item(base, &index));
        }
        let known = bounds.iter().flatten().all(|bound| bound.as_int().is_some());
        let numbers = bounds.map(|bound| bound.and_then(|bound| bound.as_int()));
        let cut = fold::each(base, &Val::unknown(), |base, _| {
            fold::slice(base, &numbers).filter(|_| known).unwrap_or_else(Val::unknown)
        });
        Ok(cut.about(base.subject))
    }

    /// The arguments of a call, behind its opening bracket.
    fn arguments(&mut self) -> Result<Arguments, Halt> {
        let mut arguments = Arguments::default();
        while !self.take(")") {
            let named = match (self.peek(), self.tokens.get(self.at.saturating_add(1))) {
                (Some(Token::Name(name)), Some(Placed { kind: Token::Operator("="), .. })) => {
                    Some(name)
                }
                _ => None,
            };
            if let Some(name) = named {
                self.at = self.at.saturating_add(2);
                let value = self.value()?;
                arguments.kwargs.push((name.clone(), value));
            } else {
                let spread = self.take("**") || self.take("*");
                let value = self.value()?;
                match value.elements().filter(|_| spread) {
                    Some(items) => arguments.args.extend(items),
                    None => arguments.args.push(value),
                }
            }
            if !self.take(",") {
                self.expect(")")?;
                break;
            }
        }
        Ok(arguments)
    }

    /// A filter and its arguments, behind the bar.
    pub(super) fn filter(&mut self, value: &Val) -> Result<Val, Halt> {
        let mut name = self.name()?.to_owned();
        while self.take(".") {
            name.push('.');
            name.push_str(self.name()?);
        }
        let arguments =
            if self.take("(") { self.deeper(Self::arguments)? } else { Arguments::default() };
        Ok(self.follower.filter(&name, value, arguments))
    }

    /// A test and its argument, behind `is`.
    fn test(&mut self, value: &Val) -> Result<Val, Halt> {
        let negated = self.word("not");
        let name = self.name()?;
        let mut args = Vec::new();
        if self.take("(") {
            args = self.deeper(Self::arguments)?.args;
        } else if self.takes_argument() {
            let operand = self.deeper(|this| {
                let value = this.primary()?;
                this.tail(value)
            })?;
            args.push(operand);
        }
        let how = match name {
            "eq" | "equalto" | "sameas" if negated => "!=",
            "eq" | "equalto" | "sameas" => "==",
            "in" => "in",
            _ => name,
        };
        let other = args.into_iter().next().unwrap_or_else(Val::unknown);
        Ok(with_tests(compare(how, value, &other), &[value, &other]))
    }

    /// Whether a value follows that a test without brackets takes.
    fn takes_argument(&self) -> bool {
        match self.peek() {
            Some(Token::Name(name)) => {
                !matches!(name.as_str(), "else" | "or" | "and" | "is" | "if" | "in" | "not")
            }
            Some(Token::Text(_) | Token::Int(_) | Token::Float(_)) => true,
            Some(Token::Operator(operator)) => matches!(*operator, "[" | "{"),
            None => false,
        }
    }

    /// Attributes, items and calls only: what may follow a test's argument.
    fn tail(&mut self, mut value: Val) -> Result<Val, Halt> {
        loop {
            if self.take(".") {
                let name = self.name()?;
                value = self.follower.attribute(&value, name);
            } else if self.take("[") {
                value = self.deeper(|this| this.subscript(&value))?;
            } else if self.take("(") {
                let arguments = self.deeper(Self::arguments)?;
                value = self.follower.call(&value, arguments);
            } else {
                return Ok(value);
            }
        }
    }
}

/// The text of a constant.
pub(super) fn text_of(token: &Token) -> Option<&str> {
    match token {
        Token::Text(text) => Some(text),
        _ => None,
    }
}

/// A value with the tests of its parts.
fn with_tests(mut value: Val, parts: &[&Val]) -> Val {
    /// Tests of one value that are kept.
    const TESTS: usize = 8;
    for test in parts.iter().flat_map(|part| &part.tests) {
        if value.tests.len() < TESTS && !value.tests.contains(test) {
            value.tests.push(test.clone());
        }
    }
    value.subject = None;
    value
}

/// A comparison: a test, where something from outside is compared with a constant.
pub(super) fn compare(how: &str, left: &Val, right: &Val) -> Val {
    let mut value = Val::unknown();
    for (about, constant) in [(left, right), (right, left)] {
        let Some(subject) = about.subject else { continue };
        for constant in constant.alternatives() {
            let shown = match &constant.kind {
                Kind::List(items) => {
                    let items: Vec<_> = items.iter().filter_map(Val::printed).collect();
                    Some(items.join(" ")).filter(|shown| !shown.is_empty())
                }
                _ => constant.printed(),
            };
            let Some(constant) = shown else { continue };
            let subject = match constant.parse::<f64>() {
                Ok(_) if subject == Subject::Content => Subject::Length,
                _ => subject,
            };
            value.tests.push(Test { subject, constant, how: how.to_owned() });
        }
    }
    value
}
