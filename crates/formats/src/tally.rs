//! Counts the operators of a graph: those that differ only in plain data are one fact, however many
//! nodes a graph has.

use davy_artifact::{Fact, Operator, Reading, Site};
use std::collections::HashMap;

/// Different operators that are told apart; more are counted under their name alone.
const APART: usize = 10_000;

/// Operators and how often they were seen, in the order in which they were seen first.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    counted: Vec<(Operator, u64, Site)>,
    /// Where operators that are counted by their name alone stand in the list.
    plain: HashMap<String, usize>,
    /// Where those that are told with inputs and attributes stand in the list.
    told: HashMap<String, usize>,
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

    /// Counts an operator that is told with its inputs and attributes.
    pub(crate) fn tell(&mut self, operator: Operator, site: Site) {
        let key = format!("{operator:?}");
        let found = self.told.get(&key).and_then(|at| self.counted.get_mut(*at));
        if let Some((_, count, _)) = found {
            *count = count.saturating_add(1);
        } else if self.told.len() < APART {
            self.told.insert(key, self.counted.len());
            self.counted.push((operator, 1, site));
        } else {
            self.count(&operator.domain, &operator.name, || site);
        }
    }

    /// Records all that was counted.
    pub(crate) fn push(self, reading: &mut Reading) {
        for (operator, count, site) in self.counted {
            reading.fact(Fact::Operator { operator, count, site });
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
