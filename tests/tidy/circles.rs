//! The graph of modules that import each other, and the circles in it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::exceptions;
use super::lexer::is_word;
use super::source::{Source, line_of, words};
use super::tree::{Finding, Tree};

/// A module by its path from the crate root; the root is empty.
type Module = Vec<String>;

/// One place where shipped code of a module names another module.
#[derive(Debug)]
pub(crate) struct Import {
    pub(crate) path: String,
    pub(crate) line: usize,
    /// Never empty, and different from `to` in its first differing part.
    pub(crate) from: Module,
    pub(crate) to: Module,
}

/// Siblings at any depth never import each other in a circle; a parent and its children may.
pub(crate) fn circles(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for root in roots(tree) {
        let excused = |import: &Import| {
            exceptions::from("circles").any(|exception| import.path.starts_with(exception.path))
        };
        let mut graph: BTreeMap<Module, BTreeMap<Module, Import>> = BTreeMap::new();
        for import in imports(tree, &root).into_iter().filter(|import| !excused(import)) {
            let shared = import.from.iter().zip(&import.to).take_while(|(a, b)| a == b).count();
            let (from, to) = (import.from[..=shared].to_vec(), import.to[..=shared].to_vec());
            graph.entry(from).or_default().entry(to).or_insert(import);
        }
        let mut told = BTreeSet::new();
        for start in graph.keys() {
            let Some(circle) = shortest_circle(&graph, start) else { continue };
            if told.insert(circle.iter().cloned().collect::<BTreeSet<_>>()) {
                findings.push(describe(&graph, &circle));
            }
        }
    }
    findings
}

/// All imports between modules of the crate whose sources lie under `root`.
pub(crate) fn imports(tree: &Tree, root: &str) -> Vec<Import> {
    let sources: Vec<_> = tree.under(&[root]).collect();
    let known = Names::of(&sources, root);
    let mut found = Vec::new();
    for source in sources {
        let from = module_of(&source.path, root);
        for (at, mut named) in paths(&source.shipped, &from) {
            known.resolve(&mut named);
            // An ancestor or a descendant is not a sibling: it shares the whole shorter path.
            let parted = from.iter().zip(&named).any(|(a, b)| a != b);
            if parted {
                let line = line_of(&source.shipped, at);
                found.push(Import {
                    path: source.path.clone(),
                    line,
                    from: from.clone(),
                    to: named,
                });
            }
        }
    }
    found
}

/// The `src/` folders of the workspace.
fn roots(tree: &Tree) -> BTreeSet<String> {
    let sources = tree.sources.iter().map(|source| source.path.as_str());
    sources
        .filter_map(|path| Some(format!("{}src/", path.split_once("src/")?.0)))
        .filter(|root| root == "src/" || root.ends_with("/src/"))
        .collect()
}

fn module_of(path: &str, root: &str) -> Module {
    let inner = path.strip_prefix(root).unwrap_or(path).trim_end_matches(".rs");
    let mut parts: Module = inner.split('/').map(str::to_owned).collect();
    if matches!(parts.last().map(String::as_str), Some("mod" | "lib" | "main")) {
        parts.pop();
    }
    parts
}

/// What a crate calls its modules, and what its modules pass on from others.
struct Names {
    modules: BTreeSet<Module>,
    passed_on: BTreeMap<Module, Module>,
}

impl Names {
    fn of(sources: &[&Source], root: &str) -> Self {
        let mut names = Self { modules: BTreeSet::new(), passed_on: BTreeMap::new() };
        for source in sources {
            let module = module_of(&source.path, root);
            names.collect_passed_on(source, &module);
            names.modules.extend((1..=module.len()).map(|depth| module[..depth].to_vec()));
        }
        names
    }

    /// `pub use inner::Name` makes `this::Name` mean `this::inner::Name`.
    fn collect_passed_on(&mut self, source: &Source, module: &Module) {
        for (at, _) in words(&source.shipped).filter(|(_, word)| *word == "use") {
            let line = source.shipped[..at].rfind(['\n', ';', '}']).map_or(0, |before| before + 1);
            if !source.shipped[line..at].trim_start().starts_with("pub") {
                continue;
            }
            let mut named = Vec::new();
            branches(&source.shipped[at + 3..], &[], &mut named);
            for path in named {
                let path = absolute(path, module);
                let Some(name) = path.last() else { continue };
                let alias = [module.as_slice(), std::slice::from_ref(name)].concat();
                if alias != path {
                    self.passed_on.insert(alias, path);
                }
            }
        }
    }

    /// Cuts a path down to the module that it ends in.
    fn resolve(&self, path: &mut Module) {
        let mut depth = 0;
        let mut turns = 0;
        while depth < path.len() {
            let here = path[..=depth].to_vec();
            if self.modules.contains(&here) {
                depth += 1;
            } else if let Some(origin) = self.passed_on.get(&here).filter(|_| turns < 8) {
                path.splice(..=depth, origin.iter().cloned());
                depth = 0;
                turns += 1;
            } else {
                path.truncate(depth);
            }
        }
    }
}

/// Every path in the code that starts at the crate or above the module, each with its offset.
fn paths(code: &str, module: &Module) -> Vec<(usize, Module)> {
    let mut found = Vec::new();
    for (at, word) in words(code) {
        let continues = code[..at].trim_end().ends_with("::");
        let leads = word == "crate" || word == "super";
        if leads && !continues && code[at + word.len()..].starts_with("::") {
            let mut named = Vec::new();
            branches(&code[at..], &[], &mut named);
            found.extend(named.into_iter().map(|path| (at, absolute(path, module))));
        }
    }
    found
}

/// Unfolds `a::{b, c::D}` into `a::b` and `a::c::D`.
fn branches(code: &str, stem: &[String], found: &mut Vec<Module>) {
    let mut stem = stem.to_vec();
    let mut rest = code.trim_start();
    loop {
        let word: String = rest.chars().take_while(|&letter| is_word(letter)).collect();
        if word.is_empty() {
            break;
        }
        rest = &rest[word.len()..];
        stem.push(word);
        match rest.strip_prefix("::") {
            Some(after) => rest = after,
            None => break,
        }
    }
    let Some(group) = rest.strip_prefix('{') else {
        found.push(stem);
        return;
    };
    let mut depth = 0;
    let mut start = 0;
    for (at, letter) in group.char_indices() {
        let ends = depth == 0 && matches!(letter, ',' | '}');
        if ends && !group[start..at].trim().is_empty() {
            branches(&group[start..at], &stem, found);
        }
        match letter {
            ',' if depth == 0 => start = at + 1,
            '{' => depth += 1,
            '}' if depth == 0 => return,
            '}' => depth -= 1,
            _ => {}
        }
    }
}

/// A path as seen from the crate root, without `crate`, `self` and `super`.
fn absolute(path: Module, module: &Module) -> Module {
    let mut whole = module.clone();
    for part in path {
        match part.as_str() {
            "crate" => whole.clear(),
            "self" => {}
            "super" => {
                whole.pop();
            }
            _ => whole.push(part),
        }
    }
    whole
}

fn shortest_circle(
    graph: &BTreeMap<Module, BTreeMap<Module, Import>>,
    start: &Module,
) -> Option<Vec<Module>> {
    let mut ways = VecDeque::from([vec![start.clone()]]);
    let mut seen = BTreeSet::new();
    while let Some(way) = ways.pop_front() {
        let here = way.last().expect("a way has a start");
        for next in graph.get(here).into_iter().flat_map(BTreeMap::keys) {
            if next == start {
                return Some(way);
            }
            if seen.insert(next) {
                ways.push_back([way.as_slice(), std::slice::from_ref(next)].concat());
            }
        }
    }
    None
}

fn describe(graph: &BTreeMap<Module, BTreeMap<Module, Import>>, circle: &[Module]) -> Finding {
    let around = circle.iter().zip(circle.iter().cycle().skip(1));
    let imports: Vec<_> = around.map(|(from, to)| &graph[from][to]).collect();
    let mut names: Vec<_> = circle.iter().map(|module| module.join("::")).collect();
    names.push(names[0].clone());
    let places: Vec<_> =
        imports.iter().map(|import| format!("{}:{}", import.path, import.line)).collect();
    let message = format!(
        "a circle: {} (at {}). Move what they share into a module that both import, or make one \
         a module inside the other.",
        names.join(" → "),
        places.join(", ")
    );
    Finding::new(&imports[0].path, imports[0].line, message)
}
