//! The messages of ONNX with their fields, as `onnx-ml.proto`, `onnx-data.proto` and
//! `onnx-operators-ml.proto` of ONNX 1.23 define them.

use crate::protobuf::Kind::{Bytes, Double, Enum, Float, Int, Message, Text, Uint};
use crate::protobuf::{Entry, Kind, Table};

const fn one(number: u32, name: &'static str, kind: Kind) -> Entry {
    Entry::one(number, name, kind)
}

const fn many(number: u32, name: &'static str, kind: Kind) -> Entry {
    Entry::many(number, name, kind)
}

/// `ModelProto`.
pub static MODEL: Table = Table {
    name: "ModelProto",
    fields: &[
        one(1, "ir_version", Int),
        one(2, "producer_name", Text),
        one(3, "producer_version", Text),
        one(4, "domain", Text),
        one(5, "model_version", Int),
        one(6, "doc_string", Text),
        one(7, "graph", Message(&GRAPH)),
        many(8, "opset_import", Message(&OPERATOR_SET_ID)),
        many(14, "metadata_props", Message(&STRING_STRING_ENTRY)),
        many(20, "training_info", Message(&TRAINING_INFO)),
        many(25, "functions", Message(&FUNCTION)),
        many(26, "configuration", Message(&DEVICE_CONFIGURATION)),
    ],
};

/// `OperatorSetIdProto`.
pub static OPERATOR_SET_ID: Table =
    Table { name: "OperatorSetIdProto", fields: &[one(1, "domain", Text), one(2, "version", Int)] };

/// `GraphProto`.
pub static GRAPH: Table = Table {
    name: "GraphProto",
    fields: &[
        many(1, "node", Message(&NODE)),
        one(2, "name", Text),
        many(5, "initializer", Message(&TENSOR)),
        one(10, "doc_string", Text),
        many(11, "input", Message(&VALUE_INFO)),
        many(12, "output", Message(&VALUE_INFO)),
        many(13, "value_info", Message(&VALUE_INFO)),
        many(14, "quantization_annotation", Message(&TENSOR_ANNOTATION)),
        many(15, "sparse_initializer", Message(&SPARSE_TENSOR)),
        many(16, "metadata_props", Message(&STRING_STRING_ENTRY)),
    ],
};

/// `StringStringEntryProto`.
pub static STRING_STRING_ENTRY: Table =
    Table { name: "StringStringEntryProto", fields: &[one(1, "key", Text), one(2, "value", Text)] };

/// `TrainingInfoProto`.
pub static TRAINING_INFO: Table = Table {
    name: "TrainingInfoProto",
    fields: &[
        one(1, "initialization", Message(&GRAPH)),
        one(2, "algorithm", Message(&GRAPH)),
        many(3, "initialization_binding", Message(&STRING_STRING_ENTRY)),
        many(4, "update_binding", Message(&STRING_STRING_ENTRY)),
    ],
};

/// `FunctionProto`.
pub static FUNCTION: Table = Table {
    name: "FunctionProto",
    fields: &[
        one(1, "name", Text),
        many(4, "input", Text),
        many(5, "output", Text),
        many(6, "attribute", Text),
        many(7, "node", Message(&NODE)),
        one(8, "doc_string", Text),
        many(9, "opset_import", Message(&OPERATOR_SET_ID)),
        one(10, "domain", Text),
        many(11, "attribute_proto", Message(&ATTRIBUTE)),
        many(12, "value_info", Message(&VALUE_INFO)),
        one(13, "overload", Text),
        many(14, "metadata_props", Message(&STRING_STRING_ENTRY)),
    ],
};

/// `DeviceConfigurationProto`.
pub static DEVICE_CONFIGURATION: Table = Table {
    name: "DeviceConfigurationProto",
    fields: &[one(1, "name", Text), one(2, "num_devices", Int), many(3, "device", Text)],
};

/// `NodeProto`.
pub static NODE: Table = Table {
    name: "NodeProto",
    fields: &[
        many(1, "input", Text),
        many(2, "output", Text),
        one(3, "name", Text),
        one(4, "op_type", Text),
        many(5, "attribute", Message(&ATTRIBUTE)),
        one(6, "doc_string", Text),
        one(7, "domain", Text),
        one(8, "overload", Text),
        many(9, "metadata_props", Message(&STRING_STRING_ENTRY)),
        many(10, "device_configurations", Message(&NODE_DEVICE_CONFIGURATION)),
    ],
};

/// `TensorProto`.
pub static TENSOR: Table = Table {
    name: "TensorProto",
    fields: &[
        many(1, "dims", Int),
        one(2, "data_type", Int),
        one(3, "segment", Message(&TENSOR_SEGMENT)),
        many(4, "float_data", Float),
        many(5, "int32_data", Int),
        many(6, "string_data", Bytes),
        many(7, "int64_data", Int),
        one(8, "name", Text),
        one(9, "raw_data", Bytes),
        many(10, "double_data", Double),
        many(11, "uint64_data", Uint),
        one(12, "doc_string", Text),
        many(13, "external_data", Message(&STRING_STRING_ENTRY)),
        one(14, "data_location", Enum(TENSOR_DATA_LOCATION)),
        many(16, "metadata_props", Message(&STRING_STRING_ENTRY)),
    ],
};

/// `SparseTensorProto`.
pub static SPARSE_TENSOR: Table = Table {
    name: "SparseTensorProto",
    fields: &[
        one(1, "values", Message(&TENSOR)),
        one(2, "indices", Message(&TENSOR)),
        many(3, "dims", Int),
    ],
};

/// `ValueInfoProto`.
pub static VALUE_INFO: Table = Table {
    name: "ValueInfoProto",
    fields: &[
        one(1, "name", Text),
        one(2, "type", Message(&TYPE)),
        one(3, "doc_string", Text),
        many(4, "metadata_props", Message(&STRING_STRING_ENTRY)),
    ],
};

/// `TensorAnnotation`.
pub static TENSOR_ANNOTATION: Table = Table {
    name: "TensorAnnotation",
    fields: &[
        one(1, "tensor_name", Text),
        many(2, "quant_parameter_tensor_names", Message(&STRING_STRING_ENTRY)),
    ],
};

/// `AttributeProto`.
pub static ATTRIBUTE: Table = Table {
    name: "AttributeProto",
    fields: &[
        one(1, "name", Text),
        one(2, "f", Float),
        one(3, "i", Int),
        one(4, "s", Bytes),
        one(5, "t", Message(&TENSOR)),
        one(6, "g", Message(&GRAPH)),
        many(7, "floats", Float),
        many(8, "ints", Int),
        many(9, "strings", Bytes),
        many(10, "tensors", Message(&TENSOR)),
        many(11, "graphs", Message(&GRAPH)),
        one(13, "doc_string", Text),
        one(14, "tp", Message(&TYPE)),
        many(15, "type_protos", Message(&TYPE)),
        one(20, "type", Enum(ATTRIBUTE_ATTRIBUTE_TYPE)),
        one(21, "ref_attr_name", Text),
        one(22, "sparse_tensor", Message(&SPARSE_TENSOR)),
        many(23, "sparse_tensors", Message(&SPARSE_TENSOR)),
    ],
};

/// `NodeDeviceConfigurationProto`.
pub static NODE_DEVICE_CONFIGURATION: Table = Table {
    name: "NodeDeviceConfigurationProto",
    fields: &[
        one(1, "configuration_id", Text),
        many(2, "sharding_spec", Message(&SHARDING_SPEC)),
        one(3, "pipeline_stage", Int),
    ],
};

/// `TensorProto.Segment`.
pub static TENSOR_SEGMENT: Table =
    Table { name: "TensorProto.Segment", fields: &[one(1, "begin", Int), one(2, "end", Int)] };

/// `TypeProto`.
pub static TYPE: Table = Table {
    name: "TypeProto",
    fields: &[
        one(1, "tensor_type", Message(&TYPE_TENSOR)),
        one(4, "sequence_type", Message(&TYPE_SEQUENCE)),
        one(5, "map_type", Message(&TYPE_MAP)),
        one(6, "denotation", Text),
        one(7, "opaque_type", Message(&TYPE_OPAQUE)),
        one(8, "sparse_tensor_type", Message(&TYPE_SPARSE_TENSOR)),
        one(9, "optional_type", Message(&TYPE_OPTIONAL)),
    ],
};

/// `ShardingSpecProto`.
pub static SHARDING_SPEC: Table = Table {
    name: "ShardingSpecProto",
    fields: &[
        one(1, "tensor_name", Text),
        many(2, "device", Int),
        many(3, "index_to_device_group_map", Message(&INT_INT_LIST_ENTRY)),
        many(4, "sharded_dim", Message(&SHARDED_DIM)),
    ],
};

/// `TypeProto.Tensor`.
pub static TYPE_TENSOR: Table = Table {
    name: "TypeProto.Tensor",
    fields: &[one(1, "elem_type", Int), one(2, "shape", Message(&TENSOR_SHAPE))],
};

/// `TypeProto.Sequence`.
pub static TYPE_SEQUENCE: Table =
    Table { name: "TypeProto.Sequence", fields: &[one(1, "elem_type", Message(&TYPE))] };

/// `TypeProto.Map`.
pub static TYPE_MAP: Table = Table {
    name: "TypeProto.Map",
    fields: &[one(1, "key_type", Int), one(2, "value_type", Message(&TYPE))],
};

/// `TypeProto.Optional`.
pub static TYPE_OPTIONAL: Table =
    Table { name: "TypeProto.Optional", fields: &[one(1, "elem_type", Message(&TYPE))] };

/// `TypeProto.SparseTensor`.
pub static TYPE_SPARSE_TENSOR: Table = Table {
    name: "TypeProto.SparseTensor",
    fields: &[one(1, "elem_type", Int), one(2, "shape", Message(&TENSOR_SHAPE))],
};

/// `TypeProto.Opaque`.
pub static TYPE_OPAQUE: Table =
    Table { name: "TypeProto.Opaque", fields: &[one(1, "domain", Text), one(2, "name", Text)] };

/// `IntIntListEntryProto`.
pub static INT_INT_LIST_ENTRY: Table =
    Table { name: "IntIntListEntryProto", fields: &[one(1, "key", Int), many(2, "value", Int)] };

/// `ShardedDimProto`.
pub static SHARDED_DIM: Table = Table {
    name: "ShardedDimProto",
    fields: &[one(1, "axis", Int), many(2, "simple_sharding", Message(&SIMPLE_SHARDED_DIM))],
};

/// `TensorShapeProto`.
pub static TENSOR_SHAPE: Table =
    Table { name: "TensorShapeProto", fields: &[many(1, "dim", Message(&TENSOR_SHAPE_DIMENSION))] };

/// `SimpleShardedDimProto`.
pub static SIMPLE_SHARDED_DIM: Table = Table {
    name: "SimpleShardedDimProto",
    fields: &[one(1, "dim_value", Int), one(2, "dim_param", Text), one(3, "num_shards", Int)],
};

/// `TensorShapeProto.Dimension`.
pub static TENSOR_SHAPE_DIMENSION: Table = Table {
    name: "TensorShapeProto.Dimension",
    fields: &[one(1, "dim_value", Int), one(2, "dim_param", Text), one(3, "denotation", Text)],
};

/// `SequenceProto`.
pub static SEQUENCE: Table = Table {
    name: "SequenceProto",
    fields: &[
        one(1, "name", Text),
        one(2, "elem_type", Int),
        many(3, "tensor_values", Message(&TENSOR)),
        many(4, "sparse_tensor_values", Message(&SPARSE_TENSOR)),
        many(5, "sequence_values", Message(&SEQUENCE)),
        many(6, "map_values", Message(&MAP)),
        many(7, "optional_values", Message(&OPTIONAL)),
    ],
};

/// `MapProto`.
pub static MAP: Table = Table {
    name: "MapProto",
    fields: &[
        one(1, "name", Text),
        one(2, "key_type", Int),
        many(3, "keys", Int),
        many(4, "string_keys", Bytes),
        one(5, "values", Message(&SEQUENCE)),
    ],
};

/// `OptionalProto`.
pub static OPTIONAL: Table = Table {
    name: "OptionalProto",
    fields: &[
        one(1, "name", Text),
        one(2, "elem_type", Int),
        one(3, "tensor_value", Message(&TENSOR)),
        one(4, "sparse_tensor_value", Message(&SPARSE_TENSOR)),
        one(5, "sequence_value", Message(&SEQUENCE)),
        one(6, "map_value", Message(&MAP)),
        one(7, "optional_value", Message(&OPTIONAL)),
    ],
};

/// `TensorProto.DataLocation`.
pub const TENSOR_DATA_LOCATION: &[(&str, i32)] = &[("DEFAULT", 0), ("EXTERNAL", 1)];

/// `AttributeProto.AttributeType`.
pub const ATTRIBUTE_ATTRIBUTE_TYPE: &[(&str, i32)] = &[
    ("UNDEFINED", 0),
    ("FLOAT", 1),
    ("INT", 2),
    ("STRING", 3),
    ("TENSOR", 4),
    ("GRAPH", 5),
    ("SPARSE_TENSOR", 11),
    ("TYPE_PROTO", 13),
    ("FLOATS", 6),
    ("INTS", 7),
    ("STRINGS", 8),
    ("TENSORS", 9),
    ("GRAPHS", 10),
    ("SPARSE_TENSORS", 12),
    ("TYPE_PROTOS", 14),
];
