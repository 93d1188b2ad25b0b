//! One Rust file as the rules see it: its words, its functions, and which part of it is shipped.

use std::ops::Range;

use super::lexer::{is_word, mask};

/// A Rust file. All copies of the text have the same lines.
#[derive(Debug)]
pub(crate) struct Source {
    /// Relative to the root of the repository, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
    /// The text without comments and literals.
    pub(crate) code: String,
    /// The code without what is only compiled for tests.
    pub(crate) shipped: String,
    pub(crate) comments: String,
    /// The lines of each `#[cfg(test)] mod … { … }`.
    pub(crate) test_modules: Vec<Range<usize>>,
    pub(crate) functions: Vec<Function>,
}

/// A function with a body.
#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) name: String,
    /// Counted from 1.
    pub(crate) line: usize,
    /// From the line of `fn` to the line of the closing brace.
    pub(crate) lines: usize,
}

impl Source {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        let masked = mask(text);
        let parts = test_parts(&masked.code);
        let is_inline_module = |part: &&Range<usize>| {
            let item = &masked.code[(*part).clone()];
            let head = item.split('{').next().unwrap_or_default();
            item.ends_with('}') && words(head).any(|(_, word)| word == "mod")
        };
        let test_modules = parts
            .iter()
            .filter(is_inline_module)
            .map(|part| line_of(&masked.code, part.start)..line_of(&masked.code, part.end) + 1)
            .collect();
        let shipped =
            if is_test_file(path) { blank(&masked.code) } else { without(&masked.code, &parts) };
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
            functions: functions(&masked.code),
            shipped,
            code: masked.code,
            comments: masked.comments,
            test_modules,
        }
    }

    /// Lines of the file without its test modules.
    pub(crate) fn lines(&self) -> usize {
        self.text.lines().count() - self.test_lines()
    }

    pub(crate) fn test_lines(&self) -> usize {
        self.test_modules.iter().map(ExactSizeIterator::len).sum()
    }

    /// The modules that this file declares for tests only, in files of their own.
    pub(crate) fn outer_test_modules(&self) -> impl Iterator<Item = &str> {
        test_parts(&self.code).into_iter().filter_map(|part| {
            let declared = self.code[part].trim_end().strip_suffix(';')?;
            let (head, name) = declared.rsplit_once(' ')?;
            head.ends_with("mod").then_some(name)
        })
    }

    /// Takes the whole file as test code.
    pub(crate) fn ship_nothing(&mut self) {
        self.shipped = blank(&self.code);
    }
}

/// The identifiers of some code, each with where it starts.
pub(crate) fn words(code: &str) -> impl Iterator<Item = (usize, &str)> {
    code.split(|letter| !is_word(letter))
        .filter(|word| !word.is_empty())
        .map(move |word| (word.as_ptr() as usize - code.as_ptr() as usize, word))
}

/// The line, counted from 1, of a byte offset.
pub(crate) fn line_of(code: &str, offset: usize) -> usize {
    code[..offset].matches('\n').count() + 1
}

/// Where the bracket that opens at `open` is closed; the end of the code when it never is.
pub(crate) fn closing(code: &str, open: usize) -> usize {
    let mut depth = 0;
    for (at, letter) in code[open..].char_indices() {
        match letter {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return open + at;
        }
    }
    code.len() - 1
}

/// True when nothing in the file is part of a library or a binary.
fn is_test_file(path: &str) -> bool {
    let mut folders = path.split('/');
    path.ends_with("/tests.rs")
        || folders.any(|folder| matches!(folder, "tests" | "benches" | "examples" | "fuzz"))
}

/// The byte ranges of the items under `#[cfg(test)]`, attribute included.
fn test_parts(code: &str) -> Vec<Range<usize>> {
    let mut parts: Vec<Range<usize>> = Vec::new();
    for opening in ["#[cfg(test)]", "#[cfg(all(test,"] {
        for (start, _) in code.match_indices(opening) {
            if parts.iter().all(|part| !part.contains(&start)) {
                parts.push(start..item_end(code, start));
            }
        }
    }
    parts
}

/// Where the item that starts with an attribute at `start` ends: after its `;`, `,` or `}`.
fn item_end(code: &str, start: usize) -> usize {
    let mut at = start;
    let mut angles = 0;
    while let Some(letter) = code[at..].chars().next() {
        match letter {
            '{' => return closing(code, at) + 1,
            '(' | '[' => at = closing(code, at),
            ';' => return at + 1,
            ',' if angles == 0 => return at + 1,
            '}' => return at,
            '<' => angles += 1,
            '>' if !code[..at].ends_with(['-', '=']) => angles -= 1,
            _ => {}
        }
        at += code[at..].chars().next().map_or(1, char::len_utf8);
    }
    code.len()
}

fn functions(code: &str) -> Vec<Function> {
    let mut found = Vec::new();
    for (start, _) in words(code).filter(|&(_, word)| word == "fn") {
        let after = &code[start + 2..];
        let name: String =
            after.trim_start().chars().take_while(|&letter| is_word(letter)).collect();
        if name.is_empty() {
            continue; // A function pointer type.
        }
        if let Some(open) = body(code, start) {
            let line = line_of(code, start);
            let lines = line_of(code, closing(code, open)) - line + 1;
            found.push(Function { name, line, lines });
        }
    }
    found
}

/// Where the body of the function at `start` opens; `None` for a declaration.
fn body(code: &str, start: usize) -> Option<usize> {
    let mut at = start;
    while let Some(letter) = code[at..].chars().next() {
        match letter {
            '{' if !code[..at].trim_end().ends_with('<') => return Some(at),
            '(' | '[' | '{' => at = closing(code, at),
            ';' | '}' => return None,
            _ => {}
        }
        at += code[at..].chars().next().map_or(1, char::len_utf8);
    }
    None
}

fn without(code: &str, parts: &[Range<usize>]) -> String {
    let mut kept = code.to_owned();
    for part in parts {
        let blanked = blank(&kept[part.clone()]);
        kept.replace_range(part.clone(), &blanked);
    }
    kept
}

/// As many bytes and lines, all of them empty.
fn blank(code: &str) -> String {
    code.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }).collect()
}
