//! Models of CatBoost (`.cbm`): a mark, a length, and a `FlatBuffer` of trees and settings; tables for
//! categories and other parts may follow.
//!
//! Source: CatBoost, `catboost/libs/model/model.cpp` (`TFullModel::Save`) and
//! `catboost/libs/model/flatbuffers/model.fbs`.

use crate::flatbuffers::{Flat, Table};
use davy_artifact::{
    Excerpt, Fact, Format, Input, Probe, Quirk, Reading, Role, Route, Site, Tensor, Value,
};
use davy_bytes::{Budget, Halt, Span};

/// `CATBOOST_MODEL_MAGIC`.
const MAGIC: &[u8] = b"CBM1";

/// Length of the mark and the length.
const HEADER: u64 = 8;

/// Settings that are kept, and bytes of each.
const SETTINGS: u64 = 1000;
const TEXT: usize = 4096;

/// Lists of numbers of the trees (`TModelTrees`): field, name, type and width.
const LISTS: [(u16, &str, &str, u64); 5] = [
    (1, "TreeSplits", "int32", 4),
    (2, "TreeSizes", "int32", 4),
    (3, "TreeStartOffsets", "int32", 4),
    (8, "LeafValues", "float64", 8),
    (9, "LeafWeights", "float64", 8),
];

/// The reader of CatBoost's models.
#[derive(Debug)]
pub struct CatBoost;

impl Format for CatBoost {
    fn id(&self) -> &'static str {
        "catboost"
    }

    fn summary(&self) -> &'static str {
        "CatBoost models (.cbm): trees and settings"
    }

    fn probe(&self, head: &[u8], _: &Input<'_>) -> Probe {
        if head.starts_with(MAGIC) && head.len() > 16 { Probe::Certain } else { Probe::No }
    }

    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        let size = input.bytes.len();
        if size < HEADER {
            return Err(Halt::malformed(0, "a model of CatBoost that ends within its header"));
        }
        let head = input.bytes.copy(Span::new(4, 4), 4)?;
        let len = head.as_slice().try_into().map_or(0, u32::from_le_bytes);
        let core = Span::new(HEADER, u64::from(len));
        if core.end() > size {
            let what = format!(
                "a model of {len} bytes, of which {} are there",
                size.saturating_sub(HEADER)
            );
            reading.deviation(Quirk::Truncated, Span::new(4, 4), Route::None, &what);
        }
        let bytes = input.bytes.slice(core);
        let mut model = Model { flat: Flat::new(&bytes, budget), reading };
        let parts = model.read().map_err(|halt| halt.shifted(HEADER))?;
        let rest = Span::between(core.end(), size);
        reading.seamless = rest.len == 0 || parts;
        if rest.len > 0 && parts {
            reading.child("@parts", input.bytes.slice(rest), Role::Storage);
        } else if rest.len > 0 {
            let what = "bytes behind the model, which names no parts";
            reading.deviation(Quirk::BytesAfterEnd, rest, Route::None, what);
            let name = format!("@{:#x}", rest.start);
            reading.child(name, input.bytes.slice(rest), Role::Leftover);
        }
        Ok(())
    }
}

struct Model<'a> {
    flat: Flat<'a>,
    reading: &'a mut Reading,
}

/// A place in the model as one in the file.
fn moved(span: Span) -> Span {
    Span::new(span.start.saturating_add(HEADER), span.len)
}

impl Model<'_> {
    /// Tells whether other parts follow, as the model says.
    fn read(&mut self) -> Result<bool, Halt> {
        let root = self.flat.root()?;
        let version = self.flat.text(root, 0, "version", TEXT)?;
        self.attribute("", "FormatVersion", version, Span::new(root.at, 4));
        if let Some(trees) = self.flat.child(root, 1, "trees")? {
            self.trees(trees)?;
        }
        if let Some(settings) = self.flat.vector(root, 2, 4, "settings")? {
            for index in 0..settings.count.min(SETTINGS) {
                let setting = self.flat.element(settings, index, "setting")?;
                let key = self.flat.text(setting, 0, "name of a setting", TEXT)?;
                let value = self.flat.text(setting, 1, "setting", TEXT)?;
                self.attribute("InfoMap", &key, value, Span::new(setting.at, 4));
            }
        }
        let parts = self.flat.vector(root, 3, 4, "names of parts")?.unwrap_or_default();
        for index in 0..parts.count.min(SETTINGS) {
            let part = self.flat.text_element(parts, index, TEXT)?;
            self.attribute("", "ModelPartId", part, parts.span);
        }
        let tables = self.flat.child(root, 1, "trees")?;
        let has_tables = match tables {
            Some(trees) => self.flat.vector(trees, 7, 4, "tables")?.is_some_and(|it| it.count > 0),
            None => false,
        };
        Ok(parts.count > 0 || has_tables)
    }

    fn attribute(&mut self, owner: &str, name: &str, value: String, span: Span) {
        let site = Site { span: moved(span), route: Route::None };
        let (owner, name) = (owner.to_owned(), name.to_owned());
        let value = Value::Text(Excerpt::whole(value));
        self.reading.fact(Fact::Attribute { owner, name, value, site });
    }

    fn trees(&mut self, trees: Table) -> Result<(), Halt> {
        let dimension = self.flat.i32(trees, 0, 0)?;
        let span = Span::new(trees.at, 4);
        self.attribute("", "ApproxDimension", dimension.to_string(), span);
        for (field, name, dtype, width) in LISTS {
            let Some(list) = self.flat.vector(trees, field, width, name)? else { continue };
            let tensor = Tensor {
                storage: name.to_owned(),
                dtype: dtype.to_owned(),
                elements: list.count,
                offset: 0,
                size: vec![i64::try_from(list.count).unwrap_or(i64::MAX)],
                stride: vec![],
            };
            let route = Route::Tensor(name.to_owned());
            let site = Site { span: moved(list.span), route };
            self.reading.fact(Fact::Tensor { tensor, site });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use davy_testkit::robust::{self, Order};

    /// A model without trees, whose version is `v1`.
    fn model() -> Vec<u8> {
        let words = [12_u32, 0x0008_0006, 0x0000_0004, 8, 4, 2];
        let core: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let core = [core, b"v1\0\0".to_vec()].concat();
        let len = u32::try_from(core.len()).unwrap().to_le_bytes();
        [MAGIC, &len, &core].concat()
    }

    #[test]
    fn a_model_says_its_version_and_ends_where_it_says() {
        let outcome = robust::read(&CatBoost, "x.cbm", &model()).unwrap();
        assert!(outcome.halt.is_none() && outcome.reading.seamless, "{outcome:?}");
        assert!(format!("{:?}", outcome.reading.facts[0]).contains("FormatVersion"));
        let more = [model(), b"more".to_vec()].concat();
        let outcome = robust::read(&CatBoost, "x.cbm", &more).unwrap();
        assert_eq!(outcome.reading.deviations[0].quirk, Quirk::BytesAfterEnd);
    }

    #[test]
    fn damage_breaks_no_promise() {
        robust::truncations(&CatBoost, &model(), Order::Indexed).unwrap();
        robust::flips(&CatBoost, &model()).unwrap();
    }
}
