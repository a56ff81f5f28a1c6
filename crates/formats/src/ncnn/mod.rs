//! ncnn's `.param`: the layers of a model as text, whose weights lie in the `.bin` beside it, one
//! behind the other and without any form of their own (ncnn, `src/net.cpp`, `Net::load_param`).

use crate::{stored, text};
use davy_artifact::{Fact, Format, Input, Operator, Probe, Quirk, Reading, Route, Site};
use davy_bytes::{Budget, Halt, Span, to_u64};
use std::collections::BTreeMap;

/// What the first line says.
const MAGIC: &str = "7767517";

/// No model in use takes as many bytes for its layers.
const LONGEST: u64 = 64 << 20;

/// Kinds of layers that are told apart.
const KINDS: usize = 1_000;

/// The reader of ncnn's models.
#[derive(Debug)]
pub struct Ncnn;

impl Format for Ncnn {
    fn id(&self) -> &'static str {
        "ncnn"
    }

    fn summary(&self) -> &'static str {
        "ncnn models: the layers of a .param, and the file of their weights"
    }

    fn probe(&self, head: &[u8], _: &Input<'_>) -> Probe {
        let rest = head.strip_prefix(MAGIC.as_bytes());
        let line = rest.is_some_and(|rest| rest.starts_with(b"\n") || rest.starts_with(b"\r\n"));
        if line { Probe::Possible } else { Probe::No }
    }

    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        let all = text::whole(input, LONGEST, "a .param of ncnn", budget)?;
        let mut at = 0_u64;
        let lines = all.split_inclusive('\n').map(|line| {
            let start = at;
            at = at.saturating_add(to_u64(line.len()));
            (Span::new(start, to_u64(line.trim_end().len())), line)
        });
        let mut lines = lines.skip(1);
        let Some((span, counts)) = lines.next() else {
            return Err(Halt::malformed(0, "a .param of ncnn without layers"));
        };
        let mut counts = counts.split_whitespace().map(str::parse::<u64>);
        let (Some(Ok(said)), Some(Ok(_))) = (counts.next(), counts.next()) else {
            return Err(Halt::malformed(span.start, "no numbers of layers and blobs"));
        };
        let told = layers(lines, reading);
        if told != said {
            let what = format!("{told} layers, of which the second line says that they are {said}");
            reading.deviation(Quirk::SizeMismatch, span, Route::None, &what);
        }
        let site = Site { span, route: Route::None };
        if let Some(target) = stored::beside(input.name) {
            reading.fact(Fact::Reference { target, purpose: "weights", site });
        }
        reading.seamless = true;
        Ok(())
    }
}

/// Records the kinds of the layers, and tells how many layers there are.
fn layers<'t>(lines: impl Iterator<Item = (Span, &'t str)>, reading: &mut Reading) -> u64 {
    let mut kinds: BTreeMap<&str, (u64, Site)> = BTreeMap::new();
    let mut told = 0_u64;
    for (span, line) in lines {
        let Some(kind) = line.split_whitespace().next() else { continue };
        told = told.saturating_add(1);
        let site = || Site { span, route: Route::None };
        if let Some((count, _)) = kinds.get_mut(kind) {
            *count = count.saturating_add(1);
        } else if kinds.len() < KINDS {
            kinds.insert(kind, (1, site()));
        }
    }
    for (kind, (count, site)) in kinds {
        let (domain, name) = (String::new(), kind.to_owned());
        let operator = Operator { domain, name, inputs: Vec::new(), attributes: Vec::new() };
        reading.fact(Fact::Operator { operator, count, site });
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;
    use davy_testkit::robust;

    const PARAM: &[u8] = b"7767517\n2 2\nInput data 0 1 data 0=4\nSoftmax prob 1 1 data prob\n";

    fn read(name: &str, bytes: &[u8]) -> Reading {
        robust::read(&Ncnn, name, bytes).unwrap().reading
    }

    #[test]
    fn layers_and_the_file_of_their_weights_are_told() {
        let reading = read("m.ncnn.param", PARAM);
        let target = reading.facts.iter().find_map(|fact| match fact {
            Fact::Reference { target, purpose: "weights", .. } => Some(target.as_str()),
            _ => None,
        });
        assert_eq!(target, Some("m.ncnn.bin"));
        assert_eq!((reading.facts.len(), reading.deviations.len()), (3, 0));
        assert!(reading.seamless);
    }

    #[test]
    fn a_number_of_layers_that_is_not_theirs_is_a_break_of_form() {
        let more = String::from_utf8(PARAM.to_vec()).unwrap().replace("2 2", "3 2");
        assert_eq!(read("m.param", more.as_bytes()).deviations[0].quirk, Quirk::SizeMismatch);
    }

    #[test]
    fn numbers_alone_are_no_model() {
        assert_eq!(robust::probe(&Ncnn, "m.param", b"77675170\n1 2\n"), Probe::No);
        assert_eq!(robust::probe(&Ncnn, "m.param", PARAM), Probe::Possible);
    }
}
