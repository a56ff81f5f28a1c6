//! Saved models and meta graphs: what belongs to a graph besides its nodes.

use super::graph::{Ends, Graph};
use super::node::{self, text};
use super::{Place, Sink, table, value};
use crate::protobuf::{Field, Kind, Message, Table, Wire};
use davy_artifact::{Excerpt, Fact, Reading, Role, Route, Site, Value};
use davy_bytes::{Budget, Bytes, Halt, Span, to_u64};
use std::collections::HashMap;

/// Values of a collection, and ends of a signature, that are told.
const TOLD: usize = 64;
/// Objects whose metadata becomes artifacts of its own.
const OBJECTS: usize = 10_000;

/// Reads a saved model: its graphs, one for each set of tags.
pub(super) fn saved_model(
    bytes: &Bytes,
    place: Place<'_>,
    (reading, budget): Sink<'_>,
) -> Result<(), Halt> {
    let mut wire = Wire::new(bytes);
    let mut message = Message::whole(bytes, &table::SAVED_MODEL);
    let mut graphs = 0_u64;
    while let Some(field) = wire.next(&mut message, budget)? {
        match (field.name(), node::table_of(&field)) {
            ("saved_model_schema_version", _) => {
                let site = Site { span: place.span(field.span), route: Route::None };
                let name = "saved_model_schema_version".to_owned();
                let value = Value::Int(field.int());
                reading.fact(Fact::Attribute { owner: String::new(), name, value, site });
            }
            ("meta_graphs", Some(table)) => {
                let label = format!("graph {graphs}");
                graphs = graphs.saturating_add(1);
                let inner = message.inside(field.content(), table);
                meta_graph(bytes, inner, &label, place, (reading, budget))?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// Reads a meta graph.
pub(super) fn meta_graph(
    bytes: &Bytes,
    message: Message,
    label: &str,
    place: Place<'_>,
    (reading, budget): Sink<'_>,
) -> Result<(), Halt> {
    let mut meta = Meta {
        wire: Wire::new(bytes),
        bytes,
        place,
        label: label.to_owned(),
        graphs: Vec::new(),
        assets: HashMap::new(),
        ends: Ends::default(),
    };
    let read = meta.fields(message, (reading, budget));
    // Where the rest cannot be read, the graph still is.
    let mut graph = Graph::new(bytes, std::mem::take(&mut meta.assets));
    graph.read(&meta.graphs, &meta.ends, &meta.label, place, (reading, budget))?;
    read
}

/// A meta graph that is being read.
struct Meta<'a> {
    wire: Wire,
    bytes: &'a Bytes,
    place: Place<'a>,
    label: String,
    graphs: Vec<Message>,
    /// Files that come with the model, by the name of the tensor that has their path.
    assets: HashMap<String, String>,
    ends: Ends,
}

impl Meta<'_> {
    fn fields(&mut self, mut message: Message, (reading, budget): Sink<'_>) -> Result<(), Halt> {
        while let Some(field) = self.wire.next(&mut message, budget)? {
            let Some(table) = node::table_of(&field) else { continue };
            let inner = message.inside(field.content(), table);
            match field.name() {
                "meta_info_def" => self.info(inner, (reading, budget))?,
                "graph_def" => self.graphs.push(inner),
                "saver_def" => self.texts("saver", inner, (reading, budget))?,
                "collection_def" => self.collection(inner, (reading, budget))?,
                "signature_def" => self.signature(inner, (reading, budget))?,
                "asset_file_def" => self.asset(inner, (reading, budget))?,
                "object_graph_def" => self.objects(inner, (reading, budget))?,
                _ => {}
            }
        }
        Ok(())
    }

    fn attribute(&self, owner: &str, name: &str, value: Value, span: Span, to: &mut Reading) {
        let site = Site { span: self.place.span(span), route: Route::None };
        let (owner, name) = (owner.to_owned(), name.to_owned());
        to.fact(Fact::Attribute { owner, name, value, site });
    }

    fn text_value(&mut self, field: &Field) -> Result<Value, Halt> {
        Ok(Value::Text(Excerpt::whole(text(&mut self.wire, field)?)))
    }

    /// Which graph it is, and what wrote it.
    fn info(&mut self, mut info: Message, (reading, budget): Sink<'_>) -> Result<(), Halt> {
        let mut tags = Vec::new();
        while let Some(field) = self.wire.next(&mut info, budget)? {
            match field.name() {
                "tags" => tags.push(text(&mut self.wire, &field)?),
                name @ ("meta_graph_version" | "tensorflow_version") => {
                    let value = self.text_value(&field)?;
                    self.attribute(&self.label, name, value, field.span, reading);
                }
                _ => {}
            }
        }
        if !tags.is_empty() {
            self.label = format!("{} ({})", self.label, tags.join(", "));
        }
        Ok(())
    }

    /// The fields of a message that are text, as attributes.
    fn texts(
        &mut self,
        owner: &str,
        mut message: Message,
        (reading, budget): Sink<'_>,
    ) -> Result<(), Halt> {
        while let Some(field) = self.wire.next(&mut message, budget)? {
            if field.name().ends_with("_name") {
                let value = self.text_value(&field)?;
                self.attribute(owner, field.name(), value, field.span, reading);
            }
        }
        Ok(())
    }

    /// A named list: of nodes to be run, of serialised descriptions, of numbers.
    fn collection(&mut self, mut entry: Message, (reading, budget): Sink<'_>) -> Result<(), Halt> {
        let (mut key, mut span) = (String::new(), Span::new(entry.at, 0));
        let mut values = Vec::new();
        while let Some(field) = self.wire.next(&mut entry, budget)? {
            match (field.name(), node::table_of(&field)) {
                ("key", _) => key = text(&mut self.wire, &field)?,
                ("value", Some(table)) => {
                    span = field.span;
                    let mut kinds = entry.inside(field.content(), table);
                    while let Some(kind) = self.wire.next(&mut kinds, budget)? {
                        let Some(table) = node::table_of(&kind) else { continue };
                        let list = kinds.inside(kind.content(), table);
                        let shown = kind.name() == "node_list" || kind.name() == "bytes_list";
                        self.list(list, shown, &mut values, (reading, budget))?;
                    }
                }
                _ => {}
            }
        }
        let left = values.len().saturating_sub(TOLD);
        values.truncate(TOLD);
        values.extend((left > 0).then(|| Value::More(to_u64(left))));
        self.attribute("collections", &key, Value::List(values), span, reading);
        Ok(())
    }

    fn list(
        &mut self,
        mut list: Message,
        shown: bool,
        values: &mut Vec<Value>,
        (reading, budget): Sink<'_>,
    ) -> Result<(), Halt> {
        while let Some(field) = self.wire.next(&mut list, budget)? {
            let value = match node::table_of(&field) {
                Some(table) => {
                    let mut any = list.inside(field.content(), table);
                    self.any(&mut any, (reading, budget))?
                }
                None if shown => {
                    let head = self.wire.head(field.content(), node::NAME)?.to_vec();
                    Value::Bytes(Excerpt { head, len: field.content().len })
                }
                None => Value::Unknown("numbers"),
            };
            values.push(value);
        }
        Ok(())
    }

    /// A message of a kind that its address names: older models list their assets so.
    fn any(&mut self, any: &mut Message, (reading, budget): Sink<'_>) -> Result<Value, Halt> {
        let mut url = String::new();
        while let Some(field) = self.wire.next(any, budget)? {
            match field.name() {
                "type_url" => url = text(&mut self.wire, &field)?,
                "value" if url.ends_with("tensorflow.AssetFileDef") => {
                    let asset = any.inside(field.content(), &table::ASSET_FILE_DEF);
                    self.asset(asset, (reading, budget))?;
                }
                _ => {}
            }
        }
        Ok(Value::Text(Excerpt::whole(url)))
    }

    /// A way to run the graph: which tensors go in and come out.
    fn signature(&mut self, mut entry: Message, (reading, budget): Sink<'_>) -> Result<(), Halt> {
        let (mut key, mut method) = (String::new(), String::new());
        let mut ends = [Vec::new(), Vec::new()];
        let span = Span::between(entry.at, entry.end);
        while let Some(field) = self.wire.next(&mut entry, budget)? {
            match (field.name(), node::table_of(&field)) {
                ("key", _) => key = text(&mut self.wire, &field)?,
                ("value", Some(table)) => {
                    let mut signature = entry.inside(field.content(), table);
                    while let Some(part) = self.wire.next(&mut signature, budget)? {
                        match part.name() {
                            "method_name" => method = text(&mut self.wire, &part)?,
                            "inputs" => {
                                let tensor = self.end(&signature, &part, &mut ends[0], budget)?;
                                self.ends.all.extend(tensor.map(|name| (name, part.span)));
                            }
                            "outputs" => {
                                let tensor = self.end(&signature, &part, &mut ends[1], budget)?;
                                self.ends.outputs.extend(tensor.clone());
                                self.ends.all.extend(tensor.map(|name| (name, part.span)));
                            }
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
        // The order of a map is whatever its writer made it.
        let [inputs, outputs] = ends.map(|mut ends: Vec<(String, String)>| {
            ends.sort();
            ends.into_iter().map(|(_, shown)| shown).collect::<Vec<_>>().join(", ")
        });
        let detail = format!("({inputs}) -> ({outputs}) {method}");
        let site = Site { span: self.place.span(span), route: Route::None };
        reading.fact(Fact::Object { path: key, kind: "signature", detail, site });
        Ok(())
    }

    /// A named end of a signature, as `x: serving_default_x:0 DT_FLOAT[-1, 3]`; returns the tensor.
    fn end(
        &mut self,
        signature: &Message,
        part: &Field,
        ends: &mut Vec<(String, String)>,
        budget: &mut Budget,
    ) -> Result<Option<String>, Halt> {
        if ends.len() >= TOLD {
            return Ok(None);
        }
        let Some((name, info)) = node::entry(&mut self.wire, signature, part, budget)? else {
            return Ok(None);
        };
        let mut message = signature.inside(info, &table::TENSOR_INFO);
        let (mut tensor, mut dtype, mut shape) = (String::new(), "", None);
        while let Some(field) = self.wire.next(&mut message, budget)? {
            match field.name() {
                "name" => tensor = text(&mut self.wire, &field)?,
                "dtype" => dtype = value::type_name(field.int()).unwrap_or_default(),
                "tensor_shape" => {
                    shape = value::shape(&mut self.wire, field.content(), budget)?;
                }
                _ => {}
            }
        }
        let shape = shape.map_or_else(String::new, |dims| format!("{dims:?}"));
        let shown = format!("{name}: {tensor} {dtype}{shape}");
        ends.push((name, shown));
        Ok(Some(tensor))
    }

    /// A file that comes with the model, and the tensor that has its path when the model runs.
    fn asset(&mut self, mut asset: Message, (reading, budget): Sink<'_>) -> Result<(), Halt> {
        let (mut tensor, mut file, mut span) = (String::new(), None, Span::default());
        while let Some(field) = self.wire.next(&mut asset, budget)? {
            match (field.name(), node::table_of(&field)) {
                ("filename", _) => {
                    file = Some(text(&mut self.wire, &field)?);
                    span = field.span;
                }
                ("tensor_info", Some(table)) => {
                    tensor = self.named("name", asset.inside(field.content(), table), budget)?;
                }
                _ => {}
            }
        }
        let Some(target) = file else { return Ok(()) };
        let node = tensor.split(':').next().unwrap_or_default().to_owned();
        self.assets.insert(node, target.clone());
        let site = Site { span: self.place.span(span), route: Route::Node(tensor) };
        reading.fact(Fact::Reference { target, purpose: "asset", site });
        Ok(())
    }

    /// The text in the field of this name.
    fn named(
        &mut self,
        name: &str,
        mut message: Message,
        budget: &mut Budget,
    ) -> Result<String, Halt> {
        let mut found = String::new();
        while let Some(field) = self.wire.next(&mut message, budget)? {
            if field.name() == name {
                found = text(&mut self.wire, &field)?;
            }
        }
        Ok(found)
    }

    /// The objects of a model: the metadata of Keras layers, from which old models are built again
    /// (Keras 2, `saved_model/load.py`, where `keras_metadata.pb` is missing).
    fn objects(&mut self, mut graph: Message, (reading, budget): Sink<'_>) -> Result<(), Halt> {
        let mut index = 0_usize;
        while let Some(field) = self.wire.next(&mut graph, budget)? {
            let ("nodes", Some(table)) = (field.name(), node::table_of(&field)) else { continue };
            if index < OBJECTS {
                let object = graph.inside(field.content(), table);
                self.object(index, object, (reading, budget))?;
            }
            index = index.saturating_add(1);
        }
        let span = Span::between(graph.at, graph.end);
        let count = Value::Int(i64::try_from(index).unwrap_or(i64::MAX));
        self.attribute(&self.label, "objects", count, span, reading);
        Ok(())
    }

    fn object(
        &mut self,
        index: usize,
        mut object: Message,
        (reading, budget): Sink<'_>,
    ) -> Result<(), Halt> {
        while let Some(field) = self.wire.next(&mut object, budget)? {
            let ("user_object", Some(table)) = (field.name(), node::table_of(&field)) else {
                continue;
            };
            let mut user = object.inside(field.content(), table);
            let mut identifier = String::new();
            while let Some(part) = self.wire.next(&mut user, budget)? {
                match part.name() {
                    "identifier" => identifier = text(&mut self.wire, &part)?,
                    "metadata" if part.content().len > 2 => {
                        let name = format!("object_graph/{index}{identifier}.json");
                        let bytes = self.bytes.slice(part.content());
                        reading.child(name, bytes, Role::Loaded);
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }
}

/// Fields of a message that are numbers or text, as attributes of the artifact.
pub(super) fn plain(
    bytes: &Bytes,
    table: &'static Table,
    place: Place<'_>,
    (reading, budget): Sink<'_>,
) -> Result<(), Halt> {
    let mut wire = Wire::new(bytes);
    let mut message = Message::whole(bytes, table);
    while let Some(field) = wire.next(&mut message, budget)? {
        let value = match field.entry.map(|entry| entry.kind) {
            None | Some(Kind::Message(_)) => continue,
            Some(Kind::Text) => Value::Text(Excerpt::whole(text(&mut wire, &field)?)),
            Some(Kind::Double | Kind::Float) => Value::Float(field.float()),
            Some(_) => Value::Int(field.int()),
        };
        let site = Site { span: place.span(field.span), route: Route::None };
        let name = field.name().to_owned();
        reading.fact(Fact::Attribute { owner: String::new(), name, value, site });
    }
    Ok(())
}
