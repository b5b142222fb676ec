//! The paths in a piece of code. Tokens are read rather than the syntax tree, so that the arguments of macros count too.

use std::iter::Peekable;

use proc_macro2::{TokenStream, TokenTree, token_stream};

use crate::modules::plain;

type Tokens = Peekable<token_stream::IntoIter>;

/// Every path in `code`: `Name` as well as `crate::a::b`. What `use` statements say is left out.
pub fn paths(code: TokenStream) -> Vec<Vec<String>> {
    let mut found = vec![];
    collect(code, &mut found);
    found
}

fn collect(code: TokenStream, found: &mut Vec<Vec<String>>) {
    let mut tokens = code.into_iter().peekable();
    // The two punctuation characters just before the token.
    let mut before = (' ', ' ');
    while let Some(token) = tokens.next() {
        let punctuation = match token {
            TokenTree::Group(group) => {
                collect(group.stream(), found);
                ' '
            }
            TokenTree::Literal(literal) => {
                found.extend(path_in_attribute(&literal.to_string()));
                ' '
            }
            TokenTree::Punct(punct) => punct.as_char(),
            TokenTree::Ident(ident) if ident == "use" && !is_punct(tokens.peek(), '<') => {
                skip_statement(&mut tokens);
                ' '
            }
            TokenTree::Ident(ident) => {
                let path = rest_of_path(plain(&ident), &mut tokens);
                let is_field = before.1 == '.' && before.0 != '.';
                // After `::` it goes on with what is no path from here: `<T as Trait>::name`.
                if !is_field && before != (':', ':') && before.1 != '\'' {
                    found.push(path);
                }
                ' '
            }
        };
        before = (before.1, punctuation);
    }
}

fn rest_of_path(first: String, tokens: &mut Tokens) -> Vec<String> {
    let mut path = vec![first];
    loop {
        let mut ahead = tokens.clone();
        let colons = is_punct(ahead.next().as_ref(), ':') && is_punct(ahead.next().as_ref(), ':');
        let Some(TokenTree::Ident(ident)) = ahead.next().filter(|_| colons) else { return path };
        path.push(plain(&ident));
        *tokens = ahead;
    }
}

fn is_punct(token: Option<&TokenTree>, character: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == character)
}

fn skip_statement(tokens: &mut Tokens) {
    for token in tokens.by_ref() {
        if is_punct(Some(&token), ';') {
            return;
        }
    }
}

/// `#[serde(with = "crate::a::b")]` names a path in a string.
fn path_in_attribute(literal: &str) -> Option<Vec<String>> {
    let text = literal.strip_prefix('"')?.strip_suffix('"')?;
    let path: Vec<String> = text.split("::").map(str::to_owned).collect();
    let is_name = |part: &String| !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || c == '_');
    let is_relative = ["crate", "self", "super"].contains(&path[0].as_str());
    (path.len() > 1 && is_relative && path.iter().all(is_name)).then_some(path)
}
