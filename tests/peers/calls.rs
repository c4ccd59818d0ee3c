//! Two baresips register and call each other; each plays a tone of its own and records what it hears (B1).

use crate::tree::{Process, Tree, poll, read};
use std::f64::consts::TAU;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

const RATE: u32 = 8_000;

/// Sixteen bits, one channel: a tone of so many hertz.
fn write_tone(path: &Path, hertz: f64) {
    let samples =
        (0..RATE * 30).map(|at| (8_000.0 * (TAU * hertz * f64::from(at) / f64::from(RATE)).sin()) as i16);
    let data: Vec<u8> = samples.flat_map(i16::to_le_bytes).collect();
    let size = u32::try_from(data.len()).expect("half a minute");
    let mut wav = Vec::with_capacity(data.len() + 44);
    wav.extend_from_slice(b"RIFF");
    wav.extend_from_slice(&(size + 36).to_le_bytes());
    wav.extend_from_slice(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    wav.extend_from_slice(&RATE.to_le_bytes());
    wav.extend_from_slice(&(RATE * 2).to_le_bytes());
    wav.extend_from_slice(b"\x02\0\x10\0data");
    wav.extend_from_slice(&size.to_le_bytes());
    wav.extend_from_slice(&data);
    std::fs::write(path, wav).expect("written");
}

/// The level of a tone in the last second of a recording (Goertzel), of 8,000 at most; 0 while there is less.
fn level(path: &Path, hertz: f64) -> f64 {
    let bytes = std::fs::read(path).unwrap_or_default();
    let samples: Vec<f64> = bytes
        .get(44..)
        .unwrap_or_default()
        .chunks_exact(2)
        .map(|b| f64::from(i16::from_le_bytes([b[0], b[1]])))
        .collect();
    let Some(start) = samples.len().checked_sub(RATE as usize) else { return 0.0 };
    let turn = TAU * hertz / f64::from(RATE);
    let (mut before, mut last) = (0.0, 0.0);
    for sample in &samples[start..] {
        (before, last) = (last, sample + 2.0 * turn.cos() * last - before);
    }
    let power = before * before + last * last - 2.0 * turn.cos() * before * last;
    2.0 * power.max(0.0).sqrt() / f64::from(RATE)
}

struct Phone {
    process: Process,
    home: std::path::PathBuf,
}

impl Phone {
    fn start(tree: &Tree, number: u32, hertz: f64) -> Phone {
        let home = tree.dir.join(format!("phone{number}"));
        std::fs::create_dir_all(&home).expect("writable");
        let tone = home.join("tone.wav");
        write_tone(&tone, hertz);
        let config = format!(
            "sip_listen 127.0.0.1:0\nnet_interface 127.0.0.1\nmodule_path /usr/lib/baresip/modules\nmodule stdio.so\n\
             module g711.so\nmodule aufile.so\nmodule aubridge.so\nmodule sndfile.so\nmodule_tmp account.so\n\
             module_app menu.so\naudio_source aufile,{}\naudio_player aubridge,nil\nsnd_path {}\n",
            tone.display(),
            home.display()
        );
        std::fs::write(home.join("config"), config).expect("written");
        let account = format!(
            "<sip:{number}@127.0.0.1:{}>;auth_pass=secret{number};regint=600;answermode=auto\n",
            tree.port
        );
        std::fs::write(home.join("accounts"), account).expect("written");
        let log = File::create(home.join("log")).expect("writable");
        let mut command = Command::new("baresip");
        command.args(["-4", "-f"]).arg(&home).env("HOME", &home).current_dir(&home);
        command.stdin(Stdio::piped()).stdout(log.try_clone().expect("a second handle")).stderr(log);
        Phone { process: Process::peer(&mut command, "baresip"), home }
    }

    fn type_in(&mut self, line: &str) {
        let keys = self.process.0.stdin.as_mut().expect("piped");
        keys.write_all(format!("{line}\n").as_bytes()).expect("it listens");
    }

    /// How loud a tone is in what it hears.
    fn hears(&self, hertz: f64) -> f64 {
        let files = std::fs::read_dir(&self.home).expect("its folder").filter_map(Result::ok);
        let heard = files.map(|file| file.path()).find(|path| path.to_string_lossy().ends_with("-dec.wav"));
        heard.map_or(0.0, |path| level(&path, hertz))
    }

    fn log(&self) -> String {
        read(&self.home.join("log"))
    }
}

fn objects(options: &str) -> String {
    let mut text = String::new();
    for number in [100, 101] {
        text += &format!(
            "[{number}]\ntype=endpoint\ncontext=phones\ndisallow=all\nallow=ulaw,alaw\nauth={number}\naors={number}\n\
             {options}\n[{number}]\ntype=auth\nusername={number}\npassword=secret{number}\n\
             [{number}]\ntype=aor\nmax_contacts=1\n"
        );
    }
    text
}

/// Packets that the server's ports have received, of both legs; `None` while a leg's media bypasses us.
fn relayed(tree: &Tree) -> Option<u64> {
    let output = tree.command().args(["--json", "-x", "pjsip show channelstats"]).output().expect("runs");
    let all: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
    let list = all.get("channelstats").or_else(|| all.get("channel_stats"))?.as_array()?.clone();
    if list.len() != 2 || list.iter().any(|one| one["direct_media"] == true) {
        return None;
    }
    list.iter().map(|one| one["received"]["packets"].as_u64()).sum()
}

fn call(name: &str, options: &str) -> (Tree, Phone, Phone) {
    let mut tree = Tree::new(name, &objects(options));
    std::fs::write(tree.dir.join("extensions.conf"), "[phones]\nexten => _10X,1,Dial(PJSIP/${EXTEN},30)\n")
        .expect("written");
    tree.start();
    let mut ann = Phone::start(&tree, 100, 440.0);
    let bob = Phone::start(&tree, 101, 1_000.0);
    tree.wait_for_endpoints(&["Contact:", "100/sip:100"]);
    tree.wait_for_endpoints(&["Contact:", "101/sip:101"]);
    ann.type_in(&format!("/dial sip:101@127.0.0.1:{}", tree.port));
    (tree, ann, bob)
}

fn hear_each_other(tree: &Tree, ann: &Phone, bob: &Phone) {
    let both = poll(|| (ann.hears(1_000.0) > 3_000.0 && bob.hears(440.0) > 3_000.0).then_some(()));
    assert!(
        both.is_some(),
        "heard: {} and {}\n{}\n{}\n{}",
        ann.hears(1_000.0),
        bob.hears(440.0),
        tree.log(),
        ann.log(),
        bob.log()
    );
    // Nobody hears himself.
    assert!(ann.hears(440.0) < 500.0 && bob.hears(1_000.0) < 500.0);
}

fn ends(tree: &Tree, mut ann: Phone, bob: &Phone) {
    ann.type_in("/hangup");
    let gone = poll(|| {
        let text = tree.command().args(["-x", "core show channels"]).output().expect("runs");
        String::from_utf8_lossy(&text.stdout).contains("0 active channels").then_some(())
    });
    assert!(gone.is_some(), "{}\n{}", tree.log(), bob.log());
}

#[test]
fn two_phones_hear_each_other_through_the_server() {
    let (tree, ann, bob) = call("call-relay", "direct_media=no");
    hear_each_other(&tree, &ann, &bob);
    let passed = relayed(&tree).expect("both legs are relayed");
    assert!(passed > 50, "{passed} packets");
    ends(&tree, ann, &bob);
}

#[test]
fn two_phones_hear_each_other_directly() {
    let (tree, ann, bob) = call("call-direct", "");
    hear_each_other(&tree, &ann, &bob);
    assert_eq!(relayed(&tree), None, "media bypasses the server");
    ends(&tree, ann, &bob);
}
