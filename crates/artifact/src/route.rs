//! Where in an artifact something stands, in words that a person can follow.

use davy_bytes::escape;
use std::fmt;

/// A place inside an artifact besides its byte span.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Route {
    /// Nothing more precise than the span.
    #[default]
    None,
    /// A place in nested data: keys and indices, as in `config.layers[2].config.function`.
    Key(String),
    /// A layer of a model, and the place in the model's configuration that is meant.
    Layer {
        /// The layer's name, with the names of the models and wrappers around it before it.
        layer: String,
        /// Keys and indices from the top of the configuration.
        key: String,
    },
    /// A line of source text, counted from 1.
    Line(u64),
    /// A member of an archive.
    Member(String),
    /// A node of a graph, with the graph or function that it is in before it.
    Node(String),
    /// An object in the artifact's own tree, such as a group or dataset.
    Object(String),
    /// An opcode of a pickle: stream and opcode counted from 0.
    Opcode {
        /// Which of the pickles that stand one behind the other.
        stream: u64,
        /// Which opcode in that stream.
        index: u64,
        /// The opcode's name as `pickletools` gives it.
        name: &'static str,
    },
    /// A tensor or storage.
    Tensor(String),
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => Ok(()),
            Self::Key(key) => write!(f, "{}", escape(key)),
            Self::Layer { layer, key } => write!(f, "layer {} ({})", escape(layer), escape(key)),
            Self::Line(line) => write!(f, "line {line}"),
            Self::Member(name) => write!(f, "member {}", escape(name)),
            Self::Node(name) => write!(f, "node {}", escape(name)),
            Self::Object(path) => write!(f, "object {}", escape(path)),
            Self::Opcode { stream: 0, index, name } => write!(f, "opcode {index} {name}"),
            Self::Opcode { stream, index, name } => {
                write!(f, "stream {stream}, opcode {index} {name}")
            }
            Self::Tensor(name) => write!(f, "tensor {}", escape(name)),
        }
    }
}
