//! Reading `pjsip_notify.conf` for the switch.

use super::runtime::Server;
use super::shard::Order;
use crate::config::conf;
use crate::config::files::Files;
use crate::config::finding::Finding;
use crate::config::notify::NotifyConf;
use crate::config::origin::Sources;
use crate::store::files::ConfigDir;
use crate::switch::view::{Level, Reply};
use std::path::Path;
use std::sync::Arc;

/// Asterisk's name of the source file that speaks of it.
pub(super) const ORIGIN: &str = "res_pjsip_notify.c";

/// Reads the file of a configuration directory, which may be missing; what is wrong with it, line by line.
pub(super) fn read(dir: &Path) -> (Arc<NotifyConf>, Vec<String>) {
    let mut sources = Sources::new();
    let (notify, findings) = judge(&ConfigDir::new(dir), &mut sources);
    let lines = findings.iter().map(|finding| finding.text(&sources).to_string().replace('\n', ";"));
    (Arc::new(notify), lines.collect())
}

/// What the file says, and what is wrong with it.
pub(super) fn judge(files: &dyn Files, sources: &mut Sources) -> (NotifyConf, Vec<Finding>) {
    let mut findings = Vec::new();
    let tree = conf::read_optional(files, "pjsip_notify.conf", sources, &mut findings);
    let notify = tree.map(|tree| NotifyConf::of(&tree, &mut findings)).unwrap_or_default();
    (notify, findings)
}

impl Server {
    /// `module reload res_pjsip_notify.so`.
    pub(super) async fn reload_notify(&self, said: &str) -> Reply {
        let dir = self.layout.config_dir.clone();
        let Ok((notify, lines)) = tokio::task::spawn_blocking(move || read(&dir)).await else {
            return Reply::Refused(
                "pjsip_notify.conf could not be read: this is a fault of the program.".into(),
            );
        };
        let mut text = said.to_owned();
        for line in lines {
            self.say(Level::Warning, ORIGIN, &line);
            text.push_str(&format!("\n{line}"));
        }
        self.order(Order::Notify(notify)).await;
        Reply::Done(text)
    }
}
