//! Layouts of old files of ggml: what stands behind the four letters (llama.cpp, `convert.py` and
//! `llama-util.h` of spring 2023; whisper.cpp, `models/convert-pt-to-ggml.py`; ggml,
//! `examples/*/convert-*.py`).

/// What a program writes and reads.
#[derive(Debug)]
pub(super) struct Layout {
    /// Whose it is.
    pub(super) name: &'static str,
    /// Whether a version follows the letters.
    pub(super) versioned: bool,
    /// The numbers of the model, of 32 bits each.
    pub(super) parameters: &'static [&'static str],
    /// Whether the name of what is in it and the shapes of its layers follow, in place of parameters.
    pub(super) voice: bool,
    /// Whether filters of sound follow.
    pub(super) filters: bool,
    /// Whether a vocabulary follows.
    pub(super) vocabulary: bool,
    /// Whether it tells the number of its tokens once more.
    pub(super) counted: bool,
    /// Whether each token has a score.
    pub(super) scores: bool,
    /// Bytes that the data of tensors is aligned to.
    pub(super) alignment: u64,
}

/// Parameters that are no whole numbers.
pub(super) const FLOATS: &[&str] = &["alibi_bias_max", "clip_qkv"];

const LLAMA: &[&str] = &["n_vocab", "n_embd", "n_mult", "n_head", "n_layer", "n_rot", "ftype"];

const PLAIN: Layout = Layout {
    name: "llama.cpp, ggml",
    versioned: false,
    parameters: LLAMA,
    voice: false,
    filters: false,
    vocabulary: true,
    counted: false,
    scores: false,
    alignment: 1,
};

/// Layouts behind `ggml`, the most telling ones first.
static GGML: &[Layout] = &[
    Layout {
        name: "whisper.cpp",
        parameters: &[
            "n_vocab",
            "n_audio_ctx",
            "n_audio_state",
            "n_audio_head",
            "n_audio_layer",
            "n_text_ctx",
            "n_text_state",
            "n_text_head",
            "n_text_layer",
            "n_mels",
            "ftype",
        ],
        filters: true,
        counted: true,
        ..PLAIN
    },
    Layout {
        name: "GPT-J",
        parameters: &["n_vocab", "n_ctx", "n_embd", "n_head", "n_layer", "n_rot", "ftype"],
        counted: true,
        ..PLAIN
    },
    Layout {
        name: "GPT-2 and StarCoder",
        parameters: &["n_vocab", "n_ctx", "n_embd", "n_head", "n_layer", "ftype"],
        counted: true,
        ..PLAIN
    },
    Layout {
        name: "MPT",
        parameters: &[
            "d_model",
            "max_seq_len",
            "n_heads",
            "n_layers",
            "n_vocab",
            "alibi_bias_max",
            "clip_qkv",
            "ftype",
        ],
        ..PLAIN
    },
    Layout {
        name: "Replit",
        parameters: &["d_model", "max_seq_len", "n_heads", "n_layers", "n_vocab", "ftype"],
        scores: true,
        ..PLAIN
    },
    Layout {
        name: "GPT-NeoX",
        parameters: &[
            "n_vocab", "n_ctx", "n_embd", "n_head", "n_layer", "n_rot", "par_res", "ftype",
        ],
        ..PLAIN
    },
    PLAIN,
];

static GGMF: &[Layout] =
    &[Layout { name: "llama.cpp, ggmf", versioned: true, scores: true, ..PLAIN }];

static GGJT: &[Layout] =
    &[Layout { name: "llama.cpp, ggjt", versioned: true, scores: true, alignment: 32, ..PLAIN }];

static GGLA: &[Layout] = &[Layout {
    name: "LoRA adapter of llama.cpp",
    versioned: true,
    parameters: &["lora_r", "lora_alpha"],
    vocabulary: false,
    alignment: 32,
    ..PLAIN
}];

/// What tells whether somebody speaks (whisper.cpp, `whisper_vad_init_with_params`;
/// `models/convert-silero-vad-to-ggml.py`).
pub(super) static VOICE: Layout = Layout {
    name: "voice activity detection of whisper.cpp",
    parameters: &[],
    voice: true,
    vocabulary: false,
    ..PLAIN
};

/// The layouts that four letters can stand for; they stand in the file as a number does, from the
/// last to the first.
pub(super) fn layouts(magic: [u8; 4]) -> &'static [Layout] {
    match &magic {
        b"lmgg" => GGML,
        b"fmgg" => GGMF,
        b"tjgg" => GGJT,
        b"algg" => GGLA,
        _ => &[],
    }
}
