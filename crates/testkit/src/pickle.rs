//! An assembler of pickles: one method per opcode, nothing checked, so that bad ones can be built.
//!
//! Opcodes and their arguments are those of CPython's `Lib/pickletools.py` (protocols 0 to 5).

/// A pickle in the making.
///
/// ```
/// use davy_testkit::pickle::Asm;
///
/// let bytes = Asm::new().proto(2).global("os", "system").text("id").tuple1().reduce().stop();
/// assert_eq!(bytes, b"\x80\x02cos\nsystem\nX\x02\x00\x00\x00id\x85R.");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Asm {
    bytes: Vec<u8>,
}

/// Opcodes without an argument, as methods.
macro_rules! bare {
    ($($name:ident $opcode:literal $doc:literal,)*) => {
        impl Asm {
            $(
                #[doc = $doc]
                #[must_use]
                pub fn $name(self) -> Self {
                    self.raw(&[$opcode])
                }
            )*
        }
    };
}

bare! {
    mark b'(' "MARK: the start of a list of arguments.",
    pop b'0' "POP: drops the top.",
    pop_mark b'1' "POP_MARK: drops everything down to the mark.",
    dup b'2' "DUP: pushes the top again.",
    none b'N' "NONE.",
    new_true 0x88 "NEWTRUE.",
    new_false 0x89 "NEWFALSE.",
    persistent b'Q' "BINPERSID: hands the top to `persistent_load`.",
    reduce b'R' "REDUCE: calls what lies below the arguments.",
    build b'b' "BUILD: sets the state of what lies below it.",
    empty_tuple b')' "EMPTY_TUPLE.",
    empty_list b']' "EMPTY_LIST.",
    empty_dict b'}' "EMPTY_DICT.",
    empty_set 0x8f "EMPTY_SET.",
    tuple b't' "TUPLE: of everything down to the mark.",
    tuple1 0x85 "TUPLE1.",
    tuple2 0x86 "TUPLE2.",
    tuple3 0x87 "TUPLE3.",
    list b'l' "LIST: of everything down to the mark.",
    dict b'd' "DICT: of everything down to the mark.",
    frozenset 0x91 "FROZENSET: of everything down to the mark.",
    append b'a' "APPEND.",
    appends b'e' "APPENDS.",
    setitem b's' "SETITEM.",
    setitems b'u' "SETITEMS.",
    additems 0x90 "ADDITEMS.",
    stack_global 0x93 "STACK_GLOBAL: looks up the two names on top.",
    obj b'o' "OBJ: an instance of what lies on the mark.",
    newobj 0x81 "NEWOBJ: `cls.__new__(cls, *args)`.",
    newobj_ex 0x92 "NEWOBJ_EX: `cls.__new__(cls, *args, **kwargs)`.",
    memoize 0x94 "MEMOIZE: puts the top under the next free index.",
    next_buffer 0x97 "NEXT_BUFFER.",
    readonly_buffer 0x98 "READONLY_BUFFER.",
}

impl Asm {
    /// An empty program, without a header.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// STOP, and the finished bytes.
    #[must_use]
    pub fn stop(self) -> Vec<u8> {
        self.raw(b".").bytes
    }

    /// The bytes as they are, without STOP.
    #[must_use]
    pub fn cut(self) -> Vec<u8> {
        self.bytes
    }

    /// Any bytes.
    #[must_use]
    pub fn raw(mut self, bytes: &[u8]) -> Self {
        self.bytes.extend_from_slice(bytes);
        self
    }

    /// Everything that another program does.
    #[must_use]
    pub fn then(self, other: Self) -> Self {
        self.raw(&other.bytes)
    }

    /// STOP, and another pickle behind it.
    #[must_use]
    pub fn next(self) -> Self {
        self.raw(b".")
    }

    /// PROTO.
    #[must_use]
    pub fn proto(self, protocol: u8) -> Self {
        self.raw(&[0x80, protocol])
    }

    /// FRAME around `inside`, with its true length.
    #[must_use]
    pub fn framed(self, inside: Self) -> Self {
        self.frame(length(&inside.bytes)).then(inside)
    }

    /// FRAME that claims `len` bytes.
    #[must_use]
    pub fn frame(self, len: u64) -> Self {
        self.raw(&[0x95]).raw(&len.to_le_bytes())
    }

    /// GLOBAL.
    #[must_use]
    pub fn global(self, module: &str, name: &str) -> Self {
        self.raw(format!("c{module}\n{name}\n").as_bytes())
    }

    /// INST.
    #[must_use]
    pub fn inst(self, module: &str, name: &str) -> Self {
        self.raw(format!("i{module}\n{name}\n").as_bytes())
    }

    /// Two texts and STACK_GLOBAL.
    #[must_use]
    pub fn lookup(self, module: &str, name: &str) -> Self {
        self.short_text(module).short_text(name).stack_global()
    }

    /// BINUNICODE.
    #[must_use]
    pub fn text(self, text: &str) -> Self {
        self.counted4(b'X', text.as_bytes())
    }

    /// SHORT_BINUNICODE; the length is cut to its lowest byte.
    #[must_use]
    pub fn short_text(self, text: &str) -> Self {
        self.counted1(0x8c, text.as_bytes())
    }

    /// BINUNICODE8.
    #[must_use]
    pub fn long_text(self, text: &str) -> Self {
        self.counted8(0x8d, text.as_bytes())
    }

    /// UNICODE, with `line` as it stands.
    #[must_use]
    pub fn unicode_line(self, line: &str) -> Self {
        self.raw(format!("V{line}\n").as_bytes())
    }

    /// STRING, with `line` as it stands, quotes included.
    #[must_use]
    pub fn string_line(self, line: &str) -> Self {
        self.raw(format!("S{line}\n").as_bytes())
    }

    /// BINSTRING, Python 2's `str`.
    #[must_use]
    pub fn string(self, bytes: &[u8]) -> Self {
        self.counted4(b'T', bytes)
    }

    /// SHORT_BINSTRING.
    #[must_use]
    pub fn short_string(self, bytes: &[u8]) -> Self {
        self.counted1(b'U', bytes)
    }

    /// BINBYTES.
    #[must_use]
    pub fn bytes(self, bytes: &[u8]) -> Self {
        self.counted4(b'B', bytes)
    }

    /// SHORT_BINBYTES.
    #[must_use]
    pub fn short_bytes(self, bytes: &[u8]) -> Self {
        self.counted1(b'C', bytes)
    }

    /// BINBYTES8.
    #[must_use]
    pub fn long_bytes(self, bytes: &[u8]) -> Self {
        self.counted8(0x8e, bytes)
    }

    /// BYTEARRAY8.
    #[must_use]
    pub fn bytearray(self, bytes: &[u8]) -> Self {
        self.counted8(0x96, bytes)
    }

    /// BININT.
    #[must_use]
    pub fn int(self, number: i32) -> Self {
        self.raw(b"J").raw(&number.to_le_bytes())
    }

    /// BININT1.
    #[must_use]
    pub fn int1(self, number: u8) -> Self {
        self.raw(&[b'K', number])
    }

    /// BININT2.
    #[must_use]
    pub fn int2(self, number: u16) -> Self {
        self.raw(b"M").raw(&number.to_le_bytes())
    }

    /// INT, with `line` as it stands.
    #[must_use]
    pub fn int_line(self, line: &str) -> Self {
        self.raw(format!("I{line}\n").as_bytes())
    }

    /// LONG, with `line` as it stands.
    #[must_use]
    pub fn long_line(self, line: &str) -> Self {
        self.raw(format!("L{line}\n").as_bytes())
    }

    /// LONG1: `number` holds the digits in two's complement, lowest byte first.
    #[must_use]
    pub fn long1(self, number: &[u8]) -> Self {
        self.counted1(0x8a, number)
    }

    /// LONG4.
    #[must_use]
    pub fn long4(self, number: &[u8]) -> Self {
        self.counted4(0x8b, number)
    }

    /// BINFLOAT.
    #[must_use]
    pub fn float(self, number: f64) -> Self {
        self.raw(b"G").raw(&number.to_be_bytes())
    }

    /// FLOAT, with `line` as it stands.
    #[must_use]
    pub fn float_line(self, line: &str) -> Self {
        self.raw(format!("F{line}\n").as_bytes())
    }

    /// PUT, with `line` as it stands.
    #[must_use]
    pub fn put_line(self, line: &str) -> Self {
        self.raw(format!("p{line}\n").as_bytes())
    }

    /// GET, with `line` as it stands.
    #[must_use]
    pub fn get_line(self, line: &str) -> Self {
        self.raw(format!("g{line}\n").as_bytes())
    }

    /// BINPUT.
    #[must_use]
    pub fn put(self, index: u8) -> Self {
        self.raw(&[b'q', index])
    }

    /// LONG_BINPUT.
    #[must_use]
    pub fn long_put(self, index: u32) -> Self {
        self.raw(b"r").raw(&index.to_le_bytes())
    }

    /// BINGET.
    #[must_use]
    pub fn fetch(self, index: u8) -> Self {
        self.raw(&[b'h', index])
    }

    /// LONG_BINGET.
    #[must_use]
    pub fn long_fetch(self, index: u32) -> Self {
        self.raw(b"j").raw(&index.to_le_bytes())
    }

    /// PERSID, with `line` as it stands.
    #[must_use]
    pub fn persistent_line(self, line: &str) -> Self {
        self.raw(format!("P{line}\n").as_bytes())
    }

    /// EXT1.
    #[must_use]
    pub fn ext1(self, code: u8) -> Self {
        self.raw(&[0x82, code])
    }

    /// EXT2.
    #[must_use]
    pub fn ext2(self, code: u16) -> Self {
        self.raw(&[0x83]).raw(&code.to_le_bytes())
    }

    /// EXT4.
    #[must_use]
    pub fn ext4(self, code: i32) -> Self {
        self.raw(&[0x84]).raw(&code.to_le_bytes())
    }

    fn counted1(self, opcode: u8, bytes: &[u8]) -> Self {
        let [len, ..] = length(bytes).to_le_bytes();
        self.raw(&[opcode, len]).raw(bytes)
    }

    fn counted4(self, opcode: u8, bytes: &[u8]) -> Self {
        let [a, b, c, d, ..] = length(bytes).to_le_bytes();
        self.raw(&[opcode, a, b, c, d]).raw(bytes)
    }

    fn counted8(self, opcode: u8, bytes: &[u8]) -> Self {
        self.raw(&[opcode]).raw(&length(bytes).to_le_bytes()).raw(bytes)
    }
}

fn length(bytes: &[u8]) -> u64 {
    davy_bytes::to_u64(bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_stand_before_what_they_count() {
        assert_eq!(Asm::new().short_text("ab").cut(), b"\x8c\x02ab");
        assert_eq!(Asm::new().bytes(b"ab").cut(), b"B\x02\0\0\0ab");
        assert_eq!(Asm::new().bytearray(b"a").cut(), b"\x96\x01\0\0\0\0\0\0\0a");
    }

    #[test]
    fn frames_hold_what_they_say() {
        let framed = Asm::new().proto(4).framed(Asm::new().none().raw(b"."));
        assert_eq!(framed.cut(), b"\x80\x04\x95\x02\0\0\0\0\0\0\0N.");
    }
}
