//! A folder of messages: `msg0000.txt` and its sound files, numbered without holes.
//!
//! A message is there while its text is there. So sound files come first and go last, and a number is free when it has no
//! text, whatever else lies there from a program that was killed.

use crate::base::limits;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

/// One folder.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
}

impl Folder {
    /// It need not be there.
    pub fn of(path: &Path) -> Folder {
        Folder { path: path.to_owned() }
    }

    /// The files of a message, without extension.
    pub fn base(&self, number: usize) -> PathBuf {
        self.path.join(format!("msg{number:04}"))
    }

    fn text(&self, number: usize) -> PathBuf {
        self.base(number).with_extension("txt")
    }

    /// Numbers that have messages, in order.
    pub fn numbers(&self) -> io::Result<Vec<usize>> {
        let mut numbers: Vec<usize> = Vec::new();
        for name in names(&self.path)? {
            let digits = name.strip_prefix("msg").and_then(|name| name.strip_suffix(".txt"));
            let digits =
                digits.filter(|digits| digits.len() == 4 && digits.bytes().all(|b| b.is_ascii_digit()));
            numbers.extend(digits.and_then(|digits| digits.parse::<usize>().ok()));
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// All messages with their texts, in order.
    pub fn read(&self) -> io::Result<Vec<(usize, String)>> {
        let mut all = Vec::new();
        for number in self.numbers()? {
            all.push((number, self.read_text(number)?));
        }
        Ok(all)
    }

    pub fn read_text(&self, number: usize) -> io::Result<String> {
        let mut bytes = Vec::new();
        File::open(self.text(number))?.take(limits::VOICEMAIL_TEXT_BYTES).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The number of the message with that key.
    pub fn find(&self, key: &str) -> io::Result<Option<usize>> {
        for number in self.numbers()? {
            if super::message::key(&self.read_text(number)?) == key {
                return Ok(Some(number));
            }
        }
        Ok(None)
    }

    /// The sound files of a message.
    pub fn sounds(&self, number: usize) -> io::Result<Vec<PathBuf>> {
        let mut files = files_of(&self.path, &format!("msg{number:04}"))?;
        files.retain(|path| path.extension().is_none_or(|extension| extension != "txt"));
        Ok(files)
    }

    /// A new message of these files, which are moved here. Its number; `None` when the folder is full.
    pub fn add(&self, sounds: &[PathBuf], text: &str, most: usize) -> io::Result<Option<usize>> {
        fs::create_dir_all(&self.path)?;
        let numbers = self.numbers()?;
        if numbers.len() >= most.min(limits::VOICEMAIL_MESSAGES) {
            return Ok(None);
        }
        let number = free(&numbers);
        self.sweep(number)?;
        for sound in sounds {
            synced(sound)?;
            fs::rename(sound, self.beside(number, sound))?;
        }
        self.write_text(number, text)?;
        Ok(Some(number))
    }

    fn beside(&self, number: usize, sound: &Path) -> PathBuf {
        self.base(number).with_extension(sound.extension().unwrap_or_default())
    }

    /// The text is what makes it a message: whole or not at all.
    fn write_text(&self, number: usize, text: &str) -> io::Result<()> {
        let waiting = self.path.join(format!(".msg{number:04}.new"));
        let mut file = File::create(&waiting)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(waiting, self.text(number))?;
        // The names are on disk, too.
        File::open(&self.path)?.sync_all()
    }

    /// What lies under a number without being a message.
    fn sweep(&self, number: usize) -> io::Result<()> {
        for path in self.sounds(number)? {
            fs::remove_file(path)?;
        }
        Ok(())
    }

    /// Its text goes first: it is a message no more.
    pub fn remove(&self, number: usize) -> io::Result<()> {
        gone(fs::remove_file(self.text(number)))?;
        self.sweep(number)
    }

    /// Moves a message to the end of another folder: for a moment it is in both, never in none.
    pub fn transfer(&self, number: usize, to: &Folder) -> io::Result<()> {
        fs::create_dir_all(&to.path)?;
        self.link(number, to, free(&to.numbers()?))?;
        self.remove(number)
    }

    /// The same message under another number, in another folder perhaps.
    fn link(&self, number: usize, to: &Folder, place: usize) -> io::Result<()> {
        to.sweep(place)?;
        for sound in self.sounds(number)? {
            same(&sound, &to.beside(place, &sound))?;
        }
        same(&self.text(number), &to.text(place))
    }

    /// Numbers without holes.
    pub fn close_up(&self) -> io::Result<()> {
        for (place, number) in self.numbers()?.into_iter().enumerate() {
            if place < number {
                self.link(number, self, place)?;
                self.remove(number)?;
            }
        }
        Ok(())
    }
}

/// The first number that is free.
fn free(numbers: &[usize]) -> usize {
    numbers
        .iter()
        .enumerate()
        .find(|(place, number)| place != *number)
        .map_or(numbers.len(), |(place, _)| place)
}

/// Another name for a file; a copy, where a file system has no such thing.
pub(super) fn same(from: &Path, to: &Path) -> io::Result<()> {
    match fs::hard_link(from, to) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => Err(error),
        Err(_) => {
            let waiting = to.with_extension("copy");
            fs::copy(from, &waiting)?;
            fs::rename(waiting, to)
        }
    }
}

/// Its bytes are on disk.
pub(super) fn synced(file: &Path) -> io::Result<()> {
    File::open(file)?.sync_all()
}

fn gone(done: io::Result<()>) -> io::Result<()> {
    done.or_else(|error| if error.kind() == ErrorKind::NotFound { Ok(()) } else { Err(error) })
}

/// Names of files in a directory that may not be there.
fn names(dir: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let mut names = Vec::new();
    for entry in entries.take(limits::MAILBOX_MESSAGES) {
        names.extend(entry?.file_name().into_string().ok());
    }
    Ok(names)
}

/// Names in a directory, without extensions.
pub(super) fn stems(dir: &Path) -> io::Result<BTreeSet<String>> {
    let stem = |name: String| name.rsplit_once('.').map(|(stem, _)| stem.to_owned());
    Ok(names(dir)?.into_iter().filter_map(stem).collect())
}

/// The files of that name, whatever their extension.
pub(super) fn files_of(dir: &Path, stem: &str) -> io::Result<Vec<PathBuf>> {
    let of = |name: &String| name.rsplit_once('.').is_some_and(|(own, _)| own == stem);
    Ok(names(dir)?.into_iter().filter(of).map(|name| dir.join(name)).collect())
}
