//! Markdown, and its place in a document.

use std::fmt;
use std::fs;
use std::path::Path;

use crate::session::{Failure, Outcome};

/// A table.
pub struct Table {
    /// What stands before and behind it in a document: `<!-- key -->`, `<!-- /key -->`.
    pub key: &'static str,
    pub heads: Vec<String>,
    /// How many of the columns are text.
    pub words: usize,
    pub rows: Vec<Vec<String>>,
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rule = (0..self.heads.len()).map(|column| match column < self.words {
            true => "---",
            false => "---:",
        });
        writeln!(f, "| {} |", self.heads.join(" | "))?;
        writeln!(f, "|{}|", rule.collect::<Vec<_>>().join("|"))?;
        for row in &self.rows {
            writeln!(f, "| {} |", row.join(" | "))?;
        }
        Ok(())
    }
}

/// Where tables go: to the standard output, and into a document.
pub struct Report<'a> {
    pub document: Option<&'a Path>,
}

impl Report<'_> {
    pub fn text(&self, key: &str, text: &str) -> Outcome<()> {
        println!("<!-- {key} -->\n{text}<!-- /{key} -->\n");
        let Some(path) = self.document else {
            return Ok(());
        };
        let document = fs::read_to_string(path)?;
        let (begin, end) = (format!("<!-- {key} -->\n"), format!("<!-- /{key} -->"));
        let place = document.split_once(&begin).and_then(|(before, rest)| {
            let (_, after) = rest.split_once(&end)?;
            Some((before, after))
        });
        let Some((before, after)) = place else {
            let path = path.display();
            return Err(Failure(format!("{path} has no place for {key}")));
        };
        Ok(fs::write(
            path,
            format!("{before}{begin}{text}{end}{after}"),
        )?)
    }

    pub fn table(&self, table: &Table) -> Outcome<()> {
        self.text(table.key, &table.to_string())
    }
}

/// The heads of a table.
pub fn heads<'a>(heads: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    heads.into_iter().map(String::from).collect()
}

/// Whether a bound holds for what is shown, with so many digits after the point.
pub fn verdict(measured: f64, limit: Option<f64>, digits: i32) -> &'static str {
    let shown = (measured * 10_f64.powi(digits)).round() / 10_f64.powi(digits);
    match limit {
        None => "",
        Some(limit) if shown <= limit => "met",
        Some(_) => "**missed**",
    }
}

/// What was measured on.
pub fn machine() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name"));
    let model = model.map_or("unknown", |model| {
        model.trim_start_matches(['\t', ':', ' '])
    });
    let cores = cpu.lines().filter(|line| line.starts_with("processor"));
    let kernel = read("/proc/sys/kernel/osrelease");
    let kernel: String = kernel
        .chars()
        .take_while(|c| c.is_ascii_digit() || *c == '.')
        .collect();
    format!("{model}, {} cores, Linux {kernel}", cores.count())
}
