//! A configuration tree of its own, the server that runs on it, and bounded waiting.

use std::collections::HashSet;
use std::io::{BufRead, BufReader};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long anything may take on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

const V4: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const V6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

/// Asks until there is an answer; `None` after [`PATIENCE`].
pub fn poll<T>(mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let pause = Duration::from_millis(20);
    for _ in 0..PATIENCE.as_millis() / pause.as_millis() {
        let answer = ask();
        if answer.is_some() {
            return answer;
        }
        std::thread::sleep(pause);
    }
    None
}

/// A process that ends when its owner does.
#[derive(Debug)]
pub struct Process(pub Child);

impl Process {
    /// Starts a peer.
    ///
    /// # Panics
    /// With the package's name when it is not installed.
    pub fn peer(command: &mut Command, package: &str) -> Process {
        let program = command.get_program().to_string_lossy().into_owned();
        match command.spawn() {
            Ok(child) => Process(child),
            Err(error) => {
                panic!("{program} cannot be started ({error}); install it with: apt-get install {package}")
            }
        }
    }

    /// Waits for its end.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        poll(|| self.0.try_wait().expect("a child of ours"))
    }
}

/// A peer that forks, such as Kamailio: it ends with its children when its owner does.
#[derive(Debug)]
pub struct Forking(pub Process);

impl Drop for Forking {
    fn drop(&mut self) {
        // SIGTERM, so that it ends its children; the kill that follows finds nobody.
        if let Ok(id) = i32::try_from(self.0.0.id()) {
            let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(id), nix::sys::signal::SIGTERM);
        }
        let _ = self.0.ended();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A configuration tree in a folder of its own, removed at the end, with a server that may run on it.
#[derive(Debug)]
pub struct Tree {
    /// The configuration directory.
    pub dir: PathBuf,
    /// UDP and TCP, IPv4 and IPv6.
    pub port: u16,
    /// TLS, IPv4 and IPv6.
    pub tls_port: u16,
    server: Option<Process>,
    log: Arc<Mutex<String>>,
}

impl Tree {
    /// A tree with transports on free ports, and these objects. `name` is the test's.
    pub fn new(name: &str, objects: &str) -> Tree {
        let dir = std::env::temp_dir().join(format!("jackfield-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        std::fs::create_dir_all(&dir).expect("the temporary folder is writable");
        let tree = Tree { dir, port: free_port(), tls_port: free_port(), server: None, log: Arc::default() };
        let conf = format!("{}{objects}", tree.transports());
        std::fs::write(tree.dir.join("pjsip.conf"), conf).expect("written");
        tree
    }

    fn transports(&self) -> String {
        let mut conf = String::new();
        for (name, protocol) in [("udp", "udp"), ("tcp", "tcp")] {
            for (suffix, address) in [("", V4), ("6", V6)] {
                let bind = SocketAddr::new(address, self.port);
                conf += &format!("[{name}{suffix}]\ntype=transport\nprotocol={protocol}\nbind={bind}\n");
            }
        }
        conf
    }

    /// Adds TLS with a certificate of its own.
    pub fn with_tls(self) -> Tree {
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).expect("a certificate");
        std::fs::write(self.dir.join("cert.pem"), made.cert.pem()).expect("written");
        std::fs::write(self.dir.join("key.pem"), made.signing_key.serialize_pem()).expect("written");
        let mut conf = std::fs::read_to_string(self.dir.join("pjsip.conf")).expect("written above");
        for (name, address) in [("tls", V4), ("tls6", V6)] {
            let bind = SocketAddr::new(address, self.tls_port);
            conf += &format!(
                "[{name}]\ntype=transport\nprotocol=tls\nbind={bind}\ncert_file=cert.pem\npriv_key_file=key.pem\n"
            );
        }
        std::fs::write(self.dir.join("pjsip.conf"), conf).expect("written");
        self
    }

    /// `jackfield -C DIR …`
    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_jackfield"));
        command.arg("-C").arg(&self.dir).stdin(Stdio::null());
        command
    }

    /// Starts the server and waits until it says that it is ready.
    pub fn start(&mut self) {
        self.start_with(|_| ());
    }

    /// The same, with something added to its command.
    pub fn start_with(&mut self, add: impl FnOnce(&mut Command)) {
        let mut command = self.command();
        command.arg("run");
        add(&mut command);
        self.start_command(command);
    }

    /// Starts this command as the tree's server.
    pub fn start_command(&mut self, mut command: Command) {
        assert!(self.server.is_none(), "it runs");
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clear();
        let mut child =
            command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the program was built");
        let lines = BufReader::new(child.stderr.take().expect("piped"));
        let log = Arc::clone(&self.log);
        std::thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
                log.push_str(&line);
                log.push('\n');
            }
        });
        self.server = Some(Process(child));
        self.wait_for_log(" Ready: ");
    }

    /// What the server has said since it was started.
    pub fn log(&self) -> String {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until the log has this.
    pub fn wait_for_log(&self, words: &str) {
        let seen = poll(|| self.log().contains(words).then_some(()));
        assert!(seen.is_some(), "the log never said '{words}':\n{}", self.log());
    }

    /// The server's process id.
    pub fn pid(&self) -> nix::unistd::Pid {
        let id = self.server.as_ref().expect("it runs").0.id();
        nix::unistd::Pid::from_raw(i32::try_from(id).expect("process ids are small"))
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        drop(self.server.take().expect("it runs"));
    }

    /// SIGTERM, and waits for the end.
    pub fn terminate(&mut self) -> ExitStatus {
        nix::sys::signal::kill(self.pid(), nix::sys::signal::SIGTERM).expect("a child of ours");
        self.ended()
    }

    /// Waits for the end that somebody asked for.
    pub fn ended(&mut self) -> ExitStatus {
        let status = self.server.as_mut().expect("it runs").ended();
        let status = status.unwrap_or_else(|| panic!("it does not end:\n{}", self.log()));
        self.server = None;
        status
    }

    /// What `jackfield -C DIR show WORDS` prints.
    pub fn show(&self, words: &[&str]) -> String {
        let output = self.command().arg("show").args(words).output().expect("runs");
        let text = text_of(&output);
        assert!(output.status.success(), "show {words:?}: {text}\n{}", self.log());
        text
    }

    /// Waits until `show endpoints` has all of these on one line.
    pub fn wait_for_endpoints(&self, parts: &[&str]) -> String {
        let mut last = String::new();
        let found = poll(|| {
            last = self.show(&["endpoints"]);
            last.lines().find(|line| parts.iter().all(|part| line.contains(part))).map(str::to_owned)
        });
        found.unwrap_or_else(|| panic!("show endpoints has no line with {parts:?}:\n{last}\n{}", self.log()))
    }

    /// The server's address for a transport, as a SIP URI's host and port.
    pub fn target(&self, address: IpAddr, tls: bool) -> SocketAddr {
        SocketAddr::new(address, if tls { self.tls_port } else { self.port })
    }

    /// The control socket.
    pub fn socket(&self) -> PathBuf {
        self.dir.join("run/jackfield.ctl")
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        self.server = None;
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

/// Both streams of an ended program.
pub fn text_of(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// What a peer wrote into a file, for a failure's words.
pub fn read(path: &Path) -> String {
    std::fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}

/// A port that is free for UDP and TCP on both loopback addresses and was given to no other test.
pub fn free_port() -> u16 {
    static GIVEN: Mutex<Option<HashSet<u16>>> = Mutex::new(None);
    for _ in 0..100 {
        let Ok(first) = UdpSocket::bind((V4, 0)) else { continue };
        let port = first.local_addr().expect("bound").port();
        let free = UdpSocket::bind((V6, port)).is_ok()
            && TcpListener::bind((V4, port)).is_ok()
            && TcpListener::bind((V6, port)).is_ok();
        let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
        if free && given.get_or_insert_default().insert(port) {
            return port;
        }
    }
    panic!("no port is free on 127.0.0.1 and ::1");
}

/// Two phones with passwords; what the tests register.
pub const PHONES: &str = "\
[phone](!)
type=endpoint
context=phones
disallow=all
allow=ulaw
rewrite_contact=yes
[account](!)
type=auth
auth_type=userpass
[place](!)
type=aor
max_contacts=3
remove_existing=yes
[100](phone)
auth=100
aors=100
[100](account)
username=100
password=secret100
[100](place)
[101](phone)
auth=101
aors=101
[101](account)
username=101
password=secret101
[101](place)
";
