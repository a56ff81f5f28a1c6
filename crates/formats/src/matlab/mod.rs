//! MAT-files of MATLAB: level 5 (versions 5 to 7), level 4, and the variables in them. Version 7.3 is
//! HDF5.
//!
//! Source: MathWorks, "MAT-File Format"; SciPy, `scipy/io/matlab`, for what the document leaves out.

mod level4;
mod level5;
#[cfg(test)]
mod tests;

use davy_artifact::{Fact, Format, Input, Probe, Reading, Route, Site, Tensor};
use davy_bytes::{Budget, Halt, Span};

/// The reader of MAT-files.
#[derive(Debug)]
pub struct Matlab;

impl Format for Matlab {
    fn id(&self) -> &'static str {
        "matlab"
    }

    fn summary(&self) -> &'static str {
        "MAT-files of MATLAB, levels 4 and 5: variables, objects, compressed parts"
    }

    fn probe(&self, head: &[u8], input: &Input<'_>) -> Probe {
        if level5::order(head).is_some() {
            Probe::Certain
        } else if level4::starts(head, input.bytes.len()) {
            Probe::Possible
        } else {
            Probe::No
        }
    }

    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        let head = input.bytes.copy(Span::new(0, 128), 128)?;
        match level5::order(&head) {
            Some(order) => level5::read(input.bytes, order, reading, budget),
            None => level4::read(input.bytes, reading, budget),
        }
    }
}

/// Order of the bytes of numbers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Order {
    Big,
    Little,
}

impl Order {
    /// The number in four bytes.
    fn word(self, bytes: [u8; 4]) -> u32 {
        match self {
            Self::Big => u32::from_be_bytes(bytes),
            Self::Little => u32::from_le_bytes(bytes),
        }
    }
}

/// Records a variable; one of numbers is a tensor as well.
fn variable(reading: &mut Reading, name: &str, kind: &'static str, sides: &[i64], span: Span) {
    let site = || Site { span, route: Route::Object(name.to_owned()) };
    let (path, detail) = (name.to_owned(), format!("{sides:?}"));
    reading.fact(Fact::Object { path, kind, detail, site: site() });
    if matches!(kind, "cell" | "char" | "function" | "object" | "opaque" | "sparse" | "struct") {
        return;
    }
    let side = |count: u64, side: &i64| count.checked_mul(u64::try_from(*side).ok()?);
    let tensor = Tensor {
        storage: name.to_owned(),
        dtype: kind.to_owned(),
        elements: sides.iter().try_fold(1, side).unwrap_or(u64::MAX),
        offset: 0,
        size: sides.to_vec(),
        stride: vec![],
    };
    reading.fact(Fact::Tensor { tensor, site: site() });
}
