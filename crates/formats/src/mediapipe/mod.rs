//! MediaPipe's graphs of calculators (`.binarypb`), which are built as TensorFlow's graphs are: nodes
//! with a name, what they run and their inputs, in fields of the same numbers.
//!
//! Calculators are C++ of the program that runs the graph; nothing of them is in the file. What could
//! as well be a graph of TensorFlow, because one of its operators is in it or because it has what only
//! such graphs have, is not taken for one of MediaPipe.

use crate::protobuf::{Entry, Kind, Message, Payload, Table, Wire};
use crate::tally::Tally;
use crate::tensorflow;
use davy_artifact::{Fact, Format, Input, Probe, Reading, Route, Site};
use davy_bytes::{Budget, Bytes, Halt, Limits, Span};

/// `CalculatorGraphConfig` (MediaPipe, `mediapipe/framework/calculator.proto`), as far as it is looked
/// at.
static GRAPH: Table = Table {
    name: "CalculatorGraphConfig",
    fields: &[
        Entry::many(1, "node", Kind::Message(&NODE)),
        Entry::many(6, "packet_factory", Kind::Bytes),
        Entry::many(7, "packet_generator", Kind::Bytes),
        Entry::one(8, "num_threads", Kind::Int),
        Entry::many(9, "status_handler", Kind::Bytes),
        Entry::many(10, "input_stream", Kind::Text),
        Entry::one(11, "max_queue_size", Kind::Int),
        Entry::one(12, "input_stream_handler", Kind::Bytes),
        Entry::one(13, "output_stream_handler", Kind::Bytes),
        Entry::many(14, "executor", Kind::Bytes),
        Entry::many(15, "output_stream", Kind::Text),
        Entry::many(16, "input_side_packet", Kind::Text),
        Entry::many(17, "output_side_packet", Kind::Text),
        Entry::one(18, "profiler_config", Kind::Bytes),
        Entry::one(19, "package", Kind::Text),
        Entry::one(20, "type", Kind::Text),
        Entry::one(21, "report_deadlock", Kind::Bool),
        Entry::one(1001, "options", Kind::Bytes),
        Entry::many(1002, "graph_options", Kind::Bytes),
    ],
};

/// `CalculatorGraphConfig.Node`.
static NODE: Table = Table {
    name: "Node",
    fields: &[
        Entry::one(1, "name", Kind::Text),
        Entry::one(2, "calculator", Kind::Text),
        Entry::many(3, "input_stream", Kind::Text),
        Entry::many(4, "output_stream", Kind::Text),
        Entry::many(5, "input_side_packet", Kind::Text),
        Entry::many(6, "output_side_packet", Kind::Text),
        Entry::one(7, "options", Kind::Bytes),
        Entry::many(8, "node_options", Kind::Bytes),
    ],
};

/// Bytes of a name that are read.
const NAME: usize = 256;

/// Steps that are taken to tell such graphs from others: those in use are of a few hundred fields.
const STEPS: u64 = 1 << 16;

/// The reader of MediaPipe's graphs.
#[derive(Debug)]
pub struct MediaPipe;

impl Format for MediaPipe {
    fn id(&self) -> &'static str {
        "mediapipe"
    }

    fn summary(&self) -> &'static str {
        "graphs of MediaPipe: the calculators that they run"
    }

    fn probe(&self, head: &[u8], input: &Input<'_>) -> Probe {
        if is_graph(head, input.bytes) { Probe::Certain } else { Probe::No }
    }

    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        let mut wire = Wire::new(input.bytes);
        let mut graph = Message::whole(input.bytes, &GRAPH);
        let (mut tally, mut nodes) = (Tally::default(), 0_u64);
        while let Some(field) = wire.next(&mut graph, budget)? {
            if field.name() != "node" {
                continue;
            }
            nodes = nodes.saturating_add(1);
            let name = calculator(&mut wire, &graph, field.content(), budget)?;
            let site = || Site { span: field.span, route: Route::Node("graph".to_owned()) };
            tally.count("", &name.unwrap_or_default(), site);
        }
        tally.push(reading);
        let site = Site { span: Span::new(0, input.bytes.len()), route: Route::None };
        let (path, detail) = ("graph".to_owned(), format!("{nodes} nodes"));
        reading.fact(Fact::Object { path, kind: "graph", detail, site });
        reading.seamless = true;
        Ok(())
    }
}

/// What a node runs.
fn calculator(
    wire: &mut Wire,
    graph: &Message,
    span: Span,
    budget: &mut Budget,
) -> Result<Option<String>, Halt> {
    let mut node = graph.inside(span, &NODE);
    let mut name = None;
    while let Some(field) = wire.next(&mut node, budget)? {
        if field.name() == "calculator" {
            name = Some(String::from_utf8_lossy(wire.head(field.content(), NAME)?).into_owned());
        }
    }
    Ok(name)
}

/// Whether bytes are such a graph, and not one of TensorFlow.
pub(crate) fn is_graph(head: &[u8], bytes: &Bytes) -> bool {
    // Graphs start with a node, a stream, a packet or their name.
    if !matches!(head.first(), Some(0x0a | 0x52 | 0x7a | 0x82 | 0x8a | 0x9a | 0xa2)) {
        return false;
    }
    let mut budget = Budget::new(Limits { steps: STEPS, ..Limits::default() });
    all_calculators(bytes, &mut budget).unwrap_or(false)
}

/// Whether all nodes run what TensorFlow does not have, and something shows that they are calculators:
/// their names, or streams that lead into the graph or out of it.
fn all_calculators(bytes: &Bytes, budget: &mut Budget) -> Result<bool, Halt> {
    let mut wire = Wire::new(bytes);
    let mut graph = Message::whole(bytes, &GRAPH);
    let (mut nodes, mut named, mut streams) = (false, true, false);
    while let Some(field) = wire.next(&mut graph, budget)? {
        match field.name() {
            "node" => {
                let name = calculator(&mut wire, &graph, field.content(), budget)?;
                let Some(name) = name.filter(|name| !tensorflow::has_operator(name)) else {
                    return Ok(false);
                };
                nodes = true;
                named &= name.ends_with("Calculator");
            }
            "input_stream" | "output_stream" | "type" => streams = true,
            // Graphs of TensorFlow have a library and versions there.
            "" if matches!(field.payload, Payload::Bytes(_)) && field.number < 6 => {
                return Ok(false);
            }
            _ => {}
        }
    }
    Ok(nodes && (named || streams))
}

#[cfg(test)]
mod tests {
    use super::*;
    use davy_testkit::robust;

    fn field(number: u8, content: &[u8]) -> Vec<u8> {
        [&[number << 3 | 2, u8::try_from(content.len()).unwrap()], content].concat()
    }

    fn node(op: &str) -> Vec<u8> {
        let parts = [field(1, b"n"), field(2, op.as_bytes()), field(5, b"PACKET:n")];
        field(1, &parts.concat())
    }

    #[test]
    fn calculators_are_told_from_operators_of_tensorflow() {
        let graph = [node("GlScalerCalculator"), node("FaceLandmarkFrontGpu")].concat();
        let whole = [graph.clone(), field(10, b"input_frames_gpu")].concat();
        assert_eq!(robust::probe(&MediaPipe, "face.binarypb", &whole), Probe::Certain);
        let reading = robust::read(&MediaPipe, "face.binarypb", &whole).unwrap().reading;
        assert!(reading.seamless && reading.deviations.is_empty());
        assert_eq!(reading.facts.len(), 3);
        // Nothing says that these are calculators.
        assert_eq!(robust::probe(&MediaPipe, "x", &graph), Probe::No);
    }

    #[test]
    fn a_graph_that_tensorflow_could_run_stays_one() {
        let hidden = [node("GlScalerCalculator"), node("ReadFile"), field(10, b"x")].concat();
        assert_eq!(robust::probe(&MediaPipe, "x.binarypb", &hidden), Probe::No);
        let functions = [node("GlScalerCalculator"), field(2, b"x"), field(10, b"x")].concat();
        assert_eq!(robust::probe(&MediaPipe, "x.binarypb", &functions), Probe::No);
        let plain = [field(1, &[field(1, b"n"), field(2, b"MyOp")].concat())].concat();
        assert_eq!(robust::probe(&tensorflow::GraphDef, "x.pb", &plain), Probe::Certain);
    }

    #[test]
    fn a_graph_of_calculators_is_none_of_tensorflow() {
        let whole = [node("GlScalerCalculator"), field(10, b"input")].concat();
        assert_eq!(robust::probe(&tensorflow::GraphDef, "x.binarypb", &whole), Probe::No);
    }
}
