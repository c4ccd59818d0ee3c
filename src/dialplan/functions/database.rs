//! `DB DB_EXISTS DB_DELETE DB_KEYS DB_KEYCOUNT`: the key store, and `DB_RESULT`, which tells what was found.

use super::super::host::Unavailable;
use super::super::scope::Scope;
use super::{Answer, told};

/// What the store has under `family/key`; `None` when nothing.
fn found(scope: &mut Scope<'_>, function: &str, key: &str) -> Result<Option<String>, String> {
    match scope.host.read(function, key) {
        Ok(value) => Ok(Some(value)),
        Err(Unavailable::Failed(_)) => Ok(None),
        Err(why) => Err(told(&why)),
    }
}

/// `DB(family/key)`: empty when there is none.
pub(super) fn value(scope: &mut Scope<'_>, key: &str) -> Answer {
    let value = found(scope, "DB", key)?;
    if let Some(value) = &value {
        scope.assign("DB_RESULT", value);
    }
    Ok(value.unwrap_or_default())
}

/// `DB(family/key)=value`
pub(super) fn put(scope: &mut Scope<'_>, key: &str, value: &str) -> Result<(), String> {
    scope.host.write("DB", key, value).map_err(|why| told(&why))
}

/// `DB_EXISTS(family/key)`
pub(super) fn exists(scope: &mut Scope<'_>, key: &str) -> Answer {
    let value = found(scope, "DB", key)?;
    let there = u8::from(value.is_some());
    scope.assign("DB_RESULT", value.as_deref().unwrap_or_default());
    Ok(there.to_string())
}

/// `DB_DELETE(family/key)`: the value it had.
pub(super) fn delete(scope: &mut Scope<'_>, key: &str) -> Answer {
    let value = found(scope, "DB_DELETE", key)?.unwrap_or_default();
    scope.assign("DB_RESULT", &value);
    Ok(value)
}

/// `Set(DB_DELETE(family/key)=)`
pub(super) fn delete_quietly(scope: &mut Scope<'_>, key: &str, _: &str) -> Result<(), String> {
    delete(scope, key).map(drop)
}

/// `DB_KEYS([prefix])`: names one level below, separated by commas.
pub(super) fn keys(scope: &mut Scope<'_>, prefix: &str) -> Answer {
    scope.host.read("DB_KEYS", prefix).map_err(|why| told(&why))
}

/// `DB_KEYCOUNT([prefix])`: how many keys there are below, at any depth.
pub(super) fn key_count(scope: &mut Scope<'_>, prefix: &str) -> Answer {
    scope.host.read("DB_KEYCOUNT", prefix).map_err(|why| told(&why))
}

#[cfg(test)]
mod tests {
    use super::super::tests::Bench;

    #[test]
    fn what_is_found_is_in_db_result() {
        let mut bench = Bench::new(&[]);
        for (call, value) in [("DB(CF/100)", "200"), ("DB_DELETE(CF/100)", "200"), ("DB_KEYS(CF)", "100,101")]
        {
            bench.host.values.insert(call.into(), value.into());
        }
        bench.check(&[
            ("${DB(CF/100)} ${DB_RESULT}", "200 200"),
            ("${DB_EXISTS(CF/100)}", "1"),
            ("${DB_DELETE(CF/100)}${DB_RESULT}", "200200"),
            ("${DB_KEYS(CF)}", "100,101"),
        ]);
        bench.scope().assign("DB(a/b)", "x, y");
        assert_eq!(bench.host.values["DB(a/b)"], "x, y");
    }
}
