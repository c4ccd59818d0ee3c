//! The file as the committer's back end.

use super::{Journal, Target};
use crate::base::limits::STORE_GROUP;
use crate::base::time::WallTime;
use crate::registrar::binding::ContactChange;
use crate::store::committer::{Backend, Recovered, Tended};
use crate::store::fault::Fault;

impl Backend for Journal {
    fn commit(&mut self, changes: &[ContactChange], _: WallTime) -> Result<(), Fault> {
        // More than one row only after a long fault; each is durable by itself, and writing one twice does no harm.
        changes.chunks(STORE_GROUP).try_for_each(|some| self.commit_row(some))
    }

    fn tend(&mut self, _: WallTime) -> Result<Tended, Fault> {
        self.must_be_in_place()?;
        if self.fold.is_none() && self.is_long() {
            self.begin_fold()?;
        }
        Ok(Tended { more: self.fold_slice(&mut Target::OwnTable)?, ..Tended::default() })
    }

    fn recover(&mut self, fault: &Fault, now: WallTime) -> Result<Recovered, Fault> {
        self.give_up_file(fault)?;
        self.reopen(now)?;
        Ok(std::mem::take(&mut self.news))
    }
}
