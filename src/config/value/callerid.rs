//! Caller identities: `"name" <number>`.

use super::spec::{Codec, Cx, Fault};

/// A caller's name and number, both in one text, because a million endpoints have one each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct CallerId {
    text: Box<str>,
    name_bytes: u16,
}

impl CallerId {
    /// An identity of these parts, either of which may be empty.
    pub fn new(name: &str, number: &str) -> CallerId {
        // A name of more than 64 KiB is none.
        let name_bytes = u16::try_from(name.len()).unwrap_or(0);
        let name = if name_bytes == 0 { "" } else { name };
        CallerId { text: format!("{name}{number}").into(), name_bytes }
    }

    /// Reads `"name" <number>`, `name <number>`, a name or a number.
    pub fn read(text: &str) -> CallerId {
        let text = text.trim();
        if let (Some(open), Some(close)) = (text.rfind('<'), text.rfind('>'))
            && open < close
        {
            let number = text[open + 1..close].trim();
            return CallerId::new(unquote(&text[..open]), &plain_number(number));
        }
        if is_phone_number(text) {
            return CallerId::new("", &plain_number(text));
        }
        CallerId::new(unquote(text), "")
    }

    /// The display name, or "".
    pub fn name(&self) -> &str {
        &self.text[..usize::from(self.name_bytes)]
    }

    /// The number, or "".
    pub fn number(&self) -> &str {
        &self.text[usize::from(self.name_bytes)..]
    }

    /// Whether neither is set.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }
}

fn unquote(text: &str) -> &str {
    let text = text.trim();
    text.strip_prefix('"').map_or(text, |inner| inner.strip_suffix('"').unwrap_or(inner)).trim()
}

fn is_phone_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit() || b"*#+ ()-.".contains(&b))
}

/// A phone number without the blanks, brackets, dots and dashes that people put in.
fn plain_number(text: &str) -> String {
    if !is_phone_number(text) {
        return text.to_owned();
    }
    text.chars().filter(|c| !" ()-.".contains(*c)).collect()
}

/// Reads a caller identity.
#[derive(Debug)]
pub struct CallerIdentity;

impl Codec<CallerId> for CallerIdentity {
    fn apply(field: &mut CallerId, text: &str, _: &mut Cx) -> Result<(), Fault> {
        *field = CallerId::read(text);
        Ok(())
    }

    fn print(field: &CallerId, lines: &mut Vec<String>) {
        lines.push(match (field.name(), field.number()) {
            ("", "") => "<unknown>".to_owned(),
            ("", number) => number.to_owned(),
            (name, "") => name.to_owned(),
            (name, number) => format!("\"{name}\" <{number}>"),
        });
    }

    fn write(field: &CallerId, lines: &mut Vec<String>) {
        if !field.is_empty() {
            lines.push(format!("\"{}\" <{}>", field.name(), field.number()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caller_ids_are_read_in_every_form() {
        for (text, name, number) in [
            ("\"Alice\" <100>", "Alice", "100"),
            ("Alice Liddell <100>", "Alice Liddell", "100"),
            ("<100>", "", "100"),
            ("100", "", "100"),
            ("+49 (30) 123-45", "", "+493012345"),
            ("Alice", "Alice", ""),
            ("\"Bob\"", "Bob", ""),
            ("", "", ""),
            ("Z\u{fc}rich <sip>", "Z\u{fc}rich", "sip"),
        ] {
            let id = CallerId::read(text);
            assert_eq!((id.name(), id.number()), (name, number), "{text}");
        }
        let mut lines = Vec::new();
        CallerIdentity::print(&CallerId::read("Alice <100>"), &mut lines);
        CallerIdentity::print(&CallerId::default(), &mut lines);
        assert_eq!(lines, ["\"Alice\" <100>", "<unknown>"]);
    }
}
