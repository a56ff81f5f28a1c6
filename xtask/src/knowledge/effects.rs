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
    "exec:fixed",
];

/// An effect, as its place in [`EFFECTS`].
pub type Effect = u8;

pub const EXEC: Effect = 0;
pub const DESER: Effect = 2;
pub const INDIRECT: Effect = 3;
pub const CODE_BUILD: Effect = 4;
pub const DEFERRED: Effect = 5;
pub const IMPORT: Effect = 6;
pub const FILE_WRITE: Effect = 7;
pub const NETWORK: Effect = 8;
pub const FILE: Effect = 9;
pub const FILE_READ: Effect = 10;
pub const RESOLVE: Effect = 11;
pub const MUTATE: Effect = 13;
pub const INTROSPECT: Effect = 19;

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

/// Runs a command or code of its own.
pub const FIXED: Effect = 26;

/// Whether an effect only counts where a function has it itself, not through what it calls.
pub const fn is_only_direct(effect: Effect) -> bool {
    matches!(effect, 13 | 19 | 21..=24)
}

/// Whether an effect is harm by itself, and not only by what a function is given to call or look up.
pub const fn is_plain_harm(effect: Effect) -> bool {
    matches!(effect, 0..=2 | 6..=10)
}

/// Whether a method with this effect makes its class a carrier.
pub const fn is_carried(effect: Effect) -> bool {
    matches!(effect, 0..=2 | 4..=8)
}

/// Whether a method with this effect makes its class a carrier: of the standard library, opening files
/// is enough; of others, which have methods for everything, it has to run what it is given.
pub const fn makes_carrier(standard: bool, effect: Effect) -> bool {
    if standard {
        is_carried(effect) || matches!(effect, FILE | FILE_READ)
    } else {
        matches!(effect, 0..=2)
    }
}

/// Ways through a library that are longer than this are more often wrong than right.
const STEPS: u16 = 5;

/// Ways to what runs things, which few functions have within reach, may be so long.
const STEPS_TO_RUN: u16 = 7;

/// Clients reach their connection through many layers, and hardly anything else does.
const STEPS_TO_CONNECT: u16 = 10;

/// So many steps lead from a method to the call of what its object holds.
pub const STEPS_TO_KEEP: u16 = 2;

/// What makes functions hands their code on at once; longer ways are those of tracebacks.
const STEPS_TO_BUILD: u16 = 3;

/// Whether a row is kept. Of other libraries than the standard one, what only calls or looks up what
/// it is given counts where it does so itself: through three functions it says little. A method that
/// calls what its own object holds is as bad as that.
pub fn is_kept(standard: bool, effect: Effect, steps: u16, through: &str) -> bool {
    let own = through.split(',').all(|part| part.starts_with('.') || part == "self");
    if effect == DEFERRED || effect == INDIRECT && own {
        return steps <= STEPS_TO_KEEP && (standard || effect == DEFERRED);
    }
    if effect == CODE_BUILD && steps > STEPS_TO_BUILD {
        return false;
    }
    if standard || effect == CARRIER {
        return true;
    }
    match effect {
        0..=2 => steps <= STEPS_TO_RUN,
        FILE | FILE_READ => steps <= STEPS,
        NETWORK => steps <= STEPS_TO_CONNECT,
        effect if is_carried(effect) => steps <= STEPS,
        _ => steps <= 1,
    }
}
