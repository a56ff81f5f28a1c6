//! Tests of the reader of files of R beyond its corpus.

use super::R;
use davy_artifact::{Fact, Format, Input, Reading, Role, Value};
use davy_bytes::{Budget, Bytes, Halt, Limits};

const HEAD: &[u8] = b"X\n\0\0\0\x03\0\x04\x02\x02\0\x03\x05\0\0\0\0\x05UTF-8";

fn int(number: i32) -> Vec<u8> {
    number.to_be_bytes().to_vec()
}

fn symbol(name: &str) -> Vec<u8> {
    [int(1), int(9), int(name.len().try_into().unwrap()), name.into()].concat()
}

fn text(text: &str) -> Vec<u8> {
    [int(16), int(1), int(9), int(text.len().try_into().unwrap()), text.into()].concat()
}

/// A call with these arguments.
fn call(name: &str, args: &[Vec<u8>]) -> Vec<u8> {
    let cells = args.iter().flat_map(|arg| [int(2), arg.clone()].concat()).collect();
    [int(6), symbol(name), cells, int(254)].concat()
}

/// A promise of this code in the global environment.
fn promise(code: &[u8]) -> Vec<u8> {
    [HEAD.to_vec(), int(0x405), int(253), int(252), code.to_vec()].concat()
}

fn read(bytes: Vec<u8>) -> (Reading, Result<(), Halt>) {
    let bytes = Bytes::from_memory(bytes);
    let input = Input { bytes: &bytes, name: "name", role: Role::Loaded };
    let mut reading = Reading::default();
    let outcome = R.read(&input, &mut reading, &mut Budget::new(Limits::default()));
    (reading, outcome)
}

fn called(bytes: Vec<u8>) -> Vec<String> {
    let (reading, outcome) = read(bytes);
    assert_eq!(outcome, Ok(()));
    let call = |fact: &Fact| match fact {
        Fact::Call { call, .. } => Some(call.to_string()),
        _ => None,
    };
    reading.facts.iter().filter_map(call).collect()
}

#[test]
fn names_that_code_puts_together_are_followed() {
    let name = || call("paste0", &[text("sys"), text("tem")]);
    let got = [int(6), call("get", &[name()]), int(2), text("id"), int(254)].concat();
    assert!(called(promise(&got)).contains(&"system('id')".to_owned()));
    let through = call("do.call", &[name(), call("list", &[text("id")])]);
    assert!(called(promise(&through)).contains(&"system('id')".to_owned()));
    let package = [int(6), call("::", &[symbol("base"), symbol("system")]), int(2), text("id")];
    let package = [package.concat(), int(254)].concat();
    assert_eq!(called(promise(&package)), ["system('id')"]);
    let other = [int(6), call("::", &[symbol("callr"), symbol("r")]), int(254)].concat();
    assert_eq!(called(promise(&other)), ["callr::r()"]);
}

#[test]
fn text_by_numbers_is_text() {
    let numbers = [int(13), int(2), int(105), int(100)].concat();
    let text = call("intToUtf8", &[numbers]);
    assert_eq!(called(promise(&call("system", &[text])))[1], "system('id')");
}

#[test]
fn depth_is_no_matter() {
    let deep = [int(19), int(1)].concat().repeat(200_000);
    let (_, outcome) = read([HEAD.to_vec(), deep, int(254)].concat());
    assert_eq!(outcome, Ok(()));
    let code: Vec<u8> = [int(6), symbol("f"), int(2)].concat().repeat(50_000);
    let ends = int(254).repeat(50_001);
    let (reading, outcome) = read(promise(&[code, ends].concat()));
    assert_eq!(outcome, Ok(()));
    assert!(reading.facts.iter().any(|fact| matches!(fact, Fact::Call { .. })));
}

#[test]
fn parts_of_code_that_are_shared_many_times_end() {
    // paste0(x, x, ...) of itself: each level is one part, and refers to the one below eight times.
    let level = |number: i32, below: Vec<u8>, again: Vec<u8>| {
        let part = [int(244), int(number), int(6), int(254), int(1), symbol("paste0")].concat();
        let cell = |arg: &[u8]| [int(2), int(254), arg.to_vec()].concat();
        [part, cell(&below), cell(&again).repeat(7), int(254), int(254)].concat()
    };
    let leaf = [int(16), text("x")].concat();
    let mut code = level(40, leaf.clone(), leaf);
    for number in (0..40).rev() {
        code = level(number, code, [int(243), int(number + 1)].concat());
    }
    let instructions = [int(13), int(1), int(12)].concat();
    let body = [int(21), int(64), instructions, int(1), code].concat();
    let function = [HEAD.to_vec(), int(0x403), int(253), int(254), body].concat();
    let (reading, outcome) = read(function);
    assert!(outcome.is_ok() || outcome.unwrap_err().what().contains("more code"));
    assert!(reading.facts.iter().any(|fact| matches!(fact, Fact::Code { .. })));
}

#[test]
fn what_was_read_before_a_fault_is_told() {
    let list = [int(19), int(2), text("kept"), int(99)].concat();
    let (reading, outcome) = read([HEAD.to_vec(), list].concat());
    assert_eq!(outcome.unwrap_err().what(), "an object of type 99, which R does not write");
    assert!(reading.facts.iter().any(|fact| matches!(fact, Fact::Object { .. })));
}

#[test]
fn places_are_within_files_of_the_text_form() {
    let text = b"A\n3\n262658\n9119\n3\n121\n3\n";
    let (reading, outcome) = read(text.to_vec());
    assert!(outcome.is_err());
    let end = text.len().try_into().unwrap();
    assert!(reading.facts.iter().all(|fact| fact.site().span.end() <= end));
    assert!(reading.facts.iter().any(|fact| matches!(fact, Fact::Code { .. })));
}

#[test]
fn values_are_what_the_code_says() {
    let kept = [int(10), int(1), int(1)].concat();
    let (reading, _) = read(promise(&call("f", &[kept, text("a"), int(254), symbol("x")])));
    let made = reading.facts.iter().find_map(|fact| match fact {
        Fact::Call { call, .. } => Some(call),
        _ => None,
    });
    let args = &made.unwrap().args;
    assert_eq!(args[0], Value::Bool(true));
    assert_eq!(args[2..], [Value::None, Value::Unknown("a variable")]);
}

#[test]
fn many_arguments_hide_nothing() {
    let filler = vec![int(254); 150_000];
    let inner = call("system", &[text("id")]);
    let all: Vec<Vec<u8>> = filler.into_iter().chain([inner]).collect();
    assert!(called(promise(&call("list", &all))).contains(&"system('id')".to_owned()));
    let tagged = [int(0x402), symbol("FUN"), symbol("system")].concat();
    let plain = [int(2), int(254)].concat().repeat(40);
    let through = [int(6), symbol("lapply"), plain, tagged, int(254)].concat();
    let calls = called(promise(&through));
    assert!(calls.iter().any(|call| call.starts_with("system(")), "{calls:?}");
}
