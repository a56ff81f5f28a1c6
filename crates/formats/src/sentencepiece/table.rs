//! The messages of SentencePiece (`src/sentencepiece_model.proto`, version 0.2).

use crate::protobuf::{Entry, Kind, Table};

pub(super) static MODEL: Table = Table {
    name: "ModelProto",
    fields: &[
        Entry::many(1, "pieces", Kind::Message(&PIECE)),
        Entry::one(2, "trainer_spec", Kind::Message(&TRAINER)),
        Entry::one(3, "normalizer_spec", Kind::Message(&NORMALIZER)),
        Entry::one(4, "self_test_data", Kind::Message(&SELF_TEST)),
        Entry::one(5, "denormalizer_spec", Kind::Message(&NORMALIZER)),
    ],
};

/// Pieces may hold any character, so they are no text to the sketch.
pub(super) static PIECE: Table = Table {
    name: "SentencePiece",
    fields: &[
        Entry::one(1, "piece", Kind::Bytes),
        Entry::one(2, "score", Kind::Float),
        Entry::one(3, "type", Kind::Int),
    ],
};

pub(super) static NORMALIZER: Table = Table {
    name: "NormalizerSpec",
    fields: &[
        Entry::one(1, "name", Kind::Bytes),
        Entry::one(2, "precompiled_charsmap", Kind::Bytes),
        Entry::one(3, "add_dummy_prefix", Kind::Int),
        Entry::one(4, "remove_extra_whitespaces", Kind::Int),
        Entry::one(5, "escape_whitespaces", Kind::Int),
        Entry::one(6, "normalization_rule_tsv", Kind::Bytes),
    ],
};

static SELF_TEST: Table =
    Table { name: "SelfTestData", fields: &[Entry::many(1, "samples", Kind::Message(&SAMPLE))] };

static SAMPLE: Table = Table {
    name: "Sample",
    fields: &[Entry::one(1, "input", Kind::Bytes), Entry::one(2, "expected", Kind::Bytes)],
};

pub(super) static TRAINER: Table = Table {
    name: "TrainerSpec",
    fields: &[
        Entry::many(1, "input", Kind::Bytes),
        Entry::one(2, "model_prefix", Kind::Bytes),
        Entry::one(3, "model_type", Kind::Int),
        Entry::one(4, "vocab_size", Kind::Int),
        Entry::many(5, "accept_language", Kind::Bytes),
        Entry::one(6, "self_test_sample_size", Kind::Int),
        Entry::one(7, "input_format", Kind::Bytes),
        Entry::one(10, "character_coverage", Kind::Float),
        Entry::one(11, "input_sentence_size", Kind::Int),
        Entry::one(12, "mining_sentence_size", Kind::Int),
        Entry::one(13, "training_sentence_size", Kind::Int),
        Entry::one(14, "seed_sentencepiece_size", Kind::Int),
        Entry::one(15, "shrinking_factor", Kind::Float),
        Entry::one(16, "num_threads", Kind::Int),
        Entry::one(17, "num_sub_iterations", Kind::Int),
        Entry::one(18, "max_sentence_length", Kind::Int),
        Entry::one(19, "shuffle_input_sentence", Kind::Int),
        Entry::one(20, "max_sentencepiece_length", Kind::Int),
        Entry::one(21, "split_by_unicode_script", Kind::Int),
        Entry::one(22, "split_by_whitespace", Kind::Int),
        Entry::one(23, "split_by_number", Kind::Int),
        Entry::one(24, "treat_whitespace_as_suffix", Kind::Int),
        Entry::one(25, "split_digits", Kind::Int),
        Entry::one(26, "allow_whitespace_only_pieces", Kind::Int),
        Entry::many(30, "control_symbols", Kind::Bytes),
        Entry::many(31, "user_defined_symbols", Kind::Bytes),
        Entry::one(32, "vocabulary_output_piece_score", Kind::Int),
        Entry::one(33, "hard_vocab_limit", Kind::Int),
        Entry::one(34, "use_all_vocab", Kind::Int),
        Entry::one(35, "byte_fallback", Kind::Int),
        Entry::one(36, "required_chars", Kind::Bytes),
        Entry::one(40, "unk_id", Kind::Int),
        Entry::one(41, "bos_id", Kind::Int),
        Entry::one(42, "eos_id", Kind::Int),
        Entry::one(43, "pad_id", Kind::Int),
        Entry::one(44, "unk_surface", Kind::Bytes),
        Entry::one(45, "unk_piece", Kind::Bytes),
        Entry::one(46, "bos_piece", Kind::Bytes),
        Entry::one(47, "eos_piece", Kind::Bytes),
        Entry::one(48, "pad_piece", Kind::Bytes),
        Entry::one(49, "train_extremely_large_corpus", Kind::Int),
        Entry::one(50, "enable_differential_privacy", Kind::Bool),
        Entry::one(51, "differential_privacy_noise_level", Kind::Float),
        Entry::one(52, "differential_privacy_clipping_threshold", Kind::Int),
        Entry::one(53, "pretokenization_delimiter", Kind::Bytes),
        Entry::one(54, "seed_sentencepieces_file", Kind::Bytes),
        Entry::one(55, "auto_character_coverage", Kind::Int),
    ],
};
