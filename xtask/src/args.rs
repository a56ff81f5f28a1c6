//! Arguments of tasks: words, and `--name value` pairs in any order.

use std::str::FromStr;

/// What is left of the command line.
pub struct Args {
    words: Vec<String>,
}

impl Args {
    /// Takes the words behind the name of the program.
    pub fn new(words: impl Iterator<Item = String>) -> Self {
        Self { words: words.collect() }
    }

    /// Takes the words of `name` off the front, if they are there.
    pub fn take_words(&mut self, name: &str) -> bool {
        let count = name.split(' ').count();
        let found = name.split(' ').eq(self.words.iter().take(count).map(String::as_str));
        if found {
            self.words.drain(..count);
        }
        found
    }

    /// Takes the value of `--name`, where it is given.
    pub fn value<T: FromStr>(&mut self, name: &str) -> Result<Option<T>, String> {
        let Some(at) = self.words.iter().position(|word| word == name) else { return Ok(None) };
        if at + 1 >= self.words.len() {
            return Err(format!("`{name}` needs a value"));
        }
        let value = self.words.remove(at + 1);
        self.words.remove(at);
        value.parse().map(Some).map_err(|_| format!("`{value}` is no value for `{name}`"))
    }

    /// Takes the values of every `--name`.
    pub fn values(&mut self, name: &str) -> Result<Vec<String>, String> {
        let mut values = Vec::new();
        while let Some(value) = self.value(name)? {
            values.push(value);
        }
        Ok(values)
    }

    /// Takes the rest, for a program that is called.
    pub fn rest(&mut self) -> Vec<String> {
        std::mem::take(&mut self.words)
    }

    /// Fails where anything is left.
    pub fn finish(&self) -> Result<(), String> {
        match self.words.first() {
            Some(word) => Err(format!("unexpected argument `{word}`")),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(line: &str) -> Args {
        Args::new(line.split(' ').map(String::from))
    }

    #[test]
    fn values_are_taken_in_any_order() {
        let mut args = args("oracle pickle --seed 7 --python a --count 5 --python b");
        assert!(!args.take_words("oracle zip"));
        assert!(args.take_words("oracle pickle"));
        assert_eq!(args.value("--count"), Ok(Some(5)));
        assert_eq!(args.values("--python"), Ok(vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(args.value::<u64>("--jobs"), Ok(None));
        assert_eq!(args.finish(), Err("unexpected argument `--seed`".to_owned()));
    }

    #[test]
    fn values_have_to_be_there_and_fit() {
        assert_eq!(args("--count").value::<u64>("--count"), Err("`--count` needs a value".into()));
        let refused = args("--count x").value::<u64>("--count");
        assert_eq!(refused, Err("`x` is no value for `--count`".into()));
    }
}
