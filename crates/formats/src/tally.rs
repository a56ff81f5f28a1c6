//! Counts the operators of a graph: those that differ only in plain data are one fact, however many
//! nodes a graph has.

use crate::key::key_of;
use davy_artifact::{Fact, Operator, Reading, Site, Value, Why};
use davy_bytes::Blame;
use std::collections::HashMap;
use std::hash::Hasher;

/// Different operators that are told apart; more are counted under their name alone, which is a gap.
const APART: usize = 50_000;

/// Operators and how often they were seen, in the order in which they were seen first.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    counted: Vec<(Operator, u64, Site)>,
    /// Where operators that are counted by their name alone stand in the list.
    plain: HashMap<String, usize>,
    /// Where those that are told with inputs and attributes stand in the list.
    told: HashMap<u128, usize>,
    /// Where the first operator stands that was counted by its name for want of room.
    lost: Option<Site>,
    /// The name that is looked up, so that looking up allocates nothing.
    key: String,
}

impl Tally {
    /// Counts an operator of which only the name matters.
    pub(crate) fn count(&mut self, domain: &str, name: &str, site: impl FnOnce() -> Site) {
        self.key.clear();
        self.key.push_str(domain);
        self.key.push('\0');
        self.key.push_str(name);
        let found = self.plain.get(&self.key).and_then(|at| self.counted.get_mut(*at));
        if let Some((_, count, _)) = found {
            *count = count.saturating_add(1);
            return;
        }
        self.plain.insert(self.key.clone(), self.counted.len());
        let (domain, name) = (domain.to_owned(), name.to_owned());
        let operator = Operator { domain, name, inputs: vec![], attributes: vec![] };
        self.counted.push((operator, 1, site()));
    }

    /// Counts nodes of an operator of which only the name matters, and that was not counted before.
    pub(crate) fn add(&mut self, name: &str, count: u64, site: &Site) {
        let (domain, name) = (String::new(), name.to_owned());
        let operator = Operator { domain, name, inputs: vec![], attributes: vec![] };
        self.plain.insert(format!("\0{}", operator.name), self.counted.len());
        self.counted.push((operator, count, site.clone()));
    }

    /// Counts an operator that is told with its inputs and attributes.
    pub(crate) fn tell(&mut self, operator: Operator, site: Site) {
        let key = key_of(&|hasher| feed(&operator, hasher));
        let found = self.told.get(&key).and_then(|at| self.counted.get_mut(*at));
        if let Some((_, count, _)) = found {
            *count = count.saturating_add(1);
        } else if self.told.len() < APART {
            self.told.insert(key, self.counted.len());
            self.counted.push((operator, 1, site));
        } else {
            self.lost.get_or_insert_with(|| site.clone());
            self.count(&operator.domain, &operator.name, || site);
        }
    }

    /// Records all that was counted.
    pub(crate) fn push(self, reading: &mut Reading) {
        for (operator, count, site) in self.counted {
            reading.fact(Fact::Operator { operator, count, site });
        }
        if let Some(site) = self.lost {
            let what = "what operators work on, of which there are too many to tell each";
            reading.gap(site.span, Why::Halted(Blame::Exhausted), what);
        }
    }
}

/// Hands all that tells an operator from others to a hasher.
fn feed(operator: &Operator, hasher: &mut dyn Hasher) {
    let Operator { domain, name, inputs, attributes } = operator;
    for text in [domain, name] {
        hasher.write(text.as_bytes());
        hasher.write_u8(0xff);
    }
    for input in inputs {
        feed_value(input, hasher);
    }
    for (name, value) in attributes {
        hasher.write(name.as_bytes());
        hasher.write_u8(0xff);
        feed_value(value, hasher);
    }
}

/// Texts go as they are, since there may be much of them; the rest goes as it is shown to
/// programmers.
fn feed_value(value: &Value, hasher: &mut dyn Hasher) {
    match value {
        Value::Text(text) | Value::Bytes(text) => {
            hasher.write_u8(u8::from(matches!(value, Value::Text(_))));
            hasher.write_u64(text.len);
            hasher.write_usize(text.head.len());
            hasher.write(&text.head);
        }
        Value::List(items) | Value::Set(items) => {
            hasher.write_u8(if matches!(value, Value::List(_)) { 2 } else { 3 });
            hasher.write_usize(items.len());
            items.iter().for_each(|item| feed_value(item, hasher));
        }
        Value::Call(call) if call.kwargs.is_empty() => {
            hasher.write_u8(4);
            feed_value(&call.callee, hasher);
            hasher.write_usize(call.args.len());
            call.args.iter().for_each(|item| feed_value(item, hasher));
        }
        other => {
            hasher.write_u8(5);
            hasher.write(format!("{other:?}").as_bytes());
            hasher.write_u8(0xff);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use davy_artifact::Value;

    #[test]
    fn operators_that_are_alike_are_one_fact() {
        let mut tally = Tally::default();
        let told = |number| Operator {
            domain: String::new(),
            name: "ReadFile".to_owned(),
            inputs: vec![Value::Int(number)],
            attributes: vec![],
        };
        for _ in 0..3 {
            tally.count("", "Add", Site::default);
            tally.tell(told(1), Site::default());
        }
        tally.tell(told(2), Site::default());
        let mut reading = Reading::default();
        tally.push(&mut reading);
        let counts: Vec<u64> = reading
            .facts
            .iter()
            .map(|fact| if let Fact::Operator { count, .. } = fact { *count } else { 0 })
            .collect();
        assert_eq!(counts, [3, 3, 1]);
    }
}
