//! PROTO and FRAME, and where the two unpicklers part at the ends of frames.

use super::machine::Machine;
use super::opcode::{self as op, Argument};
use davy_artifact::Quirk;
use davy_bytes::{Halt, to_u64, to_usize};

impl Machine<'_> {
    pub(super) fn protocol(&mut self) -> Result<(), Halt> {
        let version = self.cursor.u8("PROTO")?;
        if version > 5 {
            return Err(Halt::malformed(self.step.at, format!("pickle protocol {version}")));
        }
        self.protocols = self.protocols.saturating_add(1);
        if self.step.index > self.first {
            self.measure();
            self.deviate(Quirk::Repeated, "PROTO behind the start of the stream: it changes how names are looked up from here on");
        }
        Ok(())
    }

    pub(super) fn frame(&mut self) -> Result<(), Halt> {
        let len = self.cursor.u64_le("FRAME")?;
        let at = self.cursor.position();
        self.measure();
        let inside = self.frame_end != u64::MAX && at < self.frame_end;
        if inside {
            self.straddled = true;
            self.deviate(
                Quirk::LoadersDisagree,
                "FRAME inside of a frame: the pure-Python unpickler stops here, the C one goes on",
            );
        }
        if len > self.cursor.remaining() {
            self.deviate(
                Quirk::LoadersDisagree,
                "FRAME longer than what is left: the C unpickler stops here, the pure-Python one goes on",
            );
        }
        if inside && self.lossy {
            let outer = self.frame_end;
            if len <= outer.saturating_sub(at) {
                return Ok(());
            }
            self.cursor.seek(outer.min(self.heap.bytes().len()));
            self.frame_end = outer.saturating_add(len);
            return Ok(());
        }
        self.frame_end = at.saturating_add(len);
        Ok(())
    }

    /// Called when an opcode has ended at or behind the end of the current frame.
    #[cold]
    pub(super) fn leave_frame(&mut self, at: u64) {
        if at > self.frame_end {
            self.straddled = true;
            self.deviate(
                Quirk::LoadersDisagree,
                "opcode across the end of its frame: the pure-Python unpickler stops here, the C one \
                 goes on, and where it reads from a file object without `peek` it goes on elsewhere",
            );
        }
        self.frame_end = u64::MAX;
    }

    /// Where a read of the argument of `code` starts, for an unpickler that forgets the rest of a
    /// frame (CPython, `_Unpickler_ReadImpl` and `_Unpickler_Readline`, up to 3.14).
    #[cold]
    pub(super) fn cross_before(&mut self, code: u8) -> Result<(), Halt> {
        match op::opcode(code).map(|opcode| opcode.argument) {
            Some(Argument::Fixed(len) | Argument::Counted(len)) => self.cross(to_u64(len)),
            Some(Argument::Line) => self.cross_line()?,
            Some(Argument::TwoLines | Argument::None) | None => {}
        }
        Ok(())
    }

    /// Goes to the end of the frame if fewer than `len` bytes are left in it, but some.
    pub(super) fn cross(&mut self, len: u64) {
        let left = self.frame_end.saturating_sub(self.cursor.position());
        if self.lossy && self.frame_end != u64::MAX && left > 0 && left < len {
            self.cursor.seek(self.frame_end.min(self.heap.bytes().len()));
        }
    }

    /// Goes to the end of the frame if no newline is left in it, but something is.
    pub(super) fn cross_line(&mut self) -> Result<(), Halt> {
        let left = self.frame_end.saturating_sub(self.cursor.position());
        if self.lossy && self.frame_end != u64::MAX && left > 0 {
            let rest = self.cursor.peek_slice(to_usize(left))?;
            if !rest.contains(&b'\n') {
                self.cursor.seek(self.frame_end.min(self.heap.bytes().len()));
            }
        }
        Ok(())
    }
}
