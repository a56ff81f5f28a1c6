//! Pickles that a loader takes in its own way, and what the reader makes of them.

use super::*;
use davy_artifact::{Fact, Manner};

fn read(bytes: &[u8]) -> (Reading, Option<Halt>) {
    let bytes = Bytes::from_memory(bytes.to_vec());
    let mut reading = Reading::default();
    let input = Input { bytes: &bytes, name: "x", role: Role::Present };
    let halt = Pickle.read(&input, &mut reading, &mut Budget::default()).err();
    (reading, halt)
}

fn imports(reading: &Reading) -> Vec<String> {
    let name = |fact: &Fact| match fact {
        Fact::Import { name, .. } => Some(name.dotted()),
        _ => None,
    };
    reading.facts.iter().filter_map(name).collect()
}

fn calls(reading: &Reading) -> Vec<String> {
    let shown = |fact: &Fact| match fact {
        Fact::Call { call, .. } => Some(call.to_string()),
        _ => None,
    };
    reading.facts.iter().filter_map(shown).collect()
}

#[test]
fn a_plain_call() {
    let (reading, halt) = read(b"cposix\nsystem\n(S'id'\ntR.");
    assert_eq!(halt, None);
    assert_eq!(imports(&reading), ["posix.system"]);
    assert_eq!(calls(&reading), ["posix.system('id')"]);
    assert!(reading.deviations.is_empty(), "{:?}", reading.deviations);
}

#[test]
fn what_ran_before_the_break_is_kept() {
    let (reading, halt) = read(b"\x80\x04cos\nsystem\n(S'id'\ntR\xff garbage");
    assert!(halt.is_some());
    assert_eq!(calls(&reading), ["os.system('id')"]);
}

#[test]
fn names_that_calls_compute() {
    // getattr(__import__('o' + 's'), 'sys' 'tem')('id')
    let (reading, _) = read(
        b"c__builtin__\ngetattr\n(c__builtin__\n__import__\n(coperator\nadd\n(S'o'\nS's'\ntRtRS'system'\ntR(S'id'\ntR.",
    );
    assert!(calls(&reading).contains(&"os.system('id')".to_owned()), "{:?}", calls(&reading));
}

#[test]
fn a_second_build_calls_what_the_first_one_injected() {
    // x = set(); x.__setstate__ = os.system (BUILD); then BUILD 'id'
    let (reading, _) =
        read(b"\x80\x04cfoo\nBar\n)\x81}\x8c\x0c__setstate__cos\nsystem\nsb\x8c\x02idb.");
    let hook = reading.facts.iter().any(|fact| {
        matches!(fact, Fact::Call { call, .. }
            if call.manner == Manner::Hook("__setstate__") && call.to_string().contains("os.system"))
    });
    assert!(hook, "{:?}", calls(&reading));
}

#[test]
fn partial_is_followed_to_what_it_wraps() {
    let (reading, _) = read(b"cfunctools\npartial\n(cos\nsystem\ntR(S'id'\ntR.");
    assert!(calls(&reading).contains(&"os.system('id')".to_owned()), "{:?}", calls(&reading));
}

#[test]
fn the_second_stream_behind_garbage_is_found() {
    let (reading, _) = read(b"\x80\x02N.\xfe\xfe\x80\x02cos\nsystem\n(S'id'\ntR.");
    assert_eq!(imports(&reading), ["os.system"]);
    assert_eq!(reading.deviations[0].quirk, Quirk::BytesBetween);
}

#[test]
fn a_pickle_in_base64_is_a_child() {
    let (reading, halt) = read(b"\x80\x02U\x1cgAJjb3MKc3lzdGVtClUCaWSFUi4=.");
    assert_eq!(halt, None);
    assert_eq!(reading.children.len(), 1, "{reading:?}");
}

#[test]
fn words_and_prose_are_no_pickle_but_their_look_alikes_are() {
    let probe = |head: &[u8]| {
        let bytes = Bytes::from_memory(head.to_vec());
        Pickle.probe(head, &Input { bytes: &bytes, name: "labels.txt", role: Role::Present })
    };
    for text in ["class Model:\n    pass\n", "cat\ndog\nfish\n", "int\nx\ny\n", "I am text.", "cos"]
    {
        assert_eq!(probe(text.as_bytes()), Probe::No, "{text:?}");
    }
    let mut words = "cat\ndog\n".to_owned() + &"x".repeat(4087);
    words.push('é');
    assert_eq!(words.len(), 4097, "the head ends within its last character");
    assert_eq!(probe(&words.as_bytes()[..4096]), Probe::No);
    assert_eq!(probe(b"cat\ndog\ncaf\xe9\n"), Probe::No);
    for pickle in [b"cos\nsystem\n(S'id'\ntR.".as_slice(), b"cos\nsystem\n\x8c\x02id\x85R\xff"] {
        assert_eq!(probe(pickle), Probe::Possible, "{}", pickle.escape_ascii());
    }
    assert_eq!(probe(b"\x80\x04\x95"), Probe::Certain);
}

#[test]
fn a_class_that_pytorch_keeps_with_its_source_is_that_class() {
    // persistent_load(('module', foo.Bar, 'bar.py', 'class Bar: pass')).__new__()
    let id =
        b"\x80\x02(X\x06\x00\x00\x00modulecfoo\nBar\nX\x01\x00\x00\x00fX\x01\x00\x00\x00stQ)\x81.";
    let (reading, _) = read(id);
    assert_eq!(calls(&reading), ["foo.Bar.__new__()"]);
    // Any other id stays what nobody knows.
    let other =
        b"\x80\x02(X\x06\x00\x00\x00storedcfoo\nBar\nX\x01\x00\x00\x00fX\x01\x00\x00\x00stQ)\x81.";
    let (reading, _) = read(other);
    assert!(!calls(&reading).contains(&"foo.Bar.__new__()".to_owned()), "{:?}", calls(&reading));
}

#[test]
fn what_calls_and_hands_out_by_name_is_followed() {
    for (pickle, call) in [
        // _wrapfunc(os, 'system', 'id')
        (&b"cnumpy.core.fromnumeric\n_wrapfunc\n(c__builtin__\n__import__\n(S'os'\ntRS'system'\nS'id'\ntR."[..], "os.system('id')"),
        // _wrapfunc(Path('x'), 'touch')
        (b"cnumpy._core.fromnumeric\n_wrapfunc\n(cpathlib\nPath\n(S'x'\ntRS'touch'\ntR.", "pathlib.Path('x').touch()"),
        // _get_module(_get_device_module('hub'), 'os.system')('id')
        (b"ctorch.ao.quantization.fuse_modules\n_get_module\n(ctorch.utils.checkpoint\n_get_device_module\n(S'hub'\ntRS'os.system'\ntR(S'id'\ntR.", "torch.hub.os.system('id')"),
        // Values.ensure_value(os, 'system', None)('id')
        (b"coptparse\nValues.ensure_value\n(c__builtin__\n__import__\n(S'os'\ntRS'system'\nNtR(S'id'\ntR.", "os.system('id')"),
        // _builtin_type('new_class')
        (b"ccloudpickle.cloudpickle\n_builtin_type\n(S'new_class'\ntR(S'id'\ntR.", "types.new_class('id')"),
        // dill._dill._getattr(<str>, 'lower', "<method 'lower' of 'str' objects>")('A')
        (b"cdill._dill\n_getattr\n(cdill._dill\n_load_type\n(S'str'\ntRS'lower'\nS\"<method 'lower' of 'str' objects>\"\ntR(S'A'\ntR.", "str.lower('A')"),
    ] {
        let (reading, _) = read(pickle);
        assert!(calls(&reading).contains(&call.to_owned()), "{call}: {:?}", calls(&reading));
    }
    // A type that is looked up stays what the call says, and a name that is computed stays unknown.
    let (reading, _) = read(b"ccloudpickle.cloudpickle\n_builtin_type\n(S'CodeType'\ntR.");
    assert_eq!(imports(&reading), ["cloudpickle.cloudpickle._builtin_type"]);
}

#[test]
fn the_state_of_a_wrapper_is_a_pickle_that_it_loads() {
    let build = |class: &str| {
        let state = b"cos\nsystem\n(S'id'\ntR.";
        let length = u8::try_from(state.len()).unwrap();
        let pickle =
            [b"\x80\x03c", class.as_bytes(), b"\n)\x81C", &[length][..], state, b"b."].concat();
        let (reading, _) = read(&pickle);
        reading.children.iter().any(|child| child.role == Role::Loaded)
    };
    assert!(build("gymnasium.vector.utils.misc\nCloudpickleWrapper"));
    assert!(!build("gymnasium.vector.utils.misc\nOther"));
}

#[test]
fn a_file_that_a_state_places_is_told() {
    let build = |state: &[u8]| {
        let class = &b"\x80\x02csklearn_crfsuite._fileresource\nFileResource\n)\x81}("[..];
        calls(&read(&[class, state, b"ub."].concat()).0)
    };
    let placed = build(b"U\x06prefixU\x05/tmp/U\x04nameN");
    assert!(placed.contains(&"tempfile.mkstemp('/tmp/')".to_owned()), "{placed:?}");
    let removed = build(b"U\x04autoI01\nU\x04nameU\x01x");
    assert!(removed.contains(&"os.unlink('x')".to_owned()), "{removed:?}");
    // What the library writes: a name of the temporary file's own.
    assert_eq!(build(b"U\x04autoI01\nU\x06prefixU\x05modelU\x04nameN").len(), 1);
}

#[test]
fn a_function_that_only_the_state_of_a_partial_names_is_told() {
    let partial = |made: &str| {
        let pickle = format!(
            "cfunctools\npartial\n({made}tR(coperator\nmethodcaller\n(S'touch'\ntR(I1\nt(dNtb."
        );
        let calls = calls(&read(pickle.as_bytes()).0);
        calls
            .iter()
            .filter(|call| call.starts_with("functools.partial("))
            .cloned()
            .collect::<Vec<_>>()
    };
    let told = partial("cmath\nfsum\n");
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!(told[1], "functools.partial(operator.methodcaller('touch'), 1)");
    // What pickle writes: the same function in both places.
    let honest = b"cfunctools\npartial\n(cmath\nfsum\ntR(cmath\nfsum\n(I1\nt(dNtb.";
    assert_eq!(calls(&read(honest).0), ["functools.partial(math.fsum)"]);
}
