//! Operators of ONNX Runtime whose attributes say how large their tensors are: kernels compute places
//! from the attributes and read the tensors there.
//!
//! Source: `onnxruntime/docs/ContribOperators.md`: `MatMulNBits`, `MatMulBnb4`,
//! `GatherBlockQuantized`, `Attention` and its kin.

use super::node::NodeRecord;
use super::walk::{Open, Walker};
use crate::graph::NodeId;
use davy_artifact::{Quirk, Route};
use davy_bytes::Halt;

/// Nodes of which the attributes are kept until the tensors are known.
const KEPT: usize = 1 << 16;

/// What the attributes of such a node say.
#[derive(Clone, Copy, Debug)]
pub(super) struct Blocks {
    node: NodeId,
    kind: Kind,
    /// Rows and columns of the matrix, numbers in a block and bits of a number; zero where not said.
    k: i64,
    n: i64,
    block: i64,
    bits: i64,
    /// Heads of attention, and those of keys and values.
    heads: Option<i64>,
    key_heads: Option<i64>,
}

/// Which operator it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Attention,
    Gather,
    Halves,
    Matrix,
}

/// The numbers of elements that an input may have.
struct Sizes {
    input: usize,
    what: &'static str,
    allowed: [Option<u64>; 2],
}

impl Walker<'_> {
    /// Keeps what the attributes of a node say of its tensors.
    pub(super) fn note_blocks(
        &mut self,
        node: &NodeRecord,
        id: NodeId,
        operator: &[u8],
        open: &mut Open,
    ) -> Result<(), Halt> {
        let kind = match operator {
            b"MatMulNBits" => Kind::Matrix,
            b"MatMulBnb4" => Kind::Halves,
            b"GatherBlockQuantized" => Kind::Gather,
            b"Attention"
            | b"GroupQueryAttention"
            | b"MultiHeadAttention"
            | b"PackedAttention"
            | b"QAttention"
            | b"SparseAttention" => Kind::Attention,
            _ => return Ok(()),
        };
        if self.wire.head(node.domain, 16)? != b"com.microsoft" || open.blocks.len() >= KEPT {
            return Ok(());
        }
        let mut blocks =
            Blocks { node: id, kind, k: 0, n: 0, block: 0, bits: 4, heads: None, key_heads: None };
        if kind == Kind::Gather {
            blocks.block = 128;
        }
        for attribute in &node.attributes {
            let Some(number) = attribute.i else { continue };
            match self.wire.head(attribute.name, 16)? {
                b"K" => blocks.k = number,
                b"N" => blocks.n = number,
                b"bits" => blocks.bits = number,
                b"block_size" => blocks.block = number,
                b"num_heads" => blocks.heads = Some(number),
                b"kv_num_heads" => blocks.key_heads = Some(number),
                _ => {}
            }
        }
        open.blocks.push(blocks);
        Ok(())
    }

    /// Compares what was kept with the tensors of the graph.
    pub(super) fn check_blocks(&mut self, open: &Open) {
        for blocks in &open.blocks {
            if let Some((quirk, what)) = self.misfit(blocks) {
                let Some(node) = self.graph.get(blocks.node).copied() else { continue };
                let name = self.operators.get(node.operator).map_or("", |used| used.name.as_str());
                let what = format!("`{name}`: {what}");
                self.reading.deviation(quirk, node.span, Route::Node(open.label.clone()), &what);
            }
        }
    }

    /// What does not fit in a node.
    fn misfit(&self, blocks: &Blocks) -> Option<(Quirk, String)> {
        if blocks.kind == Kind::Attention {
            return heads(blocks);
        }
        let (block, bits) = (positive(blocks.block), positive(blocks.bits));
        let (Some(block), Some(bits)) = (block.filter(|it| it.is_power_of_two()), bits) else {
            let what = format!("blocks of {} numbers of {} bits", blocks.block, blocks.bits);
            return Some((Quirk::OutOfRange, what));
        };
        if bits > 8 {
            return Some((Quirk::OutOfRange, format!("numbers of {bits} bits")));
        }
        if blocks.kind == Kind::Gather {
            // Each scale serves a block, of numbers that may be packed: there are no fewer.
            let (data, scales) = (self.size_of(blocks.node, 0)?, self.size_of(blocks.node, 2)?);
            return (scales.saturating_mul(block) < data).then(|| {
                let what = format!("{scales} scales of blocks of {block} for {data} numbers");
                (Quirk::SizeMismatch, what)
            });
        }
        let (Some(k), Some(n)) = (positive(blocks.k), positive(blocks.n)) else {
            let what = format!("a matrix of {} by {}", blocks.k, blocks.n);
            return Some((Quirk::OutOfRange, what));
        };
        sizes(blocks.kind, (k, n), block, bits).into_iter().find_map(
            |Sizes { input, what, allowed }| {
                let has = self.size_of(blocks.node, input)?;
                let fits = allowed.iter().flatten().any(|size| *size == has);
                let size = allowed[0].unwrap_or(u64::MAX);
                let what = format!("{has} {what}, where its attributes ask for {size}");
                (!fits).then_some((Quirk::SizeMismatch, what))
            },
        )
    }

    /// How many elements a constant input of a node has.
    fn size_of(&self, node: NodeId, input: usize) -> Option<u64> {
        let value = self.graph.inputs_of(self.graph.get(node)?).get(input).copied()?;
        let constant = self.graph.constant(value)?;
        Some(constant.elements).filter(|elements| *elements > 0)
    }
}

/// What the inputs of a product have to be: each column is cut into blocks, which are packed into
/// whole bytes and have a scale and a zero each.
fn sizes(kind: Kind, (k, n): (u64, u64), block: u64, bits: u64) -> Vec<Sizes> {
    if kind == Kind::Halves {
        let all = k.checked_mul(n);
        let scales = all.map(|all| all.div_ceil(block));
        return vec![
            Sizes { input: 1, what: "bytes", allowed: [all.map(|all| all.div_ceil(2)), None] },
            Sizes { input: 2, what: "scales", allowed: [scales, None] },
        ];
    }
    let blocks = k.div_ceil(block);
    let bytes = block.checked_mul(bits).map(|bits| bits.div_ceil(8));
    let all = n.checked_mul(blocks);
    let packed = blocks.checked_mul(bits).and_then(|bits| bits.div_ceil(8).checked_mul(n));
    let data = all.and_then(|all| all.checked_mul(bytes?));
    vec![
        Sizes { input: 1, what: "bytes", allowed: [data, None] },
        Sizes { input: 2, what: "scales", allowed: [all, None] },
        Sizes { input: 3, what: "zero points", allowed: [packed, all] },
    ]
}

/// Heads that do not divide each other.
fn heads(blocks: &Blocks) -> Option<(Quirk, String)> {
    let heads = blocks.heads?;
    let keys = blocks.key_heads.unwrap_or(heads);
    let fits = positive(heads)
        .zip(positive(keys))
        .is_some_and(|(heads, keys)| heads.checked_rem(keys) == Some(0));
    let what = || format!("{heads} heads over {keys} heads of keys and values");
    (!fits).then(|| (Quirk::OutOfRange, what()))
}

fn positive(number: i64) -> Option<u64> {
    u64::try_from(number).ok().filter(|number| *number > 0)
}
