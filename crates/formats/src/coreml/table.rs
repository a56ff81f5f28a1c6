//! The messages of Core ML that matter (`mlmodel/format/*.proto` of coremltools 8.3). What holds only
//! numbers is bytes here, and is passed over.

use crate::protobuf::{Entry, Kind, Table};

pub(super) static MODEL: Table = Table {
    name: "Model",
    fields: &[
        Entry::one(1, "specificationVersion", Kind::Int),
        Entry::one(2, "description", Kind::Message(&DESCRIPTION)),
        Entry::one(10, "isUpdatable", Kind::Bool),
        Entry::one(200, "pipelineClassifier", Kind::Message(&WRAPPED)),
        Entry::one(201, "pipelineRegressor", Kind::Message(&WRAPPED)),
        Entry::one(202, "pipeline", Kind::Message(&PIPELINE)),
        Entry::one(300, "glmRegressor", Kind::Bytes),
        Entry::one(301, "supportVectorRegressor", Kind::Bytes),
        Entry::one(302, "treeEnsembleRegressor", Kind::Bytes),
        Entry::one(303, "neuralNetworkRegressor", Kind::Message(&NETWORK)),
        Entry::one(304, "bayesianProbitRegressor", Kind::Bytes),
        Entry::one(400, "glmClassifier", Kind::Bytes),
        Entry::one(401, "supportVectorClassifier", Kind::Bytes),
        Entry::one(402, "treeEnsembleClassifier", Kind::Bytes),
        Entry::one(403, "neuralNetworkClassifier", Kind::Message(&NETWORK)),
        Entry::one(404, "kNearestNeighborsClassifier", Kind::Bytes),
        Entry::one(500, "neuralNetwork", Kind::Message(&NETWORK)),
        Entry::one(501, "itemSimilarityRecommender", Kind::Bytes),
        Entry::one(502, "mlProgram", Kind::Message(&PROGRAM)),
        Entry::one(555, "customModel", Kind::Message(&CUSTOM)),
        Entry::one(556, "linkedModel", Kind::Message(&LINKED)),
        Entry::one(560, "classConfidenceThresholding", Kind::Bytes),
        Entry::one(600, "oneHotEncoder", Kind::Bytes),
        Entry::one(601, "imputer", Kind::Bytes),
        Entry::one(602, "featureVectorizer", Kind::Bytes),
        Entry::one(603, "dictVectorizer", Kind::Bytes),
        Entry::one(604, "scaler", Kind::Bytes),
        Entry::one(606, "categoricalMapping", Kind::Bytes),
        Entry::one(607, "normalizer", Kind::Bytes),
        Entry::one(609, "arrayFeatureExtractor", Kind::Bytes),
        Entry::one(610, "nonMaximumSuppression", Kind::Bytes),
        Entry::one(900, "identity", Kind::Bytes),
        Entry::one(2000, "textClassifier", Kind::Bytes),
        Entry::one(2001, "wordTagger", Kind::Bytes),
        Entry::one(2002, "visionFeaturePrint", Kind::Bytes),
        Entry::one(2003, "soundAnalysisPreprocessing", Kind::Bytes),
        Entry::one(2004, "gazetteer", Kind::Bytes),
        Entry::one(2005, "wordEmbedding", Kind::Bytes),
        Entry::one(2006, "audioFeaturePrint", Kind::Bytes),
        Entry::one(3000, "serializedModel", Kind::Message(&SERIALIZED)),
    ],
};

static SERIALIZED: Table = Table {
    name: "SerializedModel",
    fields: &[Entry::one(1, "identifier", Kind::Text), Entry::one(2, "model", Kind::Bytes)],
};

static DESCRIPTION: Table = Table {
    name: "ModelDescription",
    fields: &[
        Entry::many(1, "input", Kind::Message(&FEATURE)),
        Entry::many(10, "output", Kind::Message(&FEATURE)),
        Entry::one(11, "predictedFeatureName", Kind::Text),
        Entry::one(12, "predictedProbabilitiesName", Kind::Text),
        Entry::many(13, "state", Kind::Message(&FEATURE)),
        Entry::many(20, "functions", Kind::Bytes),
        Entry::one(21, "defaultFunctionName", Kind::Text),
        Entry::many(50, "trainingInput", Kind::Message(&FEATURE)),
        Entry::one(100, "metadata", Kind::Message(&METADATA)),
    ],
};

static FEATURE: Table = Table {
    name: "FeatureDescription",
    fields: &[
        Entry::one(1, "name", Kind::Text),
        Entry::one(2, "shortDescription", Kind::Text),
        Entry::one(3, "type", Kind::Bytes),
    ],
};

static METADATA: Table = Table {
    name: "Metadata",
    fields: &[
        Entry::one(1, "shortDescription", Kind::Text),
        Entry::one(2, "versionString", Kind::Text),
        Entry::one(3, "author", Kind::Text),
        Entry::one(4, "license", Kind::Text),
        Entry::many(100, "userDefined", Kind::Message(&PAIR)),
    ],
};

static PAIR: Table = Table {
    name: "UserDefinedEntry",
    fields: &[Entry::one(1, "key", Kind::Text), Entry::one(2, "value", Kind::Text)],
};

static WRAPPED: Table = Table {
    name: "PipelineClassifier",
    fields: &[Entry::one(1, "pipeline", Kind::Message(&PIPELINE))],
};

static PIPELINE: Table = Table {
    name: "Pipeline",
    fields: &[Entry::many(1, "models", Kind::Message(&MODEL)), Entry::many(2, "names", Kind::Text)],
};

static CUSTOM: Table = Table {
    name: "CustomModel",
    fields: &[
        Entry::one(10, "className", Kind::Text),
        Entry::many(30, "parameters", Kind::Bytes),
        Entry::one(40, "description", Kind::Text),
    ],
};

static CUSTOM_LAYER: Table = Table {
    name: "CustomLayerParams",
    fields: &[
        Entry::one(10, "className", Kind::Text),
        Entry::many(20, "weights", Kind::Bytes),
        Entry::many(30, "parameters", Kind::Bytes),
        Entry::one(40, "description", Kind::Text),
    ],
};

static LINKED: Table = Table {
    name: "LinkedModel",
    fields: &[Entry::one(1, "linkedModelFile", Kind::Message(&LINKED_FILE))],
};

static LINKED_FILE: Table = Table {
    name: "LinkedModelFile",
    fields: &[
        Entry::one(1, "linkedModelFileName", Kind::Message(&TEXT)),
        Entry::one(2, "linkedModelSearchPath", Kind::Message(&TEXT)),
    ],
};

static TEXT: Table =
    Table { name: "StringParameter", fields: &[Entry::one(1, "defaultValue", Kind::Text)] };

static NETWORK: Table = Table {
    name: "NeuralNetwork",
    fields: &[
        Entry::many(1, "layers", Kind::Message(&LAYER)),
        Entry::many(2, "preprocessing", Kind::Bytes),
        Entry::one(5, "arrayInputShapeMapping", Kind::Int),
        Entry::one(6, "imageInputShapeMapping", Kind::Int),
        Entry::one(10, "updateParams", Kind::Bytes),
        Entry::one(100, "stringClassLabels", Kind::Bytes),
        Entry::one(101, "int64ClassLabels", Kind::Bytes),
        Entry::one(200, "labelProbabilityLayerName", Kind::Text),
    ],
};

static BRANCH: Table = Table {
    name: "BranchLayerParams",
    fields: &[
        Entry::one(1, "ifBranch", Kind::Message(&NETWORK)),
        Entry::one(2, "elseBranch", Kind::Message(&NETWORK)),
    ],
};

static LOOP: Table = Table {
    name: "LoopLayerParams",
    fields: &[
        Entry::one(1, "maxLoopIterations", Kind::Uint),
        Entry::one(2, "conditionVar", Kind::Text),
        Entry::one(3, "conditionNetwork", Kind::Message(&NETWORK)),
        Entry::one(4, "bodyNetwork", Kind::Message(&NETWORK)),
    ],
};

static PROGRAM: Table = Table {
    name: "Program",
    fields: &[
        Entry::one(1, "version", Kind::Int),
        Entry::many(2, "functions", Kind::Message(&FUNCTION_ENTRY)),
        Entry::one(3, "docString", Kind::Text),
        Entry::many(4, "attributes", Kind::Message(&VALUE_ENTRY)),
    ],
};

static FUNCTION_ENTRY: Table = Table {
    name: "FunctionsEntry",
    fields: &[Entry::one(1, "key", Kind::Text), Entry::one(2, "value", Kind::Message(&FUNCTION))],
};

static FUNCTION: Table = Table {
    name: "Function",
    fields: &[
        Entry::many(1, "inputs", Kind::Bytes),
        Entry::one(2, "opset", Kind::Text),
        Entry::many(3, "block_specializations", Kind::Message(&BLOCK_ENTRY)),
        Entry::many(4, "attributes", Kind::Message(&VALUE_ENTRY)),
    ],
};

static BLOCK_ENTRY: Table = Table {
    name: "BlockSpecializationsEntry",
    fields: &[Entry::one(1, "key", Kind::Text), Entry::one(2, "value", Kind::Message(&BLOCK))],
};

static BLOCK: Table = Table {
    name: "Block",
    fields: &[
        Entry::many(1, "inputs", Kind::Bytes),
        Entry::many(2, "outputs", Kind::Text),
        Entry::many(3, "operations", Kind::Message(&OPERATION)),
        Entry::many(4, "attributes", Kind::Message(&VALUE_ENTRY)),
    ],
};

static OPERATION: Table = Table {
    name: "Operation",
    fields: &[
        Entry::one(1, "type", Kind::Text),
        Entry::many(2, "inputs", Kind::Message(&ARGUMENT_ENTRY)),
        Entry::many(3, "outputs", Kind::Bytes),
        Entry::many(4, "blocks", Kind::Message(&BLOCK)),
        Entry::many(5, "attributes", Kind::Message(&VALUE_ENTRY)),
    ],
};

static ARGUMENT_ENTRY: Table = Table {
    name: "InputsEntry",
    fields: &[Entry::one(1, "key", Kind::Text), Entry::one(2, "value", Kind::Message(&ARGUMENT))],
};

static ARGUMENT: Table =
    Table { name: "Argument", fields: &[Entry::many(1, "arguments", Kind::Message(&BINDING))] };

static BINDING: Table = Table {
    name: "Binding",
    fields: &[Entry::one(1, "name", Kind::Text), Entry::one(2, "value", Kind::Message(&VALUE))],
};

static VALUE_ENTRY: Table = Table {
    name: "AttributesEntry",
    fields: &[Entry::one(1, "key", Kind::Text), Entry::one(2, "value", Kind::Message(&VALUE))],
};

static VALUE: Table = Table {
    name: "Value",
    fields: &[
        Entry::one(1, "docString", Kind::Text),
        Entry::one(2, "type", Kind::Bytes),
        Entry::one(3, "immediateValue", Kind::Bytes),
        Entry::one(5, "blobFileValue", Kind::Message(&BLOB)),
    ],
};

static BLOB: Table = Table {
    name: "BlobFileValue",
    fields: &[Entry::one(1, "fileName", Kind::Text), Entry::one(2, "offset", Kind::Uint)],
};

static LAYER: Table = Table {
    name: "NeuralNetworkLayer",
    fields: &[
        Entry::one(1, "name", Kind::Text),
        Entry::many(2, "input", Kind::Text),
        Entry::many(3, "output", Kind::Text),
        Entry::many(4, "inputTensor", Kind::Bytes),
        Entry::many(5, "outputTensor", Kind::Bytes),
        Entry::one(10, "isUpdatable", Kind::Bool),
        Entry::one(500, "custom", Kind::Message(&CUSTOM_LAYER)),
        Entry::one(605, "branch", Kind::Message(&BRANCH)),
        Entry::one(615, "loop", Kind::Message(&LOOP)),
        Entry::one(100, "convolution", Kind::Bytes),
        Entry::one(120, "pooling", Kind::Bytes),
        Entry::one(130, "activation", Kind::Bytes),
        Entry::one(140, "innerProduct", Kind::Bytes),
        Entry::one(150, "embedding", Kind::Bytes),
        Entry::one(160, "batchnorm", Kind::Bytes),
        Entry::one(165, "mvn", Kind::Bytes),
        Entry::one(170, "l2normalize", Kind::Bytes),
        Entry::one(175, "softmax", Kind::Bytes),
        Entry::one(180, "lrn", Kind::Bytes),
        Entry::one(190, "crop", Kind::Bytes),
        Entry::one(200, "padding", Kind::Bytes),
        Entry::one(210, "upsample", Kind::Bytes),
        Entry::one(211, "resizeBilinear", Kind::Bytes),
        Entry::one(212, "cropResize", Kind::Bytes),
        Entry::one(220, "unary", Kind::Bytes),
        Entry::one(230, "add", Kind::Bytes),
        Entry::one(231, "multiply", Kind::Bytes),
        Entry::one(240, "average", Kind::Bytes),
        Entry::one(245, "scale", Kind::Bytes),
        Entry::one(250, "bias", Kind::Bytes),
        Entry::one(260, "max", Kind::Bytes),
        Entry::one(261, "min", Kind::Bytes),
        Entry::one(270, "dot", Kind::Bytes),
        Entry::one(280, "reduce", Kind::Bytes),
        Entry::one(290, "loadConstant", Kind::Bytes),
        Entry::one(300, "reshape", Kind::Bytes),
        Entry::one(301, "flatten", Kind::Bytes),
        Entry::one(310, "permute", Kind::Bytes),
        Entry::one(320, "concat", Kind::Bytes),
        Entry::one(330, "split", Kind::Bytes),
        Entry::one(340, "sequenceRepeat", Kind::Bytes),
        Entry::one(345, "reorganizeData", Kind::Bytes),
        Entry::one(350, "slice", Kind::Bytes),
        Entry::one(400, "simpleRecurrent", Kind::Bytes),
        Entry::one(410, "gru", Kind::Bytes),
        Entry::one(420, "uniDirectionalLSTM", Kind::Bytes),
        Entry::one(430, "biDirectionalLSTM", Kind::Bytes),
        Entry::one(600, "copy", Kind::Bytes),
        Entry::one(620, "loopBreak", Kind::Bytes),
        Entry::one(625, "loopContinue", Kind::Bytes),
        Entry::one(635, "rangeStatic", Kind::Bytes),
        Entry::one(640, "rangeDynamic", Kind::Bytes),
        Entry::one(660, "clip", Kind::Bytes),
        Entry::one(665, "ceil", Kind::Bytes),
        Entry::one(670, "floor", Kind::Bytes),
        Entry::one(680, "sign", Kind::Bytes),
        Entry::one(685, "round", Kind::Bytes),
        Entry::one(700, "exp2", Kind::Bytes),
        Entry::one(710, "sin", Kind::Bytes),
        Entry::one(715, "cos", Kind::Bytes),
        Entry::one(720, "tan", Kind::Bytes),
        Entry::one(730, "asin", Kind::Bytes),
        Entry::one(735, "acos", Kind::Bytes),
        Entry::one(740, "atan", Kind::Bytes),
        Entry::one(750, "sinh", Kind::Bytes),
        Entry::one(755, "cosh", Kind::Bytes),
        Entry::one(760, "tanh", Kind::Bytes),
        Entry::one(770, "asinh", Kind::Bytes),
        Entry::one(775, "acosh", Kind::Bytes),
        Entry::one(780, "atanh", Kind::Bytes),
        Entry::one(790, "erf", Kind::Bytes),
        Entry::one(795, "gelu", Kind::Bytes),
        Entry::one(815, "equal", Kind::Bytes),
        Entry::one(820, "notEqual", Kind::Bytes),
        Entry::one(825, "lessThan", Kind::Bytes),
        Entry::one(827, "lessEqual", Kind::Bytes),
        Entry::one(830, "greaterThan", Kind::Bytes),
        Entry::one(832, "greaterEqual", Kind::Bytes),
        Entry::one(840, "logicalOr", Kind::Bytes),
        Entry::one(845, "logicalXor", Kind::Bytes),
        Entry::one(850, "logicalNot", Kind::Bytes),
        Entry::one(855, "logicalAnd", Kind::Bytes),
        Entry::one(865, "modBroadcastable", Kind::Bytes),
        Entry::one(870, "minBroadcastable", Kind::Bytes),
        Entry::one(875, "maxBroadcastable", Kind::Bytes),
        Entry::one(880, "addBroadcastable", Kind::Bytes),
        Entry::one(885, "powBroadcastable", Kind::Bytes),
        Entry::one(890, "divideBroadcastable", Kind::Bytes),
        Entry::one(895, "floorDivBroadcastable", Kind::Bytes),
        Entry::one(900, "multiplyBroadcastable", Kind::Bytes),
        Entry::one(905, "subtractBroadcastable", Kind::Bytes),
        Entry::one(920, "tile", Kind::Bytes),
        Entry::one(925, "stack", Kind::Bytes),
        Entry::one(930, "gather", Kind::Bytes),
        Entry::one(935, "scatter", Kind::Bytes),
        Entry::one(940, "gatherND", Kind::Bytes),
        Entry::one(945, "scatterND", Kind::Bytes),
        Entry::one(950, "softmaxND", Kind::Bytes),
        Entry::one(952, "gatherAlongAxis", Kind::Bytes),
        Entry::one(954, "scatterAlongAxis", Kind::Bytes),
        Entry::one(960, "reverse", Kind::Bytes),
        Entry::one(965, "reverseSeq", Kind::Bytes),
        Entry::one(975, "splitND", Kind::Bytes),
        Entry::one(980, "concatND", Kind::Bytes),
        Entry::one(985, "transpose", Kind::Bytes),
        Entry::one(995, "sliceStatic", Kind::Bytes),
        Entry::one(1000, "sliceDynamic", Kind::Bytes),
        Entry::one(1005, "slidingWindows", Kind::Bytes),
        Entry::one(1015, "topK", Kind::Bytes),
        Entry::one(1020, "argMin", Kind::Bytes),
        Entry::one(1025, "argMax", Kind::Bytes),
        Entry::one(1040, "embeddingND", Kind::Bytes),
        Entry::one(1045, "batchedMatmul", Kind::Bytes),
        Entry::one(1065, "getShape", Kind::Bytes),
        Entry::one(1070, "loadConstantND", Kind::Bytes),
        Entry::one(1080, "fillLike", Kind::Bytes),
        Entry::one(1085, "fillStatic", Kind::Bytes),
        Entry::one(1090, "fillDynamic", Kind::Bytes),
        Entry::one(1100, "broadcastToLike", Kind::Bytes),
        Entry::one(1105, "broadcastToStatic", Kind::Bytes),
        Entry::one(1110, "broadcastToDynamic", Kind::Bytes),
        Entry::one(1120, "squeeze", Kind::Bytes),
        Entry::one(1125, "expandDims", Kind::Bytes),
        Entry::one(1130, "flattenTo2D", Kind::Bytes),
        Entry::one(1135, "reshapeLike", Kind::Bytes),
        Entry::one(1140, "reshapeStatic", Kind::Bytes),
        Entry::one(1145, "reshapeDynamic", Kind::Bytes),
        Entry::one(1150, "rankPreservingReshape", Kind::Bytes),
        Entry::one(1155, "constantPad", Kind::Bytes),
        Entry::one(1170, "randomNormalLike", Kind::Bytes),
        Entry::one(1175, "randomNormalStatic", Kind::Bytes),
        Entry::one(1180, "randomNormalDynamic", Kind::Bytes),
        Entry::one(1190, "randomUniformLike", Kind::Bytes),
        Entry::one(1195, "randomUniformStatic", Kind::Bytes),
        Entry::one(1200, "randomUniformDynamic", Kind::Bytes),
        Entry::one(1210, "randomBernoulliLike", Kind::Bytes),
        Entry::one(1215, "randomBernoulliStatic", Kind::Bytes),
        Entry::one(1220, "randomBernoulliDynamic", Kind::Bytes),
        Entry::one(1230, "categoricalDistribution", Kind::Bytes),
        Entry::one(1250, "reduceL1", Kind::Bytes),
        Entry::one(1255, "reduceL2", Kind::Bytes),
        Entry::one(1260, "reduceMax", Kind::Bytes),
        Entry::one(1265, "reduceMin", Kind::Bytes),
        Entry::one(1270, "reduceSum", Kind::Bytes),
        Entry::one(1275, "reduceProd", Kind::Bytes),
        Entry::one(1280, "reduceMean", Kind::Bytes),
        Entry::one(1285, "reduceLogSum", Kind::Bytes),
        Entry::one(1290, "reduceSumSquare", Kind::Bytes),
        Entry::one(1295, "reduceLogSumExp", Kind::Bytes),
        Entry::one(1313, "whereNonZero", Kind::Bytes),
        Entry::one(1315, "matrixBandPart", Kind::Bytes),
        Entry::one(1320, "lowerTriangular", Kind::Bytes),
        Entry::one(1325, "upperTriangular", Kind::Bytes),
        Entry::one(1330, "whereBroadcastable", Kind::Bytes),
        Entry::one(1350, "layerNormalization", Kind::Bytes),
        Entry::one(1400, "NonMaximumSuppression", Kind::Bytes),
        Entry::one(1450, "oneHot", Kind::Bytes),
        Entry::one(1455, "cumSum", Kind::Bytes),
        Entry::one(1460, "clampedReLU", Kind::Bytes),
        Entry::one(1461, "argSort", Kind::Bytes),
        Entry::one(1465, "pooling3d", Kind::Bytes),
        Entry::one(1466, "globalPooling3d", Kind::Bytes),
        Entry::one(1470, "sliceBySize", Kind::Bytes),
        Entry::one(1471, "convolution3d", Kind::Bytes),
    ],
};
