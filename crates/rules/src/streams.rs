//! Rules about the form of streams of opcodes, and about form in general.

pub(crate) mod broken_pickle;
pub(crate) mod expansion_bomb;
pub(crate) mod handmade_pickle;
pub(crate) mod huge_memo_index;
pub(crate) mod loaders_disagree;
pub(crate) mod nested_pickle;
pub(crate) mod odd_opcode_use;
pub(crate) mod pickle_after_end;
pub(crate) mod truncated_artifact;
