//! What is recorded of a file's tree: objects, attributes, tensors, and references to other files.

use super::access::Access;
use super::data;
use super::file::{Entry, File, Leads};
use super::layout::Layout;
use super::mapping;
use super::object::{Dataset, Kind, Object, Types};
use super::value::Decoder;
use davy_artifact::{Fact, Quirk, Reading, Route, Site, Tensor, Value};
use davy_bytes::{Halt, Span, escape_bytes};
use std::collections::BTreeSet;
use std::fmt::Write;

/// Other files that one virtual dataset names, each recorded; more are only counted.
const SOURCES: usize = 10_000;

/// Records the tree of `file`.
pub(super) fn tree(access: &mut Access<'_>, file: &File, types: &mut Types) -> Result<(), Halt> {
    let superblock = &file.superblock;
    access.reading.fact(Fact::Attribute {
        owner: String::new(),
        name: "superblock version".to_owned(),
        value: Value::Int(superblock.version.into()),
        site: Site { span: superblock.span, route: Route::None },
    });
    for entry in &file.entries {
        access.steps(1, entry.span.start)?;
        name(access, file, entry);
        if let Leads::Object { index, first: true } = entry.leads
            && let Some(object) = file.objects.get(index)
        {
            self::object(access, file, types, object)?;
        }
    }
    Ok(())
}

fn site(span: Span, path: &str) -> Site {
    Site { span, route: Route::Object(path.to_owned()) }
}

/// Records a name as `h5ls -r` lists it.
fn name(access: &mut Access<'_>, file: &File, entry: &Entry) {
    let (kind, detail, span) = match &entry.leads {
        Leads::Broken => ("Unknown", "not readable".to_owned(), entry.span),
        Leads::Soft(target) => ("Soft Link", format!("{{{target}}}"), entry.span),
        Leads::External { file, path } => {
            ("External Link", format!("{{{file}/{path}}}"), entry.span)
        }
        Leads::Other(class) => ("UD Link", format!("{{class {class}}}"), entry.span),
        Leads::Object { index, first } => match file.objects.get(*index) {
            Some(object) if *first => (object.kind.as_str(), detail(object), object.span),
            Some(object) => (object.kind.as_str(), format!("same as {}", object.path), entry.span),
            None => return,
        },
    };
    let site = site(span, &entry.path);
    access.reading.fact(Fact::Object { path: entry.path.clone(), kind, detail, site });
    if let Leads::External { file, .. } = &entry.leads {
        refer(access.reading, file.clone(), "external link", (entry.span, &entry.path));
    }
}

/// A path that a program would open to follow a link or read a dataset.
fn refer(reading: &mut Reading, target: String, purpose: &'static str, (span, path): (Span, &str)) {
    reading.fact(Fact::Reference { target, purpose, site: site(span, path) });
}

/// Shape, type, layout and filters of a dataset; type of a committed datatype.
fn detail(object: &Object) -> String {
    if let Some(datatype) = &object.datatype {
        return datatype.to_string();
    }
    let Some(dataset) = &object.dataset else { return String::new() };
    let mut text = format!("{} {}", dataset.dataspace, dataset.datatype);
    match &dataset.layout {
        Layout::Compact(_) => text.push_str(", compact"),
        Layout::Contiguous { .. } => {}
        Layout::Virtual(_) => text.push_str(", virtual"),
        Layout::Chunked(chunks) => {
            let sizes: Vec<String> = chunks.dimensions.iter().map(u64::to_string).collect();
            let _ = write!(text, ", chunked {{{}}}", sizes.join(", "));
        }
    }
    for filter in &dataset.filters.0 {
        let _ = write!(text, ", {filter}");
    }
    if !dataset.external.is_empty() {
        text.push_str(", external");
    }
    text
}

/// Records what an object has.
fn object(
    access: &mut Access<'_>,
    file: &File,
    types: &mut Types,
    object: &Object,
) -> Result<(), Halt> {
    for attribute in &object.attributes {
        access.steps(1, attribute.span.start)?;
        let name = String::from_utf8_lossy(&attribute.name).into_owned();
        let mut decoder = Decoder::new(access, &mut types.heaps, &file.paths);
        let shape = (attribute.datatype.as_ref(), &attribute.dataspace);
        let value = match decoder.all(shape, &attribute.stored, attribute.span.start) {
            Ok(value) => value,
            Err(halt) => {
                let told = format!("attribute {name} of {}", object.path);
                access.survive(halt, attribute.span, &told)?;
                Value::Unknown("not readable")
            }
        };
        let owner = object.path.clone();
        let site = site(attribute.span, &object.path);
        access.reading.fact(Fact::Attribute { owner, name, value, site });
    }
    match &object.dataset {
        Some(dataset) if object.kind == Kind::Dataset => {
            self::dataset(access, types, object, dataset)
        }
        _ => Ok(()),
    }
}

/// Records a dataset as a tensor, and the other files that it lies in.
fn dataset(
    access: &mut Access<'_>,
    types: &mut Types,
    object: &Object,
    dataset: &Dataset,
) -> Result<(), Halt> {
    if dataset.datatype.is_numeric() {
        let size = dataset.dataspace.dimensions().iter();
        let tensor = Tensor {
            storage: object.path.clone(),
            dtype: dataset.datatype.to_string(),
            elements: dataset.dataspace.elements(),
            offset: 0,
            size: size.map(|len| i64::try_from(*len).unwrap_or(i64::MAX)).collect(),
            stride: Vec::new(),
        };
        let span = data::place(access, dataset).unwrap_or(object.span);
        let site = Site { span, route: Route::Tensor(object.path.clone()) };
        access.reading.fact(Fact::Tensor { tensor, site });
    }
    let mut told = BTreeSet::new();
    for external in &dataset.external {
        if told.insert(external.file.clone()) {
            let target = String::from_utf8_lossy(&external.file).into_owned();
            let place = (external.span, object.path.as_str());
            refer(access.reading, target, "external storage", place);
        }
    }
    if let Layout::Virtual(mapping) = dataset.layout {
        sources(access, types, object, mapping)?;
    }
    check_size(access, object, dataset);
    Ok(())
}

/// Records the other files that a virtual dataset takes its elements from, each once.
fn sources(
    access: &mut Access<'_>,
    types: &mut Types,
    object: &Object,
    mapping: super::layout::Mapping,
) -> Result<(), Halt> {
    let mut found = Vec::new();
    let mut told = BTreeSet::new();
    let read = mapping::sources(access, &mut types.heaps, mapping, &mut |source| {
        let other = source.file.as_ref() != b".";
        if other && told.len() < SOURCES && told.insert(std::rc::Rc::clone(&source.file)) {
            found.push(source);
        }
    });
    for source in found {
        let target = String::from_utf8_lossy(&source.file).into_owned();
        let place = (source.span, object.path.as_str());
        refer(access.reading, target, "virtual dataset source", place);
    }
    match read {
        Ok(()) => Ok(()),
        Err(halt) => access.survive(halt, object.span, &format!("sources of {}", object.path)),
    }
}

/// A layout that sets less aside than the elements take: what libhdf5 before 1.10.7 read past the
/// end of.
fn check_size(access: &mut Access<'_>, object: &Object, dataset: &Dataset) {
    let needed = data::size(dataset);
    let there = match dataset.layout {
        Layout::Contiguous { size: Some(size), .. } if dataset.external.is_empty() => size,
        Layout::Compact(span) => span.len,
        _ => return,
    };
    if there < needed {
        let what = format!("room for {there} bytes, where the elements take {needed}");
        let route = Route::Object(object.path.clone());
        access.reading.deviation(Quirk::SizeMismatch, object.span, route, &what);
    }
}

/// A name as it is spelled, fit to be shown.
pub(super) fn shown(name: &[u8]) -> String {
    escape_bytes(name)
}
