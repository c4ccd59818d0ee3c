//! Where a tree's files are: `asterisk.conf`, the command line, and a rule for what neither says.
//!
//! | what | command line | `asterisk.conf` | tree `/etc/NAME` | any other tree |
//! |---|---|---|---|---|
//! | control socket, lock | `--run-dir` | `astrundir` | `/run/NAME` | `DIR/run` |
//! | contacts | `--state-dir` | `astdbdir` | `/var/lib/NAME` | `DIR/run` |
//! | log files | | `astlogdir` | `/var/log/NAME` | `DIR/run` |
//! | `sounds`, `moh` | | `astdatadir` | `/var/lib/NAME` | `DIR` |
//! | `monitor` | | `astspooldir` | `/var/spool/NAME` | `DIR/run` |

use super::user::RunAs;
use crate::base::ids::Name;
use crate::config::conf;
use crate::config::files::Files;
use crate::config::origin::Sources;
use crate::store::files::ConfigDir;
use std::path::{Path, PathBuf};

/// A tree's directories, and what `asterisk.conf` says about running.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// `pjsip.conf` and the rest.
    pub config_dir: PathBuf,
    /// Control socket and lock.
    pub run_dir: PathBuf,
    /// Contacts.
    pub state_dir: PathBuf,
    /// Log files.
    pub log_dir: PathBuf,
    /// `astdatadir`: `sounds`, `moh`.
    pub data_dir: PathBuf,
    /// `astspooldir`: `monitor`, `voicemail`.
    pub spool_dir: PathBuf,
    /// `systemname`.
    pub systemname: Name,
    /// `runuser`, `rungroup`.
    pub run_as: RunAs,
    /// `verbose`.
    pub verbose: u8,
    /// `debug`.
    pub debug: u8,
    /// What is wrong with the file, a sentence each.
    pub faults: Vec<String>,
}

/// What the command line says; it goes before everything else.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Given {
    /// `--run-dir`.
    pub run_dir: Option<PathBuf>,
    /// `--state-dir`.
    pub state_dir: Option<PathBuf>,
    /// `-U`, `-G`.
    pub run_as: RunAs,
}

/// The file's name.
const ASTERISK_CONF: &str = "asterisk.conf";

impl Layout {
    /// The layout of a configuration directory, whose `asterisk.conf` is read when there is one.
    pub fn of_dir(dir: &Path, given: &Given) -> Layout {
        let dir = absolute(dir);
        let mut values = Values::read(&ConfigDir::new(&dir), ASTERISK_CONF);
        // Told with the rest of the tree.
        values.faults.clear();
        Layout::new(dir, values, given)
    }

    /// The layout that an `asterisk.conf` describes: `asterisk -C FILE`.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn of_file(file: &Path, given: &Given) -> Result<Layout, String> {
        let file = absolute(file);
        let (Some(parent), Some(name)) = (file.parent(), file.file_name().and_then(|name| name.to_str()))
        else {
            return Err(format!("{} names no file", file.display()));
        };
        if !file.is_file() {
            return Err(format!("{}: there is no such file", file.display()));
        }
        let values = Values::read(&ConfigDir::new(parent), name);
        let dir = values.path("astetcdir").unwrap_or_else(|| parent.to_owned());
        Ok(Layout::new(dir, values, given))
    }

    fn new(config_dir: PathBuf, values: Values, given: &Given) -> Layout {
        let name = config_dir.strip_prefix("/etc").ok().filter(|rest| rest.components().count() == 1);
        let usual = |base: &str| match name {
            Some(name) => Path::new(base).join(name),
            None => config_dir.join("run"),
        };
        let run_dir =
            given.run_dir.clone().or_else(|| values.path("astrundir")).unwrap_or_else(|| usual("/run"));
        let state_dir = given.state_dir.clone().or_else(|| given.run_dir.clone());
        let state_dir = state_dir.or_else(|| values.path("astdbdir")).unwrap_or_else(|| usual("/var/lib"));
        let log_dir = values.path("astlogdir").unwrap_or_else(|| usual("/var/log"));
        let data_dir = values.path("astdatadir").unwrap_or_else(|| match name {
            Some(name) => Path::new("/var/lib").join(name),
            None => config_dir.clone(),
        });
        let spool_dir = values.path("astspooldir").unwrap_or_else(|| usual("/var/spool"));
        let level =
            |name: &str| values.option(name).map_or(0, |text| text.parse().unwrap_or(u8::from(yes(text))));
        let named = |name: &str| values.option(name).filter(|text| !text.is_empty()).map(str::to_owned);
        let run_as = RunAs {
            user: given.run_as.user.clone().or_else(|| named("runuser")),
            group: given.run_as.group.clone().or_else(|| named("rungroup")),
        };
        Layout {
            run_dir,
            state_dir,
            log_dir,
            data_dir,
            spool_dir,
            systemname: values.option("systemname").unwrap_or_default().into(),
            run_as,
            verbose: level("verbose"),
            debug: level("debug"),
            faults: values.faults,
            config_dir,
        }
    }
}

impl Layout {
    /// Where sound files are.
    pub fn sound_directories(&self) -> crate::media::Directories {
        crate::media::Directories { data: self.data_dir.clone(), monitor: self.spool_dir.join("monitor") }
    }
}

/// What `asterisk.conf` says.
#[derive(Debug, Default)]
struct Values {
    directories: Vec<(String, String)>,
    options: Vec<(String, String)>,
    faults: Vec<String>,
}

impl Values {
    fn read(files: &dyn Files, path: &str) -> Values {
        let mut values = Values::default();
        if files.read(path).is_err() {
            return values;
        }
        let (mut sources, mut findings) = (Sources::new(), Vec::new());
        let tree = conf::read(files, path, &mut sources, &mut findings);
        values.faults = findings.iter().map(|finding| finding.text(&sources).to_string()).collect();
        // `[directories](!)` is how the sample file says that nothing in it counts.
        for section in tree.sections().filter(|section| !section.is_template()) {
            let into = match section.name() {
                "directories" => &mut values.directories,
                "options" => &mut values.options,
                _ => continue,
            };
            into.extend(
                section.entries().map(|entry| (entry.name.to_ascii_lowercase(), entry.value.to_owned())),
            );
        }
        values
    }

    fn path(&self, name: &str) -> Option<PathBuf> {
        last(&self.directories, name).filter(|text| !text.is_empty()).map(PathBuf::from)
    }

    fn option(&self, name: &str) -> Option<&str> {
        last(&self.options, name)
    }
}

fn last<'a>(list: &'a [(String, String)], name: &str) -> Option<&'a str> {
    list.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

fn yes(text: &str) -> bool {
    matches!(text.to_ascii_lowercase().as_str(), "yes" | "true" | "y" | "t" | "on")
}

/// The path from the root, so that it means the same after a change of directory.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(name: &str, asterisk_conf: Option<&str>) -> PathBuf {
        let dir = std::env::temp_dir().join(format!("jackfield-layout-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        std::fs::create_dir_all(&dir).expect("a directory");
        if let Some(text) = asterisk_conf {
            std::fs::write(dir.join(ASTERISK_CONF), text).expect("a file");
        }
        dir
    }

    #[test]
    fn a_tree_has_its_own_directories_unless_somebody_says_otherwise() {
        let dir = tree("plain", None);
        let layout = Layout::of_dir(&dir, &Given::default());
        assert_eq!((&layout.run_dir, &layout.state_dir), (&dir.join("run"), &dir.join("run")));
        let given = Given { run_dir: Some("/elsewhere".into()), ..Given::default() };
        let layout = Layout::of_dir(&dir, &given);
        assert_eq!((layout.run_dir, layout.state_dir), ("/elsewhere".into(), "/elsewhere".into()));
        let layout = Layout::of_dir(Path::new("/etc/no-such-tree"), &Given::default());
        assert_eq!(layout.run_dir, Path::new("/run/no-such-tree"));
        assert_eq!(layout.state_dir, Path::new("/var/lib/no-such-tree"));
        assert_eq!(layout.log_dir, Path::new("/var/log/no-such-tree"));
        std::fs::remove_dir_all(dir).expect("removed");
    }

    #[test]
    fn asterisk_conf_says_where_and_as_whom() {
        let text = "[directories]\nastetcdir => /my/etc\nastrundir => /my/run\nastdbdir => /my/db\n\
                    astlogdir => /my/log\n[options]\nverbose = 3\ndebug = yes\nsystemname = node1\nrunuser = pbx\n";
        let dir = tree("conf", Some(text));
        let layout = Layout::of_file(&dir.join(ASTERISK_CONF), &Given::default()).expect("readable");
        assert_eq!(layout.config_dir, Path::new("/my/etc"));
        assert_eq!(layout.run_dir, Path::new("/my/run"));
        assert_eq!(layout.state_dir, Path::new("/my/db"));
        assert_eq!(layout.log_dir, Path::new("/my/log"));
        assert_eq!((layout.verbose, layout.debug, &*layout.systemname), (3, 1, "node1"));
        assert_eq!(layout.run_as.user.as_deref(), Some("pbx"));
        assert!(layout.faults.is_empty(), "{:?}", layout.faults);
        let by_dir = Layout::of_dir(&dir, &Given::default());
        assert_eq!((by_dir.config_dir.as_path(), by_dir.run_dir.as_path()), (&*dir, Path::new("/my/run")));
        assert!(Layout::of_file(&dir.join("none.conf"), &Given::default()).is_err());
        let sample = tree("sample", Some("[directories](!)\nastrundir => /var/run/asterisk\n"));
        assert_eq!(Layout::of_dir(&sample, &Given::default()).run_dir, sample.join("run"));
        std::fs::remove_dir_all(dir).expect("removed");
        std::fs::remove_dir_all(sample).expect("removed");
    }
}
