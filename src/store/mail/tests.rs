use super::*;
use crate::config::files::MemoryFiles;
use crate::config::origin::Sources;
use crate::config::services::{Services, Voicemail};
use crate::voicemail::{KeptWhere, MessageFacts, NewMessage};
use std::sync::mpsc::Receiver;

struct Spool {
    root: PathBuf,
    all: Voicemail,
    store: Option<MailStore>,
    told: Receiver<Told>,
}

/// A spool with this `voicemail.conf`, at line 1 `[general]`.
fn spool(name: &str, conf: &str) -> Spool {
    let root = std::env::temp_dir().join(format!("jackfield-mail-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&root);
    fs::create_dir_all(&root).expect("made");
    let conf = conf.replace("ROOT", &root.display().to_string());
    fs::write(root.join("voicemail.conf"), &conf).expect("written");
    let files = MemoryFiles::new().with("voicemail.conf", conf.as_str());
    let all = Services::read(&files, &mut Sources::new(), &mut Vec::new()).voicemail;
    let (sender, told) = mpsc::channel();
    let tell = Box::new(move |_, answer| {
        let _ = sender.send(answer);
    });
    let store = MailStore::start(root.join("spool"), root.clone(), tell).expect("a thread");
    Spool { root, all, store: Some(store), told }
}

impl Spool {
    fn mailbox(&self, name: &str) -> Arc<Mailbox> {
        self.all.find_full(name).expect("there").clone()
    }

    fn ask(&self, order: Order) -> Told {
        self.store.as_ref().expect("running").push(7, order).expect("room");
        self.told.recv_timeout(Duration::from_secs(10)).expect("an answer")
    }

    /// A message of this name in these mailboxes.
    fn keep(&self, name: &str, boxes: &[&str], flag: &'static str) -> Told {
        let file = self.root.join(format!("{name}.wav"));
        fs::write(&file, name).expect("written");
        let serial = name.bytes().map(u64::from).sum();
        let facts = MessageFacts { origtime: 1_795_298_400, serial, flag, ..MessageFacts::default() };
        let to = boxes.iter().map(|name| self.mailbox(name)).collect();
        let file = file.display().to_string();
        self.ask(Order::Keep(Box::new(NewMessage { file, to, facts, settings: self.all.settings.clone() })))
    }

    fn open(&self, name: &str, folder: usize) -> Opened {
        match self.ask(Order::Open { mailbox: self.mailbox(name), folder, zone: None }).answer {
            Some(Answer::Opened(opened)) => *opened,
            other => panic!("{other:?}"),
        }
    }

    /// Sound files of a folder and what is in them, by name.
    fn files(&self, folder: &str) -> Vec<(String, String)> {
        let dir = self.root.join("spool/default").join(folder);
        let mut all: Vec<(String, String)> = fs::read_dir(dir)
            .map(|entries| entries.map(|entry| entry.expect("an entry").path()).collect::<Vec<_>>())
            .unwrap_or_default()
            .into_iter()
            .filter(|path| path.extension().is_some_and(|extension| extension == "wav"))
            .map(|path| {
                let name = path.file_name().expect("a name").to_string_lossy().into_owned();
                (name, fs::read_to_string(&path).expect("read"))
            })
            .collect();
        all.sort();
        all
    }

    fn close(&self, name: &str, changes: Changes) -> Told {
        let (mailbox, settings) = (self.mailbox(name), self.all.settings.clone());
        self.ask(Order::Close { mailbox, changes: vec![changes], settings })
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        drop(self.store.take());
        let _ = fs::remove_dir_all(&self.root);
    }
}

fn pairs(files: &[(String, String)]) -> String {
    files.iter().map(|(name, what)| format!("{}={what}", &name[..7])).collect::<Vec<_>>().join(" ")
}

const TWO: &str = "[general]\nmaxmsg=3\n[default]\n100 => 1,Alice\n200 => 2,Bob\n";

#[test]
fn messages_are_kept_counted_heard_and_closed_up_without_holes() {
    let spool = spool("life", TWO);
    for name in ["aa", "bb", "cc"] {
        let told = spool.keep(name, &["100"], "");
        assert_eq!((told.answer, told.said), (Some(Answer::Kept(1)), vec![]));
    }
    let full = spool.keep("dd", &["100", "200"], "");
    assert_eq!(full.answer, Some(Answer::Kept(1)), "one is full, the other is not");
    assert!(full.said[0].contains("100@default is full"), "{:?}", full.said);
    assert_eq!(full.counts, [Count { mailbox: "200@default".into(), new: 1, old: 0 }]);
    assert_eq!(pairs(&spool.files("100/INBOX")), "msg0000=aa msg0001=bb msg0002=cc");
    assert!(!spool.root.join("dd.wav").exists(), "what was recorded is in a mailbox or gone");

    let opened = spool.open("100", 0);
    let keys: Vec<String> = opened.messages.iter().map(|message| message.key.clone()).collect();
    assert_eq!((opened.counts, keys.len()), ((3, 0), 3));
    // Somebody else deletes the first one meanwhile: ours are still ours.
    spool.close("100", Changes { folder: "INBOX", deleted: vec![keys[0].clone()], heard: vec![] });
    let find = |key: &String| {
        let order = Order::Find { mailbox: spool.mailbox("100"), folder: "INBOX", key: key.clone() };
        match spool.ask(order).answer {
            Some(Answer::At(at)) => at.map(|at| at.rsplit('/').next().expect("a name").to_owned()),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!((find(&keys[0]), find(&keys[2]).as_deref()), (None, Some("msg0001")));
    let (deleted, heard) = (vec![keys[0].clone(), keys[1].clone()], vec![keys[2].clone()]);
    let told = spool.close("100", Changes { folder: "INBOX", deleted, heard });
    assert_eq!(told.counts, [Count { mailbox: "100@default".into(), new: 0, old: 1 }]);
    assert_eq!((spool.files("100/INBOX").len(), pairs(&spool.files("100/Old")).as_str()), (0, "msg0000=cc"));
}

#[test]
fn what_a_killed_program_left_is_no_message_and_in_nobodys_way() {
    let spool = spool("killed", TWO);
    let inbox = spool.root.join("spool/default/100/INBOX");
    fs::create_dir_all(&inbox).expect("made");
    // Its text was not there yet.
    fs::write(inbox.join("msg0000.wav"), "half").expect("written");
    fs::write(inbox.join("msg0000.gsm"), "half").expect("written");
    fs::write(inbox.join(".msg0000.new"), "[mess").expect("written");
    let opened = spool.open("100", 0);
    assert_eq!((opened.counts, opened.messages.len()), ((0, 0), 0));
    assert_eq!(spool.keep("aa", &["100"], "").answer, Some(Answer::Kept(1)));
    assert_eq!(pairs(&spool.files("100/INBOX")), "msg0000=aa");
    assert!(!inbox.join("msg0000.gsm").exists(), "it is not the new message's");
}

#[test]
fn copies_urgent_ones_and_greetings() {
    let spool = spool("copies", TWO);
    spool.keep("aa", &["100"], "");
    let urgent = spool.keep("bb", &["100"], "Urgent");
    assert_eq!(urgent.counts[0].new, 2);
    let opened = spool.open("100", 0);
    let folders: Vec<&str> = opened.messages.iter().map(|message| message.folder).collect();
    assert_eq!(folders, ["Urgent", "INBOX"], "urgent ones are heard first");
    let copy = |to| Order::Copy {
        mailbox: spool.mailbox("100"),
        folder: "INBOX",
        key: opened.messages[1].key.clone(),
        to,
        settings: spool.all.settings.clone(),
    };
    let told = spool.ask(copy(KeptWhere::Folder("Work")));
    assert_eq!(
        (told.answer, pairs(&spool.files("100/Work")).as_str()),
        (Some(Answer::Kept(1)), "msg0000=aa")
    );
    let told = spool.ask(copy(KeptWhere::Boxes(vec![spool.mailbox("200"), spool.mailbox("200")])));
    assert_eq!(told.answer, Some(Answer::Kept(2)));
    let theirs = spool.open("200", 0).messages;
    assert!(theirs.len() == 2 && theirs[0].key != theirs[1].key, "each is a message of its own: {theirs:?}");

    let dir = PathBuf::from(opened.greetings.dir);
    fs::write(dir.join("temp.gsm"), "old").expect("written");
    let recording = dir.join("tmp/r.wav").display().to_string();
    fs::write(&recording, "new").expect("written");
    let install = |file| Order::Install { mailbox: spool.mailbox("100"), file, name: "temp" };
    assert_eq!(spool.ask(install(Some(recording))).answer, Some(Answer::Done));
    assert!(dir.join("temp.wav").exists() && !dir.join("temp.gsm").exists());
    assert!(spool.open("100", 0).greetings.temp);
    spool.ask(install(None));
    assert!(!spool.open("100", 0).greetings.temp);
}

#[test]
fn passwords_are_written_where_they_are_read() {
    let change = |spool: &Spool, password: &str| {
        let (mailbox, settings) = (spool.mailbox("100"), spool.all.settings.clone());
        spool.ask(Order::Password { mailbox, password: password.to_owned(), settings }).answer
    };
    let in_conf = spool("conf", TWO);
    assert_eq!(change(&in_conf, "4711"), Some(Answer::Done));
    let text = fs::read_to_string(in_conf.root.join("voicemail.conf")).expect("read");
    assert_eq!(text, TWO.replace("100 => 1,", "100 => 4711,"));
    fs::write(in_conf.root.join("voicemail.conf"), "[general]\n").expect("written");
    assert!(matches!(change(&in_conf, "5"), Some(Answer::Failed(why)) if why.contains("reload")));
    let in_spool = spool("secret", &TWO.replace("maxmsg=3", "passwordlocation=spooldir"));
    assert_eq!(in_spool.open("100", 0).secret, None);
    assert_eq!(change(&in_spool, "4711"), Some(Answer::Done));
    assert_eq!(in_spool.open("100", 0).secret.as_deref(), Some("4711"));
}

/// Mails carry the message, a program is told of each change, and with `delete=yes` a mailed message is not kept.
#[test]
fn owners_are_written_to_and_programs_run() {
    let conf = "[general]\nattach=yes\nmailcmd=cat > ROOT/mail.part && mv ROOT/mail.part ROOT/mail\n\
                externnotify=echo >> ROOT/notes\nemailsubject=${VM_MSGNUM} for ${VM_NAME}\n\
                [default]\n100 => 1,Alice,alice@example.org,,delete=yes\n";
    let spool = spool("mails", conf);
    let told = spool.keep("sound", &["100"], "");
    assert_eq!((told.counts[0].new, told.said), (1, vec![]));
    // The mail is out: the message goes.
    let told = spool.told.recv_timeout(Duration::from_secs(10)).expect("it is deleted");
    assert_eq!((told.answer, told.counts[0].new), (None, 0));
    let mail = fs::read_to_string(spool.root.join("mail")).expect("sent");
    for words in
        ["To: \"Alice\" <alice@example.org>", "Subject: 1 for Alice", "filename=\"msg0000.wav\"", "c291bmQ="]
    {
        assert!(mail.contains(words), "{words} in {mail}");
    }
    let noted = || fs::read_to_string(spool.root.join("notes")).unwrap_or_default();
    for _ in 0..1_000 {
        if noted().lines().count() >= 2 {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let text = noted();
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["default 100 0 0 0", "default 100 1 0 0"]);
}
