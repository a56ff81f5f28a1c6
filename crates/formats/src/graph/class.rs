//! What operators do, as far as it matters for how data flows through a graph.

/// A kind of operator.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Class {
    /// Gives the larger of its inputs, or zero where its only one is smaller.
    AtLeast,
    /// Gives the smaller of its inputs.
    AtMost,
    /// Puts its inputs side by side.
    Concat,
    /// Compares its inputs.
    Compare,
    /// Raises to powers: little becomes nothing, and much more of it.
    Exponential,
    /// Takes one thing out of a list, by its place.
    Item,
    /// Gives the numbers of its first input another shape or order.
    Move,
    /// Multiplies its inputs, number by number.
    Multiply,
    /// Divides, takes roots or logarithms: makes ratios and scales of its inputs.
    Ratio,
    /// Takes a part of its first input: the one that its other inputs name.
    Pick,
    /// Raises its first input to the power of its second.
    Power,
    /// Makes few numbers of many: sums, means, maxima, positions of them.
    Reduce,
    /// Stands for the nodes that were joined to the graph in its place.
    Replaced,
    /// Chooses between its second and third input by its first.
    Select,
    /// Keeps those of many that meet a condition: how many they are depends on data.
    Sieve,
    /// Its result depends on the shapes of its inputs, and not on what they hold.
    Shape,
    /// Bends all numbers into a short range, smoothly: sigmoids and the like.
    Squash,
    /// Makes few values of many by a threshold: signs, rounding, clipping on both sides.
    Step,
    /// Follows learned trees, whose answers are few.
    Tree,
    /// Works on its inputs with numbers that were learned: convolutions, products of matrices,
    /// embeddings, recurrent layers, trees.
    Weighted,
    /// Cuts numbers off to whole ones.
    Whole,
    /// Anything else: works number by number, moves numbers around, or is not known.
    Other,
}

impl Class {
    /// Whether it can make a truth of numbers.
    #[must_use]
    pub fn decides(self) -> bool {
        matches!(
            self,
            Self::AtLeast
                | Self::AtMost
                | Self::Compare
                | Self::Exponential
                | Self::Power
                | Self::Ratio
                | Self::Sieve
                | Self::Squash
                | Self::Step
                | Self::Tree
                | Self::Whole
        )
    }
}
