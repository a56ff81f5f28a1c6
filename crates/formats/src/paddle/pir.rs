//! Programs in the form that Paddle 3 writes by default: its intermediate representation as JSON
//! (`paddle/fluid/pir/serialize_deserialize`, `schema.h`). Short keys stand for the words: `#` for what
//! something is, `A` for attributes, each with its name `N`, type and data `AT`.

use super::program::{TELLING, opens};
use crate::json::{self, Document, Node};
use crate::keras::mentions;
use crate::tally::Tally;
use davy_artifact::{Fact, Format, Input, Operator, Probe, Reading, Route, Site, Value};
use davy_bytes::{Budget, Halt};

/// Attributes that are told of one operator.
const PARTS: usize = 64;

/// Operators of Paddle itself: their set by its number, and by its name.
const OWN: &[&str] = &["1", "pd_op"];

/// The reader of such programs.
#[derive(Debug)]
pub struct Pir;

impl Format for Pir {
    fn id(&self) -> &'static str {
        "paddle-pir"
    }

    fn summary(&self) -> &'static str {
        "programs of Paddle 3 in JSON: operators and their attributes"
    }

    fn probe(&self, head: &[u8], _: &Input<'_>) -> Probe {
        if json::starts_container(head) { Probe::Possible } else { Probe::No }
    }

    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        let no_program = || Halt::malformed(0, "no program of Paddle");
        if !mentions(input.bytes, &[b"base_code"], budget)? {
            return Err(no_program());
        }
        let document = Document::parse(input.bytes, budget)?;
        let magic = document.root().and_then(|root| root.at(&["base_code", "magic"]));
        if !magic.is_some_and(|magic| magic.is_text("pir")) {
            return Err(no_program());
        }
        let mut tally = Tally::default();
        let mut count = 0_u64;
        for node in document.nodes() {
            budget.spend_steps(1, node.span().start)?;
            let is_operator =
                node.is_object() && node.get("A").is_some() && node.get("O").is_some();
            if let Some(name) = node.get("#").and_then(Node::text).filter(|_| is_operator) {
                operator(node, &name, count, &mut tally, reading);
                count = count.saturating_add(1);
            }
        }
        tally.push(reading);
        let fault = document.fault().cloned();
        reading.seamless = fault.is_none();
        fault.map_or(Ok(()), Err)
    }
}

/// Tells of an operator, and of the file that it opens.
fn operator(node: Node<'_>, full: &str, count: u64, tally: &mut Tally, reading: &mut Reading) {
    let (domain, name) = full.split_once('.').unwrap_or(("", full));
    let site = || Site { span: node.span(), route: Route::Node(format!("{count} {name}")) };
    let domain = if OWN.contains(&domain) { "" } else { domain };
    if !domain.is_empty() || !TELLING.contains(&name) {
        return tally.count(domain, name, site);
    }
    let mut told = Vec::new();
    for attribute in node.get("A").into_iter().flat_map(Node::items).take(PARTS) {
        let key = attribute.get("N").and_then(Node::text).unwrap_or_default().into_owned();
        let value = attribute.at(&["AT", "D"]).map_or(Value::None, Node::value);
        let text = attribute.at(&["AT", "D"]).and_then(Node::text);
        if let (Some(purpose), Some(target)) = (opens(name, &key), text) {
            let (target, site) = (target.into_owned(), site());
            reading.fact(Fact::Reference { target, purpose, site });
        }
        told.push((key, value));
    }
    let (domain, name) = (domain.to_owned(), name.to_owned());
    let operator = Operator { domain, name, inputs: vec![], attributes: told };
    tally.tell(operator, site());
}

#[cfg(test)]
mod tests {
    use super::*;
    use davy_testkit::robust;

    fn program(operator: &str) -> Reading {
        let text = format!(
            "{{\"base_code\": {{\"magic\": \"pir\", \"version\": 4}}, \"program\": {{\"regions\": \
             [{{\"#\": \"region_0\", \"blocks\": [{{\"#\": \"block_0\", \"args\": [], \"ops\": \
             [{operator}]}}]}}]}}}}"
        );
        robust::read(&Pir, "model.json", text.as_bytes()).unwrap().reading
    }

    fn references(reading: &Reading) -> Vec<(&str, &str)> {
        let facts = reading.facts.iter().filter_map(|fact| match fact {
            Fact::Reference { target, purpose, .. } => Some((target.as_str(), *purpose)),
            _ => None,
        });
        facts.collect()
    }

    #[test]
    fn operators_that_open_files_are_told_with_their_paths() {
        let reading = program(
            r##"{"#": "1.read_file", "A": [{"N": "filename", "AT": {"#": "0.a_str", "D": "/etc/passwd"}}],
                "I": [], "O": []}"##,
        );
        assert_eq!(references(&reading), [("/etc/passwd", "read file")]);
        assert!(reading.seamless);
    }

    #[test]
    fn other_operators_are_counted() {
        let reading = program(
            r##"{"#": "1.matmul", "A": [{"N": "filename", "AT": {"#": "0.a_str", "D": "/etc/passwd"}}],
                "I": [], "O": []}, {"#": "custom_op.mine", "A": [], "I": [], "O": []}"##,
        );
        assert_eq!(references(&reading), []);
        let domains: Vec<&str> = reading
            .facts
            .iter()
            .map(|fact| match fact {
                Fact::Operator { operator, .. } => operator.domain.as_str(),
                _ => "none",
            })
            .collect();
        assert_eq!(domains, ["", "custom_op"]);
    }

    #[test]
    fn other_json_is_no_program() {
        let other = br#"{"base_code": {"magic": "x"}, "program": {}}"#;
        assert!(robust::read(&Pir, "x.json", other).unwrap().halt.is_some());
    }
}
