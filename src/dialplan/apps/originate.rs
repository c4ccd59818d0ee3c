//! `Originate(tech/x,app|exten,a1[,a2[,a3[,timeout[,options]]]])`

use super::super::arguments::{letters, nth, split};
use super::super::expr::leading_integer;
use std::time::Duration;

/// How long it waits for the answer when nothing else is said.
const PATIENCE: Duration = Duration::from_secs(30);

/// A call that nobody made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Originate {
    /// Before the first `/`.
    pub technology: String,
    /// After it.
    pub resource: String,
    /// `app`: what the channel runs once it is answered; `None`: it goes to the extension.
    pub application: Option<String>,
    /// The application's arguments.
    pub data: String,
    /// `exten`: the context.
    pub context: String,
    /// The extension, by default `s`.
    pub exten: String,
    /// The priority, by default 1.
    pub priority: i32,
    /// How long to wait for the answer.
    pub timeout: Duration,
    /// `a`: do not wait.
    pub asynchronous: bool,
    /// `c(number)`
    pub caller_number: Option<String>,
    /// `n(name)`
    pub caller_name: Option<String>,
    /// `v(name=value^name=value)`
    pub variables: Vec<(String, String)>,
}

impl Originate {
    /// Reads the expanded arguments; the second value names what is left out.
    ///
    /// # Errors
    /// What is missing.
    pub fn parse(arguments: &str) -> Result<(Originate, Vec<String>), String> {
        let parts = split(arguments, ',', 7);
        let Some((technology, resource)) = nth(&parts, 0).split_once('/') else {
            return Err(format!("'{}' is not of the form TECHNOLOGY/resource", nth(&parts, 0)));
        };
        let mut wanted = Originate {
            technology: technology.to_owned(),
            resource: resource.to_owned(),
            timeout: PATIENCE,
            priority: 1,
            ..Originate::default()
        };
        if let Ok(secs) = nth(&parts, 5).trim().parse::<f64>()
            && let Ok(timeout) = Duration::try_from_secs_f64(secs.clamp(0.0, 1e6))
            && !timeout.is_zero()
        {
            wanted.timeout = timeout;
        }
        match nth(&parts, 1).to_ascii_lowercase().as_str() {
            "app" => {
                wanted.application = Some(nth(&parts, 2).to_owned());
                nth(&parts, 3).clone_into(&mut wanted.data);
            }
            "exten" => {
                nth(&parts, 2).clone_into(&mut wanted.context);
                let exten = nth(&parts, 3);
                wanted.exten = if exten.is_empty() { "s".to_owned() } else { exten.to_owned() };
                let priority = leading_integer(nth(&parts, 4)).and_then(|number| i32::try_from(number).ok());
                wanted.priority = priority.filter(|number| *number > 0).unwrap_or(1);
            }
            other => return Err(format!("'{other}' is neither app nor exten")),
        }
        let mut undone = Vec::new();
        for option in letters(nth(&parts, 6)).unwrap_or_else(|read| read) {
            let argument = option.argument.unwrap_or_default();
            match option.letter {
                'a' => wanted.asynchronous = true,
                'c' => wanted.caller_number = Some(argument),
                'n' => wanted.caller_name = Some(argument),
                'v' => wanted.variables.extend(argument.split('^').filter_map(|pair| {
                    let (name, value) = pair.split_once('=')?;
                    Some((name.trim().to_owned(), value.to_owned()))
                })),
                other => undone.push(format!("option {other} of Originate is not obeyed by this version")),
            }
        }
        Ok((wanted, undone))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_and_the_options_are_read() {
        let (wanted, undone) =
            Originate::parse("Local/1@in,exten,out,200,,5,ac(4930)v(a=1^b=2)B(x)").expect("read");
        assert_eq!((wanted.technology.as_str(), wanted.resource.as_str()), ("Local", "1@in"));
        assert_eq!((wanted.context.as_str(), wanted.exten.as_str(), wanted.priority), ("out", "200", 1));
        assert_eq!((wanted.timeout.as_secs(), wanted.asynchronous), (5, true));
        assert_eq!(wanted.caller_number.as_deref(), Some("4930"));
        assert_eq!(wanted.variables.len(), 2);
        assert_eq!(undone.len(), 1);
        let (wanted, _) = Originate::parse("PJSIP/1,app,Echo").expect("read");
        assert_eq!(wanted.application.as_deref(), Some("Echo"));
        assert!(Originate::parse("100,app,Echo").is_err());
        assert!(Originate::parse("PJSIP/1,what").is_err());
    }
}
