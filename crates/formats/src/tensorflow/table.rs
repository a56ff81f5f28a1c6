//! The messages of TensorFlow (2.21, `tensorflow/core/{framework,protobuf,util}`), field by field.

use crate::protobuf::{Entry, Kind, Table};

type Names = &'static [(&'static str, i32)];

static BUNDLE_HEADER_PROTO_ENDIANNESS: Names = &[("LITTLE", 0), ("BIG", 1)];

pub(super) static DATA_TYPE: Names = &[
    ("DT_INVALID", 0),
    ("DT_FLOAT", 1),
    ("DT_DOUBLE", 2),
    ("DT_INT32", 3),
    ("DT_UINT8", 4),
    ("DT_INT16", 5),
    ("DT_INT8", 6),
    ("DT_STRING", 7),
    ("DT_COMPLEX64", 8),
    ("DT_INT64", 9),
    ("DT_BOOL", 10),
    ("DT_QINT8", 11),
    ("DT_QUINT8", 12),
    ("DT_QINT32", 13),
    ("DT_BFLOAT16", 14),
    ("DT_QINT16", 15),
    ("DT_QUINT16", 16),
    ("DT_UINT16", 17),
    ("DT_COMPLEX128", 18),
    ("DT_HALF", 19),
    ("DT_RESOURCE", 20),
    ("DT_VARIANT", 21),
    ("DT_UINT32", 22),
    ("DT_UINT64", 23),
    ("DT_FLOAT8_E5M2", 24),
    ("DT_FLOAT8_E4M3FN", 25),
    ("DT_FLOAT8_E4M3FNUZ", 26),
    ("DT_FLOAT8_E4M3B11FNUZ", 27),
    ("DT_FLOAT8_E5M2FNUZ", 28),
    ("DT_INT4", 29),
    ("DT_UINT4", 30),
    ("DT_INT2", 31),
    ("DT_UINT2", 32),
    ("DT_FLOAT4_E2M1FN", 33),
    ("DT_FLOAT_REF", 101),
    ("DT_DOUBLE_REF", 102),
    ("DT_INT32_REF", 103),
    ("DT_UINT8_REF", 104),
    ("DT_INT16_REF", 105),
    ("DT_INT8_REF", 106),
    ("DT_STRING_REF", 107),
    ("DT_COMPLEX64_REF", 108),
    ("DT_INT64_REF", 109),
    ("DT_BOOL_REF", 110),
    ("DT_QINT8_REF", 111),
    ("DT_QUINT8_REF", 112),
    ("DT_QINT32_REF", 113),
    ("DT_BFLOAT16_REF", 114),
    ("DT_QINT16_REF", 115),
    ("DT_QUINT16_REF", 116),
    ("DT_UINT16_REF", 117),
    ("DT_COMPLEX128_REF", 118),
    ("DT_HALF_REF", 119),
    ("DT_RESOURCE_REF", 120),
    ("DT_VARIANT_REF", 121),
    ("DT_UINT32_REF", 122),
    ("DT_UINT64_REF", 123),
    ("DT_FLOAT8_E5M2_REF", 124),
    ("DT_FLOAT8_E4M3FN_REF", 125),
    ("DT_FLOAT8_E4M3FNUZ_REF", 126),
    ("DT_FLOAT8_E4M3B11FNUZ_REF", 127),
    ("DT_FLOAT8_E5M2FNUZ_REF", 128),
    ("DT_INT4_REF", 129),
    ("DT_UINT4_REF", 130),
    ("DT_INT2_REF", 131),
    ("DT_UINT2_REF", 132),
    ("DT_FLOAT4_E2M1FN_REF", 133),
];

static FULL_TYPE_ID: Names = &[
    ("TFT_UNSET", 0),
    ("TFT_VAR", 1),
    ("TFT_ANY", 2),
    ("TFT_PRODUCT", 3),
    ("TFT_NAMED", 4),
    ("TFT_FOR_EACH", 20),
    ("TFT_CALLABLE", 100),
    ("TFT_TENSOR", 1000),
    ("TFT_ARRAY", 1001),
    ("TFT_OPTIONAL", 1002),
    ("TFT_LITERAL", 1003),
    ("TFT_ENCODED", 1004),
    ("TFT_SHAPE_TENSOR", 1005),
    ("TFT_BOOL", 200),
    ("TFT_UINT8", 201),
    ("TFT_UINT16", 202),
    ("TFT_UINT32", 203),
    ("TFT_UINT64", 204),
    ("TFT_INT8", 205),
    ("TFT_INT16", 206),
    ("TFT_INT32", 207),
    ("TFT_INT64", 208),
    ("TFT_HALF", 209),
    ("TFT_FLOAT", 210),
    ("TFT_DOUBLE", 211),
    ("TFT_BFLOAT16", 215),
    ("TFT_COMPLEX64", 212),
    ("TFT_COMPLEX128", 213),
    ("TFT_STRING", 214),
    ("TFT_DATASET", 10102),
    ("TFT_RAGGED", 10103),
    ("TFT_ITERATOR", 10104),
    ("TFT_MUTEX_LOCK", 10202),
    ("TFT_LEGACY_VARIANT", 10203),
];

static FUNCTION_SPEC_JIT_COMPILE: Names = &[("DEFAULT", 0), ("ON", 1), ("OFF", 2)];

static SAVER_DEF_CHECKPOINT_FORMAT_VERSION: Names = &[("LEGACY", 0), ("V1", 1), ("V2", 2)];

static TYPE_SPEC_PROTO_TYPE_SPEC_CLASS: Names = &[
    ("UNKNOWN", 0),
    ("SPARSE_TENSOR_SPEC", 1),
    ("INDEXED_SLICES_SPEC", 2),
    ("RAGGED_TENSOR_SPEC", 3),
    ("TENSOR_ARRAY_SPEC", 4),
    ("DATA_DATASET_SPEC", 5),
    ("DATA_ITERATOR_SPEC", 6),
    ("OPTIONAL_SPEC", 7),
    ("PER_REPLICA_SPEC", 8),
    ("VARIABLE_SPEC", 9),
    ("ROW_PARTITION_SPEC", 10),
    ("REGISTERED_TYPE_SPEC", 12),
    ("EXTENSION_TYPE_SPEC", 13),
];

static VARIABLE_AGGREGATION: Names = &[
    ("VARIABLE_AGGREGATION_NONE", 0),
    ("VARIABLE_AGGREGATION_SUM", 1),
    ("VARIABLE_AGGREGATION_MEAN", 2),
    ("VARIABLE_AGGREGATION_ONLY_FIRST_REPLICA", 3),
];

static VARIABLE_SYNCHRONIZATION: Names = &[
    ("VARIABLE_SYNCHRONIZATION_AUTO", 0),
    ("VARIABLE_SYNCHRONIZATION_NONE", 1),
    ("VARIABLE_SYNCHRONIZATION_ON_WRITE", 2),
    ("VARIABLE_SYNCHRONIZATION_ON_READ", 3),
];

static ANY: Table = Table {
    name: "Any",
    fields: &[Entry::one(1, "type_url", Kind::Text), Entry::one(2, "value", Kind::Bytes)],
};

pub(crate) static ASSET_FILE_DEF: Table = Table {
    name: "AssetFileDef",
    fields: &[
        Entry::one(1, "tensor_info", Kind::Message(&TENSOR_INFO)),
        Entry::one(2, "filename", Kind::Text),
    ],
};

/// `AttrValue`.
pub(crate) static ATTR_VALUE: Table = Table {
    name: "AttrValue",
    fields: &[
        Entry::one(1, "list", Kind::Message(&ATTR_VALUE_LIST_VALUE)),
        Entry::one(2, "s", Kind::Bytes),
        Entry::one(3, "i", Kind::Int),
        Entry::one(4, "f", Kind::Float),
        Entry::one(5, "b", Kind::Bool),
        Entry::one(6, "type", Kind::Enum(DATA_TYPE)),
        Entry::one(7, "shape", Kind::Message(&TENSOR_SHAPE_PROTO)),
        Entry::one(8, "tensor", Kind::Message(&TENSOR_PROTO)),
        Entry::one(9, "placeholder", Kind::Text),
        Entry::one(10, "func", Kind::Message(&NAME_ATTR_LIST)),
    ],
};

static ATTR_VALUE_LIST_VALUE: Table = Table {
    name: "ListValue",
    fields: &[
        Entry::many(2, "s", Kind::Bytes),
        Entry::many(3, "i", Kind::Int),
        Entry::many(4, "f", Kind::Float),
        Entry::many(5, "b", Kind::Bool),
        Entry::many(6, "type", Kind::Enum(DATA_TYPE)),
        Entry::many(7, "shape", Kind::Message(&TENSOR_SHAPE_PROTO)),
        Entry::many(8, "tensor", Kind::Message(&TENSOR_PROTO)),
        Entry::many(9, "func", Kind::Message(&NAME_ATTR_LIST)),
    ],
};

static BOUNDED_TENSOR_SPEC_PROTO: Table = Table {
    name: "BoundedTensorSpecProto",
    fields: &[
        Entry::one(1, "name", Kind::Text),
        Entry::one(2, "shape", Kind::Message(&TENSOR_SHAPE_PROTO)),
        Entry::one(3, "dtype", Kind::Enum(DATA_TYPE)),
        Entry::one(4, "minimum", Kind::Message(&TENSOR_PROTO)),
        Entry::one(5, "maximum", Kind::Message(&TENSOR_PROTO)),
    ],
};

/// `BundleEntryProto`.
pub(crate) static BUNDLE_ENTRY_PROTO: Table = Table {
    name: "BundleEntryProto",
    fields: &[
        Entry::one(1, "dtype", Kind::Enum(DATA_TYPE)),
        Entry::one(2, "shape", Kind::Message(&TENSOR_SHAPE_PROTO)),
        Entry::one(3, "shard_id", Kind::Int),
        Entry::one(4, "offset", Kind::Int),
        Entry::one(5, "size", Kind::Int),
        Entry::one(6, "crc32c", Kind::Fixed32),
        Entry::many(7, "slices", Kind::Message(&TENSOR_SLICE_PROTO)),
    ],
};

/// `BundleHeaderProto`.
pub(crate) static BUNDLE_HEADER_PROTO: Table = Table {
    name: "BundleHeaderProto",
    fields: &[
        Entry::one(1, "num_shards", Kind::Int),
        Entry::one(2, "endianness", Kind::Enum(BUNDLE_HEADER_PROTO_ENDIANNESS)),
        Entry::one(3, "version", Kind::Message(&VERSION_DEF)),
    ],
};

static CAPTURED_TENSOR: Table = Table {
    name: "CapturedTensor",
    fields: &[Entry::one(1, "name", Kind::Text), Entry::one(2, "concrete_function", Kind::Text)],
};

/// `CheckpointState`.
pub(crate) static CHECKPOINT_STATE: Table = Table {
    name: "CheckpointState",
    fields: &[
        Entry::one(1, "model_checkpoint_path", Kind::Text),
        Entry::many(2, "all_model_checkpoint_paths", Kind::Text),
        Entry::many(3, "all_model_checkpoint_timestamps", Kind::Double),
        Entry::one(4, "last_preserved_timestamp", Kind::Double),
    ],
};

static COLLECTION_DEF: Table = Table {
    name: "CollectionDef",
    fields: &[
        Entry::one(1, "node_list", Kind::Message(&COLLECTION_DEF_NODE_LIST)),
        Entry::one(2, "bytes_list", Kind::Message(&COLLECTION_DEF_BYTES_LIST)),
        Entry::one(3, "int64_list", Kind::Message(&COLLECTION_DEF_INT64_LIST)),
        Entry::one(4, "float_list", Kind::Message(&COLLECTION_DEF_FLOAT_LIST)),
        Entry::one(5, "any_list", Kind::Message(&COLLECTION_DEF_ANY_LIST)),
    ],
};

static COLLECTION_DEF_ANY_LIST: Table =
    Table { name: "AnyList", fields: &[Entry::many(1, "value", Kind::Message(&ANY))] };

static COLLECTION_DEF_BYTES_LIST: Table =
    Table { name: "BytesList", fields: &[Entry::many(1, "value", Kind::Bytes)] };

static COLLECTION_DEF_FLOAT_LIST: Table =
    Table { name: "FloatList", fields: &[Entry::many(1, "value", Kind::Float)] };

static COLLECTION_DEF_INT64_LIST: Table =
    Table { name: "Int64List", fields: &[Entry::many(1, "value", Kind::Int)] };

static COLLECTION_DEF_NODE_LIST: Table =
    Table { name: "NodeList", fields: &[Entry::many(1, "value", Kind::Text)] };

static DICT_VALUE: Table = Table {
    name: "DictValue",
    fields: &[Entry::many(1, "fields", Kind::Message(&DICT_VALUE_FIELDS_ENTRY))],
};

static DICT_VALUE_FIELDS_ENTRY: Table = Table {
    name: "FieldsEntry",
    fields: &[
        Entry::one(1, "key", Kind::Text),
        Entry::one(2, "value", Kind::Message(&STRUCTURED_VALUE)),
    ],
};

/// `FingerprintDef`.
pub(crate) static FINGERPRINT_DEF: Table = Table {
    name: "FingerprintDef",
    fields: &[
        Entry::one(1, "saved_model_checksum", Kind::Uint),
        Entry::one(2, "graph_def_program_hash", Kind::Uint),
        Entry::one(3, "signature_def_hash", Kind::Uint),
        Entry::one(4, "saved_object_graph_hash", Kind::Uint),
        Entry::one(5, "checkpoint_hash", Kind::Uint),
        Entry::one(6, "version", Kind::Message(&VERSION_DEF)),
        Entry::one(7, "uuid", Kind::Text),
    ],
};

static FULL_TYPE_DEF: Table = Table {
    name: "FullTypeDef",
    fields: &[
        Entry::one(1, "type_id", Kind::Enum(FULL_TYPE_ID)),
        Entry::many(2, "args", Kind::Message(&FULL_TYPE_DEF)),
        Entry::one(3, "s", Kind::Text),
        Entry::one(4, "i", Kind::Int),
    ],
};

/// `FunctionDef`.
pub(crate) static FUNCTION_DEF: Table = Table {
    name: "FunctionDef",
    fields: &[
        Entry::one(1, "signature", Kind::Message(&OP_DEF)),
        Entry::many(3, "node_def", Kind::Message(&NODE_DEF)),
        Entry::many(4, "ret", Kind::Message(&FUNCTION_DEF_RET_ENTRY)),
        Entry::many(5, "attr", Kind::Message(&FUNCTION_DEF_ATTR_ENTRY)),
        Entry::many(6, "control_ret", Kind::Message(&FUNCTION_DEF_CONTROL_RET_ENTRY)),
        Entry::many(7, "arg_attr", Kind::Message(&FUNCTION_DEF_ARG_ATTR_ENTRY)),
        Entry::many(
            8,
            "resource_arg_unique_id",
            Kind::Message(&FUNCTION_DEF_RESOURCE_ARG_UNIQUE_ID_ENTRY),
        ),
    ],
};

static FUNCTION_DEF_ARG_ATTRS: Table = Table {
    name: "ArgAttrs",
    fields: &[Entry::many(1, "attr", Kind::Message(&FUNCTION_DEF_ARG_ATTRS_ATTR_ENTRY))],
};

static FUNCTION_DEF_ARG_ATTRS_ATTR_ENTRY: Table = Table {
    name: "AttrEntry",
    fields: &[Entry::one(1, "key", Kind::Text), Entry::one(2, "value", Kind::Message(&ATTR_VALUE))],
};

static FUNCTION_DEF_ARG_ATTR_ENTRY: Table = Table {
    name: "ArgAttrEntry",
    fields: &[
        Entry::one(1, "key", Kind::Uint),
        Entry::one(2, "value", Kind::Message(&FUNCTION_DEF_ARG_ATTRS)),
    ],
};

static FUNCTION_DEF_ATTR_ENTRY: Table = Table {
    name: "AttrEntry",
    fields: &[Entry::one(1, "key", Kind::Text), Entry::one(2, "value", Kind::Message(&ATTR_VALUE))],
};

static FUNCTION_DEF_CONTROL_RET_ENTRY: Table = Table {
    name: "ControlRetEntry",
    fields: &[Entry::one(1, "key", Kind::Text), Entry::one(2, "value", Kind::Text)],
};

static FUNCTION_DEF_LIBRARY: Table = Table {
    name: "FunctionDefLibrary",
    fields: &[
        Entry::many(1, "function", Kind::Message(&FUNCTION_DEF)),
        Entry::many(2, "gradient", Kind::Message(&GRADIENT_DEF)),
        Entry::many(3, "registered_gradients", Kind::Message(&REGISTERED_GRADIENT)),
    ],
};

static FUNCTION_DEF_RESOURCE_ARG_UNIQUE_ID_ENTRY: Table = Table {
    name: "ResourceArgUniqueIdEntry",
    fields: &[Entry::one(1, "key", Kind::Uint), Entry::one(2, "value", Kind::Uint)],
};

static FUNCTION_DEF_RET_ENTRY: Table = Table {
    name: "RetEntry",
    fields: &[Entry::one(1, "key", Kind::Text), Entry::one(2, "value", Kind::Text)],
};

static FUNCTION_SPEC: Table = Table {
    name: "FunctionSpec",
    fields: &[
        Entry::one(1, "fullargspec", Kind::Message(&STRUCTURED_VALUE)),
        Entry::one(2, "is_method", Kind::Bool),
        Entry::one(5, "input_signature", Kind::Message(&STRUCTURED_VALUE)),
        Entry::one(6, "jit_compile", Kind::Enum(FUNCTION_SPEC_JIT_COMPILE)),
    ],
};

static GRADIENT_DEF: Table = Table {
    name: "GradientDef",
    fields: &[
        Entry::one(1, "function_name", Kind::Text),
        Entry::one(2, "gradient_func", Kind::Text),
    ],
};

static GRAPH_DEBUG_INFO: Table = Table {
    name: "GraphDebugInfo",
    fields: &[
        Entry::many(1, "files", Kind::Text),
        Entry::many(2, "traces", Kind::Message(&GRAPH_DEBUG_INFO_TRACES_ENTRY)),
        Entry::many(4, "frames_by_id", Kind::Message(&GRAPH_DEBUG_INFO_FRAMES_BY_ID_ENTRY)),
        Entry::many(5, "name_to_trace_id", Kind::Message(&GRAPH_DEBUG_INFO_NAME_TO_TRACE_ID_ENTRY)),
        Entry::many(6, "traces_by_id", Kind::Message(&GRAPH_DEBUG_INFO_TRACES_BY_ID_ENTRY)),
    ],
};

static GRAPH_DEBUG_INFO_FILE_LINE_COL: Table = Table {
    name: "FileLineCol",
    fields: &[
        Entry::one(1, "file_index", Kind::Int),
        Entry::one(2, "line", Kind::Int),
        Entry::one(3, "col", Kind::Int),
        Entry::one(4, "func", Kind::Text),
        Entry::one(5, "code", Kind::Text),
    ],
};

static GRAPH_DEBUG_INFO_FRAMES_BY_ID_ENTRY: Table = Table {
    name: "FramesByIdEntry",
    fields: &[
        Entry::one(1, "key", Kind::Fixed64),
        Entry::one(2, "value", Kind::Message(&GRAPH_DEBUG_INFO_FILE_LINE_COL)),
    ],
};

static GRAPH_DEBUG_INFO_NAME_TO_TRACE_ID_ENTRY: Table = Table {
    name: "NameToTraceIdEntry",
    fields: &[Entry::one(1, "key", Kind::Text), Entry::one(2, "value", Kind::Fixed64)],
};

static GRAPH_DEBUG_INFO_STACK_TRACE: Table = Table {
    name: "StackTrace",
    fields: &[
        Entry::many(1, "file_line_cols", Kind::Message(&GRAPH_DEBUG_INFO_FILE_LINE_COL)),
        Entry::many(2, "frame_id", Kind::Fixed64),
    ],
};

static GRAPH_DEBUG_INFO_TRACES_BY_ID_ENTRY: Table = Table {
    name: "TracesByIdEntry",
    fields: &[
        Entry::one(1, "key", Kind::Fixed64),
        Entry::one(2, "value", Kind::Message(&GRAPH_DEBUG_INFO_STACK_TRACE)),
    ],
};

static GRAPH_DEBUG_INFO_TRACES_ENTRY: Table = Table {
    name: "TracesEntry",
    fields: &[
        Entry::one(1, "key", Kind::Text),
        Entry::one(2, "value", Kind::Message(&GRAPH_DEBUG_INFO_STACK_TRACE)),
    ],
};

/// `GraphDef`.
pub(crate) static GRAPH_DEF: Table = Table {
    name: "GraphDef",
    fields: &[
        Entry::many(1, "node", Kind::Message(&NODE_DEF)),
        Entry::one(2, "library", Kind::Message(&FUNCTION_DEF_LIBRARY)),
        Entry::one(3, "version", Kind::Int),
        Entry::one(4, "versions", Kind::Message(&VERSION_DEF)),
        Entry::one(5, "debug_info", Kind::Message(&GRAPH_DEBUG_INFO)),
    ],
};

static LIST_VALUE: Table = Table {
    name: "ListValue",
    fields: &[Entry::many(1, "values", Kind::Message(&STRUCTURED_VALUE))],
};

/// `MetaGraphDef`.
pub(crate) static META_GRAPH_DEF: Table = Table {
    name: "MetaGraphDef",
    fields: &[
        Entry::one(1, "meta_info_def", Kind::Message(&META_GRAPH_DEF_META_INFO_DEF)),
        Entry::one(2, "graph_def", Kind::Message(&GRAPH_DEF)),
        Entry::one(3, "saver_def", Kind::Message(&SAVER_DEF)),
        Entry::many(4, "collection_def", Kind::Message(&META_GRAPH_DEF_COLLECTION_DEF_ENTRY)),
        Entry::many(5, "signature_def", Kind::Message(&META_GRAPH_DEF_SIGNATURE_DEF_ENTRY)),
        Entry::many(6, "asset_file_def", Kind::Message(&ASSET_FILE_DEF)),
        Entry::one(7, "object_graph_def", Kind::Message(&SAVED_OBJECT_GRAPH)),
    ],
};

static META_GRAPH_DEF_COLLECTION_DEF_ENTRY: Table = Table {
    name: "CollectionDefEntry",
    fields: &[
        Entry::one(1, "key", Kind::Text),
        Entry::one(2, "value", Kind::Message(&COLLECTION_DEF)),
    ],
};

static META_GRAPH_DEF_META_INFO_DEF: Table = Table {
    name: "MetaInfoDef",
    fields: &[
        Entry::one(1, "meta_graph_version", Kind::Text),
        Entry::one(2, "stripped_op_list", Kind::Message(&OP_LIST)),
        Entry::one(3, "any_info", Kind::Message(&ANY)),
        Entry::many(4, "tags", Kind::Text),
        Entry::one(5, "tensorflow_version", Kind::Text),
        Entry::one(6, "tensorflow_git_version", Kind::Text),
        Entry::one(7, "stripped_default_attrs", Kind::Bool),
        Entry::many(
            8,
            "function_aliases",
            Kind::Message(&META_GRAPH_DEF_META_INFO_DEF_FUNCTION_ALIASES_ENTRY),
        ),
    ],
};

static META_GRAPH_DEF_META_INFO_DEF_FUNCTION_ALIASES_ENTRY: Table = Table {
    name: "FunctionAliasesEntry",
    fields: &[Entry::one(1, "key", Kind::Text), Entry::one(2, "value", Kind::Text)],
};

static META_GRAPH_DEF_SIGNATURE_DEF_ENTRY: Table = Table {
    name: "SignatureDefEntry",
    fields: &[
        Entry::one(1, "key", Kind::Text),
        Entry::one(2, "value", Kind::Message(&SIGNATURE_DEF)),
    ],
};

static NAMED_TUPLE_VALUE: Table = Table {
    name: "NamedTupleValue",
    fields: &[
        Entry::one(1, "name", Kind::Text),
        Entry::many(2, "values", Kind::Message(&PAIR_VALUE)),
    ],
};

static NAME_ATTR_LIST: Table = Table {
    name: "NameAttrList",
    fields: &[
        Entry::one(1, "name", Kind::Text),
        Entry::many(2, "attr", Kind::Message(&NAME_ATTR_LIST_ATTR_ENTRY)),
    ],
};

static NAME_ATTR_LIST_ATTR_ENTRY: Table = Table {
    name: "AttrEntry",
    fields: &[Entry::one(1, "key", Kind::Text), Entry::one(2, "value", Kind::Message(&ATTR_VALUE))],
};

/// `NodeDef`.
pub(crate) static NODE_DEF: Table = Table {
    name: "NodeDef",
    fields: &[
        Entry::one(1, "name", Kind::Text),
        Entry::one(2, "op", Kind::Text),
        Entry::many(3, "input", Kind::Text),
        Entry::one(4, "device", Kind::Text),
        Entry::many(5, "attr", Kind::Message(&NODE_DEF_ATTR_ENTRY)),
        Entry::one(6, "experimental_debug_info", Kind::Message(&NODE_DEF_EXPERIMENTAL_DEBUG_INFO)),
        Entry::one(7, "experimental_type", Kind::Message(&FULL_TYPE_DEF)),
    ],
};

static NODE_DEF_ATTR_ENTRY: Table = Table {
    name: "AttrEntry",
    fields: &[Entry::one(1, "key", Kind::Text), Entry::one(2, "value", Kind::Message(&ATTR_VALUE))],
};

static NODE_DEF_EXPERIMENTAL_DEBUG_INFO: Table = Table {
    name: "ExperimentalDebugInfo",
    fields: &[
        Entry::many(1, "original_node_names", Kind::Text),
        Entry::many(2, "original_func_names", Kind::Text),
    ],
};

static NONE_VALUE: Table = Table { name: "NoneValue", fields: &[] };

static OP_DEF: Table = Table {
    name: "OpDef",
    fields: &[
        Entry::one(1, "name", Kind::Text),
        Entry::many(2, "input_arg", Kind::Message(&OP_DEF_ARG_DEF)),
        Entry::many(3, "output_arg", Kind::Message(&OP_DEF_ARG_DEF)),
        Entry::many(4, "attr", Kind::Message(&OP_DEF_ATTR_DEF)),
        Entry::one(5, "summary", Kind::Text),
        Entry::one(6, "description", Kind::Text),
        Entry::one(8, "deprecation", Kind::Message(&OP_DEPRECATION)),
        Entry::one(16, "is_aggregate", Kind::Bool),
        Entry::one(17, "is_stateful", Kind::Bool),
        Entry::one(18, "is_commutative", Kind::Bool),
        Entry::one(19, "allows_uninitialized_input", Kind::Bool),
        Entry::many(20, "control_output", Kind::Text),
        Entry::one(21, "is_distributed_communication", Kind::Bool),
    ],
};

static OP_DEF_ARG_DEF: Table = Table {
    name: "ArgDef",
    fields: &[
        Entry::one(1, "name", Kind::Text),
        Entry::one(2, "description", Kind::Text),
        Entry::one(3, "type", Kind::Enum(DATA_TYPE)),
        Entry::one(4, "type_attr", Kind::Text),
        Entry::one(5, "number_attr", Kind::Text),
        Entry::one(6, "type_list_attr", Kind::Text),
        Entry::many(7, "handle_data", Kind::Message(&RESOURCE_HANDLE_PROTO_DTYPE_AND_SHAPE)),
        Entry::one(16, "is_ref", Kind::Bool),
        Entry::one(17, "experimental_full_type", Kind::Message(&FULL_TYPE_DEF)),
    ],
};

static OP_DEF_ATTR_DEF: Table = Table {
    name: "AttrDef",
    fields: &[
        Entry::one(1, "name", Kind::Text),
        Entry::one(2, "type", Kind::Text),
        Entry::one(3, "default_value", Kind::Message(&ATTR_VALUE)),
        Entry::one(4, "description", Kind::Text),
        Entry::one(5, "has_minimum", Kind::Bool),
        Entry::one(6, "minimum", Kind::Int),
        Entry::one(7, "allowed_values", Kind::Message(&ATTR_VALUE)),
    ],
};

static OP_DEPRECATION: Table = Table {
    name: "OpDeprecation",
    fields: &[Entry::one(1, "version", Kind::Int), Entry::one(2, "explanation", Kind::Text)],
};

static OP_LIST: Table =
    Table { name: "OpList", fields: &[Entry::many(1, "op", Kind::Message(&OP_DEF))] };

static PAIR_VALUE: Table = Table {
    name: "PairValue",
    fields: &[
        Entry::one(1, "key", Kind::Text),
        Entry::one(2, "value", Kind::Message(&STRUCTURED_VALUE)),
    ],
};

static REGISTERED_GRADIENT: Table = Table {
    name: "RegisteredGradient",
    fields: &[
        Entry::one(1, "gradient_func", Kind::Text),
        Entry::one(2, "registered_op_type", Kind::Text),
    ],
};

static RESOURCE_HANDLE_PROTO: Table = Table {
    name: "ResourceHandleProto",
    fields: &[
        Entry::one(1, "device", Kind::Text),
        Entry::one(2, "container", Kind::Text),
        Entry::one(3, "name", Kind::Text),
        Entry::one(4, "hash_code", Kind::Uint),
        Entry::one(5, "maybe_type_name", Kind::Text),
        Entry::many(6, "dtypes_and_shapes", Kind::Message(&RESOURCE_HANDLE_PROTO_DTYPE_AND_SHAPE)),
    ],
};

static RESOURCE_HANDLE_PROTO_DTYPE_AND_SHAPE: Table = Table {
    name: "DtypeAndShape",
    fields: &[
        Entry::one(1, "dtype", Kind::Enum(DATA_TYPE)),
        Entry::one(2, "shape", Kind::Message(&TENSOR_SHAPE_PROTO)),
    ],
};

static SAVEABLE_OBJECT: Table = Table {
    name: "SaveableObject",
    fields: &[
        Entry::one(2, "save_function", Kind::Int),
        Entry::one(3, "restore_function", Kind::Int),
    ],
};

static SAVED_ASSET: Table =
    Table { name: "SavedAsset", fields: &[Entry::one(1, "asset_file_def_index", Kind::Int)] };

static SAVED_BARE_CONCRETE_FUNCTION: Table = Table {
    name: "SavedBareConcreteFunction",
    fields: &[
        Entry::one(1, "concrete_function_name", Kind::Text),
        Entry::many(2, "argument_keywords", Kind::Text),
        Entry::one(3, "allowed_positional_arguments", Kind::Int),
        Entry::one(4, "function_spec", Kind::Message(&FUNCTION_SPEC)),
    ],
};

static SAVED_CONCRETE_FUNCTION: Table = Table {
    name: "SavedConcreteFunction",
    fields: &[
        Entry::many(2, "bound_inputs", Kind::Int),
        Entry::one(3, "canonicalized_input_signature", Kind::Message(&STRUCTURED_VALUE)),
        Entry::one(4, "output_signature", Kind::Message(&STRUCTURED_VALUE)),
    ],
};

static SAVED_CONSTANT: Table =
    Table { name: "SavedConstant", fields: &[Entry::one(1, "operation", Kind::Text)] };

static SAVED_FUNCTION: Table = Table {
    name: "SavedFunction",
    fields: &[
        Entry::many(1, "concrete_functions", Kind::Text),
        Entry::one(2, "function_spec", Kind::Message(&FUNCTION_SPEC)),
    ],
};

/// `SavedModel`.
pub(crate) static SAVED_MODEL: Table = Table {
    name: "SavedModel",
    fields: &[
        Entry::one(1, "saved_model_schema_version", Kind::Int),
        Entry::many(2, "meta_graphs", Kind::Message(&META_GRAPH_DEF)),
    ],
};

static SAVED_OBJECT: Table = Table {
    name: "SavedObject",
    fields: &[
        Entry::many(
            1,
            "children",
            Kind::Message(&TRACKABLE_OBJECT_GRAPH_TRACKABLE_OBJECT_OBJECT_REFERENCE),
        ),
        Entry::many(
            3,
            "slot_variables",
            Kind::Message(&TRACKABLE_OBJECT_GRAPH_TRACKABLE_OBJECT_SLOT_VARIABLE_REFERENCE),
        ),
        Entry::one(4, "user_object", Kind::Message(&SAVED_USER_OBJECT)),
        Entry::one(5, "asset", Kind::Message(&SAVED_ASSET)),
        Entry::one(6, "function", Kind::Message(&SAVED_FUNCTION)),
        Entry::one(7, "variable", Kind::Message(&SAVED_VARIABLE)),
        Entry::one(8, "bare_concrete_function", Kind::Message(&SAVED_BARE_CONCRETE_FUNCTION)),
        Entry::one(9, "constant", Kind::Message(&SAVED_CONSTANT)),
        Entry::one(10, "resource", Kind::Message(&SAVED_RESOURCE)),
        Entry::many(11, "saveable_objects", Kind::Message(&SAVED_OBJECT_SAVEABLE_OBJECTS_ENTRY)),
        Entry::one(12, "captured_tensor", Kind::Message(&CAPTURED_TENSOR)),
        Entry::one(13, "registered_name", Kind::Text),
        Entry::one(14, "serialized_user_proto", Kind::Message(&ANY)),
        Entry::many(
            15,
            "dependencies",
            Kind::Message(&TRACKABLE_OBJECT_GRAPH_TRACKABLE_OBJECT_OBJECT_REFERENCE),
        ),
        Entry::one(16, "registered_saver", Kind::Text),
    ],
};

static SAVED_OBJECT_GRAPH: Table = Table {
    name: "SavedObjectGraph",
    fields: &[
        Entry::many(1, "nodes", Kind::Message(&SAVED_OBJECT)),
        Entry::many(
            2,
            "concrete_functions",
            Kind::Message(&SAVED_OBJECT_GRAPH_CONCRETE_FUNCTIONS_ENTRY),
        ),
    ],
};

static SAVED_OBJECT_GRAPH_CONCRETE_FUNCTIONS_ENTRY: Table = Table {
    name: "ConcreteFunctionsEntry",
    fields: &[
        Entry::one(1, "key", Kind::Text),
        Entry::one(2, "value", Kind::Message(&SAVED_CONCRETE_FUNCTION)),
    ],
};

static SAVED_OBJECT_SAVEABLE_OBJECTS_ENTRY: Table = Table {
    name: "SaveableObjectsEntry",
    fields: &[
        Entry::one(1, "key", Kind::Text),
        Entry::one(2, "value", Kind::Message(&SAVEABLE_OBJECT)),
    ],
};

static SAVED_RESOURCE: Table =
    Table { name: "SavedResource", fields: &[Entry::one(1, "device", Kind::Text)] };

static SAVED_SLICE: Table = Table {
    name: "SavedSlice",
    fields: &[
        Entry::one(1, "name", Kind::Text),
        Entry::one(2, "slice", Kind::Message(&TENSOR_SLICE_PROTO)),
        Entry::one(3, "data", Kind::Message(&TENSOR_PROTO)),
    ],
};

static SAVED_SLICE_META: Table = Table {
    name: "SavedSliceMeta",
    fields: &[
        Entry::one(1, "name", Kind::Text),
        Entry::one(2, "shape", Kind::Message(&TENSOR_SHAPE_PROTO)),
        Entry::one(3, "type", Kind::Enum(DATA_TYPE)),
        Entry::many(4, "slice", Kind::Message(&TENSOR_SLICE_PROTO)),
    ],
};

/// `SavedTensorSlices`.
pub(crate) static SAVED_TENSOR_SLICES: Table = Table {
    name: "SavedTensorSlices",
    fields: &[
        Entry::one(1, "meta", Kind::Message(&SAVED_TENSOR_SLICE_META)),
        Entry::one(2, "data", Kind::Message(&SAVED_SLICE)),
    ],
};

static SAVED_TENSOR_SLICE_META: Table = Table {
    name: "SavedTensorSliceMeta",
    fields: &[
        Entry::many(1, "tensor", Kind::Message(&SAVED_SLICE_META)),
        Entry::one(2, "versions", Kind::Message(&VERSION_DEF)),
    ],
};

static SAVED_USER_OBJECT: Table = Table {
    name: "SavedUserObject",
    fields: &[
        Entry::one(1, "identifier", Kind::Text),
        Entry::one(2, "version", Kind::Message(&VERSION_DEF)),
        Entry::one(3, "metadata", Kind::Text),
    ],
};

static SAVED_VARIABLE: Table = Table {
    name: "SavedVariable",
    fields: &[
        Entry::one(1, "dtype", Kind::Enum(DATA_TYPE)),
        Entry::one(2, "shape", Kind::Message(&TENSOR_SHAPE_PROTO)),
        Entry::one(3, "trainable", Kind::Bool),
        Entry::one(4, "synchronization", Kind::Enum(VARIABLE_SYNCHRONIZATION)),
        Entry::one(5, "aggregation", Kind::Enum(VARIABLE_AGGREGATION)),
        Entry::one(6, "name", Kind::Text),
        Entry::one(7, "device", Kind::Text),
        Entry::many(
            8,
            "experimental_distributed_variable_components",
            Kind::Message(&SAVED_VARIABLE),
        ),
    ],
};

static SAVER_DEF: Table = Table {
    name: "SaverDef",
    fields: &[
        Entry::one(1, "filename_tensor_name", Kind::Text),
        Entry::one(2, "save_tensor_name", Kind::Text),
        Entry::one(3, "restore_op_name", Kind::Text),
        Entry::one(4, "max_to_keep", Kind::Int),
        Entry::one(5, "sharded", Kind::Bool),
        Entry::one(6, "keep_checkpoint_every_n_hours", Kind::Float),
        Entry::one(7, "version", Kind::Enum(SAVER_DEF_CHECKPOINT_FORMAT_VERSION)),
    ],
};

static SIGNATURE_DEF: Table = Table {
    name: "SignatureDef",
    fields: &[
        Entry::many(1, "inputs", Kind::Message(&SIGNATURE_DEF_INPUTS_ENTRY)),
        Entry::many(2, "outputs", Kind::Message(&SIGNATURE_DEF_OUTPUTS_ENTRY)),
        Entry::one(3, "method_name", Kind::Text),
        Entry::many(4, "defaults", Kind::Message(&SIGNATURE_DEF_DEFAULTS_ENTRY)),
    ],
};

static SIGNATURE_DEF_DEFAULTS_ENTRY: Table = Table {
    name: "DefaultsEntry",
    fields: &[
        Entry::one(1, "key", Kind::Text),
        Entry::one(2, "value", Kind::Message(&TENSOR_PROTO)),
    ],
};

static SIGNATURE_DEF_INPUTS_ENTRY: Table = Table {
    name: "InputsEntry",
    fields: &[
        Entry::one(1, "key", Kind::Text),
        Entry::one(2, "value", Kind::Message(&TENSOR_INFO)),
    ],
};

static SIGNATURE_DEF_OUTPUTS_ENTRY: Table = Table {
    name: "OutputsEntry",
    fields: &[
        Entry::one(1, "key", Kind::Text),
        Entry::one(2, "value", Kind::Message(&TENSOR_INFO)),
    ],
};

static STRUCTURED_VALUE: Table = Table {
    name: "StructuredValue",
    fields: &[
        Entry::one(1, "none_value", Kind::Message(&NONE_VALUE)),
        Entry::one(11, "float64_value", Kind::Double),
        Entry::one(12, "int64_value", Kind::Sint),
        Entry::one(13, "string_value", Kind::Text),
        Entry::one(14, "bool_value", Kind::Bool),
        Entry::one(31, "tensor_shape_value", Kind::Message(&TENSOR_SHAPE_PROTO)),
        Entry::one(32, "tensor_dtype_value", Kind::Enum(DATA_TYPE)),
        Entry::one(33, "tensor_spec_value", Kind::Message(&TENSOR_SPEC_PROTO)),
        Entry::one(34, "type_spec_value", Kind::Message(&TYPE_SPEC_PROTO)),
        Entry::one(35, "bounded_tensor_spec_value", Kind::Message(&BOUNDED_TENSOR_SPEC_PROTO)),
        Entry::one(51, "list_value", Kind::Message(&LIST_VALUE)),
        Entry::one(52, "tuple_value", Kind::Message(&TUPLE_VALUE)),
        Entry::one(53, "dict_value", Kind::Message(&DICT_VALUE)),
        Entry::one(54, "named_tuple_value", Kind::Message(&NAMED_TUPLE_VALUE)),
        Entry::one(55, "tensor_value", Kind::Message(&TENSOR_PROTO)),
        Entry::one(56, "numpy_value", Kind::Message(&TENSOR_PROTO)),
    ],
};

pub(crate) static TENSOR_INFO: Table = Table {
    name: "TensorInfo",
    fields: &[
        Entry::one(1, "name", Kind::Text),
        Entry::one(2, "dtype", Kind::Enum(DATA_TYPE)),
        Entry::one(3, "tensor_shape", Kind::Message(&TENSOR_SHAPE_PROTO)),
        Entry::one(4, "coo_sparse", Kind::Message(&TENSOR_INFO_COO_SPARSE)),
        Entry::one(5, "composite_tensor", Kind::Message(&TENSOR_INFO_COMPOSITE_TENSOR)),
    ],
};

static TENSOR_INFO_COMPOSITE_TENSOR: Table = Table {
    name: "CompositeTensor",
    fields: &[
        Entry::one(1, "type_spec", Kind::Message(&TYPE_SPEC_PROTO)),
        Entry::many(2, "components", Kind::Message(&TENSOR_INFO)),
    ],
};

static TENSOR_INFO_COO_SPARSE: Table = Table {
    name: "CooSparse",
    fields: &[
        Entry::one(1, "values_tensor_name", Kind::Text),
        Entry::one(2, "indices_tensor_name", Kind::Text),
        Entry::one(3, "dense_shape_tensor_name", Kind::Text),
    ],
};

/// `TensorProto`.
pub(crate) static TENSOR_PROTO: Table = Table {
    name: "TensorProto",
    fields: &[
        Entry::one(1, "dtype", Kind::Enum(DATA_TYPE)),
        Entry::one(2, "tensor_shape", Kind::Message(&TENSOR_SHAPE_PROTO)),
        Entry::one(3, "version_number", Kind::Int),
        Entry::one(4, "tensor_content", Kind::Bytes),
        Entry::many(5, "float_val", Kind::Float),
        Entry::many(6, "double_val", Kind::Double),
        Entry::many(7, "int_val", Kind::Int),
        Entry::many(8, "string_val", Kind::Bytes),
        Entry::many(9, "scomplex_val", Kind::Float),
        Entry::many(10, "int64_val", Kind::Int),
        Entry::many(11, "bool_val", Kind::Bool),
        Entry::many(12, "dcomplex_val", Kind::Double),
        Entry::many(13, "half_val", Kind::Int),
        Entry::many(14, "resource_handle_val", Kind::Message(&RESOURCE_HANDLE_PROTO)),
        Entry::many(15, "variant_val", Kind::Message(&VARIANT_TENSOR_DATA_PROTO)),
        Entry::many(16, "uint32_val", Kind::Uint),
        Entry::many(17, "uint64_val", Kind::Uint),
        Entry::one(18, "float8_val", Kind::Bytes),
    ],
};

/// `TensorShapeProto`.
pub(crate) static TENSOR_SHAPE_PROTO: Table = Table {
    name: "TensorShapeProto",
    fields: &[
        Entry::many(2, "dim", Kind::Message(&TENSOR_SHAPE_PROTO_DIM)),
        Entry::one(3, "unknown_rank", Kind::Bool),
    ],
};

static TENSOR_SHAPE_PROTO_DIM: Table = Table {
    name: "Dim",
    fields: &[Entry::one(1, "size", Kind::Int), Entry::one(2, "name", Kind::Text)],
};

static TENSOR_SLICE_PROTO: Table = Table {
    name: "TensorSliceProto",
    fields: &[Entry::many(1, "extent", Kind::Message(&TENSOR_SLICE_PROTO_EXTENT))],
};

static TENSOR_SLICE_PROTO_EXTENT: Table = Table {
    name: "Extent",
    fields: &[Entry::one(1, "start", Kind::Int), Entry::one(2, "length", Kind::Int)],
};

static TENSOR_SPEC_PROTO: Table = Table {
    name: "TensorSpecProto",
    fields: &[
        Entry::one(1, "name", Kind::Text),
        Entry::one(2, "shape", Kind::Message(&TENSOR_SHAPE_PROTO)),
        Entry::one(3, "dtype", Kind::Enum(DATA_TYPE)),
    ],
};

static TRACKABLE_OBJECT_GRAPH_TRACKABLE_OBJECT_OBJECT_REFERENCE: Table = Table {
    name: "ObjectReference",
    fields: &[Entry::one(1, "node_id", Kind::Int), Entry::one(2, "local_name", Kind::Text)],
};

static TRACKABLE_OBJECT_GRAPH_TRACKABLE_OBJECT_SLOT_VARIABLE_REFERENCE: Table = Table {
    name: "SlotVariableReference",
    fields: &[
        Entry::one(1, "original_variable_node_id", Kind::Int),
        Entry::one(2, "slot_name", Kind::Text),
        Entry::one(3, "slot_variable_node_id", Kind::Int),
    ],
};

static TUPLE_VALUE: Table = Table {
    name: "TupleValue",
    fields: &[Entry::many(1, "values", Kind::Message(&STRUCTURED_VALUE))],
};

static TYPE_SPEC_PROTO: Table = Table {
    name: "TypeSpecProto",
    fields: &[
        Entry::one(1, "type_spec_class", Kind::Enum(TYPE_SPEC_PROTO_TYPE_SPEC_CLASS)),
        Entry::one(2, "type_state", Kind::Message(&STRUCTURED_VALUE)),
        Entry::one(3, "type_spec_class_name", Kind::Text),
        Entry::one(4, "num_flat_components", Kind::Int),
    ],
};

static VARIANT_TENSOR_DATA_PROTO: Table = Table {
    name: "VariantTensorDataProto",
    fields: &[
        Entry::one(1, "type_name", Kind::Text),
        Entry::one(2, "metadata", Kind::Bytes),
        Entry::many(3, "tensors", Kind::Message(&TENSOR_PROTO)),
    ],
};

static VERSION_DEF: Table = Table {
    name: "VersionDef",
    fields: &[
        Entry::one(1, "producer", Kind::Int),
        Entry::one(2, "min_consumer", Kind::Int),
        Entry::many(3, "bad_consumers", Kind::Int),
    ],
};
