use super::*;
use davy_testkit::robust;

/// Fields of a file in either byte order.
struct Forge {
    bytes: Vec<u8>,
    big: bool,
}

impl Forge {
    fn new(version: u32, big: bool, tensors: u64, pairs: u64) -> Self {
        let mut forge = Self { bytes: MAGIC.to_vec(), big };
        forge.u32(version);
        forge.count(version, tensors);
        forge.count(version, pairs);
        forge
    }

    fn u32(&mut self, number: u32) {
        let bytes = if self.big { number.to_be_bytes() } else { number.to_le_bytes() };
        self.bytes.extend(bytes);
    }

    fn u64(&mut self, number: u64) {
        let bytes = if self.big { number.to_be_bytes() } else { number.to_le_bytes() };
        self.bytes.extend(bytes);
    }

    fn count(&mut self, version: u32, count: u64) {
        if version == 1 { self.u32(u32::try_from(count).unwrap()) } else { self.u64(count) }
    }

    fn text(&mut self, version: u32, text: &str) {
        self.count(version, text.len() as u64);
        self.bytes.extend(text.as_bytes());
    }
}

fn model(version: u32, big: bool) -> Vec<u8> {
    let mut forge = Forge::new(version, big, 1, 1);
    forge.text(version, "general.alignment");
    forge.u32(4);
    forge.u32(8);
    forge.text(version, "w");
    forge.u32(1);
    forge.count(version, 2);
    forge.u32(0);
    forge.u64(0);
    let padding = forge.bytes.len().next_multiple_of(8) - forge.bytes.len();
    forge.bytes.extend(std::iter::repeat_n(0, padding));
    forge.bytes.extend([1; 8]);
    forge.bytes
}

#[test]
fn every_version_and_byte_order_is_read_alike() {
    for version in 1..=3 {
        for big in [false, true] {
            let bytes = model(version, big);
            assert_eq!(robust::probe(&Gguf, "x", &bytes), Probe::Certain);
            let outcome = robust::read(&Gguf, "x", &bytes).unwrap();
            assert!(outcome.halt.is_none() && outcome.reading.seamless, "{version} {big}");
            assert!(outcome.reading.deviations.is_empty(), "{:?}", outcome.reading.deviations);
            let tensors = outcome.reading.facts.iter().filter_map(|fact| match fact {
                Fact::Tensor { tensor, site } => Some((tensor.size.clone(), site.span)),
                _ => None,
            });
            let place = Span::new(bytes.len() as u64 - 8, 8);
            assert_eq!(tensors.collect::<Vec<_>>(), [(vec![2], place)]);
        }
    }
}

#[test]
fn counts_that_no_file_has_are_told_from_files_that_were_cut() {
    let quirks = |pairs| {
        let bytes = Forge::new(3, false, 0, pairs).bytes;
        let reading = robust::read(&Gguf, "x", &bytes).unwrap().reading;
        reading.deviations.iter().map(|it| it.quirk).collect::<Vec<_>>()
    };
    assert_eq!(quirks(0), []);
    assert_eq!(quirks(9), [Quirk::Truncated]);
    assert_eq!(quirks(u64::MAX / 8), [Quirk::OutOfRange]);
}

#[test]
fn a_byte_behind_the_last_tensor_is_found_at_its_place() {
    let mut bytes = model(3, false);
    let end = bytes.len() as u64;
    bytes.extend(b"\0\0\x7fELF");
    let reading = robust::read(&Gguf, "x", &bytes).unwrap().reading;
    let found = &reading.deviations[0];
    assert_eq!((found.quirk, found.span), (Quirk::BytesAfterEnd, Span::new(end + 2, 4)));
}
