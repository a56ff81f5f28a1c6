//! What Ollama and llamafile keep beside a model: the Modelfile that says how a model is made, the Go
//! template around each prompt, and the arguments that a llamafile starts with.

mod arguments;
mod modelfile;
mod template;

pub use arguments::Arguments;
pub use modelfile::Modelfile;
pub use template::GoTemplate;
pub(crate) use template::is_template;

#[cfg(test)]
mod tests;
