//! XML, as PMML and OpenVINO keep models in it: read event by event, with no entity ever expanded.
//!
//! What a document type declares is what attacks with XML are made of: external entities that read
//! files and addresses (XXE), entities that stand for more and more of each other, and parameter
//! entities that fetch further declarations. All of them are told from the declarations alone
//! (XML 1.0, sections 2.8 and 4.2), whether or not the document uses them, and so are files that
//! XInclude would take in. Java's parsers, which PMML is read with, follow all of these unless told
//! not to; pugixml, which OpenVINO uses, follows none.

mod dtd;
mod openvino;
mod pmml;
#[cfg(test)]
mod tests;
mod walk;

pub use openvino::OpenVino;
pub use pmml::Pmml;

use davy_artifact::{Format, Input, Probe, Reading};
use davy_bytes::{Budget, Halt};
use walk::{Element, Visit, walk};

/// The reader of XML that is no model.
#[derive(Debug)]
pub struct Xml;

impl Format for Xml {
    fn id(&self) -> &'static str {
        "xml"
    }

    fn summary(&self) -> &'static str {
        "XML: external entities, entity bombs and included files"
    }

    fn probe(&self, head: &[u8], _: &Input<'_>) -> Probe {
        let markup = |text: &str| text.starts_with("<?xml") || text.starts_with("<!DOCTYPE");
        if walk::starts(head, markup) { Probe::Possible } else { Probe::No }
    }

    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        walk(input.bytes, reading, budget, &mut Nothing)
    }
}

/// Looks at no element.
struct Nothing;

impl Visit for Nothing {
    fn start(&mut self, _: &Element<'_>, _: &mut Reading) {}
}
