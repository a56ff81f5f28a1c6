//! OpenVINO's intermediate representation: the graph of a model in XML, whose constants lie in the
//! `.bin` beside it that has the same name otherwise.

use super::walk::{Element, Visit, starts, walk};
use crate::stored;
use davy_artifact::{Fact, Format, Input, Operator, Probe, Quirk, Reading, Site, Value};
use davy_bytes::{Budget, Halt};
use std::collections::BTreeMap;

/// Kinds of layers that are told apart.
const KINDS: usize = 1_000;

/// Attributes that name a library of native code.
const LIBRARIES: &[&str] = &["extension", "extension_path", "library", "library_path", "plugin"];

/// The reader of OpenVINO's models.
#[derive(Debug)]
pub struct OpenVino;

impl Format for OpenVino {
    fn id(&self) -> &'static str {
        "openvino"
    }

    fn summary(&self) -> &'static str {
        "OpenVINO IR: layers, constants checked against their sizes, libraries of extensions"
    }

    fn probe(&self, head: &[u8], _: &Input<'_>) -> Probe {
        let root = |text: &str| {
            text.starts_with('<') && (text.contains("<net ") || text.contains("!DOCTYPE net"))
        };
        if starts(head, root) { Probe::Possible } else { Probe::No }
    }

    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        let mut model = Model::default();
        let result = walk(input.bytes, reading, budget, &mut model);
        model.finish(input.name, reading);
        result
    }
}

/// What was seen of a model.
#[derive(Default)]
struct Model {
    /// Layers by set and type: how many, and where the first stands.
    layers: BTreeMap<(String, String), (u64, Site)>,
    /// Types of the layers that are open: layers stand in the bodies of others.
    open: Vec<String>,
    /// Where the last of the constants ends in the file that holds them, and the element of the first.
    constants: Option<(u64, Site)>,
}

impl Visit for Model {
    fn start(&mut self, element: &Element<'_>, reading: &mut Reading) {
        libraries(element, reading);
        match element.local() {
            "net" if element.depth == 0 => {
                let version = element.attribute("version").unwrap_or_default();
                let value = Value::Text(davy_artifact::Excerpt::whole(version));
                let (owner, name, site) = (String::new(), "IR version".to_owned(), element.site());
                reading.fact(Fact::Attribute { owner, name, value, site });
            }
            "layer" => {
                let kind = element.attribute("type").unwrap_or_default().to_owned();
                let set = element.attribute("version").unwrap_or_default().to_owned();
                let known = self.layers.len() < KINDS;
                if let Some((count, _)) = self.layers.get_mut(&(set.clone(), kind.clone())) {
                    *count = count.saturating_add(1);
                } else if known {
                    self.layers.insert((set, kind.clone()), (1, element.site()));
                }
                self.open.push(kind);
            }
            "data" if self.open.last().is_some_and(|kind| kind == "Const") => {
                if let Some(end) = constant(element, reading) {
                    let (last, _) = self.constants.get_or_insert_with(|| (0, element.site()));
                    *last = end.max(*last);
                }
            }
            _ => {}
        }
    }

    fn end(&mut self, name: &str) {
        if name == "layer" {
            self.open.pop();
        }
    }
}

impl Model {
    fn finish(self, name: &str, reading: &mut Reading) {
        if let Some((end, site)) = self.constants
            && let Some(file) = stored::beside(name)
        {
            reading.fact(stored::shards(0, vec![file.clone()], end, site.span));
            reading.fact(Fact::Reference { target: file, purpose: "weights", site });
        }
        for ((domain, name), (count, site)) in self.layers {
            let (inputs, attributes) = (Vec::new(), Vec::new());
            let operator = Operator { domain, name, inputs, attributes };
            reading.fact(Fact::Operator { operator, count, site });
        }
    }
}

/// Native code that an element names.
fn libraries(element: &Element<'_>, reading: &mut Reading) {
    let native = |path: &str| {
        let lower = path.to_ascii_lowercase();
        [".so", ".dll", ".dylib", ".pyd"].iter().any(|end| lower.ends_with(end))
            || lower.contains(".so.")
    };
    for (key, value) in &element.attributes {
        let named = LIBRARIES.contains(&key.as_str()) || element.local() == "extension";
        if named && native(value) {
            let (target, site) = (value.clone(), element.site());
            reading.fact(Fact::Reference { target, purpose: "native library", site });
        }
    }
}

/// Checks where a constant says that it lies: the runtime adds offset and size. Tells where it ends.
fn constant(element: &Element<'_>, reading: &mut Reading) -> Option<u64> {
    let number = |name: &str| element.attribute(name).map(|text| text.trim().parse::<u64>());
    let mut deviate = |quirk, what: &str| {
        let Site { span, route } = element.site();
        reading.deviation(quirk, span, route, what);
    };
    let (offset, size) = (number("offset")?, number("size")?);
    let (Ok(offset), Ok(size)) = (offset, size) else {
        deviate(Quirk::OutOfRange, "a constant whose offset or size is no number");
        return None;
    };
    let end = offset.checked_add(size).filter(|end| i64::try_from(*end).is_ok());
    if end.is_none() {
        deviate(Quirk::OutOfRange, "a constant whose end no offset can reach");
        return None;
    }
    let Some(bits) = element.attribute("element_type").and_then(bits) else { return end };
    let dimensions = element.attribute("shape").unwrap_or_default().split(',').map(str::trim);
    let count = dimensions
        .filter(|dimension| !dimension.is_empty())
        .try_fold(1_u64, |count, dimension| count.checked_mul(dimension.parse().ok()?));
    let expected = count.and_then(|count| count.checked_mul(bits)).map(|bits| bits.div_ceil(8));
    match expected {
        None => deviate(Quirk::OutOfRange, "a constant whose shape no memory can hold"),
        Some(expected) if expected > size => {
            let what = format!("a constant of {expected} bytes by its shape has {size}");
            deviate(Quirk::SizeMismatch, &what);
        }
        Some(_) => {}
    }
    end
}

/// Bits of an element (`ov::element::Type`); strings have none.
fn bits(kind: &str) -> Option<u64> {
    Some(match kind.to_ascii_lowercase().as_str() {
        "u1" => 1,
        "u2" => 2,
        "u3" => 3,
        "f4e2m1" | "i4" | "nf4" | "u4" => 4,
        "u6" => 6,
        "bf16" | "f16" | "i16" | "u16" => 16,
        "f32" | "i32" | "u32" => 32,
        "f64" | "i64" | "u64" => 64,
        "boolean" | "f8e4m3" | "f8e5m2" | "f8e8m0" | "i8" | "u8" => 8,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use davy_testkit::robust;

    fn weights_of(name: &str, constant: &str) -> Vec<(String, Option<i64>)> {
        let text = format!(
            "<net name=\"m\" version=\"11\"><layers><layer id=\"1\" type=\"Const\" \
             version=\"opset1\"><data {constant}/></layer></layers></net>"
        );
        let reading = robust::read(&OpenVino, name, text.as_bytes()).unwrap().reading;
        let ends = reading.facts.iter().find_map(|fact| match fact {
            Fact::Attribute { owner, value: Value::Tuple(parts), .. } if owner == "shards" => {
                parts.last().cloned()
            }
            _ => None,
        });
        let end = match ends {
            Some(Value::Int(end)) => Some(end),
            _ => None,
        };
        let files = reading.facts.iter().filter_map(|fact| match fact {
            Fact::Reference { target, purpose: "weights", .. } => Some((target.clone(), end)),
            _ => None,
        });
        files.collect()
    }

    #[test]
    fn constants_lie_in_the_file_of_the_same_name() {
        let constant = "element_type=\"f32\" shape=\"4\" offset=\"64\" size=\"16\"";
        assert_eq!(weights_of("a.b.xml", constant), [("a.b.bin".to_owned(), Some(80))]);
        // Without constants there is nothing to be read beside it.
        assert_eq!(weights_of("m.xml", "element_type=\"f32\" shape=\"4\""), []);
        let endless =
            "element_type=\"f32\" shape=\"4\" offset=\"18446744073709551615\" size=\"16\"";
        assert_eq!(weights_of("m.xml", endless), []);
    }
}
