//! The versioned report, and its renderings.
//!
//! A [`Report`] is what a scan and its judgement say, in the shape that `--format json` promises to
//! tools; every [`Renderer`] writes one. [`RENDERERS`] is the one list of them. Text from files
//! reaches an output only escaped for the medium that it is written in.

mod dot;
mod facts;
mod inspect;
mod json;
mod paint;
mod report;
mod sarif;
mod schema;
mod text;
mod uri;
mod words;

pub use facts::{FactEntry, Keyword, Spelled, What};
pub use json::write_json;
pub use paint::{Listing, Style};
pub use report::{
    AdvisoryEntry, ArtifactEntry, Detail, DeviationEntry, FindingEntry, GapEntry, IndicatorEntry,
    InputEntry, PassedOver, Report, SCHEMA, SpanEntry, Summary, TagEntry, Tool,
};
pub use schema::schema;
pub use words::inert;

use std::io::{self, Write};

/// Writes a report in one form.
pub type Render = fn(&Report<'_>, Style, &mut dyn Write) -> io::Result<()>;

/// A form that reports are written in.
#[derive(Clone, Copy, Debug)]
pub struct Renderer {
    /// The name on the command line.
    pub name: &'static str,
    /// One line for the help text.
    pub summary: &'static str,
    /// Writes what was found and what was not read.
    pub scan: Render,
    /// Writes everything that is known, where the form has room for that.
    pub inspect: Option<Render>,
}

/// Every form that reports are written in.
pub const RENDERERS: &[Renderer] = &[
    Renderer {
        name: "text",
        summary: "for people",
        scan: text::render,
        inspect: Some(inspect::render),
    },
    Renderer {
        name: "json",
        summary: "for programs; its shape is versioned",
        scan: json::render,
        inspect: Some(json::render),
    },
    Renderer {
        name: "dot",
        summary: "a drawing for Graphviz: what reaches out of a graph, and what was found where",
        scan: dot::render,
        inspect: Some(dot::render),
    },
    Renderer {
        name: "sarif",
        summary: "SARIF 2.1.0, for code scanning and other viewers",
        scan: sarif::render,
        inspect: None,
    },
];

/// The renderer called `name`.
#[must_use]
pub fn renderer(name: &str) -> Option<&'static Renderer> {
    RENDERERS.iter().find(|renderer| renderer.name == name)
}
