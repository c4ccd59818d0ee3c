//! A baresip that plays a tone of its own and records what it hears.

use crate::shared::sound;
use crate::tree::{Process, poll, read};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const RATE: u32 = 8_000;

/// The level of a tone in the last second of a recording (Goertzel), of 8,000 at most; 0 while there is less.
fn level(path: &Path, hertz: f64) -> f64 {
    let bytes = std::fs::read(path).unwrap_or_default();
    let samples: Vec<i16> = bytes
        .get(44..)
        .unwrap_or_default()
        .chunks_exact(2)
        .map(|b| i16::from_le_bytes([b[0], b[1]]))
        .collect();
    let Some(start) = samples.len().checked_sub(RATE as usize) else { return 0.0 };
    sound::tone(&samples[start..], hertz, RATE)
}

/// Where a phone is and whom it registers with.
#[derive(Clone, Copy, Debug)]
pub struct Desk<'a> {
    /// Folder for its files.
    pub dir: &'a Path,
    /// User and, after `secret`, password.
    pub number: u32,
    /// What it plays.
    pub hertz: f64,
    /// Address and port of the server.
    pub server: &'a str,
    /// Its own address.
    pub address: &'a str,
    /// Further parameters of its account.
    pub account: &'a str,
    /// The process whose network it lives in; `None` for ours.
    pub network: Option<u32>,
}

pub struct Phone {
    process: Process,
    home: PathBuf,
}

impl Phone {
    pub fn start(desk: Desk<'_>) -> Phone {
        let Desk { number, server, address, .. } = desk;
        let home = desk.dir.join(format!("phone{number}"));
        std::fs::create_dir_all(&home).expect("writable");
        let tone = home.join("tone.wav");
        sound::write_wav(&tone, RATE, &sound::sine(desk.hertz, RATE, 30.0));
        let config = format!(
            "sip_listen {address}:0\nnet_interface {address}\nmodule_path /usr/lib/baresip/modules\nmodule stdio.so\n\
             module g711.so\nmodule aufile.so\nmodule aubridge.so\nmodule sndfile.so\nmodule_tmp account.so\n\
             module_app menu.so\naudio_source aufile,{}\naudio_player aubridge,nil\nsnd_path {}\n",
            tone.display(),
            home.display()
        );
        std::fs::write(home.join("config"), config).expect("written");
        let account = format!(
            "<sip:{number}@{server}>;auth_pass=secret{number};regint=600;answermode=auto{}\n",
            desk.account
        );
        std::fs::write(home.join("accounts"), account).expect("written");
        let log = File::create(home.join("log")).expect("writable");
        let mut command = inside(desk.network, "baresip");
        command.args(["-4", "-f"]).arg(&home).env("HOME", &home).current_dir(&home);
        command.stdin(Stdio::piped()).stdout(log.try_clone().expect("a second handle")).stderr(log);
        Phone { process: Process::peer(&mut command, "baresip"), home }
    }

    pub fn type_in(&mut self, line: &str) {
        let keys = self.process.0.stdin.as_mut().expect("piped");
        keys.write_all(format!("{line}\n").as_bytes()).expect("it listens");
    }

    /// How loud a tone is in what it hears.
    pub fn hears(&self, hertz: f64) -> f64 {
        let files = std::fs::read_dir(&self.home).expect("its folder").filter_map(Result::ok);
        let heard = files.map(|file| file.path()).find(|path| path.to_string_lossy().ends_with("-dec.wav"));
        heard.map_or(0.0, |path| level(&path, hertz))
    }

    pub fn log(&self) -> String {
        read(&self.home.join("log"))
    }
}

/// A program in the network of another process.
pub fn inside(network: Option<u32>, program: &str) -> Command {
    match network {
        Some(process) => {
            let mut command = Command::new("nsenter");
            command.args(["-t", &process.to_string(), "-n", program]);
            command
        }
        None => Command::new(program),
    }
}

/// Two phones hear each other's tone, and not their own; `told` is what else is known when they do not.
pub fn hear_each_other(
    (ann, plays): (&Phone, f64),
    (bob, answers): (&Phone, f64),
    told: impl Fn() -> String,
) {
    let both = poll(|| (ann.hears(answers) > 3_000.0 && bob.hears(plays) > 3_000.0).then_some(()));
    assert!(
        both.is_some(),
        "heard: {} and {}\n{}\n{}\n{}",
        ann.hears(answers),
        bob.hears(plays),
        told(),
        ann.log(),
        bob.log()
    );
    assert!(ann.hears(plays) < 500.0 && bob.hears(answers) < 500.0, "nobody hears himself");
}
