//! The `jackfield` program: arguments in, exit status out.

use clap::{Args, Parser, Subcommand, ValueEnum};
use jackfield::admin::{Format, console};
use jackfield::server::asterisk::{self, Wish};
use jackfield::server::check::{self, CheckOptions};
use jackfield::server::control::Client;
use jackfield::server::convert::{self, Form, Job, SourceForm};
use jackfield::server::layout::{Given, Layout};
use jackfield::server::log::LogForm;
use jackfield::server::schema;
use jackfield::server::user::RunAs;
use jackfield::server::{self, RunOptions};
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// SIP registrar, endpoint identifier and media-bridging B2BUA, configured like Asterisk's PJSIP.
#[derive(Debug, Parser)]
#[command(version, subcommand_required = false, arg_required_else_help = true)]
struct Cli {
    #[command(flatten)]
    place: Place,
    /// Run one command of the running server and print its answer.
    #[arg(short = 'x', long = "execute", value_name = "COMMAND")]
    execute: Option<String>,
    /// Connect to the running server (with -x), or open its console.
    #[arg(short = 'r', long = "remote")]
    remote: bool,
    #[command(subcommand)]
    command: Option<Task>,
}

#[derive(Clone, Debug, Args)]
struct Place {
    /// The configuration directory.
    #[arg(short = 'C', long = "config", value_name = "DIR", default_value = "/etc/jackfield", global = true)]
    dir: PathBuf,
    /// Where the control socket and the lock live [default: /run/NAME for /etc/NAME, else DIR/run].
    #[arg(long, value_name = "DIR", global = true)]
    run_dir: Option<PathBuf>,
    /// Where contacts are kept [default: /var/lib/NAME for /etc/NAME, else the run directory].
    #[arg(long, value_name = "DIR", global = true)]
    state_dir: Option<PathBuf>,
    /// Print JSON instead of text.
    #[arg(long, global = true)]
    json: bool,
}

impl Place {
    /// Takes our own flags out of words that have flags of their own.
    fn take_from(&mut self, words: &mut Vec<String>) -> Result<(), String> {
        while let Some(at) =
            words.iter().position(|word| matches!(word.as_str(), "-C" | "--run-dir" | "--json"))
        {
            let flag = words.remove(at);
            if flag == "--json" {
                self.json = true;
                continue;
            }
            if at == words.len() {
                return Err(format!("{flag} needs a value"));
            }
            let value = PathBuf::from(words.remove(at));
            if flag == "-C" { self.dir = value } else { self.run_dir = Some(value) }
        }
        Ok(())
    }
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Run the server in the foreground.
    Run {
        /// More of the log at the console: verbose lines.
        #[arg(short, action = clap::ArgAction::Count)]
        verbose: u8,
        /// More of the log at the console: debug lines.
        #[arg(short, action = clap::ArgAction::Count)]
        debug: u8,
        /// Log one JSON object per line.
        #[arg(long)]
        log_json: bool,
        /// When started as root: the user to become once the sockets are open.
        #[arg(short = 'U', long)]
        user: Option<String>,
        /// When started as root: the group to become.
        #[arg(short = 'G', long)]
        group: Option<String>,
    },
    /// Say what is wrong with a configuration, without running it. The exit status is 2 for errors.
    Check {
        /// The directory, where it is not given by -C.
        dir: Option<PathBuf>,
        /// Warnings count: they make the exit status 1.
        #[arg(long)]
        strict: bool,
        /// Print notes too.
        #[arg(long)]
        notes: bool,
    },
    /// Take a configuration over into the directory given by -C: `import /etc/asterisk/sip.conf -C /etc/jackfield`.
    Import {
        /// A `sip.conf`, `.conf` or TOML file, a SQLite database with ps_* tables, or a directory.
        source: PathBuf,
        /// What the source is, where its name and content do not tell.
        #[arg(long)]
        from: Option<From>,
        #[command(flatten)]
        conversion: Conversion,
        /// Print the result instead of writing it.
        #[arg(long)]
        print: bool,
    },
    /// Write the configuration of the directory given by -C in another form: `export /tmp/new --as sqlite`.
    Export {
        /// The directory to write to. Without it, the result is printed.
        into: Option<PathBuf>,
        #[command(flatten)]
        conversion: Conversion,
    },
    /// Show what the running server has: endpoints, aors, contacts, status, …
    Show {
        /// As in the console: `endpoints like ^b`, `endpoint 100`, `status`, …
        #[arg(required = true)]
        words: Vec<String>,
    },
    /// Why a request is given the endpoint it is given: `explain identify --from sip:100@pbx --source 10.0.0.1:5060`.
    Explain {
        /// As in the console.
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        words: Vec<String>,
    },
    /// Draw a call as a ladder, the decisions between the arrows: `trace 100`, `trace PJSIP/100-00000001`.
    Trace {
        /// A channel, an endpoint (its latest call), a unique id or a Call-ID.
        call: String,
        /// Every message in full as well.
        #[arg(long)]
        messages: bool,
        /// Write the messages to this new file, for Wireshark and its like.
        #[arg(long, value_name = "FILE")]
        pcap: Option<PathBuf>,
    },
    /// The messages of a mailbox, for scripts: `mailbox set 7@vm 2 1`, `mailbox show 7@vm`.
    Mailbox {
        #[command(subcommand)]
        what: Mailbox,
    },
    /// Read the configuration again; a bad object keeps its last good version.
    Reload {
        /// Only say what would change.
        #[arg(long)]
        plan: bool,
    },
    /// The interactive console.
    Console,
    /// The realtime tables.
    Schema {
        #[command(subcommand)]
        what: Schema,
    },
}

#[derive(Debug, Subcommand)]
enum Mailbox {
    /// Set how many messages a mailbox has; lamps and message lights follow at once.
    Set {
        /// `BOX@CONTEXT`; without a context it is in `default`.
        name: String,
        /// Messages not yet heard.
        new: u32,
        /// Messages heard.
        #[arg(default_value_t = 0)]
        old: u32,
    },
    /// Show one mailbox, or all.
    Show {
        /// `BOX@CONTEXT`.
        name: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
enum Schema {
    /// Make the tables in a SQLite file, or add to existing ones what they lack; nothing is removed or changed.
    Init {
        /// The file.
        database: PathBuf,
    },
    /// Print the SQL.
    Print,
}

#[derive(Clone, Debug, Args)]
struct Conversion {
    /// What to write.
    #[arg(long = "as", value_name = "FORM", default_value = "conf")]
    form: To,
    /// Replace files and rows that are there; replaced files stay as NAME.old.
    #[arg(long)]
    force: bool,
    /// Leave out what does not load, instead of refusing the whole.
    #[arg(long)]
    partial: bool,
    /// Print notes too.
    #[arg(long)]
    notes: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum To {
    /// pjsip.conf, and acl.conf, asterisk.conf, rtp.conf where needed.
    Conf,
    /// pjsip.toml.
    Toml,
    /// ps_* tables in pjsip.sqlite, and the files that name them.
    Sqlite,
}

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
enum From {
    /// The sip.conf of chan_sip; a word on every line of it is printed.
    #[value(name = "sip.conf")]
    SipConf,
    /// A file like pjsip.conf.
    Conf,
    /// A file like pjsip.toml.
    Toml,
    /// A SQLite database with ps_* tables.
    Sqlite,
}

fn main() -> ExitCode {
    let arguments: Vec<String> =
        std::env::args_os().map(|argument| argument.to_string_lossy().into_owned()).collect();
    let result = match asterisk::is_asked_for(arguments.first().map_or("", String::as_str)) {
        true => as_asterisk(&arguments[1..]),
        false => run(Cli::parse()),
    };
    match result {
        Ok(status) => ExitCode::from(status),
        Err(sentence) => {
            eprintln!("jackfield: {sentence}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> Result<u8, String> {
    let mut place = cli.place;
    let mut command = cli.command;
    if let Some(Task::Explain { words }) = &mut command {
        place.take_from(words)?;
    }
    let layout = |run_as| {
        let given = Given { run_dir: place.run_dir.clone(), state_dir: place.state_dir.clone(), run_as };
        Layout::of_dir(&place.dir, &given)
    };
    let run_dir = || layout(RunAs::default()).run_dir;
    let line = match (command, cli.execute) {
        (Some(Task::Run { verbose, debug, log_json, user, group }), _) => {
            let log = if log_json { LogForm::Json } else { LogForm::Text };
            let layout = layout(RunAs { user, group });
            let levels = (layout.verbose.max(verbose), layout.debug.max(debug));
            return server::run(&RunOptions { layout, log, levels }).map(|()| 0);
        }
        (Some(Task::Check { dir, strict, notes }), _) => {
            let (dir, json) = (dir.unwrap_or(place.dir), place.json);
            let options = CheckOptions { json, strict, notes };
            return check::print(&dir, options, &mut std::io::stdout()).map_err(|error| error.to_string());
        }
        (Some(Task::Import { source, from, conversion, print }), _) => {
            let from = from.map(|from| match from {
                From::SipConf => SourceForm::SipConf,
                From::Conf => SourceForm::Conf,
                From::Toml => SourceForm::Toml,
                From::Sqlite => SourceForm::Sqlite,
            });
            return convert((source, from), (!print).then_some(place.dir), &conversion);
        }
        (Some(Task::Export { into, conversion }), _) => {
            return convert((place.dir, Some(SourceForm::Directory)), into, &conversion);
        }
        (Some(Task::Schema { what: Schema::Init { database } }), _) => {
            return schema::init(&database, &mut std::io::stdout()).map(|()| 0);
        }
        (Some(Task::Schema { what: Schema::Print }), _) => {
            return schema::print(&mut std::io::stdout()).map(|()| 0).map_err(|error| error.to_string());
        }
        (Some(Task::Show { words }), _) => format!("show {}", quoted(&words)),
        (Some(Task::Explain { words }), _) => format!("explain {}", quoted(&words)),
        (Some(Task::Trace { call, pcap: Some(file), .. }), _) => {
            let mut client = Client::connect(&run_dir())?;
            let written = server::capture::of_call(&mut client, &call, &file)?;
            return writeln!(std::io::stdout(), "{written} messages written to {}", file.display())
                .map(|()| 0)
                .map_err(|error| error.to_string());
        }
        (Some(Task::Trace { call, messages, .. }), _) => {
            let messages = if messages { " messages" } else { "" };
            format!("trace {}{messages}", quoted(&[call]))
        }
        (Some(Task::Mailbox { what: Mailbox::Set { name, new, old } }), _) => {
            format!("mailbox set {} {new} {old}", quoted(&[name]))
        }
        (Some(Task::Mailbox { what: Mailbox::Show { name } }), _) => {
            format!("mailbox show {}", quoted(name.as_slice()))
        }
        (Some(Task::Reload { plan }), _) => if plan { "reload --plan" } else { "reload" }.to_owned(),
        (None, Some(line)) => line,
        (Some(Task::Console), _) => return open_console(&run_dir()),
        (None, None) if cli.remote => return open_console(&run_dir()),
        (None, None) => return Err("nothing to do; see jackfield --help".into()),
    };
    one_shot(&run_dir(), &line, place.json)
}

fn convert(
    (source, from): (PathBuf, Option<SourceForm>),
    into: Option<PathBuf>,
    conversion: &Conversion,
) -> Result<u8, String> {
    let form = match conversion.form {
        To::Conf => Form::Conf,
        To::Toml => Form::Toml,
        To::Sqlite => Form::Sqlite,
    };
    let Conversion { force, partial, notes, .. } = *conversion;
    let job = Job { source, from, form, into, force, partial, notes };
    convert::run(&job, &mut std::io::stdout(), &mut std::io::stderr()).map(|()| 0)
}

/// Called by the name `asterisk`: that program's flags.
fn as_asterisk(arguments: &[String]) -> Result<u8, String> {
    match asterisk::read(arguments)? {
        Wish::Text(text) => {
            writeln!(std::io::stdout(), "{text}").map(|()| 0).map_err(|error| error.to_string())
        }
        Wish::Run(options) => server::run(&options).map(|()| 0),
        Wish::Execute { run_dir, line } => one_shot(&run_dir, &line, false),
        Wish::Console { run_dir } => open_console(&run_dir),
    }
}

fn one_shot(run_dir: &Path, line: &str, json: bool) -> Result<u8, String> {
    let mut client = Client::connect(run_dir)?;
    let format = if json { Format::Json } else { Format::Text { colour: std::io::stdout().is_terminal() } };
    console::one_shot(&mut client, line, format, &mut std::io::stdout())
        .map(|good| u8::from(!good))
        .map_err(|error| error.to_string())
}

fn open_console(run_dir: &Path) -> Result<u8, String> {
    let mut client = Client::connect(run_dir)?;
    let history = console::history_file(std::env::var_os("XDG_STATE_HOME"), std::env::var_os("HOME"));
    let host = nix::unistd::gethostname()
        .map_or_else(|_| "jackfield".into(), |name| name.to_string_lossy().into_owned());
    let colour = std::io::stdout().is_terminal();
    console::run(&mut client, &host, history.as_deref(), colour, &mut std::io::stdout())
        .map(|()| 0)
        .map_err(|error| error.to_string())
}

/// Words as one line of the command language: those with blanks in quotes.
fn quoted(words: &[String]) -> String {
    let quote = |word: &String| match word.contains(char::is_whitespace) {
        true => format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\"")),
        false => word.clone(),
    };
    words.iter().map(quote).collect::<Vec<_>>().join(" ")
}
