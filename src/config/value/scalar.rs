//! Truth values, numbers, times, texts.

use std::time::Duration;

use super::spec::{Codec, Cx, Fault};
use crate::base::ids::Name;
use crate::config::suggest;

/// A truth value that Asterisk prints as `true` or `false`.
#[derive(Debug)]
pub struct Truth;
/// A truth value that Asterisk prints as `yes` or `no`.
#[derive(Debug)]
pub struct YesNo;
/// A truth value that Asterisk prints as `Yes` or `No`.
#[derive(Debug)]
pub struct CapitalYesNo;
/// A whole number of 32 bits without sign.
#[derive(Debug)]
pub struct Uint;
/// A whole number of 32 bits with sign.
#[derive(Debug)]
pub struct Int;
/// A whole number between two bounds, both included.
#[derive(Debug)]
pub struct Between<const LEAST: u32, const MOST: u32>;
/// A second since 1970.
#[derive(Debug)]
pub struct UnixTime;
/// Seconds with a fraction, printed with six places.
#[derive(Debug)]
pub struct FractionalSecs;
/// Any text, shared with its equals.
#[derive(Debug)]
pub struct Text;
/// A text that may not be empty.
#[derive(Debug)]
pub struct NotEmpty;
/// A secret: never shared, because each is its own.
#[derive(Debug)]
pub struct Secret;
/// A type-of-service byte: a number or a DiffServ name.
#[derive(Debug)]
pub struct Tos;

/// What counts as true: `yes true y t 1 on`, without case.
pub fn is_true(text: &str) -> bool {
    ["yes", "true", "y", "t", "1", "on"].iter().any(|word| word.eq_ignore_ascii_case(text))
}

/// What counts as false on purpose: `no false n f 0 off`, without case.
pub fn is_false(text: &str) -> bool {
    ["no", "false", "n", "f", "0", "off"].iter().any(|word| word.eq_ignore_ascii_case(text))
}

fn truth(field: &mut bool, text: &str, cx: &mut Cx) {
    *field = is_true(text);
    // Asterisk reads every other word as false without a sign; so do we, but say so.
    if !*field && !is_false(text) && !text.is_empty() {
        let near = suggest::nearest(text, ["yes", "true", "no", "false"]);
        let fault =
            Fault::new("not-a-truth-value", format!("'{text}' is neither yes nor no; it counts as no"));
        cx.remark(match near {
            Some(near) => fault.help(format!("did you mean '{near}'?")),
            None => fault.help("write yes or no"),
        });
    }
}

macro_rules! truth_codec {
    ($codec:ty, $yes:literal, $no:literal) => {
        impl Codec<bool> for $codec {
            fn apply(field: &mut bool, text: &str, cx: &mut Cx) -> Result<(), Fault> {
                truth(field, text, cx);
                Ok(())
            }

            fn print(field: &bool, lines: &mut Vec<String>) {
                lines.push(if *field { $yes } else { $no }.to_owned());
            }

            fn write(field: &bool, lines: &mut Vec<String>) {
                lines.push(if *field { "yes" } else { "no" }.to_owned());
            }
        }
    };
}
truth_codec!(Truth, "true", "false");
truth_codec!(YesNo, "yes", "no");
truth_codec!(CapitalYesNo, "Yes", "No");

/// Reads a number, or says what is wrong with it.
pub fn number(text: &str) -> Result<u32, Fault> {
    text.parse().map_err(|_| {
        let fault =
            Fault::new("bad-number", format!("'{text}' is not a whole number from 0 to {}", u32::MAX));
        let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
        if !digits.is_empty() && digits.len() < text.len() {
            return fault.help(format!("write the number alone: {digits}"));
        }
        fault
    })
}

impl Codec<u32> for Uint {
    fn apply(field: &mut u32, text: &str, _: &mut Cx) -> Result<(), Fault> {
        *field = number(text)?;
        Ok(())
    }

    fn print(field: &u32, lines: &mut Vec<String>) {
        lines.push(field.to_string());
    }
}

impl Codec<u64> for UnixTime {
    fn apply(field: &mut u64, text: &str, _: &mut Cx) -> Result<(), Fault> {
        *field = text
            .parse()
            .map_err(|_| Fault::new("bad-number", format!("'{text}' is not a second since 1970")))?;
        Ok(())
    }

    fn print(field: &u64, lines: &mut Vec<String>) {
        lines.push(field.to_string());
    }
}

impl Codec<i32> for Int {
    fn apply(field: &mut i32, text: &str, _: &mut Cx) -> Result<(), Fault> {
        *field =
            text.parse().map_err(|_| Fault::new("bad-number", format!("'{text}' is not a whole number")))?;
        Ok(())
    }

    fn print(field: &i32, lines: &mut Vec<String>) {
        lines.push(field.to_string());
    }
}

impl<T: TryFrom<u32> + Copy + Into<u32>, const LEAST: u32, const MOST: u32> Codec<T>
    for Between<LEAST, MOST>
{
    fn apply(field: &mut T, text: &str, _: &mut Cx) -> Result<(), Fault> {
        let wrong = || Fault::new("out-of-range", format!("'{text}' is not between {LEAST} and {MOST}"));
        let value = number(text)?;
        if !(LEAST..=MOST).contains(&value) {
            return Err(wrong());
        }
        *field = T::try_from(value).map_err(|_| wrong())?;
        Ok(())
    }

    fn print(field: &T, lines: &mut Vec<String>) {
        lines.push((*field).into().to_string());
    }
}

/// Longest time a fractional option takes: a day. Longer is a slip of the pen.
const MAX_FRACTIONAL_SECS: f64 = 86_400.0;

impl Codec<Duration> for FractionalSecs {
    fn apply(field: &mut Duration, text: &str, _: &mut Cx) -> Result<(), Fault> {
        let secs: f64 = text
            .parse()
            .ok()
            .filter(|secs: &f64| (0.0..=MAX_FRACTIONAL_SECS).contains(secs))
            .ok_or_else(|| Fault::new("bad-number", format!("'{text}' is not a number of seconds")))?;
        *field = Duration::from_secs_f64(secs);
        Ok(())
    }

    fn print(field: &Duration, lines: &mut Vec<String>) {
        lines.push(format!("{:.6}", field.as_secs_f64()));
    }
}

impl Codec<Name> for Text {
    fn apply(field: &mut Name, text: &str, cx: &mut Cx) -> Result<(), Fault> {
        *field = cx.name(text);
        Ok(())
    }

    fn print(field: &Name, lines: &mut Vec<String>) {
        lines.push(field.to_string());
    }
}

impl Codec<Name> for NotEmpty {
    fn apply(field: &mut Name, text: &str, cx: &mut Cx) -> Result<(), Fault> {
        if text.is_empty() {
            return Err(Fault::new("empty-value", "it may not be empty"));
        }
        *field = cx.name(text);
        Ok(())
    }

    fn print(field: &Name, lines: &mut Vec<String>) {
        lines.push(field.to_string());
    }
}

impl Codec<Box<str>> for Secret {
    fn apply(field: &mut Box<str>, text: &str, _: &mut Cx) -> Result<(), Fault> {
        *field = text.into();
        Ok(())
    }

    fn print(field: &Box<str>, lines: &mut Vec<String>) {
        lines.push(field.to_string());
    }
}

/// DiffServ names with their six bits.
const DSCP: &[(&str, u8)] = &[
    ("CS0", 0),
    ("CS1", 8),
    ("AF11", 10),
    ("AF12", 12),
    ("AF13", 14),
    ("CS2", 16),
    ("AF21", 18),
    ("AF22", 20),
    ("AF23", 22),
    ("CS3", 24),
    ("AF31", 26),
    ("AF32", 28),
    ("AF33", 30),
    ("CS4", 32),
    ("AF41", 34),
    ("AF42", 36),
    ("AF43", 38),
    ("CS5", 40),
    ("EF", 46),
    ("CS6", 48),
    ("CS7", 56),
];

impl Codec<u8> for Tos {
    fn apply(field: &mut u8, text: &str, _: &mut Cx) -> Result<(), Fault> {
        let named = DSCP.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)).map(|(_, dscp)| dscp << 2);
        let hex = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
        let written = match hex {
            Some(digits) => u8::from_str_radix(digits, 16).ok(),
            None => text.parse().ok(),
        };
        *field = named.or(written).ok_or_else(|| {
            let fault = Fault::new(
                "bad-value",
                format!("'{text}' is neither 0 to 255 nor a name such as CS3, AF41 or EF"),
            );
            match suggest::nearest(text, DSCP.iter().map(|(name, _)| *name)) {
                Some(near) => fault.help(format!("did you mean '{near}'?")),
                None => fault,
            }
        })?;
        Ok(())
    }

    fn print(field: &u8, lines: &mut Vec<String>) {
        lines.push(field.to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<T, C: Codec<T>>(mut field: T, text: &str) -> Result<(T, usize), Fault> {
        let mut cx = Cx::default();
        C::apply(&mut field, text, &mut cx).map(|()| (field, cx.remarks.len()))
    }

    #[test]
    fn truth_values_are_asterisks() {
        for text in ["yes", "TRUE", "y", "t", "1", "On"] {
            assert_eq!(read::<bool, Truth>(false, text), Ok((true, 0)), "{text}");
        }
        for text in ["no", "False", "n", "f", "0", "off", ""] {
            assert_eq!(read::<bool, Truth>(true, text), Ok((false, 0)), "{text}");
        }
        assert_eq!(read::<bool, Truth>(true, "yse"), Ok((false, 1)));
    }

    #[test]
    fn numbers_say_what_is_wrong_with_them() {
        assert_eq!(read::<u32, Uint>(0, "60"), Ok((60, 0)));
        assert!(read::<u32, Uint>(0, "-1").is_err());
        assert!(read::<u32, Uint>(0, "").is_err());
        let fault = read::<u32, Uint>(0, "60s").expect_err("unit");
        assert_eq!(fault.help.as_deref(), Some("write the number alone: 60"));
        assert!(read::<u8, Between<0, 7>>(0, "8").is_err());
        assert_eq!(
            read::<Duration, FractionalSecs>(Duration::ZERO, "1.5"),
            Ok((Duration::from_millis(1500), 0))
        );
        assert!(read::<Duration, FractionalSecs>(Duration::ZERO, "nan").is_err());
        assert!(read::<Duration, FractionalSecs>(Duration::ZERO, "1e300").is_err());
    }

    #[test]
    fn type_of_service_takes_names_and_numbers() {
        assert_eq!(read::<u8, Tos>(0, "ef"), Ok((184, 0)));
        assert_eq!(read::<u8, Tos>(0, "AF41"), Ok((136, 0)));
        assert_eq!(read::<u8, Tos>(0, "0x68"), Ok((104, 0)));
        assert_eq!(read::<u8, Tos>(0, "24"), Ok((24, 0)));
        assert!(read::<u8, Tos>(0, "AF45").is_err());
    }
}
