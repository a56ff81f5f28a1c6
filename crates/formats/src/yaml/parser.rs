//! From tokens to events: the productions of YAML 1.1 (appendix of the PyYAML and libyaml parsers), as
//! a machine with its states on a stack of its own, so that nothing recurses however deep a file nests.

use super::scanner::{Directive, Kind, Scanner, Token, fault};
use davy_bytes::Halt;

/// What `!` and `!!` stand for where no directive says otherwise.
const HANDLES: [(&str, &str); 2] = [("!", "!"), ("!!", "tag:yaml.org,2002:")];

/// What a document is made of.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Event {
    Alias(String),
    DocumentEnd,
    DocumentStart,
    MappingEnd,
    MappingStart(Properties),
    Scalar {
        properties: Properties,
        text: String,
        /// Whether it stands without quotation marks and without a tag, so that its text tells its
        /// type.
        plain: bool,
    },
    SequenceEnd,
    SequenceStart(Properties),
    StreamEnd,
}

/// Anchor and tag of a node.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Properties {
    pub(super) anchor: Option<String>,
    /// With its handle replaced.
    pub(super) tag: Option<String>,
}

/// An event, and the bytes that it stands on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Placed {
    pub(super) event: Event,
    pub(super) start: usize,
    pub(super) end: usize,
}

#[derive(Clone, Copy, Debug)]
enum State {
    BlockMappingFirst,
    BlockMappingKey,
    BlockMappingValue,
    BlockNode,
    BlockSequence,
    BlockSequenceFirst,
    DocumentContent,
    DocumentEnd,
    DocumentStart,
    End,
    FlowMapping,
    FlowMappingEmpty,
    FlowMappingFirst,
    FlowMappingValue,
    FlowSequence,
    FlowSequenceFirst,
    /// A key and value among the entries of a flow sequence.
    FlowPairEnd,
    FlowPairKey,
    FlowPairValue,
    ImplicitStart,
    IndentlessSequence,
}

/// Where a node stands, which tells what it may be.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Place {
    Block,
    /// A value of a block mapping, where a sequence need not be indented.
    BlockValue,
    Flow,
}

/// The parser of one text.
pub(super) struct Parser<'t> {
    scanner: Scanner<'t>,
    state: State,
    states: Vec<State>,
    handles: Vec<(String, String)>,
}

impl<'t> Parser<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self {
            scanner: Scanner::new(text),
            state: State::ImplicitStart,
            states: Vec::new(),
            handles: defaults(),
        }
    }

    /// The next event; behind the end of the stream, its end again.
    pub(super) fn next(&mut self) -> Result<Placed, Halt> {
        match self.state {
            State::ImplicitStart => self.implicit_start(),
            State::DocumentStart => self.document_start(),
            State::DocumentContent => match self.kind()? {
                Kind::Directive(_) | Kind::DocumentStart | Kind::DocumentEnd | Kind::StreamEnd => {
                    self.empty_and_return()
                }
                _ => self.node(Place::Block),
            },
            State::DocumentEnd => self.document_end(),
            State::BlockNode => self.node(Place::Block),
            State::BlockSequenceFirst => {
                self.scanner.next()?;
                self.block_sequence()
            }
            State::BlockSequence => self.block_sequence(),
            State::IndentlessSequence => self.indentless_sequence(),
            State::BlockMappingFirst => {
                self.scanner.next()?;
                self.block_mapping_key()
            }
            State::BlockMappingKey => self.block_mapping_key(),
            State::BlockMappingValue => self.block_mapping_value(),
            State::FlowSequenceFirst => {
                self.scanner.next()?;
                self.flow_sequence(true)
            }
            State::FlowSequence => self.flow_sequence(false),
            State::FlowPairKey => self.flow_pair_key(),
            State::FlowPairValue => self.flow_pair_value(),
            State::FlowPairEnd => {
                self.state = State::FlowSequence;
                self.at_next(Event::MappingEnd)
            }
            State::FlowMappingFirst => {
                self.scanner.next()?;
                self.flow_mapping_key(true)
            }
            State::FlowMapping => self.flow_mapping_key(false),
            State::FlowMappingValue => self.flow_mapping_value(),
            State::FlowMappingEmpty => self.empty(State::FlowMapping),
            State::End => self.at_next(Event::StreamEnd),
        }
    }

    fn kind(&mut self) -> Result<&Kind, Halt> {
        self.scanner.peek().map(|token| &token.kind)
    }

    fn is(&mut self, wanted: impl FnOnce(&Kind) -> bool) -> Result<bool, Halt> {
        self.kind().map(wanted)
    }

    fn takes(&mut self, wanted: &Kind) -> Result<Option<Token>, Halt> {
        if self.is(|kind| kind == wanted)? { self.scanner.next().map(Some) } else { Ok(None) }
    }

    fn fail<T>(&mut self, what: &'static str) -> Result<T, Halt> {
        let at = self.scanner.peek()?.start;
        Err(fault(at, what))
    }

    fn pop(&mut self) {
        self.state = self.states.pop().unwrap_or(State::End);
    }

    /// An event of no length where the next token starts.
    fn at_next(&mut self, event: Event) -> Result<Placed, Halt> {
        let at = self.scanner.peek()?.start;
        Ok(Placed { event, start: at, end: at })
    }

    fn empty(&mut self, then: State) -> Result<Placed, Halt> {
        self.state = then;
        let (properties, text) = (Properties::default(), String::new());
        self.at_next(Event::Scalar { properties, text, plain: true })
    }

    fn empty_and_return(&mut self) -> Result<Placed, Halt> {
        self.pop();
        self.empty(self.state)
    }

    /// A node in `place`, and `then` behind it.
    fn node_then(&mut self, place: Place, then: State) -> Result<Placed, Halt> {
        self.states.push(then);
        self.node(place)
    }

    fn ended(&mut self, event: Event) -> Result<Placed, Halt> {
        let token = self.scanner.next()?;
        self.pop();
        Ok(Placed { event, start: token.start, end: token.end })
    }

    fn implicit_start(&mut self) -> Result<Placed, Halt> {
        let explicit = |kind: &Kind| {
            matches!(kind, Kind::Directive(_) | Kind::DocumentStart | Kind::StreamEnd)
        };
        if self.is(explicit)? {
            return self.document_start();
        }
        self.handles = defaults();
        self.states.push(State::DocumentEnd);
        self.state = State::BlockNode;
        self.at_next(Event::DocumentStart)
    }

    fn document_start(&mut self) -> Result<Placed, Halt> {
        while self.takes(&Kind::DocumentEnd)?.is_some() {}
        if self.is(|kind| *kind == Kind::StreamEnd)? {
            self.state = State::End;
            return self.at_next(Event::StreamEnd);
        }
        let start = self.scanner.peek()?.start;
        self.directives()?;
        let Some(token) = self.takes(&Kind::DocumentStart)? else {
            return self.fail("something else where a document should start");
        };
        self.states.push(State::DocumentEnd);
        self.state = State::DocumentContent;
        Ok(Placed { event: Event::DocumentStart, start, end: token.end })
    }

    fn directives(&mut self) -> Result<(), Halt> {
        let mut handles: Vec<(String, String)> = Vec::new();
        let mut version = false;
        while self.is(|kind| matches!(kind, Kind::Directive(_)))? {
            let Token { kind, start, .. } = self.scanner.next()?;
            match kind {
                Kind::Directive(Directive::Version(first)) => {
                    if version || !first {
                        return Err(fault(start, "a version that no loader takes"));
                    }
                    version = true;
                }
                Kind::Directive(Directive::Tag(handle, prefix)) => {
                    if handles.iter().any(|(known, _)| *known == handle) {
                        return Err(fault(start, "the same tag handle twice"));
                    }
                    handles.push((handle, prefix));
                }
                _ => {}
            }
        }
        // The ones behind are looked at where the file has none of that name.
        handles.extend(defaults());
        self.handles = handles;
        Ok(())
    }

    fn document_end(&mut self) -> Result<Placed, Halt> {
        self.state = State::DocumentStart;
        match self.takes(&Kind::DocumentEnd)? {
            Some(token) => {
                Ok(Placed { event: Event::DocumentEnd, start: token.start, end: token.end })
            }
            None => self.at_next(Event::DocumentEnd),
        }
    }

    fn node(&mut self, place: Place) -> Result<Placed, Halt> {
        if self.is(|kind| matches!(kind, Kind::Alias(_)))? {
            let Token { kind, start, end } = self.scanner.next()?;
            let name = if let Kind::Alias(name) = kind { name } else { String::new() };
            self.pop();
            return Ok(Placed { event: Event::Alias(name), start, end });
        }
        let first = self.scanner.peek()?.start;
        let (properties, last) = self.properties()?;
        let known = last.is_some();
        let token = self.scanner.peek()?;
        let (start, end) = (if known { first } else { token.start }, token.end);
        let next = match &token.kind {
            Kind::BlockEntry if place == Place::BlockValue => State::IndentlessSequence,
            Kind::Scalar { .. } => return self.scalar(properties, start),
            Kind::FlowSequenceStart => State::FlowSequenceFirst,
            Kind::FlowMappingStart => State::FlowMappingFirst,
            Kind::BlockSequenceStart if place != Place::Flow => State::BlockSequenceFirst,
            Kind::BlockMappingStart if place != Place::Flow => State::BlockMappingFirst,
            _ if known => {
                self.pop();
                let plain = properties.tag.as_ref().is_none_or(|tag| tag == "!");
                let event = Event::Scalar { properties, text: String::new(), plain };
                return Ok(Placed { event, start, end: last.unwrap_or(start) });
            }
            _ => return self.fail("something else where a value should stand"),
        };
        self.state = next;
        let event = match next {
            State::FlowMappingFirst | State::BlockMappingFirst => Event::MappingStart(properties),
            _ => Event::SequenceStart(properties),
        };
        Ok(Placed { event, start, end })
    }

    fn scalar(&mut self, properties: Properties, start: usize) -> Result<Placed, Halt> {
        let Token { kind, end, .. } = self.scanner.next()?;
        self.pop();
        let Kind::Scalar { text, plain } = kind else { return self.fail("no scalar") };
        let plain = match properties.tag.as_deref() {
            None => plain,
            Some(tag) => tag == "!",
        };
        Ok(Placed { event: Event::Scalar { properties, text, plain }, start, end })
    }

    /// Anchor and tag, in either order, and where they end if there is one.
    fn properties(&mut self) -> Result<(Properties, Option<usize>), Halt> {
        let mut properties = Properties::default();
        let mut last = None;
        for _ in 0..2 {
            match self.kind()? {
                Kind::Anchor(_) if properties.anchor.is_none() => {
                    let Token { kind, end, .. } = self.scanner.next()?;
                    last = Some(end);
                    if let Kind::Anchor(name) = kind {
                        properties.anchor = Some(name);
                    }
                }
                Kind::Tag(..) if properties.tag.is_none() => {
                    let Token { kind, start, end } = self.scanner.next()?;
                    last = Some(end);
                    let Kind::Tag(handle, suffix) = kind else { continue };
                    properties.tag = Some(self.whole(handle, suffix, start)?);
                }
                _ => break,
            }
        }
        Ok((properties, last))
    }

    fn whole(&self, handle: Option<String>, suffix: String, at: usize) -> Result<String, Halt> {
        let Some(handle) = handle else { return Ok(suffix) };
        let prefix = self.handles.iter().find(|(known, _)| *known == handle);
        let (_, prefix) =
            prefix.ok_or_else(|| fault(at, "a tag whose handle stands for nothing"))?;
        Ok(format!("{prefix}{suffix}"))
    }

    fn block_sequence(&mut self) -> Result<Placed, Halt> {
        if self.takes(&Kind::BlockEntry)?.is_some() {
            return match self.kind()? {
                Kind::BlockEntry | Kind::BlockEnd => self.empty(State::BlockSequence),
                _ => self.node_then(Place::Block, State::BlockSequence),
            };
        }
        if self.is(|kind| *kind != Kind::BlockEnd)? {
            return self.fail("something else where a sequence should go on or end");
        }
        self.ended(Event::SequenceEnd)
    }

    fn indentless_sequence(&mut self) -> Result<Placed, Halt> {
        if self.takes(&Kind::BlockEntry)?.is_some() {
            return match self.kind()? {
                Kind::BlockEntry | Kind::Key | Kind::Value | Kind::BlockEnd => {
                    self.empty(State::IndentlessSequence)
                }
                _ => self.node_then(Place::Block, State::IndentlessSequence),
            };
        }
        self.pop();
        self.at_next(Event::SequenceEnd)
    }

    fn block_mapping_key(&mut self) -> Result<Placed, Halt> {
        if self.takes(&Kind::Key)?.is_some() {
            return self.block_mapping_node(State::BlockMappingValue);
        }
        if self.is(|kind| *kind != Kind::BlockEnd)? {
            return self.fail("something else where a mapping should go on or end");
        }
        self.ended(Event::MappingEnd)
    }

    fn block_mapping_value(&mut self) -> Result<Placed, Halt> {
        if self.takes(&Kind::Value)?.is_some() {
            return self.block_mapping_node(State::BlockMappingKey);
        }
        self.empty(State::BlockMappingKey)
    }

    fn block_mapping_node(&mut self, then: State) -> Result<Placed, Halt> {
        match self.kind()? {
            Kind::Key | Kind::Value | Kind::BlockEnd => self.empty(then),
            _ => self.node_then(Place::BlockValue, then),
        }
    }

    fn flow_sequence(&mut self, first: bool) -> Result<Placed, Halt> {
        if self.is(|kind| *kind != Kind::FlowSequenceEnd)? {
            if !first && self.takes(&Kind::FlowEntry)?.is_none() {
                return self.fail("no `,` or `]` in a sequence");
            }
            if self.is(|kind| *kind == Kind::Key)? {
                self.state = State::FlowPairKey;
                return self.at_next(Event::MappingStart(Properties::default()));
            }
            if self.is(|kind| *kind != Kind::FlowSequenceEnd)? {
                return self.node_then(Place::Flow, State::FlowSequence);
            }
        }
        self.ended(Event::SequenceEnd)
    }

    fn flow_pair_key(&mut self) -> Result<Placed, Halt> {
        self.scanner.next()?;
        match self.kind()? {
            Kind::Value | Kind::FlowEntry | Kind::FlowSequenceEnd => {
                self.empty(State::FlowPairValue)
            }
            _ => self.node_then(Place::Flow, State::FlowPairValue),
        }
    }

    fn flow_pair_value(&mut self) -> Result<Placed, Halt> {
        if self.takes(&Kind::Value)?.is_none() {
            return self.empty(State::FlowPairEnd);
        }
        match self.kind()? {
            Kind::FlowEntry | Kind::FlowSequenceEnd => self.empty(State::FlowPairEnd),
            _ => self.node_then(Place::Flow, State::FlowPairEnd),
        }
    }

    fn flow_mapping_key(&mut self, first: bool) -> Result<Placed, Halt> {
        if self.is(|kind| *kind != Kind::FlowMappingEnd)? {
            if !first && self.takes(&Kind::FlowEntry)?.is_none() {
                return self.fail("no `,` or `}` in a mapping");
            }
            if self.takes(&Kind::Key)?.is_some() {
                return match self.kind()? {
                    Kind::Value | Kind::FlowEntry | Kind::FlowMappingEnd => {
                        self.empty(State::FlowMappingValue)
                    }
                    _ => self.node_then(Place::Flow, State::FlowMappingValue),
                };
            }
            if self.is(|kind| *kind != Kind::FlowMappingEnd)? {
                return self.node_then(Place::Flow, State::FlowMappingEmpty);
            }
        }
        self.ended(Event::MappingEnd)
    }

    fn flow_mapping_value(&mut self) -> Result<Placed, Halt> {
        if self.takes(&Kind::Value)?.is_none() {
            return self.empty(State::FlowMapping);
        }
        match self.kind()? {
            Kind::FlowEntry | Kind::FlowMappingEnd => self.empty(State::FlowMapping),
            _ => self.node_then(Place::Flow, State::FlowMapping),
        }
    }
}

fn defaults() -> Vec<(String, String)> {
    HANDLES.map(|(handle, prefix)| (handle.to_owned(), prefix.to_owned())).to_vec()
}
