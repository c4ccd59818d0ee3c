//! From root to a user of its own (`runuser` and `rungroup` of `asterisk.conf`, `-U` and `-G`): after the sockets are
//! bound, before the first thread is started and the first byte is read.

use nix::unistd::{self, Gid, Group, Uid, User};
use std::ffi::CString;
use std::fmt;
use std::os::unix::fs::chown;
use std::path::Path;

/// Whom to become.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunAs {
    /// `runuser`.
    pub user: Option<String>,
    /// `rungroup`; the user's own group when not set.
    pub group: Option<String>,
}

/// Why the user could not be changed. The server must not start: it would run with more rights than it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserFault(pub String);

impl fmt::Display for UserFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UserFault {}

/// A user and group that exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    name: Option<CString>,
    uid: Option<Uid>,
    gid: Option<Gid>,
}

impl RunAs {
    /// Looks both names up; numbers are taken as well.
    ///
    /// # Errors
    /// There is no such user or group.
    pub fn find(&self) -> Result<Identity, UserFault> {
        let mut identity = Identity { name: None, uid: None, gid: None };
        if let Some(name) = &self.user {
            let user = match name.parse() {
                Ok(uid) => User::from_uid(Uid::from_raw(uid)),
                Err(_) => User::from_name(name),
            };
            let user = user
                .map_err(|errno| UserFault(format!("runuser={name}: {errno}")))?
                .ok_or_else(|| UserFault(format!("runuser={name}: there is no such user")))?;
            identity.uid = Some(user.uid);
            identity.gid = Some(user.gid);
            identity.name = CString::new(user.name).ok();
        }
        if let Some(name) = &self.group {
            let group = match name.parse() {
                Ok(gid) => Group::from_gid(Gid::from_raw(gid)),
                Err(_) => Group::from_name(name),
            };
            let group = group
                .map_err(|errno| UserFault(format!("rungroup={name}: {errno}")))?
                .ok_or_else(|| UserFault(format!("rungroup={name}: there is no such group")))?;
            identity.gid = Some(group.gid);
        }
        Ok(identity)
    }
}

impl Identity {
    /// Whether there is anything to change: somebody was named, and we are not that one already.
    fn differs(&self) -> bool {
        self.uid.is_some_and(|uid| uid != Uid::effective())
            || self.gid.is_some_and(|gid| gid != Gid::effective())
    }

    /// Gives a directory we made, or a file in it, to the user.
    ///
    /// # Errors
    /// The system refuses.
    pub fn own(&self, path: &Path) -> Result<(), UserFault> {
        if !self.differs() {
            return Ok(());
        }
        chown(path, self.uid.map(Uid::as_raw), self.gid.map(Gid::as_raw))
            .map_err(|error| UserFault(format!("{}: {error}", path.display())))
    }

    /// Becomes the user, for good.
    ///
    /// # Errors
    /// We are not root, or the system refuses; then nothing more may be done.
    pub fn become_it(&self) -> Result<(), UserFault> {
        if !self.differs() {
            return Ok(());
        }
        let refused = |what: &'static str| move |errno: nix::Error| UserFault(format!("{what}: {errno}"));
        if !Uid::effective().is_root() {
            return Err(UserFault(format!(
                "runuser or rungroup names somebody else, but only root can change users; this is user {}",
                Uid::effective()
            )));
        }
        if let Some(gid) = self.gid {
            match &self.name {
                Some(name) => unistd::initgroups(name, gid).map_err(refused("initgroups"))?,
                None => unistd::setgroups(&[gid]).map_err(refused("setgroups"))?,
            }
            unistd::setresgid(gid, gid, gid).map_err(refused("setresgid"))?;
        }
        if let Some(uid) = self.uid {
            unistd::setresuid(uid, uid, uid).map_err(refused("setresuid"))?;
            if !uid.is_root() && unistd::setuid(Uid::from_raw(0)).is_ok() {
                return Err(UserFault("root could be regained after setresuid".to_owned()));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_are_looked_up_and_strangers_are_said() {
        let run_as = |user: &str, group: &str| {
            let some = |s: &str| (!s.is_empty()).then(|| s.to_owned());
            RunAs { user: some(user), group: some(group) }
        };
        assert_eq!(run_as("root", "").find(), run_as("0", "0").find());
        let fault = run_as("nobody-of-that-name", "").find().expect_err("a stranger").to_string();
        assert_eq!(fault, "runuser=nobody-of-that-name: there is no such user");
        assert!(run_as("", "no-such-group-here").find().is_err());
        let nobody = run_as("", "").find().expect("nothing asked");
        assert!(!nobody.differs());
        assert_eq!(nobody.become_it(), Ok(()));
    }

    #[test]
    fn becoming_what_we_are_already_needs_no_rights() {
        let me =
            RunAs { user: Some(Uid::effective().to_string()), group: Some(Gid::effective().to_string()) };
        // In a container our number may have no name.
        if let Ok(identity) = me.find() {
            assert_eq!(identity.become_it(), Ok(()));
        }
    }
}
