//! Applications: which there are, what they take, and what running one means for the dialplan.

mod branches;
pub mod bridge;
pub mod cause;
mod channel;
pub mod dial;
mod execute;
mod flow;
mod loops;
pub mod originate;
mod sound;
mod table;

pub(super) use flow::{Flow, enter, perform, target};
pub(super) use table::TABLE;

/// One application.
#[derive(Debug)]
pub struct App {
    /// Its name as Asterisk writes it; compared without case.
    pub name: &'static str,
    /// What runs it.
    pub(super) kind: Kind,
    /// Arguments it takes at least and at most, cut at commas.
    pub arguments: (u8, u8),
    /// Which argument, from 0, holds option letters, and the letters there are.
    pub options: Option<(u8, &'static str)>,
    /// The variable that tells how it went, and its word for a failure.
    pub status: Option<(&'static str, &'static str)>,
}

impl PartialEq for App {
    fn eq(&self, other: &App) -> bool {
        self.name == other.name
    }
}

impl App {
    const fn new(name: &'static str, kind: Kind, least: u8, most: u8) -> App {
        App { name, kind, arguments: (least, most), options: None, status: None }
    }

    const fn later(name: &'static str, least: u8, most: u8) -> App {
        App::new(name, Kind::Later, least, most)
    }

    const fn options(self, argument: u8, letters: &'static str) -> App {
        App { options: Some((argument, letters)), ..self }
    }

    const fn status(self, variable: &'static str, failed: &'static str) -> App {
        App { status: Some((variable, failed)), ..self }
    }

    /// Whether it is known by name only, and done by a switch that can.
    pub fn is_later(&self) -> bool {
        matches!(self.kind, Kind::Later)
    }
}

/// What runs an application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Answer,
    Bridge,
    Busy,
    ChannelRedirect,
    ClearHash,
    Congestion,
    ContinueWhile,
    Dial,
    Echo,
    Else,
    ElseIf,
    EndIf,
    EndWhile,
    Exec,
    ExecIf,
    ExecIfTime,
    ExitIf,
    ExitWhile,
    Gosub,
    GosubIf,
    Goto,
    GotoIf,
    GotoIfTime,
    Hangup,
    If,
    ImportVar,
    Incomplete,
    Log,
    MSet,
    NoOp,
    Originate,
    Pickup,
    PickupChan,
    PjsipHangup,
    PlayTones,
    Proceeding,
    Progress,
    RaiseException,
    Return,
    Ringing,
    SendDtmf,
    Set,
    SoftHangup,
    /// Makes sound, or takes it: see [`sound`].
    Sound,
    StackPop,
    StopPlayTones,
    StreamEcho,
    Transfer,
    TryExec,
    UserEvent,
    Verbose,
    Wait,
    WaitDigit,
    WaitExten,
    WaitUntil,
    While,
    /// Handed to the switch as [`super::action::Action::Later`].
    Later,
}

/// An application by its name, whatever its case.
pub fn find(name: &str) -> Option<&'static App> {
    let key = |c: u8| c.to_ascii_lowercase();
    let at = TABLE.binary_search_by(|app| app.name.bytes().map(key).cmp(name.bytes().map(key))).ok()?;
    Some(&TABLE[at])
}

/// All applications, by name.
pub fn all() -> &'static [App] {
    TABLE
}

/// ` (nearest: Name)` when an application of nearly this name exists, else nothing.
pub fn nearest(name: &str) -> String {
    let found = crate::config::suggest::nearest(name, TABLE.iter().map(|app| app.name));
    found.map_or_else(String::new, |name| format!(" (nearest: {name})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_found_without_case() {
        let lower: Vec<String> = TABLE.iter().map(|app| app.name.to_ascii_lowercase()).collect();
        assert!(lower.windows(2).all(|pair| pair[0] < pair[1]), "{lower:?}");
        assert_eq!(find("dIaL").map(|app| app.name), Some("Dial"));
        assert!(find("Dail").is_none());
        assert_eq!(nearest("Dail"), " (nearest: Dial)");
    }
}
