//! The Python side of an oracle: a script that writes framed records.

use crate::paths;
use std::io::{self, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// One file, and what the library said about it.
pub struct Record {
    /// The file.
    pub bytes: Vec<u8>,
    /// The answer, as JSON.
    pub answer: String,
}

/// A running script; it is killed when this is dropped.
pub struct Process {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Process {
    /// Starts `script` with `words` behind it.
    pub fn start(python: &str, script: &str, words: &[String]) -> io::Result<Self> {
        let path = paths::root().join("xtask/oracle").join(script).with_extension("py");
        // Unpicklers complain on standard error about what damaged pickles do to their buffers.
        let mut child = Command::new(python)
            .arg("-E")
            .arg("-s")
            .arg(path)
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| io::Error::new(error.kind(), format!("{python}: {error}")))?;
        let input = child.stdin.take();
        let output = child.stdout.take().ok_or_else(|| io::Error::other("no standard output"))?;
        Ok(Self { child, input, output: BufReader::with_capacity(1 << 16, output) })
    }

    /// The next record, or `None` where the script ended.
    pub fn next(&mut self) -> io::Result<Option<Record>> {
        let Some(bytes) = self.block()? else { return Ok(None) };
        let Some(answer) = self.block()? else { return Ok(None) };
        let answer = String::from_utf8(answer).map_err(io::Error::other)?;
        Ok(Some(Record { bytes, answer }))
    }

    /// Sends a file to a script that answers.
    pub fn ask(&mut self, bytes: &[u8]) -> io::Result<Option<Record>> {
        let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
        let input = self.input.as_mut().ok_or_else(|| io::Error::other("no standard input"))?;
        input.write_all(&length.to_le_bytes())?;
        input.write_all(bytes)?;
        input.flush()?;
        self.next()
    }

    /// A length and that many bytes; `None` where the script was ended in between.
    fn block(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut length = [0; 4];
        let mut block = Vec::new();
        let read = self.output.read_exact(&mut length).and_then(|()| {
            block.resize(davy_bytes::to_usize(u32::from_le_bytes(length).into()), 0);
            self.output.read_exact(&mut block)
        });
        match read {
            Ok(()) => Ok(Some(block)),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
