// Command line options: a table of what exists, no more.

use std::str::FromStr;

use crate::error::{Res, usage};

pub struct Args {
    given: Vec<(String, String)>,
}

impl Args {
    /// `valued` options take a value, `flags` do not.
    pub fn parse(argv: &[String], valued: &[&str], flags: &[&str]) -> Res<Self> {
        let mut given = Vec::new();
        let mut rest = argv.iter();

        while let Some(arg) = rest.next() {
            let name = arg
                .strip_prefix("--")
                .ok_or_else(|| usage(format!("\"{arg}\" is not an option")))?;

            let value = if flags.contains(&name) {
                String::new()
            } else if valued.contains(&name) {
                rest.next()
                    .ok_or_else(|| usage(format!("--{name} needs a value")))?
                    .clone()
            } else {
                return Err(usage(format!("unknown option --{name}")));
            };

            given.push((name.to_string(), value));
        }

        Ok(Self { given })
    }

    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.given
            .iter()
            .filter(move |(n, _)| n == name)
            .map(|(_, v)| v.as_str())
    }

    pub fn get<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.all(name).last()
    }

    pub fn need<'a>(&'a self, name: &'a str) -> Res<&'a str> {
        self.get(name)
            .ok_or_else(|| usage(format!("--{name} is missing")))
    }

    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    pub fn number<T: FromStr>(&self, name: &str, default: T) -> Res<T> {
        match self.get(name) {
            None => Ok(default),
            Some(v) => v
                .parse()
                .map_err(|_| usage(format!("--{name}: \"{v}\" is not a number"))),
        }
    }
}
