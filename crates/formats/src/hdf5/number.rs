//! Numbers of every width and layout that a datatype can describe.

use super::datatype::{Bits, Float, Order};
use davy_artifact::Value;

/// A whole number, or why it has no value that can be shown.
pub(super) fn integer(raw: &[u8], bits: Bits, signed: bool) -> Value {
    let Some(all) = extract(raw, bits) else { return Value::Unknown("a number of unusual layout") };
    let sign = u32::from(bits.precision).checked_sub(1).and_then(|at| 1_u128.checked_shl(at));
    match sign.filter(|sign| signed && all & sign != 0) {
        Some(sign) => {
            let magnitude = sign.wrapping_sub(all & !sign);
            match i64::try_from(magnitude).ok().and_then(i64::checked_neg) {
                Some(value) => Value::Int(value),
                None if magnitude == 1 << 63 => Value::Int(i64::MIN),
                None => Value::Long(format!("-{magnitude}")),
            }
        }
        None => i64::try_from(all).map_or_else(|_| Value::Long(all.to_string()), Value::Int),
    }
}

/// A floating-point number, or why it has no value that can be shown.
pub(super) fn float(raw: &[u8], parts: &Float) -> Value {
    match value(raw, parts) {
        Some(value) => Value::Float(value),
        None => Value::Unknown("a number of unusual layout"),
    }
}

fn value(raw: &[u8], parts: &Float) -> Option<f64> {
    let bits =
        Bits { offset: 0, precision: u16::try_from(raw.len().checked_mul(8)?).ok()?, ..parts.bits };
    let all = extract(raw, bits)?;
    // The common layouts are converted by the machine, which is exact.
    match (raw.len(), parts.exponent, parts.exponent_bits, parts.mantissa_bits, parts.bias) {
        (4, 23, 8, 23, 127) => return Some(f64::from(f32::from_bits(u32::try_from(all).ok()?))),
        (8, 52, 11, 52, 1023) => return Some(f64::from_bits(u64::try_from(all).ok()?)),
        _ => {}
    }
    let part = |at: u8, len: u8| {
        let mask = 1_u128.checked_shl(len.into())?.wrapping_sub(1);
        Some(all.checked_shr(at.into())? & mask)
    };
    let negative = part(parts.sign, 1)? == 1;
    let exponent = i32::try_from(part(parts.exponent, parts.exponent_bits)?).ok()?;
    let mantissa = part(parts.mantissa, parts.mantissa_bits)?;
    let top = 1_i32.checked_shl(parts.exponent_bits.into())?.checked_sub(1)?;
    let bias = i32::try_from(parts.bias).ok()?;
    let width = i32::from(parts.mantissa_bits);
    let magnitude = if exponent == top {
        let whole = 1_u128.checked_shl(parts.mantissa_bits.into())?.wrapping_sub(1);
        let fraction = if parts.implied { mantissa } else { mantissa & (whole >> 1) };
        if fraction == 0 { f64::INFINITY } else { f64::NAN }
    } else if parts.implied && exponent > 0 {
        let leading = 1_u128.checked_shl(parts.mantissa_bits.into())?;
        scaled(mantissa | leading, exponent.checked_sub(bias)?.checked_sub(width)?)
    } else {
        let first = if parts.implied { 1 } else { exponent };
        let below = if parts.implied { width } else { width.checked_sub(1)? };
        scaled(mantissa, first.checked_sub(bias)?.checked_sub(below)?)
    };
    Some(if negative { -magnitude } else { magnitude })
}

/// `mantissa` times two to the power of `exponent`.
fn scaled(mantissa: u128, exponent: i32) -> f64 {
    let mut value = 0.0;
    for word in [96, 64, 32, 0] {
        let part = u32::try_from((mantissa >> word) & 0xffff_ffff).unwrap_or(0);
        value = value * 4_294_967_296.0 + f64::from(part);
    }
    // In two steps, so that neither power leaves the range before the product does.
    let half = exponent / 2;
    value * 2_f64.powi(half) * 2_f64.powi(exponent.saturating_sub(half))
}

/// The bits of a number, the first one of its value lowest.
fn extract(raw: &[u8], bits: Bits) -> Option<u128> {
    if raw.len() > 16 || raw.is_empty() {
        return None;
    }
    let join = |all: u128, byte: &u8| (all << 8) | u128::from(*byte);
    let all = match bits.order {
        Order::Little => raw.iter().rev().fold(0, join),
        Order::Big => raw.iter().fold(0, join),
        Order::Vax => return None,
    };
    let mask = match bits.precision {
        128.. => u128::MAX,
        precision => 1_u128.checked_shl(precision.into())?.wrapping_sub(1),
    };
    Some(all.checked_shr(bits.offset.into())? & mask)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bits(order: Order, offset: u16, precision: u16) -> Bits {
        Bits { order, offset, precision }
    }

    #[test]
    fn whole_numbers_have_any_width_and_place() {
        let odd = bits(Order::Big, 4, 7);
        // 0000 1011111 0000 in 16 bits, most significant byte first.
        assert_eq!(integer(&[0x05, 0xf0], odd, false), Value::Int(0x5f));
        assert_eq!(integer(&[0x05, 0xf0], odd, true), Value::Int(-33));
        let long = bits(Order::Little, 0, 64);
        assert_eq!(integer(&[0xff; 8], long, true), Value::Int(-1));
        assert_eq!(integer(&[0, 0, 0, 0, 0, 0, 0, 0x80], long, true), Value::Int(i64::MIN));
        assert_eq!(integer(&[0xff; 8], long, false), Value::Long(u64::MAX.to_string()));
        assert_eq!(integer(&[], long, false), Value::Unknown("a number of unusual layout"));
    }

    #[test]
    fn floating_point_numbers_have_any_layout() {
        let half = Float {
            bits: bits(Order::Little, 0, 16),
            sign: 15,
            exponent: 10,
            exponent_bits: 5,
            mantissa: 0,
            mantissa_bits: 10,
            bias: 15,
            implied: true,
        };
        assert_eq!(value(&[0x00, 0xc1], &half), Some(-2.5));
        assert_eq!(value(&[0x01, 0x00], &half), Some(2_f64.powi(-24)));
        assert_eq!(value(&[0x00, 0x7c], &half), Some(f64::INFINITY));
        let extended = Float {
            bits: bits(Order::Little, 0, 80),
            sign: 79,
            exponent: 64,
            exponent_bits: 15,
            mantissa: 0,
            mantissa_bits: 64,
            bias: 16383,
            implied: false,
        };
        let one_and_a_half = [0, 0, 0, 0, 0, 0, 0, 0xc0, 0xff, 0x3f, 0, 0, 0, 0, 0, 0];
        assert_eq!(value(&one_and_a_half, &extended), Some(1.5));
    }
}
