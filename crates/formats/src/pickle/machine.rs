//! The abstract machine: runs a pickle's opcodes over symbolic values.
//!
//! It accepts what either of CPython's unpicklers accepts, in C (`Modules/_pickle.c`) or in Python
//! (`Lib/pickle.py`), and records where they part. Nothing is imported or called: a global is a
//! name, a call is a record of what would be called with what.

use super::heap::{Heap, How, Items, Node, Step, V};
use super::memo::Memo;
use super::number;
use super::opcode as op;
use davy_artifact::{Name, Quirk, Reading, Why};
use davy_bytes::{Blame, Budget, Bytes, Cursor, Halt, Span, to_u64};
use std::collections::{HashMap, HashSet};

/// Steps between two looks at the budget.
const CHECK_EVERY: u64 = 4096;

/// Longest line that is decoded; longer text stays in the file.
pub(super) const LINE_KEPT: usize = 1 << 20;

/// An index this far beyond the number of opcodes so far is not one that a pickler wrote.
const HUGE_INDEX: u64 = 1 << 24;

/// Where and how a stream ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct End {
    /// Offset behind the STOP.
    pub(crate) at: u64,
    /// End of the frame that STOP stood in, if it is not the same: where the pure-Python unpickler
    /// leaves a file that holds several pickles.
    pub(crate) frame: Option<u64>,
    /// What the pickle makes.
    pub(crate) value: V,
}

/// A stream whose loader reads another pickle in the midst of it.
#[derive(Debug)]
struct Interrupted {
    stack: Vec<V>,
    marks: Vec<usize>,
    memo: Memo,
}

/// Pickles within pickles of one stream; stops files that nest without end.
const NESTED: usize = 64;

/// Detours in one file; stops files made of nothing else.
const DETOURS: usize = 16;

/// The machine, with everything that one artifact has built so far.
#[derive(Debug)]
pub(crate) struct Machine<'a> {
    pub(super) heap: Heap,
    pub(super) reading: &'a mut Reading,
    pub(super) budget: &'a mut Budget,
    /// The opcode that is being run.
    pub(super) step: Step,
    /// Extension codes that the stream itself has registered.
    pub(super) extensions: HashMap<u64, Name>,
    /// Attributes that BUILD has put on objects and that the loader may call.
    pub(super) injected: HashMap<(u32, &'static str), V>,
    /// What has been reported already.
    pub(super) reported: HashMap<u64, usize>,
    pub(super) imported: HashSet<u64>,
    /// How much more code is looked through.
    pub(super) code_room: u64,
    /// How much room is left for long constants in facts.
    pub(super) long_room: usize,
    /// How many different calls of each callable have been reported.
    pub(super) distinct: HashMap<u64, u32>,
    /// Functions by the index of their name; see `evaluate`.
    pub(super) functions: HashMap<u32, super::evaluate::Function>,
    /// How deep calls within calls (`map` in `reduce` in ...) are being evaluated.
    pub(super) depth: u32,
    pub(super) cursor: Cursor,
    pub(super) stack: Vec<V>,
    pub(super) marks: Vec<usize>,
    memo: Memo,
    /// The memo of an Unpickler that loads one stream after the other and never forgets.
    shared: Memo,
    /// How the stream before ended.
    last: Option<End>,
    /// Other places, or the same ones, where a loader goes on, with what its memo holds then.
    pub(super) detours: Vec<(u64, Memo)>,
    /// End of the current frame, or the largest number where there is none.
    pub(super) frame_end: u64,
    /// Whether to follow the C unpickler on a file object without `peek` (`io.BytesIO`, as
    /// `torch.load` uses): it forgets what is left of a frame when a read does not fit in it.
    pub(super) lossy: bool,
    /// Whether arrays that joblib writes between opcodes are passed over, as joblib does.
    pub(super) inline: bool,
    /// Whether there was such an array.
    pub(super) wrapped: bool,
    /// How many runs aside are under way: what they repeat is not counted again.
    pub(super) asides: u32,
    /// Streams that a nested one has interrupted.
    interrupted: Vec<Interrupted>,
    /// Whether an opcode of this stream lay across the end of its frame, so that it matters.
    pub(super) straddled: bool,
    pub(super) protocols: u32,
    /// Index of the first opcode of this stream, or of one that stands inside of it.
    pub(super) first: u64,
    /// The opcode before this one.
    before: u8,
    /// The list that the last APPEND filled.
    appended: V,
    shares: u32,
    noted: HashSet<(Quirk, u8)>,
    unspent: u64,
}

impl<'a> Machine<'a> {
    pub(crate) fn new(bytes: &Bytes, reading: &'a mut Reading, budget: &'a mut Budget) -> Self {
        Self {
            heap: Heap::new(bytes.clone()),
            reading,
            budget,
            step: Step::default(),
            extensions: HashMap::new(),
            injected: HashMap::new(),
            reported: HashMap::new(),
            imported: HashSet::new(),
            code_room: super::code::ROOM,
            long_room: super::convert::LONG,
            distinct: HashMap::new(),
            functions: HashMap::new(),
            depth: 0,
            cursor: Cursor::new(bytes.clone()),
            stack: Vec::new(),
            marks: Vec::new(),
            memo: Memo::default(),
            shared: Memo::default(),
            last: None,
            detours: Vec::new(),
            frame_end: u64::MAX,
            lossy: false,
            inline: true,
            wrapped: false,
            asides: 0,
            interrupted: Vec::new(),
            straddled: false,
            protocols: 0,
            first: 0,
            before: 0,
            appended: V::Absent,
            shares: 0,
            noted: HashSet::new(),
            unspent: 0,
        }
    }

    /// What was built.
    pub(crate) fn heap(&self) -> &Heap {
        &self.heap
    }

    /// Runs the stream that starts at `at`, the `stream`-th of this artifact.
    ///
    /// # Errors
    /// Where no unpickler goes on; what was learned until then has been recorded.
    pub(crate) fn run(&mut self, at: u64, stream: u32) -> Result<End, Halt> {
        let end = self.run_all_ways(at, stream);
        self.last = end.as_ref().ok().copied();
        end
    }

    fn run_all_ways(&mut self, at: u64, stream: u32) -> Result<End, Halt> {
        self.straddled = false;
        self.wrapped = false;
        let mut end = self.run_once(at, stream);
        if stream > 0 {
            let other = self.run_on(at, stream);
            end = better(end, other);
        }
        self.shared = std::mem::take(&mut self.memo);
        if std::mem::take(&mut self.wrapped) {
            self.run_without_arrays(at, stream);
        }
        if !std::mem::take(&mut self.straddled) {
            return end;
        }
        self.lossy = true;
        let other = self.run_aside(|machine| machine.run_once(at, stream));
        self.lossy = false;
        if let Ok(other) = &other
            && self.detours.len() < DETOURS
        {
            self.detours.push((other.at, std::mem::take(&mut self.memo)));
        }
        better(end, other)
    }

    /// Runs the stream as an Unpickler does that has loaded the ones before: its memo is not empty,
    /// and the C one still holds the rest of the frame that the last STOP stood in.
    fn run_on(&mut self, at: u64, stream: u32) -> Result<End, Halt> {
        let memo = std::mem::take(&mut self.shared);
        let frame = self.last.filter(|last| last.at == at).and_then(|last| last.frame);
        let Some(frame) = frame else {
            return self.run_aside(|machine| machine.run_with(at, stream, memo, u64::MAX));
        };
        let straddled = std::mem::take(&mut self.straddled);
        let kept = memo.clone();
        let end = self.run_aside(|machine| machine.run_with(at, stream, memo, frame));
        if std::mem::replace(&mut self.straddled, straddled) {
            self.lossy = true;
            let other = self.run_aside(|machine| machine.run_with(at, stream, kept, frame));
            self.lossy = false;
            return better(end, other);
        }
        end
    }

    /// Runs the stream as `pickle.load` does, which knows nothing of joblib's arrays.
    fn run_without_arrays(&mut self, at: u64, stream: u32) {
        self.inline = false;
        let _broken = self.run_aside(|machine| machine.run_once(at, stream));
        self.inline = true;
        self.wrapped = false;
    }

    /// Runs a stream as another loader would: what it imports and calls is kept, but that it breaks
    /// off, or breaks form, is what is to be expected.
    pub(super) fn run_aside<T>(&mut self, run: impl FnOnce(&mut Self) -> T) -> T {
        let (deviations, gaps) = (self.reading.deviations.len(), self.reading.gaps.len());
        self.asides = self.asides.saturating_add(1);
        let result = run(self);
        self.asides = self.asides.saturating_sub(1);
        self.reading.deviations.truncate(deviations);
        self.reading.gaps.truncate(gaps);
        result
    }

    fn run_once(&mut self, at: u64, stream: u32) -> Result<End, Halt> {
        self.run_with(at, stream, Memo::default(), u64::MAX)
    }

    /// Runs the stream from its start, with what the memo and the buffer already hold.
    fn run_with(&mut self, at: u64, stream: u32, memo: Memo, frame_end: u64) -> Result<End, Halt> {
        self.cursor.seek(at);
        self.interrupted.clear();
        self.step = Step { at, stream, ..Step::default() };
        self.stack.clear();
        self.marks.clear();
        self.memo = memo;
        self.frame_end = frame_end;
        self.protocols = 0;
        self.first = 0;
        self.before = 0;
        self.appended = V::Absent;
        self.shares = 0;
        let end = self.run_opcodes();
        if end.is_err() && self.cursor.position() > self.frame_end {
            self.straddled = true;
        }
        let spent = std::mem::take(&mut self.unspent);
        self.budget.spend_steps(spent, self.step.at)?;
        if let Ok(End { value, at: end, .. }) = &end {
            self.check_expansion(*value, *end);
        }
        end
    }

    fn run_opcodes(&mut self) -> Result<End, Halt> {
        loop {
            let at = self.cursor.position();
            if at >= self.frame_end {
                self.leave_frame(at);
            }
            let Some(code) = self.cursor.next_byte()? else {
                return Err(Halt::malformed(at, "the pickle ends without STOP"));
            };
            self.step.at = at;
            self.step.code = code;
            self.step.len = 1;
            self.unspent = self.unspent.wrapping_add(1);
            if self.unspent >= CHECK_EVERY {
                self.check_budget()?;
            }
            if code == op::STOP {
                let value = self.pop()?;
                if self.end_nested(value) {
                    continue;
                }
                let at = self.cursor.position();
                let frame = Some(self.frame_end).filter(|end| *end > at && *end < u64::MAX);
                return Ok(End { at, frame, value });
            }
            if self.lossy {
                self.cross_before(code)?;
            }
            self.execute(code)?;
            self.before = code;
            self.step.index = self.step.index.wrapping_add(1);
        }
    }

    fn check_budget(&mut self) -> Result<(), Halt> {
        let spent = std::mem::take(&mut self.unspent);
        self.budget.spend_steps(spent, self.step.at)?;
        let stack = to_u64(self.stack.len()).saturating_mul(8);
        let held = self.heap.size().saturating_add(self.memo.size()).saturating_add(stack);
        if held > self.budget.left().memory {
            return Err(Halt::exhausted(
                self.step.at,
                "the limit on memory for the pickle's values",
            ));
        }
        Ok(())
    }

    #[inline]
    fn execute(&mut self, code: u8) -> Result<(), Halt> {
        match code {
            op::MARK => self.marks.push(self.stack.len()),
            op::BININT1 => {
                let number = self.cursor.u8("BININT1")?;
                self.stack.push(V::Int(i32::from(number)));
            }
            op::BININT2 => {
                let number = self.cursor.u16_le("BININT2")?;
                self.stack.push(V::Int(i32::from(number)));
            }
            op::BININT => {
                let number = i32::from_le_bytes(self.cursor.array("BININT")?);
                self.stack.push(V::Int(number));
            }
            op::SHORT_BINUNICODE => {
                let len = u64::from(self.cursor.u8("length of SHORT_BINUNICODE")?);
                self.text_argument(len, "SHORT_BINUNICODE")?;
            }
            op::MEMOIZE => {
                self.check_twice(code);
                let at = self.memo.len();
                self.memo.put(at, self.top()?);
            }
            op::BINPUT => {
                let at = u64::from(self.cursor.u8("BINPUT")?);
                self.memo.put(at, self.top()?);
            }
            op::BINGET => {
                let at = u64::from(self.cursor.u8("BINGET")?);
                self.recall(at)?;
            }
            op::NONE => self.stack.push(V::None),
            op::NEWTRUE => self.stack.push(V::True),
            op::NEWFALSE => self.stack.push(V::False),
            op::BINFLOAT => {
                let number = f64::from_be_bytes(self.cursor.array("BINFLOAT")?);
                self.push_node(Node::Float(number));
            }
            op::EMPTY_TUPLE => self.make_tuple(0)?,
            op::TUPLE1 => self.make_tuple(1)?,
            op::TUPLE2 => self.make_tuple(2)?,
            op::TUPLE3 => self.make_tuple(3)?,
            op::TUPLE => {
                let items = self.pop_mark()?;
                let tuple = self.heap.tuple(&items);
                self.stack.push(tuple);
            }
            op::EMPTY_LIST => self.push_container(Node::List),
            op::EMPTY_DICT => self.push_container(Node::Dict),
            op::EMPTY_SET => self.push_container(Node::Set),
            op::APPEND => {
                let item = self.pop()?;
                let target = self.top()?;
                self.check_batch(target);
                self.append(target, &[item], false);
            }
            op::APPENDS => {
                let items = self.pop_mark()?;
                let target = self.top()?;
                self.append(target, &items, true);
            }
            op::SETITEM => {
                let value = self.pop()?;
                let key = self.pop()?;
                let target = self.top()?;
                self.set_items(target, &[key, value]);
            }
            op::SETITEMS => {
                let items = self.pop_mark()?;
                let target = self.top()?;
                self.set_items(target, &items);
            }
            _ => return self.execute_rare(code),
        }
        Ok(())
    }

    fn execute_rare(&mut self, code: u8) -> Result<(), Halt> {
        match code {
            op::POP => {
                if self.marks.last() == Some(&self.stack.len()) {
                    self.marks.pop();
                } else {
                    self.pop()?;
                }
            }
            op::POP_MARK => drop(self.pop_mark()?),
            op::DUP => {
                self.deviate(Quirk::Handmade, "DUP, which no pickler writes");
                let value = self.top()?;
                self.count_share(value);
                self.stack.push(value);
            }
            op::PROTO => self.protocol()?,
            op::FRAME => self.frame()?,
            op::ADDITEMS => {
                let items = self.pop_mark()?;
                let target = self.top()?;
                self.add_items(target, &items);
            }
            op::LIST => self.collect(Node::List)?,
            op::FROZENSET => self.collect(Node::Set)?,
            op::DICT => self.collect(Node::Dict)?,
            op::BUILD => {
                let state = self.pop()?;
                let target = self.top()?;
                self.build(target, state);
                self.read_array(target)?;
            }
            op::REDUCE => {
                let args = self.pop()?;
                let callee = self.pop()?;
                self.reduce(callee, args);
            }
            op::NEWOBJ => {
                let args = self.pop()?;
                let class = self.pop()?;
                let made = self.invoke(class, args, V::Absent, How::New);
                self.stack.push(made);
            }
            op::NEWOBJ_EX => {
                let kwargs = self.pop()?;
                let args = self.pop()?;
                let class = self.pop()?;
                let made = self.invoke(class, args, kwargs, How::New);
                self.stack.push(made);
            }
            op::OBJ => self.obj()?,
            op::NEXT_BUFFER => self.stack.push(V::Buffer),
            op::READONLY_BUFFER => drop(self.top()?),
            op::BINPERSID => {
                let id = self.pop()?;
                self.push_persistent(id);
            }
            op::LONG_BINPUT => {
                let at = u64::from(self.cursor.u32_le("LONG_BINPUT")?);
                self.remember(at)?;
            }
            op::LONG_BINGET => {
                let at = u64::from(self.cursor.u32_le("LONG_BINGET")?);
                self.recall(at)?;
            }
            op::STACK_GLOBAL => self.stack_global()?,
            _ => return self.execute_constant(code),
        }
        Ok(())
    }

    fn execute_constant(&mut self, code: u8) -> Result<(), Halt> {
        match code {
            op::BINUNICODE => {
                let len = u64::from(self.cursor.u32_le("length of BINUNICODE")?);
                self.text_argument(len, "BINUNICODE")
            }
            op::BINUNICODE8 => {
                let len = self.cursor.u64_le("length of BINUNICODE8")?;
                self.text_argument(len, "BINUNICODE8")
            }
            op::SHORT_BINSTRING => {
                let len = u64::from(self.cursor.u8("length of SHORT_BINSTRING")?);
                self.text_argument(len, "SHORT_BINSTRING")
            }
            op::BINSTRING => {
                let len = self.signed_length("length of BINSTRING")?;
                self.text_argument(len, "BINSTRING")
            }
            op::SHORT_BINBYTES => {
                let len = u64::from(self.cursor.u8("length of SHORT_BINBYTES")?);
                self.bytes_argument(len, "SHORT_BINBYTES")
            }
            op::BINBYTES => {
                let len = u64::from(self.cursor.u32_le("length of BINBYTES")?);
                self.bytes_argument(len, "BINBYTES")
            }
            op::BINBYTES8 => {
                let len = self.cursor.u64_le("length of BINBYTES8")?;
                self.bytes_argument(len, "BINBYTES8")
            }
            op::BYTEARRAY8 => {
                let len = self.cursor.u64_le("length of BYTEARRAY8")?;
                self.bytes_argument(len, "BYTEARRAY8")
            }
            op::LONG1 => {
                let len = u64::from(self.cursor.u8("length of LONG1")?);
                self.binary_long(len)
            }
            op::LONG4 => {
                let len = self.signed_length("length of LONG4")?;
                self.binary_long(len)
            }
            op::EXT1 => {
                let code = u64::from(self.cursor.u8("EXT1")?);
                self.extension(code)
            }
            op::EXT2 => {
                let code = u64::from(self.cursor.u16_le("EXT2")?);
                self.extension(code)
            }
            op::EXT4 => {
                let code = self.signed_length("EXT4")?;
                self.extension(code)
            }
            op::GLOBAL => self.global(),
            op::INST => self.inst(),
            _ => self.execute_text(code),
        }
    }

    /// The opcodes of protocol 0 whose argument is a line.
    fn execute_text(&mut self, code: u8) -> Result<(), Halt> {
        if op::opcode(code).is_none() {
            return Err(Halt::malformed(self.step.at, format!("no opcode is {code:#04x}")));
        }
        let line = self.cursor.line(LINE_KEPT)?;
        if !line.ended {
            let name = op::name(code);
            return Err(Halt::malformed(self.step.at, format!("{name} without its newline")));
        }
        match code {
            op::INT => self.int(&line.text),
            op::LONG => {
                let number = number::long(&line.text).ok_or_else(|| self.not_a_number("LONG"))?;
                self.push_whole(number);
                Ok(())
            }
            op::FLOAT => {
                self.push_node(Node::Float(super::constant::float(&line.text)));
                Ok(())
            }
            op::STRING => self.string(&line),
            op::UNICODE => self.unicode(&line),
            op::PERSID => {
                if !line.text.is_ascii() {
                    return Err(Halt::malformed(self.step.at, "PERSID that is not ASCII"));
                }
                let id = self.heap.text(&line.text, line.span);
                self.push_node(Node::Persistent(id));
                Ok(())
            }
            op::GET => {
                let at = number::index(&line.text).ok_or_else(|| self.not_a_number("GET"))?;
                self.recall(at)
            }
            op::PUT => {
                let at = number::index(&line.text).ok_or_else(|| self.not_a_number("PUT"))?;
                self.remember(at)
            }
            _ => Err(Halt::malformed(self.step.at, format!("no opcode is {code:#04x}"))),
        }
    }

    // The stack.

    fn fence(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    #[inline]
    pub(super) fn top(&self) -> Result<V, Halt> {
        match self.stack.last() {
            Some(value) if self.stack.len() > self.fence() => Ok(*value),
            _ => Err(self.underflow()),
        }
    }

    #[inline]
    pub(super) fn pop(&mut self) -> Result<V, Halt> {
        if self.stack.len() > self.fence()
            && let Some(value) = self.stack.pop()
        {
            return Ok(value);
        }
        Err(self.underflow())
    }

    #[cold]
    pub(super) fn underflow(&self) -> Halt {
        let name = op::name(self.step.code);
        Halt::malformed(self.step.at, format!("{name} finds nothing on the stack"))
    }

    pub(super) fn pop_mark(&mut self) -> Result<Vec<V>, Halt> {
        match self.marks.pop() {
            Some(mark) => Ok(self.stack.split_off(mark.min(self.stack.len()))),
            None => {
                let name = op::name(self.step.code);
                Err(Halt::malformed(self.step.at, format!("{name} finds no MARK")))
            }
        }
    }

    /// What the loader returns for an id. PyTorch keeps a class with its source under one of its own,
    /// and returns the class (`torch.serialization._legacy_load`, `persistent_load`).
    fn push_persistent(&mut self, id: V) {
        let class = match self.heap.sequence(id) {
            Some([kind, class, ..]) if self.heap.name(*class).is_some() => {
                let is_module = self.heap.string(*kind, 6).is_some_and(|kind| kind == "module");
                is_module.then_some(*class)
            }
            _ => None,
        };
        match class {
            Some(class) => self.stack.push(class),
            None => self.push_node(Node::Persistent(id)),
        }
    }

    pub(super) fn push_node(&mut self, node: Node) {
        let value = self.heap.push(node);
        self.stack.push(value);
    }

    fn push_container(&mut self, make: fn(Items) -> Node) {
        let value = self.heap.container(make);
        self.stack.push(value);
    }

    fn make_tuple(&mut self, count: usize) -> Result<(), Halt> {
        let start = self.stack.len().checked_sub(count).filter(|start| *start >= self.fence());
        let Some(start) = start else { return Err(self.underflow()) };
        let tuple = self.heap.tuple(self.stack.get(start..).unwrap_or_default());
        self.stack.truncate(start);
        self.stack.push(tuple);
        Ok(())
    }

    fn collect(&mut self, make: fn(Items) -> Node) -> Result<(), Halt> {
        let items = self.pop_mark()?;
        let value = self.heap.container(make);
        match self.heap.node(value) {
            Some(Node::Dict(_)) => {
                if items.len() % 2 == 1 {
                    self.deviate(Quirk::SizeMismatch, "DICT of an odd number of values: CPython refuses it, PyTorch's C++ unpickler reads past the end");
                }
                self.heap.extend_pairs(value, &items);
            }
            Some(Node::List(_) | Node::Set(_)) => self.heap.extend(value, &items),
            _ => {}
        }
        self.stack.push(value);
        Ok(())
    }

    // The memo.

    fn remember(&mut self, at: u64) -> Result<(), Halt> {
        if at > self.step.index.saturating_add(HUGE_INDEX) {
            self.deviate(Quirk::HugeIndex, "memo index far beyond the size of the pickle: the C unpickler runs out of memory, the Python one takes it");
        }
        self.memo.put(at, self.top()?);
        Ok(())
    }

    #[inline]
    fn recall(&mut self, at: u64) -> Result<(), Halt> {
        let Some(value) = self.memo.fetch(at) else {
            return Err(Halt::malformed(self.step.at, format!("memo has no entry {at}")));
        };
        self.count_share(value);
        self.stack.push(value);
        Ok(())
    }

    #[inline]
    fn count_share(&mut self, value: V) {
        if matches!(value, V::Box(_)) {
            self.shares = self.shares.saturating_add(1);
        }
    }

    /// A file object without `peek` is left behind the whole frame that STOP stands in.
    pub(super) fn note_detour(&mut self, at: u64) {
        if self.detours.len() < DETOURS {
            self.detours.push((at, self.shared.clone()));
        }
        self.deviate(Quirk::Handmade, "STOP before the end of its frame, which no pickler writes");
    }

    /// Goes on as the loader does that has taken a detour.
    pub(super) fn take_detour(&mut self, memo: Memo) {
        self.shared = memo;
    }

    // What no pickler writes.

    /// A pickler memoizes a value once.
    #[inline]
    fn check_twice(&mut self, code: u8) {
        if self.before == code {
            self.deviate(Quirk::Handmade, "the same value memoized twice, which no pickler does");
        }
    }

    /// A pickler of protocol 1 and later appends single items to a list at most once, at its end.
    #[inline]
    fn check_batch(&mut self, target: V) {
        if self.protocols > 0 && self.appended == target {
            self.deviate(
                Quirk::Handmade,
                "items appended to a list one by one, which no pickler does since protocol 1",
            );
        }
        self.appended = target;
    }

    // Streams within streams.

    /// From here on another pickle is read, whose value takes the place of what is on top.
    ///
    /// # Errors
    /// When such pickles nest too deep: read on as part of this one, they would tell something else.
    pub(super) fn begin_nested(&mut self) -> Result<(), Halt> {
        if self.interrupted.len() >= NESTED {
            return Err(Halt::exhausted(self.step.at, "pickles nested too deep in one another"));
        }
        self.interrupted.push(Interrupted {
            stack: std::mem::take(&mut self.stack),
            marks: std::mem::take(&mut self.marks),
            memo: std::mem::take(&mut self.memo),
        });
        self.frame_end = u64::MAX;
        self.first = self.step.index.saturating_add(1);
        Ok(())
    }

    /// Whether a pickle within another one is read.
    pub(super) fn is_nested(&self) -> bool {
        !self.interrupted.is_empty()
    }

    /// Goes back to the stream that the one that ends here has interrupted, if there is one.
    fn end_nested(&mut self, value: V) -> bool {
        let Some(outer) = self.interrupted.pop() else { return false };
        self.stack = outer.stack;
        self.marks = outer.marks;
        self.memo = outer.memo;
        self.frame_end = u64::MAX;
        if let Some(top) = self.stack.last_mut() {
            *top = value;
        }
        true
    }

    /// Records a break of form at the current opcode, once per kind and opcode code: a stream may
    /// repeat the same oddity a million times.
    pub(super) fn deviate(&mut self, quirk: Quirk, what: &str) {
        if self.noted.insert((quirk, self.step.code)) {
            self.reading.deviation(quirk, self.step.span(), self.step.route(), what);
        }
    }

    /// A few bytes that stand for more items than any memory holds ("billion laughs").
    fn check_expansion(&mut self, value: V, end: u64) {
        if self.shares < 16 {
            return;
        }
        let weight = super::weight::weight(&self.heap, value);
        if weight > super::weight::TOO_HEAVY.max(end.saturating_mul(1000)) {
            let what = format!("{end} bytes of pickle stand for {weight:.0e} values when walked");
            self.deviate(Quirk::Expansion, &what);
            // What it stands for is not walked, and so not read.
            self.reading.gap(Span::new(0, end), Why::Halted(Blame::Exhausted), &what);
        }
    }
}

/// The outcome that reaches further, of two loaders that are both real: what follows the stream is
/// looked for behind it.
fn better(one: Result<End, Halt>, other: Result<End, Halt>) -> Result<End, Halt> {
    match (one, other) {
        (Ok(one), Ok(other)) if other.at > one.at => Ok(other),
        (Ok(end), _) | (Err(_), Ok(end)) => Ok(end),
        (Err(one), Err(other)) => Err(if other.at() > one.at() { other } else { one }),
    }
}
