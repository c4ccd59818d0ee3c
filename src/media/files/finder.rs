//! Where sound files are: directories, languages, formats.

use crate::bridge::{Record, RecordPlace};
use crate::codec::wav::FileFormat;
use std::path::{Component, Path, PathBuf};

/// Directories of sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directories {
    /// `astdatadir`: holds `sounds` and `moh`.
    pub data: PathBuf,
    /// `astspooldir/monitor`: recordings of `MixMonitor` and `Monitor`.
    pub monitor: PathBuf,
}

impl Default for Directories {
    /// Asterisk's own.
    fn default() -> Directories {
        Directories { data: "/var/lib/asterisk".into(), monitor: "/var/spool/asterisk/monitor".into() }
    }
}

impl Directories {
    /// The file of a prompt, and how it is coded: language before none, best format for `rate` first.
    pub fn prompt(&self, name: &str, language: &str, rate: u32) -> Option<(PathBuf, FileFormat)> {
        let formats = FileFormat::candidates(rate);
        self.bases(name, language).into_iter().find_map(|base| {
            formats.iter().find_map(|(extension, format)| {
                let path = with_extension(&base, extension);
                path.is_file().then_some((path, *format))
            })
        })
    }

    /// Removes a prompt in all its formats. A name that leads out of the sounds directory removes nothing.
    pub fn remove_prompt(&self, name: &str) {
        let inside = |part| matches!(part, Component::Normal(_));
        if !Path::new(name).components().all(inside) {
            return;
        }
        let base = self.data.join("sounds").join(name);
        for (extension, _) in FileFormat::candidates(8_000) {
            // What is not there needs no removing; what cannot be removed stays for the administrator.
            let _ = std::fs::remove_file(with_extension(&base, extension));
        }
    }

    fn bases(&self, name: &str, language: &str) -> Vec<PathBuf> {
        if Path::new(name).is_absolute() {
            return vec![name.into()];
        }
        let sounds = self.data.join("sounds");
        let mut bases = Vec::new();
        let mut language = language;
        while !language.is_empty() {
            bases.push(sounds.join(language).join(name));
            // `de_AT` falls back to `de`.
            language = language.rfind(['_', '-']).map_or("", |cut| &language[..cut]);
        }
        bases.push(sounds.join(name));
        if !bases.contains(&sounds.join("en").join(name)) {
            bases.push(sounds.join("en").join(name));
        }
        bases
    }

    /// All files of a directory that can be read, one for each name, in the order of their names.
    pub fn music(&self, path: &str, rate: u32) -> Vec<(PathBuf, FileFormat)> {
        let formats = FileFormat::candidates(rate);
        let place = |path: &Path| {
            let extension = path.extension()?.to_str()?;
            formats.iter().position(|(known, _)| *known == extension)
        };
        let entries = std::fs::read_dir(self.data.join(path)).into_iter().flatten().flatten();
        let mut files: Vec<(PathBuf, usize)> = entries
            .map(|entry| entry.path())
            .filter(|path| path.is_file())
            .filter_map(|path| Some((path.clone(), place(&path)?)))
            .collect();
        files.sort_by_key(|(path, at)| (path.with_extension(""), *at));
        files.dedup_by(|a, b| a.0.with_extension("") == b.0.with_extension(""));
        files.truncate(crate::base::limits::MUSIC_FILES);
        files.into_iter().map(|(path, at)| (path, formats[at].1)).collect()
    }

    /// Where a recording is.
    pub fn recorded(&self, path: &str, place: RecordPlace) -> PathBuf {
        match place {
            RecordPlace::Monitor => self.monitor.join(path),
            RecordPlace::Sounds => self.data.join("sounds").join(path),
        }
    }

    /// Where a recording goes, and how it is coded. `None` for a format that is not written here.
    pub fn recording(&self, record: &Record) -> Option<(PathBuf, FileFormat)> {
        let path = self.recorded(&record.path, record.place);
        let format = FileFormat::of_extension(path.extension()?.to_str()?)?;
        Some((path, format))
    }
}

/// `hello.world` has no extension yet: one is added, not exchanged.
fn with_extension(base: &Path, extension: &str) -> PathBuf {
    let mut path = base.as_os_str().to_owned();
    path.push(".");
    path.push(extension);
    path.into()
}
