//! Tells code from words: blanks comments and the insides of literals, line for line.

/// A source text in two copies of the same line structure.
#[derive(Debug)]
pub(crate) struct Masked {
    /// The code, with comments and the insides of string and char literals blanked.
    pub(crate) code: String,
    /// The comments, with everything else blanked.
    pub(crate) comments: String,
}

pub(crate) fn mask(text: &str) -> Masked {
    let mut lexer =
        Lexer { text: text.chars().collect(), at: 0, code: String::new(), words: String::new() };
    while lexer.at < lexer.text.len() {
        lexer.step();
    }
    Masked { code: lexer.code, comments: lexer.words }
}

/// True for what may be part of an identifier.
pub(crate) fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

struct Lexer {
    text: Vec<char>,
    at: usize,
    code: String,
    words: String,
}

/// What the next letters are.
enum Kind {
    Code,
    Comment,
    Literal,
}

impl Lexer {
    fn step(&mut self) {
        match self.peek(0) {
            '/' if self.peek(1) == '/' => self.line_comment(),
            '/' if self.peek(1) == '*' => self.block_comment(),
            '"' => self.string(),
            'r' if self.raw_hashes().is_some() => self.raw_string(),
            '\'' => self.char_or_lifetime(),
            _ => self.take(1, &Kind::Code),
        }
    }

    fn line_comment(&mut self) {
        while self.at < self.text.len() && self.peek(0) != '\n' {
            self.take(1, &Kind::Comment);
        }
    }

    /// Block comments nest.
    fn block_comment(&mut self) {
        let mut depth = 0;
        while self.at < self.text.len() {
            match (self.peek(0), self.peek(1)) {
                ('/', '*') => depth += 1,
                ('*', '/') => depth -= 1,
                _ => {
                    self.take(1, &Kind::Comment);
                    continue;
                }
            }
            self.take(2, &Kind::Comment);
            if depth == 0 {
                return;
            }
        }
    }

    fn string(&mut self) {
        self.take(1, &Kind::Code);
        while self.at < self.text.len() && self.peek(0) != '"' {
            let letters = if self.peek(0) == '\\' { 2 } else { 1 };
            self.take(letters, &Kind::Literal);
        }
        self.take(1, &Kind::Code);
    }

    /// How many `#` open the raw string that starts here; `None` when none does.
    fn raw_hashes(&self) -> Option<usize> {
        let before = self.at.checked_sub(1).map_or(' ', |at| self.text[at]);
        if is_word(before) && !matches!(before, 'b' | 'c') {
            return None;
        }
        let hashes = self.text[self.at + 1..].iter().take_while(|&&letter| letter == '#').count();
        (self.peek(1 + hashes) == '"').then_some(hashes)
    }

    fn raw_string(&mut self) {
        let hashes = self.raw_hashes().expect("step looked before it came here");
        self.take(hashes + 2, &Kind::Code);
        while self.at < self.text.len() {
            if self.peek(0) == '"' && (1..=hashes).all(|ahead| self.peek(ahead) == '#') {
                self.take(1 + hashes, &Kind::Code);
                return;
            }
            self.take(1, &Kind::Literal);
        }
    }

    fn char_or_lifetime(&mut self) {
        let escaped = self.peek(1) == '\\';
        if !escaped && self.peek(2) != '\'' {
            self.take(1, &Kind::Code);
            return;
        }
        self.take(1, &Kind::Code);
        self.take(if escaped { 2 } else { 1 }, &Kind::Literal);
        while self.at < self.text.len() && self.peek(0) != '\'' {
            self.take(1, &Kind::Literal);
        }
        self.take(1, &Kind::Code);
    }

    fn peek(&self, ahead: usize) -> char {
        self.text.get(self.at + ahead).copied().unwrap_or('\0')
    }

    /// Moves over some letters, keeping them in the copy they belong to.
    fn take(&mut self, letters: usize, kind: &Kind) {
        for _ in 0..letters {
            let Some(&letter) = self.text.get(self.at) else { return };
            let blank = if letter == '\n' { '\n' } else { ' ' };
            self.code.push(if matches!(kind, Kind::Code) { letter } else { blank });
            self.words.push(if matches!(kind, Kind::Comment) { letter } else { blank });
            self.at += 1;
        }
    }
}
