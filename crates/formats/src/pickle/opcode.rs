//! The 68 opcodes: their names, the shape of their arguments and what they do to the stack.

/// The shape of an opcode's argument.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Argument {
    /// A length of so many little-endian bytes, and that many bytes.
    Counted(usize),
    /// So many bytes.
    Fixed(usize),
    /// Text up to a newline.
    Line,
    /// Nothing.
    None,
    /// Two lines.
    TwoLines,
}

/// What an opcode does to the depth of the stack.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Effect {
    /// Takes so many and leaves so many.
    Plain(usize, usize),
    /// Takes everything down to the last mark, then so many more, and leaves so many.
    ToMark(usize, usize),
    /// Puts a mark.
    Mark,
    /// Takes one value, or the last mark where that is on top.
    Pop,
    /// Ends the stream.
    Stop,
}

/// One opcode (names as in CPython's `pickletools`).
#[derive(Clone, Copy, Debug)]
pub(super) struct Opcode {
    pub(super) code: u8,
    pub(super) name: &'static str,
    pub(super) argument: Argument,
    pub(super) effect: Effect,
}

/// The opcode that `code` stands for.
pub(super) fn opcode(code: u8) -> Option<&'static Opcode> {
    let at = OPCODES.binary_search_by_key(&code, |opcode| opcode.code).ok()?;
    OPCODES.get(at)
}

/// The name of `code`, for routes and messages.
pub(super) fn name(code: u8) -> &'static str {
    opcode(code).map_or("?", |opcode| opcode.name)
}

/// All opcodes, by code.
#[rustfmt::skip]
const OPCODES: &[Opcode] = &[
    Opcode { code: 0x28, name: "MARK", argument: Argument::None, effect: Effect::Mark },
    Opcode { code: 0x29, name: "EMPTY_TUPLE", argument: Argument::None, effect: Effect::Plain(0, 1) },
    Opcode { code: 0x2e, name: "STOP", argument: Argument::None, effect: Effect::Stop },
    Opcode { code: 0x30, name: "POP", argument: Argument::None, effect: Effect::Pop },
    Opcode { code: 0x31, name: "POP_MARK", argument: Argument::None, effect: Effect::ToMark(0, 0) },
    Opcode { code: 0x32, name: "DUP", argument: Argument::None, effect: Effect::Plain(1, 2) },
    Opcode { code: 0x42, name: "BINBYTES", argument: Argument::Counted(4), effect: Effect::Plain(0, 1) },
    Opcode { code: 0x43, name: "SHORT_BINBYTES", argument: Argument::Counted(1), effect: Effect::Plain(0, 1) },
    Opcode { code: 0x46, name: "FLOAT", argument: Argument::Line, effect: Effect::Plain(0, 1) },
    Opcode { code: 0x47, name: "BINFLOAT", argument: Argument::Fixed(8), effect: Effect::Plain(0, 1) },
    Opcode { code: 0x49, name: "INT", argument: Argument::Line, effect: Effect::Plain(0, 1) },
    Opcode { code: 0x4a, name: "BININT", argument: Argument::Fixed(4), effect: Effect::Plain(0, 1) },
    Opcode { code: 0x4b, name: "BININT1", argument: Argument::Fixed(1), effect: Effect::Plain(0, 1) },
    Opcode { code: 0x4c, name: "LONG", argument: Argument::Line, effect: Effect::Plain(0, 1) },
    Opcode { code: 0x4d, name: "BININT2", argument: Argument::Fixed(2), effect: Effect::Plain(0, 1) },
    Opcode { code: 0x4e, name: "NONE", argument: Argument::None, effect: Effect::Plain(0, 1) },
    Opcode { code: 0x50, name: "PERSID", argument: Argument::Line, effect: Effect::Plain(0, 1) },
    Opcode { code: 0x51, name: "BINPERSID", argument: Argument::None, effect: Effect::Plain(1, 1) },
    Opcode { code: 0x52, name: "REDUCE", argument: Argument::None, effect: Effect::Plain(2, 1) },
    Opcode { code: 0x53, name: "STRING", argument: Argument::Line, effect: Effect::Plain(0, 1) },
    Opcode { code: 0x54, name: "BINSTRING", argument: Argument::Counted(4), effect: Effect::Plain(0, 1) },
    Opcode { code: 0x55, name: "SHORT_BINSTRING", argument: Argument::Counted(1), effect: Effect::Plain(0, 1) },
    Opcode { code: 0x56, name: "UNICODE", argument: Argument::Line, effect: Effect::Plain(0, 1) },
    Opcode { code: 0x58, name: "BINUNICODE", argument: Argument::Counted(4), effect: Effect::Plain(0, 1) },
    Opcode { code: 0x5d, name: "EMPTY_LIST", argument: Argument::None, effect: Effect::Plain(0, 1) },
    Opcode { code: 0x61, name: "APPEND", argument: Argument::None, effect: Effect::Plain(2, 1) },
    Opcode { code: 0x62, name: "BUILD", argument: Argument::None, effect: Effect::Plain(2, 1) },
    Opcode { code: 0x63, name: "GLOBAL", argument: Argument::TwoLines, effect: Effect::Plain(0, 1) },
    Opcode { code: 0x64, name: "DICT", argument: Argument::None, effect: Effect::ToMark(0, 1) },
    Opcode { code: 0x65, name: "APPENDS", argument: Argument::None, effect: Effect::ToMark(1, 1) },
    Opcode { code: 0x67, name: "GET", argument: Argument::Line, effect: Effect::Plain(0, 1) },
    Opcode { code: 0x68, name: "BINGET", argument: Argument::Fixed(1), effect: Effect::Plain(0, 1) },
    Opcode { code: 0x69, name: "INST", argument: Argument::TwoLines, effect: Effect::ToMark(0, 1) },
    Opcode { code: 0x6a, name: "LONG_BINGET", argument: Argument::Fixed(4), effect: Effect::Plain(0, 1) },
    Opcode { code: 0x6c, name: "LIST", argument: Argument::None, effect: Effect::ToMark(0, 1) },
    Opcode { code: 0x6f, name: "OBJ", argument: Argument::None, effect: Effect::ToMark(0, 1) },
    Opcode { code: 0x70, name: "PUT", argument: Argument::Line, effect: Effect::Plain(1, 1) },
    Opcode { code: 0x71, name: "BINPUT", argument: Argument::Fixed(1), effect: Effect::Plain(1, 1) },
    Opcode { code: 0x72, name: "LONG_BINPUT", argument: Argument::Fixed(4), effect: Effect::Plain(1, 1) },
    Opcode { code: 0x73, name: "SETITEM", argument: Argument::None, effect: Effect::Plain(3, 1) },
    Opcode { code: 0x74, name: "TUPLE", argument: Argument::None, effect: Effect::ToMark(0, 1) },
    Opcode { code: 0x75, name: "SETITEMS", argument: Argument::None, effect: Effect::ToMark(1, 1) },
    Opcode { code: 0x7d, name: "EMPTY_DICT", argument: Argument::None, effect: Effect::Plain(0, 1) },
    Opcode { code: 0x80, name: "PROTO", argument: Argument::Fixed(1), effect: Effect::Plain(0, 0) },
    Opcode { code: 0x81, name: "NEWOBJ", argument: Argument::None, effect: Effect::Plain(2, 1) },
    Opcode { code: 0x82, name: "EXT1", argument: Argument::Fixed(1), effect: Effect::Plain(0, 1) },
    Opcode { code: 0x83, name: "EXT2", argument: Argument::Fixed(2), effect: Effect::Plain(0, 1) },
    Opcode { code: 0x84, name: "EXT4", argument: Argument::Fixed(4), effect: Effect::Plain(0, 1) },
    Opcode { code: 0x85, name: "TUPLE1", argument: Argument::None, effect: Effect::Plain(1, 1) },
    Opcode { code: 0x86, name: "TUPLE2", argument: Argument::None, effect: Effect::Plain(2, 1) },
    Opcode { code: 0x87, name: "TUPLE3", argument: Argument::None, effect: Effect::Plain(3, 1) },
    Opcode { code: 0x88, name: "NEWTRUE", argument: Argument::None, effect: Effect::Plain(0, 1) },
    Opcode { code: 0x89, name: "NEWFALSE", argument: Argument::None, effect: Effect::Plain(0, 1) },
    Opcode { code: 0x8a, name: "LONG1", argument: Argument::Counted(1), effect: Effect::Plain(0, 1) },
    Opcode { code: 0x8b, name: "LONG4", argument: Argument::Counted(4), effect: Effect::Plain(0, 1) },
    Opcode { code: 0x8c, name: "SHORT_BINUNICODE", argument: Argument::Counted(1), effect: Effect::Plain(0, 1) },
    Opcode { code: 0x8d, name: "BINUNICODE8", argument: Argument::Counted(8), effect: Effect::Plain(0, 1) },
    Opcode { code: 0x8e, name: "BINBYTES8", argument: Argument::Counted(8), effect: Effect::Plain(0, 1) },
    Opcode { code: 0x8f, name: "EMPTY_SET", argument: Argument::None, effect: Effect::Plain(0, 1) },
    Opcode { code: 0x90, name: "ADDITEMS", argument: Argument::None, effect: Effect::ToMark(1, 1) },
    Opcode { code: 0x91, name: "FROZENSET", argument: Argument::None, effect: Effect::ToMark(0, 1) },
    Opcode { code: 0x92, name: "NEWOBJ_EX", argument: Argument::None, effect: Effect::Plain(3, 1) },
    Opcode { code: 0x93, name: "STACK_GLOBAL", argument: Argument::None, effect: Effect::Plain(2, 1) },
    Opcode { code: 0x94, name: "MEMOIZE", argument: Argument::None, effect: Effect::Plain(1, 1) },
    Opcode { code: 0x95, name: "FRAME", argument: Argument::Fixed(8), effect: Effect::Plain(0, 0) },
    Opcode { code: 0x96, name: "BYTEARRAY8", argument: Argument::Counted(8), effect: Effect::Plain(0, 1) },
    Opcode { code: 0x97, name: "NEXT_BUFFER", argument: Argument::None, effect: Effect::Plain(0, 1) },
    Opcode { code: 0x98, name: "READONLY_BUFFER", argument: Argument::None, effect: Effect::Plain(1, 1) },
];

pub(super) const MARK: u8 = 0x28;
pub(super) const EMPTY_TUPLE: u8 = 0x29;
pub(super) const STOP: u8 = 0x2e;
pub(super) const POP: u8 = 0x30;
pub(super) const POP_MARK: u8 = 0x31;
pub(super) const DUP: u8 = 0x32;
pub(super) const BINBYTES: u8 = 0x42;
pub(super) const SHORT_BINBYTES: u8 = 0x43;
pub(super) const FLOAT: u8 = 0x46;
pub(super) const BINFLOAT: u8 = 0x47;
pub(super) const INT: u8 = 0x49;
pub(super) const BININT: u8 = 0x4a;
pub(super) const BININT1: u8 = 0x4b;
pub(super) const LONG: u8 = 0x4c;
pub(super) const BININT2: u8 = 0x4d;
pub(super) const NONE: u8 = 0x4e;
pub(super) const PERSID: u8 = 0x50;
pub(super) const BINPERSID: u8 = 0x51;
pub(super) const REDUCE: u8 = 0x52;
pub(super) const STRING: u8 = 0x53;
pub(super) const BINSTRING: u8 = 0x54;
pub(super) const SHORT_BINSTRING: u8 = 0x55;
pub(super) const UNICODE: u8 = 0x56;
pub(super) const BINUNICODE: u8 = 0x58;
pub(super) const EMPTY_LIST: u8 = 0x5d;
pub(super) const APPEND: u8 = 0x61;
pub(super) const BUILD: u8 = 0x62;
pub(super) const GLOBAL: u8 = 0x63;
pub(super) const DICT: u8 = 0x64;
pub(super) const APPENDS: u8 = 0x65;
pub(super) const GET: u8 = 0x67;
pub(super) const BINGET: u8 = 0x68;
pub(super) const INST: u8 = 0x69;
pub(super) const LONG_BINGET: u8 = 0x6a;
pub(super) const LIST: u8 = 0x6c;
pub(super) const OBJ: u8 = 0x6f;
pub(super) const PUT: u8 = 0x70;
pub(super) const BINPUT: u8 = 0x71;
pub(super) const LONG_BINPUT: u8 = 0x72;
pub(super) const SETITEM: u8 = 0x73;
pub(super) const TUPLE: u8 = 0x74;
pub(super) const SETITEMS: u8 = 0x75;
pub(super) const EMPTY_DICT: u8 = 0x7d;
pub(super) const PROTO: u8 = 0x80;
pub(super) const NEWOBJ: u8 = 0x81;
pub(super) const EXT1: u8 = 0x82;
pub(super) const EXT2: u8 = 0x83;
pub(super) const EXT4: u8 = 0x84;
pub(super) const TUPLE1: u8 = 0x85;
pub(super) const TUPLE2: u8 = 0x86;
pub(super) const TUPLE3: u8 = 0x87;
pub(super) const NEWTRUE: u8 = 0x88;
pub(super) const NEWFALSE: u8 = 0x89;
pub(super) const LONG1: u8 = 0x8a;
pub(super) const LONG4: u8 = 0x8b;
pub(super) const SHORT_BINUNICODE: u8 = 0x8c;
pub(super) const BINUNICODE8: u8 = 0x8d;
pub(super) const BINBYTES8: u8 = 0x8e;
pub(super) const EMPTY_SET: u8 = 0x8f;
pub(super) const ADDITEMS: u8 = 0x90;
pub(super) const FROZENSET: u8 = 0x91;
pub(super) const NEWOBJ_EX: u8 = 0x92;
pub(super) const STACK_GLOBAL: u8 = 0x93;
pub(super) const MEMOIZE: u8 = 0x94;
pub(super) const FRAME: u8 = 0x95;
pub(super) const BYTEARRAY8: u8 = 0x96;
pub(super) const NEXT_BUFFER: u8 = 0x97;
pub(super) const READONLY_BUFFER: u8 = 0x98;
