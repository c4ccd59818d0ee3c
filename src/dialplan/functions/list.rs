//! Lists and tables in variables: `ARRAY HASH HASHKEYS SHIFT POP PUSH UNSHIFT SORT LISTFILTER JSON_DECODE`.

use super::super::arguments::{nth, split, split_raw};
use super::super::scope::Scope;
use super::{Answer, delimiter, named};

/// `ARRAY(a,b,…)=1,2,…`
pub(super) fn set_array(scope: &mut Scope<'_>, arguments: &str, value: &str) -> Result<(), String> {
    let names = split(arguments, ',', 100);
    let values = split(value, ',', 100);
    if names.is_empty() {
        return Err("the form is ARRAY(name,…)=value,…".into());
    }
    for (at, name) in names.iter().enumerate() {
        let value = nth(&values, at).trim().to_owned();
        scope.assign(name.trim(), &value);
    }
    Ok(())
}

/// The variable in which Asterisk keeps one entry of a hash.
fn hash_variable(table: &str, key: &str) -> String {
    format!("~HASH~{table}~{key}~")
}

/// `HASH(table,key)`; `HASH(table)` joins all values by commas.
pub(super) fn hash(scope: &mut Scope<'_>, arguments: &str) -> Answer {
    let parts = split(arguments, ',', 2);
    if parts.len() < 2 {
        let keys = keys_of(scope, nth(&parts, 0));
        let values =
            keys.iter().map(|key| scope.value(&hash_variable(nth(&parts, 0), key)).unwrap_or_default());
        return Ok(values.collect::<Vec<_>>().join(","));
    }
    Ok(scope.value(&hash_variable(&parts[0], &parts[1])).unwrap_or_default())
}

pub(super) fn set_hash(scope: &mut Scope<'_>, arguments: &str, value: &str) -> Result<(), String> {
    let parts = split(arguments, ',', 2);
    if parts.len() < 2 {
        return Err("the form is HASH(table,key)=value".into());
    }
    scope.memory.variables.set(&hash_variable(&parts[0], &parts[1]), value).map_err(|why| why.to_string())
}

/// `HASHKEYS(table)`
pub(super) fn hash_keys(scope: &mut Scope<'_>, table: &str) -> Answer {
    Ok(keys_of(scope, table).join(","))
}

/// Keys of a table, newest first.
pub(in crate::dialplan) fn keys_of(scope: &Scope<'_>, table: &str) -> Vec<String> {
    let prefix = format!("~HASH~{table}~");
    let names = scope.memory.variables.iter().map(|(name, _)| name);
    names.filter_map(|name| Some(name.strip_prefix(&prefix)?.strip_suffix('~')?.to_owned())).collect()
}

/// `SHIFT(name[,delimiter])`: takes the first item off, and gives it.
pub(super) fn shift(scope: &mut Scope<'_>, arguments: &str) -> Answer {
    take(scope, arguments, |value, delimiter| value.split_once(delimiter))
}

/// `POP(name[,delimiter])`: takes the last item off, and gives it.
pub(super) fn pop(scope: &mut Scope<'_>, arguments: &str) -> Answer {
    take(scope, arguments, |value, delimiter| value.rsplit_once(delimiter).map(|(rest, item)| (item, rest)))
}

fn take(scope: &mut Scope<'_>, arguments: &str, cut: fn(&str, char) -> Option<(&str, &str)>) -> Answer {
    let parts = split(arguments, ',', 2);
    let name = nth(&parts, 0).to_owned();
    let value = scope.value(&name).unwrap_or_default();
    let (item, rest) = cut(&value, delimiter(nth(&parts, 1), ',')).unwrap_or((&value, ""));
    scope.assign(&name, rest);
    Ok(item.to_owned())
}

/// `PUSH(name[,delimiter])=item`: adds at the end.
pub(super) fn push(scope: &mut Scope<'_>, arguments: &str, item: &str) -> Result<(), String> {
    add(scope, arguments, item, false)
}

/// `UNSHIFT(name[,delimiter])=item`: adds in front.
pub(super) fn unshift(scope: &mut Scope<'_>, arguments: &str, item: &str) -> Result<(), String> {
    add(scope, arguments, item, true)
}

fn add(scope: &mut Scope<'_>, arguments: &str, item: &str, front: bool) -> Result<(), String> {
    let parts = split(arguments, ',', 2);
    let name = nth(&parts, 0).to_owned();
    let delimiter = delimiter(nth(&parts, 1), ',');
    let value = match scope.value(&name) {
        None => item.to_owned(),
        Some(old) if old.is_empty() => item.to_owned(),
        Some(old) if front => format!("{item}{delimiter}{old}"),
        Some(old) => format!("{old}{delimiter}{item}"),
    };
    scope.assign(&name, &value);
    Ok(())
}

/// `SORT(key:number,…)`: the keys by their numbers, ascending.
pub(super) fn sort(_: &mut Scope<'_>, arguments: &str) -> Answer {
    let parts = split(arguments, ',', 1_000);
    let mut pairs = Vec::new();
    for part in &parts {
        let (key, number) =
            part.split_once(':').ok_or_else(|| format!("'{part}' is not of the form key:number"))?;
        let number: f64 = number.trim().parse().map_err(|_| format!("'{number}' is no number"))?;
        pairs.push((number, key));
    }
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
    Ok(pairs.iter().map(|(_, key)| *key).collect::<Vec<_>>().join(","))
}

/// `LISTFILTER(name,delimiter,value)`: the list without its items equal to `value`.
pub(super) fn list_filter(scope: &mut Scope<'_>, arguments: &str) -> Answer {
    let parts = split(arguments, ',', 3);
    if parts.len() < 3 {
        return Err("the form is LISTFILTER(name,delimiter,value)".into());
    }
    let value = named(scope, &parts[0]);
    let delimiter = delimiter(&parts[1], ',');
    let kept: Vec<&str> = value.split(delimiter).filter(|item| *item != parts[2]).collect();
    Ok(kept.join(&delimiter.to_string()))
}

/// `JSON_DECODE(name,item[,separator[,c]])`: one item of a JSON text; `c` gives the number of items instead.
pub(super) fn json_decode(scope: &mut Scope<'_>, arguments: &str) -> Answer {
    let parts = split_raw(arguments, ',', 4);
    if parts.len() < 2 || parts[1].is_empty() {
        return Err("the form is JSON_DECODE(variable,item[,separator[,options]])".into());
    }
    let text = named(scope, &parts[0]);
    let json: serde_json::Value =
        serde_json::from_str(&text).map_err(|why| format!("the text is no JSON: {why}"))?;
    let separator = delimiter(nth(&parts, 2), '.');
    let mut at = &json;
    for step in parts[1].split(separator) {
        let next = match at {
            serde_json::Value::Array(items) => step.parse::<usize>().ok().and_then(|n| items.get(n)),
            other => other.get(step),
        };
        at = next.ok_or_else(|| format!("there is no item '{}'", parts[1]))?;
    }
    if nth(&parts, 3).contains('c') {
        return Ok(match at {
            serde_json::Value::Array(items) => items.len(),
            serde_json::Value::Object(items) => items.len(),
            _ => 1,
        }
        .to_string());
    }
    Ok(match at {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Bool(yes) => if *yes { "1" } else { "0" }.into(),
        serde_json::Value::Null => String::new(),
        other => other.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::Bench;

    #[test]
    fn lists_lose_and_gain_items_at_both_ends() {
        let mut bench = Bench::new(&[("l", "a,b,c"), ("p", "x/y"), ("one", "z")]);
        bench.check(&[
            ("${SHIFT(l)}${l}", "ab,c"),
            ("${POP(l)}${l}", "cb"),
            ("${POP(p,/)}${p}", "yx"),
            ("${SHIFT(one)}[${one}]", "z[]"),
            ("${LISTFILTER(l,\\,,b)}", ""),
            ("${SORT(c:3,a:1,b:-2.5)}", "b,a,c"),
        ]);
        bench.scope().assign("PUSH(l)", "d");
        bench.scope().assign("UNSHIFT(l)", "a");
        bench.scope().assign("PUSH(new,|)", "1");
        bench.check(&[("${l} ${new}", "a,b,d 1")]);
    }

    #[test]
    fn arrays_and_hashes_are_variables() {
        let mut bench = Bench::new(&[]);
        bench.scope().assign("ARRAY(a,b,c)", "1,\"2,3\"");
        bench.scope().assign("HASH(h,x)", "10");
        bench.scope().assign("HASH(h,y)", "20");
        bench.check(&[
            ("${a} ${b} [${c}]", "1 2,3 []"),
            ("${HASH(h,x)} ${HASHKEYS(h)} ${HASH(h)}", "10 y,x 20,10"),
        ]);
    }

    #[test]
    fn json_items_are_found_by_their_path() {
        let json = r#"{"name":"Bob","tags":["a","b"],"geo":{"lat":1.5,"ok":true,"none":null}}"#;
        Bench::new(&[("j", json)]).check(&[
            ("${JSON_DECODE(j,name)}", "Bob"),
            ("${JSON_DECODE(j,tags.1)}", "b"),
            ("${JSON_DECODE(j,geo/lat,/)}", "1.5"),
            ("${JSON_DECODE(j,geo.ok)}[${JSON_DECODE(j,geo.none)}]", "1[]"),
            ("${JSON_DECODE(j,tags,,c)}", "2"),
        ]);
        Bench::new(&[("j", json), ("bad", "{")]).check_faulty(&[
            ("${JSON_DECODE(j,none)}", ""),
            ("${JSON_DECODE(bad,a)}", ""),
            ("${SORT(a)}", ""),
        ]);
    }
}
