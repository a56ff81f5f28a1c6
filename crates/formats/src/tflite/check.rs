//! What operators are given that kernels compute with without looking: zeros that they divide by,
//! axes and indices that lead out of a tensor, sizes that do not fit into a number, inputs that
//! nothing makes.
//!
//! Each stands for a family of published flaws of the runtime; which version falls for which is not
//! judged here.

use super::graph::{Graph, Slot};
use super::{Model, table};
use crate::flatbuffers::Table;
use davy_artifact::{Quirk, Route};
use davy_bytes::{Halt, Span, to_u64};

/// Elements of a constant that are compared with what they index.
const ELEMENTS: u64 = 4096;
/// Elements that the runtime can count in a number of 32 bits (CVE-2021-29601, CVE-2022-23558).
pub(super) const COUNTED: u64 = 2_147_483_647;
/// Dimensions that kernels of StableHLO have room for (`stablehlo_*.cc`: `kMaxDims`).
const DIMENSIONS: u64 = 8;

/// An operator whose kernel divides by its options: its name, the number of the table that they
/// stand in, and the fields, with what they are called.
type Divides = (&'static str, u8, &'static [(u16, &'static str)]);

/// Operators that divide by what stands in their options (CVE-2021-29585 to 29604).
const DIVIDES: &[Divides] = &[
    ("AVERAGE_POOL_2D", 5, POOL),
    ("CONV_2D", 1, STRIDES),
    ("CONV_3D", 106, &[(1, "stride_d"), (2, "stride_w"), (3, "stride_h")]),
    ("DEPTHWISE_CONV_2D", 2, STRIDES),
    ("DEPTH_TO_SPACE", 94, BLOCK),
    ("L2_POOL_2D", 5, POOL),
    ("MAX_POOL_2D", 5, POOL),
    ("SPACE_TO_DEPTH", 19, BLOCK),
    ("SPLIT", 35, &[(0, "num_splits")]),
    ("SPLIT_V", 79, &[(0, "num_splits")]),
    ("SVDF", 6, &[(0, "rank")]),
    ("TRANSPOSE_CONV", 49, STRIDES),
];
const BLOCK: &[(u16, &str)] = &[(0, "block_size")];
const POOL: &[(u16, &str)] =
    &[(1, "stride_w"), (2, "stride_h"), (3, "filter_width"), (4, "filter_height")];
const STRIDES: &[(u16, &str)] = &[(1, "stride_w"), (2, "stride_h")];

/// Operators with an axis: as a constant input, or in a field of their options.
enum Axis {
    /// The number of the input that has it, and of the one that it is an axis of.
    Input(usize, usize),
    /// The number of the table of options, the field, and by how much the result has more
    /// dimensions than the input.
    Option(u8, u16, i64),
}

/// Where operators have their axis (CVE-2020-15207).
const AXES: &[(&str, Axis)] = &[
    ("ARG_MAX", Axis::Input(1, 0)),
    ("ARG_MIN", Axis::Input(1, 0)),
    ("CONCATENATION", Axis::Option(10, 0, 0)),
    ("CUMSUM", Axis::Input(1, 0)),
    ("GATHER", Axis::Option(23, 0, 0)),
    ("MEAN", Axis::Input(1, 0)),
    ("PACK", Axis::Option(59, 1, 1)),
    ("REDUCE_ALL", Axis::Input(1, 0)),
    ("REDUCE_ANY", Axis::Input(1, 0)),
    ("REDUCE_MAX", Axis::Input(1, 0)),
    ("REDUCE_MIN", Axis::Input(1, 0)),
    ("REDUCE_PROD", Axis::Input(1, 0)),
    ("REVERSE_V2", Axis::Input(1, 0)),
    ("SPLIT", Axis::Input(0, 1)),
    ("SPLIT_V", Axis::Input(2, 0)),
    ("SUM", Axis::Input(1, 0)),
    ("UNPACK", Axis::Option(64, 1, 0)),
];

/// Operators one of whose inputs is the shape of the result.
const SHAPED: &[(&str, usize)] =
    &[("BROADCAST_TO", 1), ("FILL", 0), ("RANDOM_STANDARD_NORMAL", 0), ("RANDOM_UNIFORM", 0)];

/// An operator that is checked.
pub(super) struct Checked<'a> {
    pub(super) name: &'a str,
    pub(super) table: Table,
    pub(super) inputs: &'a [i32],
    pub(super) outputs: &'a [i32],
    pub(super) route: &'a Route,
}

impl Model<'_> {
    /// Compares what an operator is given with what its kernel does with it.
    pub(super) fn check_operator(
        &mut self,
        checked: &Checked<'_>,
        graph: &mut Graph,
    ) -> Result<(), Halt> {
        self.check_made(checked, graph);
        if let Some((_, kind, fields)) = DIVIDES.iter().find(|(name, ..)| *name == checked.name) {
            self.check_divisors(checked, *kind, fields)?;
        }
        if let Some((_, axis)) = AXES.iter().find(|(name, _)| *name == checked.name) {
            self.check_axis(checked, axis, graph)?;
        }
        if let Some((_, input)) = SHAPED.iter().find(|(name, _)| *name == checked.name) {
            self.check_shaped(checked, *input, graph)?;
        }
        match checked.name {
            "GATHER" => self.check_gather(checked, graph)?,
            "GATHER_ND" => self.check_points(checked, (1, 0), graph)?,
            "SCATTER_ND" => self.check_scatter(checked, graph)?,
            "BATCH_TO_SPACE_ND" | "SPACE_TO_BATCH_ND" => self.check_blocks(checked, graph)?,
            name if name.starts_with("STABLEHLO_") => self.check_dimensions(checked, graph),
            _ => {}
        }
        Ok(())
    }

    /// Looks at the places of the texts of a constant, and returns how many texts there are; nothing
    /// where a place lies outside (TFLite, `string_util.h`: no kernel checks them).
    pub(super) fn check_texts(&mut self, data: Span, route: &Route) -> Result<Option<u64>, Halt> {
        let mut count = [0; 4];
        if data.len >= 4 {
            self.flat.fill(data.start, &mut count)?;
        }
        let count = u64::from(u32::from_le_bytes(count));
        // Behind the last place stands where the last text ends.
        let first = count.saturating_mul(4).saturating_add(8);
        let mut last = first;
        let mut outside = first > data.len && count > 0;
        for index in 0..=count.min(ELEMENTS) {
            if outside || count == 0 {
                break;
            }
            let mut place = [0; 4];
            let at = index.saturating_add(1).saturating_mul(4);
            self.flat.fill(data.start.saturating_add(at), &mut place)?;
            let place = u64::from(u32::from_le_bytes(place));
            outside = place < last || place > data.len;
            last = place;
        }
        self.flat.budget().spend_steps(count.min(ELEMENTS), data.start)?;
        if outside {
            let what =
                format!("a place of one of {count} texts lies outside of {} bytes", data.len);
            self.reading.deviation(Quirk::OutOfRange, data, route.clone(), &what);
            return Ok(None);
        }
        Ok(Some(count))
    }

    /// Looks at the plan by which the runtime for microcontrollers places tensors in memory: version,
    /// graph, number of tensors, and a place for each (`micro_allocation_info.cc`).
    pub(super) fn check_plan(&mut self, data: Span, route: &Route) -> Result<(), Halt> {
        let mut head = [0; 12];
        if data.len >= 12 {
            self.flat.fill(data.start, &mut head)?;
        }
        let [.., a, b, c, d] = head;
        let count = i64::from(i32::from_le_bytes([a, b, c, d]));
        let needed = u64::try_from(count).ok().map(|it| it.saturating_mul(4).saturating_add(12));
        if needed.is_none_or(|needed| needed > data.len) {
            let what = format!("a plan of memory for {count} tensors in {} bytes", data.len);
            self.reading.deviation(Quirk::OutOfRange, data, route.clone(), &what);
        }
        Ok(())
    }

    fn wrong(&mut self, checked: &Checked<'_>, quirk: Quirk, what: &str) {
        let span = Span::new(checked.table.at, 4);
        let what = format!("`{}`: {what}", checked.name);
        self.reading.deviation(quirk, span, checked.route.clone(), &what);
    }

    /// Inputs that are no constant, no input of the graph, and made by no operator before: the
    /// runtime has no memory for them (CVE-2020-15209, CVE-2021-37688).
    fn check_made(&mut self, checked: &Checked<'_>, graph: &mut Graph) {
        let lost = checked.inputs.iter().find(|input| {
            usize::try_from(**input)
                .ok()
                .and_then(|index| graph.tensors.get(index))
                .is_some_and(|slot| !slot.is_made)
        });
        if let Some(lost) = lost {
            let what = format!("its input, tensor {lost}, has no bytes and nothing makes it");
            self.wrong(checked, Quirk::Missing, &what);
        }
        for output in checked.outputs {
            let slot = usize::try_from(*output).ok();
            if let Some(slot) = slot.and_then(|index| graph.tensors.get_mut(index)) {
                slot.is_made = true;
            }
        }
    }

    fn check_divisors(
        &mut self,
        checked: &Checked<'_>,
        kind: u8,
        fields: &[(u16, &str)],
    ) -> Result<(), Halt> {
        // Options of another kind are none for the kernel, which goes on with zeros.
        let options = if self.flat.u8(checked.table, 3, 0)? == kind {
            self.flat.child(checked.table, 4, "options")?
        } else {
            None
        };
        let Some(options) = options else {
            let what = "its options are missing, so that its kernel divides by zero";
            self.wrong(checked, Quirk::OutOfRange, what);
            return Ok(());
        };
        for (field, name) in fields {
            let value = self.flat.i32(options, *field, 0)?;
            if value <= 0 {
                let what = format!("the option `{name}` has the value {value}");
                self.wrong(checked, Quirk::OutOfRange, &what);
            }
        }
        Ok(())
    }

    fn check_axis(
        &mut self,
        checked: &Checked<'_>,
        axis: &Axis,
        graph: &Graph,
    ) -> Result<(), Halt> {
        let (axes, of, more) = match *axis {
            Axis::Input(input, of) => (self.numbers(checked, input, graph)?, of, 0),
            Axis::Option(kind, field, more) => {
                if self.flat.u8(checked.table, 3, 0)? != kind {
                    return Ok(());
                }
                let Some(options) = self.flat.child(checked.table, 4, "options")? else {
                    return Ok(());
                };
                (vec![i64::from(self.flat.i32(options, field, 0)?)], 0, more)
            }
        };
        let Some(rank) = slot_of(checked.inputs, of, graph).and_then(|slot| slot.rank()) else {
            return Ok(());
        };
        let rank = rank.saturating_add(more);
        // A number of no dimensions may be spoken of as if it had one.
        let bound = rank.max(1);
        let wrong = axes.iter().find(|axis| **axis >= bound || **axis < bound.saturating_neg());
        if let Some(axis) = wrong {
            let what = format!("axis {axis} of a tensor of {rank} dimensions");
            self.wrong(checked, Quirk::OutOfRange, &what);
        }
        Ok(())
    }

    /// Shapes of results that stand in the file.
    fn check_shaped(
        &mut self,
        checked: &Checked<'_>,
        input: usize,
        graph: &Graph,
    ) -> Result<(), Halt> {
        let dims = self.numbers(checked, input, graph)?;
        if dims.iter().any(|dim| *dim < 0) {
            let what = format!("a shape of {dims:?}");
            self.wrong(checked, Quirk::OutOfRange, &what);
        } else if super::elements(&dims).is_none_or(|elements| elements > COUNTED) {
            let what = format!("makes a tensor of the shape {dims:?}");
            self.wrong(checked, Quirk::Expansion, &what);
        }
        Ok(())
    }

    /// Constant indices into one dimension (CVE-2021-37687).
    fn check_gather(&mut self, checked: &Checked<'_>, graph: &Graph) -> Result<(), Halt> {
        if self.flat.u8(checked.table, 3, 0)? != 23 {
            return Ok(());
        }
        let Some(options) = self.flat.child(checked.table, 4, "options")? else { return Ok(()) };
        let axis = i64::from(self.flat.i32(options, 0, 0)?);
        let Some(dims) = self.dims(checked, 0, graph)? else { return Ok(()) };
        let rank = i64::try_from(dims.len()).unwrap_or(i64::MAX);
        let axis = if axis < 0 { axis.saturating_add(rank) } else { axis };
        let Some(dim) = usize::try_from(axis).ok().and_then(|axis| dims.get(axis)).copied() else {
            return Ok(());
        };
        let indices = self.numbers(checked, 1, graph)?;
        if let Some(index) =
            indices.iter().find(|index| dim >= 0 && (**index < 0 || **index >= dim))
        {
            let what = format!("index {index} into a dimension of {dim}");
            self.wrong(checked, Quirk::OutOfRange, &what);
        }
        Ok(())
    }

    /// Constant indices into several dimensions: of the tensor in the second of `inputs`.
    fn check_points(
        &mut self,
        checked: &Checked<'_>,
        inputs: (usize, usize),
        graph: &Graph,
    ) -> Result<(), Halt> {
        let Some(dims) = self.dims(checked, inputs.1, graph)? else { return Ok(()) };
        self.check_within(checked, inputs.0, &dims, graph)
    }

    fn check_scatter(&mut self, checked: &Checked<'_>, graph: &Graph) -> Result<(), Halt> {
        let dims = self.numbers(checked, 2, graph)?;
        if dims.is_empty() {
            return Ok(());
        }
        self.check_within(checked, 0, &dims, graph)
    }

    fn check_within(
        &mut self,
        checked: &Checked<'_>,
        input: usize,
        dims: &[i64],
        graph: &Graph,
    ) -> Result<(), Halt> {
        let shape = self.dims(checked, input, graph)?.unwrap_or_default();
        let depth = shape.last().and_then(|depth| usize::try_from(*depth).ok()).unwrap_or_default();
        if depth > dims.len() {
            let what = format!("indices of {depth} numbers into a tensor of {dims:?}");
            self.wrong(checked, Quirk::OutOfRange, &what);
            return Ok(());
        }
        if depth == 0 {
            return Ok(());
        }
        let points = self.numbers(checked, input, graph)?;
        let outside = points.chunks_exact(depth).find(|point| {
            point.iter().zip(dims).any(|(index, dim)| *dim >= 0 && (*index < 0 || index >= dim))
        });
        if let Some(point) = outside {
            let what = format!("index {point:?} into a tensor of {dims:?}");
            self.wrong(checked, Quirk::OutOfRange, &what);
        }
        Ok(())
    }

    /// Blocks that the kernel divides by (CVE-2021-29593, 29597).
    fn check_blocks(&mut self, checked: &Checked<'_>, graph: &Graph) -> Result<(), Halt> {
        let blocks = self.numbers(checked, 1, graph)?;
        if let Some(block) = blocks.iter().find(|block| **block <= 0) {
            let what = format!("a block of {block}");
            self.wrong(checked, Quirk::OutOfRange, &what);
        }
        Ok(())
    }

    fn check_dimensions(&mut self, checked: &Checked<'_>, graph: &Graph) {
        let most = checked.inputs.iter().chain(checked.outputs).filter_map(|index| {
            Some(graph.tensors.get(usize::try_from(*index).ok()?)?.shape.count)
        });
        if let Some(most) = most.max().filter(|most| *most > DIMENSIONS) {
            let what = format!("a tensor of {most} dimensions, where kernels have room for eight");
            self.wrong(checked, Quirk::OutOfRange, &what);
        }
    }

    /// The whole numbers of a constant input; none where it is computed.
    fn numbers(
        &mut self,
        checked: &Checked<'_>,
        input: usize,
        graph: &Graph,
    ) -> Result<Vec<i64>, Halt> {
        let Some(slot) = slot_of(checked.inputs, input, graph).copied() else { return Ok(vec![]) };
        let Some(data) = slot.data else { return Ok(vec![]) };
        let mut numbers = Vec::new();
        let width = match table::element_type(slot.dtype) {
            Some("INT32") => 4_u64,
            Some("INT64") => 8,
            _ => return Ok(numbers),
        };
        for index in 0..data.len.checked_div(width).unwrap_or_default().min(ELEMENTS) {
            let at = data.start.saturating_add(index.saturating_mul(width));
            let mut bytes = [0; 8];
            if width == 4 {
                let mut four = [0; 4];
                self.flat.fill(at, &mut four)?;
                numbers.push(i64::from(i32::from_le_bytes(four)));
            } else {
                self.flat.fill(at, &mut bytes)?;
                numbers.push(i64::from_le_bytes(bytes));
            }
        }
        self.flat.budget().spend_steps(to_u64(numbers.len()), data.start)?;
        Ok(numbers)
    }

    /// The dimensions of an input; nothing where it has no shape of its own.
    fn dims(
        &mut self,
        checked: &Checked<'_>,
        input: usize,
        graph: &Graph,
    ) -> Result<Option<Vec<i64>>, Halt> {
        let Some(slot) = slot_of(checked.inputs, input, graph).copied() else { return Ok(None) };
        if slot.rank().is_none() {
            return Ok(None);
        }
        let mut dims = Vec::new();
        for index in 0..slot.shape.count {
            dims.push(i64::from(self.flat.i32_element(slot.shape, index)?));
        }
        Ok(Some(dims))
    }
}

fn slot_of<'a>(inputs: &[i32], input: usize, graph: &'a Graph) -> Option<&'a Slot> {
    graph.tensors.get(usize::try_from(*inputs.get(input)?).ok()?)
}

impl Slot {
    /// How many dimensions a tensor has; nothing where its shape is missing or beyond all sense: a
    /// tensor without dimensions may be one whose shape is known only when the model runs.
    fn rank(&self) -> Option<i64> {
        i64::try_from(self.shape.count).ok().filter(|rank| (1..=64).contains(rank))
    }
}
