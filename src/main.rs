//! The `jackfield` program: arguments in, exit status out.

use clap::{Args, Parser, Subcommand};
use jackfield::admin::{Format, console};
use jackfield::server::control::Client;
use jackfield::server::log::LogForm;
use jackfield::server::{self, RunOptions};
use std::io::IsTerminal;
use std::path::PathBuf;
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
    /// Where the contact store and the control socket live [default: DIR/run].
    #[arg(long, value_name = "DIR", global = true)]
    run_dir: Option<PathBuf>,
    /// Print JSON instead of text.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Run the server in the foreground.
    Run {
        /// More of the log: -v verbose lines, -vv debug lines.
        #[arg(short, action = clap::ArgAction::Count)]
        verbose: u8,
        /// Log one JSON object per line.
        #[arg(long)]
        log_json: bool,
    },
    /// Show what the running server has: endpoints, aors, contacts, status, …
    Show {
        /// As in the console: `endpoints like ^b`, `endpoint 100`, `status`, …
        #[arg(required = true, trailing_var_arg = true)]
        words: Vec<String>,
    },
    /// Why a request is given the endpoint it is given: `explain identify --from sip:100@pbx --source 10.0.0.1:5060`.
    Explain {
        /// As in the console.
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        words: Vec<String>,
    },
    /// Read the configuration again; a bad object keeps its last good version.
    Reload {
        /// Only say what would change.
        #[arg(long)]
        plan: bool,
    },
    /// The interactive console.
    Console,
}

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(sentence) => {
            eprintln!("jackfield: {sentence}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> Result<bool, String> {
    let place = cli.place;
    let line = match (cli.command, cli.execute) {
        (Some(Task::Run { verbose, log_json }), _) => {
            let log = if log_json { LogForm::Json } else { LogForm::Text };
            let (dir, run_dir) = (place.dir, place.run_dir);
            return server::run(&RunOptions { dir, run_dir, log, verbosity: verbose }).map(|()| true);
        }
        (Some(Task::Show { words }), _) => format!("show {}", quoted(&words)),
        (Some(Task::Explain { words }), _) => format!("explain {}", quoted(&words)),
        (Some(Task::Reload { plan }), _) => if plan { "reload --plan" } else { "reload" }.to_owned(),
        (None, Some(line)) => line,
        (Some(Task::Console), _) => return open_console(&place),
        (None, None) if cli.remote => return open_console(&place),
        (None, None) => return Err("nothing to do; see jackfield --help".into()),
    };
    let mut client = Client::connect(&server::run_dir(&place.dir, place.run_dir.as_deref()))?;
    let format =
        if place.json { Format::Json } else { Format::Text { colour: std::io::stdout().is_terminal() } };
    console::one_shot(&mut client, &line, format, &mut std::io::stdout()).map_err(|error| error.to_string())
}

fn open_console(place: &Place) -> Result<bool, String> {
    let mut client = Client::connect(&server::run_dir(&place.dir, place.run_dir.as_deref()))?;
    let history = console::history_file(std::env::var_os("XDG_STATE_HOME"), std::env::var_os("HOME"));
    let host = nix::unistd::gethostname()
        .map_or_else(|_| "jackfield".into(), |name| name.to_string_lossy().into_owned());
    let colour = std::io::stdout().is_terminal();
    console::run(&mut client, &host, history.as_deref(), colour, &mut std::io::stdout())
        .map(|()| true)
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
