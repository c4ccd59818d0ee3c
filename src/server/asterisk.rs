//! The flags of the program `asterisk`, for scripts and units that call us by that name.

use super::RunOptions;
use super::layout::{Given, Layout};
use super::log::LogForm;
use super::user::RunAs;
use std::path::{Path, PathBuf};

/// What a command line asks for.
#[derive(Debug)]
pub enum Wish {
    /// Print this and end.
    Text(String),
    /// Run the server.
    Run(Box<RunOptions>),
    /// `-rx LINE`.
    Execute {
        /// Where the server's socket is.
        run_dir: PathBuf,
        /// The command.
        line: String,
    },
    /// `-r`.
    Console {
        /// Where the server's socket is.
        run_dir: PathBuf,
    },
}

/// Where that program looks for its file.
const DEFAULT_FILE: &str = "/etc/asterisk/asterisk.conf";

/// Flags that take a value.
const WITH_VALUE: &str = "CxUGseLM";
/// Flags about things that we always or never do: in the foreground (`f`, `F`, `c`, `n`, `q`, `m`, `p`, `i`, `T`, `t`,
/// `W`, `B`, `X`, `g`). A supervisor keeps us, and the console is a program of its own.
const WITHOUT_EFFECT: &str = "fFcnqmpiTtWBXgIk";

/// Whether the program was called by that name.
pub fn is_asked_for(program: &str) -> bool {
    Path::new(program).file_name().is_some_and(|name| name == "asterisk" || name == "rasterisk")
}

/// Reads the flags.
///
/// # Errors
/// A flag is unknown or lacks its value, or the file cannot be read.
pub fn read(arguments: &[String]) -> Result<Wish, String> {
    let (mut file, mut line, mut remote) = (PathBuf::from(DEFAULT_FILE), None, false);
    let (mut verbose, mut debug) = (0u8, 0u8);
    let mut run_as = RunAs::default();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let Some(flags) = argument.strip_prefix('-').filter(|flags| !flags.is_empty()) else {
            return Err(format!("'{argument}' is not a flag; see asterisk -h"));
        };
        for (at, flag) in flags.char_indices() {
            if WITH_VALUE.contains(flag) {
                let attached = &flags[at + flag.len_utf8()..];
                let value =
                    if attached.is_empty() { rest.next().cloned() } else { Some(attached.to_owned()) };
                let value = value.ok_or_else(|| format!("-{flag} needs a value"))?;
                match flag {
                    'C' => file = PathBuf::from(value),
                    'x' => line = Some(value),
                    'U' => run_as.user = Some(value),
                    'G' => run_as.group = Some(value),
                    // Another socket, and limits on load and memory.
                    _ => return Err(format!("-{flag} is not served")),
                }
                break;
            }
            match flag {
                'r' | 'R' => remote = true,
                'v' => verbose = verbose.saturating_add(1),
                'd' => debug = debug.saturating_add(1),
                'V' => return Ok(Wish::Text(format!("Asterisk (Jackfield {})", env!("CARGO_PKG_VERSION")))),
                'h' => return Ok(Wish::Text(HELP.to_owned())),
                _ if WITHOUT_EFFECT.contains(flag) => {}
                _ => return Err(format!("there is no flag -{flag}; see asterisk -h")),
            }
        }
    }
    let layout = Layout::of_file(&file, &Given { run_as, ..Given::default() })?;
    Ok(match line {
        Some(line) => Wish::Execute { run_dir: layout.run_dir, line },
        None if remote => Wish::Console { run_dir: layout.run_dir },
        None => {
            let levels = (layout.verbose.max(verbose), layout.debug.max(debug));
            Wish::Run(Box::new(RunOptions { layout, log: LogForm::Text, levels }))
        }
    })
}

const HELP: &str = "Jackfield, called by the name of asterisk. Flags:
  -C FILE   asterisk.conf to read (default /etc/asterisk/asterisk.conf)
  -r        console of the running server
  -rx CMD   run one command of the running server
  -U USER   user to become when started as root
  -G GROUP  group to become when started as root
  -v -d     verbose and debug lines at the console, more of them the more letters
  -V        version
  -f -F -c -n -q -m -p -i -T -t -W -B -X -g -I   accepted; the server runs in the foreground
See also: jackfield --help";

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn flags_are_those_of_asterisk() {
        let dir = std::env::temp_dir().join(format!("jackfield-flags-{}", std::process::id()));
        std::fs::create_dir_all(&dir).expect("a directory");
        let file = dir.join("asterisk.conf");
        std::fs::write(&file, "[directories]\nastrundir => /my/run\n[options]\nverbose = 1\n")
            .expect("a file");
        let name = file.to_string_lossy();
        let Ok(Wish::Run(options)) = read(&words(&format!("-C {name} -f -n -gqm -vvv"))) else { panic!() };
        assert_eq!((options.layout.config_dir.as_path(), options.levels), (dir.as_path(), (3, 0)));
        let mut arguments = words(&format!("-C{name} -rx"));
        arguments.push("pjsip show endpoints".to_owned());
        let Ok(Wish::Execute { run_dir, line }) = read(&arguments) else { panic!() };
        assert_eq!((run_dir.as_path(), line.as_str()), (Path::new("/my/run"), "pjsip show endpoints"));
        assert!(matches!(read(&words(&format!("-r -C {name}"))), Ok(Wish::Console { .. })));
        assert!(matches!(read(&words("-V")), Ok(Wish::Text(_))));
        for wrong in ["-Z", "word", "-C", "-C /nowhere/asterisk.conf", "-M 5", "-s /sock"] {
            assert!(read(&words(wrong)).is_err(), "{wrong}");
        }
        assert!(
            is_asked_for("/usr/sbin/asterisk") && is_asked_for("rasterisk") && !is_asked_for("jackfield")
        );
        std::fs::remove_dir_all(dir).expect("removed");
    }
}
