//! The binary form: parameters of fixed size, names and lists with their length before them, and
//! the nodes of each tree as they lie in memory.

use super::{attribute, numbers, text};
use davy_artifact::{Quirk, Reading, Role, Route, Value};
use davy_bytes::{Budget, Bytes, Cursor, Halt, Span, to_u64, to_usize};

/// What may stand before the model.
const MAGIC: &[u8] = b"binf";

/// Length of the learner's parameters (`LearnerModelParamLegacy`).
const LEARNER: usize = 136;
/// Length of a model of trees' parameters (`GBTreeModelParam`).
const TREES: usize = 160;
/// Length of a tree's parameters (`TreeParam`).
const TREE: usize = 148;
/// Length of a linear model's parameters (`DeprecatedGBLinearModelParam`).
const LINEAR: usize = 136;
/// Length of a node (`RegTree::Node`).
const NODE: usize = 20;
/// Length of what is known about a node (`RTreeNodeStat`).
const STAT: u64 = 16;

/// Longest name and longest text that are kept.
const NAME: u64 = 256;
const TEXT: usize = 4096;

/// The boosters that there are.
const BOOSTERS: [&[u8]; 3] = [b"gbtree", b"gblinear", b"dart"];

/// Whether a model starts here: the names of an objective and of a booster stand behind the
/// parameters.
pub(super) fn starts(head: &[u8]) -> bool {
    let head = head.strip_prefix(MAGIC).unwrap_or(head);
    names(head.get(LEARNER..).unwrap_or_default()).is_some()
}

/// The two names, and what stands behind them.
fn names(bytes: &[u8]) -> Option<()> {
    let (objective, rest) = name(bytes)?;
    let (booster, _) = name(rest)?;
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b":_".contains(byte);
    let named = !objective.is_empty() && objective.iter().all(plain);
    (named && BOOSTERS.contains(&booster)).then_some(())
}

fn name(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = bytes.split_first_chunk::<8>()?;
    let len = u64::from_le_bytes(*len);
    if len > NAME { None } else { rest.split_at_checked(to_usize(len)) }
}

/// Reads a model from its first byte to its last.
pub(super) fn read(bytes: &Bytes, reading: &mut Reading, budget: &mut Budget) -> Result<(), Halt> {
    let mut cursor = Cursor::new(bytes.clone());
    if cursor.peek_slice(MAGIC.len())? == MAGIC {
        cursor.take(MAGIC.len(), "magic")?;
    }
    let mut model = Model { cursor, reading, budget };
    let read = model.read();
    let end = model.cursor.position();
    let size = bytes.len();
    match read {
        Ok(()) => {
            let rest = Span::between(end, size);
            reading.seamless = rest.len == 0;
            if rest.len > 0 {
                let what = "bytes behind the model";
                reading.deviation(Quirk::BytesAfterEnd, rest, Route::None, what);
                reading.child(format!("@{end:#x}"), bytes.slice(rest), Role::Leftover);
            }
            Ok(())
        }
        Err(halt) => {
            let rest = Span::between(halt.at().min(size), size);
            reading.deviation(Quirk::Truncated, rest, Route::None, halt.what());
            if rest.len > 0 {
                reading.child(format!("@{:#x}", rest.start), bytes.slice(rest), Role::Leftover);
            }
            Err(halt)
        }
    }
}

struct Model<'a> {
    cursor: Cursor,
    reading: &'a mut Reading,
    budget: &'a mut Budget,
}

impl Model<'_> {
    fn read(&mut self) -> Result<(), Halt> {
        let start = self.cursor.position();
        let learner = self.cursor.take(LEARNER, "parameters")?.to_vec();
        let word = |at: usize| word(&learner, at);
        let (classes, extra, metrics) = (word(8), word(12), word(16));
        let span = Span::new(start, to_u64(LEARNER));
        for (name, value) in [("num_feature", word(4)), ("num_class", classes)] {
            attribute(self.reading, "", name, Value::Int(i64::from(value)), span);
        }
        let version = format!("{}.{}", word(20), word(24));
        attribute(self.reading, "", "xgboost_version", text(&version), span);
        let objective = self.string("objective")?;
        let booster = self.string("booster")?;
        attribute(self.reading, "", "objective", text(&objective), span);
        attribute(self.reading, "", "booster", text(&booster), span);
        match booster.as_str() {
            "gblinear" => self.linear()?,
            _ => self.trees(booster == "dart")?,
        }
        if extra != 0 {
            self.attributes()?;
        }
        if objective == "count:poisson" && word(20) < 1 {
            self.string("max_delta_step")?;
        }
        if metrics != 0 {
            self.metrics()?;
        }
        Ok(())
    }

    fn malformed<T>(&self, what: String) -> Result<T, Halt> {
        Err(Halt::malformed(self.cursor.position(), what))
    }

    /// A count of what takes `item` bytes each, of which all have to be there.
    fn counted(&mut self, count: u64, item: u64, what: &'static str) -> Result<u64, Halt> {
        let left = self.cursor.remaining();
        match count.checked_mul(item) {
            Some(size) if size <= left => Ok(size),
            _ => self.malformed(format!("{what}: {count} of {item} bytes, where {left} are left")),
        }
    }

    fn string(&mut self, what: &'static str) -> Result<String, Halt> {
        let len = self.cursor.u64_le(what)?;
        let span = self.cursor.skip(len, what)?;
        let kept = self.cursor.bytes().copy(span, TEXT)?;
        Ok(String::from_utf8_lossy(&kept).into_owned())
    }

    fn trees(&mut self, dart: bool) -> Result<(), Halt> {
        let parameters = self.cursor.take(TREES, "parameters of the trees")?.to_vec();
        let count = u64::try_from(word(&parameters, 0)).unwrap_or(u64::MAX);
        let at = self.cursor.position();
        self.counted(count, to_u64(TREE), "trees")?;
        let value = Value::Int(i64::try_from(count).unwrap_or(i64::MAX));
        attribute(self.reading, "", "num_trees", value, Span::new(at, 0));
        for index in 0..count {
            self.tree(index)?;
        }
        if count > 0 {
            let size = self.counted(count, 4, "tree_info")?;
            let span = self.cursor.skip(size, "tree_info")?;
            numbers(self.reading, "tree_info", "int32", count, span);
        }
        let buffered = parameters.get(16..24).and_then(|bytes| bytes.try_into().ok());
        let buffered = i64::from_le_bytes(buffered.unwrap_or_default());
        // Models of 0.4 and before kept predictions of their training data.
        if buffered > 0 && self.cursor.remaining() > 16 {
            let groups = u64::try_from(word(&parameters, 24)).unwrap_or(1).max(1);
            let buffered = u64::try_from(buffered).unwrap_or(u64::MAX);
            if let Some(size) = buffered.checked_mul(groups).and_then(|n| n.checked_mul(8))
                && size <= self.cursor.remaining()
            {
                let span = self.cursor.skip(size, "predictions")?;
                numbers(self.reading, "pred_buffer", "float32", size / 4, span);
            }
        }
        if dart && count > 0 {
            self.floats("weight_drop")?;
        }
        Ok(())
    }

    /// A list of numbers with its length before it.
    fn floats(&mut self, name: &'static str) -> Result<(), Halt> {
        let count = self.cursor.u64_le(name)?;
        let size = self.counted(count, 4, name)?;
        let span = self.cursor.skip(size, name)?;
        numbers(self.reading, name, "float32", count, span);
        Ok(())
    }

    fn tree(&mut self, index: u64) -> Result<(), Halt> {
        let parameters = self.cursor.take(TREE, "parameters of a tree")?.to_vec();
        let nodes = u64::try_from(word(&parameters, 4)).unwrap_or(u64::MAX);
        let each = to_u64(NODE).saturating_add(STAT);
        self.counted(nodes, each, "nodes of a tree")?;
        self.budget.spend_steps(nodes, self.cursor.position())?;
        let start = self.cursor.position();
        let mut astray = None;
        for _ in 0..nodes {
            let at = self.cursor.position();
            let node = self.cursor.take(NODE, "node")?;
            let (left, right) = (word(node, 4), word(node, 8));
            let leads = |child: i32| child == -1 || u64::try_from(child).is_ok_and(|n| n < nodes);
            if !leads(left) || !leads(right) {
                astray.get_or_insert(at);
            }
        }
        let name = format!("tree {index}");
        if let Some(at) = astray {
            let what = format!("a node leads to one that is not among the {nodes} of its tree");
            let span = Span::new(at, to_u64(NODE));
            self.reading.deviation(Quirk::OutOfRange, span, Route::Tensor(name.clone()), &what);
        }
        let size = nodes.saturating_mul(STAT);
        let stats = self.cursor.skip(size, "statistics of nodes")?;
        numbers(self.reading, &name, "node", nodes, Span::between(start, stats.end()));
        Ok(())
    }

    fn linear(&mut self) -> Result<(), Halt> {
        self.cursor.take(LINEAR, "parameters of the linear model")?;
        self.floats("weight")
    }

    fn attributes(&mut self) -> Result<(), Halt> {
        let at = self.cursor.position();
        let count = self.cursor.u64_le("number of attributes")?;
        self.counted(count, 16, "attributes")?;
        for _ in 0..count {
            self.budget.spend_steps(4, at)?;
            let start = self.cursor.position();
            let name = self.string("name of an attribute")?;
            let value = self.string("attribute")?;
            let span = Span::between(start, self.cursor.position());
            attribute(self.reading, "attributes", &name, text(&value), span);
        }
        Ok(())
    }

    fn metrics(&mut self) -> Result<(), Halt> {
        let count = self.cursor.u64_le("number of metrics")?;
        self.counted(count, 8, "metrics")?;
        for _ in 0..count {
            self.budget.spend_steps(4, self.cursor.position())?;
            self.string("metric")?;
        }
        Ok(())
    }
}

/// The signed word at an offset.
fn word(bytes: &[u8], at: usize) -> i32 {
    let word = bytes.get(at..at.saturating_add(4)).and_then(|word| word.try_into().ok());
    i32::from_le_bytes(word.unwrap_or_default())
}
