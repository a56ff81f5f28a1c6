//! The opcodes that look globals up, and those that call them at once.

use super::heap::{How, Mystery, Node, V};
use super::machine::{LINE_KEPT, Machine};
use super::opcode as op;
use davy_artifact::{Name, Quirk};
use davy_bytes::{Halt, to_u64};

impl Machine<'_> {
    /// The two lines of GLOBAL and INST. At the end of the file the pure-Python unpickler takes a
    /// line without its newline, and drops its last byte all the same.
    fn two_names(&mut self) -> Result<Name, Halt> {
        let mut names = [String::new(), String::new()];
        for name in &mut names {
            self.cross_line()?;
            let line = self.cursor.line(LINE_KEPT)?;
            if to_u64(line.text.len()) < line.span.len {
                return Err(Halt::malformed(line.span.start, "name of more than a mebibyte"));
            }
            let mut text = line.text;
            if !line.ended {
                text.pop();
                self.deviate(Quirk::LoadersDisagree, "name that the end of the file cuts short: only the pure-Python unpickler takes it");
            }
            *name = String::from_utf8(text)
                .map_err(|_| Halt::malformed(line.span.start, "name that is not UTF-8"))?;
        }
        if names.iter().any(|name| !name.is_ascii()) {
            self.deviate(Quirk::LoadersDisagree, "name that is not ASCII: tools that read pickles as `pickletools` does stop here, the C unpickler does not");
        }
        self.measure();
        let [module, name] = names;
        Ok(Name { module, name })
    }

    /// Lets the step's span reach to the cursor.
    pub(super) fn measure(&mut self) {
        let len = self.cursor.position().saturating_sub(self.step.at);
        self.step.len = u32::try_from(len).unwrap_or(u32::MAX);
    }

    pub(super) fn global(&mut self) -> Result<(), Halt> {
        let name = self.two_names()?;
        let value = self.import(name, "GLOBAL");
        self.stack.push(value);
        Ok(())
    }

    pub(super) fn inst(&mut self) -> Result<(), Halt> {
        let name = self.two_names()?;
        // The pure-Python unpickler looks the class up before it looks for the mark.
        let class = self.import(name, "INST");
        let args = self.pop_mark()?;
        let args = self.heap.tuple(&args);
        let made = self.invoke(class, args, V::Absent, How::Called);
        self.stack.push(made);
        Ok(())
    }

    pub(super) fn obj(&mut self) -> Result<(), Halt> {
        let items = self.pop_mark()?;
        let Some((class, args)) = items.split_first() else { return Err(self.underflow()) };
        let args = self.heap.tuple(args);
        let made = self.invoke(*class, args, V::Absent, How::Called);
        self.stack.push(made);
        Ok(())
    }

    pub(super) fn stack_global(&mut self) -> Result<(), Halt> {
        let name = self.pop()?;
        let module = self.pop()?;
        let (modules, names) = (self.heap.spellings(module, 4096), self.heap.spellings(name, 4096));
        let mut found = None;
        for module in &modules {
            for name in &names {
                found = Some(self.import(Name::new(module, name), "STACK_GLOBAL"));
            }
        }
        let value = match found {
            Some(found) => found,
            None if self.could_be_text(module) && self.could_be_text(name) => {
                self.deviate(
                    Quirk::WrongType,
                    "STACK_GLOBAL takes a name that is computed by a call",
                );
                self.heap.push(Node::Unknown(Mystery::ComputedGlobal))
            }
            None => {
                return Err(Halt::malformed(self.step.at, "STACK_GLOBAL finds no two strings"));
            }
        };
        self.stack.push(value);
        Ok(())
    }

    /// Whether `value` may turn out to be text: not what a class's `__new__` made, which is an object
    /// of that class.
    fn could_be_text(&self, value: V) -> bool {
        if let Some(Node::Call(at)) = self.heap.node(value) {
            return self.heap.call(at).is_some_and(|call| call.how == How::Called);
        }
        self.heap.is_text(value)
            || matches!(
                self.heap.node(value),
                Some(
                    Node::Attribute { .. }
                        | Node::Persistent(_)
                        | Node::Unknown(_)
                        | Node::Extension(_)
                        | Node::Global(_)
                )
            )
    }

    pub(super) fn extension(&mut self, code: u64) -> Result<(), Halt> {
        if code == 0 {
            return Err(Halt::malformed(self.step.at, "extension code 0"));
        }
        self.measure();
        let value = match self.extensions.get(&code).cloned() {
            Some(name) => self.import(name, op::name(self.step.code)),
            None => self.heap.push(Node::Extension(u32::try_from(code).unwrap_or(u32::MAX))),
        };
        self.stack.push(value);
        Ok(())
    }

    /// `callee(*args)`. The pure-Python unpickler unpacks any iterable, the C one wants a tuple.
    pub(super) fn reduce(&mut self, callee: V, args: V) {
        if !matches!(self.heap.node(args), Some(Node::Tuple { .. })) {
            self.deviate(Quirk::LoadersDisagree, "REDUCE with arguments that are no tuple: only the pure-Python unpickler takes them");
        }
        let result = self.invoke(callee, args, V::Absent, How::Called);
        self.stack.push(result);
    }
}
