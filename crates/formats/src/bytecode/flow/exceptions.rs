//! The names that every module has, exceptions included.

use crate::python::builtins;

/// Whether every module has `name`.
pub(super) fn is_builtin(name: &str) -> bool {
    builtins::is(name) || is_exception(name)
}

/// The classes of built-in exceptions that do not end in `Error` or `Warning`.
const EXCEPTIONS: [&str; 13] = [
    "BaseException",
    "BaseExceptionGroup",
    "Ellipsis",
    "Exception",
    "ExceptionGroup",
    "GeneratorExit",
    "KeyboardInterrupt",
    "NotImplemented",
    "StandardError",
    "StopAsyncIteration",
    "StopIteration",
    "SystemExit",
    "Warning",
];

const ERRORS: [&str; 63] = [
    "ArithmeticError",
    "AssertionError",
    "AttributeError",
    "BlockingIOError",
    "BrokenPipeError",
    "BufferError",
    "BytesWarning",
    "ChildProcessError",
    "ConnectionAbortedError",
    "ConnectionError",
    "ConnectionRefusedError",
    "ConnectionResetError",
    "DeprecationWarning",
    "EOFError",
    "EncodingWarning",
    "EnvironmentError",
    "FileExistsError",
    "FileNotFoundError",
    "FloatingPointError",
    "FutureWarning",
    "IOError",
    "ImportError",
    "ImportWarning",
    "IndentationError",
    "IndexError",
    "InterruptedError",
    "IsADirectoryError",
    "KeyError",
    "LookupError",
    "MemoryError",
    "ModuleNotFoundError",
    "NameError",
    "NotADirectoryError",
    "NotImplementedError",
    "OSError",
    "OverflowError",
    "PendingDeprecationWarning",
    "PermissionError",
    "ProcessLookupError",
    "PythonFinalizationError",
    "RecursionError",
    "ReferenceError",
    "ResourceWarning",
    "RuntimeError",
    "RuntimeWarning",
    "SyntaxError",
    "SyntaxWarning",
    "SystemError",
    "TabError",
    "TimeoutError",
    "TypeError",
    "UnboundLocalError",
    "UnicodeDecodeError",
    "UnicodeEncodeError",
    "UnicodeError",
    "UnicodeTranslateError",
    "UnicodeWarning",
    "UserWarning",
    "VMSError",
    "ValueError",
    "WindowsError",
    "ZeroDivisionError",
    "_IncompleteInputError",
];

fn is_exception(name: &str) -> bool {
    EXCEPTIONS.binary_search(&name).is_ok() || ERRORS.binary_search(&name).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_searched_by_halves_are_in_order() {
        assert!(EXCEPTIONS.is_sorted() && ERRORS.is_sorted());
        assert!(is_builtin("ValueError") && is_builtin("eval") && !is_builtin("os"));
    }
}
