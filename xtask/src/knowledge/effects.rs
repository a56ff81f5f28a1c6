//! Effects by their place in the order of what matters most.

/// Effects, worst first; the words are those of the tables.
pub const EFFECTS: &[&str] = &[
    "exec",
    "native",
    "exec:deser",
    "exec:indirect",
    "exec:code-build",
    "exec:deferred",
    "import",
    "file:write",
    "network",
    "file",
    "file:read",
    "import:resolve",
    "native:mem",
    "exec:mutate",
    "exec:hook",
    "exec:env",
    "file:shm",
    "exec:dos",
    "exec:class-build",
    "import:introspect",
    "network:dns",
    "exec:html",
    "file:recon",
    "exec:interactive",
    "exec:obfuscation",
    "exec:carrier",
];

/// An effect, as its place in [`EFFECTS`].
pub type Effect = u8;

pub const INDIRECT: Effect = 3;
pub const FILE_WRITE: Effect = 7;
pub const FILE: Effect = 9;
pub const FILE_READ: Effect = 10;
pub const RESOLVE: Effect = 11;
pub const MUTATE: Effect = 13;

/// The effect that a word stands for.
pub fn effect(word: &str) -> Option<Effect> {
    EFFECTS.iter().position(|name| *name == word).and_then(|at| u8::try_from(at).ok())
}

/// The word for an effect.
pub fn word(effect: Effect) -> &'static str {
    EFFECTS.get(usize::from(effect)).copied().unwrap_or("exec")
}

/// Whether an effect matters without an argument that decides about it.
pub const fn is_worth_telling(effect: Effect) -> bool {
    matches!(effect, 0..=2 | 7..=8)
}

/// Carries methods that do worse than making the object does.
pub const CARRIER: Effect = 25;

/// Whether an effect only counts where a function has it itself, not through what it calls.
pub const fn is_only_direct(effect: Effect) -> bool {
    matches!(effect, 13 | 19 | 21..=24)
}

/// Whether a method with this effect makes its class a carrier.
pub const fn is_carried(effect: Effect) -> bool {
    matches!(effect, 0..=2 | 4..=8)
}
