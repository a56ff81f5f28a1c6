//! Elements of data sets: what the data set hands on that a node makes, followed back through the ones
//! that it is made of.

use super::node::Node;
use super::trace::{Asked, Combine, Made, Query, Trace};
use davy_artifact::Value;
use davy_bytes::Halt;

/// Data sets whose elements are what stands in files that their first input names.
const FILES: &[&str] = &[
    "CSV",
    "DataService",
    "FixedLengthRecord",
    "FromGraph",
    "Generator",
    "LMDB",
    "LoadDataset",
    "Random",
    "Range",
    "Snapshot",
    "Sql",
    "TFRecord",
    "TextLine",
];

/// What an element is that is not followed.
const ELEMENT: Value = Value::Unknown("an element of a data set");

impl Trace<'_> {
    /// What a part of the elements of the data set that a node makes is; nothing where the node makes
    /// none itself, and hands one on.
    pub(super) fn element(
        &mut self,
        node: &Node,
        asked: Asked<'_>,
        part: usize,
    ) -> Result<Option<Made>, Halt> {
        let Asked { frame, scope, .. } = asked;
        let input = |at: usize, element: Option<usize>| {
            let input = node.data_inputs().nth(at).cloned();
            input.map(|input| Query { frame, scope, input, element })
        };
        let of = |inputs: Vec<Option<Query>>| {
            let queries: Vec<Query> = inputs.into_iter().flatten().collect();
            if queries.is_empty() {
                return Made::Known(ELEMENT);
            }
            Made::Of(Combine::OneOf, queries, vec![])
        };
        let op = plain(&node.op);
        Ok(Some(match op {
            "TensorDataset" | "TensorSliceDataset" => of(vec![input(part, None)]),
            // Patterns stand for the paths that fit them.
            "MatchingFilesDataset" => of(vec![input(0, None)]),
            "ConcatenateDataset" => of(vec![input(0, Some(part)), input(1, Some(part))]),
            // How many parts each of them has is not known; mostly it is one.
            "ZipDataset" => of(vec![input(part, Some(0)), input(0, Some(part))]),
            "OneShotIterator" => {
                let callees = self.callees(node)?;
                self.call(&callees, Asked { output: "0", ..asked })
            }
            _ if op.contains("FlatMap") || op.contains("Interleave") => {
                let callees = self.callees(node)?;
                self.call(&callees, Asked { output: "0", ..asked })
            }
            "MapDataset" | "ParallelMapDataset" | "MapAndBatchDataset" => {
                let callees = self.callees(node)?;
                let output = part.to_string();
                self.call(&callees, Asked { output: &output, element: None, ..asked })
            }
            "ScanDataset" => {
                let callees = self.callees(node)?;
                let output = self.length(node, "Tstate")?.saturating_add(part).to_string();
                self.call(&callees, Asked { output: &output, element: None, ..asked })
            }
            _ if FILES.iter().any(|word| op.contains(word)) => Made::Known(ELEMENT),
            _ if op.ends_with("Dataset") => of(vec![input(0, Some(part))]),
            _ => return Ok(None),
        }))
    }
}

/// The name of an operator without its version, and without what says that it was on trial once.
fn plain(op: &str) -> &str {
    let op = op.strip_prefix("Experimental").unwrap_or(op);
    ["V2", "V3", "V4"].iter().find_map(|version| op.strip_suffix(version)).unwrap_or(op)
}

#[cfg(test)]
mod tests {
    use super::super::trace::testing::{constant, inputs, node, read};

    /// A node that calls the function `f`.
    fn calls(name: &str, op: &str, inputs: &str, more: &str) -> String {
        format!(
            "node {{ name: '{name}' op: '{op}' input: [{inputs}] attr {{ key: 'f' value {{ func {{ \
             name: 'f' }} }} }} {more} }}\n"
        )
    }

    const LINES: &str = "library { function { signature { name: 'f' input_arg { name: 'p' type: \
                         DT_STRING } output_arg { name: 'd' type: DT_VARIANT } } ret { key: 'd' \
                         value: 't:handle:0' } node_def { name: 't' op: 'TextLineDataset' input: \
                         ['p', 'p', 'p'] } } }";

    #[test]
    fn a_path_that_is_an_element_of_a_data_set_is_followed() {
        let text = constant("p", "/etc/passwd")
            + &node("d", "TensorSliceDataset", "'p'")
            + &node("s", "ShuffleDataset", "'d', 'p', 'p', 'p'")
            + &calls("m", "FlatMapDataset", "'s'", "")
            + LINES;
        let (reading, _) = read(&text);
        assert!(inputs(&reading, "TextLineDataset")[0].starts_with("'/etc/passwd',"));
        // What a file has in it is not known.
        let nested = constant("p", "/data/list")
            + &node("d", "TextLineDataset", "'p', 'p', 'p'")
            + &calls("m", "FlatMapDataset", "'d'", "")
            + LINES;
        let told = inputs(&read(&nested).0, "TextLineDataset");
        assert!(told.iter().any(|it| it.contains("an element of a data set")), "{told:?}");
    }

    #[test]
    fn iterators_hand_on_what_their_data_set_has() {
        let text = constant("p", "/tmp/x")
            + &node("d", "TensorDataset", "'p'")
            + &node("i", "IteratorV2", "")
            + &node("k", "MakeIterator", "'d', 'i'")
            + &node("n", "IteratorGetNext", "'i'")
            + &node("w", "WriteFile", "'n', 'p'");
        assert_eq!(inputs(&read(&text).0, "WriteFile"), ["'/tmp/x', '/tmp/x'"]);
    }

    #[test]
    fn what_lists_queues_and_variables_keep_is_followed() {
        let list = constant("p", "/etc/passwd")
            + &node("l", "TensorListFromTensor", "'p', 's'")
            + &node("g", "TensorListGetItem", "'l', 'i', 's'")
            + &node("r", "ReadFile", "'g'");
        assert_eq!(inputs(&read(&list).0, "ReadFile"), ["'/etc/passwd'"]);
        let array = constant("p", "/etc/passwd")
            + &node("a", "TensorArrayV3", "'s'")
            + &node("w", "TensorArrayWriteV3", "'a', 's', 'p', 'a:1'")
            + &node("g", "TensorArrayReadV3", "'a', 's', 'w'")
            + &node("r", "ReadFile", "'g'");
        assert!(inputs(&read(&array).0, "ReadFile")[0].contains("'/etc/passwd'"));
        let variable = constant("p", "/etc/passwd")
            + &node("v", "VarHandleOp", "")
            + &node("a", "AssignVariableOp", "'v', 'p'")
            + &node("g", "ReadVariableOp", "'v'")
            + &node("r", "ReadFile", "'g'");
        assert_eq!(inputs(&read(&variable).0, "ReadFile"), ["{<a variable>, '/etc/passwd'}"]);
    }

    #[test]
    fn a_reader_is_told_with_what_it_has_put_into_its_queue_itself() {
        let queue = |control: &str| {
            constant("p", "/etc/passwd")
                + &node("q", "FIFOQueueV2", "")
                + &node("e", "QueueEnqueueV2", "'q', 'p'")
                + &node("f", "WholeFileReaderV2", "")
                + &node("r", "ReaderReadV2", &format!("'f', 'q'{control}"))
        };
        let told = |control: &str| inputs(&read(&queue(control)).0, "ReaderReadV2");
        assert_eq!(told(", '^e'"), ["<computed>, '/etc/passwd'"]);
        // Whoever trains a model runs what fills its queues.
        assert_eq!(told(""), ["<computed>, <what is put into a queue>"]);
    }

    #[test]
    fn a_graph_in_a_constant_is_an_artifact_of_its_own() {
        let inner = "node { name: 'x' op: 'NoOp' }";
        let text = format!(
            "node {{ name: 'g' op: 'Const' attr {{ key: 'value' value {{ tensor {{ dtype: DT_STRING \
             string_val: \"{inner}\" }} }} }} }}\n"
        ) + &node("d", "DatasetFromGraph", "'g'");
        let (reading, _) = read(&text);
        let names: Vec<&str> = reading.children.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["d/graph_def"]);
        assert_eq!(reading.children[0].role, davy_artifact::Role::Loaded);
    }
}
