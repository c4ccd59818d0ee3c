//! A new password, written where the old one stands: the mailbox's line of `voicemail.conf`, or `secret.conf` in its
//! directory.

use crate::config::services::{Mailbox, PasswordPlace};
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

/// The password of `secret.conf`, where there is one.
pub(super) fn secret(dir: &Path) -> Option<String> {
    let text = fs::read_to_string(dir.join("secret.conf")).ok()?;
    let line = text.lines().find_map(|line| line.trim().strip_prefix("password"))?;
    let value = line.trim_start().trim_start_matches(['=', '>']).trim();
    (!value.is_empty()).then(|| value.to_owned())
}

/// Writes a password. It is there whole or not at all.
pub(super) fn write(
    (conf, dir): (&Path, &Path),
    mailbox: &Mailbox,
    password: &str,
    place: PasswordPlace,
) -> Result<(), String> {
    match place {
        PasswordPlace::Spool => {
            let path = dir.join("secret.conf");
            put(&path, &format!("[general]\npassword = {password}\n"))
        }
        PasswordPlace::Conf => {
            let (file, line) = &mailbox.place;
            let path = conf.join(file);
            let text = fs::read_to_string(&path).map_err(|fault| format!("{}: {fault}", path.display()))?;
            let changed = exchanged(&text, *line as usize, mailbox, password).ok_or_else(|| {
                format!("{}:{line} is not the mailbox's line any more; reload first", path.display())
            })?;
            put(&path, &changed)
        }
    }
}

/// The text with another password in that line.
fn exchanged(text: &str, line: usize, mailbox: &Mailbox, password: &str) -> Option<String> {
    let mut lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
    let own = lines.get_mut(line.checked_sub(1)?)?;
    let (name, rest) = own.split_once('=')?;
    if name.trim() != mailbox.name {
        return None;
    }
    let arrow = if rest.starts_with('>') { "=>" } else { "=" };
    let rest = rest.trim_start_matches('>');
    let blank = rest.len() - rest.trim_start().len();
    let after = rest.find([',', ';', '\r']).map_or("", |at| &rest[at..]);
    *own = format!("{name}{arrow}{}{password}{after}", &rest[..blank]);
    Some(lines.join("\n"))
}

fn put(path: &Path, text: &str) -> Result<(), String> {
    let fault = |fault: std::io::Error| format!("{}: {fault}", path.display());
    let waiting = path.with_extension("new");
    let mut file = File::create(&waiting).map_err(fault)?;
    if let Ok(before) = fs::metadata(path) {
        file.set_permissions(before.permissions()).map_err(fault)?;
    }
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(fault)?;
    fs::rename(waiting, path).map_err(fault)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::files::MemoryFiles;
    use crate::config::origin::Sources;
    use crate::config::services::Services;

    #[test]
    fn only_the_password_of_the_line_is_another_one() {
        let text = "[default]\n100 => 1,Alice,a@b ; hers\n200=2\r\n300 =>\n";
        let files = MemoryFiles::new().with("voicemail.conf", text);
        let all = Services::read(&files, &mut Sources::new(), &mut Vec::new()).voicemail;
        let changed = |name: &str| {
            let mailbox = all.find(name, "").expect("there");
            exchanged(text, mailbox.place.1 as usize, mailbox, "77")
        };
        assert_eq!(changed("100").as_deref(), Some(&*text.replace("=> 1,", "=> 77,")));
        assert_eq!(changed("200").as_deref(), Some(&*text.replace("200=2", "200=77")));
        assert_eq!(changed("300").as_deref(), Some(&*text.replace("300 =>", "300 =>77")));
        let mailbox = all.find("100", "").expect("there");
        assert_eq!(exchanged("[other]\n", 2, mailbox, "1"), None);
        assert_eq!(exchanged(&text.replace("100", "101"), 2, mailbox, "1"), None);
    }
}
